import * as z from "zod/mini";
import { EXIT_OK } from "../../base/error.ts";
import type { World } from "../../base/world.ts";
import { table_width_rows } from "../../base/limits.ts";
import type { Database } from "../../duckdb/connection.ts";
import type { QueryResult } from "../../duckdb/query.ts";
import { CUTOVER, legacyDatabase } from "../../legacy/attach.ts";
import { defineCommand } from "../command.ts";
import { asJson, choice, dir, format, type RowFormat, runsDir, text } from "../flags.ts";
import { openFor, readInput } from "../open.ts";
import { checkedDay } from "../times.ts";
import { paintFor, print, printRows, rowFormat, RowPrinter, type TableLayout } from "../output.ts";

export default defineCommand({
  name: "query",
  summary: "ask the index in SQL",
  description: "Runs DuckDB SQL over a snapshot of an index that `ledger rebuild` or `ledger " +
    "watch` made; builders are never waited for. Only queries: nothing can be written. Without " +
    "SQL, lists the tables and views, and queries to begin with.",
  examples: [
    { line: `ledger query "select * from latest_runs limit 10"`, shows: "the latest runs" },
    { line: "ledger query", shows: "what there is to ask" },
  ],
  positionals: [{ name: "SQL", summary: "the query; - or nothing reads standard input" }],
  flags: z.strictObject({
    "file": text({ short: "f", value: "FILE", description: "read the query from a file" }),
    "db": choice(["runs", "alerts", "catalog"], { description: "which index (default: runs)" }),
    "legacy": text({
      value: "PATH",
      description: "also open a database of the first system: adds all_runs and all_run_status",
    }),
    "cutover": text({
      value: "YYYY-MM-DD",
      description: `with --legacy: from this day on the log wins (default: ${CUTOVER})`,
    }),
    "format": format(),
    "json": asJson(),
    "dir": dir(),
    "runs-dir": runsDir(),
  }),
  run: async ({ world, flags, words: [sql] }) => {
    const asked = flags.file !== undefined
      ? await readInput(world, flags.file)
      : sql === "-" || (sql === undefined && !world.stdin.is_terminal)
      ? await readInput(world, "-")
      : sql ?? "";
    const ledger = openFor(world, flags);
    const cutover_day = flags.cutover === undefined
      ? undefined
      : checkedDay("cutover", flags.cutover);
    const attach = flags.legacy === undefined
      ? undefined
      : legacyDatabase(ledger, flags.legacy, cutover_day);
    await using database = await ledger.openIndex({ db: flags.db, sql: asked, attach });
    const format = rowFormat(flags.format, flags.json, "table");
    // An empty standard input asks nothing; an empty text was meant to.
    const is_given = flags.file !== undefined || (sql !== undefined && sql !== "-");
    if (asked.trim() === "" && !is_given) {
      await overview(world, database, flags.db ?? "runs", format);
    } else {
      const { runQuery } = await import("../../duckdb/query.ts");
      const result = await runQuery(database, asked);
      await printResult(world, result, format);
    }
    return EXIT_OK;
  },
});

async function overview(
  world: World,
  database: Database,
  db: "runs" | "alerts" | "catalog",
  format: RowFormat,
): Promise<void> {
  const index = await import("../../index/views.ts");
  const runs = await import("../../runs/catalog/artifact_views.ts");
  const { bold, dim } = paintFor(world, world.stdout);
  const columns = [{ field: "name" }, { field: "kind" }, { field: "columns" }];
  const rows = await index.describeIndex(database);
  const views = db === "catalog" ? runs.describeArtifactViews() : [];
  printRows(world, [...views, ...rows], columns, format);
  if (format !== "table") return;
  print(world, "\n" + bold("To begin with:"));
  const examples = db === "runs" ? index.EXAMPLE_QUERIES : runs.EXAMPLE_QUERIES[db];
  for (const { sql, shows } of examples) print(world, `  ${dim(`-- ${shows}`)}\n  ${sql}`);
}

async function printResult(world: World, result: QueryResult, format: RowFormat): Promise<void> {
  const columns = result.columns.map(({ name, is_number }) => ({ field: name, right: is_number }));
  const rowOf = (cells: string[]) =>
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
    for await (const [, drawing] of result.texts()) print(world, drawing);
    return;
  }
  const printer = new RowPrinter(world, columns, format);
  let first: string[][] = [];
  let layout: TableLayout | undefined;
  for await (const cells of result.texts()) {
    if (format !== "table") printer.print(rowOf(cells));
    else if (layout) printRows(world, [rowOf(cells)], columns, "table", layout);
    else if (first.push(cells) === table_width_rows) {
      layout = printRows(world, first.map(rowOf), columns, "table");
      first = [];
    }
  }
  if (format === "table" && !layout) printRows(world, first.map(rowOf), columns, "table");
  printer.end();
}
