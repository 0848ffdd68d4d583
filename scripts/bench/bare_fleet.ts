/** The best trials of a fleet through DuckDB's own package, from packed segments: GLOB. */
import { DuckDBInstance } from "@duckdb/node-api";

const instance = await DuckDBInstance.create(":memory:");
const connection = await instance.connect();
const reader = await connection.runAndReadAll(
  `select box, run_id, max(cast(metrics->>'sharpe' as double)) as best
   from read_parquet('${Deno.args[0].replaceAll("'", "''")}', hive_partitioning = true)
   where is_trial group by all order by best desc, box, run_id limit 10`,
);
for (const row of reader.getRows()) console.log(row.map(String).join("\t"));
connection.closeSync();
instance.closeSync();
