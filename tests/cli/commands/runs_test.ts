import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { finishRun } from "../../runs/finished.ts";
import { inLab, type Lab, ledgerOf, newLab, putFile, putRun, removeFrom } from "../../runs/runs.ts";

const NOW_MS = Date.UTC(2026, 0, 23, 12);
const UUID = "00000000-0000-4000-8000-000000000000";

/** Runs `ledger runs …` at a time that stands still. */
function runs(lab: Lab, args: string[], different: Parameters<typeof inLab>[2] = {}) {
  const still = { now_ms: () => NOW_MS, random_uuid: () => UUID };
  return inLab(lab, ["runs", ...args], { ...still, ...different });
}

/** The same; fails unless it went well and nothing was said about it. */
async function stdoutOf(lab: Lab, args: string[], stdin = ""): Promise<string> {
  const { code, stdout, stderr } = await runs(lab, args, { stdin });
  assertEquals([code, stderr], [0, ""], args.join(" "));
  return stdout;
}

/** The same; fails unless it was refused, with these words. */
async function refused(lab: Lab, args: string[], code: number, words: string): Promise<void> {
  const ended = await runs(lab, args);
  assertEquals([ended.code, ended.stdout], [code, ""], `${args.join(" ")}: ${ended.stderr}`);
  assertStringIncludes(ended.stderr, words, args.join(" "));
  const as_json = await runs(lab, [...args, "--json"]);
  assertEquals([as_json.code, as_json.stdout], [code, ""], as_json.stderr);
  assertStringIncludes(JSON.parse(as_json.stderr).error.message + as_json.stderr, "error");
}

const FOLDER = "2026-01/run_id=r1";
const CREATE = ["create", "--run-type", "policy", "--run-id", "r1", "--no-git"];

Deno.test("a run is created, logged, finished, catalogued and listed", async () => {
  using lab = newLab();
  const folder = join(lab.runs_dir, FOLDER);
  assertEquals(await stdoutOf(lab, CREATE), `r1 ${folder}\n`);
  const logged = await stdoutOf(lab, ["log", "r1", "stdout"], "117 trades\n");
  assertEquals(logged, `${folder}/logs/stdout.txt 11 B added\n`);
  assertEquals(Deno.readTextFileSync(join(folder, "logs/stdout.txt")), "117 trades\n");
  assertEquals(JSON.parse(await stdoutOf(lab, ["log", "r", "stderr", "--json"], "x")), {
    path: join(folder, "logs/stderr.txt"),
    bytes: 1,
  });
  const end = ["--timing", '{"total_ms":1840}', "--summary", '{"sharpe":1.4}'];
  assertEquals(await stdoutOf(lab, ["finish", "r1", ...end]), "r1 completed after 1.84 s\n");
  assertEquals(
    await stdoutOf(lab, ["sync", "--stats"]),
    `✓ Initialized catalog tables
✓ Registered 1 run
✓ Skipped 0 runs

Catalog Statistics:
  Total runs: 1
  Completed: 1
  Failed: 0
  Runs: 1 ended of 1 known
  By type: { "policy": 1 }
  Total artifacts: 0
  By type: {}
`,
  );
  assertEquals(await stdoutOf(lab, ["sync"]), "✓ Registered 0 runs\n✓ Skipped 0 runs\n");
  const alias = await inLab(lab, ["catalog-sync"]);
  assertEquals(alias.stdout, "✓ Registered 0 runs\n✓ Skipped 0 runs\n", alias.stderr);
  const listed = (await stdoutOf(lab, ["query"])).trimEnd().split("\n");
  assertMatch(
    listed[0],
    /^run_id +run_type +status +created +took +artifacts +branch +commit +on disk/,
  );
  assertMatch(listed[1], /^r1 +policy +completed +.*1\.84 s +0 +yes *$/);
  assertEquals(listed.length, 2);
});

