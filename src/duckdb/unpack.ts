/**
 * Verified unpacking: the native library that the executable carries goes into a folder from which the
 * system's loader can take it, and every start checks that it is still ours.
 *
 * Size, owner and mode are checked each time, the digest when unpacking (and for the doctor): it takes
 * 50 ms or more, and only the owner can change a folder of mode 0700. A wrong copy is replaced, never
 * repaired. Its folder is renamed into place once its files are durable, and one process unpacks at a
 * time, so a folder under the final name is whole. A user who may rename folders in the ledger folder
 * could still swap it between check and loading: sharing a ledger with a group is trusting that group.
 */
import { zstdDecompressSync } from "node:zlib";
import { join } from "@std/path";
import type { NativeFacts, NativeFile } from "../base/build.ts";
import { digestOf, fileDigest } from "../base/files/checksum.ts";
import { LedgerError } from "../base/error.ts";
import { readFully, withOpenFile, writeFully } from "../base/files/durable.ts";
import { takeFileLock } from "../base/files/file_lock.ts";
import type { FileFacts, Files } from "../base/files/seam.ts";
import { unpack_wait_ms } from "../base/limits.ts";

const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;
const MODE_BITS = 0o7777;
const WRITABLE_BY_OTHERS = 0o002;
const STICKY = 0o1000;

export interface UnpackRequest {
  files: Files;
  native: NativeFacts;
  /** The folder that has one folder for each user; made when it is missing. */
  store: string;
  uid: number;
  /** The file that holds what has no packed path of its own. */
  executable: string;
}

interface UnpackedLibrary {
  folder: string;
  unpacked_because?: string;
}

/** The folder of the library, which is unpacked when its copy is missing or wrong. */
export async function unpackLibrary(request: UnpackRequest): Promise<UnpackedLibrary> {
  const folder = libraryFolder(request);
  if (storeIsSafe(request) && faultOfLibrary(request) === undefined) return { folder };
  return await whileLocked(request, () => {
    // Another process may have unpacked while this one waited.
    const unpacked_because = faultOfLibrary(request);
    if (unpacked_because === undefined) return { folder };
    replaceLibrary(request);
    const fault = faultOfLibrary(request);
    if (fault === undefined) return { folder, unpacked_because };
    throw new LedgerError({
      code: "io",
      message:
        `unpacked the DuckDB library to ${folder}, but it does not stay as it has to be: ${fault}`,
      where: { path: folder },
      hint: "does this file system keep owners and modes? If not, build with --ledger DIR on one " +
        "that does",
    });
  });
}

export function libraryFolder(request: Pick<UnpackRequest, "store" | "uid" | "native">): string {
  return join(request.store, `${request.uid}-${request.native.digest}`);
}

/** Says what is wrong with the unpacked library by name, kind, owner, mode and size. */
function faultOfLibrary(request: UnpackRequest): string | undefined {
  const { files, native, uid } = request;
  const folder = libraryFolder(request);
  const facts = files.linkFacts(folder);
  if (facts === undefined) return "it is not there";
  if (!facts.is_folder) return "it is not a folder";
  const fault = faultOfOwnership(facts, uid, FOLDER_MODE);
  if (fault !== undefined) return fault;
  for (const file of native.files) {
    const fault = faultOfFile(files.linkFacts(join(folder, file.name)), file, uid);
    if (fault !== undefined) return `${file.name} in it: ${fault}`;
  }
}

/** Reads every byte of the unpacked library: the check that is too slow for each start. */
export function digestFaultOfLibrary(request: UnpackRequest): string | undefined {
  const fault = faultOfLibrary(request);
  if (fault !== undefined) return fault;
  const other = request.native.files.find(({ name, sha256 }) =>
    fileDigest(request.files, join(libraryFolder(request), name)) !== sha256
  );
  return other && `${other.name} in it: its content is not what was unpacked`;
}

function faultOfFile(facts: FileFacts | undefined, file: NativeFile, uid: number) {
  if (facts === undefined) return "it is not there";
  if (!facts.is_file) return "it is not a plain file";
  if (facts.size_bytes !== file.size_bytes) {
    return `it has ${facts.size_bytes} bytes instead of ${file.size_bytes}`;
  }
  return faultOfOwnership(facts, uid, FILE_MODE);
}

function faultOfOwnership(facts: FileFacts, uid: number, mode_wanted: number) {
  const mode = (facts.mode ?? 0) & MODE_BITS;
  if (facts.uid !== uid) return `it belongs to user ${facts.uid} instead of ${uid}`;
  return mode === mode_wanted
    ? undefined
    : `its mode is ${mode.toString(8)} instead of ${mode_wanted.toString(8)}`;
}

