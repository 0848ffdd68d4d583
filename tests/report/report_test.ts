import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { report_bytes_max, report_runs_listed_max } from "../../src/base/limits.ts";
import { makeReport } from "../../src/mod.ts";
import type { Lab } from "../runs/runs.ts";
import { inLab, newLab, putRun } from "../runs/runs.ts";
import { putFirstSystemRun } from "../runs/first_system.ts";
import { refusal } from "../runs/rows.ts";
import {
  BEGIN_MS,
  fillHostile,
  fillLab,
  fillWithMany,
  HOSTILE,
  ledgerAt,
  MADE_MS,
  recordRun,
  syncAll,
  tradesOf,
} from "./labs.ts";
import { asksIn, factsAfter, sectionIn, sqlOf, tableIn, textIn } from "./page.ts";

/** Sums of fractions depend on their order, in the last digits. */
function assertNear(actual: number, expected: number, distance: number, words?: string): void {
  assert(
    Math.abs(actual - expected) <= distance,
    `${actual} is not near ${expected} ${words ?? ""}`,
  );
}

/** The report of a lab. */
async function reportOf(lab: Lab, ...runs: string[]) {
  await using ledger = ledgerAt(lab, MADE_MS);
  return await makeReport(ledger, { runs });
}

/** What a question of the page answers on the command line, as JSON. */
async function answerTo(lab: Lab, line: string): Promise<Record<string, number | string>[]> {
  const db = line.includes("--db catalog") ? ["--db", "catalog"] : [];
  const { code, stdout, stderr } = await inLab(lab, ["query", ...db, sqlOf(line), "--json"]);
  assertEquals([code, stderr], [0, ""], line);
  return JSON.parse(stdout);
}

/** The rows of several questions together: what is in runs' folders, and what is beside the log. */
async function answersTo(lab: Lab, lines: readonly string[]) {
  return (await Promise.all(lines.map((line) => answerTo(lab, line)))).flat();
}

Deno.test("the numbers of the page are those that its own questions answer", async () => {
  using lab = newLab();
  await fillLab(lab);
  const { html, problems, runs } = await reportOf(lab);
  assertEquals([problems, runs], [[], 7]);

  const [by_status] = asksIn(sectionIn(html, "runs"));
  const tiles = factsAfter(html, "<h1>");
  for (const { status, runs } of await answerTo(lab, by_status)) {
    assertEquals(tiles[`Runs ${status}`], runs, String(status));
  }

  const ms = (time: unknown) => Date.parse(`${time}Z`);
  const ended = new Map((await answerTo(lab, asksIn(sectionIn(html, "runs"))[1])).map((run) => [
    run.run_id,
    run.total_ms ?? ((ms(run.completed_at ?? run.last_sign_at) - ms(run.started_at)) || "–"),
  ]));
  assertEquals([tiles["Runs known"], tiles["Runs ended"]], [7, 6]);
  for (const { Run, Took } of tableIn(html, "The latest runs")) {
    assertEquals(Took, ended.get(Run), String(Run));
  }

  const [of_run, over_all] = asksIn(sectionIn(html, "phases"));
  assertEquals((await answerTo(lab, of_run)).length, 1, "the latest run began one phase");
  const totals = tableIn(html, "Phases over all runs");
  assertEquals(
    totals.map((row) => [row.Phase, row.Runs, row.Times, row.Median, row.Longest, row["In all"]]),
    (await answerTo(lab, over_all)).map((row) => [
      ...[row.phase_name, row.runs, row.times, row.median_ms, row.max_ms, row.total_ms],
    ]),
  );
  // The load of killed-1 and the simulation of trail-2 have begun and not ended.
  for (const row of totals) {
    assertNear(Number(row.Mean) * Number(row.Times), Number(row["In all"]), 1e-6, `${row.Phase}`);
    const not_ended = ["load", "simulate"].includes(String(row.Phase)) ? 1 : "–";
    assertEquals(row["Not ended"], not_ended, String(row.Phase));
  }

  const returns = await answersTo(lab, asksIn(sectionIn(html, "returns")));
  assertEquals(returns.length, 6);
  for (const row of returns) {
    const facts = factsAfter(html, '<section id="returns"', `<bdi>${row.run_id}</bdi>`);
    assertEquals(facts.Trades, row.trades, String(row.run_id));
    assertNear(Number(facts["Mean, bps"]), Number(row.mean_bps), 1e-9);
    assertNear(Number(facts["Median, bps"]), Number(row.median_bps), 1e-9);
    assertNear(Number(facts["Sum, bps"]), Number(row.sum_bps), 1e-6);
    assertNear(Number(facts.Gained), Number(row.win_rate), 1e-12);
    assertNear(Number(facts["Stopped out"]), Number(row.stop_out_rate), 1e-12);
  }

  const policies = (await answersTo(lab, asksIn(sectionIn(html, "policies"))))
    .sort((a, b) => Number(b.mean_bps) - Number(a.mean_bps));
  const compared = tableIn(
    html,
    "Policies, returns in bps",
  );
  assertEquals(compared.map(({ Policy }) => Policy), [
    ...policies.map(({ policy_id }) => policy_id ?? "no policy id"),
  ]);
  assertEquals(compared.length, 4);
  const means = compared.map(({ Mean }) => Number(Mean));
  assertEquals(means, means.toSorted((a, b) => b - a), "the highest mean first");
  for (const [at, row] of compared.entries()) {
    const asked = policies[at];
    assertEquals([row.Runs, row.Trades], [asked.runs, asked.trades]);
    for (
      const [title, field] of [["Mean", "mean_bps"], ["Worst", "worst_bps"], [
        "Open for",
        "mean_exposed_ms",
      ]]
    ) {
      assertNear(Number(row[title]), Number(asked[field]), 1e-6, `${row.Policy} ${title}`);
    }
  }
});

