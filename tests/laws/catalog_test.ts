/**
 * The catalog is a function of the manifests: whatever happened to the runs, in whatever order it was
 * synced, and wherever a sync was interrupted, it is what one that is built from nothing says.
 */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { LedgerError } from "../../src/base/error.ts";
import { RUN_STATUSES, RUN_TYPES } from "../../src/runs/manifest/manifest.ts";
import { failingFiles, IS_FULL, IS_PLAIN, systemError, testWorld } from "../harness.ts";
import {
  assertLikeBuiltAnew,
  type Lab,
  manifestOf,
  newLab,
  putFile,
  putRun,
  removeFrom,
  rowsOf,
  sync,
} from "../runs/runs.ts";
import { type Random, withSeed } from "./random.ts";

const CASES = IS_FULL ? 150 : IS_PLAIN ? 8 : 20;
const TURNS_MAX = 5;
/** Few, so that runs meet others of their own name. */
const RUN_IDS = ["a", "b", "c", "d; --", "é", "f"];
const MONTHS = ["2025-12", "2026-01", "2026-02"];
/** A sync has more operations than this only where there are many runs. */
const OPERATIONS = 120;
const NOON_MS = Date.UTC(2026, 0, 23, 12);

function randomManifest(random: Random, run_id: string): string | Record<string, unknown> {
  if (random.chance(0.1)) return random.pick(["", "{", "[]", `{"run_id":"${run_id}"}`]);
  const entry = () => ({
    rows: random.below(10),
    path: random.pick(["a", "b/c", random.chance(0.1) ? "../x" : "d"]),
  });
  const types = ["alerts", "paths", "trades"].filter(() => random.chance(0.4));
  const artifacts = Object.fromEntries(types.map((type) => [type, entry()]));
  return {
    run_type: random.pick(RUN_TYPES),
    status: random.pick([...RUN_STATUSES, "completed", "completed"]),
    created_at: new Date(NOON_MS - random.below(1e9)).toISOString(),
    artifacts: random.chance(0.2) ? null : artifacts,
    parameters: random.object(),
    ...(random.chance(0.3) ? { summary: random.object() } : {}),
    ...(random.chance(0.1) ? { schema_version: { manifest: "2.0" } } : {}),
    ...(random.chance(0.1) ? { run_id: random.pick(RUN_IDS) } : {}),
    ...(random.chance(0.1) ? { git_branch: random.text() } : {}),
  };
}

/** Something that happens to a run. */
function turn(random: Random, lab: Lab, paths: Set<string>): void {
  const run_id = random.pick(RUN_IDS);
  const month = random.pick(MONTHS);
  const path = `${month}/run_id=${run_id}`;
  const what = random.below(paths.has(path) ? 7 : 1);
  if (what <= 2) {
    const text = randomManifest(random, run_id);
    putRun(lab, run_id, text, { month, has_success: random.chance(0.5) });
    paths.add(path);
  } else if (what === 3) {
    removeFrom(lab, path);
    paths.delete(path);
  } else if (what === 4) putFile(lab, path, "_SUCCESS", "");
  else if (what === 5) {
    putFile(lab, path, "_SUCCESS", "");
    removeFrom(lab, path, "_SUCCESS");
  } else putRun(lab, run_id, JSON.stringify(manifestOf(run_id)), { month, has_success: true });
}

Deno.test(`${CASES} times, a catalog that grew is what one that is built from nothing says`, async () => {
  await withSeed(async (random) => {
    using lab = newLab();
    const paths = new Set<string>();
    const now_ms = () => NOON_MS;
    let interrupted = 0;
    for (let number = 1; number <= CASES; number++) {
      for (let turns = random.below(TURNS_MAX); turns >= 0; turns--) turn(random, lab, paths);
      if (random.chance(0.5)) {
        const k = 1 + random.below(OPERATIONS);
        const { files } = failingFiles(k, () => systemError("EIO", "it failed"));
        try {
          await sync(lab, { lock_wait_ms: 100 }, testWorld({ files, now_ms }));
        } catch (error) {
          if (!(error instanceof LedgerError)) throw error;
          interrupted++;
        }
        if (random.chance(0.5)) turn(random, lab, paths);
      }
      try {
        await sync(lab, {}, testWorld({ now_ms }));
        await assertLikeBuiltAnew(lab, {}, testWorld({ now_ms }));
      } catch (cause) {
        throw new Error(`case ${number}: ${(cause as Error).message}`, { cause });
      }
    }
    const sql = "select distinct presence from backtest_runs_catalog order by 1";
    const presences = await rowsOf(join(lab.dir, "index", "catalog.duckdb"), sql);
    assertEquals(presences.length > 0 && interrupted > 0, true, "nothing has happened");
  });
});
