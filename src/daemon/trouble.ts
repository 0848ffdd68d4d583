/** Trouble that the daemon meets again and again: the same is not worth another line. */
import { asLedgerError, type LedgerError } from "../base/error.ts";

/** What went wrong the last time that something was tried. */
export class RepeatedTrouble {
  #message?: string;

  /** Why it failed the last time; undefined when it did not. */
  get message(): string | undefined {
    return this.#message;
  }

  /** It failed, and that is told unless it was told already. What is no error of the world is thrown on. */
  met(thrown: unknown, tell: (error: LedgerError) => void): void {
    const error = asLedgerError(thrown);
    if (!error) throw thrown;
    if (error.message !== this.#message) tell(error);
    this.#message = error.message;
  }

  /** It went well: whatever comes next is news. */
  end(): void {
    this.#message = undefined;
  }
}
