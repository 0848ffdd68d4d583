/** Runs whose makers are killed, or meet failing disks: never half there, always to be finished. */
import { assert, assertEquals } from "@std/assert";
import { dirname, join } from "@std/path";
import { LedgerError } from "../../../src/base/error.ts";
import { systemFiles } from "../../../src/base/files/system_files.ts";
import { Ledger } from "../../../src/ledger/ledger.ts";
import { parseManifest } from "../../../src/runs/manifest/manifest.ts";
import { classifyRun, scanRuns } from "../../../src/runs/manifest/scan.ts";
import { IS_FULL, linesOnDisk, PROJECT, testWorld } from "../../harness.ts";
import {
  assertLikeBuiltAnew,
  type Lab,
  ledgerOf,
  newLab,
  rowsOf,
  skippedIn,
  sync,
  valuesOf,
} from "../../runs/runs.ts";
import { type Running, seededTest, spin, startScript } from "./crash.ts";
import { type Random } from "../../laws/random.ts";
import { failAtEach, FaultyDisk } from "../faults/faults.ts";
import { Snapshot } from "../snapshot.ts";

const KILLS = IS_FULL ? 40 : 8;
const MAKERS = IS_FULL ? 20 : 6;
const RUNS_OF_A_MAKER = 9;
const SPIN_MS_MAX = 12;

function startMaker(lab: Lab, name: string, count: number | "hold"): Running {
  const stdin = count === "hold" ? "piped" : "null";
  return startScript(
    "crash/kills/run_maker.ts",
    [lab.dir, lab.runs_dir, name, String(count)],
    stdin,
  );
}

/** Every run.json that has its name is whole. */
function assertAllWhole(lab: Lab): void {
  for (const { path } of scanRuns(testWorld(), lab.runs_dir)) {
    const manifest = join(lab.runs_dir, path, "run.json");
    if (systemFiles().facts(manifest)) parseManifest(Deno.readTextFileSync(manifest), manifest);
  }
}

/** How a maker ends a run, by the number at the end of its id. */
function endOf(run_id: string): "completed" | "failed" {
  return Number(run_id.split("-").at(-1)) % 3 === 2 ? "failed" : "completed";
}

/** What the maker of runs says that they read. */
const INPUTS = [`${PROJECT}tests/crash/kills/run_maker.ts`];

/** Does again what a killed one was doing with a run, as its user would. */
async function finishAgain(ledger: Ledger, run_id: string, failed: boolean): Promise<void> {
  const run_type = "policy";
  const parameters = { n: Number(run_id.split("-").at(-1)) };
  try {
    await ledger.runs.create({ run_type, run_id, parameters, git: false, inputs: INPUTS });
  } catch (error) {
    assert(
      error instanceof LedgerError && /there is one already/.test(error.message),
      String(error),
    );
  }
  const run = await ledger.runs.find(run_id);
  assertEquals(run.readManifest().inputs?.map(({ path }) => path), INPUTS);
  if (["completed", "failed"].includes(await run.state())) return;
  if (failed) await run.markFailed("on purpose");
  else await run.markSuccess();
}

/** Each run has its events, each of them once or the very same again. */
function assertToldOnce(lab: Lab, ends: Map<string, "completed" | "failed">): void {
  const told = new Map<string, Set<string>>();
  for (const line of new Set(linesOnDisk(lab.dir))) {
    const { event_id, run_id } = JSON.parse(line);
    const ids = told.get(run_id) ?? new Set();
    told.set(run_id, ids);
    assert(!ids.has(event_id), `${event_id} is told in two ways`);
    ids.add(event_id);
  }
  for (const [run_id, end] of ends) {
    const ids = told.get(run_id) ?? new Set();
    for (const step of ["run.created", "run.started", `run.${end}`]) {
      assert(ids.has(`${run_id}:${step}`), `the log was not told ${step} of ${run_id}`);
    }
  }
}