Deno.test("as JSON a run tells its id and folder, and a sync its report", async () => {
  using lab = newLab();
  const folder = join(lab.runs_dir, `2026-01/run_id=${UUID}`);
  const create = ["create", "--run-type", "full", "--no-git", "--json"];
  assertEquals(JSON.parse(await stdoutOf(lab, create)), { run_id: UUID, folder });
  const fail = [
    "finish",
    UUID.slice(0, 8),
    "--status",
    "failed",
    "--error",
    "no candles",
    "--json",
  ];
  const ended = { run_id: UUID, folder, status: "failed" };
  assertEquals(JSON.parse(await stdoutOf(lab, fail)), ended);
  putRun(lab, "bad", "{}");
  const report = JSON.parse(await stdoutOf(lab, ["sync", "--stats", "--json"]));
  const { registered, updated, missing, skipped, initialized, stats } = report;
  assertEquals([registered, updated, missing, initialized], [1, 0, 0, true]);
  assertEquals(skipped, [{ run_path: "2026-01/run_id=bad", reason: "run_id is missing" }]);
  assertEquals([stats.total_runs, stats.failed, stats.runs_by_type], [1, 1, { full: 1 }]);
});

Deno.test("a sync tells what came, changed, went, and was not taken, and of many only some", async () => {
  using lab = newLab();
  for (let n = 10; n < 35; n++) putRun(lab, `bad-${n}`, "{}");
  putRun(lab, "a", { run_type: "full" });
  const gone = putRun(lab, "b", { artifacts: { alerts: { rows: 1, path: "x" } } });
  putRun(lab, "c", { status: "running" }, { has_success: false });
  await stdoutOf(lab, ["sync"]);
  putRun(lab, "a", { run_type: "policy" });
  removeFrom(lab, gone);
  const told = (await stdoutOf(lab, ["sync", "--stats"])).split("\n");
  assertEquals(told.slice(0, 5), [
    "✓ Registered 0 runs",
    "✓ Updated 1 run",
    "✓ Marked 1 run as missing: not on the disk any more",
    "✓ Skipped 26 runs",
    "    2026-01/run_id=bad-10: run_id is missing",
  ]);
  assertEquals(told[24], '    6 more: ledger query --db catalog "select * from runs_skipped"');
  assertEquals(told.slice(26), [
    "Catalog Statistics:",
    "  Total runs: 2",
    "  Completed: 2",
    "  Failed: 0",
    "  Runs: 2 ended of 3 known",
    '  By type: { "policy": 2 }',
    "  Missing on disk: 1",
    '  In progress: { "stale": 1 }',
    "  Total artifacts: 1",
    '  By type: { "alerts": 1 }',
    "",
  ]);
  putRun(lab, "d", {
    artifacts: { alerts: { rows: 1, path: "x" }, paths: { rows: 2, path: "y" } },
  });
  const lacking = (await stdoutOf(lab, ["sync", "--stats"])).trimEnd().split("\n");
  assertEquals(lacking.slice(-3), [
    "  Total artifacts: 3",
    '  By type: { "alerts": 2, "paths": 1 }',
    "  Missing on disk: 2",
  ]);
  const anew = await stdoutOf(lab, ["sync", "--full"]);
  assertStringIncludes(anew, "✓ Initialized catalog tables\n✓ Registered 2 runs\n");
});

async function filledLab(): Promise<Lab> {
  const lab = newLab();
  const path = putRun(lab, "one", {
    parameters: { "a;b": "it's é", window: "1h" },
    summary: { avg_return_bps: 1.5, sharpe: 2 },
    artifacts: { alerts: { rows: 1, path: "inputs/alerts.parquet" } },
    timing: { total_ms: 12 },
  });
  putFile(lab, path, "inputs/alerts.parquet", "1234");
  putRun(lab, "two", {
    created_at: "2026-01-18T10:00:00Z",
    summary: { avg_return_bps: 2.5, trades_count: 9 },
    parameters: { window: "2h", seed: 1 },
  });
  await stdoutOf(lab, ["sync"]);
  return lab;
}

Deno.test("runs are listed in every format", async () => {
  using lab = await filledLab();
  const rows = JSON.parse(await stdoutOf(lab, ["query", "--json"]));
  assertEquals(rows.map(({ run_id }: { run_id: string }) => run_id), ["two", "one"]);
  const fields =
    "run_id,run_type,status,source,created_at_ms,completed_at_ms,total_ms,artifacts,git_branch," +
    "git_commit,git_dirty,presence,run_path,name,group,pin,tags";
  assertEquals(Object.keys(rows[0]).join(","), fields);
  assertEquals(JSON.parse(await stdoutOf(lab, ["query", "--format", "json"])), rows);
  const ndjson = await stdoutOf(lab, ["query", "--format", "ndjson"]);
  assertEquals(ndjson.trimEnd().split("\n").map((line) => JSON.parse(line)), rows);
  const csv = (await stdoutOf(lab, ["query", "--format", "csv", "--limit", "1"])).split("\n");
  assertEquals(csv, [
    fields,
    "two,policy,completed,folder,1768730400000,1768665144539,,0,,,,present,2026-01/run_id=two,,,false,[]",
    "",
  ]);
  const markdown = await stdoutOf(lab, ["query", "--format", "markdown", "-n", "1"]);
  assertMatch(markdown, /^\| run_id \| .*\n\| --- \|.*\n\| two \| policy \| completed \| .*\n$/);
});

