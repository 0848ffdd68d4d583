/**
 * Bounding the log: whole days that are old enough leave it, for archives or for good, and come back.
 * Which days go, and why others stay, is found out in one place, for looking and for doing alike.
 */
import { join } from "@std/path";
import { DAY_MS } from "../base/format.ts";
import { asLedgerError } from "../base/error.ts";
import { makeFolderDurably } from "../base/files/durable.ts";
import type { World } from "../base/world.ts";
import { names_shown_max } from "../base/limits.ts";
import type { IndexCoverage } from "../index/coverage.ts";
// Not through the room's door: it is loaded by whoever emits, and none of this is needed then.
import { readChain, withChainLock } from "../log/format/chain.ts";
import { dayArchivePath, isArchiveOf, isBegunArchive } from "../log/archive/day_archive.ts";
import { dayOf, listDays } from "../log/mod.ts";
import { checkMayArchiveIn } from "../log/format/reserved_paths.ts";
import { isOver, sealDueParts } from "../log/seal/seal.ts";
import {
  archiveDay,
  checkChain,
  type DayInspection,
  forgetParts,
  inspectDay,
} from "../log/archive/archive_day.ts";
import { finishDays } from "../log/seal/unfinished_days.ts";

/** Which days go, and where to. */
export interface RetainRequest {
  /** So many whole days before today stay. */
  days: number;
  /** The folder of the archives; without it, days are gone for good. */
  archive?: string;
  /** The folder of runs, among whose files no archive may lie. */
  runs_dir?: string;
  /** Whether the index drops their rows too; those of days that went earlier as well. */
  forget?: boolean;
  grace_ms?: number;
  lock_wait_ms?: number;
  /** Told each day as soon as it is done. */
  onDay?: (day: RetainedDay) => void;
  onNotice?: (message: string) => void;
}

/** What becomes of a day. */
export interface RetainedDay {
  day: string;
  /**
   * "removed" is what is left of a day that went before; "forgotten" one whose rows go from the index.
   */
  fate: "archived" | "deleted" | "removed" | "forgotten" | "stays";
  parts: number;
  /** Whole lines. */
  events: number;
  /** Of the lines as they were written. */
  bytes: number;
  /** The archive that holds it. */
  archive?: string;
  /** Whether its rows go from the index. */
  forget?: boolean;
  /** Why it stays, and what to do about that. */
  reason?: string;
  fix?: string;
}

/** What would become of each day that is old enough. Nothing of the log is changed. */
export async function planRetain(
  world: World,
  root: string,
  request: RetainRequest,
): Promise<RetainedDay[]> {
  checkArchives(world, root, request);
  const standing = await standingAfterSync(world, root, request);
  return await plan(world, root, request, standing);
}

/** Takes the days out, as planned. What somebody who was killed left half-way is finished too. */
export async function retain(
  world: World,
  root: string,
  request: RetainRequest,
): Promise<RetainedDay[]> {
  checkArchives(world, root, request);
  const standing = await standingAfterSync(world, root, request);
  const days = await retainIndexed(world, root, request, standing);
  if (days.some(({ fate }) => fate !== "stays")) await syncOrSay(world, root, request);
  return days;
}

/** The same for those who know what is indexed, and what of it is still needed. */
export async function retainIndexed(
  world: World,
  root: string,
  request: RetainRequest,
  standing: IndexCoverage,
): Promise<RetainedDay[]> {
  return await withChainLock(world, root, async () => {
    await finishDays(world, root);
    const planned = await plan(world, root, request, standing);
    return await carryOut(world, root, request, planned, standing);
  }, request.lock_wait_ms);
}

async function carryOut(
  world: World,
  root: string,
  request: RetainRequest,
  planned: RetainedDay[],
  { indexed }: IndexCoverage,
): Promise<RetainedDay[]> {
  const { archive, forget = false, grace_ms, onDay = () => {}, onNotice } = request;
  if (planned.some(({ fate }) => fate === "archived")) makeFolderDurably(world.files, archive!);
  if (planned.some(({ fate }) => fate === "archived" || fate === "deleted")) {
    const before_day = firstDayKept(world, request);
    await sealDueParts(world, root, { before_day, grace_ms, onNotice });
  }
  const done: RetainedDay[] = [];
  for (const day of planned) {
    let stays: string | undefined;
    if (day.fate === "archived") removeBegun(world, archive!, day.day);
    if (day.fate === "forgotten") await forgetParts(world, root, day.day);
    else if (day.fate !== "stays") {
      const is_indexed = (label: string, end: number) => (indexed.get(label) ?? 0) >= end;
      const order = { archive: day.archive, forget, is_indexed };
      stays = await archiveDay(world, root, day.day, order);
      // Parts that went earlier, and left the day to late events, are meant too.
      if (forget && stays === undefined) await forgetParts(world, root, day.day);
    }
    done.push(stays === undefined ? day : staying(day, stays, "look again: repeat it"));
    onDay(done.at(-1)!);
  }
  return done;
}

function staying(
  { day, parts, events, bytes }: RetainedDay,
  reason: string,
  fix: string,
): RetainedDay {
  return { day, fate: "stays", parts, events, bytes, reason, fix };
}

function firstDayKept(world: World, { days }: RetainRequest): string {
  return dayOf(Math.max(0, world.now_ms() - days * DAY_MS));
}

