import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { LedgerError } from "../../../src/base/error.ts";
import { compactTraces } from "../../../src/trace/store/compact.ts";
import { tracePaths } from "../../../src/trace/event/files.ts";
import { queryTraces } from "../../../src/trace/store/query.ts";
import { TraceStore } from "../../../src/trace/store/store.ts";
import { IS_FULL, memoryFolder, testWorld } from "../../harness.ts";
import { NOON_US, traced } from "../../trace/events.ts";
import { filesBelow, idsOf, namesIn } from "../../trace/stores.ts";
import { assertEachOnce } from "../kills/crash.ts";
import { failAtEach, FaultyDisk } from "./faults.ts";

/** Takes four events; with all of the full run, three of them, so that there is a second segment. */
const SMALL_SEGMENT_BYTES = IS_FULL ? 300 : 350;

const world = testWorld();

/** Events of two types. */
const eventsOf = (name: string) =>
  Array.from({ length: 4 }, (_, n) =>
    traced({
      event_type: n % 2 === 0 ? "FILL" : "BAR",
      event_id: `${name}-${n}`,
      timestamp: NOON_US + n,
    }));

/** A store with events in it, still open. */
async function filled(in_world: typeof world, dir: string, name: string): Promise<TraceStore> {
  const store = await TraceStore.open(in_world, dir, { segment_bytes_max: SMALL_SEGMENT_BYTES });
  try {
    for (const event of eventsOf(name)) store.record(event);
    store.flush();
    return store;
  } catch (error) {
    store.abandon();
    throw error;
  }
}

/** Something that is tried on a disk that fails. */
interface Attempt {
  what: string;
  /** On a disk that works. Returns the ids that are there before. */
  prepare: (dir: string) => Promise<string[]>;
  /** Adds the ids of events that were recorded; what it opened it gives up when it fails. */
  run: (disk: FaultyDisk, dir: string, recorded: string[]) => Promise<void>;
}

const idsOfStore = (name: string) => idsOf(eventsOf(name));

async function prepareCompact(dir: string): Promise<string[]> {
  for (const name of ["a", "b"]) await (await filled(world, dir, name)).close();
  await compactTraces(world, dir);
  await (await filled(world, dir, "c")).close();
  (await filled(world, dir, "dead")).abandon();
  return ["a", "b", "c", "dead"].flatMap(idsOfStore);
}

async function recordAndClose(store: TraceStore, recorded: string[]): Promise<void> {
  for (const event of eventsOf("new")) {
    store.record(event);
    recorded.push(event.event_id);
  }
  await store.close();
}

const ATTEMPTS: Attempt[] = [
  {
    what: "recording and closing",
    prepare: () => Promise.resolve([]),
    async run(disk, dir, recorded) {
      const store = await TraceStore.open(disk.world, dir, {
        segment_bytes_max: SMALL_SEGMENT_BYTES,
      });
      try {
        await recordAndClose(store, recorded);
      } catch (error) {
        store.abandon();
        throw error;
      }
    },
  },
  {
    what: "closing, and closing again after an error",
    prepare: () => Promise.resolve([]),
    async run(disk, dir, recorded) {
      const store = await TraceStore.open(disk.world, dir, {
        segment_bytes_max: SMALL_SEGMENT_BYTES,
      });
      let failed: unknown;
      try {
        await recordAndClose(store, recorded);
      } catch (error) {
        failed = error;
      }
      if (failed === undefined) return;
      disk.heal();
      await store.close();
      assertEquals(namesIn(tracePaths(dir).wal).filter((name) => name.endsWith(".jsonl")), []);
      throw failed;
    },
  },
  {
    what: "compacting",
    prepare: prepareCompact,
    run: async (disk, dir) => void await compactTraces(disk.world, dir),
  },
];

function copyFolder(from: string, to: string): void {
  Deno.mkdirSync(to);
  for (const { name, isDirectory } of Deno.readDirSync(from)) {
    if (isDirectory) copyFolder(join(from, name), join(to, name));
    else Deno.copyFileSync(join(from, name), join(to, name));
  }
}

async function failAt(
  attempt: Attempt,
  disk: FaultyDisk,
  prepared: string,
  before: string[],
): Promise<void> {
  using folder = memoryFolder();
  const dir = join(folder.path, "traces");
  if (before.length > 0) copyFolder(prepared, dir);
  const recorded: string[] = [];
  let error: unknown;
  try {
    await attempt.run(disk, dir, recorded);
  } catch (caught) {
    if (!(caught instanceof LedgerError)) throw caught;
    error = caught;
  }
  if (!disk.was_reached) assertEquals(error, undefined);
  // An event that was refused is not there; one that waits when its process goes on may be lost.
  const criticals = recorded.filter((id) => /-[02]$/.test(id));
  const assertThere = async (where: string) => {
    const found = idsOf(await queryTraces(world, dir));
    const waiting_is_lost = new Set(error ? recorded.filter((id) => !criticals.includes(id)) : []);
    const wanted = [...before, ...recorded].filter((id) =>
      !waiting_is_lost.has(id) || found.includes(id)
    );
    assertEachOnce(found, wanted, where);
  };
  await assertThere("what is there after it");
  await compactTraces(world, dir);
  await assertThere("what is compact");
  const { wal, quarantine } = tracePaths(dir);
  assertEquals(namesIn(wal), [".merge.lock"]);
  const left = filesBelow(dir).filter((path) =>
    !path.endsWith(".parquet") && !path.startsWith("_wal") &&
    !join(dir, path).startsWith(quarantine)
  );
  assertEquals(left, []);
}

for (const attempt of ATTEMPTS) {
  Deno.test({
    name: `${attempt.what}, whichever file operation fails: no trace is lost or doubled`,
    // A file that stays open after an error is a leak, and with it may go a lock.
    sanitizeResources: true,
    fn: async () => {
      using folder = memoryFolder();
      const before = await attempt.prepare(folder.path);
      await failAtEach((disk) => failAt(attempt, disk, folder.path, before));
    },
  });
}