Deno.test("latencies are those that the traces themselves tell, and losses lead back to their signals", async () => {
  using lab = newLab();
  await fillLab(lab);
  const { html } = await reportOf(lab, "tight-1");
  const { stdout } = await inLab(lab, ["trace", "latency", "tight-1", "--json"]);
  const { types } = JSON.parse(stdout);
  const rows = tableIn(html, "Latency by event type");
  assertEquals(rows.map(({ Type }) => Type).sort(), Object.keys(types).sort());
  for (const row of rows) {
    const { latency } = types[row.Type];
    const said = [
      row.Measured,
      row.Mean,
      row.Median,
      row["90 %"],
      row["95 %"],
      row["99 %"],
      row.Longest,
    ];
    const { count, mean_ms, median_ms, p90_ms, p95_ms, p99_ms, max_ms } = latency;
    assertEquals(said, [count, mean_ms, median_ms, p90_ms, p95_ms, p99_ms, max_ms], `${row.Type}`);
  }

  const losses = sectionIn(html, "losses");
  const [ask_losses, ask_path] = asksIn(losses);
  const worst = await answerTo(lab, ask_losses);
  const told = [...losses.matchAll(/<h3>([\s\S]*?)<\/h3>/g)].map(([, heading]) => textIn(heading));
  assertEquals(told.length, worst.length);
  for (const [at, { call_id }] of worst.entries()) {
    assertMatch(told[at], new RegExp(`call ${call_id}$`));
  }
  const fill = ask_path.split(" ").at(-1)!.replaceAll('"', "");
  assertEquals(fill, `tight-1.${worst[0].call_id}.5`, "the fill by which the trade was left");
  const path = JSON.parse((await inLab(lab, ["trace", "path", fill, "--json"])).stdout);
  assertEquals(path.path[0].event_type, "SIGNAL");
  const steps = tableIn(losses, `From the origin to fill ${fill}`);
  assertEquals(Object.keys(steps[0]).filter((title) => title.endsWith(" time")), [
    "Market time",
    "Wall time",
  ]);
  assertEquals(
    steps.map((step) => [step.Type, step.Event, step.After]),
    path.path.map(({ event_type, event_id, hop_ms }: Record<string, unknown>) => [
      ...[event_type, event_id, hop_ms ?? "–"],
    ]),
  );
});

