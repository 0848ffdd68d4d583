/**
 * Attaching a file to a run: it is copied beside its place and hashed on the way, so that the digest is
 * that of the bytes that were stored; then the manifest names it, and it gets its own name.
 */
import { createHash } from "node:crypto";
import { basename, dirname, join, relative } from "@std/path";
import { LedgerError, quoted } from "../../base/error.ts";
import { beginReplacement, makeFolderDurably, writeFully } from "../../base/files/durable.ts";
import { openInput, piecesOf } from "../../base/files/outside.ts";
import { standOf } from "../../base/files/seam.ts";
import { escaped } from "../../base/format.ts";
import { file_name_bytes_max, read_bytes } from "../../base/limits.ts";
import { uniqueName, type World } from "../../base/world.ts";
import {
  type AttachedFile,
  attachedFiles,
  differenceOf,
  type FileEntry,
  type FileKind,
  noteFile,
  pathOfFile,
} from "../manifest/attached.ts";
import { isReservedName } from "../manifest/layout.ts";
import type { ManifestFile, RunManifest } from "../manifest/manifest.ts";
import { abandonUnnamed, placeFiles } from "../manifest/waiting.ts";
import { kindOfFile, mediaTypeOf, SIGNATURE_BYTES } from "./media_type.ts";

/** Where the bytes of a file come from. */
export type FileSource = { path: string } | { stdin: true } | { bytes: Uint8Array };

/** How a file is attached. */
export interface AttachOptions {
  /** Its name below `files/`: `plots/equity.png`. Default: the last name of its path. */
  as?: string;
  /** Default: by what it holds and is called. */
  kind?: FileKind;
}

/** A file beside its place. */
interface StagedAttachment {
  name: string;
  /** With the path at which it waits. */
  entry: Required<FileEntry>;
  abandon(): void;
}

/** A file that was attached, and how long the one was whose place it took, if there was one. */
export interface NewFile extends AttachedFile {
  replaced_bytes?: number;
}

/** What attaching needs of a run. */
export interface RunToChange {
  world: World;
  folder: string;
  manifest: ManifestFile;
  refuseIfEnded(hint?: string): RunManifest;
  /** Runs while no other process changes the run. */
  change<T>(body: () => T | Promise<T>): Promise<T>;
}

/** Attaches a file. At each step the manifest names bytes that are there. */
export async function attachFile(
  run: RunToChange,
  source: FileSource,
  options: AttachOptions,
): Promise<NewFile> {
  const { world, folder, manifest: file } = run;
  const refuseIfEnded = () =>
    run.refuseIfEnded(
      `its files are final; to say something of it: ledger runs annotate ${file.run_id} --note TEXT`,
    );
  refuseIfEnded();
  const { name, entry, abandon } = await stageFile(world, folder, source, options);
  try {
    return await run.change(() => {
      const manifest = refuseIfEnded();
      const there = attachedFiles(manifest);
      refuseUnknownFile(world, folder, name, there, entry);
      placeFiles(world, manifest, file);
      noteFile(manifest, name, entry);
      file.write(manifest);
      placeFiles(world, manifest, file);
      const before = there.find((each) => each.name === name);
      const replaced = before ? { replaced_bytes: before.bytes } : {};
      return { ...entry, name, path: pathOfFile(name), ...replaced };
    });
  } catch (error) {
    abandonUnnamed(file, { path: join(folder, entry.path), abandon });
    throw error;
  }
}

/** The name of a file below `files/`; throws where it cannot be one. */
function nameOfFile(source: FileSource, as: string | undefined): string {
  const name = as ?? ("path" in source ? basename(source.path) : undefined);
  if (name === undefined) throw badName("a file without a name", "it needs one");
  const parts = name.split("/");
  const why = parts.some((part) => part === "" || part === "." || part === "..")
    ? "it has to lead to a file below files/"
    : escaped(name) !== name || name.includes("\\")
    ? "it has a character that no name here has"
    : parts.some((part) => new TextEncoder().encode(part).length > file_name_bytes_max)
    ? `a name has at most ${file_name_bytes_max} bytes`
    : parts.some(isReservedName)
    ? "names of locks and of half-written files are the program's own"
    : undefined;
  if (why !== undefined) throw badName(quoted(name), why);
  return name;
}