Deno.test("runs are picked by what the flags say", async () => {
  using lab = await filledLab();
  const idsOf = async (...args: string[]) =>
    JSON.parse(await stdoutOf(lab, ["query", "--json", ...args]))
      .map(({ run_id }: { run_id: string }) => run_id).join(" ");
  const cases: [string[], string][] = [
    [["--from", "2026-01-18"], "two"],
    [["--from-date", "2026-01-17", "--to-date", "2026-01-17"], "one"],
    [["--to", "2026-01-18"], "two one"],
    [["--to", "2026-01-18T10:00:00Z"], "one"],
    [["--since", "5d", "--until", "1d"], ""],
    [["--since", "6d"], "two one"],
    [["--param", "a;b=it's é"], "one"],
    [["--param", "window=1h"], "one"],
    [["--param", "window=1h", "--param", "seed=1"], ""],
    [["--param", "seed=1", "--param", "window=2h"], "two"],
    [["--param", "window=' or 1=1 --"], ""],
    [["--run-type", "policy", "--status", "completed"], "two one"],
    [["--status", "failed"], ""],
    [["--sort", "run_id"], "one two"],
    [["--run-id", "one"], "one"],
    [["--run-id", "t"], "two"],
    [["-n", "1"], "two"],
  ];
  for (const [args, wanted] of cases) assertEquals(await idsOf(...args), wanted, args.join(" "));
});

Deno.test("the path of an artifact is printed, and nothing else", async () => {
  using lab = await filledLab();
  const path = join(lab.runs_dir, "2026-01/run_id=one/inputs/alerts.parquet");
  const ask = ["query", "--run-id", "one", "--artifact-type", "alerts"];
  assertEquals(await stdoutOf(lab, ask), `${path}\n`);
  assertEquals(JSON.parse(await stdoutOf(lab, [...ask, "--json"])), { path });
  assertEquals((await inLab(lab, ["catalog-query", ...ask.slice(1)])).stdout, `${path}\n`);
  const none = ["query", "--run-id", "two", "--artifact-type", "alerts"];
  await refused(lab, none, 1, 'the catalog has no "alerts" of run "two"');
  await refused(lab, [...none.slice(0, -1), "alert"], 1, "artifact types are");
  // As everywhere, the beginning of an id will do.
  assertEquals(await stdoutOf(lab, ask.with(2, "on")), `${path}\n`);
  putRun(lab, "one-more");
  await stdoutOf(lab, ["sync"]);
  await refused(lab, ask.with(2, "on"), 1, 'several runs have ids that begin with "on"');
  assertEquals(await stdoutOf(lab, ask), `${path}\n`);
  await refused(lab, ask.with(2, "nope"), 1, 'the catalog has no "alerts" of run "nope"');
});

Deno.test("of what is not on the disk, it is told where it is", async () => {
  using lab = await filledLab();
  const run_path = "2026-01/run_id=one";
  const path = join(lab.runs_dir, run_path, "inputs/alerts.parquet");
  const ask = ["query", "--run-id", "one", "--artifact-type", "alerts"];
  removeFrom(lab, run_path, "inputs/alerts.parquet");
  await refused(lab, ask, 1, `there is no file ${path}`);
  const archive = join(lab.runs_dir, "archive");
  await stdoutOf(lab, ["prune", "--before", "2026-02", "--archive", archive, "--yes"]);
  await refused(lab, ask, 1, "its run is archived in ");
  assertStringIncludes((await runs(lab, ["show", "one"])).stdout, "archived in ");
  await refused(lab, ["show", "nobody"], 1, 'there is no run "nobody"');
});

Deno.test("the environment names the run that is created, unless a flag does", async () => {
  using lab = newLab();
  const vars = { LEDGER_RUN_ID: "from-env" };
  const create = ["create", "--run-type", "full", "--no-git"];
  assertMatch((await runs(lab, create, { vars })).stdout, /^from-env /);
  assertMatch((await runs(lab, [...create, "--run-id", "r2"], { vars })).stdout, /^r2 /);
  assertMatch((await runs(lab, create, { vars: { LEDGER_RUN_ID: "" } })).stdout, /^0{8}-/);
});

