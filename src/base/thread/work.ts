/// <reference lib="deno.worker" />
/** Threads: the end that does the work, in the surroundings of the end that asks for it. */
import { BAKED_FACTS_NAME } from "../build.ts";
import { asLedgerError } from "../error.ts";
import type { Answer, FromThread, ToThread } from "./thread.ts";
import { putAnswer } from "./answer.ts";

/** Does what this thread is asked for, one thing after another; what it is told meanwhile goes to `onWord`. */
export function doWork<Request, Result, Said = never, Heard = never>(
  work: (request: Request, say: (word: Said) => void) => Result | Promise<Result>,
  onWord: (word: Heard) => void = () => {},
): void {
  const tell = (message: FromThread<Said, Result>) => self.postMessage(message);
  const doOne = async (request: Request): Promise<Answer<Result>> => {
    try {
      return { kind: "done", result: await work(request, (word) => tell({ kind: "word", word })) };
    } catch (error) {
      return { kind: "failed", error: asLedgerError(error)?.toJSON(), text: String(error) };
    }
  };
  let done = Promise.resolve();
  self.onmessage = ({ data }: MessageEvent<ToThread<Request, Heard>>) => {
    if (data.kind === "word") return onWord(data.word);
    const { number, request, facts, room } = data.task;
    Object.assign(globalThis, { [Symbol.for(BAKED_FACTS_NAME)]: facts });
    done = done.then(async () => {
      const answer = await doOne(request);
      if (!room || !putAnswer(room, answer)) tell({ kind: "answer", number, answer });
    });
  };
}
