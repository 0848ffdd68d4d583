import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join, relative } from "@std/path";
import { LedgerError } from "../../src/base/error.ts";
import { Ledger } from "../../src/ledger/ledger.ts";
import { getArtifactPath, queryRuns } from "../../src/runs/catalog/queries.ts";
import type { RunFilter } from "../../src/runs/catalog/run_filter.ts";
import { testWorld } from "../harness.ts";
import { finishRun } from "./finished.ts";
import {
  inLab,
  type Lab,
  ledgerOf,
  MONTH,
  newLab,
  putFile,
  putRun,
  removeFrom,
  sync,
} from "./runs.ts";

/** A lab of four runs that ended, one that is gone, and one that goes on. */
async function filledLab(): Promise<Lab> {
  const lab = newLab();
  const commit = (digit: string) => digit.repeat(40);
  putRun(lab, "a", {
    created_at: "2026-01-01T00:00:00Z",
    git_branch: "main",
    git_commit: commit("a"),
    parameters: { window: "1h", policy: { kind: "fixed", bps: 500 } },
    timing: { total_ms: 30 },
    artifacts: { alerts: { rows: 1, path: "x" }, paths: { rows: 1, path: "truth/y" } },
    summary: { avg_return_bps: 1, sharpe: 3, nested: { deep: 2 } },
  });
  putRun(lab, "b", {
    run_type: "full",
    created_at: "2026-01-02T00:00:00Z",
    git_branch: "it's",
    git_commit: commit("b"),
    parameters: { "policy.kind": "fixed", on: true, none: null },
    timing: { total_ms: 10 },
    summary: { avg_return_bps: 3, sharpe: "2.5", trades_count: 200 },
  });
  putRun(lab, "c", {
    created_at: "2026-01-03T00:00:00Z",
    timing: { total_ms: 20 },
    summary: { avg_return_bps: "NaN", sharpe: "inf", trades_count: 5 },
  });
  putRun(lab, "d", { status: "failed", created_at: "2026-01-04T00:00:00Z", completed_at: null });
  const gone = putRun(lab, "e", { created_at: "2025-12-31T23:59:59.999Z" });
  putRun(lab, "f", { status: "running", created_at: "2026-01-05T00:00:00Z" }, {
    has_success: false,
  });
  await sync(lab);
  removeFrom(lab, gone);
  await sync(lab);
  return lab;
}

async function idsOf(lab: Lab, filter: RunFilter): Promise<string> {
  return (await ledgerOf(lab).runs.query(filter)).map(({ run_id }) => run_id).join(" ");
}

const JANUARY_2_MS = Date.UTC(2026, 0, 2);

Deno.test("each filter takes the runs that fit, the latest first", async () => {
  using lab = await filledLab();
  const cases: [RunFilter, string][] = [
    [{}, "d c b a e"],
    [{ run_id: "b" }, "b"],
    [{ run_id: "' or true --" }, ""],
    [{ run_type: "full" }, "b"],
    [{ run_type: "policy" }, "d c a e"],
    [{ status: "completed" }, "c b a e"],
    [{ status: "failed" }, "d"],
    [{ status: "stale" }, "f"],
    [{ status: "running" }, ""],
    [{ from_ms: JANUARY_2_MS }, "d c b"],
    [{ from_ms: JANUARY_2_MS + 0.5 }, "d c"],
    [{ until_ms: JANUARY_2_MS }, "a e"],
    [{ from_ms: JANUARY_2_MS, until_ms: JANUARY_2_MS }, ""],
    [{ from_ms: JANUARY_2_MS, until_ms: JANUARY_2_MS + 1 }, "b"],
    [{ git_branch: "it's" }, "b"],
    [{ git_branch: "main" }, "a"],
    [{ git_commit: "bbbb" }, "b"],
    [{ git_commit: "%" }, ""],
    [{ run_type: "policy", status: "completed", git_branch: "main" }, "a"],
    [{ limit: 2 }, "d c"],
    [{ limit: 0 }, ""],
  ];
  for (const [filter, wanted] of cases) {
    assertEquals(await idsOf(lab, filter), wanted, JSON.stringify(filter));
  }
});

