/** The file that a command was asked to write. */
import { dirname } from "@std/path";
import {
  beginReplacement,
  nameIsTaken,
  readFully,
  withOpenFile,
  writeFully,
} from "../base/files/durable.ts";
import { LedgerError } from "../base/error.ts";
import { beginsAsTar } from "../base/tar.ts";
import { uniqueName, type World } from "../base/world.ts";
import { file_kind_bytes } from "../base/limits.ts";
import type { Ledger } from "../ledger/ledger.ts";
// Not through log/mod.ts: emit loads that, and needs none of this.
import { checkMayWrite, isNamedArchive, isRecord } from "../log/format/reserved_paths.ts";
import { hinting } from "./input.ts";
import { write } from "./print.ts";

/** Where a command writes what it was asked for: whole, or not at all. */
interface CommandOutput extends Disposable {
  write(text: string): void;
  /** Puts the file in place; without it, nothing is left. */
  finish(): void;
}

/** What may give way to an output. */
interface OutputOptions {
  /** A file that is none of the ledger's, and no archive. */
  force?: boolean;
  /** One that begins like this, also without `force`: an older output of the same kind. */
  isOlder?: (beginning: string) => boolean;
}

/** A file beside what the ledger keeps, or standard output where none is named. */
export function openOutput(
  world: World,
  path: string | undefined,
  { dir, runs }: Ledger,
  options: OutputOptions = {},
): CommandOutput {
  if (path === undefined) {
    return { write: (text) => write(world.stdout, text), finish() {}, [Symbol.dispose]() {} };
  }
  const places = { dir, runs_dir: runs.dir };
  checkMayWrite(world, path, places);
  if (isNamedArchive(world, path, places)) throw isKept(path, "an archive of this ledger");
  const replaces = world.files.linkFacts(path) !== undefined;
  if (replaces) checkGivesWay(world, path, options);
  const encoder = new TextEncoder();
  const replacement = hinting(`make its folder first: mkdir -p ${dirname(path)}`, () => {
    return beginReplacement(world.files, path, uniqueName(world));
  });
  let is_done = false;
  return {
    write: (text) => writeFully(replacement.file, encoder.encode(text)),
    finish() {
      if (replaces) replacement.putInPlace();
      else replacement.putInFreePlace();
      is_done = true;
    },
    [Symbol.dispose]() {
      if (!is_done) replacement.abandon();
    },
  };
}

/** Says no where a file may not give way. */
function checkGivesWay(world: World, path: string, { force, isOlder }: OutputOptions): void {
  const { files } = world;
  const facts = files.facts(path);
  // A link that leads nowhere holds nothing.
  if (facts && !facts.is_file) throw isKept(path, facts.is_folder ? "a folder" : "no file");
  const beginning = facts
    ? withOpenFile(files, path, (file) => readFully(file, new Uint8Array(file_kind_bytes), 0))
    : new Uint8Array();
  if (beginsAsTar(beginning)) throw isKept(path, "an archive");
  if (beginsAsDatabase(beginning)) throw isKept(path, "a database");
  if (isRecord(world, path)) throw isKept(path, "a file of a ledger, or of its runs");
  if (force || isOlder?.(new TextDecoder().decode(beginning))) return;
  throw nameIsTaken(path).with({
    code: "usage",
    hint: "nothing was changed; take another name, or replace that file: --force",
  });
}

function beginsAsDatabase(beginning: Uint8Array): boolean {
  return new TextDecoder().decode(beginning.subarray(8, 12)) === "DUCK";
}

function isKept(path: string, what: string): LedgerError {
  return new LedgerError({
    code: "usage",
    message: `cannot write ${path}: it is ${what}, and never gives way`,
    where: { path },
    hint: "nothing was changed; take another name",
  });
}
