/** Damage to a finished run is found, and told with its file. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { finishRun } from "./finished.ts";
import { firstSystemParquet, putFirstSystemRun } from "./first_system.ts";
import { rowOf } from "./rows.ts";
import { inLab, type Lab, newLab, putFile, putRun } from "./runs.ts";

async function found(lab: Lab, ...words: string[]): Promise<[string, string][]> {
  const { code, stdout } = await inLab(lab, ["runs", "verify", ...words, "--json"]);
  const { findings } = JSON.parse(stdout) as { findings: { path: string; problem: string }[] };
  assertEquals(code, findings.length === 0 ? 0 : 3);
  return findings.map(({ path, problem }) => [path.slice(path.indexOf("/", 8) + 1), problem]);
}

Deno.test("a finished run is whole, looked at closely or not", async () => {
  using lab = newLab();
  await finishRun(lab, "a");
  assertEquals(await found(lab, "--all"), []);
  assertEquals(await found(lab, "a", "--deep"), []);
});

Deno.test("each kind of damage is found, and no other run is blamed for it", async () => {
  using lab = newLab();
  const path = join(lab.runs_dir, await finishRun(lab, "a"));
  await finishRun(lab, "b");
  const trades = join(path, "policy/trades.parquet");
  const bytes = Deno.readFileSync(trades);
  const flipped = bytes.slice();
  flipped[8] ^= 1;
  Deno.writeFileSync(trades, flipped);
  assertEquals(await found(lab, "--all", "--deep"), [[
    "policy/trades.parquet",
    "its sha256 is not the one that the manifest says: its bytes have changed",
  ]]);
  Deno.writeFileSync(trades, bytes.subarray(0, bytes.length - 1));
  assertEquals(await found(lab, "--all"), [[
    "policy/trades.parquet",
    `it has ${bytes.length - 1} bytes, and the manifest says ${bytes.length}`,
  ]]);
  Deno.removeSync(trades);
  assertEquals(await found(lab, "a"), [["policy/trades.parquet", "it is not there"]]);
  assertEquals(await found(lab, "b"), []);
});

Deno.test("a manifest that says other rows, another run's file, another type's columns", async () => {
  using lab = newLab();
  const a = join(lab.runs_dir, await finishRun(lab, "a"));
  const b = join(lab.runs_dir, await finishRun(lab, "b", { calls: ["c1", "c2"] }));
  const rewrite = (change: (artifacts: Record<string, Record<string, unknown>>) => void) => {
    const manifest = JSON.parse(Deno.readTextFileSync(join(a, "run.json")));
    for (const entry of Object.values<Record<string, unknown>>(manifest.artifacts)) {
      delete entry.bytes;
      delete entry.sha256;
    }
    change(manifest.artifacts);
    Deno.writeTextFileSync(join(a, "run.json"), JSON.stringify(manifest));
  };
  rewrite(({ trades }) => trades.rows = 7);
  assertEquals(await found(lab, "a"), [[
    "policy/trades.parquet",
    "it has 1 rows, and the manifest says 7",
  ]]);
  Deno.copyFileSync(join(b, "policy/trades.parquet"), join(a, "policy/trades.parquet"));
  rewrite(({ trades }) => trades.rows = 2);
  assertEquals(await found(lab, "a"), [["policy/trades.parquet", "it was written for run b"]]);
  Deno.copyFileSync(join(a, "inputs/alerts.parquet"), join(a, "policy/trades.parquet"));
  rewrite(({ trades }) => trades.rows = 1);
  assertEquals(await found(lab, "a"), [["policy/trades.parquet", "it has no column run_id"]]);
});

Deno.test("a file that no manifest knows is named, and a run that goes on is left alone", async () => {
  using lab = newLab();
  const path = await finishRun(lab, "a");
  putFile(lab, path, "results/summary.parquet.1-2.tmp");
  assertEquals(await found(lab, "--all"), [[
    "results/summary.parquet.1-2.tmp",
    "left half-written by a program that was killed: remove it",
  ]]);
  putFile(lab, path, "results/notes.txt");
  assertEquals((await found(lab, "--all"))[1], [
    "results/notes.txt",
    "no manifest knows this file: left behind, or put there",
  ]);
  using other = newLab();
  await inLab(other, ["runs", "create", "--run-type", "full", "--run-id", "open", "--no-git"]);
  const month = [...Deno.readDirSync(other.runs_dir)].find(({ isDirectory }) => isDirectory)!.name;
  putFile(other, `${month}/run_id=open`, "results/summary.parquet.1-2.tmp");
  assertEquals(await found(other, "--all"), []);
});

Deno.test("what a killed `runs create` has left half-written is told, by doctor too, and not while it may be written", async () => {
  using lab = newLab();
  const path = await finishRun(lab, "a");
  // Killed before run.json had its name, and, made again, before it was changed.
  putFile(lab, path.replace("run_id=a", "run_id=gone"), "run.json.7-a1.tmp");
  await inLab(lab, ["runs", "create", "--run-type", "full", "--run-id", "open", "--no-git"]);
  const month =
    [...Deno.readDirSync(lab.runs_dir)].find(({ name }) =>
      Deno.readDirSync(join(lab.runs_dir, name)).some((run) => run.name === "run_id=open")
    )!.name;
  const open = join(lab.runs_dir, `${month}/run_id=open/run.json.8-b2.tmp`);
  Deno.writeTextFileSync(open, "{");
  const left = "left half-written by a program that was killed: remove it";
  const of_gone: [string, string][] = [["run.json.7-a1.tmp", left], [
    "run.json",
    "it has no run.json",
  ]];
  assertEquals(await found(lab, "--all"), of_gone);
  const long_ago = new Date(Date.now() - 3_600_000);
  Deno.utimeSync(open, long_ago, long_ago);
  assertEquals(
    (await found(lab, "--all")).sort(),
    [...of_gone, ["run.json.8-b2.tmp", left]].sort(),
  );
  const { stdout } = await inLab(lab, ["doctor", "--json"]);
  const { checks } = JSON.parse(stdout) as { checks: { name: string; found: string }[] };
  const runs = checks.find(({ name }) => name === "runs")!.found;
  assertStringIncludes(runs, "2 left half-written by killed programs");
  assertStringIncludes(runs, "run_id=gone/run.json.7-a1.tmp");
});

Deno.test("a line that tells of no archived run is told by verify and sync; a torn end is none", async () => {
  using lab = newLab();
  await finishRun(lab, "a");
  await finishRun(lab, "b");
  const run = (words: string[]) => inLab(lab, words);
  const pruned = ["runs", "prune", "--before", "2026-02", "--yes"];
  assertEquals((await run([...pruned, "--archive", join(lab.path, "archive")])).stderr, "");
  const [month] = [...Deno.readDirSync(lab.runs_dir)].map(({ name }) => name)
    .filter((name) => name === "2026-01");
  const path = join(lab.runs_dir, month, "_archived.ndjson");
  const whole = Deno.readTextFileSync(path);
  assertEquals(whole.split("\n").length, 3);
  Deno.writeTextFileSync(path, `${whole}{"run_path":"2026-01/run_id=c","mani`);
  assertEquals(await found(lab, "--all"), []);
  const [first, second] = whole.split("\n");
  Deno.writeTextFileSync(path, `${first}\n${second.slice(0, -9)}\n{"run_path":"../x"}\nnull\n`);
  const findings = await found(lab, "--all");
  assertEquals(
    findings.map(([where]) => where),
    [2, 3, 4].map((line) => `2026-01/_archived.ndjson:${line}`),
  );
  for (const [, problem] of findings) assertStringIncludes(problem, "tells of no archived run");
  const { stdout } = await run(["runs", "sync"]);
  assertStringIncludes(stdout, "line 2 tells of no archived run");
  assertStringIncludes(stdout, "and 2 more like it");
});

Deno.test("a run that stands in two months is found", async () => {
  using lab = newLab();
  await finishRun(lab, "a");
  Deno.mkdirSync(join(lab.runs_dir, "2026-02"));
  Deno.renameSync(
    join(lab.runs_dir, "2026-01/run_id=a"),
    join(lab.runs_dir, "2026-02/run_id=a"),
  );
  putRun(lab, "a");
  assertEquals(await found(lab, "--all"), [["run.json", "2026-01/run_id=a has the same run_id"]]);
});

Deno.test("a column of the first system is no finding while its values can be read, and a note says so", async () => {
  using lab = newLab();
  const row = rowOf("trades", { run_id: "old", tail_capture: null, realized_return_bps: 12 });
  const path = putFirstSystemRun(lab, "old", { trades: [row, { ...row, tail_capture: 0.5 }] });
  const { code, stdout, stderr } = await inLab(lab, ["runs", "verify", "old", "--deep"]);
  assertEquals([code, stdout], [0, "1 run, 1 artifact: as their manifests record\n"]);
  const trades = `${path}/policy/trades.parquet`;
  assertEquals(stderr.split("\n").slice(0, -1), [
    `${trades}: its column realized_return_bps is int64 in place of double: every value can be read as one`,
    `${trades}: its column tail_capture is utf8 in place of double: every value can be read as one`,
  ]);
  const lost = { ...row, entry_ts_ms: 1.5, tail_capture: "much" };
  putFirstSystemRun(lab, "old", { trades: [{ ...row, entry_ts_ms: 0.5 }, lost, lost] });
  assertEquals(await found(lab, "--all"), [[
    "policy/trades.parquet",
    "it is double where int64 should be: 3 values of column entry_ts_ms cannot be read as whole " +
    "numbers (0.5); it is utf8 where double should be: 2 values of column tail_capture cannot be " +
    'read as numbers ("much")',
  ]]);
});

Deno.test("a whole number that a double would round is found in a column of numbers", async () => {
  using lab = newLab();
  const row = rowOf("trades", { run_id: "old", realized_return_bps: 1 });
  const path = putFirstSystemRun(lab, "old", { trades: [row] });
  const big = [{ ...row, realized_return_bps: 2n ** 53n + 1n }];
  Deno.writeFileSync(join(lab.runs_dir, path, "policy/trades.parquet"), firstSystemParquet(big));
  const [[, problem]] = await found(lab, "--all");
  assertStringIncludes(problem, "realized_return_bps cannot be read as numbers (9007199254740993)");
});
