/** What is unusual about a run's values is noted when it is written and ends, shown, and verified. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import type { Row } from "../../src/parquet/mod.ts";
import { findingsOf } from "../../src/runs/manifest/manifest.ts";
import { testWorld } from "../harness.ts";
import { finishRun } from "./finished.ts";
import { putFirstSystemRun } from "./first_system.ts";
import { GOOD, rowOf } from "./rows.ts";
import { inLab, type Lab, ledgerOf, newLab } from "./runs.ts";

const TS = GOOD.trades.entry_ts_ms as number;

/** Ends a run with these artifacts; what its manifest then says is unusual. */
async function findingsOfRun(
  lab: Lab,
  artifacts: Record<string, Row[]>,
  summary?: Record<string, unknown>,
): Promise<string[]> {
  const run = await ledgerOf(lab, testWorld()).runs.create({ run_type: "policy", git: false });
  for (const [type, rows] of Object.entries(artifacts)) {
    await run.writeArtifact(type, rows.map((row) => ({ ...row, run_id: undefined })));
  }
  const { findings = [] } = await run.markSuccess({ summary });
  return (findings as { kind: string; artifact: string; column: string; message: string }[])
    .map(({ kind, artifact, column, message }) => {
      assertEquals(kind, "disagreement");
      return `${artifact}.${column}: ${message}`;
    });
}

const TRADES = [100, -50, 40, 200].map((realized_return_bps, at) =>
  rowOf("trades", {
    call_id: `c${at}`,
    realized_return_bps,
    stop_out: at === 1,
    max_adverse_excursion_bps: at,
    tail_capture: at === 0 ? null : at / 10,
  })
);
const OF_THEM = {
  trades_count: 4,
  avg_return_bps: 72.5,
  median_return_bps: 70,
  stop_out_rate: 0.25,
  avg_max_adverse_excursion_bps: 1.5,
  avg_time_exposed_ms: 5_000,
  avg_tail_capture: 0.2,
  median_tail_capture: 0.2,
};

Deno.test("a summary that is that of the trades is no finding, rounded as it may be", async () => {
  using lab = newLab();
  const trades = [...TRADES, rowOf("trades", { realized_return_bps: 10, call_id: "c9" })].slice(1);
  for (
    const [rows, members] of [
      [TRADES, OF_THEM],
      [trades, { trades_count: 4, avg_return_bps: 50, stop_out_rate: 0.25, tail: 1 }],
      [TRADES.slice(0, 3), { avg_return_bps: 30, stop_out_rate: 0.33 }],
      [TRADES.slice(0, 3), { stop_out_rate: 1 / 3 }],
      [[], { trades_count: 0, avg_return_bps: 0 }],
    ] as const
  ) assertEquals(await findingsOfRun(lab, { trades: [...rows] }, members), []);
  assertEquals(await findingsOfRun(lab, {}, OF_THEM), []);
});

Deno.test("a summary that is not that of the trades is a finding with both numbers", async () => {
  using lab = newLab();
  const other: [name: keyof typeof OF_THEM, said: number, words: string][] = [
    ["trades_count", 5, "the rows of trades are 4"],
    ["avg_return_bps", 72.6, "the mean of trades' realized_return_bps is 72.5"],
    ["avg_return_bps", 72.5000001, "the mean of trades' realized_return_bps is 72.5"],
    ["avg_return_bps", 73, "the mean of trades' realized_return_bps is 72.5"],
    ["median_return_bps", 72.5, "the median of trades' realized_return_bps is 70"],
    ["stop_out_rate", 0, "the mean of trades' stop_out is 0.25"],
    ["avg_max_adverse_excursion_bps", -1.5, "is 1.5"],
    ["avg_time_exposed_ms", 5_001, "the mean of trades' time_exposed_ms is 5000"],
    ["avg_tail_capture", 0.15, "the mean of trades' tail_capture is 0.2"],
    ["median_tail_capture", 0.1, "the median of trades' tail_capture is 0.2"],
  ];
  for (const [name, said, words] of other) {
    const [found, ...others] = await findingsOfRun(lab, { trades: TRADES }, {
      ...OF_THEM,
      [name]: said,
    });
    assertStringIncludes(found, `summary.${name}: the summary has ${name} ${said}, and `);
    assertStringIncludes(found, words);
    assertEquals(others, []);
  }
});

/** Equity that begins a day before the first return. */
function curve(equities: readonly number[], returns: readonly (number | null)[] = []): Row[] {
  return equities.map((equity, at) =>
    rowOf("equity", { ts_ms: TS + at, equity, return: returns[at] ?? null })
  );
}

function returnsAt(first: number, returns: readonly number[]): Row[] {
  return returns.map((value, at) => rowOf("returns", { ts_ms: TS + first + at, return: value }));
}

