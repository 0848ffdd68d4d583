/**
 * Attached files: plots, models, notebooks that a run keeps below `files/`, each with its digest in the
 * manifest. Entries that another program wrote in another form are none of ours, and are passed over.
 */
import { LedgerError, quoted } from "../../base/error.ts";
import { fileDigest } from "../../base/files/checksum.ts";
import type { Files } from "../../base/files/seam.ts";
import { FILES_FOLDER } from "./layout.ts";
import { isObject, isPathBelow, type RunManifest } from "./manifest.ts";

/** What a file is for. */
export const FILE_KINDS = ["plot", "model", "notebook", "other"] as const;
export type FileKind = (typeof FILE_KINDS)[number];

/** What a manifest says of a file, by its name below `files/`. */
export interface FileEntry {
  kind: string;
  bytes: number;
  sha256: string;
  media_type: string;
  /** Below the run's folder: where it lies for as long as it has not got its own name. */
  path?: string;
}

/** A file of a run. */
export interface AttachedFile extends FileEntry {
  name: string;
  path: string;
}

/** Where a file lies once it has its own name, below the run's folder. */
export function pathOfFile(name: string): string {
  return `${FILES_FOLDER}/${name}`;
}

/** The files that a manifest tells of. */
export function attachedFiles({ files }: Partial<RunManifest> = {}): AttachedFile[] {
  if (!isObject(files)) return [];
  return Object.entries(files).flatMap(([name, entry]) =>
    isPathBelow(name) && isEntry(entry)
      ? [{ ...entry, name, path: entry.path ?? pathOfFile(name) }]
      : []
  );
}

/** Notes a file; throws where something stands there in another form. */
export function noteFile(manifest: RunManifest, name: string, entry: FileEntry): void {
  const { files = {}, run_id } = manifest;
  if (!isObject(files) || (Object.hasOwn(files, name) && !isEntry(files[name]))) {
    throw new LedgerError({
      code: "invalid",
      message:
        `cannot attach ${quoted(name)} to run ${run_id}: its manifest has files of another ` +
        `form, ${quoted(isObject(files) ? files[name] : files)}`,
      hint: "another program wrote that: rename it in run.json, or give another name: --as NAME",
    });
  }
  manifest.files = { ...files, [name]: entry };
}

function isEntry(value: unknown): value is FileEntry {
  if (!isObject(value)) return false;
  const { kind, bytes, sha256, media_type, path } = value;
  return [kind, sha256, media_type].every((each) => typeof each === "string") &&
    Number.isSafeInteger(bytes) && (bytes as number) >= 0 &&
    (path === undefined || isPathBelow(path));
}

/** How the bytes at a path differ from what a manifest says of them; undefined where they do not. */
export function differenceOf(
  files: Files,
  path: string,
  said: { bytes?: number; sha256?: string },
  deep: boolean,
): string | undefined {
  const facts = files.facts(path);
  if (!facts) return "it is not there";
  if (!facts.is_file) return "it is not a file";
  if (said.bytes !== undefined && facts.size_bytes !== said.bytes) {
    return `it has ${facts.size_bytes} bytes, and the manifest says ${said.bytes}`;
  }
  if (!deep || said.sha256 === undefined || fileDigest(files, path) === said.sha256) return;
  return "its sha256 is not the one that the manifest says: its bytes have changed";
}
