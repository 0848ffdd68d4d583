/** The latest runs through DuckDB's own package and nothing else: DATABASE. */
import { DuckDBInstance } from "@duckdb/node-api";

const instance = await DuckDBInstance.create(Deno.args[0], { access_mode: "READ_ONLY" });
const connection = await instance.connect();
const reader = await connection.runAndReadAll("select * from latest_runs limit 10");
for (const row of reader.getRows()) console.log(row.map(String).join("\t"));
connection.closeSync();
instance.closeSync();
