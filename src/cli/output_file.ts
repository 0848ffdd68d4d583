/** The file that a command was asked to write. */
import { dirname } from "@std/path";
import { beginReplacement, writeFully } from "../base/durable.ts";
import { uniqueName, type World } from "../base/world.ts";
import type { Ledger } from "../ledger.ts";
// Not through the room's door: it is loaded by whoever emits, and this is not needed then.
import { checkIsNotOurs } from "../log/own_places.ts";
import { hinting } from "./open.ts";

/** Where a command writes what it was asked for: whole, or not at all. */
export interface CommandOutput extends Disposable {
  write(text: string): void;
  /** Puts the file in place; without it, nothing is left. */
  finish(): void;
}

/** A file beside what the ledger keeps, or standard output where none is named. */
export function openOutput(
  world: World,
  path: string | undefined,
  { dir, runs }: Ledger,
): CommandOutput {
  if (path === undefined) {
    return { write: (text) => world.stdout.write(text), finish() {}, [Symbol.dispose]() {} };
  }
  checkIsNotOurs(world, path, { dir, runs_dir: runs.dir });
  const encoder = new TextEncoder();
  const replacement = hinting(`make its folder first: mkdir -p ${dirname(path)}`, () => {
    return beginReplacement(world.files, path, uniqueName(world));
  });
  let is_done = false;
  return {
    write: (text) => writeFully(replacement.file, encoder.encode(text)),
    finish() {
      replacement.putInPlace();
      is_done = true;
    },
    [Symbol.dispose]() {
      if (!is_done) replacement.abandon();
    },
  };
}
