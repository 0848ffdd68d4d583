import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { LedgerError } from "../../src/base/error.ts";
import { systemFiles } from "../../src/base/files/system_files.ts";
import { syncCatalog } from "../../src/runs/catalog/catalog.ts";
import { CATALOG_VERSION } from "../../src/runs/catalog/schema.ts";
import { operationsToFail, STRIDE } from "../crash/faults/faults.ts";
import { assertSetAside, damages } from "../duckdb/databases.ts";
import { failingFiles, PROJECT, systemError, testWorld } from "../harness.ts";
import { GOOD } from "./rows.ts";
import {
  assertLikeBuiltAnew,
  catalogStamp,
  contentOf,
  inLab,
  type Lab,
  ledgerOf,
  newLab,
  putFile,
  putRun,
  removeFrom,
  rowsOf,
  skippedIn,
  sync,
  valuesOf,
} from "./runs.ts";

const RUNS = "select run_id, status, presence from backtest_runs_catalog order by all";
const ARTIFACTS = "select artifact_type, rows, path, bytes, is_missing from " +
  "backtest_artifacts_catalog order by all";

function row(run_id: string, status = "completed", presence = "present") {
  return { run_id, status, presence };
}

Deno.test("completed and failed runs are catalogued, all others told with the reason", async () => {
  using lab = newLab();
  putRun(lab, "completed");
  putRun(lab, "failed", { status: "failed", error: "no candles" }, { has_success: false });
  const half = putRun(lab, "half", {}, { has_success: false });
  const odd = putRun(lab, "odd", { status: "running" });
  const pending = putRun(lab, "pending", { status: "pending" }, { has_success: false });
  const empty = putRun(lab, "empty", {}, { has_success: false });
  removeFrom(lab, empty, "run.json");
  putFile(lab, ".", "notes.txt");
  putFile(lab, "2026-13", "run_id=no-month/run.json");
  putFile(lab, "2026-01", "no-run/run.json");
  const report = await sync(lab);
  assertEquals(
    [report.initialized, report.registered, report.updated, report.missing, report.notices],
    [true, 2, 0, 0, []],
  );
  assertEquals(await rowsOf(lab.catalog, RUNS), [row("completed"), row("failed", "failed")]);
  assertEquals(await valuesOf(lab.catalog, "select error from backtest_runs_catalog order by 1"), [
    "no candles",
    null,
  ]);
  assertEquals(await skippedIn(lab), {
    [empty]: "it has no run.json",
    [half]: "unfinished: run.json says completed, but there is no _SUCCESS: finish it again",
    [odd]: "unfinished: there is a _SUCCESS, but run.json says running",
    [pending]: "stale: it has no owner, and nothing was written to it since 2026-01-17 15:52 UTC",
  });
  assertEquals(
    report.skipped.map(({ run_path, reason }) => [run_path, reason]),
    Object.entries(await skippedIn(lab)),
  );
});

Deno.test("a second sync changes nothing: not even the file is another", async () => {
  using lab = newLab();
  putRun(lab, "a");
  putRun(lab, "b", { status: "running" }, { has_success: false });
  putRun(lab, "c", "{}");
  await sync(lab);
  const before = catalogStamp(lab);
  for (let time = 0; time < 2; time++) {
    const again = await sync(lab);
    assertEquals([again.initialized, again.registered, again.updated], [false, 0, 0]);
    assertEquals([again.missing, again.skipped.length, again.notices], [0, 2, []]);
    assertEquals(catalogStamp(lab), before);
  }
  const names = [...Deno.readDirSync(join(lab.dir, "index"))].map(({ name }) => name).sort();
  const whole = ["", ".published", ".watermark"].map((end) => `catalog.duckdb${end}`);
  assertEquals(names, [".lock", ...whole]);
});

Deno.test("a manifest that was edited is catalogued anew, and its old artifacts are gone", async () => {
  using lab = newLab();
  putRun(lab, "other");
  const artifacts = { alerts: { rows: 1, path: "a" }, paths: { rows: 2, path: "b" } };
  const path = putRun(lab, "r", { artifacts });
  putFile(lab, path, "a", "four");
  await sync(lab);
  assertEquals(await rowsOf(lab.catalog, ARTIFACTS), [
    { artifact_type: "alerts", rows: 1, path: `${path}/a`, bytes: 4, is_missing: false },
    { artifact_type: "paths", rows: 2, path: `${path}/b`, bytes: null, is_missing: true },
  ]);
  putRun(lab, "r", { artifacts: { alerts: { rows: 3, path: "a" } }, git_branch: "new" });
  const report = await sync(lab);
  assertEquals([report.registered, report.updated], [0, 1]);
  assertEquals(
    await valuesOf(lab.catalog, "select git_branch from backtest_runs_catalog order by 1"),
    [
      "new",
      null,
    ],
  );
  assertEquals(await rowsOf(lab.catalog, ARTIFACTS), [
    { artifact_type: "alerts", rows: 3, path: `${path}/a`, bytes: 4, is_missing: false },
  ]);
  await assertLikeBuiltAnew(lab);
});

