/** Reader of a run's metrics, while it runs and after: as series, in a few figures, and what is damaged. */
import { join } from "@std/path";
import { asLedgerError } from "../../base/error.ts";
import type { CorruptBytes } from "../../base/files/records.ts";
import { metrics_summed_points_max } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import { parquetFacts } from "../../parquet/mod.ts";
import { MetricPoints, type MetricSeries } from "./points.ts";
import { pointsIn } from "./points_file.ts";
import { METRICS_PATHS, type MetricsSnapshot, takeMetricsSnapshot } from "./segments.ts";

/** What is read, and who hears of what is damaged. */
export interface ReadMetricsOptions {
  /** Default: all. */
  names?: readonly string[];
  onDamage?: (damage: CorruptBytes) => void;
}

/** The metrics of a run by their names, the points of each by their steps. */
export async function readMetrics(
  world: World,
  run_folder: string,
  { names, onDamage }: ReadMetricsOptions = {},
): Promise<MetricSeries[]> {
  const snapshot = await takeMetricsSnapshot(world, run_folder);
  for (const each of snapshot.damage) onDamage?.(each);
  return (await pointsOf(world, snapshot, names)).sorted();
}

async function pointsOf(
  world: World,
  { files, waiting }: MetricsSnapshot,
  names?: readonly string[],
): Promise<MetricPoints> {
  if (files.length === 0 && !names) return waiting;
  const all = new MetricPoints();
  const add = (points: MetricPoints) => {
    for (const series of points.given()) {
      if (names?.includes(series.name) ?? true) all.addSeries(series);
    }
  };
  for (const path of files) {
    for await (const points of pointsIn(world, path)) add(points);
  }
  add(waiting);
  return all;
}

/** A metric in a few figures. */
export interface MetricFigures {
  name: string;
  points: number;
  last_step: number;
  last: number;
  min: number;
  max: number;
}

/** What a run's metrics are now. */
export interface MetricsLook {
  rows: number;
  bytes: number;
  /** Of each metric; absent where there are too many points to go through. */
  figures?: MetricFigures[];
}

/** Looks at a run's metrics; undefined where it has none. `onDamage` hears of what is missing. */
export async function lookAtMetrics(
  world: World,
  run_folder: string,
  onDamage?: (problem: string) => void,
): Promise<MetricsLook | undefined> {
  const snapshot = await takeMetricsSnapshot(world, run_folder);
  for (const each of snapshot.damage) onDamage?.(`${each.path}: ${damageText(each)}`);
  const { files, waiting, waiting_bytes } = snapshot;
  const bytesOf = (path: string) => world.files.facts(path)?.size_bytes ?? 0;
  const rows = files.reduce((sum, path) => sum + parquetFacts(world, path).rows, waiting.count);
  const bytes = files.reduce((sum, path) => sum + bytesOf(path), waiting_bytes);
  if (rows === 0) return undefined;
  if (rows > metrics_summed_points_max) return { rows, bytes };
  return { rows, bytes, figures: (await pointsOf(world, snapshot)).sorted().map(figuresOf) };
}

function figuresOf({ name, steps, values }: MetricSeries): MetricFigures {
  let [min, max] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return {
    name,
    points: steps.length,
    last_step: steps.at(-1)!,
    last: values.at(-1)!,
    min,
    max,
  };
}

/** What of a run's metrics can be read, and what cannot, by its path. */
interface SoundMetrics extends Pick<MetricsSnapshot, "files" | "waiting"> {
  damage: { path: string; problem: string }[];
}

/** Takes a snapshot of a run's metrics; what is damaged keeps nothing else from being read. */
export async function soundMetrics(world: World, run_folder: string): Promise<SoundMetrics> {
  const damage: SoundMetrics["damage"] = [];
  const look = async <Result>(path: string, body: () => Result | Promise<Result>) => {
    try {
      return await body();
    } catch (error) {
      const problem = asLedgerError(error);
      if (!problem) throw error;
      damage.push({ path: problem.where?.path ?? path, problem: problem.message });
    }
  };
  const finished = join(run_folder, METRICS_PATHS.finished);
  const snapshot = await look(finished, () => takeMetricsSnapshot(world, run_folder));
  if (!snapshot) return { files: [], waiting: new MetricPoints(), damage };
  for (const each of snapshot.damage) damage.push({ path: each.path, problem: damageText(each) });
  const files: string[] = [];
  for (const path of snapshot.files) {
    if (await look(path, () => parquetFacts(world, path))) files.push(path);
  }
  return { files, waiting: snapshot.waiting, damage };
}

/** What a damaged place of a write-ahead file means. */
function damageText({ offset, size_bytes, reason }: CorruptBytes): string {
  return `${size_bytes} bytes from byte ${offset} are no record of metrics (${reason}): what ` +
    "they held is missing";
}
