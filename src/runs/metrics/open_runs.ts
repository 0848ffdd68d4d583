/**
 * SQL over the metrics of runs that have not ended: their Parquet segments as files, and the points of
 * their write-ahead files as a temporary table.
 */
import type { World } from "../../base/world.ts";
import type { Database } from "../../duckdb/connection.ts";
import { soundMetrics } from "./read.ts";

const WAITING = "metrics_waiting";
const CREATE = `create or replace temp table ${WAITING} (
  run_id varchar, name varchar, step bigint, value double, ts_ms bigint)`;
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
  for (const { run_id, folder } of runs) {
    const { files, waiting, damage } = await soundMetrics(world, folder);
    found.files.push(...files);
    found.damage.push(...damage);
    if (waiting.count === 0) continue;
    if (!found.waiting) await database.run(CREATE);
    found.waiting = WAITING;
    await database.append(WAITING, (appender) => {
      for (const { name, steps, values, ts_ms } of waiting.given()) {
        for (let at = 0; at < steps.length; at++) {
          appender.appendVarchar(run_id);
          appender.appendVarchar(name);
          appender.appendBigInt(BigInt(steps[at]));
          appender.appendDouble(values[at]);
          if (ts_ms && !Number.isNaN(ts_ms[at])) appender.appendBigInt(BigInt(ts_ms[at]));
          else appender.appendNull();
          appender.endRow();
        }
      }
    });
  }
  return found;
}
