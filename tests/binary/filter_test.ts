/** Questions to the executable in one command: filters, leaderboards, differences. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { type Bench, binaryTest } from "./binary.ts";

/** Four policies that were only emitted, of which one failed. */
async function emitSweep({ ledger }: Bench): Promise<void> {
  for (let number = 8; number < 12; number++) {
    const run_id = `sweep-2026-01-23-policy-${String(number).padStart(4, "0")}`;
    const about = ["--run-id", run_id];
    const config = JSON.stringify({ policy: { stop_bps: number * 100 }, window: "1h" });
    const summary = JSON.stringify({ sharpe: number / 3, grade: "B" });
    const end = number === 11
      ? ["run.failed", ...about, "--error", "no space"]
      : ["run.completed", ...about, "--summary", summary, "--artifact-paths", "{}"];
    const lines = [
      ["run.created", ...about, "--run-type", "policy", "--config", config],
      end,
    ];
    lines[0].push("--data-fingerprint", "d");
    for (const line of lines) assertEquals((await ledger(["emit", ...line])).code, 0);
  }
}

binaryTest("the executable answers questions about runs in one command each", async (bench) => {
  await emitSweep(bench);
  const { ledger } = bench;
  const where = "params.policy.stop_bps > 300 and (sharpe >= 3 or status = 'failed')";
  const listed = await ledger([
    ...["runs", "query", "--where", where, "--sort", "-summary.sharpe"],
    ...["--columns", "run_id,params.*,sharpe", "--format", "csv"],
  ]);
  assertEquals(listed.stdout.split("\n"), [
    "run_id,params.policy.stop_bps,params.window,sharpe",
    "sweep-2026-01-23-policy-0010,1000,1h,3.3333333333333335",
    "sweep-2026-01-23-policy-0009,900,1h,3",
    "sweep-2026-01-23-policy-0011,1100,1h,",
    "",
  ]);
  const ranked = await ledger(["runs", "rank", "--by", "sharpe", "--limit", "1", "--json"]);
  assertEquals(JSON.parse(ranked.stdout)[0].run_id, "sweep-2026-01-23-policy-0010");
  const differ = await ledger([
    ...["runs", "diff", "--sort", "-sharpe", "--limit", "3", "--columns", "sharpe", "--json"],
  ]);
  assertEquals(JSON.parse(differ.stdout).map(({ verdict }: { verdict: string }) => verdict), [
    ...["worse", "worse"],
  ]);
  const mistakes: [string[], string][] = [
    [["runs", "query", "--where", "params.x > > 1"], "cannot read where at column 12"],
    [["runs", "query", "--where", "abs(sharpe) > 1"], "ledger query --db catalog"],
    [["runs", "rank", "--by", "sharp"], "did you mean sharpe?"],
    [["runs", "rank", "--by", "grade"], "it is text"],
  ];
  for (const [args, said] of mistakes) {
    const { code, stdout, stderr } = await ledger(args);
    assertEquals([code, stdout], [2, ""], args.join(" "));
    assertStringIncludes(stderr, said);
  }
});