seededTest(
  `${KILLS} times a maker of runs is killed: none is half there, and each can be finished`,
  async (random: Random) => {
    using lab = newLab();
    await using ledger = ledgerOf(lab);
    const ends = new Map<string, "completed" | "failed">();
    for (let life = 0; life < KILLS; life++) {
      const maker = startMaker(lab, `life-${life}`, 1000);
      const last = random.below(40);
      let seen = 0;
      const lines = await maker.linesUntil(() => seen++ === last);
      spin(random.below(SPIN_MS_MAX * 1000) / 1000);
      maker.child.kill("SIGKILL");
      const end = await maker.end();
      assertEquals(end.signal, "SIGKILL", end.stderr);
      lines.push(...end.lines);
      assertAllWhole(lab);
      const words = lines.map((line) => line.split(" "));
      const ended = words.filter(([word]) => word === "ended").map(([, run_id]) => run_id);
      const begun = words.filter(([word]) => word === "creates").map(([, run_id]) => run_id);
      for (const run_id of begun) ends.set(run_id, endOf(run_id));
      await sync(lab);
      const catalogued = new Set(
        await valuesOf(lab.catalog, "select run_id from backtest_runs_catalog"),
      );
      assertEquals(ended.filter((run_id) => !catalogued.has(run_id)), [], "ended, not catalogued");
      const left = begun.filter((run_id) => !catalogued.has(run_id));
      assert(left.length <= 1, `${left} are left`);
      const reasons = await skippedIn(lab);
      for (const run_path of Object.keys(reasons)) {
        assertEquals(run_path.endsWith(`run_id=${left[0]}`), true, run_path);
      }
      for (const run_id of left) await finishAgain(ledger, run_id, endOf(run_id) === "failed");
      // Of one that got to its end, and was killed before it could say so, nothing is left to do.
      for (const run_id of begun) {
        assertEquals(await (await ledger.runs.find(run_id)).state(), endOf(run_id));
      }
    }
    assertToldOnce(lab, ends);
    assertEquals((await sync(lab)).skipped, []);
    await assertLikeBuiltAnew(lab);
    const rows = await rowsOf(lab.catalog, "select run_id, status from backtest_runs_catalog");
    assertEquals(new Map(rows.map(({ run_id, status }) => [run_id, status])), new Map(ends));
    await ledger.sync();
    const runs = await ledger.query("select run_id, status from latest_runs");
    assertEquals(new Map(runs.map(({ run_id, status }) => [run_id, status])), new Map(ends));
  },
);

const NEW = {
  ...{ run_type: "policy", run_id: "r-1", git: false, parameters: { n: 1 } } as const,
  inputs: INPUTS,
};

/** Creates a run and ends it; whichever operation fails, it is done then, or can be done again. */
async function makeOn(world: FaultyDisk["world"], lab: Lab, failed: boolean): Promise<void> {
  await using ledger = ledgerOf(lab, world);
  await using run = await ledger.runs.create({ ...NEW, owned: true });
  const entry = { rows: 1, path: "results/x", bytes: 2, sha256: "0".repeat(64) };
  await run.noteArtifact("summary", entry, { n: 1 });
  await run.appendLog(
    "stdout",
    (async function* () {
      yield await Promise.resolve(new TextEncoder().encode("said\n"));
    })(),
  );
  if (failed) await run.markFailed("on purpose");
  else await run.markSuccess();
}

async function failAt(disk: FaultyDisk, failed: boolean): Promise<void> {
  using lab = newLab();
  const { paths } = new Snapshot(lab.path);
  const existing = new Set([...paths, lab.path, dirname(lab.path), "/dev", "/"]);
  let error: unknown;
  try {
    await makeOn(disk.world, lab, failed);
  } catch (thrown) {
    if (!(thrown instanceof LedgerError)) throw thrown;
    error = thrown;
  }
  assertAllWhole(lab);
  const ended = scanRuns(testWorld(), lab.runs_dir)
    .filter((run) => classifyRun(testWorld(), lab.runs_dir, run).kind === "ended");
  // No caller hears that it was done when it was not.
  if (error === undefined) {
    assertEquals(ended.length, 1);
    disk.assertAllDurable(existing);
  }
  disk.heal();
  await using ledger = ledgerOf(lab, disk.world);
  await finishAgain(ledger, "r-1", failed);
  const run = await ledger.runs.find("r-1");
  assertEquals(await run.state(), failed ? "failed" : "completed");
  assertToldOnce(lab, new Map([["r-1", failed ? "failed" : "completed"]]));
  assertEquals((await ledger.verify()).findings, []);
}

