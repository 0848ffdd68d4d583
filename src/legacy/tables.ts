/**
 * Schema mapping: the tables of the first system, and where in an event each of their columns stands. What
 * a database has is looked at, never assumed: a column may be absent, and one that no mapping names is
 * listed, so that nothing is lost by ignorance.
 */
import { LedgerError } from "../base/error.ts";
import type { Database } from "../duckdb/connection.ts";
import { identifier } from "../duckdb/sandbox.ts";

/** A column of a legacy table, and where its value stands in the log. */
export interface Column {
  name: string;
  /** How its value is read. */
  kind: "text" | "number" | "boolean" | "json" | "time";
  /** On the event that begins a row, or on the one that ends it (where there is one). */
  on: "begin" | "end";
  /** The members that lead to it; a time is the event's own. */
  path: readonly string[];
  /** In milliseconds, as SQL computes it; of a time only. */
  time_sql?: string;
}

/** A table of the first system as the database at hand has it. */
export interface LegacyTable {
  name: TableName;
  /** The column that tells its rows apart. */
  key: string;
  columns: readonly Column[];
}

/** What holds values and is not understood: a table with its rows, a column with how many rows have it. */
export interface NotUnderstood {
  name: string;
  rows: number;
}

interface Mapping {
  key: string;
  /** Column -> path on the event that begins the row. */
  begin: Readonly<Record<string, string>>;
  /** The same on the event that ends it. */
  end?: Readonly<Record<string, string>>;
  /** Columns of time. */
  times: readonly string[];
  /** Where numbers and booleans stand that are not named above. */
  numbers?: string;
}

function same(names: string): Record<string, string> {
  return Object.fromEntries(names.trim().split(/\s+/).map((name) => [name, name]));
}

function below(parent: string, names: string): Record<string, string> {
  return Object.fromEntries(
    Object.keys(same(names)).map((name) => [name, `${parent}.${name}`]),
  );
}

const MAPPINGS = {
  runs_d: {
    key: "run_id",
    begin: {
      ...same(`created_at run_type data_fingerprint name date_from date_to alerts_total alerts_ok
        mode config_hash code_fingerprint code_dirty signature notes`),
      config_json: "config",
    },
    end: { timing_json: "timing", summary_json: "summary" },
    times: ["created_at"],
  },
  pipeline_phases_f: {
    key: "phase_id",
    begin: {
      ...same("started_at phase_id phase_name phase_order input_phase_id"),
      input_summary_json: "input_summary",
      config_json: "config",
    },
    end: {
      ...same("completed_at duration_ms status error_message retry_count notes"),
      output_summary_json: "output_summary",
    },
    times: ["started_at", "completed_at"],
  },
  trials_f: {
    key: "trial_id",
    begin: {
      ...same("created_at trial_id date_from date_to worst_lane"),
      ...below("params", "strategy_name tp_mult sl_mult intrabar_order entry_mode"),
      params_json: "params",
      gate_check_json: "gate_check",
      summary_json: "summary",
    },
    times: ["created_at"],
    numbers: "metrics",
  },
  walk_forward_f: {
    key: "fold_id",
    begin: {
      ...same("created_at notes"),
      ...below("params", "train_from train_to test_from test_to"),
      fold_id: "trial_id",
      fold_num: "params.fold",
      best_params_json: "params.best_params",
    },
    times: ["created_at"],
    numbers: "metrics",
  },
} as const satisfies Record<string, Mapping>;

type TableName = keyof typeof MAPPINGS;

const NUMBER_TYPE = /^(U?(TINY|SMALL|BIG|HUGE)?INT|U?INTEGER|DOUBLE|FLOAT|DECIMAL\(.*\))$/;

/** What a database of the first system has of the tables that are understood, and what else. */
export class LegacySchema {
  constructor(
    readonly tables: readonly LegacyTable[],
    /** The tables and columns that no mapping names, by their full names. */
    readonly unread: readonly { table: string; column?: string }[],
  ) {}

  table(name: TableName): LegacyTable | undefined {
    return this.tables.find((table) => table.name === name);
  }

