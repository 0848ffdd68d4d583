/**
 * Trades in a file, and DuckDB copying such a file into Parquet, and nothing else: `make ROWS FILE`;
 * `copy FILE TARGET` prints the seconds that it took. Run as a process of its own.
 */
import { DuckDBInstance } from "@duckdb/node-api";
import { tradesSql } from "./parquet_rows.ts";

const [what, first, target] = Deno.args;
const instance = await DuckDBInstance.create(":memory:", { threads: "2" });
const connection = await instance.connect();
const format = (path: string) => path.endsWith(".csv") ? "format csv, header" : "format parquet";
if (what === "make") {
  // Whose rows they are is filled in where they are stored.
  const rows = `select * exclude run_id from (${tradesSql(Number(first))})`;
  await connection.run(`copy (${rows}) to '${target}' (${format(target)})`);
} else {
  const start = performance.now();
  await connection.run(`copy (from '${first}') to '${target}' (format parquet)`);
  console.log((performance.now() - start) / 1000);
}
connection.closeSync();
instance.closeSync();
