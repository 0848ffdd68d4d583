import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { LedgerError } from "../../src/base/error.ts";
import { parseKeepingDigits } from "../../src/base/json.ts";
import type * as library from "../../src/mod.ts";
import { type ComparedRun, diffRuns } from "../../src/runs/catalog/diff.ts";
import { finishRun } from "./finished.ts";
import { GOOD } from "./rows.ts";
import { inLab, type Lab, ledgerOf, newLab, putRun, sync } from "./runs.ts";

function run(run_id: string, different: Partial<ComparedRun> = {}): ComparedRun {
  const nothing = { facts: {}, dataset: {}, params: {}, timing: {}, summary: {}, artifacts: {} };
  return { run_id, ...nothing, ...different };
}

/** What differs: name, values, changes, verdicts. */
function differences(...runs: ComparedRun[]) {
  return diffRuns(runs).filter(({ differs }) => differs).map(({ about, name, values }) => [
    `${about} ${name}`,
    values.map(({ value }) => value),
    ...values.slice(1).map(({ change, change_percent, verdict }) => [
      change,
      change_percent,
      verdict,
    ]),
  ]);
}

const NONE = [undefined, undefined, undefined];

Deno.test("runs are compared by what they are, ran with, took, came to and left", () => {
  const a = run("a", {
    facts: { git_branch: "main", status: "completed" },
    params: { policy: { kind: "fixed", bps: 500 }, tags: ["x", 1], same: 1 },
    timing: { total_ms: 1000, plan_ms: 0 },
    summary: { run_id: "a", avg: -2, rate: 0, dd_bps: 10, grade: "B" },
    artifacts: { trades: { rows: 3 } },
  });
  const b = run("b", {
    facts: { status: "completed" },
    params: { policy: { kind: "fixed", bps: 250 }, tags: ["x", 2], same: 1 },
    timing: { total_ms: 1500, plan_ms: 3 },
    summary: { run_id: "b", avg: 1, rate: 0.3, dd_bps: 5, grade: "A" },
    artifacts: { trades: { rows: 4 }, paths: { rows: 1 } },
  });
  assertEquals(differences(a, b), [
    ["facts git_branch", ["main", undefined], NONE],
    ["params policy.bps", [500, 250], [-250, -50, undefined]],
    ["params tags", [["x", 1], ["x", 2]], NONE],
    ["timing total_ms", [1000, 1500], [500, 50, "worse"]],
    ["timing plan_ms", [0, 3], [3, undefined, "worse"]],
    ["summary avg", [-2, 1], [3, 150, "better"]],
    ["summary rate", [0, 0.3], [0.3, undefined, "better"]],
    ["summary dd_bps", [10, 5], [-5, -50, "better"]],
    ["summary grade", ["B", "A"], NONE],
    ["artifacts trades.rows", [3, 4], [1, 1 / 3 * 100, undefined]],
    ["artifacts paths.rows", [undefined, 1], NONE],
  ]);
  assertEquals(differences(a, a), []);
  const all = diffRuns([a, a]).map(({ about, name }) => `${about} ${name}`);
  assertEquals([all.includes("params same"), all.includes("summary run_id")], [true, false]);
});

Deno.test("several runs are held against the first; a name differs where it does in any", () => {
  const of = (run_id: string, sharpe: number | undefined) =>
    run(run_id, { summary: { sharpe, calls: 7 } });
  assertEquals(differences(of("a", 1), of("b", 1), of("c", 2), of("d", undefined)), [
    ["summary sharpe", [1, 1, 2, undefined], NONE, [1, 100, "better"], NONE],
  ]);
  const [row] = diffRuns([of("a", 1), of("b", 2)], { lower: ["sharpe"] });
  assertEquals(row.values[1].verdict, "worse");
  const timed = [run("a", { timing: { x_ms: 1 } }), run("b", { timing: { x_ms: 2 } })];
  for (const higher of [["x_ms"], ["timing.x_ms"]]) {
    assertEquals(diffRuns(timed, { higher })[0].values[1].verdict, "better");
  }
  const error = assertThrows(() => diffRuns(timed, { lower: ["y_ms"] }), LedgerError);
  assertEquals(
    [error.code, error.message, error.hint],
    ["usage", 'none of these runs has a metric "y_ms"', "did you mean x_ms?"],
  );
});

Deno.test("a metric that is null in one run, and not there in another, does not differ", () => {
  const tail = { avg_tail_capture: null };
  assertEquals(differences(run("a", { summary: tail }), run("b")), []);
});

