/**
 * The disk fails, or goes, at any step of what is done to metrics: each go is there whole or not at all,
 * what was acknowledged is there once, and doing it again ends it.
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { asLedgerError, LedgerError } from "../../../src/base/error.ts";
import type { World } from "../../../src/base/world.ts";
import { RunDirectory } from "../../../src/runs/directory/directory.ts";
import { MetricPoints } from "../../../src/runs/metrics/points.ts";
import { MetricsStore } from "../../../src/runs/metrics/store.ts";
import { verifyRuns } from "../../../src/runs/upkeep/verify.ts";
import { IS_FULL, memoryFolder, testWorld } from "../../harness.ts";
import { FAILURES, FaultyDisk } from "./faults.ts";

/** A record of so many is longer than what a disk still takes that fills up. */
const GO_POINTS = 60;
const SEGMENT_POINTS_MAX = 150;

/** The steps of a go. */
function stepsOf(go: number): number[] {
  return Array.from({ length: GO_POINTS }, (_, at) => go * GO_POINTS + at);
}

function pointsOf(go: number): MetricPoints {
  const points = new MetricPoints();
  for (const step of stepsOf(go)) points.add("loss", step, step / 8);
  return points;
}

/** Adds goes to a run; gives each that was acknowledged. */
async function* addGoes(world: World, runs_dir: string, goes: number[]): AsyncGenerator<number> {
  const { folder, run_id } = RunDirectory.find({ world, runs_dir }, "r")!;
  const store = new MetricsStore(world, folder, run_id, SEGMENT_POINTS_MAX);
  for (const go of goes) {
    const { sync } = await store.append([pointsOf(go)]);
    await sync();
    yield go;
  }
}

async function stepsThere(world: World, runs_dir: string): Promise<number[]> {
  const [loss] = await RunDirectory.find({ world, runs_dir }, "r")!.readMetrics();
  return [...loss?.steps ?? []];
}

/** Tries an attempt on a disk that fails from its k-th operation on; returns whether it got so far. */
async function tryAttempt(failure: string, k: number): Promise<boolean> {
  using folder = memoryFolder();
  const runs_dir = join(folder.path, "runs");
  const sound = testWorld();
  await RunDirectory.create({ world: sound, runs_dir }, {
    run_type: "full",
    run_id: "r",
    git: false,
  });
  const acknowledged = await Array.fromAsync(addGoes(sound, runs_dir, [0, 1]));
  const disk = new FaultyDisk(FAILURES[failure], k, (path) => path.startsWith(runs_dir));
  const attempted = [2, 3];
  try {
    for await (const go of addGoes(disk.world, runs_dir, attempted)) acknowledged.push(go);
    await RunDirectory.find({ world: disk.world, runs_dir }, "r")!.markSuccess();
  } catch (error) {
    assert(
      asLedgerError(error),
      `${failure}, ${k}: ${error instanceof Error ? error.stack : error}`,
    );
  }
  disk.heal();
  const what = `${failure}, operation ${k}: ${disk.failed}`;
  const there = await stepsThere(sound, runs_dir);
  const goes = [0, 1, 2, 3].filter((go) => there.includes(go * GO_POINTS));
  assertEquals(there, goes.flatMap(stepsOf), `${what}: half a go, or one twice`);
  assertEquals(
    acknowledged.filter((go) => !goes.includes(go)),
    [],
    `${what}: acknowledged, and lost`,
  );
  // Again, as far as it is not done.
  const run = RunDirectory.find({ world: sound, runs_dir }, "r")!;
  if (run.readManifest().status === "running") {
    const left = attempted.filter((go) => !goes.includes(go));
    await Array.fromAsync(addGoes(sound, runs_dir, left));
  }
  if (!run.isComplete()) await run.markSuccess();
  assertEquals(await stepsThere(sound, runs_dir), [0, 1, 2, 3].flatMap(stepsOf), what);
  assertEquals(run.readManifest().artifacts.metrics.rows, 4 * GO_POINTS, what);
  const { findings } = await verifyRuns(sound, runs_dir, { deep: true });
  const problems = findings.map(({ path, problem }) => `${path}: ${problem}`)
    .filter((text) => !text.includes("left half-written by a program that was killed"));
  assertEquals(problems, [], what);
  return disk.was_reached;
}

/** Ways to fail; in the gate each so many operations fail, in the full run each. */
const TRIED: Record<string, number> = {
  "a disk that is gone": 1,
  "EIO": 3,
  "a disk that fills up": 1,
  "a disk that fills up, and where nothing can be cut back either": 1,
};

for (const [failure, stride] of Object.entries(TRIED)) {
  Deno.test(`metrics under ${failure}: each go is whole or not there, and doing it again ends it`, async () => {
    let k = 1;
    while (await tryAttempt(failure, k)) k += IS_FULL ? 1 : stride;
    assert(k > 5, `only ${k} operations`);
  });
}

Deno.test("a run whose end was cut off before the log heard of its metrics tells it when it ends again", async () => {
  using folder = memoryFolder();
  const place = { world: testWorld(), runs_dir: join(folder.path, "runs") };
  await RunDirectory.create(place, { run_type: "full", run_id: "r", git: false });
  await Array.fromAsync(addGoes(place.world, place.runs_dir, [0]));
  const heard: unknown[] = [];
  let fails = true;
  const emit = ({ event_type }: Record<string, unknown>) => {
    if (fails && event_type === "artifact.created") {
      return Promise.reject(new LedgerError({ code: "io", message: "the log is away" }));
    }
    heard.push(event_type);
    return Promise.resolve();
  };
  const find = () => RunDirectory.find({ ...place, events: { emit } }, "r")!;
  await assertRejects(() => find().markSuccess(), LedgerError);
  fails = false;
  await find().markSuccess();
  assertEquals(heard, ["artifact.created", "run.completed"]);
});
