/** Query builder over `run_states`: what a caller says of rows, as SQL with bound values. */
import { quoted } from "../../base/error.ts";
import { nearest } from "../../base/nearest.ts";
import { parseKeepingDigits, withNumbers } from "../../base/json.ts";
import { names_listed_max } from "../../base/limits.ts";
import type { Database } from "../../duckdb/connection.ts";
import { PLAIN_COLUMNS } from "../../filter/names.ts";
import { parseFilter } from "../../filter/parse.ts";
import { problemAt, type Source } from "../../filter/problem.ts";
import {
  fieldsShown,
  parseColumns,
  parseKeys,
  parseSort,
  rowShown,
  type Shown,
  type SortKey,
} from "../../filter/selection.ts";
import { columnSql } from "../../filter/sql.ts";
import { type Condition, type Field, fieldsOf } from "../../filter/tree.ts";
import { RUN_TYPES } from "../manifest/manifest.ts";
import { SUMMARY_METRICS } from "./schema.ts";

/** What a run that has ended can be, and one that has not. */
export const ENDED_STATES = ["completed", "failed"] as const;
export const OPEN_STATES = ["running", "pending", "crashed", "stale", "unfinished"] as const;

/** What is said of rows in the grammar of filters. */
export interface ListingText {
  /** `params.stop_loss_bps > 300 and status = 'completed'`. */
  where?: string;
  /** `created_at:asc`, `-summary.sharpe`. Default: the latest first. */
  sort?: string;
  /** `run_id,params.*,summary.sharpe`. */
  columns?: string;
  /** From when a while ago is counted. Default: the database's clock. */
  now_ms?: number;
  /** Gets what is worth a line: a name that no run has. */
  onNotice?: (message: string) => void;
}

/** Rows, and the fields that were asked for. */
export interface Listing {
  rows: Record<string, unknown>[];
  fields?: Field[];
}

/** What was said, read and checked against what the runs have. */
interface ReadListing {
  condition?: Condition;
  /** The names that the condition speaks of. */
  fields: readonly Field[];
  order: readonly SortKey[];
  shown?: readonly Shown[];
  /** The columns to select. */
  columns: string;
}

const ROW_COLUMNS = `run_id, run_type, status, source, epoch_ms(created_at) as created_at_ms,
  epoch_ms(completed_at) as completed_at_ms, total_ms, artifacts, git_branch, git_commit, git_dirty,
  presence, run_path, name, "group", pin, to_json(tags) as tags`;
const OBJECTS = ["params", "summary", "timing", "dataset", "tags"];
export const ALL_COLUMNS = `${ROW_COLUMNS}, epoch_ms(started_at) as started_at_ms, data_fingerprint,
  findings, error, archive, params, summary, timing, dataset, notes`;

/** Reads what a caller says of rows. */
export async function readListing(database: Database, text: ListingText): Promise<ReadListing> {
  const { where, sort = "created_at", columns, onNotice } = text;
  const now_ms = text.now_ms ?? await clockOf(database);
  const condition = where === undefined ? undefined : parseFilter(where, now_ms);
  const fields = condition ? fieldsOf(condition) : [];
  const order = parseSort(sort);
  const shown = columns === undefined ? undefined : parseColumns(columns);
  const shown_fields = (shown ?? []).filter((each): each is Field => "column" in each);
  const names = new NameCheck(database, onNotice);
  await names.check({ name: "where", text: where ?? "" }, fields);
  if (condition) await names.checkValues(condition);
  await names.check({ name: "sort", text: sort }, order.map(({ field }) => field));
  await names.check({ name: "columns", text: columns ?? "" }, shown_fields);
  return { condition, fields, order, shown, columns: shown ? ALL_COLUMNS : ROW_COLUMNS };
}

/** Reads the names by which runs are told apart, and holds them against what the runs have. */
export async function readKeys(
  database: Database,
  source: Source,
  onNotice?: ListingText["onNotice"],
): Promise<Field[]> {
  const fields = parseKeys(source);
  await new NameCheck(database, onNotice).check(source, fields);
  return fields;
}

/** The database's clock. */
export async function clockOf(database: Database): Promise<number> {
  return Number(await database.value<bigint>("select epoch_ms(current_localtimestamp())"));
}

/** Rows as they were asked for. */
export function listingOf(
  found: readonly Record<string, unknown>[],
  shown: readonly Shown[] | undefined,
): Listing {
  const rows = found.map((row) => withObjects(withNumbers(row)));
  if (!shown) return { rows };
  const fields = fieldsShown(shown, rows);
  return { fields, rows: rows.map((row) => rowShown(fields, row)) };
}