Deno.test("a run that its folder knows to have crashed is not told as running", async () => {
  using lab = newLab();
  await recordRun(lab, "gone", { policy: "p", trades: 3 });
  await using ledger = ledgerAt(lab, BEGIN_MS);
  const run = await ledger.runs.create({
    run_type: "policy",
    run_id: "dead",
    git: false,
    owned: true,
  });
  await run.close();
  await syncAll(lab);
  const { html } = await reportOf(lab);
  assertEquals(factsAfter(html, "<h1>")["Runs crashed"], 1);
  assertEquals(tableIn(html, "The latest runs").map(({ Status }) => Status).sort(), [
    "completed",
    "crashed",
  ]);
});

Deno.test("a report about some runs is about them alone, named whole or by the beginnings of their ids", async () => {
  using lab = newLab();
  await fillLab(lab);
  const { html, runs } = await reportOf(lab, "wide", "trail-1");
  assertEquals(runs, 2);
  assertEquals(tableIn(html, "The runs of this report").map(({ Run }) => Run), [
    "trail-1",
    "wide-1",
  ]);
  assertEquals(
    tableIn(html, "Policies, returns in bps")
      .map(({ Policy, Trades }) => [Policy, Trades]),
    [["trailing-5pct", 60], ["stop-8pct", 120]],
  );
  assert(!html.includes("tight-1"));
  for (const id of ["runs", "phases", "returns", "policies"]) {
    for (const line of asksIn(sectionIn(html, id))) await answerTo(lab, line);
  }
  for (
    const [word, said] of [["t", /4 runs have ids that begin with "t"/], [
      "wide-2",
      /there is no run "wide-2"/,
    ]] as const
  ) {
    const { code, message } = await refusal(reportOf(lab, word));
    assertEquals(code, "not_found");
    assertMatch(message, said);
  }
});

Deno.test("two reports of one state at one time are the same, byte for byte", async () => {
  using lab = newLab();
  await fillLab(lab);
  assertEquals((await reportOf(lab)).html, (await reportOf(lab)).html);
});

Deno.test("a thousand runs fit into a page, which says what it leaves out", async () => {
  using lab = newLab();
  await fillWithMany(lab, 1_000, 60);
  const { html, runs } = await reportOf(lab);
  assertEquals(runs, 1_000);
  const bytes = new TextEncoder().encode(html).length;
  assert(bytes < report_bytes_max / 2, `${bytes} bytes`);
  assertEquals(factsAfter(html, "<h1>")["Runs known"], 1_000);
  assertEquals(tableIn(html, "The latest runs").length, report_runs_listed_max);
  const notes = [...html.matchAll(/<p class="note">([\s\S]*?)<\/p>/g)].map(([, note]) =>
    textIn(note)
  );
  for (
    const said of [
      "Shown: the latest 50 of 1,000 known runs. All 1,000 are in the chart above.",
      "Shown: the phases of the latest 6 of 1,000 runs. The table below is about all of them.",
      "Shown: the best 6 of 60 runs with trades, by the sum of their returns, completed ones first. " +
      "The policies below are compared over all of them.",
      "Shown: 24 of 40 policies, those with the highest mean return.",
    ]
  ) assert(notes.includes(said), `${said}\n${notes.join("\n")}`);
  // Every run is in the chart: its table adds up.
  const periods = [...html.matchAll(/<caption>\s*(Runs per [^<]*)<\/caption>/g)][0][1];
  const drawn = tableIn(html, periods).reduce((sum, { Runs }) => sum + Number(Runs), 0);
  assertEquals(drawn, 1_000);

  // What is shown of many is what a loop over all of them would choose.
  const sums = new Map<string, number>(), of_policy = new Map<string, number[]>();
  for (let n = 940; n < 1_000; n++) {
    const run_id = `run-${String(n).padStart(5, "0")}`;
    const returns = tradesOf(run_id, null, 500, BEGIN_MS).map((trade) => trade.realized_return_bps);
    sums.set(run_id, returns.reduce((a, b) => a + b));
    const policy = `policy-${n % 40}`;
    of_policy.set(policy, [...of_policy.get(policy) ?? [], ...returns]);
  }
  await using ledger = ledgerAt(lab, MADE_MS);
  const completed = new Set(
    (await ledger.latestRuns(1_000)).filter(({ status }) => status === "completed")
      .map(({ run_id }) => run_id),
  );
  const best = [...sums].sort(([, a], [, b]) => b - a).map(([run_id]) => run_id)
    .filter((run_id) => completed.has(run_id)).slice(0, 6);
  const cards = [...sectionIn(html, "returns").matchAll(/<h3>.*?<bdi>(.*?)<\/bdi>/g)];
  assertEquals(cards.map(([, run_id]) => run_id), best);
  const mean = (values: number[]) => values.reduce((a, b) => a + b) / values.length;
  const highest = [...of_policy].sort(([, a], [, b]) => mean(b) - mean(a)).slice(0, 24);
  assertEquals(
    tableIn(html, "Policies, returns in bps").map(({ Policy }) => Policy),
    highest.map(([policy]) => policy),
  );
});

