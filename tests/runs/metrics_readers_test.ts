/** Readers of metrics: queries, runs show and verify see the same points, of runs that go on and of others. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import type { RunDirectory } from "../../src/runs/directory/directory.ts";
import { METRICS_PATHS } from "../../src/runs/metrics/segments.ts";
import { metrics_summed_points_max } from "../../src/base/limits.ts";
import { duckdbBeside } from "../parquet/files.ts";
import { ask, inLab, type Lab, ledgerOf, newLab } from "./runs.ts";

/** A run of its own that goes on, with three points of two metrics, written in two goes. */
async function begin(lab: Lab, run_id: string): Promise<RunDirectory> {
  await using ledger = ledgerOf(lab);
  const run = await ledger.runs.create({ run_type: "full", run_id, git: false });
  await run.logMetrics({ loss: 0.5, acc: 0.1 }, { step: 2, ts_ms: 1_767_225_600_000 });
  await run.logMetrics({ loss: 0.25 }, { step: 1 });
  return run;
}

const POINTS = `select run_id, name, step, value, ts_ms from metrics order by all`;
const pointsOf = (run_id: string) => [
  [run_id, "acc", 2, 0.1, 1_767_225_600_000],
  [run_id, "loss", 1, 0.25, null],
  [run_id, "loss", 2, 0.5, 1_767_225_600_000],
];

Deno.test("a query over metrics has the points of runs that go on, of those that ended, and of compacted ones", async () => {
  using lab = newLab();
  await begin(lab, "a");
  await begin(lab, "b");
  assertEquals(await ask(lab, POINTS), [...pointsOf("a"), ...pointsOf("b")]);
  assertEquals((await inLab(lab, ["runs", "finish", "a"])).code, 0);
  assertEquals(await ask(lab, POINTS), [...pointsOf("a"), ...pointsOf("b")]);
  const month = new Date().toISOString().slice(0, 7);
  const compacted = await inLab(lab, ["runs", "compact", "--month", month]);
  assertEquals(compacted.code, 0, compacted.stderr);
  assertEquals(await ask(lab, POINTS), [...pointsOf("a"), ...pointsOf("b")]);
  assertEquals(
    await ask(lab, "select typeof(step), typeof(value), typeof(ts_ms) from metrics limit 1"),
    [
      ["BIGINT", "DOUBLE", "BIGINT"],
    ],
  );
});

Deno.test("the command adds metrics in several goes; runs show has them in a few figures, before the end and after", async () => {
  using lab = newLab();
  await begin(lab, "r");
  const row = '{"name":"loss","step":3,"value":0.125}\n';
  const written = await inLab(lab, ["runs", "write", "r", "metrics"], { stdin: row });
  assertEquals([written.code, written.stderr], [0, ""]);
  assert(
    /results\/metrics.wal\/000001.jsonl 1 point added, \d+ B\n$/.test(written.stdout),
    written.stdout,
  );
  const bad = await inLab(lab, ["runs", "write", "r", "metrics"], {
    stdin: row + '{"name":"loss","step":4.5,"value":1}\n',
  });
  assertEquals([bad.code, bad.stderr.split("\n")[0]], [
    2,
    'error: cannot store metrics: row 2 (line 2) has 4.5 in column "step"; it has to be a whole number',
  ]);
  const show = async () => JSON.parse((await inLab(lab, ["runs", "show", "r", "--json"])).stdout);
  const figures = [
    { name: "acc", points: 1, last_step: 2, last: 0.1, min: 0.1, max: 0.1 },
    { name: "loss", points: 3, last_step: 3, last: 0.125, min: 0.125, max: 0.5 },
  ];
  const running = await show();
  assertEquals(running.metrics, figures);
  const [{ artifact_type, rows, path }] = running.artifacts;
  assertEquals([artifact_type, rows, path], ["metrics", 4, "results/metrics.wal"]);
  assertEquals(
    (await inLab(lab, ["runs", "finish", "r", "--status", "failed", "--error", "x"])).code,
    0,
  );
  const failed = await show();
  assertEquals(failed.metrics, figures);
  assertEquals(failed.artifacts.map((each: Record<string, unknown>) => [each.rows, each.path]), [
    [4, "results/metrics.parquet"],
  ]);
  const { stdout } = await inLab(lab, ["runs", "show", "r"]);
  assert(/loss +3 +3 +0.125 +0.125 +0.5/.test(stdout), stdout);
  const verified = await inLab(lab, ["runs", "verify", "--all", "--deep"]);
  assertEquals(verified.code, 0, verified.stdout + verified.stderr);
});

Deno.test("damage of a write-ahead file is a notice of each query and a finding of verify, and of the run at its end", async () => {
  using lab = newLab();
  const run = await begin(lab, "r");
  const wal = join(run.folder, METRICS_PATHS.segments, "000001.jsonl");
  const bytes = Deno.readFileSync(wal);
  bytes[30] ^= 1;
  Deno.writeFileSync(wal, bytes);
  const query = await inLab(lab, ["query", "--db", "catalog", "--json", POINTS]);
  assertEquals(JSON.parse(query.stdout).length, 1);
  assert(
    /metrics.wal\/000001.jsonl: \d+ bytes from byte 0 are no record of metrics/.test(query.stderr),
    query.stderr,
  );
  const shown = await inLab(lab, ["runs", "show", "r"]);
  assertStringIncludes(shown.stderr, "from byte 0 are no record of metrics");
  const before = await inLab(lab, ["runs", "verify", "r", "--json"]);
  assertEquals(before.code, 3);
  assert(
    before.stdout.includes("are no record of metrics (its checksum is not that of its bytes)"),
    before.stdout,
  );
  const finished = await inLab(lab, ["runs", "finish", "r"]);
  assertEquals(finished.code, 0, finished.stderr);
  const [{ artifact, message }] = run.readManifest().findings as {
    artifact: string;
    message: string;
  }[];
  assertEquals(artifact, "metrics");
  assert(message.startsWith("1 place of its write-ahead file held no record"), message);
  const after = await inLab(lab, ["runs", "verify", "r", "--json"]);
  assert(after.stdout.includes("results/metrics.damaged/000001.at-0"), after.stdout);
});

Deno.test("runs show says that points are too many to go through, and who knows them", async () => {
  using lab = newLab();
  const run = await begin(lab, "r");
  const segment = join(run.folder, METRICS_PATHS.segments, "000002.parquet");
  {
    await using database = await duckdbBeside(segment);
    const points = `select 'r' as run_id, 'loss' as name, range as step, 0.5 as value, ` +
      `null::bigint as ts_ms from range(${metrics_summed_points_max})`;
    await database.run(`copy (${points}) to '${segment}' (format parquet)`);
  }
  const { code, stdout, stderr } = await inLab(lab, ["runs", "show", "r"]);
  assertEquals(code, 0, stderr);
  assertStringIncludes(stdout, "1,000,003");
  assertStringIncludes(stderr, "its 1,000,003 points of metrics are too many to go through here");
  assertStringIncludes(stderr, "ledger query --db catalog");
});
