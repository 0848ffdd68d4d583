/**
 * Retention: whole days that are old enough leave the log, for archives or for good. Plan, then apply:
 * which days go, and why others stay, is decided in one place, for a dry run and for the real one.
 */
import { join } from "@std/path";
import { DAY_MS } from "../base/format.ts";
import { asLedgerError } from "../base/error.ts";
import { makeFolderDurably } from "../base/files/durable.ts";
import type { World } from "../base/world.ts";
import { names_shown_max } from "../base/limits.ts";
import type { IndexCoverage } from "../index/coverage.ts";
import { readChain, withChainLock } from "../log/format/chain.ts";
import { dayArchivePath, isArchiveOf, isBegunArchive } from "../log/archive/archive_file.ts";
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
import { ShippedCover } from "../log/pull/shipped.ts";
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
  /** Whether only days go of which the fleet's store has acknowledged every byte. */
  shipped?: boolean;
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
  const retention = new Retention(world, root, request);
  return await retention.plan(await retention.coverageAfterSync());
}

/** Takes the days out, as planned. What a killed process left half-way is finished too. */
export async function retain(
  world: World,
  root: string,
  request: RetainRequest,
): Promise<RetainedDay[]> {
  const retention = new Retention(world, root, request);
  const days = await retainIndexed(world, root, request, await retention.coverageAfterSync());
  if (days.some(({ fate }) => fate !== "stays")) await retention.syncOrSay();
  return days;
}

/** The same for a caller who knows what is indexed, and what of it is still needed. */
export async function retainIndexed(
  world: World,
  root: string,
  request: RetainRequest,
  coverage: IndexCoverage,
): Promise<RetainedDay[]> {
  const retention = new Retention(world, root, request);
  return await withChainLock(world, root, async () => {
    await finishDays(world, root);
    return await retention.apply(await retention.plan(coverage), coverage);
  }, request.lock_wait_ms);
}

class Retention {
  readonly first_kept: string;
  /** Where only shipped days go. */
  readonly #shipped?: ShippedCover;

  constructor(readonly world: World, readonly root: string, readonly request: RetainRequest) {
    this.first_kept = dayOf(Math.max(0, world.now_ms() - request.days * DAY_MS));
    if (request.shipped) this.#shipped = new ShippedCover(world, root);
  }

  async plan(coverage: IndexCoverage): Promise<RetainedDay[]> {
    const { world, root, request, first_kept } = this;
    const chain = readChain(world, root);
    checkChain(root, chain);
    const planned = new Map<string, RetainedDay>();
    const away_days = new Set([...chain.away.values()].map(({ day }) => day));
    for (const day of listDays(world.files, root)) {
      const is_old = day < first_kept;
      if (!is_old && !away_days.has(day)) continue;
      const inspected = await inspectDay(world, root, day, chain);
      const is_away = inspected.already_away && inspected.parts.length === 0;
      if (is_old) {
        const changed = await this.#shipped?.changedPart(day);
        if (changed) inspected.damage ??= `${changed}: has other bytes than those that were sent`;
      }
      const fate = is_old || is_away ? this.#fateOf(day, inspected, coverage) : undefined;
      if (fate) planned.set(day, fate);
      await world.turn();
    }
    for (const { day, archive, forget } of request.forget ? chain.away.values() : []) {
      if (forget || day >= first_kept || planned.has(day)) continue;
      const nothing = { parts: 0, events: 0, bytes: 0 };
      planned.set(day, { day, fate: "forgotten", ...nothing, archive, forget: true });
    }
    return [...planned.values()].sort((a, b) => a.day < b.day ? -1 : 1);
  }

