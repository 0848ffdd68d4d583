/** The answers that doctor gives. */
import { asLedgerError } from "../base/error.ts";

/** The answer to one question. */
export interface Check {
  name: string;
  ok: boolean;
  found: string;
  /** What to do about it. */
  fix?: string;
}

/** Trouble that was met on the way to an answer is the answer. */
export function troubleMet(name: string, error: unknown): Check {
  const problem = asLedgerError(error);
  if (!problem) throw error;
  return { name, ok: false, found: problem.message, fix: problem.hint };
}