Deno.test("everything about a run is shown, also of one that goes on", async () => {
  using lab = await filledLab();
  assertEquals(
    await stdoutOf(lab, ["show", "one"]),
    `one  policy  completed
  folder     ${lab.runs_dir}/2026-01/run_id=one
  created    2026-01-17 15:52:24.273Z
  started    2026-01-17 15:52:24.279Z
  completed  2026-01-17 15:52:24.539Z
  dataset    1m
  schema     manifest 1.0.0, artifacts 1.0.0
  parameters a;b=it's é window=1h
  summary    avg_return_bps=1.5 sharpe=2

artifact  rows  size  on disk  path
alerts       1   4 B  yes      inputs/alerts.parquet

  total              12 ms  ██████████████████████████████

  the log has no events of it
`,
  );
  await stdoutOf(lab, [...CREATE, "--parameters", '{"seed":12345678901234567890}']);
  const shown = await stdoutOf(lab, ["show", "r1"]);
  assertMatch(shown, /^r1 {2}policy {2}running\n/);
  assertStringIncludes(shown, "seed=12345678901234567890");
  assertMatch(shown, /run\.created\n.*run\.started\n$/);
  const as_json = JSON.parse(await stdoutOf(lab, ["show", "r1", "--json"]));
  for (const name of ["folder", "state", "manifest", "artifacts", "logs", "events"]) {
    assertEquals(Object.hasOwn(as_json, name), true, name);
  }
  assertEquals([as_json.state, as_json.source, as_json.events.length], ["running", "both", 2]);
  assertEquals(JSON.parse(await stdoutOf(lab, ["show", "r1", "--json", "--no-events"])).events, []);
  putRun(lab, "nulls", {
    dataset: { calls_count: null },
    timing: null,
    summary: null,
    owner: null,
  });
  const nulls = await stdoutOf(lab, ["show", "nulls", "--no-events"]);
  assertEquals(nulls.includes("null\n") || nulls.includes("dataset"), false, nulls);
});

Deno.test("two runs are compared, and the best are ranked", async () => {
  using lab = await filledLab();
  const about = (rows: { about: string; name: string }[]) =>
    rows.map(({ about, name }) => `${about} ${name}`);
  const rows = JSON.parse(await stdoutOf(lab, ["diff", "one", "two", "--json"]));
  assertEquals(about(rows), [
    "params a;b",
    "params window",
    "params seed",
    "timing total_ms",
    "summary avg_return_bps",
    "summary sharpe",
    "summary trades_count",
    "artifacts alerts.rows",
    "artifacts alerts.bytes",
  ]);
  assertEquals(rows[4], {
    ...{ about: "summary", name: "avg_return_bps", run_id: "two", baseline: 1.5, value: 2.5 },
    ...{ change: 1, change_percent: 1 / 1.5 * 100, verdict: "better" },
  });
  const all = JSON.parse(await stdoutOf(lab, ["diff", "one", "two", "--json", "--all"]));
  assertEquals(about(all).filter((row) => row.endsWith(" status")), ["facts status"]);
  await refused(lab, ["diff", "one", "one"], 2, "cannot compare 1 run: it takes 2 to 20");
  assertMatch(await stdoutOf(lab, ["diff", "one", "two"]), /^name +one +two +change +verdict\n/);
  for (const format of ["csv", "ndjson", "markdown"]) {
    const printed = await stdoutOf(lab, ["diff", "one", "two", "--format", format]);
    assertEquals(
      printed.trimEnd().split("\n").length,
      { csv: 10, ndjson: 9, markdown: 11 }[format],
    );
  }
  const rank = ["rank", "--by", "avg_return_bps"];
  const ranked = JSON.parse(await stdoutOf(lab, [...rank, "--json"]));
  assertEquals(ranked.map(({ run_id, value }: Record<string, unknown>) => [run_id, value]), [
    ["two", 2.5],
    ["one", 1.5],
  ]);
  assertMatch(
    await stdoutOf(lab, rank),
    /^rank +run_id +status +avg_return_bps +a;b +seed +window +run_type/,
  );
  assertMatch(
    await stdoutOf(lab, [...rank, "--format", "csv", "--asc", "-n", "1"]),
    /\n1,one,.*\n$/,
  );
  const none = await runs(lab, [...rank, "--json", "--where", "false"]);
  assertEquals([none.code, JSON.parse(none.stdout)], [0, []]);
  assertEquals(none.stderr, "no run that fits has a number for avg_return_bps\n");
});

