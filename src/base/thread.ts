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

/** What a thread was asked for and has not done yet. */
interface Task<Result, Heard> {
  resolve: (result: Result) => void;
  reject: (error: Error) => void;
  onWord: (word: Heard) => void;
}

/** A thread that does one thing after another, and may tell of each while it is at it. */
export class Thread<Request, Result, Heard = never, Said = never> {
  readonly #worker: Worker;
  readonly #tasks: Task<Result, Heard>[] = [];

  constructor({ name, bundled, source, seen_from }: ThreadModule) {
    const url = new URL(buildFacts().compiled ? bundled : source, seen_from);
    this.#worker = new Worker(url, { type: "module", name });
    this.#worker.onerror = (event) => {
      event.preventDefault();
      const ended = new Error(`the ${name} thread ended: ${event.message}`);
      for (const task of this.#tasks.splice(0)) task.reject(ended);
    };
    this.#worker.onmessage = ({ data }) => this.#hear(data);
  }

  /** Has it do a thing, once it has done what it was asked for before. */
  run(request: Request, onWord: (word: Heard) => void = () => {}): Promise<Result> {
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    this.#tasks.push({ resolve, reject, onWord });
    const facts = (globalThis as Record<symbol, unknown>)[Symbol.for(BAKED_FACTS_NAME)];
    this.#post({ kind: "begin", request, facts: facts as BakedFacts });
    return promise;
  }

  /** Tells it something while it is at work. */
  say(word: Said): void {
    this.#post({ kind: "word", word });
  }

  close(): void {
    this.#worker.terminate();
  }

  #hear(told: FromThread<Heard, Result>): void {
    if (told.kind === "word") return this.#tasks[0]?.onWord(told.word);
    const task = this.#tasks.shift();
    if (told.kind === "done") task?.resolve(told.result);
    else task?.reject(told.error ? new LedgerError(told.error) : new Error(told.text));
  }

  #post(message: ToThread<Request, Said>): void {
    this.#worker.postMessage(message);
  }
}