  /** What of the unread holds values. */
  async notUnderstood(database: Database): Promise<NotUnderstood[]> {
    const found: NotUnderstood[] = [];
    for (const { table, column } of this.unread) {
      const counted = column === undefined ? "*" : identifier(column);
      const sql = `select count(${counted}) from ${legacyName(table)}`;
      const rows = Number(await database.value(sql));
      if (rows > 0) found.push({ name: column === undefined ? table : `${table}.${column}`, rows });
    }
    return found;
  }
}

/** A table of the attached database as SQL names it. */
export function legacyName(table: string): string {
  const [schema, ...name] = table.split(".");
  return `legacy.${identifier(schema)}.${identifier(name.join("."))}`;
}

/** Looks at the attached database. One that has no runs at all is an error. */
export async function readLegacySchema(database: Database): Promise<LegacySchema> {
  const found = await database.rows<{ table: string; column: string; type: string }>(`
    select c.schema_name || '.' || c.table_name as "table", column_name as column, data_type as type
    from duckdb_columns() c join duckdb_tables() t using (database_name, schema_name, table_name)
    where database_name = 'legacy' order by c.schema_name, c.table_name, column_index`);
  const by_table = Map.groupBy(found, ({ table }) => table);
  const tables: LegacyTable[] = [];
  const unread: { table: string; column?: string }[] = [];
  for (const [table, columns] of by_table) {
    const name = table.replace(/^optimizer\./, "");
    const mapping: Mapping | undefined = isMapped(name) ? MAPPINGS[name] : undefined;
    const has = (column: string) => columns.some((each) => each.column === column);
    if (!mapping || !isMapped(name) || !has("run_id") || !has(mapping.key)) {
      unread.push({ table });
      continue;
    }
    const read = columns.map((each) => columnOf(mapping, each.column, each.type));
    tables.push({ name, key: mapping.key, columns: read.filter((column) => column !== undefined) });
    for (const [at, { column }] of columns.entries()) {
      if (!read[at] && column !== "run_id") unread.push({ table, column });
    }
  }
  const schema = new LegacySchema(tables, unread);
  if (schema.table("runs_d")) return schema;
  throw new LedgerError({
    code: "invalid",
    message: "the legacy database has no table optimizer.runs_d with a run_id",
    hint: by_table.size === 0
      ? "is it the right file? It has no tables"
      : `it has: ${[...by_table.keys()].join(", ")}`,
  });
}

function isMapped(name: string): name is TableName {
  return Object.hasOwn(MAPPINGS, name);
}

function columnOf(mapping: Mapping, name: string, type: string): Column | undefined {
  const begin = Object.hasOwn(mapping.begin, name) ? mapping.begin[name] : undefined;
  const end = mapping.end && Object.hasOwn(mapping.end, name) ? mapping.end[name] : undefined;
  const is_time = mapping.times.includes(name);
  const kind = is_time ? "time" : kindOf(name, type);
  const is_number = kind === "number" || kind === "boolean";
  const others = is_number && mapping.numbers && name !== "run_id"
    ? `${mapping.numbers}.${name}`
    : undefined;
  const path = begin ?? end ?? others;
  if (path === undefined) return undefined;
  const on = end === undefined ? "begin" : "end";
  const place = { name, kind, on, path: path.split(".") } as const;
  return is_time ? { ...place, time_sql: millisecondsOf(name, type) } : place;
}

function kindOf(name: string, type: string): Column["kind"] {
  if (name.endsWith("_json") || type === "JSON") return "json";
  if (type === "BOOLEAN") return "boolean";
  return NUMBER_TYPE.test(type) ? "number" : "text";
}

/** A time without a zone means UTC, a number means milliseconds. */
function millisecondsOf(name: string, type: string): string {
  const column = identifier(name);
  if (type === "TIMESTAMP WITH TIME ZONE") return `epoch_ms(timezone('UTC', ${column}))`;
  if (NUMBER_TYPE.test(type)) return `try_cast(${column} as bigint)`;
  return `epoch_ms(try_cast(${column} as timestamp))`;
}