Deno.test("the catalog and the alerts tell what there is to ask, and their examples work", async () => {
  using lab = newLab();
  await finishRun(lab, "one");
  await stdoutOf(lab, ["sync", "--alerts"]);
  for (
    const [db, table] of [["catalog", "trades"], ["catalog", "run_summaries"], ["alerts", "alerts"]]
  ) {
    const { stdout, stderr } = await inLab(lab, ["query", "--db", db]);
    assertEquals(stderr, "");
    const [tables, examples] = stdout.split("\nTo begin with:\n");
    assertMatch(tables, new RegExp(`^${table} +view +.*run_id`, "m"));
    const queries = examples.trim().split("\n").filter((line) => !line.startsWith("  --"));
    for (const query of queries.filter((line) => line.trim().startsWith("select"))) {
      const asked = await inLab(lab, ["query", "--db", db, query]);
      assertEquals([asked.code, asked.stderr], [0, ""], query);
    }
    const as_json = JSON.parse((await inLab(lab, ["query", "--db", db, "--json"])).stdout);
    const names = as_json.map(({ name }: { name: string }) => name);
    assertEquals(names.includes(table), true);
    for (const { name } of as_json) {
      const asked = await inLab(lab, ["query", "--db", db, `select count(*) from ${name}`]);
      assertEquals([asked.code, asked.stderr], [0, ""], name);
    }
  }
});

Deno.test("what was typed wrong is told with what it has to be, and exit code 2", async () => {
  using lab = await filledLab();
  await stdoutOf(lab, CREATE);
  const cases: [string[], string][] = [
    [["create"], "a run has a type: --run-type path-only|policy|optimization|full"],
    [["create", "--run-type", "Polcy"], 'a run of type "Polcy": a type is 1 to 64 small letters'],
    [["create", "--run-type", "full", "--run-id", "../x"], '"../x" is no run id'],
    [["create", "--run-type", "full", "--dataset", "[]"], "it has to be a JSON object"],
    [
      ["create", "--run-type", "full", "--dataset", '{"calls_count":"x"}'],
      'cannot create run "00000000-0000-4000-8000-000000000000": dataset is {"calls_count":"x"}; it has',
    ],
    [["create", "--run-type", "full", "--parameters", "{"], "it has to be JSON"],
    [["create", "--run-type", "full", "--paramters", "{}"], "did you mean --parameters?"],
    [CREATE, 'cannot create run "r1": there is one already'],
    [["log", "r1"], "STREAM is missing"],
    [["log", "r1", "stdot"], 'STREAM is "stdot"; it has to be stdout or stderr'],
    [["log", "one", "stdout"], "cannot write to run one: it has ended (completed)"],
    [["finish"], "ID is missing"],
    [["finish", "r1", "--status", "ok"], '--status is "ok"; it has to be completed or failed'],
    [["finish", "r1", "--status", "failed"], "a failed run needs a reason: --error TEXT"],
    [["finish", "r1", "--error", "x"], "--error is for failed runs"],
    [
      ["finish", "r1", "--timing", '{"plan":1}'],
      '--timing has "plan"; the name of a duration ends in _ms',
    ],
    [["finish", "r1", "--timing", '{"plan_ms":-1}'], "--timing has plan_ms -1; it has to be a num"],
    [["finish", "r1", "--timing", '{"plan_ms":"1"}'], '--timing has plan_ms "1"'],
    [["finish", "one"], "cannot finish run one: it has ended already (completed, 2026-01-17"],
    [["finish", "../x"], '"../x" is no run id'],
    [["show", "../../etc"], '"../../etc" is no run id'],
    [["show"], "ID is missing"],
    [["sync", "--stale-after", "soon"], '--stale-after is "soon"; it has to be a length of time'],
    [["sync", "--ful"], "did you mean --full?"],
    [["query", "--limit", "-1"], '--limit is "-1"; it has to be a whole number'],
    [["query", "--status", "done"], '--status is "done"; it has to be completed, failed'],
    [["query", "--from", "tomorrow"], '--from is "tomorrow"; it has to be a day'],
    [["query", "--param", "x"], '--param is "x"; it has to be NAME=VALUE'],
    [["query", "--param", "=x"], '--param is "=x"; it has to be NAME=VALUE'],
    [["query", "--sort", "size"], "cannot read sort at column 1: there is no column size"],
    [["query", "--artifact-type", "alerts"], "--artifact-type goes with --run-id"],
    [["query", "--format", "xml"], '--format is "xml"; it has to be table, json'],
    [["diff", "one"], "cannot compare 1 run: it takes 2 to 20"],
    [["rank"], "by which metric? For example: --by avg_return_bps"],
    [["rank", "--by", "sharp"], "did you mean sharpe?"],
    [["rank", "--by", "sharpe", "--where", "true) or (true"], "cannot read where at column"],
    [
      ["rank", "--by", "sharpe", "--where", "sharp > 1"],
      "there is no column sharp",
    ],
    [["rank", "--by", "sharpe", "--where", "true; drop table x"], "ledger"],
  ];
  for (const [args, words] of cases.slice(0, -1)) await refused(lab, args, 2, words);
  const [args] = cases.at(-1)!;
  assertEquals((await runs(lab, args)).code, 2);
});

