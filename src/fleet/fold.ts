/**
 * Fold job: segments of all boxes -> data files of tables, and the commit that makes them part of the table
 * together with how far each box has come. What a job that dies has put is no part of any table. Any
 * number of jobs may run: one that loses the race for a commit looks what the winner did.
 */
import { join } from "@std/path";
import { makeFolderDurably, writeFully } from "../base/files/durable.ts";
import { linesOf } from "../base/files/lines.ts";
import { MemoryFile } from "../base/files/memory_file.ts";
import { checkpoint_commits, fold_bytes_max } from "../base/limits.ts";
import { uniqueName, type World } from "../base/world.ts";
import { type Database, openDatabase } from "../duckdb/connection.ts";
import { literal } from "../duckdb/sandbox.ts";
import { isPlain, rowOf } from "../index/rows.ts";
import { unpackLines } from "../log/codec/unpacking.ts";
import { BadLine, NOT_UTF8, validate } from "../log/event/validate.ts";
import { parsePartLabel, partStem } from "../log/format/layout.ts";
import { readCheckpoint, writeCheckpoint } from "./checkpoint.ts";
import { BoxChain, Poison, type TakenSegment, watermarkOf } from "./chain.ts";
import { listBoxes } from "./claim.ts";
import { putDataFiles } from "./data_files.ts";
import { type FleetTable, LAKE_TABLES, ROWS_OF, SPOOLED_COLUMNS } from "./lake.ts";
import type { SegmentFacts, Source } from "./segment.ts";
import { backOff, type ObjectStore } from "./store.ts";
import { DeltaTable, type TableSnapshot } from "./table.ts";

/** What a fold did. */
export interface FoldReport {
  tables: { table: string; version: number; commits: number; files: number; segments: number }[];
  /** Chains of boxes that stopped at a segment, and why. */
  poison: { box: string; source: Source; seq: number; problem: string }[];
}

/** A fold job, with what it knows of the tables. */
export class FoldJob {
  readonly #world: World;
  readonly #snapshots = new Map<string, TableSnapshot>();
  readonly #poison = new Map<string, FoldReport["poison"][number]>();

  constructor(readonly store: ObjectStore, readonly folder: string) {
    this.#world = store.world;
  }