Deno.test("the first system's names of a filter are taken; what no filter has is refused", async () => {
  using lab = await filledLab();
  const cases: [RunFilter, string][] = [
    [{ runType: "policy", status: "completed", fromDate: "2026-01-01", limit: 2 }, "c a"],
    [{ fromDate: "2026-01-02", toDate: "2026-01-03" }, "c b"],
    [{ toDate: "2026-01-02T00:00:00Z" }, "a e"],
    [{ run_type: undefined, runType: "full" }, "b"],
    [{ status: "any", limit: 3 }, "f d c"],
  ];
  for (const [filter, wanted] of cases) {
    assertEquals(await idsOf(lab, filter), wanted, JSON.stringify(filter));
  }
  const bad: [Record<string, unknown>, string][] = [
    [{ runTyp: "policy" }, "did you mean runType?"],
    [{ nothing_like_it: 1 }, "there are run_id, run_type"],
    [{ status: "complete" }, "did you mean completed?"],
    [{ limit: -1 }, "it has to be a whole number, 0 or more"],
    [{ limit: "10" }, "it has to be a whole number, 0 or more"],
    [{ fromDate: "yesterday" }, "it has to be a day, an ISO time, or like 2h or 7d"],
    [{ runType: "policy", run_type: "full" }, "give one of them"],
    [{ run_type: "polcy" }, "did you mean policy?"],
  ];
  for (const [filter, hint] of bad) {
    const error = await assertRejects(() => idsOf(lab, filter as RunFilter), LedgerError);
    assertEquals(error.code, "usage", JSON.stringify(filter));
    assertStringIncludes(error.hint!, hint);
  }
  const notices: string[] = [];
  const onNotice = (message: string) => notices.push(message);
  assertEquals(await idsOf(lab, { run_id: "aa", run_type: "sweeps", onNotice }), "");
  assertEquals(notices, [
    'no run is of type "sweeps"; types are path-only, policy, optimization, full',
    'no run has an id that begins with "aa", or this name; did you mean a?',
  ]);
});

Deno.test("runs are sorted by a column, in either direction, those without a value last", async () => {
  using lab = await filledLab();
  const cases: [string, string][] = [
    ["created_at", "d c b a e"],
    ["created_at:asc", "e a b c d"],
    ["completed_at:asc", "a b c e d"],
    ["run_id", "a b c d e"],
    ["run_id:desc", "e d c b a"],
    ["total_ms", "b c a d e"],
    ["total_ms:desc", "a c b d e"],
    ["artifacts:desc", "a b c d e"],
    ["run_type", "b a c d e"],
    ["git_branch", "b a c d e"],
    ["status:desc", "d a b c e"],
    ["-sharpe", "a c b d e"],
    ["-summary.avg_return_bps", "b a c d e"],
    ["params.policy.kind, -run_id", "b a e d c"],
  ];
  for (const [sort, wanted] of cases) assertEquals(await idsOf(lab, { sort }), wanted, sort);
  for (const sort of ["run_id; drop table x", "created", "run_id:up", "run_id:", "", "1"]) {
    const error = await assertRejects(() => idsOf(lab, { sort }), LedgerError);
    assertEquals(error.code, "invalid", sort);
  }
  const error = await assertRejects(() => idsOf(lab, { sort: "run_id,total" }), LedgerError);
  assertEquals([error.message, error.hint], [
    "cannot read sort at column 8: there is no column total, and no run has it in its summary\n" +
    "  run_id,total\n         ^^^^^",
    "did you mean total_ms?",
  ]);
});

