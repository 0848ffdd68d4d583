/** Threads: this end of them. The other end, which does the work, is `thread_work.ts`. */
import { BAKED_FACTS_NAME, type BakedFacts, buildFacts } from "./build.ts";
import { type ErrorFacts, LedgerError } from "./error.ts";

/** The module that a thread runs, as two files see it: the bundle's others, and the one that asks. */
export interface ThreadModule {
  name: string;
  bundled: string;
  source: string;
  /** The `import.meta.url` of the one that asks. */
  seen_from: string;
}

/** What a thread is told: what to do, with what the build knows, or a word while it does it. */
export type ToThread<Request, Word> =
  | { kind: "begin"; request: Request; facts?: BakedFacts }
  | { kind: "word"; word: Word };

/** What a thread tells. */
export type FromThread<Word, Result> =
  | { kind: "word"; word: Word }
  | { kind: "done"; result: Result }
  /** An error of ours, as data; any other as the text it has. */
  | { kind: "failed"; error?: ErrorFacts; text: string };

/** A thread that does one thing after another, and may tell of each while it is at it. */
export class Thread<Request, Result, Heard = never, Said = never> {
  readonly #worker: Worker;
  readonly #name: string;

  constructor({ name, bundled, source, seen_from }: ThreadModule) {
    this.#name = name;
    const url = new URL(buildFacts().compiled ? bundled : source, seen_from);
    this.#worker = new Worker(url, { type: "module", name });
  }

  run(request: Request, onWord: (word: Heard) => void = () => {}): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(`the ${this.#name} thread ended: ${event.message}`));
      };
      this.#worker.onmessage = ({ data }: MessageEvent<FromThread<Heard, Result>>) => {
        if (data.kind === "word") onWord(data.word);
        else if (data.kind === "done") resolve(data.result);
        else reject(data.error ? new LedgerError(data.error) : new Error(data.text));
      };
      const facts = (globalThis as Record<symbol, unknown>)[Symbol.for(BAKED_FACTS_NAME)];
      this.#post({ kind: "begin", request, facts: facts as BakedFacts });
    });
  }

  /** Tells it something while it is at work. */
  say(word: Said): void {
    this.#post({ kind: "word", word });
  }

  close(): void {
    this.#worker.terminate();
  }

  #post(message: ToThread<Request, Said>): void {
    this.#worker.postMessage(message);
  }
}