Deno.test("a run that is gone stays as missing, and is present again when it is back", async () => {
  using lab = newLab();
  putRun(lab, "stays");
  const path = putRun(lab, "r", { artifacts: { alerts: { rows: 1, path: "a" } } });
  putFile(lab, path, "a");
  await sync(lab);
  const away = join(lab.path, "away");
  Deno.renameSync(join(lab.runs_dir, path), away);
  assertEquals((await sync(lab)).missing, 1);
  assertEquals(await rowsOf(lab.catalog, RUNS), [row("r", "completed", "missing"), row("stays")]);
  assertEquals(await valuesOf(lab.catalog, "select is_missing from backtest_artifacts_catalog"), [
    true,
  ]);
  const stamp = catalogStamp(lab);
  assertEquals((await sync(lab)).missing, 0);
  assertEquals(catalogStamp(lab), stamp);
  Deno.renameSync(away, join(lab.runs_dir, path));
  assertEquals((await sync(lab)).registered, 1);
  assertEquals(await rowsOf(lab.catalog, RUNS), [row("r"), row("stays")]);
  assertEquals(await valuesOf(lab.catalog, "select is_missing from backtest_artifacts_catalog"), [
    false,
  ]);
  await assertLikeBuiltAnew(lab);
});

Deno.test("a run that does not end as it did leaves the catalog", async () => {
  using lab = newLab();
  const artifacts = { alerts: { rows: 1, path: "a" } };
  const path = putRun(lab, "r", { artifacts });
  const turns: [what: string, turn: () => void][] = [
    ["_SUCCESS is removed", () => removeFrom(lab, path, "_SUCCESS")],
    ["it runs again", () => putRun(lab, "r", { artifacts, status: "running" })],
    ["its manifest is damaged", () => putRun(lab, "r", "{")],
    ["its manifest is gone", () => removeFrom(lab, path, "run.json")],
  ];
  for (const [what, turn] of turns) {
    putRun(lab, "r", { artifacts });
    await sync(lab);
    assertEquals(await rowsOf(lab.catalog, RUNS), [row("r")], what);
    turn();
    const { skipped, missing } = await sync(lab);
    assertEquals([skipped.length, missing], [1, 0], what);
    assertEquals(await rowsOf(lab.catalog, RUNS), [], what);
    assertEquals(await rowsOf(lab.catalog, ARTIFACTS), [], what);
    await assertLikeBuiltAnew(lab);
  }
  removeFrom(lab, path);
  assertEquals((await sync(lab)).missing, 0);
});

Deno.test("of two folders of one run the first counts, and the second once the first is gone", async () => {
  using lab = newLab();
  const second = putRun(lab, "r", { git_branch: "second" }, { month: "2026-02" });
  await sync(lab);
  const first = putRun(lab, "r", { git_branch: "first" }, { month: "2025-12" });
  const branch = "select git_branch from backtest_runs_catalog";
  const doubled = await sync(lab);
  assertEquals([doubled.updated, doubled.registered], [1, 0]);
  assertEquals(doubled.skipped, [
    { run_path: second, reason: `it has the run_id of ${first}, which is catalogued` },
  ]);
  assertEquals(await valuesOf(lab.catalog, branch), ["first"]);
  putRun(lab, "r", { git_branch: "edited" }, { month: "2026-02" });
  assertEquals((await sync(lab)).skipped.length, 1);
  removeFrom(lab, first);
  const single = await sync(lab);
  assertEquals([single.updated, single.missing, single.skipped], [1, 0, []]);
  assertEquals(await valuesOf(lab.catalog, branch), ["edited"]);
  await assertLikeBuiltAnew(lab);
});

