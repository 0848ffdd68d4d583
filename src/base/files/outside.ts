/**
 * The seam narrowed to untrusted files: another box's ledger, an archive, a file that a caller names.
 *
 * What another box wrote is opened without following links, has to be a regular file, and is no larger
 * than its kind may be, before a byte of it is read. What a caller names may be a link, or a pipe: that
 * is read in turn with everything else, so that a signal ends it, and never past a limit.
 */
import { join, relative } from "@std/path";
import { grown } from "../bytes.ts";
import { readFully } from "./durable.ts";
import { asLedgerError, LedgerError } from "../error.ts";
import { leadsNowhere, systemCode } from "./file_error.ts";
import type { FileFacts, Files, InputFile, OpenFile } from "./seam.ts";
import { input_piece_bytes, outside_file_bytes_max, outside_text_bytes_max } from "../limits.ts";
import { escaped, humanBytes } from "../format.ts";

/** What a path is that is no regular file. */
export function kindOf({ is_folder, is_link, is_pipe, is_device }: FileFacts): string {
  if (is_link) return "a link, and links of others are not followed";
  if (is_folder) return "a folder";
  if (is_device) return "a device";
  return is_pipe ? "a pipe" : "neither a file nor a folder";
}

function unreadable(path: string, reason: string, hint: string): LedgerError {
  const message = `cannot read ${escaped(path)}: ${reason}`;
  return new LedgerError({ code: "invalid", message, where: { path }, hint });
}

function notAFile(path: string, facts: FileFacts): LedgerError {
  return unreadable(path, `it is ${kindOf(facts)}`, "it has to be a regular file");
}

function tooLarge(path: string, size_bytes: number, bytes_max: number): LedgerError {
  const sizes = `it has ${humanBytes(size_bytes)}, and at most ${humanBytes(bytes_max)} are taken`;
  return unreadable(path, sizes, "is it the right file?");
}

/** Facts of a path that another program named, and which may be any; only a disk that fails is an error. */
export function factsIfThere(files: Files, path: string): FileFacts | undefined {
  try {
    return files.facts(path);
  } catch (error) {
    const code = systemCode(asLedgerError(error)?.cause);
    if (leadsNowhere(code) || code === "EACCES") return undefined;
    throw error;
  }
}

/** Opens a regular file that a caller names, links followed. */
export function openRegular(
  files: Files,
  path: string,
  bytes_max = outside_file_bytes_max,
): OpenFile {
  return openAsSeen(files, path, files.facts(path), bytes_max);
}

/** Looking comes first, since opening a pipe waits; and what is open then has to be what was seen. */
function openAsSeen(
  files: Files,
  path: string,
  seen: FileFacts | undefined,
  bytes_max: number,
): OpenFile {
  if (seen && !seen.is_file) throw notAFile(path, seen);
  if (seen && seen.size_bytes > bytes_max) throw tooLarge(path, seen.size_bytes, bytes_max);
  const file = files.open(path, "read");
  try {
    const { identity } = file.facts();
    if (identity !== seen?.identity) throw changedPlace(path);
    return file;
  } catch (error) {
    file.close();
    throw error;
  }
}

function changedPlace(path: string): LedgerError {
  return unreadable(path, "another file took its place as it was opened", "repeat it")
    .with({ code: "io" });
}

/** A folder that others wrote, read-only. Its own path may be a link; below it none is followed. */
export function outsideFiles(files: Files, root: string): Files {
  const checkWay = (path: string) => {
    const below = relative(root, path);
    if (below === "" || below === ".") return;
    if (below.split("/").includes("..")) throw new Error(`${path} is not below ${root}`);
    const steps = below.split("/").slice(0, -1);
    for (let at = 1; at <= steps.length; at++) {
      const folder = join(root, ...steps.slice(0, at));
      const facts = files.linkFacts(folder);
      if (facts?.is_link) throw notAFile(folder, facts);
    }
  };
  const isRoot = (path: string) => relative(root, path) === "";
  const factsOf = (path: string) => {
    checkWay(path);
    return isRoot(path) ? files.facts(path) : files.linkFacts(path);
  };
  const open = (path: string): OpenFile => {
    const file = openAsSeen(files, path, factsOf(path), outside_file_bytes_max);
    try {
      // Folders on the way may have given way to links, between looking and opening.
      if (factsOf(path)?.identity !== file.facts().identity) throw changedPlace(path);
      return file;
    } catch (error) {
      file.close();
      throw error;
    }
  };
  const readBytes = (path: string) => {
    using file = open(path);
    const { size_bytes } = file.facts();
    if (size_bytes <= outside_text_bytes_max) return readFully(file, new Uint8Array(size_bytes), 0);
    throw tooLarge(path, size_bytes, outside_text_bytes_max);
  };
  const readOnly = (): never => {
    throw new Error("what others wrote is only read");
  };
  return {
    open: (path, mode) => mode === "read" ? open(path) : readOnly(),
    openInput: readOnly,
    facts: factsOf,
    linkFacts(path) {
      checkWay(path);
      return files.linkFacts(path);
    },
    list(folder) {
      const facts = factsOf(folder);
      if (facts?.is_link) throw notAFile(folder, facts);
      return facts && files.list(folder);
    },
    readBytes,
    readText: (path) => new TextDecoder().decode(readBytes(path)),
    fileSystem: (path) => files.fileSystem(path),
    realPath: (path) => files.realPath(path),
    checkScope: readOnly,
    link: readOnly,
    makeFolder: readOnly,
    setMode: readOnly,
    syncFolder: readOnly,
    rename: readOnly,
    copy: readOnly,
    remove: readOnly,
    watch: readOnly,
  };
}

/**
 * Opens what a caller names to be read from its start to its end: a file, a pipe, a terminal. Devices
 * that never end are refused.
 */
export function openInput(files: Files, path: string): InputFile {
  const facts = files.facts(path);
  if (facts && (facts.is_folder || facts.is_endless)) {
    throw notAFile(path, facts).with({ hint: "give a file or a pipe" });
  }
  return files.openInput(path);
}

/** The bytes of an input as they come, each piece in a buffer of its own. */
export async function* piecesOf(
  input: Pick<InputFile, "read">,
  piece_bytes: number,
): AsyncGenerator<Uint8Array> {
  for (;;) {
    const buffer = new Uint8Array(piece_bytes);
    const count = await input.read(buffer);
    if (count === null) return;
    yield buffer.subarray(0, count);
  }
}

/** All bytes of an input that ends within a limit. */
export async function readWhole(
  input: Pick<InputFile, "read">,
  name: string,
  bytes_max: number,
): Promise<Uint8Array> {
  let bytes = new Uint8Array(input_piece_bytes);
  for (let filled = 0;;) {
    if (filled === bytes.length) bytes = grown(bytes, bytes.length * 2);
    const count = await input.read(bytes.subarray(filled));
    if (count === null) return bytes.subarray(0, filled);
    filled += count;
    if (filled <= bytes_max) continue;
    throw new LedgerError({
      code: "invalid",
      message: `cannot use ${escaped(name)}: it is longer than ${humanBytes(bytes_max)}`,
      where: { path: name },
      hint: "nothing was changed; is it the right file?",
    });
  }
}