  #fateOf(
    day: string,
    inspected: DayInspection,
    coverage: IndexCoverage,
  ): RetainedDay | undefined {
    const { world, request } = this;
    const { parts, already_away, damage } = inspected;
    const sum = (field: "lines" | "end") => parts.reduce((total, part) => total + part[field], 0);
    const sums = { day, parts: parts.length, events: sum("lines"), bytes: sum("end") };
    const stays = (reason: string, fix: string) => staying(sums, reason, fix);
    if (damage) return stays(damage, "see: ledger verify --deep");
    if (parts.length === 0) {
      const { archive, forget } = already_away ?? {};
      return already_away && { ...sums, fate: "removed", archive, forget };
    }
    if (!isOver(world, day, request.grace_ms)) {
      return stays("it is not over: late events of it may come", "wait an hour");
    }
    for (const { label, end } of parts) {
      const [reason, fix] = this.#whyStays(label, end, coverage) ?? [];
      if (reason !== undefined) return stays(reason, fix!);
    }
    const runs = coverage.running.get(day);
    if (runs) return stays(runningReason(runs), endOf(runs[0]));
    const forget = request.forget ? { forget: true } : {};
    if (request.archive === undefined) return { ...sums, fate: "deleted", ...forget };
    const archive = this.#archiveFor(request.archive, day, inspected);
    return { ...sums, fate: "archived", archive, ...forget };
  }

  /** Why a part may not go, and what to do about that; undefined where it may. */
  #whyStays(
    label: string,
    end: number,
    { indexed }: Pick<IndexCoverage, "indexed">,
  ): [reason: string, fix: string] | undefined {
    if ((indexed.get(label) ?? 0) < end) {
      return [`${label} is not wholly indexed`, "ledger rebuild"];
    }
    return this.#shipped?.whyNot(label, end);
  }

  /** The first name that is free, or holds exactly these parts: a killed process wrote that one. */
  #archiveFor(folder: string, day: string, { parts, sealed }: DayInspection): string {
    const all_sealed = parts.every(({ is_sealed }) => is_sealed);
    for (let nth = 1;; nth++) {
      const path = dayArchivePath(folder, day, nth);
      if (!this.world.files.facts(path)) return path;
      if (all_sealed && isArchiveOf(this.world, path, day, sealed)) return path;
    }
  }

  async apply(planned: RetainedDay[], coverage: IndexCoverage): Promise<RetainedDay[]> {
    const { world, root, first_kept: before_day } = this;
    const { archive, forget = false, grace_ms, onDay = () => {}, onNotice } = this.request;
    const fates = new Set(planned.map(({ fate }) => fate));
    if (fates.has("archived")) makeFolderDurably(world.files, archive!);
    if (fates.has("archived") || fates.has("deleted")) {
      await sealDueParts(world, root, { before_day, grace_ms, onNotice });
    }
    const done: RetainedDay[] = [];
    for (const day of planned) {
      let stays: string | undefined;
      if (day.fate === "archived") removeBegun(world, archive!, day.day);
      if (day.fate === "forgotten") await forgetParts(world, root, day.day);
      else if (day.fate !== "stays") {
        stays = await archiveDay(world, root, day.day, {
          archive: day.archive,
          forget,
          whyStays: (label, end) => this.#whyStays(label, end, coverage)?.[0],
        });
        // Parts that went earlier, and left the day to late events, are meant too.
        if (forget && stays === undefined) await forgetParts(world, root, day.day);
      }
      done.push(stays === undefined ? day : staying(day, stays, "look again: repeat it"));
      onDay(done.at(-1)!);
    }
    return done;
  }

  /** Days that came since the last sync would not be known to be indexed, nor which runs have ended. */
  async coverageAfterSync(): Promise<IndexCoverage> {
    const { world, root, request: { archive, runs_dir, lock_wait_ms } } = this;
    if (archive !== undefined) checkMayArchiveIn(world, archive, { dir: root, runs_dir });
    // Throws where there is no log: not even an index is made where a folder was mistyped.
    listDays(world.files, root);
    await this.syncOrSay();
    const { readCoverage } = await import("../index/coverage.ts");
    return await this.#orSay("the index says nothing", () => {
      return readCoverage(world, root, lock_wait_ms);
    }) ?? { indexed: new Map(), running: new Map() };
  }

  /** One damaged day must not keep all others: each is judged by what is indexed of it. */
  async syncOrSay(): Promise<void> {
    const { world, root, request: { lock_wait_ms, onNotice } } = this;
    const { syncIndex } = await import("../index/sync.ts");
    await this.#orSay("the index was not brought up to date", () => {
      return syncIndex(world, root, { lock_wait_ms, onNotice });
    });
  }

  async #orSay<Result>(
    words: string,
    work: () => Promise<Result>,
  ): Promise<Result | undefined> {
    try {
      return await work();
    } catch (error) {
      const problem = asLedgerError(error);
      if (!problem) throw error;
      this.request.onNotice?.(`${words}: ${problem.message}`);
      return undefined;
    }
  }
}

type Sums = Pick<RetainedDay, "day" | "parts" | "events" | "bytes">;

function staying({ day, parts, events, bytes }: Sums, reason: string, fix: string): RetainedDay {
  return { day, fate: "stays", parts, events, bytes, reason, fix };
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

function removeBegun(world: World, folder: string, day: string): void {
  for (const { name } of world.files.list(folder) ?? []) {
    if (isBegunArchive(name, day)) world.files.remove(join(folder, name));
  }
}
