/** Group statistics: a metric over the runs of a sweep, its mean and interval for each setting. */
import { LedgerError, quoted } from "../../base/error.ts";
import { counted } from "../../base/format.ts";
import { withNumbers } from "../../base/json.ts";
import { names_listed_max } from "../../base/limits.ts";
import { nearest } from "../../base/nearest.ts";
import type { Database } from "../../duckdb/connection.ts";
import { plainNumber, valueAt } from "../../filter/predicate.ts";
import { rowShown } from "../../filter/selection.ts";
import type { Condition, Field } from "../../filter/tree.ts";
import { meanInterval } from "../../judge/mean_interval.ts";
import { type ListingText, NameCheck, readKeys, withObjects } from "./listing.ts";
import { isLowerBetter, readMetric } from "./metric_values.ts";

/** What is asked of a group of runs. */
export interface GroupQuestion extends Pick<ListingText, "where" | "now_ms" | "onNotice"> {
  group: string;
  /** What tells settings apart: `params.x`, or several between commas. Runs that differ otherwise,
   * in seed or window, are the sample. */
  by: string;
  /** A metric of the summary, or another number. */
  metric: string;
  /** Statuses that count too, beside completed. */
  include?: readonly string[];
}

/** A row for each setting, the best mean first: its values, `runs`, and those of `meanInterval`. */
export interface GroupStatistics {
  fields: Field[];
  rows: Record<string, unknown>[];
}

/** The statistics of a group of runs. */
export async function groupStatistics(
  database: Database,
  question: GroupQuestion,
): Promise<GroupStatistics> {
  const { group, by, metric, onNotice } = question;
  await refuseUnknownGroup(database, group);
  const fields = await readKeys(database, { name: "by", text: by });
  const span = { from: 0, to: 0 };
  const of_group: Condition = {
    kind: "compare",
    type: "text",
    field: { name: "group", span, column: "group", type: "text", ways: [], is_bare: false },
    operator: "=",
    to: group,
  };
  await readMetric(database, { ...question, by: metric, doing: "average", also: of_group });
  const found = (await database.rows(`select * from wanted where isfinite(value) order by run_id`))
    .map((row) => withObjects(withNumbers(row)));
  for (const field of found.length > 0 ? fields : []) {
    if (found.every((row) => valueAt(field, row) === undefined)) {
      throw await noSuchSetting(database, group, field);
    }
  }
  const lacksSetting = (row: Record<string, unknown>) =>
    fields.some((field) => valueAt(field, row) === undefined);
  const without = found.filter(lacksSetting);
  if (without.length > 0) {
    const count = counted(without.length, "run has", "runs have");
    onNotice?.(`${count} no ${fields.map(({ name }) => name).join(" or no ")}`);
  }
  const settings = Map.groupBy(
    found.filter((row) => !lacksSetting(row)),
    (row) => JSON.stringify(fields.map((field) => plainNumber(valueAt(field, row)))),
  );
  const direction = isLowerBetter(metric) ? 1 : -1;
  const rows = [...settings.values()].map((runs) => ({
    ...rowShown(fields, runs[0]),
    runs: runs.length,
    ...meanInterval(runs.map(({ value }) => value as number)),
  }));
  return { fields, rows: rows.sort((a, b) => direction * (a.mean - b.mean)) };
}

async function refuseUnknownGroup(database: Database, group: string): Promise<void> {
  const groups = (await database.rows<{ name: string }>(
    `select distinct "group" as name from run_states where "group" is not null order by all`,
  )).map(({ name }) => name);
  if (groups.includes(group)) return;
  const near = nearest(group, groups);
  throw new LedgerError({
    code: "usage",
    message: `no run is in a group ${quoted(group)}`,
    hint: near
      ? `did you mean ${near}?`
      : groups.length > 0
      ? `groups are ${groups.slice(0, names_listed_max).join(", ")}`
      : `put runs into one: ledger runs annotate RUN --group ${group}`,
  });
}

async function noSuchSetting(
  database: Database,
  group: string,
  { name, column, ways, is_bare }: Field,
): Promise<LedgerError> {
  const known = ways.length > 0 ? await new NameCheck(database, undefined).namesIn(column) : [];
  const near = nearest(ways[0]?.join(".") ?? "", known);
  const prefix = is_bare ? "" : `${column}.`;
  return new LedgerError({
    code: "usage",
    message: `no run of group ${quoted(group)} has ${name}`,
    hint: near
      ? `did you mean ${prefix}${near}?`
      : known.length > 0
      ? `there are ${known.slice(0, names_listed_max).map((each) => prefix + each).join(", ")}`
      : "runs are told apart by what they have: params.NAME, dataset.NAME, run_type",
  });
}
