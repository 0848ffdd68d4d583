/**
 * Spool of a fold job: what segments hold -> rows of one table, as a file that DuckDB reads. A segment that cannot
 * be read leaves nothing in it.
 */
import { join } from "@std/path";
import { asLedgerError, LedgerError } from "../base/error.ts";
import { makeFolderDurably, writeFully, writeNewFile } from "../base/files/durable.ts";
import { linesOf } from "../base/files/lines.ts";
import { MemoryFile } from "../base/files/memory_file.ts";
import type { OpenFile } from "../base/files/seam.ts";
import { json } from "../base/json.ts";
import { alert_files_at_once, segment_bytes_max, spool_line_bytes_max } from "../base/limits.ts";
import type { Database } from "../duckdb/connection.ts";
import { identifier, literal } from "../duckdb/sandbox.ts";
import { isPlain, ROW_COLUMNS, rowOf } from "../index/rows.ts";
import { unpackLines } from "../log/codec/unpacking.ts";
import { BadLine, NOT_UTF8, validate } from "../log/event/validate.ts";
import { parsePartLabel, partStem } from "../log/format/layout.ts";
import { dayOf } from "../log/mod.ts";
import { withSummary } from "../runs/catalog/rows.ts";
import { runRow } from "../runs/catalog/schema.ts";
import { RUN_FILES } from "../runs/manifest/layout.ts";
import { manifestTime, parseManifest, type RunManifest } from "../runs/manifest/manifest.ts";
import type { TakenSegment } from "./chain.ts";
import { DUCKDB_TYPES, type FleetTable, ROWS_OF } from "./lake/lake.ts";
import {
  type BundledRun,
  bytesOfRunFile,
  type RunFile,
  runsOfBundle,
} from "./bundles/run_files.ts";
import { TRACE_LINE_COLUMNS, tracesOfBundle } from "./bundles/trace_lines.ts";
import type { ObjectStore } from "./store.ts";

const NEWLINE = 10;

type Columns = Readonly<Record<string, string>>;

/** A file of lines of JSON, as something to select from. DuckDB sets memory aside by the longest line. */
export function rowsOfLines(
  path: string,
  columns: Columns,
  line_bytes_max: number = segment_bytes_max,
): string {
  const types = Object.entries(columns).map(([name, type]) => `${identifier(name)}: '${type}'`);
  return `read_json(${literal(path)}, format = 'newline_delimited',
    maximum_object_size = ${Math.max(line_bytes_max, spool_line_bytes_max)}, columns = {${types}})`;
}

/** Rows of one table, of any number of segments. */
export class Spool implements Disposable {
  readonly #path: string;
  readonly #file: OpenFile;
  #bytes = 0;
  #longest_bytes = 0;
  /** Files of calls, for which DuckDB has a reader. */
  #alert_files = 0;

  constructor(
    readonly store: ObjectStore,
    readonly table: FleetTable,
    /** A folder on this disk, of its own. */
    readonly folder: string,
  ) {
    this.#path = join(folder, "spool.ndjson");
    this.#file = store.world.files.open(this.#path, "create");
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }

  /** Adds the rows of a segment; throws, and adds none, where it is not what it has to be. */
  async add(segment: TakenSegment): Promise<void> {
    const encoder = new TextEncoder();
    const before = this.#bytes;
    try {
      for await (const rows of this.#rows(segment)) {
        const bytes = encoder.encode(rows);
        writeFully(this.#file, bytes);
        this.#bytes += bytes.length;
        this.#longest_bytes = Math.max(this.#longest_bytes, longestLine(bytes));
      }
    } catch (error) {
      this.#file.truncate(this.#bytes = before);
      throw error;
    }
  }

  /** Makes the rows something to select from. */
  async load(database: Database): Promise<string> {
    const { name, source } = this.table;
    if (name === "alerts") return await this.#loadAlerts(database);
    const columns = source === "log"
      ? { box: "varchar", ...ROW_COLUMNS }
      : source === "traces"
      ? { box: "varchar", ...TRACE_LINE_COLUMNS }
      : columnsOf(this.table);
    const rows = rowsOfLines(this.#path, columns, this.#longest_bytes);
    await database.run(`create table spooled as select * from ${rows}`);
    this.store.world.files.remove(this.#path);
    return `(${ROWS_OF[name] ?? "select * from spooled"})`;
  }

  #rows(segment: TakenSegment): Iterable<string> | AsyncIterable<string> {
    const { name, source } = this.table;
    if (source === "log") return rowsOfEvents(segment);
    if (source === "traces") return rowsOfTraces(segment);
    return name === "runs"
      ? this.#rowsOfRuns(segment)
      : name === "artifacts"
      ? rowsOfArtifacts(segment)
      : this.#filesOfAlerts(segment);
  }

  async *#rowsOfRuns({ box, bytes }: TakenSegment): AsyncGenerator<string> {
    for (const run of runsOfBundle(box, bytes)) {
      const manifest = await this.#withSummary(run, manifestOf(run));
      const values = Object.entries(runRow(manifest, { ...run, presence: "present" }))
        .map(([name, value]) => [name, isMember(value) ? JSON.stringify(value) : value]);
      yield rowText({ box, ...Object.fromEntries(values), log_day: dayOfRun(manifest) });
    }
  }

  /** A manifest of another program has its summary in a file. */
  async #withSummary({ files }: BundledRun, manifest: RunManifest): Promise<RunManifest> {
    const path = manifest.artifacts.summary?.path;
    const file = path !== undefined && !manifest.summary ? files.get(path) : undefined;
    if (!file) return manifest;
    const folder = join(this.folder, "run");
    const local = join(folder, "summary.parquet");
    const artifacts = { ...manifest.artifacts };
    artifacts.summary = { ...artifacts.summary, path: "summary.parquet" };
    await this.#putLocal(file, local, folder);
    const { summary } = await withSummary(this.store.world, folder, { ...manifest, artifacts });
    this.store.world.files.remove(folder);
    return summary ? { ...manifest, summary } : manifest;
  }

