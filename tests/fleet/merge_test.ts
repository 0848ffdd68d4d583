/** Upkeep of tables moves rows and changes none, whatever fails and however many jobs are at it. */
import { assert, assertEquals } from "@std/assert";
import { basename, join } from "@std/path";
import { lake_file_bytes_max, lake_file_bytes_min, lake_kept_ms } from "../../src/base/limits.ts";
import { writeCheckpoint } from "../../src/fleet/lake/checkpoint.ts";
import { JobFolder } from "../../src/fleet/lake/job_folder.ts";
import { dueMerges } from "../../src/fleet/lake/merge.ts";
import type { DataFile } from "../../src/fleet/lake/table.ts";
import { IS_FULL, memoryFolder } from "../harness.ts";
import { withSeed } from "../laws/random.ts";
import { type FleetLab, fleetWorld, openStore, settled, withBoxes } from "./fleets.ts";
import { assertIsUnion, rowsOfTable, snapshotOf } from "./lab.ts";

const HOUR_MS = 3_600_000;
/** Of a sample; each merges with two or four jobs at once. */
const ROUNDS = IS_FULL ? 6 : 2;

async function emitAndShip({ boxes }: FleetLab, counts: number[], day = 0): Promise<void> {
  for (const [at, count] of counts.entries()) {
    await boxes[at].emit(count, day);
    await boxes[at].ship();
  }
}

Deno.test("days that are over become one file with the same rows, in order; a second merge finds nothing to do", async () => {
  await withBoxes(2, async (lab) => {
    using job = lab.job();
    for (const day of [0, 0, 1]) {
      await emitAndShip(lab, [2, 3], day);
      await job.fold();
    }
    const before = await rowsOfTable(lab, "events");
    assertEquals((await job.fold()).upkeep.map(({ merged }) => merged).every((n) => n === 0), true);
    lab.wait(2 * HOUR_MS);
    const { upkeep } = await job.fold();
    assertEquals(
      upkeep.filter(({ into }) => into > 0).map(({ table, merged, into }) => [table, merged, into]),
      [["events", 3, 2], ["trials", 3, 2]],
    );
    assertEquals((await snapshotOf(lab, "events")).files.size, 2);
    assertEquals(await rowsOfTable(lab, "events"), before);
    await assertIsUnion(lab);
    const { version } = await snapshotOf(lab, "events");
    using other = lab.job();
    await other.fold();
    await job.fold({ merge_all: true });
    assertEquals((await snapshotOf(lab, "events")).version, version);
  });
});

/** Each event_id of the table, with how many of its rows count. */
async function countingRows(lab: FleetLab): Promise<Record<string, number>> {
  const place = ({ box, log_part, log_offset }: Record<string, unknown>) =>
    `${box} ${log_part} ${log_offset}`;
  const copies = (await rowsOfTable(lab, "duplicates")).map(place);
  assertEquals(new Set(copies).size, copies.length, "a row is named as a copy twice");
  const counts: Record<string, number> = {};
  for (const row of await rowsOfTable(lab, "events")) {
    const id = row.event_id as string;
    counts[id] = (counts[id] ?? 0) + (copies.includes(place(row)) ? 0 : 1);
  }
  return counts;
}

Deno.test("however many jobs merge at once, and whatever the store answers, rows stay as they are, and of each id one counts", async () => {
  await withSeed((draw) =>
    withBoxes(2, async (lab) => {
      const faults = ["503", "409", "cut", "lost", "lost"] as const;
      const ids = Array.from({ length: 4 }, (_, n) => `0197d3a0-0000-7000-8000-00000000000${n}`);
      for (let round = 0; round < ROUNDS; round++) {
        for (const box of lab.boxes) {
          await box.emit(draw.below(2), 0);
          for (const event_id of ids) if (draw.chance(0.4)) await box.emitAgain(event_id);
          await box.ship();
        }
        {
          using job = lab.job();
          await job.fold();
        }
        const before = await rowsOfTable(lab, "events");
        lab.strict.options.faultOf = () => draw.chance(0.08) ? draw.pick(faults) : undefined;
        const jobs = Array.from({ length: draw.pick([2, 4]) }, () => lab.job());
        await settled(jobs.map((job) => job.fold({ merge_all: true })));
        lab.strict.options.faultOf = undefined;
        for (const job of jobs) job[Symbol.dispose]();
        assertEquals(await rowsOfTable(lab, "events"), before);
      }
      using job = lab.job();
      await job.fold({ merge_all: true });
      assertEquals(
        (await rowsOfTable(lab, "events")).length,
        lab.boxes.flatMap((box) => [...box.lines().values()]).join("").split("\n").length - 1,
      );
      const counts = await countingRows(lab);
      assertEquals(Object.entries(counts).filter(([, count]) => count !== 1), []);
    })
  );
});

Deno.test("a row that counted goes on to count, also where an earlier one of its id comes later", async () => {
  await withBoxes(2, async (lab) => {
    const id = "0197d3a0-0000-7000-8000-000000000001";
    const [first, second] = lab.boxes;
    using job = lab.job();
    for (const box of [second, first, second]) {
      await box.emitAgain(id);
      await box.ship();
      await job.fold({ merge_all: true });
    }
    const copies = await rowsOfTable(lab, "duplicates");
    const [{ log_offset }] = (await rowsOfTable(lab, "events")).filter(({ box }) => box === "box-1")
      .sort((one, other) => Number(one.log_offset) - Number(other.log_offset));
    assertEquals(
      copies.map(({ box, counts_box, counts_log_offset }) => [box, counts_box, counts_log_offset]),
      [["box-0", "box-1", log_offset], ["box-1", "box-1", log_offset]],
    );
  });
});