Deno.test("what one of two runs lacks, or leaves empty, differs", () => {
  const cases: [unknown, unknown, unknown[][]][] = [
    [{ x: {} }, {}, [["params x", [{}, undefined], NONE]]],
    [{ x: { y: 1 } }, { x: {} }, [
      ["params x.y", [1, undefined], NONE],
      ["params x", [undefined, {}], NONE],
    ]],
    [{ x: null }, {}, [["params x", [null, undefined], NONE]]],
    [{ x: 1 }, { x: "1" }, [["params x", [1, "1"], NONE]]],
    [{ x: [] }, { x: {} }, [["params x", [[], {}], NONE]]],
    [null, undefined, []],
  ];
  for (const [a, b, wanted] of cases) {
    const found = differences(run("a", { params: a }), run("b", { params: b }));
    assertEquals(found, wanted, JSON.stringify([a, b]));
  }
});

Deno.test("numbers that only digits can tell apart are told apart", () => {
  const of = (digits: string) => run("r", { params: parseKeepingDigits(`{"seed":${digits}}`) });
  const [one, other] = ["9007199254740993", "9007199254740992"].map(of);
  assertEquals(differences(one, one), []);
  assertEquals(differences(one, other).map(([name, values]) => [name, JSON.stringify(values)]), [
    ["params seed", "[9007199254740993,9007199254740992]"],
  ]);
});

/** Runs that are known by their folders, and one that was only emitted. */
async function sweep(): Promise<Lab> {
  const lab = newLab();
  const put = (run_id: string, bps: number, sharpe: number) =>
    putRun(lab, run_id, {
      parameters: { bps },
      summary: { sharpe, max_drawdown: 1 / sharpe },
      timing: { total_ms: 10 },
      artifacts: { alerts: { rows: bps, path: "x" } },
    });
  put("sweep-0001-with-a-long-name-for-a-run", 100, 1.5);
  put("sweep-0002-with-a-long-name-for-a-run", 300, 3);
  put("other", 500, 0.5);
  await sync(lab);
  for (
    const args of [
      [
        "run.created",
        "--run-id",
        "emitted",
        "--run-type",
        "policy",
        "--config",
        '{"bps":700}',
        "--data-fingerprint",
        "d",
      ],
      [
        "run.completed",
        "--run-id",
        "emitted",
        "--summary",
        '{"sharpe":4,"max_drawdown":0.2}',
        "--artifact-paths",
        "{}",
      ],
    ]
  ) {
    const { code, stderr } = await inLab(lab, ["emit", ...args]);
    assertEquals(code, 0, stderr);
  }
  assertEquals((await inLab(lab, ["rebuild"])).code, 0);
  return lab;
}

Deno.test("diff takes runs by their ids, or by a filter, and gives numbers as numbers", async () => {
  using lab = await sweep();
  const diff = async (...args: string[]) => {
    const { code, stdout, stderr } = await inLab(lab, ["runs", "diff", ...args, "--json"]);
    assertEquals(code, 0, stderr);
    return JSON.parse(stdout) as Record<string, unknown>[];
  };
  const about = (rows: Record<string, unknown>[], name: string) =>
    rows.filter((row) => row.name === name);
  assertEquals(about(await diff("sweep-0001", "emitted"), "sharpe"), [{
    about: "summary",
    name: "sharpe",
    baseline: 1.5,
    run_id: "emitted",
    value: 4,
    change: 2.5,
    change_percent: 2.5 / 1.5 * 100,
    verdict: "better",
  }]);
  const chosen = await diff("--where", "params.bps >= 300", "--sort", "-sharpe", "--limit", "2");
  assertEquals(about(chosen, "sharpe").map(({ baseline, run_id }) => [baseline, run_id]), [
    [4, "sweep-0002-with-a-long-name-for-a-run"],
  ]);
  const both = await diff("other", "--where", "sharpe < 4", "--columns", "params.*,sharpe");
  assertEquals(both.map(({ name, baseline, value }) => [name, baseline, value]), [
    ["bps", 500, 100],
    ["bps", 500, 300],
    ["sharpe", 0.5, 1.5],
    ["sharpe", 0.5, 3],
  ]);
  const directions = await diff("other", "emitted", "--lower", "sharpe");
  assertEquals(about(directions, "sharpe")[0].verdict, "worse");
  assertEquals(about(directions, "max_drawdown")[0].verdict, "better");
  assertEquals(about(await diff("other", "sweep-0002"), "alerts.rows")[0].change, -200);
});