Deno.test("artifacts and manifests where nothing can be found keep no run out", async () => {
  using lab = newLab();
  putRun(lab, "good");
  const entries = ["run.json/x", "loop", "x".repeat(300), "y/".repeat(3_000) + "z", ".", "a\\b"];
  const artifacts = entries.map((path, index) => [`type-${index}`, { rows: 1, path }]);
  const path = putRun(lab, "odd", { artifacts: Object.fromEntries(artifacts) });
  Deno.symlinkSync("loop", join(lab.runs_dir, path, "loop"));
  const circle = putRun(lab, "circle");
  removeFrom(lab, circle, "run.json");
  Deno.symlinkSync("run.json", join(lab.runs_dir, circle, "run.json"));
  const folder = putRun(lab, "folder");
  removeFrom(lab, folder, "run.json");
  Deno.mkdirSync(join(lab.runs_dir, folder, "run.json"));
  const open = putRun(lab, "open", { status: "running" }, { has_success: false });
  Deno.symlinkSync("loop", join(lab.runs_dir, open, "loop"));
  const report = await sync(lab);
  assertEquals(report.registered, 2);
  const missing = "select is_missing from backtest_artifacts_catalog";
  assertEquals(await valuesOf(lab.catalog, missing), entries.map(() => true));
  const reasons = await skippedIn(lab);
  assertStringIncludes(reasons[circle], "Too many levels of symbolic links");
  assertEquals(reasons[folder], "its run.json is not a file");
  assertStringIncludes(reasons[open], "running");
});

Deno.test("strange names and texts are catalogued as they are", async () => {
  using lab = newLab();
  const run_id = `it's; "drop" %_ é漢😀 {"a":1}`;
  const text = `'); drop table backtest_runs_catalog; -- \u0000 \u2028 "é\\n`;
  const artifacts = { [text]: { rows: 1, path: `${run_id}/$1` } };
  putRun(lab, run_id, { git_branch: text, error: text, parameters: { [text]: text }, artifacts });
  const open = putRun(lab, `open ${run_id}`, { run_type: text, status: "running" }, {
    has_success: false,
  });
  await sync(lab);
  const sql = "select run_id, git_branch, error, cast(parameters as varchar) from " +
    "backtest_runs_catalog";
  assertEquals((await rowsOf(lab.catalog, sql)).map((row) => Object.values(row)), [
    [run_id, text, text, JSON.stringify({ [text]: text })],
  ]);
  assertEquals(
    await valuesOf(lab.catalog, "select artifact_type from backtest_artifacts_catalog"),
    [text],
  );
  assertEquals(await rowsOf(lab.catalog, "select run_path, run_type from runs_in_progress"), [
    { run_path: open, run_type: text },
  ]);
  const again = await sync(lab);
  assertEquals([again.registered, again.updated, again.missing], [0, 0, 0]);
});

/** A lab whose catalog does not know its last run yet. */
async function catalogued(lab: Lab): Promise<void> {
  for (let n = 0; n < 300; n++) {
    putRun(lab, `run-${n}`, { artifacts: { alerts: { rows: n, path: "a" } } });
  }
  await sync(lab);
  putRun(lab, "run-0", { git_branch: "edited" });
}

const TO_OTHER_VERSION = `update catalog_meta set version = ${CATALOG_VERSION - 1}`;

for (const { what, damage } of damages(TO_OTHER_VERSION)) {
  Deno.test(`a catalog that is ${what} is set aside and built anew`, async () => {
    using lab = newLab();
    await catalogued(lab);
    await damage(lab.catalog);
    const synced = await inLab(lab, ["runs", "sync"]);
    assertSetAside(lab.catalog, "the catalog", synced);
    assertStringIncludes(synced.stdout, "Initialized catalog tables\n✓ Registered 300 runs\n");
    await assertLikeBuiltAnew(lab);
    assertEquals((await sync(lab)).notices, []);
  });
}

/** Puts the one or the other of two states of a folder of runs in place. */
function turnTo(lab: Lab, state: number): void {
  Deno.mkdirSync(lab.runs_dir, { recursive: true });
  for (const { name } of Deno.readDirSync(lab.runs_dir)) removeFrom(lab, name);
  putRun(lab, "a", { artifacts: { alerts: { rows: 1, path: "x" } }, git_branch: String(state) });
  putRun(lab, "b", { status: state ? "completed" : "running" }, { has_success: state === 1 });
  putRun(lab, "bad", "{}");
  if (state === 0) putRun(lab, "gone", { status: "failed" }, { has_success: false });
  else putRun(lab, "came");
}

