/** The answers that doctor gives: what was found, and what to do where it is not good. */
import { asLedgerError } from "../base/error.ts";

export interface Check {
  name: string;
  ok: boolean;
  found: string;
  fix?: string;
}

export function good(name: string, found: string): Check {
  return { name, ok: true, found };
}

export function bad(name: string, found: string, fix?: string): Check {
  return { name, ok: false, found, fix };
}

/** An error that was met on the way to an answer is the answer. */
export function troubleMet(name: string, error: unknown): Check {
  const problem = asLedgerError(error);
  if (!problem) throw error;
  return bad(name, problem.message, problem.hint);
}
