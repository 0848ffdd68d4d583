/** Which runs there are: those of the log, those of the folder, each once, as they stand now. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { LedgerError } from "../../src/base/error.ts";
import { type Lab, ledgerOf, newLab, putRun, sync } from "../runs/runs.ts";
import { testWorld } from "../harness.ts";

const NOW_MS = Date.UTC(2026, 0, 23, 12);
const at = (ms: number) => testWorld({ now_ms: () => NOW_MS + ms });

async function emitted(lab: Lab): Promise<void> {
  await using ledger = ledgerOf(lab, at(0));
  const created = { run_type: "policy", config: { stop: 5 }, data_fingerprint: "f" };
  for (const run_id of ["log", "both", "goes-on"]) {
    await ledger.emitRunCreated({ run_id, ...created });
    await ledger.emitRunStarted({ run_id });
  }
  for (const [phase_name, duration_ms] of [["plan", 3], ["simulate", 12.5], ["plan", 4]] as const) {
    await ledger.emitPhaseStarted({ run_id: "log", phase_name, phase_order: 1 });
    await ledger.emitPhaseCompleted({
      run_id: "log",
      phase_name,
      duration_ms,
      output_summary: {},
    });
  }
  await ledger.emitRunCompleted({ run_id: "log", summary: { sharpe: 1.5 }, artifact_paths: {} });
  await ledger.emitRunFailed({ run_id: "both", error: "no candles" });
  putRun(lab, "both", { status: "running", created_at: new Date(NOW_MS).toISOString() }, {
    has_success: false,
  });
  putRun(lab, "folder", { summary: { sharpe: 2 }, timing: { simulate_ms: 7, total_ms: 9 } });
  await ledger.sync();
  await sync(lab, {}, at(0));
}

Deno.test("a run of the log, of the folder, and of both is one row, and says which", async () => {
  using lab = newLab();
  await emitted(lab);
  const rows = (ms: number, db: "runs" | "catalog") =>
    ledgerOf(lab, at(ms)).query(
      "select run_id, source, status, presence, params, summary, timing, error from run_states " +
        "order by run_id",
      { db },
    );
  const of_log = { source: "log", presence: null, params: { stop: 5 } };
  const expected = [
    {
      run_id: "both",
      source: "both",
      status: "failed",
      presence: "present",
      params: { stop: 5 },
      summary: null,
      timing: { total_ms: 0 },
      error: "no candles",
    },
    {
      run_id: "folder",
      source: "folder",
      status: "completed",
      presence: "present",
      params: {},
      summary: { sharpe: 2 },
      timing: { simulate_ms: 7, total_ms: 9 },
      error: null,
    },
    { run_id: "goes-on", ...of_log, status: "running", summary: null, timing: null, error: null },
    {
      run_id: "log",
      ...of_log,
      status: "completed",
      summary: { sharpe: 1.5 },
      timing: { total_ms: 19.5, plan_ms: 7, simulate_ms: 12.5 },
      error: null,
    },
  ];
  for (const db of ["runs", "catalog"] as const) assertEquals(await rows(1, db), expected, db);
  const [, , goes_on] = await rows(3_600_000, "runs");
  assertEquals(goes_on.status, "stale");
  assertEquals(
    (await ledgerOf(lab).latestRuns()).find(({ run_id }) => run_id === "goes-on")?.status,
    "running",
    "latest_runs is a function of the log alone",
  );
});

Deno.test("where one of the two indexes is not there, the other answers for its runs", async () => {
  using lab = newLab();
  const error = await assertRejects(() => ledgerOf(lab).runs.query(), LedgerError);
  assertEquals(error.code, "not_found");
  const unlogged = await assertRejects(() => ledgerOf(lab).query("select 1"), LedgerError);
  assertStringIncludes(unlogged.hint ?? "", "the first `ledger emit` makes a log");
  await emitted(lab);
  const ids = async () => {
    const ledger = ledgerOf(lab, at(1));
    const runs = await ledger.runs.query({ status: "any", sort: "run_id" });
    for (const db of ["runs", "catalog"] as const) {
      const rows = await ledger.query("select run_id from run_states order by 1", { db });
      assertEquals(rows.map(({ run_id }) => run_id), runs.map(({ run_id }) => run_id), db);
    }
    return runs.map(({ run_id }) => run_id);
  };
  assertEquals(await ids(), ["both", "folder", "goes-on", "log"]);
  Deno.renameSync(lab.catalog, `${lab.catalog}.away`);
  assertEquals(await ids(), ["both", "goes-on", "log"]);
  Deno.renameSync(`${lab.catalog}.away`, lab.catalog);
  Deno.removeSync(lab.catalog.replace("catalog.duckdb", "runs.duckdb"));
  assertEquals(await ids(), ["both", "folder"]);
});

Deno.test("a run that dies, or that no process writes to, has that status when it is asked for", async () => {
  using lab = newLab();
  const { runs } = ledgerOf(lab, at(0));
  const owned = await runs.create({ run_id: "owned", run_type: "policy", owned: true });
  const shell = await runs.create({ run_id: "shell", run_type: "policy" });
  // The evidence of its code, where there is some, is of its beginning, whatever its files say.
  Deno.mkdirSync(join(shell.folder, "provenance"), { recursive: true });
  Deno.writeTextFileSync(join(shell.folder, "provenance", "files.ndjson"), "{}\n");
  await runs.sync();
  const states = async (ms: number) =>
    (await ledgerOf(lab, at(ms)).runs.query({ status: "any", sort: "run_id" }))
      .map(({ run_id, status }) => `${run_id} ${status}`);
  assertEquals(await states(1), ["owned running", "shell running"]);
  await owned.close();
  assertEquals(await states(3_600_000), ["owned crashed", "shell stale"]);
  await owned.markSuccess();
  assertEquals(
    await states(1),
    ["owned running", "shell running"],
    "the catalog's word, until a sync",
  );
});

Deno.test("a run is unfinished as long as its folder lacks the mark of success, whatever the log says", async () => {
  using lab = newLab();
  putRun(lab, "half", {}, { has_success: false });
  {
    await using ledger = ledgerOf(lab);
    await ledger.emitRunCompleted({ run_id: "half", summary: {}, artifact_paths: {} });
    await ledger.sync();
  }
  await sync(lab);
  const { runs } = ledgerOf(lab);
  assertEquals((await runs.query({ status: "any" })).map(({ status }) => status), ["unfinished"]);
  assertEquals(await runs.counts(), { ended: 0, known: 1 });
});
