/**
 * Upkeep of the tables, by a fold job once it has taken what is new: repeated ids are settled and files merged,
 * day by day, and what is gone for long is swept.
 */
import { join } from "@std/path";
import { asLedgerError } from "../../base/error.ts";
import { replaceFile } from "../../base/files/durable.ts";
import { lake_sweep_every_ms } from "../../base/limits.ts";
import { uniqueName } from "../../base/world.ts";
import { checkpointIfDue, type OpenTable, openTable } from "./checkpoint.ts";
import type { JobFolder } from "./job_folder.ts";
import { LAKE_TABLES, lakeTable } from "./lake.ts";
import { dueMerges, mergeFiles } from "./merge.ts";
import { settleDay } from "./settle.ts";
import type { ObjectStore } from "../store.ts";
import { sweepTable } from "./sweep.ts";
import type { TableSnapshot } from "./table.ts";

/** What was done to a table. */
export interface UpkeepReport {
  table: string;
  /** Files that were merged, */
  merged: number;
  /** and files that came for them. */
  into: number;
  /** Rows of `events` that were found to be copies. */
  copies: number;
  /** Objects that were swept. */
  swept: number;
  /** What could not be done. */
  problem?: string;
}

/** How the tables are kept. */
export interface UpkeepOptions {
  /** Merges days that go on too. */
  merge_all?: boolean;
  signal?: AbortSignal;
}

/** Keeps all tables. What a job knows of them is brought up to date. */
export class Upkeep {
  constructor(
    readonly store: ObjectStore,
    /** Where all jobs of this ledger work. */
    readonly folder: string,
    readonly job: JobFolder,
    readonly snapshots: Map<string, TableSnapshot>,
  ) {}

  async run({ merge_all, signal }: UpkeepOptions = {}): Promise<UpkeepReport[]> {
    const reports: UpkeepReport[] = [];
    const is_sweep_due = this.#isSweepDue();
    for (const { name } of LAKE_TABLES) {
      if (signal?.aborted) return reports;
      const report: UpkeepReport = { table: name, merged: 0, into: 0, copies: 0, swept: 0 };
      reports.push(report);
      try {
        await this.#merge(report, merge_all, signal);
        if (is_sweep_due) await this.#sweep(report);
      } catch (error) {
        // One table that is damaged does not keep the others from it.
        const problem = asLedgerError(error);
        if (problem?.code !== "damaged") throw error;
        report.problem = problem.message;
      }
    }
    if (is_sweep_due && !signal?.aborted) this.#noteSweep();
    return reports;
  }

  /** Settles and merges the days that are due; what another job does meanwhile is left to it. */
  async #merge(report: UpkeepReport, all?: boolean, signal?: AbortSignal): Promise<void> {
    const { table: name } = report;
    const read = await this.#read(name);
    const { table, snapshot, place } = read;
    const due = dueMerges(snapshot.files.values(), this.store.now_ms(), { all });
    // Jobs that begin at once do not begin with the same day.
    const first = this.store.world.random_uint32() % Math.max(1, due.length);
    for (const { log_day, groups } of [...due.slice(first), ...due.slice(0, first)]) {
      if (name === "events") {
        const copies = await settleDay(this.job, read, await this.#read("duplicates"), log_day);
        if (copies === undefined) continue;
        report.copies += copies;
      }
      for (const group of groups) {
        if (signal?.aborted) return;
        if (!await mergeFiles(this.job, table, snapshot, group)) continue;
        report.merged += group.length;
        report.into++;
        await checkpointIfDue(place, snapshot);
      }
    }
  }

  async #sweep(report: UpkeepReport): Promise<void> {
    const { place, snapshot } = await this.#read(report.table);
    report.swept += await sweepTable(place, snapshot);
  }

  async #read(name: string): Promise<OpenTable> {
    const known = this.snapshots.get(name);
    const read = await openTable(this.store, lakeTable(name), this.job.path, known);
    this.snapshots.set(name, read.snapshot);
    return read;
  }

  get #note(): string {
    return join(this.folder, "swept.json");
  }

  /** A sweep lists each table's folder: once a day is enough. */
  #isSweepDue(): boolean {
    const { world } = this.store;
    try {
      const { swept_ms } = JSON.parse(world.files.readText(this.#note));
      return !(Math.abs(this.store.now_ms() - swept_ms) < lake_sweep_every_ms);
    } catch (error) {
      if (!asLedgerError(error) && !(error instanceof SyntaxError)) throw error;
      return true;
    }
  }

  #noteSweep(): void {
    const { world } = this.store;
    const text = `${JSON.stringify({ swept_ms: this.store.now_ms() })}\n`;
    replaceFile(world.files, this.#note, new TextEncoder().encode(text), uniqueName(world));
  }
}
