/** Leaderboard: runs in the order of a metric, the best first, with the parameters in which they differ. */
import { LedgerError, quoted } from "../../base/error.ts";
import { counted } from "../../base/format.ts";
import { withNumbers } from "../../base/json.ts";
import { runs_listed } from "../../base/limits.ts";
import { nearest } from "../../base/nearest.ts";
import type { BoundValue, Database } from "../../duckdb/connection.ts";
import { valueAt } from "../../filter/predicate.ts";
import {
  fieldsShown,
  metricField,
  parseColumns,
  rowShown,
  type Shown,
} from "../../filter/selection.ts";
import { filterSql, valueSql } from "../../filter/sql.ts";
import type { Condition, Field } from "../../filter/tree.ts";
import { ALL_COLUMNS, type ListingText, NameCheck, readListing, withObjects } from "./listing.ts";
import { SUMMARY_METRICS } from "./schema.ts";

/** How runs are ranked. */
export interface Ranking extends Omit<ListingText, "sort"> {
  /** A metric of the summary, or another number: `timing.total_ms`. */
  by: string;
  /** The smallest first. Default: as is better for the metric. */
  ascending?: boolean;
  /** Statuses that are ranked too, beside completed. */
  include?: readonly string[];
  limit?: number;
}

/** Names of which less is better. */
const LOWER_IS_BETTER = /drawdown|(^|[._])dd_|loss|stop_out|adverse|exposed|_ms$/;

/** Whether less of a metric is better, by its name. */
export function isLowerBetter(name: string): boolean {
  return LOWER_IS_BETTER.test(name);
}

/** Runs by their rank, and what is shown of each beside `rank`, `run_id`, `status` and `value`. */
export interface Leaderboard {
  ascending: boolean;
  fields: Field[];
  rows: Record<string, unknown>[];
}

/** Runs in the order of a metric. Those without it are left out, and counted. */
export async function rankRuns(database: Database, ranking: Ranking): Promise<Leaderboard> {
  const { by, include = [], limit = runs_listed, onNotice } = ranking;
  const field = metricField(by);
  if (field.type !== "json" && field.type !== "number") throw notNumber(by, "no number");
  const ascending = ranking.ascending ?? isLowerBetter(by);
  const listing = await readListing(database, { ...ranking, sort: undefined });
  const values: BoundValue[] = [];
  const bind = (value: BoundValue) => `$${values.push(value)}`;
  const statuses = ["completed", ...include].map((status) => bind(status)).join(", ");
  await database.run(
    `create or replace temp table wanted as
     select ${ALL_COLUMNS}, ${valueSql(field, "number", bind)} as value,
       ${field.type === "json" ? valueSql(field, "text", bind) : "null"} as text
     from run_states where status in (${statuses})
       and ${listing.condition ? filterSql(listing.condition, bind) : "true"}`,
    values,
  );
  const rows = await database.rows(
    `select *, row_number() over (order by value ${ascending ? "asc" : "desc"}, run_id) as rank
     from wanted where isfinite(value) order by rank limit $1`,
    [limit],
  );
  const [counts] = await database.rows<Counts>(
    `select count(*) as known, count(text) as texts, any_value(text) as example,
       count(*) filter (where isfinite(value)) as numbers from wanted`,
  );
  if (counts.known === 0n) await explainStatuses(database, listing.condition, ranking);
  if (counts.numbers === 0n) await explainNothing(database, field, ranking, counts);
  else if (counts.numbers < counts.known) {
    const texts = counts.texts > 0n
      ? `, and ${counted(Number(counts.texts), "has", "have")} text there`
      : "";
    const missing = counts.known - counts.numbers - counts.texts;
    onNotice?.(
      `of ${counts.known} runs, ${
        counted(Number(missing), "has", "have")
      } no number for ${by}${texts}`,
    );
  }
  const found = rows.map((row) => withObjects(withNumbers(row)));
  const { fields, shown } = shownWith(found, listing.shown);
  return {
    ascending,
    fields,
    rows: found.map((row, index) => ({
      rank: row.rank,
      run_id: row.run_id,
      status: row.status,
      value: row.value,
      ...shown[index],
    })),
  };
}

interface Counts {
  known: bigint;
  numbers: bigint;
  texts: bigint;
  example: string | null;
}

/** Beside the metric: what was asked for, else the parameters that differ and what a run is known by. */
function shownWith(found: Record<string, unknown>[], asked: readonly Shown[] | undefined) {
  if (asked) {
    const fields = fieldsShown(asked, found);
    return { fields, shown: found.map((row) => rowShown(fields, row)) };
  }
  const all = fieldsShown(parseColumns("params.*"), found);
  const fields = all.filter((field) => {
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

/** Runs that fit, and are not ranked for their status. */
async function explainStatuses(
  database: Database,
  condition: Condition | undefined,
  { include = [], onNotice }: Ranking,
): Promise<void> {
  const values: BoundValue[] = [];
  const bind = (value: BoundValue) => `$${values.push(value)}`;
  const rows = await database.rows<{ status: string; runs: bigint }>(
    `select status, count(*) as runs from run_states
     where ${condition ? filterSql(condition, bind) : "true"} group by status order by status`,
    values,
  );
  const others = rows.filter(({ status }) => status !== "completed" && !include.includes(status));
  if (others.length === 0) return;
  const found = others.map(({ status, runs }) => `${runs} ${status}`).join(", ");
  const all = [...include, ...others.map(({ status }) => status)].join(",");
  onNotice?.(`only completed runs are ranked; of the others ${found}: --include ${all}`);
}

/** Nothing is ranked: because the metric is text, because no run has it, or because none fits. */
async function explainNothing(
  database: Database,
  field: Field,
  { by, onNotice }: Ranking,
  { texts, example }: Counts,
): Promise<void> {
  if (texts > 0n) throw notNumber(by, `text, such as ${quoted(example)}`);
  if (field.type === "json") {
    const values: BoundValue[] = [];
    const of_type = valueSql(field, "boolean", (value) => `$${values.push(value)}`);
    const count = await database.value<bigint>(`select count(${of_type}) from wanted`, values);
    if (count > 0n) throw notNumber(by, "true or false");
  }
  const known = field.type === "json"
    ? await new NameCheck(database, onNotice).namesIn(field.column)
    : [field.column];
  if (field.ways.length === 0 || field.ways.some(([first]) => known.includes(first))) {
    return onNotice?.(`no run that fits has a number for ${by}`);
  }
  // Every summary may have one of the usual metrics.
  if (SUMMARY_METRICS.includes(by)) {
    return onNotice?.(`no run has ${known.length > 0 ? by : `a summary yet: nothing has ${by}`}`);
  }
  const near = nearest(by, known.length > 0 ? known : SUMMARY_METRICS);
  throw new LedgerError({
    code: "usage",
    message: known.length > 0
      ? `cannot rank by ${quoted(by)}: no run has it`
      : `cannot rank by ${quoted(by)}: no run has a ${field.column} yet, and it is no usual metric`,
    hint: near
      ? `did you mean ${near}?`
      : `there are ${(known.length > 0 ? known : SUMMARY_METRICS).join(", ")}`,
  });
}

function notNumber(by: string, what: string): LedgerError {
  return new LedgerError({
    code: "usage",
    message: `cannot rank by ${quoted(by)}: it is ${what}`,
    hint: "runs are ranked by numbers; to sort by anything: ledger runs query --sort COLUMN",
  });
}