async function plan(
  world: World,
  root: string,
  request: RetainRequest,
  standing: IndexCoverage,
): Promise<RetainedDay[]> {
  const chain = readChain(world, root);
  checkChain(root, chain);
  const first_kept = firstDayKept(world, request);
  const planned = new Map<string, RetainedDay>();
  const away_days = new Set([...chain.away.values()].map(({ day }) => day));
  for (const day of listDays(world.files, root)) {
    const is_old = day < first_kept;
    if (!is_old && !away_days.has(day)) continue;
    const judged = await inspectDay(world, root, day, chain);
    const is_already_away = judged.already_away && judged.parts.length === 0;
    const fate = is_old || is_already_away
      ? fateOf(world, day, judged, request, standing)
      : undefined;
    if (fate) planned.set(day, fate);
    await world.turn();
  }
  if (request.forget) {
    for (const step of chain.away.values()) {
      const { day, archive } = step;
      if (step.forget || day >= first_kept || planned.has(day)) continue;
      const nothing = { parts: 0, events: 0, bytes: 0 };
      planned.set(day, { day, fate: "forgotten", ...nothing, archive, forget: true });
    }
  }
  return [...planned.values()].sort((a, b) => a.day < b.day ? -1 : 1);
}

function fateOf(
  world: World,
  day: string,
  judged: DayInspection,
  request: RetainRequest,
  standing: IndexCoverage,
): RetainedDay | undefined {
  const { parts, already_away, damage } = judged;
  const sum = (field: "lines" | "end") => parts.reduce((total, part) => total + part[field], 0);
  const planned: RetainedDay = {
    day,
    fate: "deleted",
    parts: parts.length,
    events: sum("lines"),
    bytes: sum("end"),
  };
  if (damage) return staying(planned, damage, "see: ledger verify --deep");
  if (parts.length === 0) {
    const { archive, forget } = already_away ?? {};
    return already_away && { ...planned, fate: "removed", archive, forget };
  }
  if (!isOver(world, day, request.grace_ms)) {
    return staying(planned, "it is not over: late events of it may come", "wait an hour");
  }
  const not_indexed = parts.find(({ label, end }) => (standing.indexed.get(label) ?? 0) < end);
  if (not_indexed) {
    return staying(planned, `${not_indexed.label} is not wholly indexed`, "ledger rebuild");
  }
  const runs = standing.running.get(day);
  if (runs) return staying(planned, runningReason(runs), endOf(runs[0]));
  const forget = request.forget ? { forget: true } : {};
  if (request.archive === undefined) return { ...planned, ...forget };
  const archive = archiveFor(world, request.archive, day, judged);
  return { ...planned, fate: "archived", archive, ...forget };
}

function runningReason(runs: readonly string[]): string {
  const named = runs.slice(0, names_shown_max).join(", ");
  const more = runs.length > names_shown_max ? ` and ${runs.length - names_shown_max} more` : "";
  return `${named}${more} began in it and ${runs.length === 1 ? "is" : "are"} running`;
}

function endOf(run_id: string): string {
  const plain = /^[A-Za-z0-9._:-]+$/.test(run_id) ? run_id : `'${run_id.replaceAll("'", `'\\''`)}'`;
  return `if it died: ledger emit run.failed --run-id ${plain} --error "died"`;
}

/** The first name that is free, or holds exactly these parts: whoever was killed wrote that. */
function archiveFor(world: World, folder: string, day: string, judged: DayInspection): string {
  const all_sealed = judged.parts.every(({ is_sealed }) => is_sealed);
  for (let nth = 1;; nth++) {
    const path = dayArchivePath(folder, day, nth);
    if (!world.files.facts(path)) return path;
    if (all_sealed && isArchiveOf(world, path, day, judged.sealed)) return path;
  }
}

function removeBegun(world: World, folder: string, day: string): void {
  for (const { name } of world.files.list(folder) ?? []) {
    if (isBegunArchive(name, day)) world.files.remove(join(folder, name));
  }
}

function checkArchives(world: World, dir: string, { archive, runs_dir }: RetainRequest): void {
  if (archive !== undefined) checkMayArchiveIn(world, archive, { dir, runs_dir });
}

/** Days that came since the last sync would not be known to be indexed, nor which runs have ended. */
async function standingAfterSync(
  world: World,
  root: string,
  request: RetainRequest,
): Promise<IndexCoverage> {
  // Throws where there is no log: not even an index is made where a folder was mistyped.
  listDays(world.files, root);
  await syncOrSay(world, root, request);
  const { readCoverage } = await import("../index/coverage.ts");
  try {
    return await readCoverage(world, root, request.lock_wait_ms);
  } catch (error) {
    const problem = asLedgerError(error);
    if (!problem) throw error;
    request.onNotice?.(`the index says nothing: ${problem.message}`);
    return { indexed: new Map(), running: new Map() };
  }
}

/** One damaged day must not keep all others: each is judged by what is indexed of it. */
async function syncOrSay(
  world: World,
  root: string,
  { lock_wait_ms, onNotice }: RetainRequest,
): Promise<void> {
  const { syncIndex } = await import("../index/sync.ts");
  try {
    await syncIndex(world, root, { lock_wait_ms, onNotice });
  } catch (error) {
    const problem = asLedgerError(error);
    if (!problem) throw error;
    onNotice?.(`the index was not brought up to date: ${problem.message}`);
  }
}
