/** Values of a metric: the runs that have it as a number, in a table, and why others have not. */
import { LedgerError, quoted } from "../../base/error.ts";
import { counted } from "../../base/format.ts";
import { nearest } from "../../base/nearest.ts";
import type { BoundValue, Database } from "../../duckdb/connection.ts";
import { metricField, type Shown } from "../../filter/selection.ts";
import { filterSql, keySql, valueSql } from "../../filter/sql.ts";
import type { Condition, Field } from "../../filter/tree.ts";
import { ALL_COLUMNS, type ListingText, NameCheck, readListing } from "./listing.ts";
import { SUMMARY_METRICS } from "./schema.ts";

/** Which runs are asked for which metric. */
interface MetricQuestion extends Omit<ListingText, "sort"> {
  /** A metric of the summary, or another number: `timing.total_ms`. */
  by: string;
  /** Statuses that count too, beside completed. */
  include?: readonly string[];
  /** What is done with it, as errors say: `rank by`. */
  doing: string;
  /** Holds too of the runs that are asked. */
  also?: Condition;
  /** What runs are told apart by, as column `key` of the table. */
  key?: Field;
}

/** Names of which less is better. */
const LOWER_IS_BETTER = /drawdown|(^|[._])dd_|loss|stop_out|adverse|exposed|_ms$/;

/** Whether less of a metric is better, by its name. */
export function isLowerBetter(name: string): boolean {
  return LOWER_IS_BETTER.test(name);
}

/** Makes the table `wanted`: the runs that fit, each with the metric as `value`; says what some lack. */
export async function readMetric(
  database: Database,
  question: MetricQuestion,
): Promise<{ shown?: readonly Shown[] }> {
  const { by, include = [], doing, also, key, onNotice } = question;
  const field = metricField(by);
  if (field.type !== "json" && field.type !== "number") throw notNumber(doing, by, "no number");
  const { condition, shown } = await readListing(database, question);
  const conditions = [condition, also].filter((each) => each !== undefined);
  const fitting: Condition = { kind: "and", of: conditions };
  const values: BoundValue[] = [];
  const bind = (value: BoundValue) => `$${values.push(value)}`;
  const statuses = ["completed", ...include].map((status) => bind(status)).join(", ");
  await database.run(
    `create or replace temp table wanted as
     select ${ALL_COLUMNS}, ${valueSql(field, "number", bind)} as value,
       ${field.type === "json" ? valueSql(field, "text", bind) : "null"} as text,
       ${key ? keySql(key, bind) : "null"} as key
     from run_states where status in (${statuses}) and ${filterSql(fitting, bind)}`,
    values,
  );
  const [counts] = await database.rows<Counts>(
    `select count(*) as known, count(text) as texts, any_value(text) as example,
       count(*) filter (where isfinite(value)) as numbers from wanted`,
  );
  if (counts.known === 0n) await explainStatuses(database, fitting, question);
  if (counts.numbers === 0n) await explainNothing(database, field, question, counts);
  else if (counts.numbers < counts.known) {
    const missing = Number(counts.known - counts.numbers - counts.texts);
    const reasons = [
      ...(missing > 0 ? [`${counted(missing, "has", "have")} no number for ${by}`] : []),
      ...(counts.texts > 0n ? [`${counted(Number(counts.texts), "has", "have")} text there`] : []),
    ];
    onNotice?.(`of ${counts.known} runs, ${reasons.join(", and ")}`);
  }
  return { shown };
}

interface Counts {
  known: bigint;
  numbers: bigint;
  texts: bigint;
  example: string | null;
}

/** Runs that fit, and are not ranked for their status. */
async function explainStatuses(
  database: Database,
  condition: Condition,
  { include = [], onNotice }: MetricQuestion,
): Promise<void> {
  const values: BoundValue[] = [];
  const bind = (value: BoundValue) => `$${values.push(value)}`;
  const rows = await database.rows<{ status: string; runs: bigint }>(
    `select status, count(*) as runs from run_states
     where ${filterSql(condition, bind)} group by status order by status`,
    values,
  );
  const others = rows.filter(({ status }) => status !== "completed" && !include.includes(status));
  if (others.length === 0) return;
  const found = others.map(({ status, runs }) => `${runs} ${status}`).join(", ");
  const all = [...include, ...others.map(({ status }) => status)].join(",");
  onNotice?.(`only completed runs count; of the others ${found}: --include ${all}`);
}

/** Nothing is ranked: because the metric is text, because no run has it, or because none fits. */
async function explainNothing(
  database: Database,
  field: Field,
  { by, doing, onNotice }: MetricQuestion,
  { texts, example }: Counts,
): Promise<void> {
  if (texts > 0n) throw notNumber(doing, by, `text, such as ${quoted(example)}`);
  if (field.type === "json") {
    const values: BoundValue[] = [];
    const of_type = valueSql(field, "boolean", (value) => `$${values.push(value)}`);
    const count = await database.value<bigint>(`select count(${of_type}) from wanted`, values);
    if (count > 0n) throw notNumber(doing, by, "true or false");
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
      ? `cannot ${doing} ${quoted(by)}: no run has it`
      : `cannot ${doing} ${
        quoted(by)
      }: no run has a ${field.column} yet, and it is no usual metric`,
    hint: near
      ? `did you mean ${near}?`
      : `there are ${(known.length > 0 ? known : SUMMARY_METRICS).join(", ")}`,
  });
}

function notNumber(doing: string, by: string, what: string): LedgerError {
  return new LedgerError({
    code: "usage",
    message: `cannot ${doing} ${quoted(by)}: it is ${what}`,
    hint: "a metric is a number; to sort by anything: ledger runs query --sort COLUMN",
  });
}
