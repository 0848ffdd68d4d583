/** Metrics in the executable: added in several goes, asked for while the run goes on and when it has ended. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { binaryTest } from "./binary.ts";

binaryTest(
  "the executable adds metrics in several goes, and a query sees them before the end and after",
  async (bench) => {
    const must = async (...args: string[]) => {
      const { code, stdout, stderr } = await bench.ledger(args, { LEDGER_RUNS_DIR: "runs" });
      assertEquals(code, 0, `${args.join(" ")}: ${stderr}`);
      return stdout;
    };
    await must("runs", "create", "--run-type", "full", "--run-id", "r", "--no-git");
    for (const step of [2, 1]) {
      const path = join(bench.folder, `${step}.csv`);
      Deno.writeTextFileSync(path, `name,step,value\nloss,${step},${1 / step}\n`);
      await must("runs", "write", "r", "metrics", path);
    }
    const sql = "select run_id, name, step, value, ts_ms from metrics order by step";
    const ask = async () => JSON.parse(await must("query", "--db", "catalog", "--json", sql));
    const points = [
      { run_id: "r", name: "loss", step: 1, value: 1, ts_ms: null },
      { run_id: "r", name: "loss", step: 2, value: 0.5, ts_ms: null },
    ];
    assertEquals(await ask(), points);
    await must("runs", "finish", "r");
    assertEquals(await ask(), points);
  },
);
