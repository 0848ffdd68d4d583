/** One kind of run with the executable: emitted by some processes, with a folder by others. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { binaryTest } from "./binary.ts";

binaryTest(
  "runs that were emitted and runs with a folder are listed, counted, shown and ended alike",
  async (bench) => {
    const ok = async (args: string[], env?: Record<string, string>) => {
      const { code, stdout, stderr } = await bench.ledger(args, env);
      assertEquals(code, 0, `${args.join(" ")}: ${stderr}`);
      return { stdout, stderr };
    };
    const env = { LEDGER_RUN_ID: "emitted" };
    const emit = (...fields: string[]) => ok(["emit", ...fields], env);
    await emit(
      "run.created",
      "--run-type",
      "sweep",
      "--config",
      '{"stop":5}',
      "--data-fingerprint",
      "",
    );
    await emit("run.started");
    await emit("phase.started", "--phase-name", "simulate", "--phase-order", "1");
    await emit(
      "phase.completed",
      "--phase-name",
      "simulate",
      "--duration-ms",
      "12.5",
      "--output-summary",
      "{}",
    );
    await ok(["runs", "create", "--run-type", "policy", "--run-id", "foldered", "--no-git"]);
    await ok(["runs", "finish", "foldered", "--timing", '{"simulate_ms":7}']);

    const before = await ok(["runs", "query", "--json"]);
    assertEquals(JSON.parse(before.stdout).map(({ run_id }: { run_id: string }) => run_id), [
      "foldered",
    ]);
    assertStringIncludes(before.stderr, "1 ended of 2 known runs; not ended: 1 running");
    // The variable names the run, and the run has no folder.
    await ok(["runs", "finish", "--summary", '{"sharpe":2}'], env);
    const shown = (await ok(["runs", "show"], env)).stdout;
    assertMatch(shown, /^emitted {2}sweep {2}completed\n/);
    for (const text of ["stop=5", "sharpe=2", "simulate", "13 ms"]) {
      assertStringIncludes(shown, text);
    }
    const after = await ok([
      "runs",
      "query",
      "--sort",
      "run_id",
      "--columns",
      "run_id,source",
      "--json",
    ]);
    assertEquals(JSON.parse(after.stdout), [
      { run_id: "emitted", source: "log" },
      { run_id: "foldered", source: "both" },
    ]);
    // What people say of both, found by filters; a name stands for its run.
    await ok(["runs", "tag", "emitted", "best"]);
    await ok(["runs", "annotate", "foldered", "--tag", "best", "--group", "g", "--name", "one"]);
    const best = await ok(["runs", "query", "--where", "'best' in tags", "--json"]);
    assertEquals(
      JSON.parse(best.stdout).map(({ name, group }: Record<string, unknown>) => [name, group]),
      [["one", "g"], [null, null]],
    );
    assertMatch((await ok(["runs", "show", "one"])).stdout, /^foldered {2}one {2}policy/);
    assertEquals(JSON.parse((await ok(["status", "--json"])).stdout).runs, { ended: 2, known: 2 });
    const sql = "select count(*) as runs from run_states";
    for (const db of ["runs", "catalog"]) {
      assertEquals(JSON.parse((await ok(["query", "--db", db, sql, "--json"])).stdout), [{
        runs: 2,
      }]);
    }
  },
);
