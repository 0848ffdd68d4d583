/**
 * Hash chain: every part that was ever sealed, every time some were taken out or came back, and every
 * registry that counted, in that order, each step bound to the one before by its digest.
 * `events/_chain.jsonl` is appended to, a line a step, and outlives the parts it names: what was archived
 * is told from what was lost.
 *
 * Steps of format 2 say so, and their digest covers every field. A kind that this version does not know
 * is proven by its digest like any other. Steps without a format were written by 0.1 (`seal_digest.ts`).
 */
import { join } from "@std/path";
import {
  makeFolderDurably,
  readFully,
  replaceFile,
  withOpenFile,
  writeFully,
} from "../../base/files/durable.ts";
import { LedgerError } from "../../base/error.ts";
import { seal_lock_wait_ms } from "../../base/limits.ts";
import type { Files } from "../../base/files/seam.ts";
import { takeSignedLock } from "../../base/files/file_lock.ts";
import { uniqueName, type World } from "../../base/world.ts";
import { isDay, ledgerPaths, parsePartLabel, parsePartName } from "./layout.ts";
import type { SealedContent, SealedPart } from "./seal_manifest.ts";

/** The format of every step that is added. */
export const CHAIN_FORMAT = 2;

/** A step's place, from 1, the seal of the step before it, empty for the first, and its own. */
export interface Link {
  /** Absent in steps that 0.1 wrote. */
  format?: typeof CHAIN_FORMAT;
  number: number;
  previous: string;
  seal: string;
}

/** A part was sealed. */
export interface SealedEntry extends SealedContent, Link {
  kind: "sealed";
  /** `day=2026-01-23/part-000001.jsonl` */
  part: string;
}

/** Sealed parts of a day were taken out of the log: all that it had then. */
export interface TakenOut {
  kind: "taken_out";
  day: string;
  /** `part-000001.jsonl` */
  parts: string[];
  at_ms: number;
  /** Where it went; absent when it was deleted. */
  archive?: string;
  /** Whether indexes should drop its rows too. */
  forget: boolean;
}

/** Parts of a day came back from their archive. */
export interface Returned {
  kind: "returned";
  day: string;
  parts: string[];
  at_ms: number;
}

/** From here on, these bytes are the registry. */
export interface RegistryBound {
  kind: "registry";
  registry_version: number;
  bytes: number;
  sha256: string;
  at_ms: number;
  /** The caller took a registry as it stood, after it was changed by other hands than ours. */
  accepted?: true;
}

/** A step of a kind that this version does not know, as it stands in its line. */
interface OtherEntry extends Link {
  kind: "other";
  entry: Readonly<Record<string, unknown>>;
}

export type TakenOutEntry = TakenOut & Link;
export type RegistryEntry = RegistryBound & Link;

/** What is added to the chain, beside sealed parts: those have their link in their record already. */
export type NewEntry = TakenOut | Returned | RegistryBound;

/** A line of the chain. */
export type ChainEntry =
  | SealedEntry
  | TakenOutEntry
  | (Returned & Link)
  | RegistryEntry
  | OtherEntry;

/** Kinds that later versions of format 2 write. */
export const RESERVED_KINDS: readonly string[] = ["counts", "signature"];

/** A line that is none. */
interface ChainDamage {
  offset: number;
  reason: string;
}

/** The chain as it stands. */
export interface Chain {
  entries: ChainEntry[];
  /** Those of them by which parts were sealed. */
  seals: SealedEntry[];
  /** The parts that are not in the log any more, by their label, and how each went last. */
  away: Map<string, TakenOutEntry>;
  damage: ChainDamage[];
  /** Where its last whole line ends, and the file. */
  end: number;
  size_bytes: number;
}

const CHAIN_NAME = "_chain.jsonl";
const CHAIN_LOCK_NAME = ".chain.lock";
const NEWLINE = 10;

/** Where the chain stands. */
export function chainPath(root: string): string {
  return join(ledgerPaths(root).events, CHAIN_NAME);
}

/** The lock of whoever seals, compacts, restores or archives. */
export function chainLockPath(root: string): string {
  return join(ledgerPaths(root).events, CHAIN_LOCK_NAME);
}

/** Reads the chain; an empty one where nothing was ever sealed. */
export function readChain(world: World, root: string): Chain {
  const path = chainPath(root);
  const chain: Chain = {
    entries: [],
    seals: [],
    away: new Map(),
    damage: [],
    end: 0,
    size_bytes: 0,
  };
  if (!world.files.facts(path)) return chain;
  const bytes = withOpenFile(world.files, path, (file) => {
    return readFully(file, new Uint8Array(file.facts().size_bytes), 0);
  });
  chain.size_bytes = bytes.length;
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf(NEWLINE, at);
    if (end < 0) break;
    const line = bytes.subarray(at, end);
    // After a power cut a line that was not synced may have its length and not all of its bytes.
    if (end + 1 === bytes.length && line.includes(0)) break;
    const step = parseStep(new TextDecoder().decode(line));
    if (step) addEntry(chain, step);
    else chain.damage.push({ offset: at, reason: "a line that is no step of the chain" });
    chain.end = at = end + 1;
  }
  return chain;
}

