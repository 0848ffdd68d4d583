/** Other programs' files into artifacts with the executable: through a pipe, long and short, good and bad. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { columnar_bytes_min } from "../../src/base/limits.ts";
import { duckdbBeside } from "../parquet/files.ts";
import { binaryTest, runProgram } from "./binary.ts";

const HEADING = "call_id,mint,caller_name,chain,alert_ts_ms,created_at";
const LINE = "c0000,So111,brook,sol,1704067200000,2024-01-01T00:00:00Z";

binaryTest(
  "inputs of any format and length are stored from a pipe, or refused by row",
  async (bench) => {
    const { binary, folder } = bench;
    const path = join(folder, "in.parquet");
    {
      await using database = await duckdbBeside(path);
      await database.run(`copy (select 'c' || x as call_id, 'So111' as mint, 'brook' as caller_name,
      'sol' as chain, timestamp '2024-01-01' + to_minutes(x) as alert_ts_ms,
      timestamp '2024-01-01' as created_at, x as __index_level_0__ from range(3000) t(x))
      to '${path}' (format parquet, compression zstd)`);
    }
    const count = Math.ceil(columnar_bytes_min / LINE.length) + 1;
    const lines = Array.from({ length: count }, (_, at) => LINE.replace("c0000", `c${1_000 + at}`));
    Deno.writeTextFileSync(join(folder, "in.csv"), [HEADING, ...lines].join("\n"));
    const bad = lines.with(2_000, lines[2_000].replace("1704067200000", "1704067200"));
    Deno.writeTextFileSync(join(folder, "bad.csv"), [HEADING, ...bad].join("\n"));
    const written = (name: string) =>
      runProgram("/bin/sh", ["-c", `cat ${name} | "${binary}" runs write r1 alerts`], folder, {});
    const create = ["runs", "create", "--run-type", "policy", "--run-id", "r1", "--no-git"];
    assertEquals((await bench.ledger(create)).code, 0);
    const parquet = await written("in.parquet");
    assertEquals(parquet.code, 0, parquet.stderr);
    assertStringIncludes(parquet.stdout, "3,000 rows");
    assertStringIncludes(parquet.stderr, `left out: column "__index_level_0__"`);
    const csv = await written("in.csv");
    assertEquals([csv.code, csv.stderr], [0, ""]);
    assertStringIncludes(csv.stdout, `${lines.length.toLocaleString("en")} rows`);
    const refused = await written("bad.csv");
    assertEquals(refused.code, 2);
    assertStringIncludes(refused.stderr, "row 2001 (line 2002) has 1704067200");
    assertEquals((await bench.ledger(["runs", "verify", "r1", "--deep"])).code, 0);
    const run = join(
      folder,
      "runs",
      [...Deno.readDirSync(join(folder, "runs"))]
        .find(({ name }) => /^\d{4}-\d\d$/.test(name))!.name,
      "run_id=r1",
    );
    assertEquals(
      [...Deno.readDirSync(join(run, "inputs"))].map(({ name }) => name),
      ["alerts.parquet"],
    );
  },
);
