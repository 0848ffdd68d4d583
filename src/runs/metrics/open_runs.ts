/**
 * SQL over the metrics of runs that have not ended: their Parquet segments as files, and the points of
 * their write-ahead files as a temporary table.
 */
import { metrics_sql_batch_points } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import type { Database } from "../../duckdb/connection.ts";
import { soundMetrics } from "./read.ts";

const WAITING = "metrics_waiting";
const CREATE = `create or replace temp table ${WAITING} (
  run_id varchar, name varchar, step bigint, value double, ts_ms bigint)`;
const FILL = `insert into ${WAITING}
  select run_id, name, unnest(steps), unnest("values"), unnest(ts_ms)
  from (select unnest(from_json($1::json, '[{"run_id": "VARCHAR", "name": "VARCHAR",
    "steps": ["BIGINT"], "values": ["DOUBLE"], "ts_ms": ["BIGINT"]}]'), max_depth := 2))`;

/** What to read beside the artifacts of runs that have ended. */
interface OpenMetrics {
  files: string[];
  /** Something to select from; absent where no points wait. */
  waiting?: string;
  /** What could not be read, by its path. */
  damage: { path: string; problem: string }[];
}

/** Takes a snapshot of the metrics of unfinished runs, which are named by their folders. */
export async function loadOpenMetrics(
  world: World,
  database: Database,
  runs: readonly { run_id: string; folder: string }[],
): Promise<OpenMetrics> {
  const found: OpenMetrics = { files: [], damage: [] };
  let batch: unknown[] = [];
  let points = 0;
  const load = async () => {
    if (batch.length === 0) return;
    if (!found.waiting) await database.run(CREATE);
    found.waiting = WAITING;
    await database.run(FILL, [JSON.stringify(batch)]);
    batch = [];
    points = 0;
  };
  for (const { run_id, folder } of runs) {
    const { files, waiting, damage } = await soundMetrics(world, folder);
    found.files.push(...files);
    found.damage.push(...damage);
    for (const { name, ...columns } of waiting.given()) {
      for (let start = 0; start < columns.steps.length; start += metrics_sql_batch_points) {
        const end = start + metrics_sql_batch_points;
        const [steps, values, ts_ms = null] = [columns.steps, columns.values, columns.ts_ms]
          .map((numbers) => numbers && [...numbers.subarray(start, end)]);
        batch.push({ run_id, name, steps, values, ts_ms });
        if ((points += steps!.length) >= metrics_sql_batch_points) await load();
      }
    }
  }
  await load();
  return found;
}
