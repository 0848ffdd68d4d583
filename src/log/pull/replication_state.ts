/**
 * Replication state, `events/_pulled.json`: what was pulled from other boxes, and where it stands here. A
 * pull continues where the last one ended. The parts are the truth: without this file, a pull finds what
 * is here by comparing bytes.
 */
import { join } from "@std/path";
import { replaceFile } from "../../base/files/durable.ts";
import { asLedgerError, LedgerError, newerFormat, quoted } from "../../base/error.ts";
import type { Files } from "../../base/files/seam.ts";
import { lock_wait_ms } from "../../base/limits.ts";
import { uniqueName, type World } from "../../base/world.ts";
import { isOfKind } from "../event/event.ts";
import { checkWriterName, ledgerPaths, parsePartLabel } from "../format/layout.ts";
import { DayLock } from "../format/lock.ts";

export interface ByteRange {
  part: string;
  from: number;
  to: number;
  /** These lines were here without being pulled: the two ledgers were one, once. */
  own?: true;
}

export interface ReplicatedPart {
  bytes: number;
  sha256: string;
  here: ByteRange[];
  /** What the part looked like when it was last read, by the box that it was read from. */
  seen: Map<string, string>;
}

export type NamedBy = "flag" | "index" | "folder";

export interface ReplicatedHost {
  /** Where it was pulled from; absent when its lines only came by way of others. */
  dir?: string;
  named_by?: NamedBy;
  /** By the label that the part has on its own box. */
  parts: Map<string, ReplicatedPart>;
  /** Files that were found to be the same here, by path, as they looked. */
  files: Map<string, string>;
}

export type ReplicationState = Map<string, ReplicatedHost>;

const RECORD_NAME = "_pulled.json";
const RECORD_VERSION = 1;
const LOCK_NAME = ".pull.lock";

export function replicationStatePath(root: string): string {
  return join(ledgerPaths(root).events, RECORD_NAME);
}

/** What is known of a box, which may be nothing yet. */
export function replicatedHost(pulled: ReplicationState, host: string): ReplicatedHost {
  const known = pulled.get(host) ?? { parts: new Map(), files: new Map() };
  pulled.set(host, known);
  return known;
}

/** Reads the record; an empty one where nothing was ever pulled. */
export function readReplicationState(files: Files, root: string): ReplicationState {
  const path = replicationStatePath(root);
  if (!files.facts(path)) return new Map();
  try {
    const { version, hosts } = JSON.parse(files.readText(path));
    if (version > RECORD_VERSION) throw newerFormat(path, version, RECORD_VERSION);
    // A host's name becomes part of names of files.
    return new Map(entriesOf(hosts).map(([name, host]) => [checkWriterName(name), hostOf(host)]));
  } catch (cause) {
    const code = asLedgerError(cause)?.code;
    if (code !== undefined && code !== "invalid") throw cause;
    throw new LedgerError({
      code: "damaged",
      message: `cannot read what was pulled: ${(cause as Error).message}`,
      where: { path },
      hint: "pull again there: without that file, what is there is found again by comparing bytes",
      cause,
    });
  }
}

function entriesOf(value: unknown): [string, unknown][] {
  if (!isOfKind("object", value)) throw new Error("it is not a record of pulls");
  return Object.entries(value as Record<string, unknown>);
}

function hostOf(value: unknown): ReplicatedHost {
  const { dir, named_by, parts, files = {} } = value as Record<string, unknown>;
  return {
    ...(typeof dir === "string" ? { dir } : {}),
    ...(typeof named_by === "string" ? { named_by: named_by as NamedBy } : {}),
    parts: new Map(entriesOf(parts).map(([label, part]) => [checkedLabel(label), partOf(part)])),
    files: new Map(entriesOf(files).map(([path, stamp]) => [path, String(stamp)])),
  };
}

function partOf(value: unknown): ReplicatedPart {
  const { bytes, sha256, here, seen = {} } = value as Record<string, unknown>;
  const ends = new Map<string, number>();
  const ranges = (here as ByteRange[]).map(({ part, from, to, own }) => {
    checkedLabel(part);
    if (!(isOffset(from) && isOffset(to) && from <= to)) throw new Error(`${part} has no offsets`);
    // Each byte here came from one place: the same ones again and again would fill a disk.
    if (from < (ends.get(part) ?? 0)) throw new Error(`ranges of ${part} overlap`);
    ends.set(part, to);
    return { part, from, to, ...(own ? { own } : {}) };
  });
  const sum = ranges.reduce((total, { from, to }) => total + to - from, 0);
  if (sum !== bytes) throw new Error(`${bytes} bytes are not the ${sum} of their ranges`);
  return {
    bytes,
    sha256: String(sha256),
    here: ranges,
    seen: new Map(entriesOf(seen).map(([host, stamp]) => [host, String(stamp)])),
  };
}

function isOffset(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function checkedLabel(label: string): string {
  if (typeof label === "string" && parsePartLabel(label)) return label;
  throw new Error(`${quoted(label)} is not the name of a part`);
}

/** Runs `body` under the pull lock: one pull at a time writes to a ledger. */
export async function withPullLock<Result>(
  world: World,
  root: string,
  body: () => Promise<Result>,
  wait_ms = lock_wait_ms,
): Promise<Result> {
  using lock = new DayLock(world, join(ledgerPaths(root).events, LOCK_NAME), false, wait_ms);
  await lock.take().catch((error) => {
    if (asLedgerError(error)?.code !== "busy") throw error;
    throw asLedgerError(error)!.with({
      message: `cannot pull into ${root}: another pull has been at it for ${wait_ms} ms`,
      hint: "nothing was taken; repeat it when that one has ended",
    });
  });
  return await body();
}

/** Replaces the state, whole and durable. The caller holds the pull lock. */
export function writeReplicationState(world: World, root: string, pulled: ReplicationState): void {
  const hosts = [...pulled].map(([name, { parts, files, ...host }]) => {
    const of_parts = [...parts].map(([label, { seen, ...part }]) => {
      return [label, { ...part, seen: Object.fromEntries(seen) }];
    });
    const record = {
      ...host,
      parts: Object.fromEntries(of_parts),
      files: Object.fromEntries(files),
    };
    return [name, record];
  });
  const text = JSON.stringify({ version: RECORD_VERSION, hosts: Object.fromEntries(hosts) });
  const bytes = new TextEncoder().encode(`${text}\n`);
  replaceFile(world.files, replicationStatePath(root), bytes, uniqueName(world));
}