Deno.test("parameters are found by name, and by the path to them", async () => {
  using lab = await filledLab();
  const cases: [Record<string, string>, string][] = [
    [{ window: "1h" }, "a"],
    [{ window: "2h" }, ""],
    [{ "policy.kind": "fixed" }, "b a"],
    [{ "policy.bps": "500" }, "a"],
    [{ on: "true" }, "b"],
    [{ window: "1h", "policy.bps": "500" }, "a"],
    [{ window: "1h", on: "true" }, ""],
    [{ "policy.bps.deeper": "500" }, ""],
    [{ none: "null" }, ""],
  ];
  for (const [parameters, wanted] of cases) {
    assertEquals(await idsOf(lab, { parameters }), wanted, JSON.stringify(parameters));
  }
});

Deno.test("a parameter may have any name and value; each is only itself", async () => {
  using lab = newLab();
  const names = [
    ...['a"b', "a'b", "a\\b", '\\"', "*", "**", "$", "#", "a/b", "~1", "[0]", "", "é漢😀", "a;b"],
    ...["'); drop table backtest_runs_catalog; --", "a\nb", "\u0000", " ", "__proto__", "a]", "%"],
  ];
  for (const [index, name] of names.entries()) {
    putRun(
      lab,
      `run-${index}`,
      JSON.stringify({
        ...{
          run_id: `run-${index}`,
          run_type: "policy",
          created_at: "2026-01-01",
          status: "completed",
        },
        parameters: JSON.parse(`{${JSON.stringify(name)}:${JSON.stringify(name)},"in":
        {${JSON.stringify(name)}:"inner ${index}"}}`),
      }),
    );
  }
  assertEquals((await sync(lab)).registered, names.length);
  for (const [index, name] of names.entries()) {
    const of_name = JSON.parse(`{${JSON.stringify(name)}:${JSON.stringify(name)}}`);
    assertEquals(await idsOf(lab, { parameters: of_name }), `run-${index}`, name);
    const parameters = { [`in.${name}`]: `inner ${index}` };
    assertEquals(await idsOf(lab, { parameters }), `run-${index}`, name);
  }
});

Deno.test("a run has what its list and the catalog's numbers say of it", async () => {
  using lab = await filledLab();
  const { runs } = ledgerOf(lab);
  assertEquals(await runs.query({ run_id: "a" }), [{
    run_id: "a",
    run_type: "policy",
    status: "completed",
    source: "folder",
    created_at_ms: Date.UTC(2026, 0, 1),
    completed_at_ms: Date.parse("2026-01-17T15:52:24.539Z"),
    total_ms: 30,
    artifacts: 2,
    git_branch: "main",
    git_commit: "a".repeat(40),
    git_dirty: null,
    presence: "present",
    run_path: "2026-01/run_id=a",
    name: null,
    group: null,
    pin: false,
    tags: [],
  }]);
  assertEquals((await runs.query({ run_id: "e" }))[0].presence, "missing");
  assertEquals((await runs.query({ status: "stale" }))[0].completed_at_ms, null);
  assertEquals(await runs.stats(), {
    total_runs: 5,
    known_runs: 6,
    completed: 4,
    failed: 1,
    runs_by_type: { full: 1, policy: 4 },
    total_artifacts: 2,
    artifacts_by_type: { alerts: 1, paths: 1 },
    artifacts_missing: 2,
    missing: 1,
    archived: 0,
    in_progress: { stale: 1 },
  });
  // It is catalogued, and not there.
  assertEquals(await runs.artifactPath("a", "paths"), null);
  for (const [run_id, type] of [["a", "trades"], ["b", "paths"], ["'", "' or true --"]]) {
    assertEquals(await runs.artifactPath(run_id, type), null);
  }
});