Deno.test("a run's parameters that tell it apart, its Sharpe ratio, its drawdown and its commit are shown", async () => {
  using lab = newLab();
  await using ledger = ledgerAt(lab, BEGIN_MS);
  for (const [run_id, stop_bps, sharpe] of [["a", 200, 1.5], ["b", 300, -0.25]] as const) {
    const run = await ledger.runs.create({
      ...{ run_type: "policy", run_id, git: false },
      parameters: { policy: { stop_bps, kind: "fixed" }, seed: 1 },
    });
    await run.updateManifest((manifest) => {
      const code = { git_commit: "0123456789abcdef", git_branch: "main", git_dirty: true };
      Object.assign(manifest, code);
    });
    await run.writeArtifact("trades", tradesOf(run_id, "p", 30, BEGIN_MS));
    await run.markSuccess({ summary: { sharpe, sharpe_of_longs: 9 } });
  }
  await ledger.emitRunCreated({
    ...{ run_id: "c", run_type: "policy", data_fingerprint: "fp" },
    config: { policy: { stop_bps: 400, kind: "fixed" }, seed: 1 },
  });
  await ledger.emitRunCompleted({
    run_id: "c",
    summary: { sharpe_ratio: 0.5 },
    artifact_paths: {},
  });
  await syncAll(lab);
  const { html } = await reportOf(lab);
  const rows = tableIn(html, "The latest runs");
  assertEquals(
    rows.map(({ Run, Parameters, Code, Sharpe }) => [Run, Parameters, Code, Sharpe]),
    [
      ["a", "policy.stop_bps=200", "0123456789 main with changes", 1.5],
      ["b", "policy.stop_bps=300", "0123456789 main with changes", -0.25],
      ["c", "policy.stop_bps=400", "", 0.5],
    ],
  );
  for (const run of rows.slice(0, 2)) {
    const facts = factsAfter(html, '<section id="returns"', `<bdi>${run.Run}</bdi>`);
    for (const name of ["Parameters", "Code", "Sharpe", "Drawdown, bps"]) {
      assertEquals(facts[name], run[name], `${run.Run} ${name}`);
    }
    assert(Number(run["Drawdown, bps"]) > 0);
  }
  const fitting = async (options: Parameters<typeof makeReport>[1]) =>
    tableIn((await makeReport(ledger, options)).html, "The runs of this report")
      .map(({ Run }) => Run);
  assertEquals(await fitting({ where: "summary.sharpe < 1" }), ["b"]);
  const wide = { where: "params.policy.stop_bps >= 300 and status = 'completed'" };
  assertEquals(await fitting(wide), ["b", "c"]);
  assertEquals(await fitting({ ...wide, sort: "-params.policy.stop_bps", limit: 1 }), ["c"]);
  assertEquals(await fitting({ sort: "params.policy.stop_bps", limit: 2 }), ["a", "b"]);
  const none = await refusal(makeReport(ledger, { where: "summary.sharpe > 2" }));
  assertMatch(none.message, /no run fits "summary\.sharpe > 2"/);
  const alone = tableIn((await reportOf(lab, "a")).html, "The runs of this report");
  assertEquals(alone[0].Parameters, "policy.stop_bps=200 policy.kind=fixed seed=1");
});