Deno.test("diff says which runs it cannot take", async () => {
  using lab = await sweep();
  const cases: [string[], number, string][] = [
    [["other"], 2, "cannot compare 1 run: it takes 2 to 20"],
    [[], 2, "cannot compare 0 runs"],
    [["sweep", "other"], 1, '2 runs have ids that begin with "sweep"'],
    [["emited", "other"], 1, "did you mean emitted?"],
    [["other", "--where", "sharpe >"], 2, "cannot read where at column 9"],
    [["--where", "sharpe > 100"], 2, "cannot compare 0 runs"],
  ];
  for (const [args, code, said] of cases) {
    const ended = await inLab(lab, ["runs", "diff", ...args]);
    assertEquals([ended.code, ended.stdout], [code, ""], args.join(" "));
    assertStringIncludes(ended.stderr, said);
  }
  for (let number = 0; number < 21; number++) putRun(lab, `many-${number}`);
  await sync(lab);
  const many = await inLab(lab, ["runs", "diff", "--where", "run_id like 'many-%'"]);
  assertEquals(many.code, 2);
  assertStringIncludes(many.stderr, "cannot compare more than 20 runs");
});

Deno.test("at 80 columns names and ids are whole; runs get letters where their ids have no room", async () => {
  using lab = await sweep();
  const shownIn = async (columns: number, ...args: string[]) => {
    const { stdout } = await inLab(lab, ["runs", "diff", ...args], {
      is_terminal: true,
      columns,
      vars: { NO_COLOR: "1" },
    });
    return stdout.trimEnd().split("\n").map((line) => line.trimEnd());
  };
  const shown = (...args: string[]) => shownIn(80, ...args);
  assertEquals(await shownIn(50, "other", "emitted", "--columns", "params.*,summary.*"), [
    "name            other  emitted    change  verdict",
    "params",
    "  bps             500      700   +40.0 %",
    "summary",
    "  sharpe          0.5        4  +700.0 %  better",
    "  max_drawdown      2      0.2   -90.0 %  better",
  ]);
  assertEquals(await shown("other", "emitted", "--columns", "params.*,summary.*"), [
    "name                  other  emitted           change  verdict",
    "params.bps              500      700   +200 (+40.0 %)",
    "summary.sharpe          0.5        4  +3.5 (+700.0 %)  better",
    "summary.max_drawdown      2      0.2   -1.8 (-90.0 %)  better",
  ]);
  const columns = ["--columns", "summary.*"];
  assertEquals(await shown("sweep-0001", "sweep-0002", "other", ...columns), [
    "A  sweep-0001-with-a-long-name-for-a-run",
    "B  sweep-0002-with-a-long-name-for-a-run",
    "C  other",
    "",
    "name                         A                B          C",
    "summary.sharpe             1.5         3 better  0.5 worse",
    "summary.max_drawdown  0.666667  0.333333 better    2 worse",
  ]);
});

Deno.test("a run of another program is compared by its summary too, which is in its file alone", async () => {
  using lab = newLab();
  for (const [run_id, calls] of [["one", ["c1"]], ["two", ["c1", "c2"]]] as const) {
    const path = join(
      lab.runs_dir,
      await finishRun(lab, run_id, { calls: [...calls] }),
      "run.json",
    );
    const { summary, ...manifest } = JSON.parse(Deno.readTextFileSync(path));
    assertEquals(summary.run_id, run_id);
    for (const entry of Object.values<Record<string, unknown>>(manifest.artifacts)) {
      delete entry.bytes;
      delete entry.sha256;
    }
    Deno.writeTextFileSync(path, JSON.stringify(manifest));
  }
  await sync(lab);
  const { stdout } = await inLab(lab, ["runs", "diff", "one", "two", "--all", "--json"]);
  const rows = JSON.parse(stdout) as Record<string, unknown>[];
  const of = (about: string, name: string) => {
    const { baseline, value, change } = rows.find((row) =>
      row.about === about && row.name === name
    )!;
    return [baseline, value, change];
  };
  const { realized_return_bps } = GOOD.trades;
  const same = [realized_return_bps, realized_return_bps, undefined];
  assertEquals(of("summary", "avg_return_bps"), same);
  assertEquals(of("artifacts", "trades.rows"), [1, 2, 1]);
});