Deno.test("a filter takes the runs for which it holds, whatever is asked beside it", async () => {
  using lab = await filledLab();
  const cases: [RunFilter, string][] = [
    [{ where: "params.policy.bps > 300 and summary.sharpe >= 3" }, "a"],
    [{ where: "params.policy.kind = 'fixed'" }, "b a"],
    [{ where: "trades_count between 5 and 200" }, "c b"],
    [{ where: "sharpe > 0" }, "a"],
    [{ where: "sharpe like '%'" }, "c b"],
    [{ where: "timing.total_ms < 1s and total_ms >= 20" }, "c a"],
    [{ where: "created_at >= 2026-01-03" }, "d c"],
    [{ where: "created_at > 30m", now_ms: JANUARY_2_MS }, "d c b"],
    [{ where: "git.branch = 'it''s' or artifacts = 2" }, "b a"],
    [{ where: "not git_branch = 'main'" }, "b"],
    [{ where: "dataset.interval = '1m'", run_type: "full" }, "b"],
    [{ where: "source = 'folder' and presence = 'missing'" }, "e"],
    [{ where: "run_id in ('a', 'b')", sort: "run_id", limit: 1 }, "a"],
    // A condition on the status is meant to find what has it.
    [{ where: "status = 'stale'" }, "f"],
    [{ where: "status = 'stale'", status: "failed" }, ""],
    [{ where: "'best' in tags" }, ""],
    [{ where: "'best' not in tags", status: "failed" }, "d"],
  ];
  await using states = await ledgerOf(lab).runs.openStates();
  for (const [filter, wanted] of cases) {
    const found = await queryRuns(states, filter);
    assertEquals(found.map(({ run_id }) => run_id).join(" "), wanted, JSON.stringify(filter));
  }
});

Deno.test("a name that no run has is no empty answer: a bare one is an error, another is noted", async () => {
  using lab = await filledLab();
  const cases: [string, number, string][] = [
    ["sharp > 1", 1, "did you mean sharpe?"],
    ["run_id = 'a' and window = '1h'", 18, "did you mean params.window?"],
    ["total = 1", 1, "did you mean total_ms?"],
    ["zzzzzzzz = 1", 1, "summaries have avg_return_bps, nested, sharpe, trades_count"],
  ];
  for (const [where, column, hint] of cases) {
    const error = await assertRejects(() => idsOf(lab, { where }), LedgerError);
    assertEquals([error.code, error.detail?.column, error.hint], ["invalid", column, hint]);
  }
  const notices: string[] = [];
  const onNotice = (message: string) => notices.push(message);
  // A metric that every summary may have is a column, whether or not one has it.
  assertEquals(await idsOf(lab, { where: "stop_out_rate > 0.5", onNotice }), "");
  assertEquals(await idsOf(lab, { where: "params.windo = 1", onNotice }), "");
  assertEquals(await idsOf(lab, { where: "params.window = '1h'", onNotice }), "a");
  assertEquals(notices, ["no run has params.windo; did you mean params.window?"]);
  using empty = newLab();
  await sync(empty);
  assertEquals(await idsOf(empty, { where: "sharp > 1", onNotice }), "");
  assertEquals(notices.slice(1), ["no run has sharp"]);
});

Deno.test("a status, a type or an id that a filter seeks and that no run can have is noted, with the nearest", async () => {
  using lab = await filledLab();
  const notices: string[] = [];
  const onNotice = (message: string) => notices.push(message);
  const wheres = [
    "status = 'complted'",
    "not (run_type in ('policy', 'polcy'))",
    "run_id <> 'a' and run_id like 'zz%'",
    "status in ('crashed', 'failed') or run_type = 'full'",
  ];
  for (const where of wheres) await idsOf(lab, { where, onNotice });
  assertEquals(notices, [
    'no run has the status "complted"; did you mean completed?',
    'no run has the run_type "polcy"; did you mean policy?',
  ]);
});

/** The words that a shell makes of a line. */
function wordsInShell(line: string): string[] {
  const { stdout } = new Deno.Command("sh", { args: ["-c", `printf '%s\\0' ${line}`] })
    .outputSync();
  return new TextDecoder().decode(stdout).split("\0").slice(0, -1);
}