/** In a store that every user may write, any user could put another folder under our name. */
function storeIsSafe({ files, store }: UnpackRequest): boolean {
  const facts = files.linkFacts(store);
  const mode = facts?.mode ?? 0;
  return !!facts?.is_folder && ((mode & WRITABLE_BY_OTHERS) === 0 || (mode & STICKY) !== 0);
}

/** Nothing is removed here: no lock is held yet, and another process may be doing the same. */
function makeStoreSafe(request: UnpackRequest): void {
  const { files, store } = request;
  if (files.linkFacts(store) === undefined) files.makeFolder(store);
  if (storeIsSafe(request)) return;
  const facts = files.linkFacts(store);
  if (!facts?.is_folder) {
    throw new LedgerError({
      code: "io",
      message: `cannot unpack the DuckDB library to ${store}: it is a link or a file`,
      where: { path: store },
      hint: "remove it; a folder of that name is then made for the library",
    });
  }
  files.setMode(store, (facts.mode ?? 0) & MODE_BITS & ~WRITABLE_BY_OTHERS);
}

async function whileLocked<T>(request: UnpackRequest, work: () => T): Promise<T> {
  const { files, store, uid } = request;
  try {
    makeStoreSafe(request);
    // One lock per user: what another user left here is not ours to open for writing.
    const path = join(store, `${uid}.lock`);
    using lock = await takeFileLock(files, path, unpack_wait_ms);
    if (lock) return work();
    throw new LedgerError({
      code: "busy",
      message: `another process has been unpacking the DuckDB library for ${unpack_wait_ms} ms`,
      where: { path },
      hint: "try again; if it stays so, look for a stopped process that holds this lock",
    });
  } catch (error) {
    throw cannotUnpack(store, error);
  }
}

/** Builds the folder beside its place and moves it there. Only while the lock is held. */
function replaceLibrary(request: UnpackRequest): void {
  const { files, native, store } = request;
  const folder = libraryFolder(request);
  const building = `${folder}.unpacking`;
  removeWhole(request, building);
  files.makeFolder(building, FOLDER_MODE);
  // The umask has had its say; ours is the last.
  files.setMode(building, FOLDER_MODE);
  try {
    for (const file of native.files) unpackFile(request, file, join(building, file.name));
    files.syncFolder(building);
    removeWhole(request, folder);
    files.rename(building, folder);
  } catch (error) {
    try {
      removeWhole(request, building);
    } catch {
      // The first error says more; the next unpacking clears this away.
    }
    throw error;
  }
  files.syncFolder(store);
}

function unpackFile(request: UnpackRequest, file: NativeFile, path: string): void {
  const { files } = request;
  const content = unpackedContent(files, file, file.packed.path ?? request.executable);
  using target = files.open(path, "create");
  files.setMode(path, FILE_MODE);
  writeFully(target, content);
  // Without this, a power cut after the rename could leave the right size and no content.
  target.sync();
}

/**
 * The whole content at once: 200 MB of memory for a fifth of a second, once. Deno's decompressing
 * stream takes less, but throws some of its errors where no caller can catch them.
 */
function unpackedContent(files: Files, file: NativeFile, from: string): Uint8Array {
  const { packed: { size_bytes, offset_bytes }, sha256, name } = file;
  const packed = withOpenFile(
    files,
    from,
    (source) => readFully(source, new Uint8Array(size_bytes), offset_bytes),
  );
  if (packed.length < size_bytes) throw damagedExecutable(from, "it ends too early");
  let content: Uint8Array;
  try {
    content = zstdDecompressSync(packed, { maxOutputLength: file.size_bytes });
  } catch (error) {
    throw damagedExecutable(from, (error as Error).message);
  }
  if (digestOf([content]) === sha256) return content;
  throw damagedExecutable(from, `${name} does not have the digest it was built with`);
}

function removeWhole({ files, uid }: UnpackRequest, path: string): void {
  const facts = files.linkFacts(path);
  if (facts === undefined) return;
  // A folder of ours without its own permissions could not be emptied.
  if (facts.is_folder && facts.uid === uid) files.setMode(path, FOLDER_MODE);
  files.remove(path);
}

function damagedExecutable(path: string, reason: string): LedgerError {
  return new LedgerError({
    code: "damaged",
    message: `cannot unpack the DuckDB library from ${path}: ${reason}`,
    where: { path },
    hint: "if the executable was replaced just now, start again; otherwise copy it here anew",
  });
}

function cannotUnpack(store: string, error: unknown): unknown {
  if (!(error instanceof LedgerError)) return error;
  if (error.code !== "no_permission" && error.code !== "outside_scope") return error;
  return error.with({
    message: `cannot unpack the DuckDB library to ${store}: ${error.message}`,
    hint: `DuckDB's library (70 MB, once per user) has to stand there: start in a folder where ` +
      `you may write, or build with --ledger DIR`,
  });
}
