/** The allow-list beside DuckDB's own: nothing that it has is left undecided. */
import { assert, assertEquals } from "@std/assert";
import { DuckDBInstance } from "@duckdb/node-api";
import {
  allowedFunctions,
  type CallPlace,
  isAllowedFunction,
  mayReadFiles,
  PRAGMAS,
  reasonOfRefusal,
} from "../../src/duckdb/sandbox.ts";

interface Named {
  name: string;
  place: CallPlace | "pragma";
}

/** Whatever DuckDB has under a name, and where it is called. */
async function namesOfDuckDB(): Promise<Named[]> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  try {
    const rows = await connection.runAndReadAll(
      `select distinct function_name as name, case when function_type = 'pragma' then 'pragma'
         when function_type in ('table', 'table_macro') then 'table' else 'value' end as place
       from duckdb_functions() order by all`,
    );
    return rows.getRowObjects() as unknown as Named[];
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

Deno.test("each name that DuckDB has is allowed, or refused with a reason", async () => {
  const undecided: string[] = [];
  const decided_twice: string[] = [];
  const names = await namesOfDuckDB();
  for (const { name, place } of names) {
    const is_allowed = place === "pragma"
      ? Object.hasOwn(PRAGMAS, name)
      : isAllowedFunction(name, place);
    const reason = reasonOfRefusal(name);
    if (!is_allowed && reason === undefined) undecided.push(`${name} (${place})`);
    if (is_allowed && reason !== undefined) decided_twice.push(`${name} (${place})`);
  }
  assertEquals(undecided, []);
  // The aggregate counts values; the table macro looks for a table by its name in a text.
  assertEquals(decided_twice, ["histogram (value)"]);
  assert(names.length > 800, `only ${names.length} names: was DuckDB asked for all?`);
});

Deno.test("nothing is allowed that DuckDB does not have: what it brings later is decided then", async () => {
  const known = await namesOfDuckDB();
  for (const place of ["value", "table"] as const) {
    const names = new Set(
      known.filter((named) => named.place === place).map(({ name }) => name.toLowerCase()),
    );
    const unknown = allowedFunctions(place).filter((name) => !names.has(name));
    assertEquals(unknown, place === "value" ? ["unnest"] : []);
    for (const name of ["write_parquet", "read_parquet2", "toString", "__proto__", ""]) {
      assert(!isAllowedFunction(name, place), name);
    }
  }
});

Deno.test("a name is looked up as DuckDB does, in any case", () => {
  assert(isAllowedFunction("SUM", "value") && isAllowedFunction("Read_Parquet", "table"));
  assertEquals(reasonOfRefusal("ENABLE_LOGGING"), "it writes files");
});

Deno.test("each function that reads files opens the folders, and no other word does", async () => {
  const readers = (await namesOfDuckDB()).map(({ name }) => name)
    .filter((name) => /^(read_|parquet_|sniff_|glob$)/.test(name));
  for (const name of readers) assert(mayReadFiles(`from "${name}"('x')`), name);
  for (const sql of ["from latest_runs", "select spread_bps from trades", "select 'bread_'"]) {
    assert(!mayReadFiles(sql), sql);
  }
});
