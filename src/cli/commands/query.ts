import { asLedgerError } from "../../base/error.ts";
import type { World } from "../../base/world.ts";
import type { Database } from "../../duckdb/connection.ts";
import type { QueryResult } from "../../duckdb/query.ts";
import type { AnswerSource } from "../../ledger/fresh.ts";
import { CUTOVER, legacyDatabase } from "../../legacy/attach.ts";
import type { ArtifactTypes } from "../../runs/artifacts/types.ts";
import { defineCommand } from "../command.ts";
import {
  asIs,
  choice,
  day,
  ROW_FORMATS,
  type RowFormat,
  runsFlags,
  text,
  toggle,
} from "../flags.ts";
import { readInput } from "../input.ts";
import { freshen, openFor } from "../open.ts";
import { fieldColumns, paintFor, print, printRows, rowFormat, RowPrinter, say } from "../output.ts";
import { usage } from "../parse.ts";
import { sayWhatIsMissing } from "../traces.ts";

const DATABASES = ["runs", "alerts", "catalog", "traces"] as const;
type Asked = typeof DATABASES[number] | "fleet";

/** What each is made from; traces are read as they are, and what was pulled of a fleet too. */
const SOURCES: Readonly<Record<Asked | "both", readonly AnswerSource[]>> = {
  runs: ["log"],
  alerts: ["runs", "alerts"],
  catalog: ["runs"],
  traces: [],
  fleet: [],
  both: ["log", "runs"],
};

export default defineCommand({
  name: "query",
  summary: "query the index in SQL",
  description:
    "Runs DuckDB SQL, read-only, on a snapshot of an index. First brings the index up to date " +
    "with the log, or with the runs, where that takes less than about a second and no other " +
    "process is at it; otherwise says on standard error how far behind the answer is. --db traces " +
    "has one view, trace_events: the traced events of this moment, times in microseconds. --fleet asks " +
    "the index of what ledger fleet pull fetched, without network: the same tables and views, each " +
    "row with its box. Without " +
    "SQL, lists the tables and views, and queries to begin with.",
  examples: {
    'ledger query "select * from latest_runs limit 10"': "the latest runs",
    "ledger query": "tables, views and example queries",
    'ledger query --fleet "select box, count(*) from events group by all"':
      "what was pulled of a fleet",
    "ledger query --db traces \"select data->>'price' from trace_events where event_type = 'FILL'\"":
      "traced events, whether they are Parquet yet or not",
  },
  positionals: [{ name: "SQL", summary: "the query; - or nothing reads standard input" }],
  flags: {
    "file": text("FILE", "read the query from a file", { short: "f" }),
    "db": choice(DATABASES, "which index, or the traces (default: runs)"),
    "fleet": toggle("ask what fleet pull fetched: each row with its box"),
    "legacy": text("PATH", "attach the first system's database: adds all_runs and all_run_status"),
    "cutover": day(`with --legacy: from this day on the log wins (default: ${CUTOVER})`),
    "format": choice(
      [...ROW_FORMATS, "parquet"],
      `how rows are printed: ${ROW_FORMATS.join(", ")}, or parquet into a file (default: table)`,
      { value: "FORMAT" },
    ),
    "as-is": asIs(),
    ...runsFlags(),
  },
  run: async ({ world, flags, words: [sql] }) => {
    const asked = flags.file !== undefined
      ? await readInput(world, flags.file)
      : sql === "-" || (sql === undefined && !world.stdin.is_terminal)
      ? await readInput(world, "-")
      : sql ?? "";
    const is_parquet = flags.format === "parquet";
    if (is_parquet && world.stdout.is_terminal) {
      throw usage("query", "--format parquet is not for a terminal: … > FILE");
    }
    const ledger = openFor(world, flags);
    if (flags.fleet && (flags.db ?? flags.legacy) !== undefined) {
      const other = flags.db === undefined ? "--legacy" : "--db";
      throw usage("query", `--fleet is a database of its own, and ${other} names another`);
    }
    const { legacy } = flags;
    const db: Asked = flags.fleet ? "fleet" : flags.db ?? "runs";
    if (legacy !== undefined && (db === "catalog" || db === "traces")) {
      throw usage("query", `--legacy is attached to --db runs, and not to ${db}`);
    }
    const attach = legacy === undefined ? undefined : legacyDatabase(ledger, legacy, flags.cutover);
    const is_of_both = !flags.fleet && /\brun_states\b/i.test(asked);
    await freshen(world, ledger, flags, ...SOURCES[is_of_both ? "both" : db]);
    const onNotice = (message: string) => say(world, message);
    await using database = await ledger.openIndex({ db, sql: asked, attach, onNotice });
    const format = flags.format === "parquet"
      ? "table"
      : rowFormat({ ...flags, format: flags.format });
    // An empty standard input is no query; an empty file or word is one, and an error.
    const is_given = flags.file !== undefined || (sql !== undefined && sql !== "-");
    if (asked.trim() === "" && !is_given) {
      if (is_parquet) throw usage("query", "--format parquet is for the rows of a query");
      const types = await ledger.runs.artifactTypes();
      await overview(world, database, db, types, format);
    } else {
      const { runQuery } = await import("../../duckdb/query.ts");
      const result = await runQuery(database, asked).catch((error) => {
        const is_elsewhere = db !== "traces" && /\btrace_events\b/i.test(asked);
        const hint = "traced events are a database of their own: ledger query --db traces";
        throw is_elsewhere ? asLedgerError(error)?.with({ hint }) ?? error : error;
      });
      await (is_parquet ? printAsParquet(world, result) : printResult(world, result, format));
    }
    sayWhatIsMissing(world, ledger.traces.damage);
  },
});