Deno.test("equity ends where its returns lead, or that is a finding with both numbers", async () => {
  using lab = newLab();
  const whole: Record<string, Row[]>[] = [
    { equity: curve([100, 110, 99]), returns: returnsAt(1, [0.1, -0.1]) },
    { equity: curve([100, 110, 99]), returns: returnsAt(0, [0.5, 0.1, -0.1]) },
    { equity: curve([100, 110, 99], [null, 0.1, -0.1]) },
    { equity: curve([100, 110, 99], [null, 0.1, null]) },
    { equity: curve([3, 3.333333], [0, 0.111111]) },
    { equity: curve([100]) },
    { equity: curve([]), returns: returnsAt(0, [0.1]) },
    { returns: returnsAt(0, [0.1]) },
  ];
  for (const artifacts of whole) assertEquals(await findingsOfRun(lab, artifacts), []);
  const broken: [Record<string, Row[]>, string][] = [
    [
      { equity: curve([100, 110, 98]), returns: returnsAt(1, [0.1, -0.5]) },
      "equity ends at 98, and the rows of returns lead from 100 to 55",
    ],
    [
      { equity: curve([100, 110, 121.0000002]), returns: returnsAt(1, [0.1, 0.1]) },
      "equity ends at 121.0000002, and the rows of returns lead from 100 to 121",
    ],
    [
      { equity: curve([100, 150, 150], [0, 0.5, 0.5]) },
      "equity ends at 150, and the returns in its own column lead from 100 to 225",
    ],
    [
      { equity: curve([100, 150]), returns: returnsAt(1, [0.5, 0.5]) },
      "equity ends at 150, and the rows of returns lead from 100 to 225",
    ],
  ];
  for (const [artifacts, said] of broken) {
    const [found, ...others] = await findingsOfRun(lab, artifacts);
    assertStringIncludes(found, `equity.equity: ${said}`);
    assertEquals(others, []);
  }
});

Deno.test("odd rows are noted when they are written, and no more once they are replaced", async () => {
  using lab = newLab();
  const run = await ledgerOf(lab).runs.create({ run_type: "full", run_id: "r", git: false });
  const odd = rowOf("trades", { run_id: "r", realized_return_bps: -12_000 });
  const { findings } = await run.writeArtifact("trades", [odd]);
  const said = 'row 1 has -12000 in column "realized_return_bps"; it is usually -10000 or more';
  const finding = {
    kind: "odd",
    artifact: "trades",
    column: "realized_return_bps",
    count: 1,
    message: said,
  };
  assertEquals(findings as unknown, [finding]);
  await run.writeArtifact("alerts", [GOOD.alerts]);
  assertEquals(run.readManifest().findings, [finding]);
  const shown = await inLab(lab, ["runs", "show", "r", "--as-is"]);
  assertStringIncludes(shown.stdout, `  odd  trades: ${said}\n`);
  assertEquals(
    (await run.writeArtifact("trades", [{ ...odd, realized_return_bps: 1 }])).findings,
    undefined,
  );
  assertEquals(run.readManifest().findings, undefined);
});

Deno.test("odd points of metrics are said when they are added, and noted of all when the run ends", async () => {
  using lab = newLab();
  const run = await ledgerOf(lab).runs.create({ run_type: "full", run_id: "r", git: false });
  const [ts_ms, late_ms] = [Date.UTC(2026, 0, 23), 16_725_225_600_000];
  const points = [ts_ms, late_ms].map((ts_ms, step) => ({ name: "loss", step, value: 1, ts_ms }));
  const { findings = [] } = await run.writeArtifact("metrics", points);
  const said = ({ artifact, column, count }: typeof findings[number]) => [artifact, column, count];
  assertEquals(findings.map(said), [["metrics", "ts_ms", 1]]);
  assertStringIncludes(
    findings[0].message,
    `row 2 has ${late_ms} in column "ts_ms"; it is usually`,
  );
  await run.logMetrics({ loss: 2 }, { step: 2, ts_ms: late_ms });
  const { findings: noted } = await run.markSuccess();
  assertEquals((noted as typeof findings).map(said), [["metrics", "ts_ms", 2]]);
});

