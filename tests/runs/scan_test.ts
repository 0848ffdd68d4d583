import { assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import type { World } from "../../src/base/world.ts";
import { classifyRun, scanRuns } from "../../src/runs/manifest/scan.ts";
import { stateOfOpen } from "../../src/runs/manifest/liveness_lock.ts";
import { failingFiles, systemError, testWorld } from "../harness.ts";
import { type Lab, ledgerOf, newLab, putFile, putRun, removeFrom } from "./runs.ts";

const CREATED_MS = Date.parse("2026-01-17T15:00:00Z");
const HOUR_MS = 3_600_000;
const BEGUN = {
  created_at: "2026-01-17T15:00:00Z",
  started_at: "2026-01-17T15:00:00Z",
  completed_at: undefined,
  status: "running",
};

function fingerprints(lab: Lab): Map<string, string> {
  return new Map(
    scanRuns(testWorld(), lab.runs_dir).map(({ path, fingerprint }) => [path, fingerprint]),
  );
}

/** How an unfinished run stands at a time. */
async function stateAt(lab: Lab, path: string, now_ms: number, stale_after_ms?: number) {
  const world: World = testWorld({ now_ms: () => now_ms });
  const verdict = classifyRun(world, lab.runs_dir, {
    path,
    fingerprint: fingerprints(lab).get(path)!,
  });
  if (verdict.kind !== "open") return verdict.kind;
  return (await stateOfOpen(world, lab.runs_dir, path, verdict.manifest, stale_after_ms)).state;
}

Deno.test("a fingerprint is another whenever the manifest is, or whether there is a _SUCCESS", () => {
  using lab = newLab();
  const path = putRun(lab, "r", {}, { has_success: false });
  const other = putRun(lab, "s");
  const seen = [fingerprints(lab).get(path)];
  const untouched = fingerprints(lab).get(other);
  const turns = [
    () => putFile(lab, path, "_SUCCESS", ""),
    () => putRun(lab, "r"),
    () => putRun(lab, "r", { status: "failed" }),
    () => removeFrom(lab, path, "_SUCCESS"),
    () => removeFrom(lab, path, "run.json"),
  ];
  for (const turn of turns) {
    turn();
    seen.push(fingerprints(lab).get(path));
  }
  assertEquals(new Set(seen).size, turns.length + 1);
  assertEquals(fingerprints(lab).get(other), untouched);
});

Deno.test("runs are found by month and id, in order, and nothing else is taken for one", () => {
  using lab = newLab();
  putRun(lab, "b", {}, { month: "2026-02" });
  putRun(lab, "b");
  putRun(lab, "a");
  putFile(lab, "2026-01/run_id=", "run.json", "{}");
  assertEquals([...fingerprints(lab).keys()], [
    "2026-01/run_id=a",
    "2026-01/run_id=b",
    "2026-02/run_id=b",
  ]);
  assertEquals(scanRuns(testWorld(), join(lab.path, "nowhere")), []);
});

Deno.test("a run without an owner is stale once nothing was written to it for long enough", async () => {
  using lab = newLab();
  const path = putRun(lab, "r", BEGUN, { has_success: false });
  assertEquals(await stateAt(lab, path, CREATED_MS), "running");
  assertEquals(await stateAt(lab, path, CREATED_MS + HOUR_MS - 1), "running");
  assertEquals(await stateAt(lab, path, CREATED_MS + HOUR_MS), "stale");
  assertEquals(await stateAt(lab, path, CREATED_MS + HOUR_MS, 2 * HOUR_MS), "running");
  assertEquals(await stateAt(lab, path, CREATED_MS, 0), "stale");
  // Of another clock, ahead of ours.
  assertEquals(await stateAt(lab, path, CREATED_MS - HOUR_MS), "running");
  putFile(lab, path, "logs/stdout.txt");
  Deno.utimeSync(join(lab.runs_dir, path, "logs/stdout.txt"), 0, (CREATED_MS + HOUR_MS) / 1000);
  assertEquals(await stateAt(lab, path, CREATED_MS + 2 * HOUR_MS - 1), "running");
  assertEquals(await stateAt(lab, path, CREATED_MS + 2 * HOUR_MS), "stale");
});

Deno.test("a copy of a manifest, and looking at it, do not make a run younger", async () => {
  using lab = newLab();
  const path = putRun(lab, "r", BEGUN, { has_success: false });
  putFile(lab, path, ".manifest.lock", "");
  assertEquals(await stateAt(lab, path, CREATED_MS + HOUR_MS), "stale");
});

Deno.test("how an unfinished run stands follows from its status, its owner and its _SUCCESS", async () => {
  using lab = newLab();
  const now_ms = CREATED_MS + 1;
  const pending = putRun(lab, "p", { ...BEGUN, status: "pending" }, { has_success: false });
  assertEquals(await stateAt(lab, pending, now_ms), "pending");
  assertEquals(await stateAt(lab, pending, now_ms + HOUR_MS), "stale");
  assertEquals(
    await stateAt(lab, putRun(lab, "u", {}, { has_success: false }), now_ms),
    "unfinished",
  );
  assertEquals(await stateAt(lab, putRun(lab, "o", BEGUN), now_ms), "unfinished");
  const crashed = putRun(lab, "c", BEGUN, { has_success: false });
  putFile(lab, crashed, ".lock", "");
  assertEquals(await stateAt(lab, crashed, now_ms), "crashed");
  assertEquals(await stateAt(lab, putRun(lab, "e"), now_ms), "ended");
  await using ledger = ledgerOf(lab);
  await using run = await ledger.runs.create({ run_type: "full", owned: true, git: false });
  assertEquals(await stateAt(lab, run.path, Date.now() + 99 * HOUR_MS), "running");
  await run.close();
  assertEquals(await stateAt(lab, run.path, Date.now()), "crashed");
});

Deno.test("a run that goes away while it is looked at is no trouble", async () => {
  using lab = newLab();
  const path = putRun(lab, "r", BEGUN, { has_success: false });
  const world = testWorld();
  const [run] = scanRuns(world, lab.runs_dir);
  const verdict = classifyRun(world, lab.runs_dir, run);
  removeFrom(lab, path);
  const again = classifyRun(world, lab.runs_dir, run);
  assertEquals(again.kind, "unusable");
  if (verdict.kind !== "open") throw new Error(verdict.kind);
  const { state } = await stateOfOpen(world, lab.runs_dir, path, verdict.manifest);
  assertEquals(state, "stale");
});

Deno.test("what a disk hides for a moment of one run is said of that run alone", () => {
  using lab = newLab();
  putRun(lab, "a");
  putRun(lab, "b");
  let hidden = 0;
  for (let k = 1;; k++) {
    const { files, failed } = failingFiles(k, () => systemError("EIO", "it failed"));
    const world = testWorld({ files });
    let runs: ReturnType<typeof scanRuns>;
    try {
      runs = scanRuns(world, lab.runs_dir);
    } catch (error) {
      // Without the names there is nothing to say.
      assertMatch(String(error), /cannot list/);
      continue;
    }
    const verdicts = runs.map((run) => classifyRun(world, lab.runs_dir, run));
    if (failed() === undefined) break;
    const bad = verdicts.filter(({ kind }) => kind === "unusable");
    assertEquals([verdicts.length, bad.length], [2, 1], failed());
    assertMatch(bad[0].kind === "unusable" ? bad[0].reason : "", /it failed/);
    hidden++;
  }
  assertEquals(hidden, 6);
});