/** A row whose JSON is parsed. */
export function withObjects(row: Record<string, unknown>): Record<string, unknown> {
  const parsed = OBJECTS.filter((name) => typeof row[name] === "string")
    .map((name) => [name, parseKeepingDigits(row[name] as string)]);
  return { ...row, ...Object.fromEntries(parsed) };
}

/** Holds names in a filter against what the runs have: a slip should not be an empty answer. */
export class NameCheck {
  readonly #known = new Map<string, readonly string[]>();

  constructor(readonly database: Database, readonly onNotice: ListingText["onNotice"]) {}

  /** Refuses a bare name that neither a column nor a summary has; notes another that no run has. */
  async check(source: Source, fields: readonly Field[]): Promise<void> {
    for (const field of fields) {
      if (field.type !== "json" || field.ways.length === 0) continue;
      const found = await this.namesIn(field.column);
      const known = field.is_bare ? [...new Set([...found, ...SUMMARY_METRICS])] : found;
      // A way leads into a member; whether it gets anywhere is the runs' to say.
      if (field.ways.some(([first]) => known.includes(first))) continue;
      const near = await this.#suggestion(field, known);
      if (!field.is_bare || found.length === 0) {
        this.onNotice?.(`no run has ${field.name}${near ? `; did you mean ${near}?` : ""}`);
        continue;
      }
      const listed = found.slice(0, names_listed_max).join(", ");
      throw problemAt(
        source,
        field.span,
        `there is no column ${field.name}, and no run has it in its summary`,
        near ? `did you mean ${near}?` : `summaries have ${listed}`,
      );
    }
  }

  /** Notes an id, a name, a group, a type or a status that is sought and that no run has. */
  async checkValues(condition: Condition): Promise<void> {
    for (const [column, value] of soughtIn(condition)) {
      const known = await this.#valuesOf(column);
      if (known.includes(value)) continue;
      const near = nearest(value, known);
      const hint = near ? `; did you mean ${near}?` : "";
      const what = column === "tags" ? "tag" : column;
      this.onNotice?.(`no run has the ${what} ${quoted(value)}${hint}`);
    }
  }

  async #valuesOf(column: string): Promise<string[]> {
    const value = column === "tags" ? "unnest(tags)" : columnSql({ column });
    const rows = await this.database.rows<{ value: string }>(
      `select distinct value from (select ${value} as value from run_states)
       where value is not null order by all`,
    );
    const usual: readonly string[] = USUAL_VALUES[column] ?? [];
    return [...new Set([...usual, ...rows.map(({ value }) => value)])];
  }

  /** The names of what the runs have in one of their objects. */
  async namesIn(column: string): Promise<readonly string[]> {
    const known = this.#known.get(column);
    if (known) return known;
    const rows = await this.database.rows<{ name: string }>(
      `select distinct unnest(json_keys(${column})) as name from run_states
       where json_type(${column}) = 'OBJECT' order by all`,
    );
    const names = rows.map(({ name }) => name).filter((name) => name !== "run_id");
    this.#known.set(column, names);
    return names;
  }

  async #suggestion(field: Field, known: readonly string[]): Promise<string | undefined> {
    const typed = field.ways[0].join(".");
    const before = field.is_bare ? "" : `${field.column}.`;
    const near = nearest(typed, field.is_bare ? [...known, ...PLAIN_COLUMNS] : known);
    for (const root of ["params", "timing", "summary"]) {
      if ((await this.namesIn(root)).includes(typed)) return `${root}.${typed}`;
    }
    return near && `${before}${near}`;
  }
}

/** What may be sought though no run has it right now. */
const USUAL_VALUES: Readonly<Record<string, readonly string[]>> = {
  status: [...ENDED_STATES, ...OPEN_STATES],
  run_type: RUN_TYPES,
  run_id: [],
  name: [],
  group: [],
  tags: [],
};

/** Ids, names, groups, types and statuses that a filter names, each with its column. */
function soughtIn(condition: Condition): [column: string, value: string][] {
  switch (condition.kind) {
    case "and":
    case "or":
    case "first":
      return condition.of.flatMap(soughtIn);
    case "not":
      return soughtIn(condition.of);
    case "compare":
    case "in": {
      const { field: { column } } = condition;
      const is_order = condition.kind === "compare" && !/^(=|<>)$/.test(condition.operator);
      if (is_order || !(column in USUAL_VALUES)) return [];
      const values = condition.kind === "in" ? condition.values : [condition.to];
      return values.filter((value) => typeof value === "string").map((value) => [column, value]);
    }
    case "has": {
      const { field: { column }, value } = condition;
      return column === "tags" ? [["tags", String(value)]] : [];
    }
    default:
      return [];
  }
}
