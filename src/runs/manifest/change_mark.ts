/**
 * Change mark: a file in the folder of runs that grows by a byte before and after each change of a run. One
 * look at it shows whether a catalog may be behind, where listing thousands of folders takes a tenth of
 * a second. It is a hint and no record: what other programs change there leaves no mark, and a mark
 * that cannot be made keeps no run from being written.
 */
import { join } from "@std/path";
import { asLedgerError } from "../../base/error.ts";
import { openToAppend } from "../../base/files/durable.ts";
import { type Files, standOf } from "../../base/files/seam.ts";

const MARK = ".changes";
const MARKS_A_CHANGE = 2;

/** Runs a change of a run, between two marks: one who looks in between sees the second. */
export async function withChangeMarked<T>(
  files: Files,
  runs_dir: string,
  body: () => T | Promise<T>,
): Promise<T> {
  markComing(files, runs_dir);
  try {
    return await body();
  } finally {
    markChange(files, runs_dir);
  }
}

/** The mark before a change is durable before it: a change that outlives a power cut shows. */
export function markComing(files: Files, runs_dir: string): void {
  mark(files, runs_dir, true);
}

/** Appending is safe for any number of processes; nothing is lost where two marks become one. */
export function markChange(files: Files, runs_dir: string): void {
  mark(files, runs_dir, false);
}

function mark(files: Files, runs_dir: string, durable: boolean): void {
  const path = join(runs_dir, MARK);
  try {
    const facts = files.linkFacts(path);
    if (facts && !facts.is_file) return;
    using file = openToAppend(files, path);
    file.write(new Uint8Array([".".charCodeAt(0)]));
    if (durable) file.sync();
  } catch (error) {
    if (!asLedgerError(error)) throw error;
  }
}

/** How a mark stands. */
export interface ChangeMark {
  /** Which folder of runs it is. */
  folder: string;
  /** The same text: no run was changed by a writer of ours in between. */
  text: string;
  size_bytes: number;
}

/** How the mark of a folder of runs stands; empty where it has none. */
export function readChangeMark(files: Files, runs_dir: string): ChangeMark {
  const folder = files.facts(runs_dir)?.identity ?? "";
  const facts = files.facts(join(runs_dir, MARK));
  if (!facts) return { folder, text: "", size_bytes: 0 };
  return { folder, text: standOf(facts), size_bytes: facts.size_bytes };
}

/** How many changes lie between two marks, at most; undefined where that cannot be told. */
export function changesBetween(before: ChangeMark, now: ChangeMark): number | undefined {
  const grown_bytes = now.size_bytes - before.size_bytes;
  const identityOf = ({ text }: ChangeMark) => text.split(" ")[0];
  const is_grown = before.text === "" || identityOf(before) === identityOf(now);
  return is_grown && grown_bytes > 0 ? Math.ceil(grown_bytes / MARKS_A_CHANGE) : undefined;
}
