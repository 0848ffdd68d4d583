/** What verify says of a value that is stored as another type is what a query does with it. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { parquetWriteBuffer } from "hyparquet-writer";
import { openDatabase } from "../../src/duckdb/connection.ts";
import type { ParquetColumnType } from "../../src/parquet/mod.ts";
import { artifactDefinition } from "../../src/runs/artifacts/definitions.ts";
import { fits } from "../../src/runs/artifacts/stored_type.ts";
import { typedRows } from "../../src/runs/catalog/typed_rows.ts";
import { memoryFolder, testWorld } from "../harness.ts";

const TEXTS = [
  ...["1", "1.0", "1.", "1.5", ".5", "-0", "+7", "007", " 7 ", "1e3", "1e-3", "1e400", "-1E5"],
  ...["9223372036854775807", "9223372036854775808", "-9223372036854775808", "9007199254740993"],
  ...["true", "TRUE", "f", "no", "0", "abc", "", " ", "nan", "inf", "0x10", "1_000", "1,5", "null"],
];
const DOUBLES = [0, -0, 1, 1.5, -7, 2 ** 53, 2 ** 63, -(2 ** 63), 1e300, NaN, Infinity];
const WHOLES = [0n, 1n, -1n, 2n, 2n ** 53n, 2n ** 63n - 1n];

/** Columns of trades that have these types. */
const COLUMN: Readonly<Record<Exclude<ParquetColumnType, "utf8">, string>> = {
  int64: "time_exposed_ms",
  double: "entry_px",
  boolean: "stop_out",
};

Deno.test("verify and queries agree which values can be read as a column's type", async () => {
  using folder = memoryFolder();
  const cases: { path: string; type: ParquetColumnType; value: unknown }[] = [];
  for (const [type, column] of Object.entries(COLUMN) as [keyof typeof COLUMN, string][]) {
    for (
      const [stored, values] of [["STRING", TEXTS], ["DOUBLE", DOUBLES], ["INT64", WHOLES]] as const
    ) {
      // Stored as its own type, or as one that it takes without loss of range, nothing is cast.
      if (stored.toLowerCase() === type || (stored === "INT64" && type === "double")) continue;
      for (const value of values) {
        const path = join(folder.path, `${cases.length}.parquet`);
        const columnData = [{ name: column, type: stored, data: [value] }];
        Deno.writeFileSync(path, new Uint8Array(parquetWriteBuffer({ columnData })));
        cases.push({ path, type, value });
      }
    }
  }
  await using database = await openDatabase(testWorld(), {
    path: ":memory:",
    access: "write",
    folders: [folder.path],
    temp_folder: join(folder.path, "spill"),
  });
  const paths = cases.map(({ path }) => path);
  const { misfits } = await typedRows(database, artifactDefinition("trades"), paths);
  const misfit_paths = new Set(misfits.map(({ path }) => path));
  const named = ({ type, value }: typeof cases[number]) => `${typeof value} ${value} for ${type}`;
  assertEquals(
    cases.filter(({ path }) => misfit_paths.has(path)).map(named),
    cases.filter(({ type, value }) => !fits(type, value)).map(named),
  );
});