for (const failed of [false, true]) {
  const how = failed ? "fails" : "completes";
  Deno.test({
    name:
      `a run that is created and ${how}, whichever file operation fails: done, or to be done again`,
    // A file that stays open after an error is a leak, and with it may go a lock.
    sanitizeResources: true,
    fn: () => failAtEach((disk) => failAt(disk, failed)),
  });
}

Deno.test(`${MAKERS} processes make runs and sync while another syncs: each run is catalogued once`, async () => {
  using lab = newLab();
  const makers = Array.from(
    { length: MAKERS },
    (_, index) => startMaker(lab, `maker-${index}`, RUNS_OF_A_MAKER),
  );
  let are_over = false;
  const all = Promise.all(makers.map((maker) => maker.end())).finally(() => are_over = true);
  await using ledger = ledgerOf(lab);
  // Where there is neither a run nor a log, nothing is catalogued.
  await ledger.emit({ event_type: "run.started", run_id: "r" });
  let syncs = 0;
  while (!are_over) {
    await ledger.runs.sync();
    await ledger.runs.query();
    syncs++;
  }
  for (const { code, stderr } of await all) assertEquals(code, 0, stderr);
  assert(syncs > 1, "nothing was synced meanwhile");
  await ledger.runs.sync();
  const wanted = makers.flatMap((_, index) =>
    Array.from({ length: RUNS_OF_A_MAKER }, (_, n) => `maker-${index}-${n}`)
  );
  const ids = await valuesOf(lab.catalog, "select run_id from backtest_runs_catalog order by 1");
  assertEquals(ids, wanted.toSorted());
  assertEquals(await rowsOf(lab.catalog, "from runs_skipped"), []);
  await assertLikeBuiltAnew(lab);
  const ends = wanted.map((run_id) => [run_id, endOf(run_id)] as const);
  assertToldOnce(lab, new Map(ends));
  assertEquals(new Set(linesOnDisk(lab.dir)).size, linesOnDisk(lab.dir).length);
});

Deno.test("a run that a living process holds is running, and crashed once that is killed", async () => {
  using lab = newLab();
  const holder = startMaker(lab, "held", "hold");
  assertEquals(await holder.linesUntil("holds"), ["holds"]);
  await using ledger = ledgerOf(lab);
  await ledger.runs.create({ run_type: "policy", run_id: "shell", git: false });
  const states = async () => {
    // However long it has not written: it lives.
    const report = await ledger.runs.sync({ stale_after_ms: 0 });
    const rows = await rowsOf(lab.catalog, "select run_id, state from runs_in_progress order by 1");
    assertEquals(report.skipped.length, 2);
    return rows.map(({ run_id, state }) => `${run_id} ${state}`);
  };
  for (let look = 0; look < 3; look++) {
    assertEquals(await states(), ["held running", "shell stale"]);
    assertEquals(await (await ledger.runs.find("held")).state(), "running");
  }
  assertEquals(await (await ledger.runs.find("shell")).state(), "running");
  assertEquals((await ledger.runs.query({ status: "running" })).map(({ run_id }) => run_id), [
    "held",
  ]);
  holder.child.kill("SIGKILL");
  await holder.end();
  assertEquals(await states(), ["held crashed", "shell stale"]);
  const run = await ledger.runs.find("held");
  assertEquals(await run.state(), "crashed");
  // A reader has left no lock behind, and its end can still be told.
  using file = Deno.openSync(join(run.folder, ".lock"), { read: true, write: true });
  assert(file.tryLockSync(true));
  await run.markFailed("killed");
  await ledger.runs.sync();
  assertEquals(await rowsOf(lab.catalog, "select run_id from runs_in_progress"), [{
    run_id: "shell",
  }]);
});
