/** Tables of points: a go is one record of the write-ahead file, a large one a Parquet file of its own. */
import { join } from "@std/path";
import { quoted } from "../../base/error.ts";
import { makeFolderDurably } from "../../base/files/durable.ts";
import {
  metric_step_max,
  metrics_record_points_max,
  metrics_segment_points_max,
} from "../../base/limits.ts";
import { uniqueName } from "../../base/world.ts";
import type { Row } from "../../parquet/mod.ts";
import { type RowContext, rowError, type RowPlace } from "../artifacts/batch.ts";
import { artifactDefinition } from "../artifacts/definitions.ts";
import { type ArtifactSource, sourceName } from "../artifacts/input.ts";
import { rowsOfSource } from "../artifacts/stage_input.ts";
import { RowChecker } from "../artifacts/row_checker.ts";
import type { MetricsLog } from "./log.ts";
import type { Finding } from "../manifest/manifest.ts";
import { isMetricName, METRIC_NAME, MetricPoints } from "./points.ts";
import { PointsFile } from "./points_file.ts";
import { METRICS } from "./segments.ts";
import type { AppendedPoints, MetricsStore } from "./store.ts";

/** Adds a table of points in one go: each row is checked, and all are stored, or none. */
export async function addTable(
  log: MetricsLog,
  source: ArtifactSource,
): Promise<
  AppendedPoints & { rows: number; findings: readonly Finding[]; notes: readonly string[] }
> {
  const { store, store: { world, run_id } } = log;
  const definition = artifactDefinition(METRICS);
  const context: RowContext = { definition, run_id, source: sourceName(source) };
  const checker = new RowChecker(context);
  const go = new LargeGo(store);
  const scratch = join(store.run_folder, `metrics.${uniqueName(world)}.input.tmp`);
  try {
    const notes: string[] = [];
    for await (const batch of rowsOfSource(world, source, context, scratch, notes)) {
      const before = checker.count;
      for (const [at, row] of checker.check(batch).entries()) {
        addRow(go.points, row, context, { row: before + at + 1, line: batch.lines?.[at] });
      }
      if (go.points.count >= metrics_segment_points_max) go.spill();
    }
    checker.end();
    const said = { rows: checker.count, findings: checker.findings(), notes };
    if (said.rows <= metrics_record_points_max) {
      return { ...await log.append([go.points]), ...said };
    }
    go.spill();
    const settled = go.settle();
    return { ...await log.withRunLocked(() => store.take(settled)), ...said };
  } catch (error) {
    go.abandon();
    throw error;
  }
}

/** A go whose points may be too many for a record: then they become a file. */
class LargeGo {
  points = new MetricPoints();
  #file?: PointsFile;

  constructor(readonly store: MetricsStore) {}

  spill(): void {
    const { store: { world, folder, run_id } } = this;
    if (!this.#file) {
      makeFolderDurably(world.files, folder);
      this.#file = new PointsFile(world, join(folder, "go"));
    }
    this.#file.add(run_id, this.points);
    this.points = new MetricPoints();
  }

  settle(): { path: string; bytes: number } {
    return this.#file!.settle(this.store.run_id);
  }

  abandon(): void {
    this.#file?.abandon();
  }
}

function addRow(points: MetricPoints, row: Row, context: RowContext, place: RowPlace): void {
  const { name, step, value, ts_ms } = row as {
    name: string;
    step: number | bigint;
    value: number;
    ts_ms?: number | null;
  };
  if (!isMetricName(name)) {
    const words = `has ${quoted(name)} in column "name"; it has to be ${METRIC_NAME}`;
    throw rowError(context, place, words);
  }
  const number = Number(step);
  if (Math.abs(number) > metric_step_max) {
    const words = `has ${step} in column "step"; a step lies between ±${metric_step_max}`;
    throw rowError(context, place, words);
  }
  points.add(name, number, value, ts_ms ?? undefined);
}
