/**
 * Fold job: segments of all boxes -> data files of tables, and the commit that makes them part of the table
 * together with how far each box has come. What a job that dies has put is no part of any table. Any
 * number of jobs may run: one that loses the race for a commit looks what the winner did.
 */
import { join } from "@std/path";
import { asLedgerError, LedgerError } from "../base/error.ts";
import { makeFolderDurably, writeFully } from "../base/files/durable.ts";
import { linesOf } from "../base/files/lines.ts";
import { MemoryFile } from "../base/files/memory_file.ts";
import { checkpoint_commits, fold_bytes_max } from "../base/limits.ts";
import { uniqueName, type World } from "../base/world.ts";
import { type Database, openDatabase } from "../duckdb/connection.ts";
import { literal } from "../duckdb/sandbox.ts";
import { isPlain, rowOf } from "../index/rows.ts";
import { linesDigest, unpackLines } from "../log/codec/unpacking.ts";
import { BadLine, NOT_UTF8, validate } from "../log/event/validate.ts";
import { parsePartLabel, partStem } from "../log/format/layout.ts";
import { readCheckpoint, writeCheckpoint } from "./checkpoint.ts";
import { type Claim, listBoxes, readClaim } from "./claim.ts";
import { putDataFiles } from "./data_files.ts";
import { LOG_TABLES, type LogTable, SPOOLED_COLUMNS } from "./lake.ts";
import {
  chainProblems,
  linkOf,
  parseMeta,
  type SegmentFacts,
  segmentKey,
  seqOfKey,
} from "./segment.ts";
import { backOff, type ObjectStore } from "./store.ts";
import { DeltaTable, type TableSnapshot } from "./table.ts";

/** What a fold did. */
export interface FoldReport {
  tables: { table: string; version: number; commits: number; files: number; segments: number }[];
  /** Boxes that stopped at a segment, and why. */
  poison: { box: string; seq: number; problem: string }[];
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
    for (const table of LOG_TABLES) {
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
    lake: LogTable,
  ): Promise<"nothing" | "lost" | { files: number; segments: number }> {
    const table = new DeltaTable(this.store, lake);
    const place = { store: this.store, table_folder: table.folder, work_folder: this.folder };
    const known = this.#snapshots.get(lake.name) ?? await readCheckpoint(place);
    const snapshot = await table.refresh(known);
    this.#snapshots.set(lake.name, snapshot);
    const taken = await this.#take(snapshot);
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
      const relation = `(${lake.select})`;
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
        await writeCheckpoint(place, snapshot);
      }
      return { files: add.length, segments: taken.segments.length };
    } finally {
      this.#world.files.remove(work);
    }
  }

  /** The next segments of each box, as many as go into one commit. */
  async #take(
    snapshot: TableSnapshot,
  ): Promise<{ segments: TakenSegment[]; watermarks: Map<string, number> }> {
    const segments: TakenSegment[] = [];
    const watermarks = new Map<string, number>();
    let bytes = 0;
    for (const box of await listBoxes(this.store)) {
      const app = watermarkOf(box);
      const from = snapshot.watermarks.get(app) ?? 0;
      const chain = new BoxChain(this.store, box, from);
      try {
        for await (const segment of chain.next()) {
          segments.push(segment);
          watermarks.set(app, segment.facts.seq);
          bytes += segment.lines_bytes;
          if (bytes >= fold_bytes_max) return { segments, watermarks };
        }
      } catch (error) {
        if (!(error instanceof Poison)) throw error;
        this.#poison.set(box, { box, seq: error.seq, problem: error.message });
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

/** The application id under which a table holds how far a box has come. */
function watermarkOf(box: string): string {
  return `box=${box}`;
}

interface TakenSegment {
  box: string;
  facts: SegmentFacts;
  bytes: Uint8Array<ArrayBuffer>;
  lines_bytes: number;
}

/** A segment that cannot be taken: its box stops there, and the others go on. */
class Poison extends Error {
  constructor(readonly seq: number, problem: string) {
    super(problem);
  }
}

/** A box's segments from a watermark on, each proven before it is handed on. */
class BoxChain {
  #link = "";
  #claim?: Claim;

  constructor(readonly store: ObjectStore, readonly box: string, readonly from: number) {}

  async *next(): AsyncGenerator<TakenSegment> {
    let expected = this.from + 1;
    let is_first = true;
    for await (
      const { key } of this.store.list(`log/box=${this.box}/`, segmentKey(this.box, this.from))
    ) {
      const seq = seqOfKey(key);
      if (seq === undefined || seq < expected) continue;
      if (seq > expected) throw new Poison(expected, "it is not in the store");
      if (is_first) await this.#begin();
      is_first = false;
      yield await this.#proven(seq);
      expected++;
    }
  }

  async #begin(): Promise<void> {
    this.#claim = await readClaim(this.store, this.box);
    if (this.from === 0) return;
    const facts = await this.#factsOf(this.from);
    if (facts) this.#link = linkOf(facts);
  }

  async #factsOf(seq: number): Promise<SegmentFacts | undefined> {
    const facts = await this.store.head(segmentKey(this.box, seq));
    return facts && parseMeta(facts.meta);
  }

  async #proven(seq: number): Promise<TakenSegment> {
    const facts = await this.#factsOf(seq);
    const bytes = await this.store.get(segmentKey(this.box, seq));
    if (!bytes) throw new Poison(seq, "it is not in the store");
    if (facts?.seq !== seq) throw new Poison(seq, "it does not say what it is");
    if (!this.#claim) throw new Poison(seq, "the claim of its box is gone from the store");
    const [problem] = chainProblems(facts, { box_id: this.#claim.box_id, link: this.#link });
    if (problem) throw new Poison(seq, problem);
    if (!parsePartLabel(facts.part)) throw new Poison(seq, "it names no part");
    try {
      const sha256 = linesDigest(new MemoryFile(this.box, bytes));
      if (sha256 !== facts.raw_sha256) throw new Poison(seq, "its lines are not those it says");
    } catch (error) {
      if (!asLedgerError(error)) throw error;
      throw new Poison(seq, (error as LedgerError).message);
    }
    this.#link = linkOf(facts);
    return { box: this.box, facts, bytes, lines_bytes: facts.to - facts.from };
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
