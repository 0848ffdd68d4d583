import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { compactTraces } from "../../../src/trace/store/compact.ts";
import { tracePaths } from "../../../src/trace/event/files.ts";
import { queryTraces } from "../../../src/trace/store/query.ts";
import { IS_FULL, IS_PLAIN, tempFolder, testWorld } from "../../harness.ts";
import { idsOf, linesWaiting, namesIn } from "../../trace/stores.ts";
import { assertEachOnce, repeated, seededTest, startScript } from "./crash.ts";
import { type Random } from "../../laws/random.ts";
import type { TracerPlan } from "./tracer.ts";

const KILLS = IS_FULL ? 100 : IS_PLAIN ? 4 : 10;
const LIVES = IS_FULL ? 20 : 4;
const LANES = 2;
/** What may be lost of events that are not critical: those that wait for a write. */
const BATCH = 64;

const world = testWorld();

async function idsIn(dir: string): Promise<string[]> {
  return idsOf(await queryTraces(world, join(dir, "traces")));
}

/** One life of a tracing process, ended in the middle of its work. Returns what it has printed. */
async function liveAndDie(plan: TracerPlan, random: Random): Promise<string[]> {
  const tracer = startScript("crash/kills/tracer.ts", [JSON.stringify(plan)]);
  const wanted = 1 + random.below(random.below(2) === 0 ? 20 : 600);
  let printed = 0;
  const traced = await tracer.linesUntil(() => ++printed === wanted);
  tracer.child.kill("SIGKILL");
  const { lines, signal, stderr } = await tracer.end();
  assertEquals(signal, "SIGKILL", stderr);
  return [...traced, ...lines];
}

/** The number of the event that an id names: `life-3-17` is its 17th. */
const numberOf = (id: string) => Number(id.slice(id.lastIndexOf("-") + 1));

function assertLossIsBounded(plan: TracerPlan, traced: string[], there: Set<string>): void {
  const lost = traced.filter((id) => !there.has(id));
  const is_critical = (id: string) =>
    numberOf(id) % plan.critical_every === plan.critical_every - 1;
  assertEquals(lost.filter(is_critical), [], "critical, and lost");
  if (plan.durability === "every") assertEquals(lost, [], "lost");
  assert(lost.length <= BATCH, `${lost.length} are lost`);
  // What is lost is the end, and nothing in between.
  assertEquals(lost, traced.slice(traced.length - lost.length));
}

async function killAgainAndAgain(
  dir: string,
  kills: number,
  durability: TracerPlan["durability"],
  random: Random,
): Promise<void> {
  Deno.mkdirSync(dir);
  const all: string[] = [];
  for (let life = 0; life < kills; life++) {
    const plan: TracerPlan = {
      dir,
      name: `life-${life}`,
      durability,
      critical_every: 2 + random.below(30),
      segment_bytes_max: random.below(3) === 0 ? 4_000 : undefined,
    };
    const traced = await liveAndDie(plan, random);
    const found = await idsIn(dir);
    assertEquals(repeated(found), [], "there twice");
    const there = new Set(found);
    assertLossIsBounded(plan, traced, there);
    for (const id of all) assert(there.has(id), `${id} was there before`);
    // An event may have been written whose id was not printed any more.
    all.push(...found.filter((id) => id.startsWith(`${plan.name}-`)));
    if (random.below(5) > 0) continue;
    await compactTraces(world, join(dir, "traces"));
    assertEachOnce(await idsIn(dir), all, "what is compact");
  }
  await compactTraces(world, join(dir, "traces"));
  assertEachOnce(await idsIn(dir), all, "what is compact");
  assertEquals(linesWaiting(join(dir, "traces")), []);
  assertEquals(namesIn(tracePaths(join(dir, "traces")).wal), [".merge.lock"]);
}

for (const durability of ["batch", "every"] as const) {
  const loss = durability === "every" ? "nothing is lost" : "no critical event is lost";
  seededTest(
    `${KILLS} times a tracing process is killed (${durability}): ${loss}, nothing is doubled`,
    async (random) => {
      using folder = tempFolder();
      await Promise.all(Array.from({ length: LANES }, (_, lane) =>
        killAgainAndAgain(
          join(folder.path, `lane-${lane}`),
          KILLS / LANES,
          durability,
          random.fork(),
        )));
    },
  );
}

seededTest(
  "a process that is killed while it makes Parquet loses and doubles nothing",
  async (random) => {
    using folder = tempFolder();
    const dir = folder.path;
    const all: string[] = [];
    let cut_off = 0;
    // Until one was, however slow the machine.
    for (let life = 0; life < LIVES || cut_off === 0 && life < 10 * LIVES; life++) {
      const plan: TracerPlan = {
        dir,
        name: `life-${life}`,
        durability: "batch",
        critical_every: 10,
        events: 400,
        segment_bytes_max: 8_000,
      };
      const tracer = startScript("crash/kills/tracer.ts", [JSON.stringify(plan)]);
      const traced = await tracer.linesUntil(`${plan.name}-399`);
      assertEquals(traced.length, plan.events);
      // Its last event is traced: what it is at now is the end.
      for (let turns = random.below(40); turns > 0; turns--) await world.turn();
      tracer.child.kill("SIGKILL");
      if ((await tracer.end()).signal === "SIGKILL") cut_off++;
      const found = await idsIn(dir);
      assertEquals(repeated(found), []);
      const there = new Set(found);
      assertLossIsBounded(plan, traced, there);
      all.push(...traced.filter((id) => there.has(id)));
      assertEachOnce(found, all, "all traces");
    }
    await compactTraces(world, join(dir, "traces"));
    assertEachOnce(await idsIn(dir), all, "what is compact");
    assert(cut_off > 0, "none was cut off");
  },
);

Deno.test("four processes trace into one ledger while it is compacted: each event is there once", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  const events = 3_000;
  const tracers = ["a", "b", "c", "d"].map((name, n) => {
    const plan: TracerPlan = {
      dir,
      name,
      durability: n === 0 ? "every" : "batch",
      critical_every: 10,
      events,
      segment_bytes_max: 100_000,
      parquet: n === 1 ? "later" : "now",
    };
    return startScript("crash/kills/tracer.ts", [JSON.stringify(plan)]);
  });
  let are_done = false;
  const compacting = (async () => {
    while (!are_done) {
      await compactTraces(world, join(dir, "traces"));
      assertEquals(repeated(await idsIn(dir)), []);
      await world.turn();
    }
  })();
  const traced = (await Promise.all(tracers.map(async (tracer) => {
    const { lines, code, stderr } = await tracer.end();
    assertEquals(code, 0, stderr);
    return lines;
  }))).flat();
  are_done = true;
  await compacting;
  assertEquals(traced.length, 4 * events);
  assertEachOnce(await idsIn(dir), traced, "all traces");
  await compactTraces(world, join(dir, "traces"));
  assertEachOnce(await idsIn(dir), traced, "what is compact");
});
