/** Damage to a finished run is found, and told with its file. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { finishRun } from "./finished.ts";
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
    "no manifest knows this file: left behind, or put there",
  ]]);
  using other = newLab();
  await inLab(other, ["runs", "create", "--run-type", "full", "--run-id", "open", "--no-git"]);
  const month = [...Deno.readDirSync(other.runs_dir)][0].name;
  putFile(other, `${month}/run_id=open`, "results/summary.parquet.1-2.tmp");
  assertEquals(await found(other, "--all"), []);
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
