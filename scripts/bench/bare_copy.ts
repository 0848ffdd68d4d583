/**
 * DuckDB writing a table as zstd Parquet, and nothing else: `load DATABASE FILES…` makes the table out
 * of compacted parts, `copy DATABASE` writes it. Run as a process of its own.
 */
import { DuckDBInstance } from "@duckdb/node-api";

const [what, database, ...files] = Deno.args;
const instance = await DuckDBInstance.create(database, { threads: "2" });
const connection = await instance.connect();
if (what === "load") {
  const list = `[${files.map((file) => `'${file}'`).join(", ")}]`;
  await connection.run(
    `create table lines as select * from read_parquet(${list}); checkpoint`,
  );
} else {
  const target = `${database}.parquet`;
  await connection.run(`copy lines to '${target}' (format parquet, compression zstd)`);
  Deno.removeSync(target);
}
connection.closeSync();
instance.closeSync();
