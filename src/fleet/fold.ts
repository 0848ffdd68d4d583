/**
 * Fold job: segments of all boxes -> data files of tables, and the commit that makes them part of the table
 * together with how far each box has come. What a job that dies has put is no part of any table. Any
 * number of jobs may run: one that loses the race for a commit looks what the winner did.
 */
import { fold_bytes_max } from "../base/limits.ts";
import type { World } from "../base/world.ts";
import { checkpointIfDue, type OpenTable, openTable } from "./lake/checkpoint.ts";
import { asPoison, BoxChain, type ChainFinding, Poison, watermarkOf } from "./chain.ts";
import { listBoxes } from "./claim.ts";
import { putDataFiles } from "./lake/data_files.ts";
import { JobFolder } from "./lake/job_folder.ts";
import { type FleetTable, LAKE_TABLES } from "./lake/lake.ts";
import { Spool } from "./spool.ts";
import { backOff, type ObjectStore } from "./store.ts";
import type { TableSnapshot } from "./lake/table.ts";
import { Upkeep, type UpkeepOptions, type UpkeepReport } from "./lake/upkeep.ts";

/** What a fold did. */
export interface FoldReport {
  tables: { table: string; version: number; commits: number; files: number; segments: number }[];
  /** Chains of boxes that stopped at a segment, and why. */
  poison: ChainFinding[];
  /** What was merged, settled and swept. */
  upkeep: UpkeepReport[];
}

/** A fold job, with what it knows of the tables. */
export class FoldJob {
  readonly #world: World;
  readonly #snapshots = new Map<string, TableSnapshot>();
  readonly #poison = new Map<string, ChainFinding>();
  /** Where each chain ended when this run came there: to list it for each table costs more than all else. */
  readonly #ends = new Map<string, number>();

  constructor(readonly store: ObjectStore, readonly folder: string) {
    this.#world = store.world;
  }

  /** Takes all that is new into each table, then keeps them. */
  async run(options: UpkeepOptions = {}): Promise<FoldReport> {
    const { signal } = options;
    this.#poison.clear();
    this.#ends.clear();
    const report: FoldReport = { tables: [], poison: [], upkeep: [] };
    using job = await JobFolder.open(this.#world, this.folder);
    for (const table of LAKE_TABLES) {
      if (!table.source) {
        if (!this.#snapshots.has(table.name)) {
          await this.#read(job, table);
        }
        continue;
      }
      const done = { table: table.name, version: -1, commits: 0, files: 0, segments: 0 };
      report.tables.push(done);
      for (let tries = 1; !signal?.aborted;) {
        const outcome = await this.#lift(job, table);
        done.version = this.#snapshots.get(table.name)!.version;
        if (outcome === "nothing") break;
        if (outcome === "lost") {
          await backOff(this.#world, tries++, signal);
          continue;
        }
        tries = 1;
        done.commits++;
        done.files += outcome.files;
        done.segments += outcome.segments;
      }
    }
    report.poison = [...this.#poison.values()];
    report.upkeep = await new Upkeep(this.store, this.folder, job, this.#snapshots).run(options);
    return report;
  }

  /** One commit: as many new segments as go into one. */
  async #lift(
    job: JobFolder,
    lake: FleetTable,
  ): Promise<"nothing" | "lost" | { files: number; segments: number }> {
    const { table, place, snapshot } = await this.#read(job, lake);
    return await job.withFolder(async (work) => {
      using spool = new Spool(this.store, lake, work);
      const taken = await this.#take(snapshot, spool);
      if (taken.segments === 0) return "nothing";
      await using database = await job.openDatabase(work);
      const add = await putDataFiles(this.store, database, lake, await spool.load(database), work);
      const before = new Map(snapshot.watermarks);
      const change = {
        add,
        watermarks: taken.watermarks,
        is_data_change: true,
        operation: "WRITE",
      };
      // Where another job took some of the same, these files are no table's, and are swept.
      const holds = () =>
        taken.watermarks.keys().every((app) => snapshot.watermarks.get(app) === before.get(app));
      if (!await table.commitWhile(snapshot, change, holds)) return "lost";
      await checkpointIfDue(place, snapshot);
      return { files: add.length, segments: taken.segments };
    });
  }

  /** A table as it is now. One that is not there is made: engines ask all of them, with rows or without. */
  async #read(job: JobFolder, lake: FleetTable): Promise<OpenTable> {
    const read = await openTable(this.store, lake, job.path, this.#snapshots.get(lake.name));
    await read.table.create(read.snapshot);
    this.#snapshots.set(lake.name, read.snapshot);
    return read;
  }

  /** Spools the next segments of each box, as many as go into one commit. */
  async #take(
    snapshot: TableSnapshot,
    spool: Spool,
  ): Promise<{ segments: number; watermarks: Map<string, number> }> {
    const source = spool.table.source!;
    const watermarks = new Map<string, number>();
    let segments = 0, bytes = 0;
    for (const box of await listBoxes(this.store)) {
      const app = watermarkOf(box);
      const from = snapshot.watermarks.get(app) ?? 0;
      const name = `${source} ${box}`;
      if (from >= (this.#ends.get(name) ?? Infinity)) continue;
      const chain = new BoxChain(this.store, source, box, from);
      try {
        for await (const segment of chain.next()) {
          const { seq } = segment.facts;
          await spool.add(segment).catch((error) => {
            throw asPoison(error, seq);
          });
          segments++;
          watermarks.set(app, seq);
          bytes += segment.lines_bytes;
          if (bytes >= fold_bytes_max) return { segments, watermarks };
        }
        this.#ends.set(name, watermarks.get(app) ?? from);
      } catch (error) {
        if (!(error instanceof Poison)) throw error;
        const { seq, message: problem } = error;
        this.#poison.set(name, { box, source, seq, problem });
      }
    }
    return { segments, watermarks };
  }
}
