/** Reader of a run's metrics as series, while it runs and after. */
import type { CorruptBytes } from "../../base/files/records.ts";
import type { World } from "../../base/world.ts";
import { MetricPoints, type MetricSeries } from "./points.ts";
import { pointsIn } from "./points_file.ts";
import { takeMetricsSnapshot } from "./segments.ts";

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
  const { files, waiting, damage } = await takeMetricsSnapshot(world, run_folder);
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
  for (const each of damage) onDamage?.(each);
  return all.sorted();
}
