/**
 * Files of a run in the store: a line for each, in bundles that are segments like any other, the manifest after all
 * others. A small file stands in its line; a large one is an object of its own, which its line names.
 */
import { digestOf, textDigest } from "../../base/files/checksum.ts";
import { LedgerError, quoted } from "../../base/error.ts";
import { MemoryFile } from "../../base/files/memory_file.ts";
import { object_key_bytes_max } from "../../base/limits.ts";
import { unpackLines } from "../../log/codec/unpacking.ts";
import { idOfPath, RUN_FILES } from "../../runs/manifest/layout.ts";
import { keyWord } from "../address.ts";
import type { ObjectStore } from "../store.ts";

/** A file of a run, as a line of a bundle says it. */
export interface RunFile {
  /** `2026-01/run_id=ID`, as on the box. */
  run_path: string;
  /** Below the run's folder. */
  path: string;
  bytes: number;
  sha256: string;
  /** Its bytes in base64; of a large one the key of its object. */
  content?: string;
  object?: string;
}

/** A run as a bundle holds it, whole. */
export interface BundledRun {
  run_path: string;
  run_id: string;
  /** Its manifest, as text. */
  manifest: string;
  /** All others, by path. */
  files: Map<string, RunFile>;
}

function objectFolder(box: string): string {
  return `runs/box=${box}/`;
}

/** The key of a file of a run: each byte that not all readers decode alike is escaped. */
export function runFileKey(box: string, run_path: string, path: string): string {
  const [name, ...month] = run_path.split("/").reverse();
  const run = `run_id=${keyWord(name.slice("run_id=".length))}`;
  const folder = `${objectFolder(box)}${[...month, run].join("/")}/`;
  const key = folder + path.split("/").map(keyWord).join("/");
  return key.length <= object_key_bytes_max ? key : `${folder}=${textDigest(path)}`;
}

/** The runs of a bundle: each is whole in it. */
export function runsOfBundle(box: string, bytes: Uint8Array<ArrayBuffer>): BundledRun[] {
  const runs: BundledRun[] = [];
  let files = new Map<string, RunFile>();
  for (const line of textLines(bytes)) {
    const file = parseLine(line);
    if (file.object !== undefined && !file.object.startsWith(objectFolder(box))) {
      throw notOf("file of a run", line);
    }
    if (file.path !== RUN_FILES.manifest) {
      files.set(file.path, file);
      continue;
    }
    const { run_path } = file;
    const run_id = idOfPath(run_path);
    const is_whole = [...files.values()].every((each) => each.run_path === run_path);
    if (run_id === undefined || !is_whole || file.content === undefined) {
      throw notOf("file of a run", line);
    }
    const manifest = new TextDecoder().decode(bytesOfContent(file.content));
    runs.push({ run_path, run_id, manifest, files });
    files = new Map();
  }
  return runs;
}

/** The lines of a segment, as texts. */
export function* textLines(bytes: Uint8Array<ArrayBuffer>): Generator<string> {
  for (const block of unpackLines(new MemoryFile("bundle", bytes))) {
    yield* new TextDecoder().decode(block.bytes).split("\n").filter((line) => line !== "");
  }
}

function parseLine(line: string): RunFile {
  try {
    const file: RunFile = JSON.parse(line);
    const { run_path, path, bytes, sha256, content, object } = file;
    const are_texts = [run_path, path, sha256, content ?? object].every((each) =>
      typeof each === "string"
    );
    if (are_texts && Number.isSafeInteger(bytes)) return file;
  } catch {
    // Said below.
  }
  throw notOf("file of a run", line);
}

/** The error of a line of a bundle that is not what such lines are. */
export function notOf(kind: string, line: string): LedgerError {
  return new LedgerError({
    code: "damaged",
    message: `a line is no ${kind}: ${quoted(line.slice(0, 80))}`,
    hint: "the segment was not made by this program",
  });
}

function bytesOfContent(content: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.fromBase64(content);
  } catch {
    throw notOf("file of a run", content);
  }
}

/** The bytes of a file, proven; undefined where its object is gone, or has others. */
export async function bytesOfRunFile(
  store: ObjectStore,
  { content, object, sha256 }: RunFile,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const bytes = content === undefined ? await store.get(object!) : bytesOfContent(content);
  return bytes && digestOf([bytes]) === sha256 ? bytes : undefined;
}