/** Adds a step to what is known of the chain. */
export function addEntry(chain: Chain, step: ChainEntry): void {
  chain.entries.push(step);
  if (step.kind === "sealed") return void chain.seals.push(step);
  if (step.kind === "registry" || step.kind === "other") return;
  for (const name of step.parts) {
    const label = `day=${step.day}/${name}`;
    if (step.kind === "taken_out") chain.away.set(label, step);
    else chain.away.delete(label);
  }
}

/** What the next step is bound to. */
export function endOfChain({ entries }: Chain): { number: number; seal: string } {
  return entries.at(-1) ?? { number: 0, seal: "" };
}

function parseStep(line: string): ChainEntry | undefined {
  try {
    return parseEntry(JSON.parse(line));
  } catch {
    // The caller reports it with its place.
    return undefined;
  }
}

/** A value that has to be a text; no name is empty. */
function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** What a line of the chain is written from. */
export function fieldsOfEntry(step: ChainEntry): Readonly<Record<string, unknown>> {
  return step.kind === "other" ? step.entry : { ...step };
}

/** The step that an entry is; undefined when it is none. */
export function parseEntry(entry: unknown): ChainEntry | undefined {
  const step = entry as Partial<ChainEntry> | null;
  if (typeof step?.seal !== "string" || !Number.isSafeInteger(step.number)) return undefined;
  if (step.format !== undefined && step.format !== CHAIN_FORMAT) return undefined;
  switch (step.kind) {
    case "sealed":
      return parsePartLabel(textOf(step.part)) ? step as SealedEntry : undefined;
    case "taken_out":
    case "returned":
      return isDay(textOf(step.day)) && Array.isArray(step.parts) &&
          step.parts.every((name) => parsePartName(textOf(name)))
        ? step as ChainEntry
        : undefined;
    case "registry":
      return step.format && typeof step.sha256 === "string" ? step as RegistryEntry : undefined;
  }
  const { kind, format, number, previous, seal } = step as { kind: unknown } & Link;
  if (!format || typeof kind !== "string") return undefined;
  const fields = entry as Record<string, unknown>;
  return { kind: "other", entry: fields, format, number, previous, seal };
}

/** The parts that are not in the log any more; see `Chain`. */
export function partsAway(world: World, root: string): Chain["away"] {
  return readChain(world, root).away;
}

/**
 * The highest number that a part of this day was ever sealed under; 0 when none was. A day may have
 * been taken out, and an event of it come later: no number is given twice. For writers, who open a new
 * part now and then: nothing is parsed that is not of this day.
 */
export function highestSealedNumber(files: Files, root: string, day: string): number {
  const path = chainPath(root);
  if (!files.facts(path)) return 0;
  const text = files.readText(path);
  const before_name = `"part":"day=${day}/`;
  let highest = 0;
  for (let at = text.indexOf(before_name); at >= 0; at = text.indexOf(before_name, at + 1)) {
    const name_at = at + before_name.length;
    const name = parsePartName(text.slice(name_at, text.indexOf('"', name_at)));
    highest = Math.max(highest, name?.number ?? 0);
  }
  return highest;
}

/**
 * Holds the lock of whoever changes what is sealed: one process at a time seals, compacts, restores,
 * archives. Writers and readers never wait for it.
 */
export async function withChainLock<Result>(
  world: World,
  root: string,
  body: () => Promise<Result>,
  wait_ms = seal_lock_wait_ms,
): Promise<Result> {
  const path = chainLockPath(root);
  const taken = await takeSignedLock(world, path, wait_ms);
  if ("holder" in taken) {
    throw new LedgerError({
      code: "busy",
      message: `cannot change what is sealed: ${taken.holder} is at it`,
      where: { path },
      hint: "nothing was changed; try again when it is done",
    });
  }
  try {
    return await body();
  } finally {
    taken.lock.close();
  }
}

/** Adds steps, durably. The caller holds the lock. */
export function appendEntries(world: World, root: string, steps: readonly ChainEntry[]): void {
  if (steps.length === 0) return;
  const path = chainPath(root);
  const bytes = new TextEncoder().encode(
    steps.map((step) => `${JSON.stringify(fieldsOfEntry(step))}\n`).join(""),
  );
  const { events } = ledgerPaths(root);
  const facts = world.files.facts(path);
  if (!facts) {
    makeFolderDurably(world.files, events);
    return replaceFile(world.files, path, bytes, uniqueName(world));
  }
  const file = world.files.open(path, "append");
  try {
    const { end, size_bytes } = readChain(world, root);
    // Whoever was killed while writing a line had not told anybody of it.
    if (end < size_bytes) file.truncate(end);
    try {
      writeFully(file, bytes);
    } catch (error) {
      file.truncate(end);
      throw error;
    }
    file.sync();
  } finally {
    file.close();
  }
}

/** What the chain says of a part, out of what its day's record says. */
export function sealedEntry(label: string, sealed: SealedPart): SealedEntry {
  const { number, events, bytes, sha256, first_ms, last_ms, sealed_at_ms, notes_sha256 } = sealed;
  const { format, previous, seal } = sealed;
  const content = { events, bytes, sha256, first_ms, last_ms, sealed_at_ms, notes_sha256 };
  const step = { kind: "sealed", number, part: label, ...content, previous, seal } as const;
  return format ? { format, ...step } : step;
}