Deno.test("runs are compared by their code, inputs and files, by digests, also once one is archived", async () => {
  using lab = newLab();
  const digest = (of: string) => of.repeat(64);
  const evidence = (path: string, of: string) => ({ path, bytes: 1, sha256: digest(of) });
  const put = (run_id: string, prices: string, data: string, of: string) =>
    putRun(lab, run_id, {
      created_at: run_id === "a" ? "2025-03-05T10:00:00Z" : "2026-01-05T10:00:00Z",
      git_commit: digest("c").slice(0, 40),
      code: {
        patch: { ...evidence("provenance/diff.patch", of), masked_lines: 0 },
        lock_files: [evidence("uv.lock", of), evidence("deno.lock", "e")],
        argv: ["python", "a b.py", of],
        ...{ seed: 7, host: "box" },
      },
      parameters: { seed: 7 },
      inputs: [evidence(prices, "d"), evidence(data, of)],
      files: {
        "plots/p.png": { kind: "plot", bytes: 1, sha256: digest(of), media_type: "image/png" },
      },
    }, { month: run_id === "a" ? "2025-03" : "2026-01" });
  // The same prices, under another path.
  put("a", "/data/prices.csv", "/data/calls.csv", "a");
  put("b", "/mnt/prices.csv", "/data/calls.csv", "b");
  await sync(lab);
  await using ledger = ledgerOf(lab);
  await ledger.runs.annotate("a", { name: "flagship", tags: ["best"] });
  await ledger.runs.annotate("b", { group: "sweep7" });
  const [a, b] = ["a", "b"].map(digest);
  const wanted = [
    ["facts", "name", "flagship", undefined],
    ["facts", "tags", ["best"], undefined],
    ["facts", "group", undefined, "sweep7"],
    ["code", "patch", a, b],
    ["code", "lock_files.uv.lock", a, b],
    ["code", "command", 'python "a b.py" a', 'python "a b.py" b'],
    ["inputs", "/data/calls.csv", a, b],
    ["files", "plots/p.png", a, b],
  ];
  const differing = async () => {
    const { code, stdout, stderr } = await inLab(lab, ["runs", "diff", "flagship", "b", "--json"]);
    assertEquals(code, 0, stderr);
    const rows = JSON.parse(stdout) as Record<string, unknown>[];
    return rows.map(({ about, name, baseline, value }) => [about, name, baseline, value]);
  };
  assertEquals(await differing(), wanted);
  const archive = join(lab.path, "o'ld");
  await ledger.runs.prune({ before: "2025-06", archive });
  assertEquals(await differing(), wanted);
  const shown = await inLab(lab, ["runs", "show", "a"]);
  for (const said of ["/data/calls.csv", "plots/p.png", 'python "a b.py" a', "archived  files/"]) {
    assertStringIncludes(shown.stdout, said);
  }
  const list = join(lab.runs_dir, "2025-03/_archived.ndjson");
  const text = Deno.readTextFileSync(list);
  Deno.writeTextFileSync(list, text.replace('"status":"completed"', '"status":"odd"'));
  const damaged = await inLab(lab, ["runs", "diff", "flagship", "b", "--as-is"]);
  assertStringIncludes(damaged.stderr, 'manifest of run "a" says is left out:');
  Deno.writeTextFileSync(list, text);
  // What wants the folder says how it comes back.
  const { code, stderr } = await inLab(lab, ["runs", "rerun", "a"]);
  const [, tar] = /bring it back: (tar .*)/.exec(stderr)!;
  assertEquals([code, (await new Deno.Command("sh", { args: ["-c", tar] }).output()).code], [1, 0]);
  assertEquals((await inLab(lab, ["runs", "rerun", "a"])).code, 0);
});

Deno.test("a program looks at runs, compares and checks them by types that the library's door names", async () => {
  using lab = newLab();
  for (const [run_id, stop] of [["one", 1], ["two", 2]] as const) {
    putRun(lab, run_id, { parameters: { stop } });
  }
  await sync(lab);
  const { runs }: { runs: library.LedgerRuns } = ledgerOf(lab);
  const compared: library.RunsToCompare = { run_ids: ["one", "two"] };
  const directions: library.Directions = {};
  const rows: library.DiffRow[] = await runs.diff(compared, directions);
  const stops = rows.find(({ name }) => name === "stop")!.values;
  assertEquals(stops.map(({ value }: library.ComparedValue) => value), [1, 2]);
  const known: library.KnownRun = await runs.look("one");
  const listed: library.RunListing = await runs.list({ run_id: known.run_id });
  assertEquals(listed.rows.length, 1);
  const wanted: library.RunsToVerify = { run_id: "one" };
  const report: library.RunsReport = await runs.verify(wanted);
  assertEquals(report.runs, 1);
});
