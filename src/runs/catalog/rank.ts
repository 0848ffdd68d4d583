/** Leaderboard: runs in the order of a metric, the best first, with the parameters in which they differ. */
import { counted } from "../../base/format.ts";
import { withNumbers } from "../../base/json.ts";
import { runs_listed } from "../../base/limits.ts";
import type { Database } from "../../duckdb/connection.ts";
import { valueAt } from "../../filter/predicate.ts";
import { fieldsShown, keyOf, parseColumns, rowShown, type Shown } from "../../filter/selection.ts";
import type { Field } from "../../filter/tree.ts";
import { type ListingText, readKeys, withObjects } from "./listing.ts";
import { isLowerBetter, readMetric } from "./metric_values.ts";

/** How runs are ranked. */
export interface Ranking extends Omit<ListingText, "sort"> {
  /** A metric of the summary, or another number: `timing.total_ms`. */
  by: string;
  /** The smallest first. Default: as is better for the metric. */
  ascending?: boolean;
  /** Statuses that are ranked too, beside completed. */
  include?: readonly string[];
  /** Only the best for each value of this: `group`, `params.policy`. */
  per?: string;
  limit?: number;
}

/** Runs by their rank, and what is shown of each beside `rank`, `run_id`, `status` and `value`. */
export interface Leaderboard {
  ascending: boolean;
  fields: Field[];
  /** What each run is the best of, out of as many as `runs` says. */
  per?: Field;
  rows: Record<string, unknown>[];
}

/** Runs in the order of a metric. Those without it are left out, and counted. */
export async function rankRuns(database: Database, ranking: Ranking): Promise<Leaderboard> {
  const { by, limit = runs_listed, onNotice } = ranking;
  const [per] = ranking.per === undefined
    ? []
    : await readKeys(database, { name: "per", text: ranking.per }, onNotice);
  const { shown: asked } = await readMetric(database, { ...ranking, doing: "rank by", key: per });
  const ascending = ranking.ascending ?? isLowerBetter(by);
  const order = `value ${ascending ? "asc" : "desc"}, run_id`;
  const best = per
    ? `select *, count(*) over (partition by key) as runs from wanted
       where isfinite(value) and key is not null
       qualify row_number() over (partition by key order by ${order}) = 1`
    : `select * from wanted where isfinite(value)`;
  const rows = await database.rows(
    `select *, row_number() over (order by ${order}) as rank from (${best}) order by rank limit $1`,
    [limit],
  );
  if (per) {
    const without = await database.value<bigint>(
      `select count(*) from wanted where isfinite(value) and key is null`,
    );
    if (without > 0n) {
      onNotice?.(`${counted(Number(without), "run has", "runs have")} no ${per.name}`);
    }
  }
  const found = rows.map((row) => withObjects(withNumbers(row)));
  const { fields, shown } = shownWith(found, asked, per);
  return {
    ascending,
    fields,
    per,
    rows: found.map((row, index) => ({
      rank: row.rank,
      ...(per ? { [keyOf(per)]: valueAt(per, row) } : {}),
      run_id: row.run_id,
      status: row.status,
      value: row.value,
      ...(per ? { runs: row.runs } : {}),
      ...shown[index],
    })),
  };
}

/** Beside the metric: what was asked for, else the parameters that differ and what a run is known by. */
function shownWith(
  found: Record<string, unknown>[],
  asked: readonly Shown[] | undefined,
  per: Field | undefined,
) {
  if (asked) {
    const fields = fieldsShown(asked, found);
    return { fields, shown: found.map((row) => rowShown(fields, row)) };
  }
  const all = fieldsShown(parseColumns("params.*"), found);
  const fields = all.filter((field) => {
    // It stands before the run already.
    if (per && keyOf(field) === keyOf(per)) return false;
    const texts = found.map((row) => JSON.stringify(valueAt(field, row)));
    return texts.some((text) => text !== texts[0]);
  });
  const shown = found.map((row) => {
    const { run_type, created_at_ms } = row;
    const { trades_count = null, stop_out_rate = null } = Object(row.summary);
    return { ...rowShown(fields, row), run_type, trades_count, stop_out_rate, created_at_ms };
  });
  return { fields, shown };
}
