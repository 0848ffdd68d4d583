/**
 * What `_sealed.json` says of a day: which of its parts are closed for good, what stands in each, and
 * where it has its place in the chain.
 */
import { createHash } from "node:crypto";
import { join } from "@std/path";
import { replaceFile } from "../base/durable.ts";
import { LedgerError } from "../base/error.ts";
import type { Files } from "../base/files.ts";
import { uniqueName, type World } from "../base/world.ts";
import {
  dayFolder,
  parsePartName,
  type PartId,
  partLabel,
  partStem,
  SEALED_NAME,
} from "./layout.ts";

/** What a file was when it was closed. */
export interface FileProof {
  bytes: number;
  sha256: string;
  /** A few bytes of the digest of each 64 KiB, in base64: they tell where a file has changed. */
  blocks: string;
}

/** A line of a sealed part that wants attention: found when the part was sealed. */
export interface Flaw {
  kind: "corrupt" | "wrong_fields" | "wrong_day";
  offset: number;
  size_bytes: number;
  reason: string;
}

/** What a seal vouches for. */
export interface SealedContent {
  events: number;
  bytes: number;
  sha256: string;
  /** The earliest and the latest time of its events; null when it has none. */
  first_ms: number | null;
  last_ms: number | null;
}

/** A part that takes no more lines. */
export interface SealedPart extends SealedContent, FileProof {
  /** Its place in the chain, from 1. */
  number: number;
  /** The seal before it; empty for the first. */
  previous: string;
  /** A digest of all this and of the one before, so that none can change alone. */
  seal: string;
  /** Whole lines; some may be corrupt. */
  lines: number;
  /** Where its last line begins. */
  last_line_at: number;
  sealed_at_ms: number;
  /** Lines that want attention; absent when there were too many to note: then they are read anew. */
  flaws?: Flaw[];
  /** The Parquet file that holds its lines, once it is compacted. */
  compacted?: FileProof;
}

/** The name of a sealed part's lines in its day's folder -> what is known of it. */
export type SealedParts = Record<string, SealedPart>;

/** The sealed parts of a day; none when the day has no such record. */
export function readSealed(files: Files, root: string, day: string): SealedParts {
  return readSealedIn(files, dayFolder(root, day));
}

/** The same for a folder that is a day's no more. */
export function readSealedIn(files: Files, folder: string): SealedParts {
  const path = join(folder, SEALED_NAME);
  if (!files.facts(path)) return {};
  try {
    const { parts = {} } = JSON.parse(files.readText(path)) as { parts?: SealedParts };
    for (const name of Object.keys(parts)) {
      if (!parsePartName(name)) throw new Error(`${name} is not the name of a part`);
    }
    return parts;
  } catch (cause) {
    if (cause instanceof LedgerError) throw cause;
    throw new LedgerError({
      code: "damaged",
      message: `cannot read which parts are sealed: ${(cause as Error).message}`,
      where: { path },
      hint: "restore the file from a copy; without it nothing is appended to this day",
      cause,
    });
  }
}

/** Puts the record of a day in place, whole and durable. The caller holds the lock of the chain. */
export function writeSealed(world: World, root: string, day: string, parts: SealedParts): void {
  const path = join(dayFolder(root, day), SEALED_NAME);
  const text = `${JSON.stringify({ version: 1, parts }, null, 1)}\n`;
  replaceFile(world.files, path, new TextEncoder().encode(text), uniqueName(world));
}

/** What a part is called in its day's record. */
export function sealedName(part: { number: number; writer: string }): string {
  return `${partStem(part)}.jsonl`;
}

/** The digest by which a part is chained to the one that was sealed before it. */
export function sealOf(part: PartId, previous: string, content: SealedContent): string {
  const { events, bytes, sha256, first_ms, last_ms } = content;
  const facts = [previous, partLabel(part), events, bytes, sha256, first_ms, last_ms];
  return createHash("sha256").update(JSON.stringify(facts)).digest("hex");
}