async function overview(
  world: World,
  database: Database,
  db: Asked,
  types: ArtifactTypes,
  format: RowFormat,
): Promise<void> {
  const index = await import("../../index/run_views.ts");
  const runs = await import("../../runs/catalog/artifact_views.ts");
  const { bold, dim } = paintFor(world, world.stdout);
  const columns = fieldColumns("name kind columns");
  const rows = await index.describeIndex(database);
  const views = db === "catalog" ? runs.describeArtifactViews(types) : [];
  if (db === "runs" || db === "catalog") {
    const { describeRunStates } = await import("../../ledger/run_states.ts");
    views.unshift(describeRunStates());
  }
  printRows(world, [...views, ...rows], columns, format);
  if (format !== "table") return;
  print(world, "\n" + bold("To begin with:"));
  const examples = db === "runs" || db === "fleet"
    ? index.EXAMPLE_QUERIES
    : db === "traces"
    ? (await import("../../trace/ask/sql_view.ts")).EXAMPLE_QUERIES
    : runs.EXAMPLE_QUERIES[db];
  for (const { sql, shows } of examples) print(world, `  ${dim(`-- ${shows}`)}\n  ${sql}`);
}

async function printResult(world: World, result: QueryResult, format: RowFormat): Promise<void> {
  const columns = result.columns.map(({ name, is_number }) => ({ field: name, right: is_number }));
  const rowOf = (cells: readonly (string | null)[]) =>
    Object.fromEntries(cells.map((cell, column) => [columns[column].field, cell]));
  if (format === "json" || format === "ndjson") {
    const names = columns.map(({ field }) => JSON.stringify(field));
    const toJson = (row: Record<string, unknown>) =>
      `{${columns.map(({ field }, column) => `${names[column]}:${row[field]}`).join(",")}}`;
    const printer = new RowPrinter(world, columns, format, toJson);
    for await (const cells of result.jsons()) printer.print(rowOf(cells));
    return printer.end();
  }
  if (format === "table" && columns[0]?.field === "explain_key") {
    // A plan is a drawing of several lines, not a row.
    for await (const [, drawing] of result.texts()) print(world, drawing ?? "");
    return;
  }
  const printer = new RowPrinter(world, columns, format);
  for await (const cells of result.texts()) printer.print(rowOf(cells));
  printer.end();
}

async function printAsParquet(world: World, result: QueryResult): Promise<void> {
  const { printParquet } = await import("../../parquet/mod.ts");
  const batches = async function* () {
    for await (const batch of result.values()) {
      yield batch.map((cells) =>
        Object.fromEntries(cells.map((cell, n) => [result.columns[n].name, cell]))
      );
    }
  };
  const typed = result.columns.map(({ name, kind }) => ({ name, type: kind, nullable: true }));
  await printParquet(world, typed, batches());
}