function badName(what: string, why: string): LedgerError {
  const message = `cannot attach ${what}: ${why}`;
  return new LedgerError({ code: "invalid", message, hint: "name it: --as plots/equity.png" });
}

/** Copies a file beside its place in a run's folder. */
async function stageFile(
  world: World,
  folder: string,
  source: FileSource,
  { as, kind }: AttachOptions,
): Promise<StagedAttachment> {
  const { files } = world;
  const name = nameOfFile(source, as);
  const target = join(folder, pathOfFile(name));
  refuseTakenPlace(world, folder, name);
  const input = inputOf(world, source);
  const replacement = (() => {
    try {
      makeFolderDurably(files, dirname(target));
      return beginReplacement(files, target, uniqueName(world));
    } catch (error) {
      input.close();
      throw error;
    }
  })();
  try {
    const hash = createHash("sha256");
    const beginning = new Uint8Array(SIGNATURE_BYTES);
    let bytes = 0;
    for await (const piece of input.pieces) {
      if (bytes < SIGNATURE_BYTES) beginning.set(piece.subarray(0, SIGNATURE_BYTES - bytes), bytes);
      hash.update(piece);
      writeFully(replacement.file, piece);
      bytes += piece.length;
    }
    input.refuseIfChanged(bytes);
    replacement.settle();
    files.syncFolder(dirname(target));
    const media_type = mediaTypeOf(name, beginning.subarray(0, bytes));
    const path = relative(folder, replacement.file.path);
    const sha256 = hash.digest("hex");
    const entry = { kind: kind ?? kindOfFile(name, media_type), bytes, sha256, media_type, path };
    return { name, entry, abandon: () => replacement.abandon() };
  } catch (error) {
    replacement.abandon();
    throw error;
  } finally {
    input.close();
  }
}

/** A file cannot stand where a folder is, nor below another file. */
function refuseTakenPlace({ files }: World, folder: string, name: string): void {
  const parts = name.split("/");
  for (let length = 1; length <= parts.length; length++) {
    const path = join(folder, pathOfFile(parts.slice(0, length).join("/")));
    const facts = files.facts(path);
    if (!facts) return;
    if (facts.is_folder === (length < parts.length)) continue;
    throw new LedgerError({
      code: "invalid",
      message: `cannot attach ${quoted(name)}: ${path} is ${
        facts.is_folder ? "a folder" : "a file"
      }`,
      where: { path },
      hint: "give it another name: --as NAME",
    });
  }
}

/** What was put there by hand, and that no manifest knows, is not replaced by other bytes. */
function refuseUnknownFile(
  { files }: World,
  folder: string,
  name: string,
  known: readonly AttachedFile[],
  { bytes, sha256 }: FileEntry,
): void {
  const path = join(folder, pathOfFile(name));
  if (!files.facts(path) || known.some((file) => file.name === name)) return;
  if (!differenceOf(files, path, { bytes, sha256 }, true)) return;
  throw new LedgerError({
    code: "invalid",
    message: `cannot attach ${quoted(name)}: a file that no manifest knows has that name`,
    where: { path },
    hint: "it was left as it is; attach that one, remove it, or give another name: --as NAME",
  });
}

interface OpenSource {
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  /** Throws where the file is not what it was when it was opened. */
  refuseIfChanged(bytes: number): void;
  close(): void;
}

function inputOf(world: World, source: FileSource): OpenSource {
  if ("bytes" in source) {
    return { pieces: [source.bytes], refuseIfChanged() {}, close() {} };
  }
  if ("stdin" in source) {
    return { pieces: piecesOf(world.stdin, read_bytes), refuseIfChanged() {}, close() {} };
  }
  const { files } = world;
  const { path } = source;
  const before = files.facts(path);
  const input = openInput(files, path);
  return {
    pieces: piecesOf(input, read_bytes),
    refuseIfChanged(bytes) {
      if (!before?.is_file) return;
      const after = files.facts(path);
      const is_same = after && standOf(after) === standOf(before) && bytes === after.size_bytes;
      if (is_same) return;
      throw new LedgerError({
        code: "io",
        message: `cannot attach ${escaped(path)}: it changed while it was read`,
        where: { path },
        hint: "nothing was stored; attach it when the program that writes it is done",
      });
    },
    close: () => input.close(),
  };
}