  /** Takes all that is new into each table. */
  async run(signal?: AbortSignal): Promise<FoldReport> {
    this.#poison.clear();
    const report: FoldReport = { tables: [], poison: [] };
    makeFolderDurably(this.#world.files, this.folder);
    for (const table of LAKE_TABLES) {
      if (!(table.name in ROWS_OF)) {
        if (!this.#snapshots.has(table.name)) await this.#read(new DeltaTable(this.store, table));
        continue;
      }
      const done = { table: table.name, version: -1, commits: 0, files: 0, segments: 0 };
      report.tables.push(done);
      for (let tries = 1; !signal?.aborted;) {
        const outcome = await this.#lift(table);
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
    return report;
  }

  /** One commit: as many new segments as go into one. */
  async #lift(
    lake: FleetTable,
  ): Promise<"nothing" | "lost" | { files: number; segments: number }> {
    const table = new DeltaTable(this.store, lake);
    const snapshot = await this.#read(table);
    const taken = await this.#take(snapshot, lake.source!);
    if (taken.segments.length === 0) return "nothing";
    const work = join(this.folder, uniqueName(this.#world));
    this.#world.files.makeFolder(work);
    try {
      await using database = await openDatabase(this.#world, {
        path: ":memory:",
        access: "write",
        folders: [work],
        temp_folder: join(work, "spill"),
        keeps_order: true,
      });
      await this.#spool(database, work, taken.segments);
      const relation = `(${ROWS_OF[lake.name]})`;
      const add = await putDataFiles(this.store, database, lake, relation, work);
      const before = new Map(snapshot.watermarks);
      const change = {
        add,
        watermarks: taken.watermarks,
        is_data_change: true,
        operation: "WRITE",
      };
      while (!await table.commit(snapshot, change)) {
        await table.refresh(snapshot);
        // Another job took some of the same: then these files are nobody's, and are swept.
        for (const app of taken.watermarks.keys()) {
          if (snapshot.watermarks.get(app) !== before.get(app)) return "lost";
        }
      }
      // Not at every hundredth version: a job that dies at one would skip it.
      if (snapshot.version - snapshot.checkpoint >= checkpoint_commits) {
        await writeCheckpoint(this.#place(table), snapshot);
      }
      return { files: add.length, segments: taken.segments.length };
    } finally {
      this.#world.files.remove(work);
    }
  }

  /** A table as it is now. One that is not there is made: engines ask all of them, with rows or without. */
  async #read(table: DeltaTable): Promise<TableSnapshot> {
    const { name } = table.table;
    const known = this.#snapshots.get(name) ?? await readCheckpoint(this.#place(table));
    const snapshot = await table.refresh(known);
    const change = { add: [], is_data_change: true, operation: "CREATE TABLE" };
    if (snapshot.version < 0 && !await table.commit(snapshot, change)) {
      await table.refresh(snapshot);
    }
    this.#snapshots.set(name, snapshot);
    return snapshot;
  }

  #place({ folder }: DeltaTable) {
    return { store: this.store, table_folder: folder, work_folder: this.folder };
  }

  /** The next segments of each box, as many as go into one commit. */
  async #take(
    snapshot: TableSnapshot,
    source: Source,
  ): Promise<{ segments: TakenSegment[]; watermarks: Map<string, number> }> {
    const segments: TakenSegment[] = [];
    const watermarks = new Map<string, number>();
    let bytes = 0;
    for (const box of await listBoxes(this.store)) {
      const app = watermarkOf(box);
      const from = snapshot.watermarks.get(app) ?? 0;
      const chain = new BoxChain(this.store, source, box, from);
      try {
        for await (const segment of chain.next()) {
          segments.push(segment);
          watermarks.set(app, segment.facts.seq);
          bytes += segment.lines_bytes;
          if (bytes >= fold_bytes_max) return { segments, watermarks };
        }
      } catch (error) {
        if (!(error instanceof Poison)) throw error;
        const { seq, message: problem } = error;
        this.#poison.set(`${source} ${box}`, { box, source, seq, problem });
      }
    }
    return { segments, watermarks };
  }

  /** The events of segments as a table of DuckDB. */
  async #spool(
    database: Database,
    work: string,
    segments: readonly TakenSegment[],
  ): Promise<void> {
    const path = join(work, "events.ndjson");
    using file = this.#world.files.open(path, "create");
    const encoder = new TextEncoder();
    for (const { box, facts, bytes } of segments) {
      for (const rows of spooledRows(box, facts, bytes)) {
        writeFully(file, encoder.encode(rows));
      }
    }
    const types = Object.entries(SPOOLED_COLUMNS).map(([name, type]) => `${name}: '${type}'`);
    await database.run(
      `create table spooled as select * from read_json(${literal(path)},
         format = 'newline_delimited', maximum_object_size = 67108864, columns = {${types}})`,
    );
    this.#world.files.remove(path);
  }
}

/** The rows of a segment's events, as lines of JSON, many at a time. A line that is no event has none. */
function* spooledRows(
  box: string,
  { part: label, from }: SegmentFacts,
  bytes: Uint8Array<ArrayBuffer>,
): Generator<string> {
  const part = parsePartLabel(label)!;
  const stem = partStem(part);
  const names = Object.keys(SPOOLED_COLUMNS).slice(1);
  let start = from;
  for (const block of unpackLines(new MemoryFile(label, bytes))) {
    let rows = "";
    for (const { text, offset, size_bytes } of linesOf(block.bytes, start)) {
      const event = text === undefined ? NOT_UTF8 : validate(text, size_bytes);
      if (event instanceof BadLine) continue;
      const record = {
        kind: "event" as const,
        event,
        text: text!,
        offset,
        part,
        label,
        size_bytes,
      };
      const values = rowOf(record, part.day, stem, isPlain(text!));
      const row: Record<string, unknown> = { box };
      names.forEach((name, n) => row[name] = values[n]);
      rows += `${JSON.stringify(row)}\n`;
    }
    start += block.bytes.length;
    yield rows;
  }
}