Deno.test("a run that is not there, or not the only one, is told with those that are", async () => {
  using lab = await filledLab();
  putRun(lab, "two-b");
  putRun(lab, "three");
  await refused(lab, ["show", "twoo"], 1, "did you mean two?");
  await refused(lab, ["show", "t"], 1, "give more of it: three, two, two-b");
  await refused(lab, ["finish", "nothing like it"], 1, "there is no run");
  await refused(lab, ["diff", "one", "tw"], 1, '2 runs have ids that begin with "tw"');
  const nowhere = ["--runs-dir", join(lab.path, "none")];
  await refused(lab, ["show", "one", ...nowhere], 1, "there is no folder of runs");
  await refused(lab, ["sync", ...nowhere], 1, "there is no folder of runs");
  await refused(lab, ["verify", "--all", ...nowhere], 1, "there is no folder of runs");
  assertStringIncludes(await stdoutOf(lab, ["show", "thr"]), "three  policy  completed");
  using empty = newLab();
  await refused(empty, ["query"], 1, "nothing has been catalogued yet: ledger runs sync");
  await refused(empty, ["sync", "--stats"], 2, "nothing to catalogue");
});

Deno.test("rows that take the place of others say so", async () => {
  using lab = newLab();
  await stdoutOf(lab, CREATE);
  const write = (rows: string) =>
    stdoutOf(lab, ["write", "r1", "features", "--format", "csv"], rows);
  assertMatch(await write("call_id,pool_usd\nc1,1.5\nc2,2.5\n"), / 2 rows, [^,]+\n$/);
  assertMatch(await write("call_id,pool_usd\nc3,3.5\n"), / 1 row, .*, replacing 2 rows\n$/);
});

Deno.test("a list holds runs that have ended, and one line counts the others; --status any lists all", async () => {
  using lab = newLab();
  putRun(lab, "a");
  putRun(lab, "b", { status: "failed" }, { has_success: false });
  putRun(lab, "c", { status: "running" }, { has_success: false });
  {
    await using ledger = ledgerOf(lab);
    await ledger.emitRunStarted({ run_id: "emitted" });
    await ledger.emitRunCompleted({ run_id: "emitted", summary: {}, artifact_paths: {} });
    await ledger.emitRunStarted({ run_id: "goes-on" });
    await ledger.sync();
  }
  await stdoutOf(lab, ["sync"]);
  const list = async (...flags: string[]) => {
    const { code, stdout, stderr } = await inLab(lab, ["runs", "query", "--json", ...flags]);
    assertEquals(code, 0, stderr);
    return [
      JSON.parse(stdout).map(({ run_id }: { run_id: string }) => run_id).sort().join(" "),
      stderr,
    ];
  };
  const others = "not ended: 1 running, 1 stale (--status any lists them)\n";
  assertEquals(await list(), ["a b emitted", `3 ended of 5 known runs; ${others}`]);
  const [cut, line] = await list("--limit", "1");
  assertEquals([cut, line], ["emitted", `3 ended of 5 known runs; ${others}`]);
  assertEquals(await list("--status", "any"), ["a b c emitted goes-on", ""]);
  assertEquals(await list("--status", "stale"), ["c", ""]);
  const typo = await inLab(lab, ["runs", "query", "--run-type", "polcy"]);
  assertEquals([typo.code, typo.stderr.includes("did you mean policy?")], [2, true]);
});
