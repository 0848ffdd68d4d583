/**
 * The power goes after any step of joining or shipping, and takes with it what was not synced, in every way that
 * is legal, while the store keeps what it was sent: the box is no fork of itself, and what it has left is
 * there once, in order.
 */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import type { World } from "../../../src/base/world.ts";
import { Box, fleetWorld } from "../../fleet/fleets.ts";
import { StrictStore } from "../../fleet/strict_store.ts";
import { IS_FULL, memoryFolder } from "../../harness.ts";
import type { Random } from "../../laws/random.ts";
import { seededTest } from "../kills/crash.ts";
import { cutsOf, storyOf, toldBefore } from "./cuts.ts";
import { layOut, textOfCut } from "./power_cuts.ts";
import { RecordedDisk } from "./recorded_disk.ts";

const DISKS_MAX = IS_FULL ? 1_000 : 12;

/** A writer that was seen between its write and its sync: the line can be read, and may go again. */
function writeUnsynced({ files }: World, box: Box, day: string, id: string): void {
  const folder = join(box.dir, "events", `day=${day}`);
  if (!files.facts(folder)) files.makeFolder(folder);
  const path = join(folder, "part-000001.jsonl");
  const timestamp_ms = Date.parse(day);
  const line = { event_id: id, event_type: "run.started", timestamp_ms, run_id: "r" };
  using file = files.open(path, files.facts(path) ? "append" : "create");
  file.write(new TextEncoder().encode(`${JSON.stringify(line)}\n`));
}

async function ship(box: Box, world: World): Promise<void> {
  using fleet = box.open(world);
  await fleet.ship();
}

/** What a cut has left torn, or without a byte, is not sent. */
function wholeLinesOf(box: Box): Map<string, string> {
  const whole = [...box.lines()].map(([part, text]) => {
    return [part, text.slice(0, text.lastIndexOf("\n") + 1)] as const;
  });
  return new Map(whole.filter(([, text]) => text !== ""));
}

const WORKS: Record<string, {
  before: (box: Box) => Promise<void>;
  work: (box: Box, world: World) => Promise<void>;
}> = {
  "ships what a writer has not synced yet": {
    before: async (box) => {
      await box.join();
      await box.emit(2);
      await box.ship();
    },
    work: async (box, world) => {
      writeUnsynced(world, box, "2026-01-01", "seen-1");
      writeUnsynced(world, box, "2026-01-02", "seen-2");
      await ship(box, world);
      writeUnsynced(world, box, "2026-01-02", "seen-3");
      writeUnsynced(world, box, "2026-01-03", "seen-4");
      await ship(box, world);
    },
  },
  "joins, and ships for the first time": {
    before: (box) => box.emit(2),
    work: async (box, world) => {
      {
        using fleet = box.open(world);
        await fleet.join(box.name);
      }
      await ship(box, world);
    },
  },
};

async function tryCuts(name: string, random: Random): Promise<void> {
  const { before, work } = WORKS[name];
  await using strict = new StrictStore();
  using folder = memoryFolder();
  const box = new Box(strict, folder.path, "one");
  {
    using fleet = box.open();
    await fleet.init();
  }
  await before(box);
  const known = new Map(strict.objects("lab"));
  const recorded = new RecordedDisk(folder.path);
  // What the store is sent before the power goes, it keeps.
  strict.options.faultOf = ({ method, key }) => {
    if (method === "PUT") recorded.tell(key);
    return undefined;
  };
  await work(box, fleetWorld(undefined, { files: recorded.files }));
  for (const { cut, disk } of cutsOf(recorded, DISKS_MAX, random)) {
    const told = toldBefore(recorded, cut);
    const sent = [...strict.objects("lab")].filter(([key]) => known.has(key) || told.includes(key));
    await using after = new StrictStore({ buckets: new Map([["lab", new Map(sent)]]) });
    using found = memoryFolder();
    layOut(disk, found.path);
    const again = new Box(after, found.path, box.name);
    try {
      await again.join();
      await again.emit(1);
      await again.emit(1, 1);
      const { head } = await again.ship();
      assert(head >= 2);
      assertEquals(again.shipped(), wholeLinesOf(again));
      assertEquals((await again.ship()).shipped, 0);
    } catch (cause) {
      const text = `${name}, LEDGER_TEST_CUT="${textOfCut(cut)}": ${(cause as Error).message}`;
      throw new Error(`${text}\n${storyOf(recorded, cut.at)}`, { cause });
    }
  }
}

for (const name of Object.keys(WORKS)) {
  seededTest(
    `whenever the power goes, a box is no fork of itself: it ${name}`,
    (random) => tryCuts(name, random),
  );
}
