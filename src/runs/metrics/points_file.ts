/** Parquet files of points: written beside their target, a row group at a time, and read back. */
import { standsAt } from "../../base/bytes.ts";
import { beginReplacement, openOwn, type Replacement } from "../../base/files/durable.ts";
import { row_group_rows_max, timestamp_ms_plausible_max } from "../../base/limits.ts";
import { uniqueName, type World } from "../../base/world.ts";
import { readParquet } from "../../parquet/mod.ts";
import { type ColumnCursor, type PackedGroup, PackedReader } from "../../parquet/packed_read.ts";
import {
  type ColumnBuffers,
  columnBuffers,
  type PackedColumn,
  PackedWriter,
} from "../../parquet/packed_write.ts";
import { checksOf } from "../artifacts/checks.ts";
import { artifactDefinition, footerNotes } from "../artifacts/definitions.ts";
import { oddFindings, type OddRows } from "../artifacts/row_checker.ts";
import type { Finding } from "../manifest/manifest.ts";
import { MetricPoints, type MetricSeries } from "./points.ts";
import { METRICS, THROUGH_SEGMENT } from "./segments.ts";

/** The one rule of metrics by which points are odd. */
const [USUAL_TIME] = checksOf(artifactDefinition(METRICS)).filter(({ verdict }) =>
  verdict === "odd"
);

type Name = "run_id" | "name" | "step" | "value" | "ts_ms";

/** Buffers of tens of megabytes, for one file after another: none is filled across an `await`. */
let buffers: ColumnBuffers<Name> | undefined;

function sharedBuffers(): ColumnBuffers<Name> {
  const { columns } = artifactDefinition(METRICS);
  return buffers ??= columnBuffers(columns as readonly (PackedColumn & { name: Name })[]);
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** A file of points on its way to its place. */
export class PointsFile {
  rows = 0;
  /** Points whose times are odd. */
  readonly #odd: OddRows = { check: USUAL_TIME, count: 0 };
  readonly #replacement: Replacement;
  readonly #writer: PackedWriter<Name>;

  constructor(world: World, target: string) {
    this.#replacement = beginReplacement(world.files, target, uniqueName(world));
    this.#writer = new PackedWriter(this.#replacement.file, sharedBuffers());
  }

  /** Writes points by their names and steps. */
  add(run_id: string, points: MetricPoints): void {
    const { columns } = this.#writer;
    const run = encoder.encode(run_id);
    let left = row_group_rows_max;
    for (const series of points.sorted()) {
      const name = encoder.encode(series.name);
      const count = series.steps.length;
      for (let start = 0, end = 0; start < count; start = end) {
        end = Math.min(count, start + left);
        columns.run_id.addCopies(run, end - start);
        columns.name.addCopies(name, end - start);
        addNumbers(columns, series, start, end);
        this.#watch(series, start, end);
        left -= end - start;
        if (left > 0) continue;
        this.#writer.writeGroup();
        left = row_group_rows_max;
      }
    }
    this.#writer.writeGroup();
  }

  /** What is odd of its points. */
  findings(): Finding[] {
    return oddFindings(artifactDefinition(METRICS), [this.#odd]);
  }

  #watch({ ts_ms }: MetricSeries, start: number, end: number): void {
    for (let at = start; ts_ms && at < end; at++) {
      if (!(ts_ms[at] > timestamp_ms_plausible_max)) continue;
      this.#odd.count++;
      this.#odd.first ??= { row: this.rows + at - start + 1, values: { ts_ms: ts_ms[at] } };
    }
    this.rows += end - start;
  }

  /** Writes the file's end and makes its bytes durable; it still has its temporary name. */
  settle(run_id: string, through = 0): { path: string; bytes: number } {
    const bytes = this.#writer.finish({
      ...footerNotes(artifactDefinition(METRICS), run_id),
      [THROUGH_SEGMENT]: String(through),
    });
    this.#replacement.settle();
    return { path: this.#replacement.file.path, bytes };
  }

  putInPlace(): void {
    this.#replacement.putInPlace();
  }

  abandon(): void {
    this.#replacement.abandon();
  }
}

function addNumbers(
  { step, value, ts_ms }: ColumnBuffers<Name>,
  series: MetricSeries,
  start: number,
  end: number,
): void {
  for (let at = start; at < end; at++) {
    step.addNumber(series.steps[at]);
    value.addNumber(series.values[at]);
    const time = series.ts_ms?.[at] ?? NaN;
    if (Number.isNaN(time)) ts_ms.addNull();
    else ts_ms.addNumber(time);
  }
}

/** The points of a file, those of a row group at a time. */
export async function* pointsIn(world: World, path: string): AsyncGenerator<MetricPoints> {
  const { key_values, batches } = readParquet(world, path);
  if (key_values[THROUGH_SEGMENT] === undefined) {
    // Another program's: its columns are of any form.
    for await (const rows of batches()) {
      const points = new MetricPoints();
      for (const { name, step, value, ts_ms } of rows) {
        points.add(String(name), Number(step), Number(value), ts_ms == null ? NaN : Number(ts_ms));
      }
      yield points;
    }
    return;
  }
  using file = openOwn(world.files, path);
  for (const group of new PackedReader(file).groups()) yield pointsOf(group);
}

function pointsOf(group: PackedGroup): MetricPoints {
  const points = new MetricPoints();
  const [steps, values, times] = ["step", "value", "ts_ms"].map(group.column);
  for (const { name, rows } of runsOf(group.column("name"), group.rows)) {
    const series = {
      name,
      steps: new Float64Array(rows),
      values: new Float64Array(rows),
      ts_ms: new Float64Array(rows),
    };
    for (let row = 0; row < rows; row++) {
      series.steps[row] = steps.nextInt64()!;
      series.values[row] = values.nextDouble()!;
      series.ts_ms[row] = times.nextInt64() ?? NaN;
    }
    const has_times = series.ts_ms.some((time) => !Number.isNaN(time));
    points.addSeries(has_times ? series : { ...series, ts_ms: undefined });
  }
  return points;
}

/** Rows one after another that have the same name. */
function* runsOf(names: ColumnCursor, rows: number): Generator<{ name: string; rows: number }> {
  let bytes: DataView | undefined;
  let count = 0;
  for (let row = 0; row < rows; row++, count++) {
    names.next();
    const length = names.end - names.start;
    if (bytes?.byteLength === length && standsAt(bytes, names.bytes, names.start)) continue;
    if (bytes) yield { name: decoder.decode(bytes), rows: count };
    bytes = new DataView(names.bytes.buffer, names.bytes.byteOffset + names.start, length);
    count = 0;
  }
  if (bytes) yield { name: decoder.decode(bytes), rows: count };
}
