/**
 * Hash chain: every part that was sealed, every time some left the log or came back, and every registry
 * that counted, each entry bound to the one before by its digest (`chain_digest.ts`). `events/_chain.jsonl`
 * is append-only, a line an entry, and outlives the parts it names: so archived differs from lost.
 *
 * Entries of format 2 say so, and their digest covers every field, also of a kind that this version does
 * not know. Entries without a format were written by 0.1.
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
import { isDay } from "../../base/format.ts";
import { seal_lock_wait_ms } from "../../base/limits.ts";
import { takeSignedLock } from "../../base/files/file_lock.ts";
import { uniqueName, type World } from "../../base/world.ts";
import { ledgerPaths, parsePartLabel, parsePartName } from "./layout.ts";
import type { SealedContent, SealedPart } from "./seal_manifest.ts";

export const CHAIN_FORMAT = 2;

/** An entry's place, from 1, the seal of the entry before it, empty for the first, and its own. */
export interface EntryLink {
  /** Absent in entries that 0.1 wrote. */
  format?: typeof CHAIN_FORMAT;
  number: number;
  previous: string;
  seal: string;
}

export interface SealedEntry extends SealedContent, EntryLink {
  kind: "sealed";
  /** `day=2026-01-23/part-000001.jsonl` */
  part: string;
}

/** All sealed parts of a day left the log. */
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
interface Returned {
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
  /** The caller accepted a registry that something else had edited. */
  accepted?: true;
}

/** An entry of a kind that this version does not know, as it stands in its line. */
interface OtherEntry extends EntryLink {
  kind: "other";
  fields: Readonly<Record<string, unknown>>;
}

export type TakenOutEntry = TakenOut & EntryLink;
export type RegistryEntry = RegistryBound & EntryLink;

/** What is added beside sealed parts, whose link stands in their record already. */
export type NewEntry = TakenOut | Returned | RegistryBound;

export type ChainEntry =
  | SealedEntry
  | TakenOutEntry
  | (Returned & EntryLink)
  | RegistryEntry
  | OtherEntry;

/** Kinds that later versions of format 2 write. */
export const RESERVED_KINDS: readonly string[] = ["counts", "signature"];

interface ChainDamage {
  offset: number;
  reason: string;
}

export interface Chain {
  entries: ChainEntry[];
  seals: SealedEntry[];
  /** The parts that are not in the log any more, by label, each with the entry of its last leaving. */
  away: Map<string, TakenOutEntry>;
  damage: ChainDamage[];
  /** Where its last whole line ends, and the file. */
  end: number;
  size_bytes: number;
}

const CHAIN_NAME = "_chain.jsonl";
const CHAIN_LOCK_NAME = ".chain.lock";
const NEWLINE = 10;

export function chainPath(root: string): string {
  return join(ledgerPaths(root).events, CHAIN_NAME);
}

/** The lock for sealing, compacting, restoring and archiving. */
export function chainLockPath(root: string): string {
  return join(ledgerPaths(root).events, CHAIN_LOCK_NAME);
}

export function readChain(world: World, root: string): Chain {
  const path = chainPath(root);
  const chain: Chain = {
    ...{ entries: [], seals: [], damage: [], away: new Map() },
    ...{ end: 0, size_bytes: 0 },
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
    const entry = parseLine(new TextDecoder().decode(line));
    if (entry) addEntry(chain, entry);
    else chain.damage.push({ offset: at, reason: "a line that is no step of the chain" });
    chain.end = at = end + 1;
  }
  return chain;
}

export function addEntry(chain: Chain, entry: ChainEntry): void {
  chain.entries.push(entry);
  if (entry.kind === "sealed") return void chain.seals.push(entry);
  if (entry.kind === "registry" || entry.kind === "other") return;
  for (const name of entry.parts) {
    const label = `day=${entry.day}/${name}`;
    if (entry.kind === "taken_out") chain.away.set(label, entry);
    else chain.away.delete(label);
  }
}

export function endOfChain({ entries }: Chain): { number: number; seal: string } {
  return entries.at(-1) ?? { number: 0, seal: "" };
}

function parseLine(line: string): ChainEntry | undefined {
  try {
    return parseEntry(JSON.parse(line));
  } catch {
    // The caller reports it with its place.
    return undefined;
  }
}

export function fieldsOfEntry(entry: ChainEntry): Readonly<Record<string, unknown>> {
  return entry.kind === "other" ? entry.fields : { ...entry };
}

export function parseEntry(fields: unknown): ChainEntry | undefined {
  const entry = fields as Partial<ChainEntry> | null;
  if (typeof entry?.seal !== "string" || !Number.isSafeInteger(entry.number)) return undefined;
  if (entry.format !== undefined && entry.format !== CHAIN_FORMAT) return undefined;
  switch (entry.kind) {
    case "sealed":
      return parsePartLabel(textOf(entry.part)) ? entry as SealedEntry : undefined;
    case "taken_out":
    case "returned":
      return isDay(textOf(entry.day)) && Array.isArray(entry.parts) &&
          entry.parts.every((name) => parsePartName(textOf(name)))
        ? entry as ChainEntry
        : undefined;
    case "registry":
      return entry.format && typeof entry.sha256 === "string" ? entry as RegistryEntry : undefined;
  }
  const { kind, format, number, previous, seal } = entry as { kind: unknown } & EntryLink;
  if (!format || typeof kind !== "string") return undefined;
  const known = fields as Record<string, unknown>;
  return { kind: "other", fields: known, format, number, previous, seal };
}

/** A value that has to be a text; no name is empty. */
function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** The parts that are not in the log any more; see `Chain`. */
export function partsAway(world: World, root: string): Chain["away"] {
  return readChain(world, root).away;
}

/** Runs a change of what is sealed, one process at a time. Writers and readers never wait for its lock. */
export async function withChainLock<Result>(
  world: World,
  root: string,
  body: () => Result | Promise<Result>,
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
  using _lock = taken.lock;
  return await body();
}

/** Adds entries, durably. The caller holds the lock. */
export function appendEntries(world: World, root: string, entries: readonly ChainEntry[]): void {
  if (entries.length === 0) return;
  const path = chainPath(root);
  const bytes = new TextEncoder().encode(
    entries.map((entry) => `${JSON.stringify(fieldsOfEntry(entry))}\n`).join(""),
  );
  if (!world.files.facts(path)) {
    makeFolderDurably(world.files, ledgerPaths(root).events);
    return replaceFile(world.files, path, bytes, uniqueName(world));
  }
  using file = world.files.open(path, "append");
  const { end, size_bytes } = readChain(world, root);
  // What a killed process left of a line was never acknowledged.
  if (end < size_bytes) file.truncate(end);
  try {
    writeFully(file, bytes);
  } catch (error) {
    file.truncate(end);
    throw error;
  }
  file.sync();
}

export function sealedEntry(label: string, sealed: SealedPart): SealedEntry {
  const { format, number, previous, seal } = sealed;
  const { events, bytes, sha256, first_ms, last_ms, sealed_at_ms, notes_sha256 } = sealed;
  const content = { events, bytes, sha256, first_ms, last_ms, sealed_at_ms, notes_sha256 };
  const entry = { kind: "sealed", number, part: label, ...content, previous, seal } as const;
  return format ? { format, ...entry } : entry;
}
