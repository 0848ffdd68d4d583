/** With the executable: impossible values are refused, what is unusual is noted, shown and verified. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { GOOD } from "../runs/rows.ts";
import { binaryTest } from "./binary.ts";

binaryTest(
  "impossible values are refused by row and column, odd and disagreeing ones are noted",
  async (bench) => {
    const write = async (row: Record<string, unknown>) => {
      const { run_id: _, ...trade } = { ...GOOD.trades, ...row };
      const lines = [GOOD.trades, trade].map((each) => JSON.stringify({ ...each, run_id: "r" }));
      Deno.writeTextFileSync(join(bench.folder, "trades.ndjson"), lines.join("\n"));
      return await bench.ledger(["runs", "write", "r", "trades", "trades.ndjson"]);
    };
    await bench.ledger(["runs", "create", "--run-type", "policy", "--run-id", "r", "--no-git"]);
    const refused = await write({ entry_ts_ms: 1_704_067_200 });
    assertEquals([refused.code, refused.stdout], [2, ""]);
    assertStringIncludes(refused.stderr, `row 2 (line 2) has 1704067200 in column "entry_ts_ms"`);
    assertStringIncludes(refused.stderr, "in milliseconds it is 1704067200000");
    const early = await write({ exit_ts_ms: GOOD.trades.entry_ts_ms as number - 1 });
    assertEquals(early.code, 2);
    assertStringIncludes(early.stderr, "exit_ts_ms has to be at least entry_ts_ms");
    const odd = await write({ realized_return_bps: -12_000 });
    assertEquals(odd.code, 0);
    const said = 'row 2 has -12000 in column "realized_return_bps"; it is usually -10000 or more';
    assertStringIncludes(odd.stderr, `odd, trades: ${said}`);
    const summary = '{"trades_count":3}';
    const finished = await bench.ledger(["runs", "finish", "r", "--summary", summary]);
    const both = "the summary has trades_count 3, and the rows of trades are 2";
    assertEquals(finished.code, 0);
    assertStringIncludes(finished.stderr, `disagreement, summary: ${both}`);
    const { stdout } = await bench.ledger(["runs", "show", "r"]);
    assertStringIncludes(stdout, `  odd  trades: ${said}\n  disagreement  summary: ${both}\n`);
    const verified = await bench.ledger(["runs", "verify", "r", "--deep"]);
    assertEquals(verified.code, 3);
    assertStringIncludes(verified.stdout, `run.json: ${both}`);
  },
);
