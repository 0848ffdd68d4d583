/**
 * Holds a database open for writing, as another program would, until its input ends. Arguments: the
 * file, and what to run in it first.
 */
import { DuckDBInstance } from "@duckdb/node-api";

const [path, sql] = Deno.args;
const instance = await DuckDBInstance.create(path);
const connection = await instance.connect();
await connection.run(sql);
console.log("holds");
await Deno.stdin.read(new Uint8Array(1));
connection.closeSync();
instance.closeSync();
