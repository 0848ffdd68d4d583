/**
 * Segments of a run's metrics, and a snapshot of all its points at one moment.
 *
 * ```
 * results/metrics.wal/000001.jsonl      a write-ahead file: a record for each go, in their order
 * results/metrics.wal/000001.parquet    the same when it is full, or a go that was large: it counts
 * results/metrics.parquet               all of them in one, when the run ends
 * results/metrics.damaged/000001.at-77  bytes that were no record when a segment became Parquet
 * ```
 *
 * The finished file says in its footer through which segment it goes: segments up to that number do not
 * count, whether they are gone by then or not. So wherever a step is cut off, each point counts once.
 * Readers list the segments first, and look at the finished file after that.
 */
import { join } from "@std/path";
import { asLedgerError } from "../../base/error.ts";
import { openOwn } from "../../base/files/durable.ts";
import {
  bytesOfRecords,
  type CorruptBytes,
  corruptIn,
  readRecords,
  type RecordDamage,
} from "../../base/files/records.ts";
import type { Files, OpenFile } from "../../base/files/seam.ts";
import { metrics_listings_max, metrics_segment_read_bytes_max } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import { artifactDefinition } from "../artifacts/definitions.ts";
import { MetricPoints } from "./points.ts";
import { recordOf } from "./record.ts";

/** The artifact type whose rows are added in several goes. */
export const METRICS = "metrics";

/** Where a run's metrics are, below its folder. */
export const METRICS_PATHS = (() => {
  const { path } = artifactDefinition(METRICS);
  const stem = path.slice(0, -".parquet".length);
  return { finished: path, segments: `${stem}.wal`, damaged: `${stem}.damaged` };
})();

/** The note in a finished file's footer: the last segment that is in it. */
export const THROUGH_SEGMENT = "ledger.metrics_through";

export interface MetricsSegment {
  number: number;
  is_parquet: boolean;
  path: string;
}

const SEGMENT_NAME = /^(\d{6,})\.(jsonl|parquet)$/;

/** `000001` */
export function segmentStem(number: number): string {
  return String(number).padStart(6, "0");
}

/** The segments in a run's folder, in order; where one is Parquet already, that one. */
export function listMetricsSegments(files: Files, run_folder: string): MetricsSegment[] {
  const folder = join(run_folder, METRICS_PATHS.segments);
  const segments = new Map<number, MetricsSegment>();
  for (const { name } of files.list(folder) ?? []) {
    const [, digits, extension] = SEGMENT_NAME.exec(name) ?? [];
    const number = Number(digits);
    if (digits === undefined || segments.get(number)?.is_parquet) continue;
    segments.set(number, { number, is_parquet: extension === "parquet", path: join(folder, name) });
  }
  return [...segments.values()].sort((a, b) => a.number - b.number);
}

/** Through which segment a run's finished file goes; undefined where there is no such file. */
export async function finishedThrough(
  world: World,
  run_folder: string,
): Promise<number | undefined> {
  const path = join(run_folder, METRICS_PATHS.finished);
  if (!world.files.facts(path)) return undefined;
  const { parquetFacts } = await import("../../parquet/mod.ts");
  // One that another program made is in none of the segments.
  return Number(parquetFacts(world, path).key_values[THROUGH_SEGMENT]) || 0;
}

/** What is in a write-ahead file. */
interface WaitingSegment {
  points: MetricPoints;
  /** How many points it has had, damaged ones too. */
  total: number;
  damage: RecordDamage[];
}

/** Reads a write-ahead file, as long as it is now, into points. */
export function readSegment(file: OpenFile, points = new MetricPoints()): WaitingSegment {
  const damage: RecordDamage[] = [];
  const bytes = bytesOfRecords(file, metrics_segment_read_bytes_max);
  let total = 0;
  for (const each of readRecords(bytes)) {
    if (each.kind !== "record") {
      damage.push(each);
      continue;
    }
    const record = recordOf(each.text);
    if (record && record.total > total) {
      for (const series of record.series) points.addSeries(series);
      total = record.total;
      continue;
    }
    const reason = record ? "a record of its total stands before" : "it is no record of metrics";
    const { offset, size_bytes } = each;
    damage.push({
      kind: "corrupt",
      offset,
      bytes: bytes.slice(offset, offset + size_bytes),
      reason,
    });
  }
  return { points, total, damage };
}

/** All points of a run at one moment. */
export interface MetricsSnapshot {
  /** Parquet files, in the order in which their points came. */
  files: string[];
  /** The points of write-ahead files. */
  waiting: MetricPoints;
  waiting_bytes: number;
  damage: CorruptBytes[];
}

/** Takes a snapshot of a run that may be written to, and may end meanwhile. */
export async function takeMetricsSnapshot(
  world: World,
  run_folder: string,
): Promise<MetricsSnapshot> {
  const { files } = world;
  for (let attempt = 1;; attempt++) {
    try {
      const segments = listMetricsSegments(files, run_folder);
      const opened = segments.filter(({ is_parquet }) => !is_parquet);
      using stack = new DisposableStack();
      const open = new Map(opened.map(({ number, path }) => {
        return [number, stack.use(openOwn(files, path))];
      }));
      const through = await finishedThrough(world, run_folder);
      const counting = segments.filter(({ number }) => number > (through ?? 0));
      const snapshot: MetricsSnapshot = {
        files: counting.filter(({ is_parquet }) => is_parquet).map(({ path }) => path),
        waiting: new MetricPoints(),
        waiting_bytes: 0,
        damage: [],
      };
      if (through !== undefined) snapshot.files.unshift(join(run_folder, METRICS_PATHS.finished));
      for (const { number, path } of counting) {
        const file = open.get(number);
        if (!file) continue;
        snapshot.waiting_bytes += file.facts().size_bytes;
        snapshot.damage.push(...corruptIn(path, readSegment(file, snapshot.waiting).damage));
      }
      return snapshot;
    } catch (error) {
      // A file that was listed is gone: another one stands in its place by now.
      if (asLedgerError(error)?.code !== "not_found" || attempt >= metrics_listings_max) {
        throw error;
      }
    }
  }
}