for (const full of [false, true]) {
  const kind = full ? "full sync" : "sync";
  Deno.test(`wherever a ${kind} fails, the catalog is the old or the new one, and the next is right`, async () => {
    using lab = newLab();
    const contents: string[][][] = [];
    for (const state of [0, 1]) {
      turnTo(lab, state);
      await sync(lab, { full: true });
      contents.push(await contentOf(lab.catalog));
    }
    let failures = 0;
    for (const k of operationsToFail()) {
      const state = k % 2 === 1 ? 0 : 1;
      turnTo(lab, state);
      const { files, failed } = failingFiles(k, () => systemError("EIO", "it failed"));
      const world = testWorld({ files });
      const error = await sync(lab, { full, lock_wait_ms: 100 }, world).catch((error) => error);
      if (failed() === undefined) break;
      failures++;
      const is_told = error instanceof LedgerError && error.message.includes("it failed");
      const content = await contentOf(lab.catalog);
      const is_old_or_new = contents.some((each) =>
        JSON.stringify(each) === JSON.stringify(content)
      );
      // What could not be read of one run is told of that run, and looked at again.
      const is_of_one = !(error instanceof Error) && error.unread.length === 1;
      assert(
        error instanceof Error ? is_told && is_old_or_new : is_old_or_new || is_of_one,
        failed(),
      );
      // The same process goes on, as a daemon does: its own lock must not be in the way.
      await sync(lab, { lock_wait_ms: 100 }, world);
      assertEquals(await contentOf(lab.catalog), contents[state], failed());
    }
    assert(failures > 20 / STRIDE, `${failures} operations failed`);
  });
}

Deno.test("whatever the disk hides of a summary for a moment, it is in the catalog in the end", async () => {
  using lab = newLab();
  await using ledger = ledgerOf(lab);
  const run = await ledger.runs.create({ run_type: "policy", run_id: "r", git: false });
  await run.writeArtifact("summary", { rows: [{ ...GOOD.summary, run_id: "r" }] });
  await run.updateManifest((manifest) => {
    // Other programs' manifests lack it.
    delete manifest.summary;
  });
  await run.markSuccess();
  const summary = "select summary->>'$.calls_processed' as n from backtest_runs_catalog";
  let failures = 0;
  for (let n = 1;; n++) {
    let seen = 0;
    const files = systemFiles((operation, path) => {
      if (!path.endsWith("summary.parquet") || ++seen !== n) return;
      failures++;
      throw systemError("EIO", `${operation} failed`);
    });
    await sync(lab, { full: true }, testWorld({ files })).catch((error) => {
      assert(error instanceof LedgerError, error);
    });
    await sync(lab);
    assertEquals(await valuesOf(lab.catalog, summary), [String(GOOD.summary.calls_processed)]);
    if (seen < n) break;
  }
  assert(failures > 1, `${failures} operations failed`);
});

Deno.test("what an unfinished run writes shows in the catalog, and an edit of its manifest too", async () => {
  using lab = newLab();
  const begun = { status: "running", completed_at: undefined };
  const path = putRun(lab, "r", begun, { has_success: false });
  const now_ms = () => Date.parse("2026-01-17T16:00:00Z");
  const shown = async () => {
    await sync(lab, {}, testWorld({ now_ms }));
    const sql = "select run_type, state, epoch_ms(last_written_at) as ms from runs_in_progress";
    return (await rowsOf(lab.catalog, sql)).map((row) => Object.values(row));
  };
  const started_ms = Date.parse("2026-01-17T15:52:24.279Z");
  assertEquals(await shown(), [["policy", "running", started_ms]]);
  putFile(lab, path, "logs/stdout.txt");
  Deno.utimeSync(join(lab.runs_dir, path, "logs/stdout.txt"), 0, started_ms / 1000 + 5);
  assertEquals(await shown(), [["policy", "running", started_ms + 5000]]);
  putRun(lab, "r", { ...begun, run_type: "full" }, { has_success: false });
  assertEquals((await shown())[0][0], "full");
  await assertLikeBuiltAnew(lab, {}, testWorld({ now_ms }));
});

Deno.test("a catalog that another program changes while it is copied is built anew", async () => {
  using lab = newLab();
  putRun(lab, "a");
  await sync(lab);
  putRun(lab, "b");
  const files = systemFiles((operation) => {
    if (operation === "copy to") Deno.utimeSync(lab.catalog, 0, 0);
  });
  const { notices, registered } = await sync(lab, {}, testWorld({ files }));
  assertEquals([notices.length, registered], [1, 2]);
  assertMatch(
    notices[0],
    /^building the catalog anew: another program writes to it; the old file is/,
  );
  await assertLikeBuiltAnew(lab);
});

/** Files of which one manifest cannot be opened, or looked at. */
function hiding(run_id: string, code: string, tried: string) {
  return systemFiles((operation, path) => {
    if (operation === tried && path.endsWith(`run_id=${run_id}/run.json`)) {
      throw systemError(code, "it failed");
    }
  });
}

