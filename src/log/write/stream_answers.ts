/** Answers to the lines of a stream, in the lines' order, in whatever order they are settled. */
import type { LedgerError } from "../../base/error.ts";

/** What became of a line: an event that is durable, a refusal, or, of a blank one, nothing. */
export type LineAnswer =
  | { line: number; event_id: string | null; error?: undefined }
  | { line: number; event_id?: undefined; error: LedgerError };

/** Holds each answer back until all lines before it have theirs. */
export class LineAnswers {
  /** The line whose answer is the next to tell, from 1. */
  #next = 1;
  #waiting: (LineAnswer | undefined)[] = [];

  constructor(readonly tell: (answers: LineAnswer[]) => void) {}

  /** Takes the answer to a line. */
  settle(answer: LineAnswer): void {
    const at = answer.line - this.#next;
    while (this.#waiting.length < at) this.#waiting.push(undefined);
    this.#waiting[at] = answer;
  }

  /** Tells what can be told by now. */
  flush(): void {
    const open = this.#waiting.indexOf(undefined);
    const told = this.#waiting.splice(0, open < 0 ? this.#waiting.length : open);
    this.#next += told.length;
    if (told.length > 0) this.tell(told as LineAnswer[]);
  }
}
