/** Durable steps on the seam: files and folders are whole and synced, or not there. */
import { dirname } from "@std/path";
import { asLedgerError, LedgerError } from "../error.ts";
import { fileError, noSpaceLeft, systemCode, WAITS_FOR_EVER } from "./file_error.ts";
import type { FileFacts, Files, OpenFile } from "./seam.ts";
import { read_bytes } from "../limits.ts";

/** Of a file that its owner alone reads. */
export const PRIVATE_MODE = 0o600;

/** Fills the buffer from an offset, as far as the file goes; returns what was filled. */
export function readFully(file: OpenFile, buffer: Uint8Array, offset: number): Uint8Array {
  let filled = 0;
  while (filled < buffer.length) {
    const count = file.readAt(buffer.subarray(filled), offset + filled);
    if (count === 0) break;
    filled += count;
  }
  return buffer.subarray(0, filled);
}

/** A file's bytes in blocks, from an offset on. All share one buffer: each holds until the next. */
export function* blocksOfFile(
  file: OpenFile,
  size_bytes = Infinity,
  from = 0,
): Generator<Uint8Array> {
  const buffer = new Uint8Array(Math.min(read_bytes, size_bytes));
  for (let at = 0; at < size_bytes;) {
    const wanted = Math.min(buffer.length, size_bytes - at);
    const bytes = readFully(file, buffer.subarray(0, wanted), from + at);
    if (bytes.length === 0) return;
    yield bytes;
    at += bytes.length;
  }
}

/** Refuses what blocks its reader: a pipe, or a device, in the place of a file. */
export function refuseWhatWaits(files: Files, path: string): void {
  const facts = files.facts(path);
  if (!facts || facts.is_file || facts.is_folder) return;
  throw fileError("open", path, new Error(WAITS_FOR_EVER));
}

export function openOwn(files: Files, path: string): OpenFile {
  refuseWhatWaits(files, path);
  return files.open(path, "read");
}

export function withOpenFile<Result>(
  files: Files,
  path: string,
  body: (file: OpenFile) => Result,
): Result {
  using file = openOwn(files, path);
  return body(file);
}

/** Opens a file that other processes may append to, and make, at the same time. */
export function openToAppend(files: Files, path: string): OpenFile {
  if (!files.facts(path)) {
    try {
      return files.open(path, "create");
    } catch (error) {
      if (!files.facts(path)) throw error;
    }
  }
  return files.open(path, "append");
}

/**
 * Makes a folder with all its parents. All their names are durable when it returns, also where another
 * process made them and was killed, or failed, before they were.
 */
export function makeFolderDurably(files: Files, folder: string): void {
  const missing: string[] = [];
  let there = folder;
  for (; !files.facts(there) && dirname(there) !== there; there = dirname(there)) {
    missing.push(there);
  }
  syncFolderIfAllowed(files, dirname(there));
  // From the top, one by one: so only the last that is there can be without a durable name. A folder
  // above the write scope cannot be made by itself, only on the way to one that is inside.
  const not_yet: string[] = [];
  for (const path of missing.reverse()) {
    not_yet.push(path);
    try {
      files.makeFolder(path);
    } catch (error) {
      if (path === folder || asLedgerError(error)?.code !== "outside_scope") throw error;
      continue;
    }
    for (const made of not_yet.splice(0)) files.syncFolder(dirname(made));
  }
}

/** In a folder that this program may not even read it never made anything. */
function syncFolderIfAllowed(files: Files, folder: string): void {
  try {
    files.syncFolder(folder);
  } catch (error) {
    const code = asLedgerError(error)?.code;
    if (code !== "no_permission" && code !== "outside_scope") throw error;
  }
}

/** Writes all bytes or throws; the system may take them in several goes. */
export function writeFully(file: OpenFile, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) {
    const taken = file.write(written === 0 ? bytes : bytes.subarray(written));
    if (taken === 0) throw noSpaceLeft(file.path);
    written += taken;
  }
}

/** Makes a file that has these bytes; not durable yet. */
export function writeNewFile(files: Files, path: string, bytes: Uint8Array): void {
  using file = files.open(path, "create");
  writeFully(file, bytes);
}

/** Appends to a file that may not be there yet; returns how many bytes, durable by then. */
export async function appendDurably(
  files: Files,
  path: string,
  chunks: AsyncIterable<Uint8Array>,
): Promise<number> {
  makeFolderDurably(files, dirname(path));
  const is_new = !files.facts(path);
  let bytes = 0;
  using file = openToAppend(files, path);
  for await (const chunk of chunks) {
    writeFully(file, chunk);
    bytes += chunk.length;
  }
  file.sync();
  if (is_new) files.syncFolder(dirname(path));
  return bytes;
}

