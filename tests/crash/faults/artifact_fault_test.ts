/**
 * The disk goes at any step of what replaces an artifact: the manifest names the old one or the new, and
 * its digest is that of the bytes that are there; doing it again ends it.
 */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { asLedgerError } from "../../../src/base/error.ts";
import { systemFiles } from "../../../src/base/files/system_files.ts";
import { readParquet } from "../../../src/parquet/mod.ts";
import { RunDirectory } from "../../../src/runs/directory/directory.ts";
import { verifyRuns } from "../../../src/runs/upkeep/verify.ts";
import { IS_FULL, memoryFolder, systemError, testWorld } from "../../harness.ts";
import { GOOD } from "../../runs/rows.ts";

const CHANGES = /^(create|write|rename|link|remove|sync)/;

/** What is done to a run that has an artifact of this type already, or, of metrics, ends anew. */
const REPLACED: Record<string, (run: RunDirectory, goes: number) => Promise<unknown>> = {
  alerts: (run, goes) => run.writeArtifact("alerts", Array(goes).fill(GOOD.alerts)),
  summary: (run, goes) =>
    run.writeArtifact("summary", [{ ...GOOD.summary, run_id: "r", calls_total: goes }]),
  metrics: async (run, goes) => {
    if (run.isComplete()) return;
    if (run.readManifest().status === "running") await run.logMetrics({ loss: 1 }, { step: goes });
    await run.markSuccess();
  },
};

/** Replaces an artifact on a disk that is gone from its k-th operation on; whether it got so far. */
async function tryReplacing(type: string, k: number, has_links: boolean): Promise<boolean> {
  using folder = memoryFolder();
  const runs_dir = join(folder.path, "runs");
  const place = { world: testWorld(), runs_dir };
  const run = await RunDirectory.create(place, { run_type: "full", run_id: "r", git: false });
  const replace = REPLACED[type];
  if (type !== "metrics") await replace(run, 1);
  else {
    // Its end is cut off where its metrics are noted, so it goes on with more of them.
    await run.logMetrics({ loss: 1 }, { step: 0 });
    const world = diskGoneAt((operation, on) => operation === "remove" && /[.]wal$/.test(on));
    assert(await fails(() => RunDirectory.find({ ...place, world }, "r")!.markSuccess()));
  }
  const before = run.readManifest().artifacts[type];
  let seen = 0;
  const world = diskGoneAt(
    (operation, on) => CHANGES.test(operation) && on.startsWith(runs_dir) && ++seen === k,
    (operation) => operation === "link" && !has_links,
  );
  const is_done = !await fails(() => replace(RunDirectory.find({ ...place, world }, "r")!, 2));
  const what = `${type}, operation ${k}, links: ${has_links}`;
  assertEquals(await problemsIn(runs_dir), [], what);
  const after = run.readManifest();
  const is_new = after.artifacts[type].sha256 !== before.sha256;
  assert(is_new || !is_done, `${what}: it is not there`);
  if (type === "summary") assertEquals(after.summary?.calls_total, is_new ? 2 : 1, what);
  await replace(RunDirectory.find(place, "r")!, 2);
  if (!run.isComplete()) await run.markSuccess();
  assertEquals(await problemsIn(runs_dir), [], what);
  const { path, rows } = run.readManifest().artifacts[type];
  assertEquals(path.split(".").length, 2, `${what}: ${path}`);
  assertEquals(readParquet(place.world, join(run.folder, path)).rows, rows, what);
  return !is_done;
}

async function problemsIn(runs_dir: string): Promise<string[]> {
  const { findings } = await verifyRuns(testWorld(), runs_dir, { deep: true });
  return findings.map(({ path, problem }) => `${path}: ${problem}`)
    .filter((text) => !text.includes("left half-written by a program that was killed"));
}

/** A world whose disk is gone from some operation on. */
function diskGoneAt(
  goes: (operation: string, path: string) => boolean,
  never: (operation: string) => boolean = () => false,
) {
  let is_gone = false;
  const files = systemFiles((operation, path) => {
    is_gone ||= goes(operation, path);
    if (is_gone || never(operation)) throw systemError("EIO", "gone");
  });
  return testWorld({ files });
}

/** Whether it failed as the disk did. */
async function fails(doing: () => Promise<unknown>): Promise<boolean> {
  try {
    await doing();
    return false;
  } catch (error) {
    if (!asLedgerError(error)) throw error;
    return true;
  }
}

for (const type of Object.keys(REPLACED)) {
  Deno.test(`wherever the disk goes while ${type} are replaced, the digest is that of what is there`, async () => {
    for (const has_links of IS_FULL ? [true, false] : [true]) {
      let k = 1;
      while (await tryReplacing(type, k, has_links)) k += IS_FULL ? 1 : 3;
      assert(k > 5, `only ${k} operations`);
    }
  });
}
