/** Worker threads: the end that asks, the end that does the work, and the memory that they share. */
import { BAKED_FACTS_NAME, type BakedFacts, bakedFacts, buildFacts } from "./build.ts";
import { asLedgerError, type ErrorFacts, LedgerError } from "./error.ts";
import { answer_poll_ms, thread_answer_bytes_max } from "./limits.ts";
import type { World } from "./world.ts";

/** The module that a thread runs, as the bundle and as the file that asks see it. */
interface ThreadModule {
  name: string;
  bundled: string;
  source: string;
  /** The `import.meta.url` of the one that asks. */
  seen_from: string;
}

/** A message to a thread: a task, what the build knows and where a short answer goes; or a word. */
type ToThread<Request, Word> =
  | {
    kind: "begin";
    number: number;
    request: Request;
    facts?: BakedFacts;
    room?: SharedArrayBuffer;
  }
  | { kind: "word"; word: Word };

type Answer<Result> =
  | { kind: "done"; result: Result }
  /** An error of ours, as data; any other as the text it has. */
  | { kind: "failed"; error?: ErrorFacts; text: string };

type FromThread<Word, Result> =
  | { kind: "word"; word: Word }
  | { kind: "answer"; number: number; answer: Answer<Result> };

interface Task<Result, Heard> {
  resolve: (result: Result) => void;
  reject: (error: Error) => void;
  onWord: (word: Heard) => void;
  room?: SharedArrayBuffer;
}

/** A thread that does one task after another. */
export class Thread<Request, Result, Heard = never, Said = never> {
  readonly #worker: Worker;
  /** By their numbers: what it is at is the first of them. */
  readonly #tasks = new Map<number, Task<Result, Heard>>();
  #asked = 0;
  readonly #closed = new AbortController();
  #looks = false;

  /** With `pause` it is a thread that posts nothing; `roomForAnswer` says why. */
  constructor({ name, bundled, source, seen_from }: ThreadModule, readonly pause?: World["pause"]) {
    const url = new URL(buildFacts().compiled ? bundled : source, seen_from);
    this.#worker = new Worker(url, { type: "module", name });
    this.#worker.onerror = (event) => {
      event.preventDefault();
      const ended = new Error(`the ${name} thread ended: ${event.message}`);
      for (const task of this.#tasks.values()) task.reject(ended);
      this.#tasks.clear();
    };
    this.#worker.onmessage = ({ data }) => this.#hear(data);
  }

  /** Has it do a task, once it has done those before. */
  run(request: Request, onWord: (word: Heard) => void = () => {}): Promise<Result> {
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    const number = this.#asked++;
    const room = this.pause && roomForAnswer();
    this.#tasks.set(number, { resolve, reject, onWord, room });
    this.#post({ kind: "begin", number, request, facts: bakedFacts(), room });
    if (this.pause && !this.#looks) this.#lookForAnswers(this.pause);
    return promise;
  }

  say(word: Said): void {
    this.#post({ kind: "word", word });
  }

  close(): void {
    this.#closed.abort();
    this.#worker.terminate();
  }

  /** In some versions of Deno, nothing that another thread writes would wake this one. */
  async #lookForAnswers(pause: World["pause"]): Promise<void> {
    this.#looks = true;
    while (this.#tasks.size > 0 && !this.#closed.signal.aborted) {
      for (const [number, { room }] of this.#tasks) {
        const answer = room && answerIn(room);
        if (answer) this.#end(number, answer as Answer<Result>);
      }
      await pause(answer_poll_ms, this.#closed.signal);
    }
    this.#looks = false;
  }

  #hear(told: FromThread<Heard, Result>): void {
    if (told.kind === "answer") return this.#end(told.number, told.answer);
    const [task] = this.#tasks.values();
    task?.onWord(told.word);
  }

  #end(number: number, answer: Answer<Result>): void {
    const task = this.#tasks.get(number);
    this.#tasks.delete(number);
    if (answer.kind === "done") task?.resolve(answer.result);
    else task?.reject(answer.error ? new LedgerError(answer.error) : new Error(answer.text));
  }

  #post(message: ToThread<Request, Said>): void {
    this.#worker.postMessage(message);
  }
}

/** The thread that runs this, of which the types of a window know too little. */
const own_thread = globalThis as unknown as Pick<Worker, "postMessage" | "onmessage">;

/** Does what this thread is asked for, one task after another; words meanwhile go to `onWord`. */
export function doWork<Request, Result, Said = never, Heard = never>(
  work: (request: Request, say: (word: Said) => void) => Result | Promise<Result>,
  onWord: (word: Heard) => void = () => {},
): void {
  const tell = (message: FromThread<Said, Result>) => own_thread.postMessage(message);
  const doOne = async (request: Request): Promise<Answer<Result>> => {
    try {
      return { kind: "done", result: await work(request, (word) => tell({ kind: "word", word })) };
    } catch (error) {
      return { kind: "failed", error: asLedgerError(error)?.toJSON(), text: String(error) };
    }
  };
  let done = Promise.resolve();
  own_thread.onmessage = ({ data }: MessageEvent<ToThread<Request, Heard>>) => {
    if (data.kind === "word") return onWord(data.word);
    const { number, request, facts, room } = data;
    Object.assign(globalThis, { [Symbol.for(BAKED_FACTS_NAME)]: facts });
    done = done.then(async () => {
      const answer = await doOne(request);
      if (!room || !putAnswer(room, answer)) tell({ kind: "answer", number, answer });
    });
  };
}

/*
 * The memory in which an answer goes. For every message that a thread posts, Deno detaches a buffer,
 * and from the first on all of its code that goes through bytes is a fifth slower: V8 had compiled it
 * for buffers that stay. A thread whose work is that answers here.
 */

const TEXT_AT = 4;

function roomForAnswer(): SharedArrayBuffer {
  return new SharedArrayBuffer(thread_answer_bytes_max);
}

function putAnswer(room: SharedArrayBuffer, answer: unknown): boolean {
  const text = new TextEncoder().encode(JSON.stringify(answer));
  if (TEXT_AT + text.length > room.byteLength) return false;
  new Uint8Array(room, TEXT_AT).set(text);
  Atomics.store(new Int32Array(room, 0, 1), 0, text.length);
  return true;
}

function answerIn(room: SharedArrayBuffer): unknown {
  const length = Atomics.load(new Int32Array(room, 0, 1), 0);
  if (length === 0) return undefined;
  return JSON.parse(new TextDecoder().decode(new Uint8Array(room, TEXT_AT, length).slice()));
}