Deno.test("files are merged into ones of 128 to 256 MB; a large one is left alone by a small one that comes late", () => {
  const MB = 1 << 20;
  const file = (name: string, size_mb: number, log_day = "2026-01-01"): DataFile => ({
    path: `log_day=${log_day}/${name}`,
    log_day,
    size_bytes: size_mb * MB,
    modified_ms: 0,
    stats: "{}",
  });
  const now_ms = Date.parse("2026-01-02T00:30Z");
  assertEquals(dueMerges([file("a", 1)], now_ms - HOUR_MS), [], "its day is not over");
  const late = [file("a", 1), { ...file("b", 1), modified_ms: now_ms - HOUR_MS / 2 }];
  assertEquals(dueMerges(late, now_ms), [], "a file came lately");
  const sizes = (files: DataFile[]) =>
    dueMerges(files, now_ms).map(({ groups }) =>
      groups.map((group) => group.map(({ size_bytes }) => size_bytes / MB))
    );
  const many = Array.from({ length: 30 }, (_, n) => file(`f${n}`, 10 + n));
  for (const group of sizes(many)[0].slice(0, -1)) {
    const size = group.reduce((sum, each) => sum + each * MB, 0);
    assert(size >= lake_file_bytes_min && size <= lake_file_bytes_max);
  }
  assertEquals(sizes([file("merged-a", 100), file("merged-b", 30), file("c", 2)]), [[[2]]]);
  assertEquals(sizes([file("merged-a", 100), file("merged-b", 30), file("c", 20)]), [[[
    20,
    100,
    30,
  ]]]);
  assertEquals(sizes([file("merged-a", 200), file("c", 199)]), [[[199]]]);
  assertEquals(sizes([file("merged-a", 1), file("merged-b", 1)]), []);
});

Deno.test("what is no part of a table goes after 7 days, and commits below an old checkpoint; a job that comes so late commits nothing", async () => {
  await withBoxes(1, async (lab) => {
    const objects = lab.strict.objects("lab");
    const below = (folder: string) =>
      [...objects.keys()].filter((key) => key.startsWith(`fleet/lake/events/${folder}`)).length;
    using slow = lab.job();
    using job = lab.job();
    await emitAndShip(lab, [2]);
    await emitAndShip(lab, [2]);
    await slow.fold();
    await emitAndShip(lab, [2]);
    await job.fold();
    await job.fold({ merge_all: true });
    objects.set("fleet/lake/events/log_day=2026-01-01/orphan.parquet", {
      bytes: new Uint8Array(1),
      meta: [],
      modified_ms: lab.strict.now_ms(),
      number: 0,
    });
    assertEquals(below("log_day"), 4);
    using store = openStore(lab.strict);
    const table_folder = "lake/events/";
    const snapshot = await snapshotOf(lab, "events");
    await writeCheckpoint({ store, table_folder, work_folder: lab.folder }, snapshot);
    lab.wait(lake_kept_ms - HOUR_MS);
    using early = lab.job();
    await early.fold();
    assertEquals(below("log_day"), 4);
    lab.wait(2 * HOUR_MS);
    using late = lab.job();
    const { upkeep } = await late.fold();
    const [swept] = upkeep.filter(({ table }) => table === "events").map(({ swept }) => swept);
    assertEquals([swept, below("log_day"), below("_delta_log")], [3 + snapshot.version, 1, 3]);
    await assertIsUnion(lab);
    // It knows the table as it was before all that: a commit of the next version would go through.
    await emitAndShip(lab, [1]);
    await slow.fold();
    assertEquals((await snapshotOf(lab, "events")).version, snapshot.version + 1);
    await assertIsUnion(lab);
  });
});

Deno.test("what jobs that died have left on the disk goes when the next one begins, and nothing of one that lives", async () => {
  using folder = memoryFolder();
  const world = fleetWorld();
  const names = () => Array.from(Deno.readDirSync(folder.path), ({ name }) => name).sort();
  const dead = join(folder.path, "1-abc");
  Deno.mkdirSync(dead);
  Deno.writeTextFileSync(`${dead}.lock`, "");
  Deno.mkdirSync(join(folder.path, "2-def"));
  using one = await JobFolder.open(world, folder.path);
  using other = await JobFolder.open(world, folder.path);
  const living = [one, other].map(({ path }) => basename(path));
  assertEquals(names(), [...living, ...living.map((name) => `${name}.lock`), "jobs"].sort());
});

Deno.test("a deep verification names ids that stand in several days, and files of a table that are gone", async () => {
  await withBoxes(2, async (lab) => {
    const ids = [0, 1].map((n) => `0197d3a0-0000-7000-8000-00000000000${n}`);
    const [one, other] = lab.boxes;
    for (
      const [box, id, day] of [[one, 0, 0], [other, 0, 1], [one, 1, 0], [other, 1, 0]] as const
    ) {
      await box.emitAgain(ids[id], day);
    }
    for (const box of lab.boxes) await box.ship();
    using job = lab.job();
    await job.fold();
    const { ids: found } = await job.verify({ deep: true });
    assertEquals(found, {
      rows: 4,
      count: 1,
      first: [{
        event_id: ids[0],
        places: ["box-0 2026-01-01/part-000001 0", "box-1 2026-01-02/part-000001 0"],
      }],
      unsettled_days: ["2026-01-01", "2026-01-02"],
      problems: [],
    });
    await job.fold({ merge_all: true });
    const [path] = (await snapshotOf(lab, "events")).files.keys();
    lab.strict.objects("lab").delete(`fleet/lake/events/${path}`);
    const { ids: after } = await job.verify({ deep: true });
    assertEquals(after!.unsettled_days, []);
    assertEquals(after!.problems.length, 1);
    assertEquals((await job.verify()).ids, undefined);
  });
});
