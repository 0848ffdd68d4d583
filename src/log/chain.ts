/**
 * The chain: every part that was ever sealed, in the order of sealing, each bound to the one before by
 * its digest. `events/_chain.jsonl` is appended to, a line a step, and outlives the parts it names: what
 * was archived is told from what was lost.
 */
import { join } from "@std/path";
import { makeFolderDurably, replaceFile, writeFully } from "../base/durable.ts";
import { asLedgerError, LedgerError } from "../base/error.ts";
import { uniqueName, type World } from "../base/world.ts";
import { seal_lock_wait_ms } from "../base/limits.ts";
import { isDay, ledgerPaths, parsePartLabel } from "./layout.ts";
import { DayLock } from "./lock.ts";
import type { SealedContent, SealedPart } from "./sealed.ts";

/** A part was sealed. */
export interface SealedStep extends SealedContent {
  kind: "sealed";
  number: number;
  /** `day=2026-01-23/part-000001.jsonl` */
  part: string;
  previous: string;
  seal: string;
}

/** A day was taken out of the log. */
export interface TakenOutStep {
  kind: "taken_out";
  day: string;
  at_ms: number;
  /** Where it went; absent when it was deleted. */
  archive?: string;
  /** Whether indexes should drop its rows too. */
  forget: boolean;
}

/** A day came back from its archive. */
export interface ReturnedStep {
  kind: "returned";
  day: string;
  at_ms: number;
}

/** A line of the chain. */
export type ChainStep = SealedStep | TakenOutStep | ReturnedStep;

/** A line that is none. */
export interface ChainDamage {
  offset: number;
  reason: string;
}

/** The chain as it stands. */
export interface Chain {
  seals: SealedStep[];
  /** The days that are not in the log any more. */
  away: Map<string, TakenOutStep>;
  /** And the number of the last part that had been sealed when each was taken out. */
  away_up_to: Map<string, number>;
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

/** Reads the chain; an empty one where nothing was ever sealed. */
export function readChain(world: World, root: string): Chain {
  const path = chainPath(root);
  const chain: Chain = {
    seals: [],
    away: new Map(),
    away_up_to: new Map(),
    damage: [],
    end: 0,
    size_bytes: 0,
  };
  if (!world.files.facts(path)) return chain;
  const bytes = world.files.readBytes(path);
  chain.size_bytes = bytes.length;
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf(NEWLINE, at);
    if (end < 0) break;
    const step = parseStep(new TextDecoder().decode(bytes.subarray(at, end)));
    if (step === undefined) {
      chain.damage.push({ offset: at, reason: "a line that is no step of the chain" });
    } else if (step.kind === "sealed") chain.seals.push(step);
    else if (step.kind === "taken_out") {
      chain.away.set(step.day, step);
      chain.away_up_to.set(step.day, chain.seals.at(-1)?.number ?? 0);
    } else chain.away.delete(step.day);
    chain.end = at = end + 1;
  }
  return chain;
}

/** Whether a part went with its day. One of the same name may have been sealed since. */
export function isAway({ away, away_up_to }: Chain, { part, number }: SealedStep): boolean {
  const { day } = parsePartLabel(part)!;
  return away.has(day) && number <= away_up_to.get(day)!;
}

function parseStep(line: string): ChainStep | undefined {
  try {
    const step = JSON.parse(line) as Partial<ChainStep> | null;
    switch (step?.kind) {
      case "sealed":
        return parsePartLabel(String(step.part)) && typeof step.seal === "string"
          ? step as SealedStep
          : undefined;
      case "taken_out":
      case "returned":
        return isDay(String(step.day)) ? step as TakenOutStep | ReturnedStep : undefined;
    }
  } catch {
    // Told by the caller, with its place.
  }
  return undefined;
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
  const { events } = ledgerPaths(root);
  const lock = new DayLock(world, join(events, CHAIN_LOCK_NAME), false, wait_ms);
  try {
    await lock.take();
  } catch (error) {
    throw asLedgerError(error)?.code === "busy" ? busy(lock, wait_ms) : error;
  }
  try {
    return await body();
  } finally {
    lock.close();
  }
}

function busy({ path }: DayLock, wait_ms: number): LedgerError {
  return new LedgerError({
    code: "busy",
    message: `another process is sealing, compacting or archiving: waited ${wait_ms} ms for it`,
    where: { path },
    hint: `nothing was changed; repeat it, or find a stopped process with: fuser -v ${path}`,
  });
}

/** Adds steps, durably. The caller holds the lock. */
export function appendSteps(world: World, root: string, steps: readonly ChainStep[]): void {
  if (steps.length === 0) return;
  const path = chainPath(root);
  const bytes = new TextEncoder().encode(
    steps.map((step) => `${JSON.stringify(step)}\n`).join(""),
  );
  const { events } = ledgerPaths(root);
  const facts = world.files.facts(path);
  if (!facts) {
    makeFolderDurably(world.files, events);
    return replaceFile(world.files, path, bytes, uniqueName(world));
  }
  const file = world.files.open(path, "append");
  const { end, size_bytes } = readChain(world, root);
  try {
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
export function stepOf(label: string, sealed: SealedPart): SealedStep {
  const { number, events, bytes, sha256, first_ms, last_ms, sealed_at_ms, notes_sha256 } = sealed;
  const { previous, seal } = sealed;
  const content = { events, bytes, sha256, first_ms, last_ms, sealed_at_ms, notes_sha256 };
  return { kind: "sealed", number, part: label, ...content, previous, seal };
}