Deno.test("the query that an error names for SQL does what was meant", async () => {
  using lab = await filledLab();
  const cases: [where: string, wanted: string][] = [
    ["abs(avg_return_bps) = 3", "b"],
    ["trades_count + 1 = 201", "b"],
    ["summary->>'$.sharpe' = '3'", "a"],
    ["run_id in (select 'a')", "a"],
    ["params.policy.bps / 2 = 250 and total_ms > 1", "a"],
    ["upper(params.window) = '1H'", "a"],
    ["upper(params.window) = '1H' and source = 'folder'", "a"],
    ["git.branch ilike 'MAIN'", "a"],
  ];
  for (const [where, wanted] of cases) {
    const { hint = "" } = await assertRejects(() => idsOf(lab, { where }), LedgerError);
    const words = wordsInShell(hint.replace("as SQL: ledger ", ""));
    const { code, stdout, stderr } = await inLab(lab, [...words, "--format", "csv"]);
    assertEquals([code, stdout], [0, `run_id\n${wanted}\n`], `${hint}: ${stderr}`);
  }
});

Deno.test("a list shows the columns that are asked for, with values as they are", async () => {
  using lab = await filledLab();
  const { rows } = await ledgerOf(lab).runs.list({
    columns: "run_id,params.*,summary.sharpe,created_at",
    where: "run_id in ('a', 'b')",
  });
  assertEquals(rows, [
    {
      run_id: "b",
      "params.none": null,
      "params.on": true,
      "params.policy.bps": null,
      "params.policy.kind": "fixed",
      "params.window": null,
      "summary.sharpe": "2.5",
      created_at_ms: JANUARY_2_MS,
    },
    {
      run_id: "a",
      "params.none": null,
      "params.on": null,
      "params.policy.bps": 500,
      "params.policy.kind": "fixed",
      "params.window": "1h",
      "summary.sharpe": 3,
      created_at_ms: Date.UTC(2026, 0, 1),
    },
  ]);
});

Deno.test("a catalog that cannot be read says how to make it anew", async () => {
  using lab = newLab();
  const { runs } = ledgerOf(lab);
  const absent = await assertRejects(() => runs.query(), LedgerError);
  assertEquals([absent.code, absent.hint], [
    "not_found",
    "nothing has been catalogued yet: ledger runs sync",
  ]);
  putFile(lab, "../ledger/index", "catalog.duckdb", "garbage ".repeat(10_000));
  const damaged = await assertRejects(() => runs.query(), LedgerError);
  assertEquals(damaged.hint, "the catalog is made anew from the manifests: ledger runs sync");
});

Deno.test("the path of an artifact opens from the current folder, or there is none", async () => {
  using lab = newLab();
  await finishRun(lab, "a");
  const here = Deno.cwd();
  // As a user has it who began in the folder of the ledger.
  const relative_dir = relative(here, lab.runs_dir);
  await using ledger = new Ledger({ dir: lab.dir, runs_dir: relative_dir, world: testWorld() });
  await ledger.runs.sync();
  await using catalog = await ledger.openIndex({ db: "catalog" });
  const path = await getArtifactPath(catalog, "a", "trades");
  assertEquals(path, join(relative_dir, MONTH, "run_id=a/policy/trades.parquet"));
  assertEquals(Deno.statSync(path!).isFile, true);
  assertEquals(await ledger.runs.artifactPath("a", "trades"), path);
  assertEquals(await getArtifactPath(catalog, "a", "paths"), null);
  assertEquals(await getArtifactPath(catalog, "nope", "trades"), null);
  removeFrom(lab, MONTH, "run_id=a", "policy");
  assertEquals(await getArtifactPath(catalog, "a", "trades"), null);
  assertEquals(await ledger.runs.artifactPath("a", "trades"), null);
});