for (const [code, tried] of [["EIO", "read"], ["ENOSPC", "read"], ["EACCES", "look at"]]) {
  Deno.test(`${code} to "${tried}" a run.json: its row stays, it is named, the exit code is 3`, async () => {
    using lab = newLab();
    putRun(lab, "a", { git_branch: "old" });
    putRun(lab, "b");
    await sync(lab);
    putRun(lab, "a", { git_branch: "new" });
    putRun(lab, "c");
    const branches = "select run_id, git_branch from backtest_runs_catalog order by 1";
    const known = [{ run_id: "a", git_branch: "old" }, { run_id: "b", git_branch: null }];
    const c = { run_id: "c", git_branch: null };
    for (const command of ["sync", "compact"]) {
      const args = command === "sync" ? ["--json"] : ["--month", "2026-01"];
      const files = hiding("a", code, tried);
      const ended = await inLab(lab, ["runs", command, ...args], { files });
      assertEquals(ended.code, 3, command);
      assertMatch(ended.stderr, /run_id=a (stays|is not merged).*: cannot .*it failed/);
      if (command === "sync") assertEquals(JSON.parse(ended.stdout).unread.length, 1);
      assertEquals(await rowsOf(lab.catalog, branches), [...known, c]);
    }
    const files = hiding("c", code, tried);
    putRun(lab, "c", { status: "failed" });
    assertEquals((await inLab(lab, ["runs", "verify", "--all"], { files })).code, 3);
    const pruned = ["runs", "prune", "--before", "2026-02", "--dry-run"];
    const plan = await inLab(lab, pruned, { files });
    assertEquals([plan.code, plan.stderr.includes("run_id=c stays: cannot")], [3, true]);
    assertEquals((await sync(lab)).unread, []);
    const seen = [{ run_id: "a", git_branch: "new" }, known[1], c];
    assertEquals(await rowsOf(lab.catalog, branches), seen);
  });
}

Deno.test("a summary that cannot be read leaves its run's row as it was", async () => {
  using lab = newLab();
  await using ledger = ledgerOf(lab);
  const run = await ledger.runs.create({ run_type: "policy", run_id: "r", git: false });
  await run.writeArtifact("summary", { rows: [{ ...GOOD.summary, run_id: "r" }] });
  await run.updateManifest((manifest) => void delete manifest.summary);
  await run.markSuccess();
  await sync(lab);
  const path = join(run.folder, "run.json");
  Deno.copyFileSync(path, `${path}.new`);
  Deno.renameSync(`${path}.new`, path);
  const files = systemFiles((operation, path) => {
    if (operation === "open" && path.endsWith("summary.parquet")) {
      throw systemError("EACCES", "Permission denied");
    }
  });
  const { unread } = await sync(lab, {}, testWorld({ files }));
  assertEquals(unread.map(({ run_path }) => run_path), [run.path]);
  const summary = "select summary->>'$.calls_processed' as n from backtest_runs_catalog";
  assertEquals(await valuesOf(lab.catalog, summary), [String(GOOD.summary.calls_processed)]);
});

const FIRST_RUNS = join(PROJECT, "fixtures", "first_system", "runs");

Deno.test("of runs of the first system one is catalogued, and one stale; nothing in them is written", async () => {
  using lab = newLab();
  const refusing = systemFiles((operation, path) => {
    const writes = !["open", "read", "look at", "list", "lock", "unlock"].includes(operation);
    if (writes && path.startsWith(FIRST_RUNS)) throw systemError("EACCES", "Permission denied");
  });
  const world = testWorld({ files: refusing });
  const report = await syncCatalog(world, FIRST_RUNS, lab.catalog);
  assertEquals([report.registered, report.skipped.length], [1, 1]);
  assertMatch(report.skipped[0].reason, /^stale: it has no owner, and nothing was written to it/);
  const sql = `select run_id, run_type, status, git_branch, git_dirty, calls_count, total_ms
      from backtest_runs_catalog`;
  assertEquals((await rowsOf(lab.catalog, sql)).map((row) => Object.values(row)), [
    ["2f6f2b0e-6f6d-4c51-9a6e-0d5a8f3f1c01", "path-only", "completed", "master", true, 1, 5],
  ]);
  const artifacts = "select artifact_type, rows, is_missing from backtest_artifacts_catalog";
  assertEquals((await rowsOf(lab.catalog, artifacts)).map((row) => Object.values(row)), [
    ["alerts", 1, true],
    ["paths", 1, true],
  ]);
  assertEquals(await rowsOf(lab.catalog, "select run_id, status, state from runs_in_progress"), [
    { run_id: "9b1d7c54-3f0a-4d5e-8a55-6e2c41d0aa02", status: "running", state: "stale" },
  ]);
});