/** Makes a file durable that other code has written: DuckDB, say. */
export function syncFile(files: Files, path: string): FileFacts {
  using file = files.open(path, "append");
  file.sync();
  return file.facts();
}

/** Appends a line durably. It begins on a line of its own, whatever a killed process left. */
export function appendLineDurably(files: Files, path: string, line: string): void {
  const is_new = !files.facts(path);
  using file = openToAppend(files, path);
  writeFully(file, new TextEncoder().encode(`\n${line}\n`));
  file.syncData();
  if (is_new) files.syncFolder(dirname(path));
}

/** A file that is written beside the one that it will replace. */
export interface Replacement {
  /** Under a temporary name, empty at first. */
  readonly file: OpenFile;
  /** Syncs it ahead of `putInPlace`, for a caller that holds a lock then, and should not for long. */
  settle(): void;
  /** Syncs it and gives it its final name. Its folder is synced too. */
  putInPlace(): void;
  /** The same, but throws where something has that name. */
  putInFreePlace(): void;
  /** On the way out of an error: the target stays as it was, and nothing is left beside it. */
  abandon(): void;
}

const TEMPORARY_NAME = /^(.+)\.\d+-[0-9a-f]+\.(input\.|rows\.)?tmp$/;

/** The path that a file with a temporary name is to have; undefined of another name. */
export function targetOfTemporary(path: string): string | undefined {
  return TEMPORARY_NAME.exec(path)?.[1];
}

/**
 * Begins a file that takes the place of another durably: under a temporary name, synced, renamed, its
 * folder synced. A reader sees the old content or the new one. After an error there is the old one,
 * unless it was the folder's sync that failed: then the new one is whole, and a power cut may undo it.
 */
export function beginReplacement(files: Files, path: string, unique: string): Replacement {
  const temporary = `${path}.${unique}.tmp`;
  const file = files.open(temporary, "create");
  let is_open = true;
  const close = () => {
    if (is_open) file.close();
    is_open = false;
  };
  const settle = () => {
    if (is_open) file.sync();
    close();
  };
  return {
    file,
    settle,
    putInPlace() {
      settle();
      files.rename(temporary, path);
      files.syncFolder(dirname(path));
    },
    putInFreePlace() {
      settle();
      moveToFreeName(files, temporary, path);
    },
    abandon() {
      close();
      removeQuietly(files, temporary);
    },
  };
}

/** What a file system without hard links answers, or with no more of them for this file. */
const WITHOUT_LINKS = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"]);

/**
 * Gives a file a name that nothing has, and its old one goes once the new one is durable: cut off
 * anywhere, it has one of them or both. Throws where something has that name.
 */
export function moveToFreeName(files: Files, from: string, to: string): void {
  if (!giveFreeName(files, from, to)) throw nameIsTaken(to);
  files.syncFolder(dirname(to));
  if (files.linkFacts(from)) files.remove(from);
}

/** Gives a file a name; false where something has it. Where there are no links, its old one goes. */
export function giveFreeName(files: Files, from: string, to: string): boolean {
  try {
    files.link(from, to);
    return true;
  } catch (error) {
    const code = systemCode(asLedgerError(error)?.cause);
    if (code === "EEXIST") return false;
    if (!WITHOUT_LINKS.has(code ?? "")) throw error;
  }
  if (files.linkFacts(to)) return false;
  files.rename(from, to);
  return true;
}

export function nameIsTaken(path: string): LedgerError {
  const message = `cannot write ${path}: a file has that name`;
  return new LedgerError({
    code: "invalid",
    message,
    where: { path },
    hint: "it was left as it is",
  });
}

/** Replaces a file in one go, durably; with a mode, before there is anything to read in it. */
export function replaceFile(
  files: Files,
  path: string,
  bytes: Uint8Array,
  unique: string,
  mode?: number,
): void {
  const replacement = beginReplacement(files, path, unique);
  try {
    if (mode !== undefined) files.setMode(replacement.file.path, mode);
    writeFully(replacement.file, bytes);
    replacement.putInPlace();
  } catch (error) {
    replacement.abandon();
    throw error;
  }
}

/** Cleans up on the way out of an error, which is the one to report. */
export function removeQuietly(files: Files, path: string): void {
  try {
    files.remove(path);
  } catch {
    // What could not be removed is a file with a temporary name; doctor lists those.
  }
}
