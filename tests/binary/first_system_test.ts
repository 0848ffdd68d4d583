/** The executable reads what the first system wrote: its runs, and their Parquet. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { putFirstSystemRun } from "../runs/first_system.ts";
import { rowOf } from "../runs/rows.ts";
import { binaryTest } from "./binary.ts";

binaryTest(
  "runs of the first system are numbers to a query, whole to verify, and found",
  async (bench) => {
    const lab = { runs_dir: join(bench.folder, "runs") };
    const row = (run_id: string, t_2x_ms: unknown) => rowOf("paths", { run_id, t_2x_ms });
    putFirstSystemRun(lab, "a", { paths: [row("a", null), row("a", 9000)] });
    putFirstSystemRun(lab, "b", { paths: [row("b", 60_000)] });
    putFirstSystemRun(lab, "c", { paths: [row("c", null), row("c", "soon")] });
    Deno.renameSync(join(lab.runs_dir, "2026-01/run_id=b"), join(lab.runs_dir, "run_id=b"));
    const must = async (...args: string[]) => {
      const { code, stdout, stderr } = await bench.ledger(args);
      assertEquals(code, 0, stderr);
      return { stdout, stderr };
    };
    assertStringIncludes((await must("runs", "sync")).stdout, "outside of a month: run_id=b");
    const sql = "select max(t_2x_ms) as max_ms, count(t_2x_ms) as known from paths";
    const { stdout, stderr } = await must("query", "--db", "catalog", sql, "--json");
    assertEquals(JSON.parse(stdout), [{ max_ms: 60_000, known: 2 }]);
    assertStringIncludes(
      stderr,
      "run_id=c/truth/paths.parquet: 1 value of column t_2x_ms cannot be",
    );
    await must("runs", "verify", "a");
    const bad = await bench.ledger(["runs", "verify", "c"]);
    assertEquals(bad.code, 3);
    assertStringIncludes(bad.stdout, "it is utf8 where int64 should be: 1 value of column t_2x_ms");
    const path = await must("runs", "query", "--run-id", "b", "--artifact-type", "paths");
    assertEquals(path.stdout, "runs/run_id=b/truth/paths.parquet\n");
  },
);