Deno.test("the commands say what is unusual on standard error, and their exit code stays 0", async () => {
  using lab = newLab();
  await inLab(lab, ["runs", "create", "--run-type", "full", "--run-id", "r", "--no-git"]);
  const stdin = JSON.stringify({ ...TRADES[0], run_id: "r", realized_return_bps: -12_000 });
  const written = await inLab(lab, ["runs", "write", "r", "trades"], { stdin });
  assertEquals(written.code, 0);
  assertStringIncludes(written.stderr, "odd, trades: row 1 has -12000 in column");
  const finished = await inLab(lab, ["runs", "finish", "r", "--summary", '{"trades_count":2}']);
  assertEquals(finished.code, 0);
  assertStringIncludes(
    finished.stderr,
    "disagreement, summary: the summary has trades_count 2, and the rows of trades are 1",
  );
  const verified = await inLab(lab, ["runs", "verify", "r", "--deep"]);
  assertEquals(verified.code, 3);
  assertStringIncludes(verified.stdout, "run.json: the summary has trades_count 2, and the rows");
  assertEquals((await inLab(lab, ["runs", "verify", "r"])).code, 0);
});

Deno.test("runs are found by how much is unusual about them", async () => {
  using lab = newLab();
  await finishRun(lab, "plain");
  const run = await ledgerOf(lab).runs.create({ run_type: "full", run_id: "odd", git: false });
  await run.writeArtifact("trades", [rowOf("trades", { run_id: "odd", time_exposed_ms: 1 })]);
  await run.markSuccess({ summary: { trades_count: 2 } });
  const { stdout } = await inLab(lab, ["runs", "query", "--where", "findings > 0", "--json"]);
  assertEquals(JSON.parse(stdout).map(({ run_id }: Row) => run_id), ["odd"]);
  const columns = ["runs", "query", "--columns", "run_id,findings", "--json", "--sort", "run_id"];
  const { stdout: counted } = await inLab(lab, columns);
  assertEquals(JSON.parse(counted), [
    { run_id: "odd", findings: 2 },
    { run_id: "plain", findings: 0 },
  ]);
});

Deno.test("a run that ends again after an interruption has each disagreement once", async () => {
  using lab = newLab();
  const run = await ledgerOf(lab).runs.create({ run_type: "full", run_id: "r", git: false });
  await run.writeArtifact("trades", [rowOf("trades", { run_id: "r" })]);
  await run.markSuccess({ summary: { trades_count: 2 } });
  Deno.removeSync(join(run.folder, "_SUCCESS"));
  const { findings } = await run.markSuccess({ summary: { trades_count: 3 } });
  const messages = (findings as { message: string }[]).map(({ message }) => message);
  assertEquals(messages, ["the summary has trades_count 3, and the rows of trades are 1"]);
});

Deno.test("findings of another program's kind are kept, and are none of ours", async () => {
  using lab = newLab();
  for (const theirs of ["all is well", ["a text", { kind: 7 }], { of: "theirs" }]) {
    const run = await ledgerOf(lab).runs.create({ run_type: "full", git: false });
    await run.updateManifest((manifest) => void (manifest.findings = theirs));
    await run.writeArtifact("alerts", [GOOD.alerts]);
    const manifest = await run.markSuccess();
    assertEquals([manifest.findings, findingsOf(manifest)], [theirs, []]);
  }
});

Deno.test("damaged artifacts keep no run from its end, and a first system's texts are numbers", async () => {
  using lab = newLab();
  const run = await ledgerOf(lab).runs.create({ run_type: "full", run_id: "r", git: false });
  await run.writeArtifact("trades", [rowOf("trades", { run_id: "r" })]);
  Deno.truncateSync(join(run.folder, "policy/trades.parquet"), 50);
  const { status } = await run.markSuccess({ summary: { avg_return_bps: 1 } });
  assertEquals(status, "completed");
  const row = rowOf("trades", { run_id: "old", realized_return_bps: "120.5" });
  const summary = rowOf("summary", { run_id: "old", ...OF_THEM, avg_return_bps: 120.5 });
  putFirstSystemRun(lab, "old", { trades: [row], summary: [summary] });
  const { stdout } = await inLab(lab, ["runs", "verify", "old", "--deep"]);
  assertStringIncludes(stdout, "results/summary.parquet: the summary has trades_count 4, and");
  assertEquals(stdout.includes("avg_return_bps"), false, stdout);
});

Deno.test("verify --deep finds artifacts that were made to disagree after the end", async () => {
  using lab = newLab();
  await finishRun(lab, "a");
  assertEquals((await inLab(lab, ["runs", "verify", "a", "--deep"])).code, 0);
  const path = join(lab.runs_dir, await finishRun(lab, "b", { calls: ["c1", "c2"] }), "run.json");
  const manifest = JSON.parse(Deno.readTextFileSync(path));
  manifest.summary.median_return_bps = 7;
  Deno.writeTextFileSync(path, JSON.stringify(manifest));
  const { code, stdout } = await inLab(lab, ["runs", "verify", "b", "--deep"]);
  assertEquals(code, 3);
  assertStringIncludes(stdout, "results/summary.parquet: the summary has median_return_bps 7");
});
