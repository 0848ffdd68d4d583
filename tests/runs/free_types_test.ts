/** Runs of types of one's own, and what their summaries hold. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { LedgerError } from "../../src/base/error.ts";
import { testWorld } from "../harness.ts";
import { allRows } from "../parquet/files.ts";
import { writeParquet } from "../../src/parquet/mod.ts";
import { GOOD } from "./rows.ts";
import { ask, inLab, ledgerOf, newLab, sync } from "./runs.ts";

Deno.test("a run type is any name; one near a known one is noted, and the run is made", async () => {
  using lab = newLab();
  const create = async (run_type: string, run_id: string) =>
    await inLab(lab, ["runs", "create", "--run-type", run_type, "--run-id", run_id, "--no-git"]);
  const free = await create("walk-forward.v2", "r1");
  assertEquals([free.code, free.stderr], [0, ""]);
  const near = await create("polcy", "r2");
  assertEquals(near.code, 0);
  assertEquals(near.stderr, 'the run is of type "polcy"; was "policy" meant?\n');
  const refused = await create("Walk Forward", "r3");
  assertEquals([refused.code, refused.stdout], [2, ""]);
  assertStringIncludes(refused.stderr, '"Walk Forward": a type is 1 to 64 small letters');
  await sync(lab);
  const types = "select run_id, run_type from run_states order by run_id";
  assertEquals(await ask(lab, types), [["r1", "walk-forward.v2"], ["r2", "polcy"]]);
});

Deno.test("a run of any type but path-only and policy has the summary columns that it has", async () => {
  using lab = newLab();
  await using ledger = ledgerOf(lab);
  for (const run_type of ["momentum", "full", "optimization"]) {
    const run = await ledger.runs.create({ run_type, run_id: run_type, git: false });
    await run.writeArtifact("summary", [{ sharpe: 1.5, trades_count: 12, note: "ok" }]);
    const { path } = run.readManifest().artifacts.summary;
    const row = { run_id: run_type, trades_count: 12, sharpe: 1.5, note: "ok" };
    assertEquals(await allRows(join(run.folder, path)), [row]);
    assertEquals(run.readManifest().summary, row);
    await run.markSuccess();
  }
  const { findings, notes } = await ledger.runs.verify({ deep: true });
  assertEquals([findings, notes], [[], []]);
  await sync(lab);
  const sql = "select run_id, trades_count, avg_return_bps, sharpe from summary order by run_id";
  assertEquals(await ask(lab, sql), [
    ["full", 12, null, 1.5],
    ["momentum", 12, null, 1.5],
    ["optimization", 12, null, 1.5],
  ]);
});

Deno.test("a known column of a summary is checked in a run of any type, and required in policy runs", async () => {
  using lab = newLab();
  await using ledger = ledgerOf(lab);
  const runOf = async (run_type: string) =>
    await ledger.runs.create({ run_type, run_id: run_type, git: false });
  const free = await runOf("momentum");
  const wrong: [row: Record<string, unknown>, said: string][] = [
    [{ trades_count: 1.5 }, "trades_count"],
    [{ stop_out_rate: 2 }, "stop_out_rate"],
    [{ sharpe: NaN }, "sharpe"],
  ];
  for (const [row, said] of wrong) {
    const error = await assertRejects(() => free.writeArtifact("summary", [row]), LedgerError);
    assertStringIncludes(error.message, said);
  }
  for (const run_type of ["policy", "path-only"]) {
    const run = await runOf(run_type);
    const lacking = run.writeArtifact("summary", [{ sharpe: 1 }]);
    const error = await assertRejects(() => lacking, LedgerError);
    assertStringIncludes(error.message, 'lacks column "calls_processed"');
    const { run_id: _, ...summary } = GOOD.summary;
    await run.writeArtifact("summary", [{ ...summary, sharpe: 1 }]);
    // What is given at the end is free in any run.
    await (await runOf(`${run_type}-2`)).markSuccess({ summary: { sharpe: 1 } });
  }
});

Deno.test("a summary that comes as CSV or Parquet has the columns that it has, too", async () => {
  using lab = newLab();
  await using ledger = ledgerOf(lab);
  const path = join(lab.path, "summary.parquet");
  const columns = [
    { name: "sharpe", type: "double", nullable: true },
    { name: "trades_count", type: "int64", nullable: true },
  ] as const;
  await writeParquet(testWorld(), path, columns, [[{ sharpe: 1.5, trades_count: 12 }]]);
  const csv = join(lab.path, "summary.csv");
  Deno.writeTextFileSync(csv, "sharpe,trades_count\n1.5,12\n");
  for (const [at, source] of [{ path }, { path: csv }].entries()) {
    const run = await ledger.runs.create({ run_type: "momentum", run_id: `r${at}`, git: false });
    await run.writeArtifact("summary", source);
    const stored = join(run.folder, run.readManifest().artifacts.summary.path);
    assertEquals(await allRows(stored), [{ run_id: `r${at}`, trades_count: 12, sharpe: 1.5 }]);
  }
});