Deno.test("a run's name, group, tags and pin are shown, and how the runs of each group stand", async () => {
  using lab = newLab();
  await using ledger = ledgerAt(lab, BEGIN_MS);
  for (
    const [run_id, group] of [["a", "s7"], ["b", "s7"], ["c", "s8"], ["d", undefined]] as const
  ) {
    const run = await ledger.runs.create({ run_type: "policy", run_id, git: false, group });
    await run.writeArtifact("trades", tradesOf(run_id, "p", 3, BEGIN_MS));
    if (run_id === "b") await run.markFailed("x");
    else await run.markSuccess();
  }
  const said = { name: "<flag>", tags: ["best", "q3"], pin: true };
  await ledger.runs.annotate("a", said);
  await syncAll(lab);
  const { html } = await reportOf(lab);
  assertEquals(
    tableIn(html, "The latest runs").map((row) => [row.Run, row.Name, row.Group, row.Tags]),
    [
      ["a", "<flag>", "s7", "best, q3 (pinned)"],
      ["b", "", "s7", ""],
      ["c", "", "s8", ""],
      ["d", "", "", ""],
    ],
  );
  const groups = tableIn(html, "Groups of runs");
  assertEquals(groups.map((row) => [row.Group, row["Of these"], row.Runs]), [
    ["s7", "1 completed, 1 failed", 2],
    ["s8", "1 completed", 1],
  ]);
  const asked = asksIn(sectionIn(html, "runs"));
  const answer = await answersTo(lab, asked.filter((line) => line.includes('"group", count')));
  assertEquals(answer, [{ group: "s7", runs: 2 }, { group: "s8", runs: 1 }]);
  assert(html.includes("<h3><bdi>&lt;flag&gt;</bdi>"), "also above its returns");
  await using later = ledgerAt(lab, BEGIN_MS + 1);
  await later.runs.annotate("a", { name: "", tags_removed: said.tags, pin: false, group: "" });
  await syncAll(lab);
  const alone = (await reportOf(lab, "a")).html;
  assert(!alone.includes("Groups of runs") && !alone.includes(">Tags<"));
});

Deno.test("a killed run ended with its last sign of life, whenever that was reported", async () => {
  using lab = newLab();
  const at = (seconds: number) => BEGIN_MS + seconds * 1_000;
  await using begun = ledgerAt(lab, at(0));
  for (const run_id of ["dead", "silent"]) {
    await begun.emitRunCreated({ run_id, run_type: "policy", config: {}, data_fingerprint: "fp" });
    await begun.emitRunStarted({ run_id });
    await begun.emitPhaseStarted({ run_id, phase_name: "load", phase_order: 1 });
    await begun.emitTrialRecorded({
      ...{ run_id, trial_id: "t", params: {}, metrics: {} },
      timestamp_ms: at(90),
    });
  }
  for (const run_id of ["killed", "killed-too"]) {
    const owned = { run_type: "policy", run_id, git: false, owned: true } as const;
    const run = await begun.runs.create(owned);
    await begun.emitTrialRecorded({
      ...{ run_id, trial_id: "t", params: {}, metrics: {} },
      timestamp_ms: at(70),
    });
    await run.close();
  }
  await begun.emitRunCreated({
    ...{ run_id: "only-created", run_type: "policy", config: {}, data_fingerprint: "fp" },
  });
  await using later = ledgerAt(lab, at(86_400));
  await later.emitRunFailed({ run_id: "silent", error: "nothing was heard of it" });
  const { total_ms } = await later.runs.finish("killed", { error: "out of memory" });
  assertEquals(total_ms, 70_000);
  await syncAll(lab);
  const { html } = await reportOf(lab);
  const took = new Map(tableIn(html, "The latest runs").map(({ Run, Took }) => [Run, Took]));
  assertEquals(took.get("dead"), 90_000);
  assertEquals([took.get("killed"), took.get("killed-too")], [70_000, 70_000]);
  // Where no lock tells that it had died, the log's word stands.
  assertEquals(took.get("silent"), 86_400_000);
  assertEquals(took.get("only-created"), "–", "it has one sign of life");
  const [phase] = tableIn(html, "Phases over all runs");
  assertEquals([phase.Times, phase["Not ended"]], [0, 2]);
});