  async *#filesOfAlerts({ box, bytes }: TakenSegment): AsyncGenerator<string> {
    for (const run of runsOfBundle(box, bytes)) {
      const manifest = manifestOf(run);
      const file = run.files.get(manifest.artifacts.alerts?.path ?? "");
      if (!file) continue;
      const path = join(this.folder, "alerts", `${this.#alert_files++}.parquet`);
      await this.#putLocal(file, path, join(this.folder, "alerts"));
      yield rowText({ box, run_id: run.run_id, path, log_day: dayOfRun(manifest) });
    }
  }

  async #putLocal(file: RunFile, path: string, folder: string): Promise<void> {
    const { store } = this;
    const bytes = await bytesOfRunFile(store, file);
    if (!bytes) {
      throw new LedgerError({
        code: "damaged",
        message: `the object ${file.object} is gone, or has other bytes`,
        hint: "put it again on its box: ledger ship --repair",
      });
    }
    makeFolderDurably(store.world.files, folder);
    writeNewFile(store.world.files, path, bytes);
  }

  /** As an index of alerts has them: a file that cannot be read as calls has no rows. */
  async #loadAlerts(database: Database): Promise<string> {
    const columns = columnsOf(this.table);
    const types = Object.entries(columns).map(([name, type]) => `${identifier(name)} ${type}`);
    await database.run(`create table spooled (${types})`);
    const of_files = { box: "varchar", run_id: "varchar", path: "varchar", log_day: "varchar" };
    await database.run(
      `create table files as select * from ${
        rowsOfLines(this.#path, of_files, this.#longest_bytes)
      }`,
    );
    const load = async (paths: readonly string[]) => {
      const list = paths.map(literal).join();
      await database.run(
        `insert into spooled by name
         select f.box, f.run_id, call_id, mint, caller_name, chain, alert_ts_ms, a.created_at,
           f.log_day
         from read_parquet([${list}], union_by_name = true, filename = true,
           hive_partitioning = false) a join files f on f.path = a.filename`,
      );
    };
    const paths = (await database.rows<{ path: string }>(`select path from files`))
      .map(({ path }) => path);
    for (let at = 0; at < paths.length; at += alert_files_at_once) {
      const some = paths.slice(at, at + alert_files_at_once);
      try {
        await load(some);
      } catch (error) {
        if (!asLedgerError(error)) throw error;
        for (const path of some) await load([path]).catch(() => {});
      }
    }
    return "spooled";
  }
}

function columnsOf({ columns }: FleetTable): Columns {
  return Object.fromEntries(columns.map(({ name, type }) => [name, DUCKDB_TYPES[type]]));
}

/** The bytes of the longest of whole lines. */
function longestLine(bytes: Uint8Array): number {
  let longest = 0;
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf(NEWLINE, at) + 1;
    longest = Math.max(longest, end - at);
    at = end;
  }
  return longest;
}

function rowText(row: Record<string, unknown>): string {
  return `${JSON.stringify(row)}\n`;
}

/** A member that stands in a column as its JSON text. */
function isMember(value: unknown): boolean {
  return typeof value === "object" && value !== null && !json.isRawJSON(value);
}

function manifestOf({ run_path, run_id, manifest }: BundledRun): RunManifest {
  return parseManifest(manifest, `${run_path}/${RUN_FILES.manifest}`, run_id);
}

/** What is of a run has its day: that of its creation, in UTC. */
function dayOfRun({ created_at }: RunManifest): string {
  return dayOf(manifestTime(created_at));
}

function* rowsOfArtifacts({ box, bytes }: TakenSegment): Generator<string> {
  for (const run of runsOfBundle(box, bytes)) {
    const manifest = manifestOf(run);
    const of_run = { box, run_id: run.run_id, log_day: dayOfRun(manifest) };
    for (const [artifact_type, { path, ...said }] of Object.entries(manifest.artifacts)) {
      const file = run.files.get(path);
      yield rowText({
        ...of_run,
        artifact_type,
        rows: said.rows,
        path: `${run.run_path}/${path}`,
        bytes: said.bytes ?? file?.bytes,
        sha256: said.sha256,
        is_missing: file === undefined,
      });
    }
  }
}

/** The lines as they are, and whose they are. */
function* rowsOfTraces({ box, bytes }: TakenSegment): Generator<string> {
  for (const { line } of tracesOfBundle(bytes)) {
    yield `{"box":${JSON.stringify(box)},${line.trimStart().slice(1)}\n`;
  }
}

/** The rows of a segment's events, many at a time. A line that is no event has none. */
function* rowsOfEvents({ box, facts, bytes }: TakenSegment): Generator<string> {
  const { part: label, from } = facts;
  const part = parsePartLabel(label)!;
  const stem = partStem(part);
  const names = Object.keys(ROW_COLUMNS);
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
      rows += rowText(row);
    }
    start += block.bytes.length;
    yield rows;
  }
}
