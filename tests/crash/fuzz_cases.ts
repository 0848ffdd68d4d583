/** Inputs that broke a reader once, each with a line that says what it shows. */

/** An input that is tried at every run. */
export interface FuzzCase {
  /** Its target's name. */
  target: string;
  input: string | Uint8Array;
  shows: string;
}

export const FUZZ_CASES: readonly FuzzCase[] = [];