Deno.test("a run took as long as its list says, not the time between its creation and its end", async () => {
  using lab = newLab();
  const timing = { total_ms: 5, plan_ms: 5 };
  putRun(lab, "r1", { timing, completed_at: "2026-01-17T15:52:24.539Z" });
  await using ledger = ledgerAt(lab, MADE_MS);
  await ledger.runs.sync();
  const { html } = await reportOf(lab);
  const [{ total_ms }] = await ledger.runs.query();
  const [{ Took }] = tableIn(html, "The latest runs");
  assertEquals([total_ms, Took], [5, 5]);
});

Deno.test("whatever people write stays text, and does not make the page large", async () => {
  using lab = newLab();
  const run_id = await fillHostile(lab);
  for (const { html, problems } of [await reportOf(lab), await reportOf(lab, run_id)]) {
    assertEquals(problems, []);
    const tags = new Set([...html.matchAll(/<\/?([a-zA-Z][\w-]*)/g)].map(([, name]) => name));
    for (const tag of ["script", "img", "iframe", "object", "form"]) assert(!tags.has(tag), tag);
    assertEquals(html.match(/<\/style>/g)?.length, 1);
    assertEquals(html.match(/<title>Ledger report/g)?.length, 1);
    assert(!/<[^>]*\son\w+=/.test(html.replace(/="[^"]*"/g, "")), "no attribute runs anything");
    assert(!/(?:src|href)="(?!#|data:,")/.test(html), "nothing is loaded, and no link leads away");
    assert(!html.includes("\u0007"), "no control character");
    assert(html.length < report_bytes_max / 2, `${html.length}`);
    assert(textIn(html).includes(HOSTILE.slice(0, 60).replaceAll("/", "")), "and it can be read");
    for (const id of ["runs", "phases", "returns", "policies", "losses"]) {
      for (
        const line of asksIn(sectionIn(html, id)).filter((line) => line.startsWith("ledger query"))
      ) {
        await answerTo(lab, line);
      }
    }
  }
});

Deno.test("where something is missing the page says so, and the command that it names makes it", async () => {
  using lab = newLab();
  const { code } = await refusal(reportOf(lab));
  assertEquals(code, "not_found", "neither a ledger nor runs: the folder is a mistake");

  const missing = async () => {
    const { html, problems } = await reportOf(lab);
    assertEquals(problems, []);
    return Object.fromEntries(["runs", "phases", "returns", "latency", "losses"].flatMap((id) => {
      const said = /<p class="missing">([\s\S]*?)<\/p>/.exec(sectionIn(html, id));
      return said ? [[id, textIn(said[1])]] : [];
    }));
  };
  const say = async (...args: string[]) =>
    assertEquals((await inLab(lab, args)).code, 0, args.join(" "));

  await using ledger = ledgerAt(lab, BEGIN_MS);
  await ledger.emitRunStarted({ run_id: "my-run", correlation_id: "my-run" });
  assertMatch(
    (await missing()).runs,
    /The log has not been indexed yet\. To change that: ledger rebuild$/,
  );
  await say("rebuild");
  assertEquals(Object.keys(await missing()), ["phases", "returns", "latency", "losses"]);
  assertMatch(
    (await missing()).phases,
    /ledger emit phase\.started --run-id my-run --phase-name load/,
  );
  await say(
    "emit",
    "phase.started",
    "--run-id",
    "my-run",
    "--phase-name",
    "load",
    "--phase-order",
    "1",
  );
  await say("rebuild");
  assertEquals(Object.keys(await missing()), ["returns", "latency", "losses"]);
  assertMatch(
    (await missing()).returns,
    /None of these runs has trades.*ledger artifacts put my-run trades/,
  );
  const trades = join(lab.path, "trades.csv");
  Deno.writeTextFileSync(
    trades,
    "call_id,entry_ts_ms,entry_px,exit_ts_ms,exit_px,exit_reason,realized_return_bps,stop_out," +
      "max_adverse_excursion_bps,time_exposed_ms\nc1,1767603600000,1,1767603660000,0.9,stop,-1000,true,1000,60000\n",
  );
  await say("artifacts", "put", "my-run", "trades", trades);
  await say("rebuild");
  const left = await missing();
  assertEquals(Object.keys(left), ["latency", "losses"]);
  assertMatch(left.latency, /No event has been traced yet.*ledger trace ingest traces\.ndjson/);
  const traces = join(lab.path, "traces.ndjson");
  const fill = {
    event_type: "FILL",
    event_id: "f",
    correlation_id: "my-run",
    causation_id: "s",
    data: { call_id: "c1" },
  };
  const stamps = {
    timestamp: 1767603660000000,
    created_at: 1767603660000000,
    processed_at: 1767603660000500,
  };
  const signal = { event_type: "SIGNAL", event_id: "s", correlation_id: "my-run", ...stamps };
  Deno.writeTextFileSync(
    traces,
    [signal, { ...fill, ...stamps }].map((e) => JSON.stringify(e) + "\n").join(""),
  );
  await say("trace", "ingest", traces);
  assertEquals(await missing(), {});
});

Deno.test("an index that is behind the log, and runs that are not catalogued, are told on top", async () => {
  using lab = newLab();
  await fillLab(lab);
  const gaps = (html: string) =>
    [...html.matchAll(/<ul class="gaps"[\s\S]*?<\/ul>/g)].map(([list]) => textIn(list));
  assertEquals(gaps((await reportOf(lab)).html), []);
  await using ledger = ledgerAt(lab, MADE_MS);
  await ledger.emitRunStarted({ run_id: "new" });
  Deno.removeSync(lab.catalog);
  const [told] = gaps((await reportOf(lab)).html);
  assertMatch(
    told,
    /This answer lacks \d+ B of the log\. To change that: ledger rebuild/,
  );
  assertMatch(
    told,
    /This answer may lack changes of runs\. To change that: ledger runs sync/,
  );
});

Deno.test("where the catalog cannot be read, phases of runs that it would list are told without it", async () => {
  using lab = newLab();
  await fillLab(lab);
  Deno.writeTextFileSync(lab.catalog, "no catalog");
  const { html, problems } = await reportOf(lab);
  assert(problems.length > 0);
  assertMatch(textIn(sectionIn(html, "phases")), /Phases over all runs|all of them/);
});

Deno.test("what is damaged is told in its section, and the other sections stand", async () => {
  using lab = newLab();
  await fillLab(lab);
  const damaged = join(lab.dir, "artifacts", "runs", "killed-1", "trades.parquet");
  Deno.writeTextFileSync(damaged, "no Parquet");
  const { html, problems } = await reportOf(lab);
  assertEquals(problems.length, 1);
  assertMatch(textIn(sectionIn(html, "returns")), /Could not be read\..*trades\.parquet/s);
  assertMatch(textIn(sectionIn(html, "losses")), /Could not be read\./);
  assertEquals(tableIn(html, "The latest runs").length, 7);
  assertEquals(tableIn(html, "Latency by event type").length, 4);
  Deno.writeTextFileSync(join(lab.dir, "index", "runs.duckdb"), "no index");
  const worse = await reportOf(lab);
  assertEquals(worse.problems.length, 2);
  assertMatch(textIn(sectionIn(worse.html, "runs")), /Could not be read\./);
});

Deno.test("trades that all lack a return are counted, and nothing is drawn of them", async () => {
  using lab = newLab();
  const row = { run_id: "r1", policy_id: "p", call_id: "c1", realized_return_bps: null };
  putFirstSystemRun(lab, "r1", { trades: [row] });
  await ledgerAt(lab, MADE_MS).runs.sync();
  const { html, problems } = await reportOf(lab);
  assertEquals(problems, []);
  assertMatch(textIn(sectionIn(html, "returns")), /1 trade without a finite return counts/);
  sectionIn(html, "policies");
});
