/** DuckDB copies the same trades out of a table, and prints rows a second: ROWS CODEC PATH. */
import { DuckDBInstance } from "@duckdb/node-api";
import { tradesSql } from "./parquet_rows.ts";

const [count, codec, target] = Deno.args;
const instance = await DuckDBInstance.create(":memory:", { threads: "2" });
const connection = await instance.connect();
await connection.run(`create table trades as ${tradesSql(Number(count))}`);
const start = performance.now();
await connection.run(`copy trades to '${target}' (format parquet, codec '${codec}')`);
console.log(Number(count) / ((performance.now() - start) / 1000));
connection.closeSync();
instance.closeSync();
