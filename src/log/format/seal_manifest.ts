/** Seal manifest of a day, `_sealed.json`: which parts are closed for good, what is in each, its place in the chain. */
import { join } from "@std/path";
import { replaceFile } from "../../base/files/durable.ts";
import { asLedgerError, LedgerError, newerFormat } from "../../base/error.ts";
import type { Files } from "../../base/files/seam.ts";
import { uniqueName, type World } from "../../base/world.ts";
import type { Checksum } from "./checksum.ts";
import { dayFolder, parsePartName, partStem, SEALED_NAME } from "./layout.ts";

export interface LineDiagnostic {
  kind: "corrupt" | "wrong_fields" | "wrong_day";
  offset: number;
  size_bytes: number;
  reason: string;
}

export interface SealedContent {
  events: number;
  bytes: number;
  sha256: string;
  /** The earliest and the latest time of its events; null when it has none. */
  first_ms: number | null;
  last_ms: number | null;
  sealed_at_ms: number;
  notes_sha256: string;
}

/** What is noted of the lines of a sealed part, so that they need not be read again. */
export interface SealedNotes {
  /** Whole lines; some may be corrupt. */
  lines: number;
  /** Where its last line begins, and that line's hash. */
  last_line_at: number;
  last_line_hash: string;
  /** Absent when there were too many to note: then the lines are validated anew. */
  flaws?: LineDiagnostic[];
  blocks: string;
}

export interface SealedPart extends SealedContent, SealedNotes, Checksum {
  /** Of its step in the chain; absent where 0.1 sealed it. */
  format?: 2;
  /** Its place in the chain, from 1, the seal of the entry before it, and its own. */
  number: number;
  previous: string;
  seal: string;
  /** The Parquet file that holds its lines, once it is compacted. */
  compacted?: Checksum;
  /** The entries between the part sealed before it and it: a lost chain is rebuilt of all of them. */
  after?: Readonly<Record<string, unknown>>[];
}

/** The name of a sealed part's lines in its day's folder -> what is known of it. */
export type SealedParts = Record<string, SealedPart>;

interface SealedFile {
  version: unknown;
  parts: SealedParts;
}

const SEALED_VERSION = 1;

export function sealedPath(root: string, day: string): string {
  return join(dayFolder(root, day), SEALED_NAME);
}

export function readSealed(files: Files, root: string, day: string): SealedParts {
  return readSealedIn(files, dayFolder(root, day));
}

/** The same for a folder that is no longer a day's. */
export function readSealedIn(files: Files, folder: string): SealedParts {
  const path = join(folder, SEALED_NAME);
  if (!files.facts(path)) return {};
  try {
    const { version, parts } = JSON.parse(files.readText(path)) as SealedFile;
    if (typeof version === "number" && version > SEALED_VERSION) {
      throw newerFormat(path, version, SEALED_VERSION);
    }
    if (version !== SEALED_VERSION) throw new Error("it is no record of sealed parts");
    for (const [name, record] of Object.entries(parts)) {
      if (!parsePartName(name)) throw new Error(`${name} is not the name of a part`);
      const wrong = wrongFieldOf(record);
      if (wrong) throw new Error(`${wrong} of ${name} is not what it should be`);
    }
    return parts;
  } catch (cause) {
    // A day may leave the log between two looks: then there is none. A link to nowhere is still there.
    if (asLedgerError(cause)?.code === "not_found" && !files.facts(path)) return {};
    if (cause instanceof LedgerError) throw cause;
    throw new LedgerError({
      code: "damaged",
      message: `cannot read which parts are sealed: ${(cause as Error).message}`,
      where: { path },
      hint: "restore the file from a backup; without it nothing is appended to this day",
      cause,
    });
  }
}

const COUNTS = ["number", "events", "bytes", "lines", "last_line_at", "sealed_at_ms"] as const;
const TEXTS = ["previous", "seal", "notes_sha256", "last_line_hash"] as const;
const TIMES = ["first_ms", "last_ms"] as const;

export function wrongFieldOf(record: SealedPart): string | undefined {
  if (typeof record !== "object" || record === null) return "the record";
  const { flaws, compacted, format, after } = record;
  if (format !== undefined && format !== 2) return "format";
  if (after !== undefined && !Array.isArray(after)) return "after";
  return COUNTS.find((field) => !isCount(record[field])) ??
    TEXTS.find((field) => typeof record[field] !== "string") ??
    TIMES.find((field) => record[field] !== null && !isCount(record[field])) ??
    wrongInChecksum(record) ??
    (flaws === undefined || (Array.isArray(flaws) && flaws.every(isDiagnostic))
      ? undefined
      : "flaws") ??
    (compacted === undefined ? undefined : wrongInChecksum(compacted) && "compacted");
}

const KINDS: readonly unknown[] = [
  "corrupt",
  "wrong_fields",
  "wrong_day",
] satisfies LineDiagnostic["kind"][];

function isDiagnostic(flaw: Partial<LineDiagnostic> | null): boolean {
  return typeof flaw === "object" && KINDS.includes(flaw?.kind) && isCount(flaw?.offset) &&
    isCount(flaw?.size_bytes) && typeof flaw?.reason === "string";
}

function wrongInChecksum(checksum: Checksum | null): string | undefined {
  if (typeof checksum !== "object" || checksum === null) return "the proof";
  const { bytes, sha256, blocks } = checksum;
  if (!isCount(bytes)) return "bytes";
  if (typeof sha256 !== "string" || !/^[0-9a-f]{64}$/.test(sha256)) return "sha256";
  return typeof blocks === "string" && /^[A-Za-z0-9+/]*={0,2}$/.test(blocks) &&
      blocks.length % 4 === 0
    ? undefined
    : "blocks";
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Replaces the manifest of a day durably. The caller holds the chain's lock. */
export function writeSealed(world: World, root: string, day: string, parts: SealedParts): void {
  writeSealedAt(world, sealedPath(root, day), parts);
}

/** The same in a folder that is no day's yet. */
export function writeSealedAt(world: World, path: string, parts: SealedParts): void {
  const text = `${JSON.stringify({ version: SEALED_VERSION, parts }, null, 1)}\n`;
  replaceFile(world.files, path, new TextEncoder().encode(text), uniqueName(world));
}

export function sealedName(part: { number: number; writer: string }): string {
  return `${partStem(part)}.jsonl`;
}
