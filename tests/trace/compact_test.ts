import { assert, assertEquals } from "@std/assert";
import { dirname, join } from "@std/path";
import { readParquet } from "../../src/parquet/mod.ts";
import { systemFiles } from "../../src/base/files/system_files.ts";
import { rowsOfQuery } from "../../src/duckdb/query.ts";
import { TraceDatabase } from "../../src/trace/ask/sql_view.ts";
import { compactTraces } from "../../src/trace/store/compact.ts";
import type { TracedEvent } from "../../src/trace/event/event.ts";
import { tracePaths } from "../../src/trace/event/files.ts";
import { queryTraces } from "../../src/trace/store/query.ts";
import { TraceStore, type TraceStoreOptions } from "../../src/trace/store/store.ts";
import { tempFolder, testWorld } from "../harness.ts";
import { NOON_US, traced } from "./events.ts";
import { filesBelow, idsOf, namesIn } from "./stores.ts";

const world = testWorld();
const PARTITION = "date=2026-01-23/type=FILL";

const fills = (name: string, count = 3): TracedEvent[] =>
  Array.from({ length: count }, (_, n) =>
    traced({
      event_type: "FILL",
      event_id: `${name}${n}`,
      correlation_id: `c${n % 2}`,
      timestamp: NOON_US + n,
    }));

async function storeOf(
  dir: string,
  events: readonly TracedEvent[],
  options?: TraceStoreOptions,
): Promise<TraceStore> {
  const store = await TraceStore.open(world, dir, options);
  for (const event of events) store.record(event);
  store.flush();
  return store;
}

async function sortedIds(dir: string): Promise<string[]> {
  return idsOf(await queryTraces(world, dir)).sort();
}

Deno.test("the files of a day and type become one, with one correlation's events side by side", async () => {
  using folder = tempFolder();
  for (const name of ["a", "b", "c"]) await (await storeOf(folder.path, fills(name, 4))).close();
  const before = await queryTraces(world, folder.path);
  const report = await compactTraces(world, folder.path);
  assertEquals([report.merged, report.into], [3, 1]);
  const [name, ...others] = namesIn(join(folder.path, PARTITION));
  assertEquals(others, []);
  assertEquals((await queryTraces(world, folder.path)).length, before.length);
  assertEquals(await sortedIds(folder.path), idsOf(before).sort());
  const correlations: unknown[] = [];
  for await (const rows of readParquet(world, join(folder.path, PARTITION, name)).batches()) {
    correlations.push(...rows.map(({ correlation_id }) => correlation_id));
  }
  assertEquals(correlations, correlations.toSorted());
});

Deno.test("what is compact is left as it is, and what came since is merged into it", async () => {
  using folder = tempFolder();
  for (const name of ["a", "b"]) await (await storeOf(folder.path, fills(name))).close();
  await compactTraces(world, folder.path);
  const compact = filesBelow(folder.path);
  assertEquals((await compactTraces(world, folder.path)).merged, 0);
  assertEquals(filesBelow(folder.path), compact);
  await (await storeOf(folder.path, fills("c"))).close();
  assertEquals((await compactTraces(world, folder.path)).merged, 2);
  assertEquals((await sortedIds(folder.path)).length, 9);
});

Deno.test("what a dead process left becomes Parquet; what a live one writes is left alone", async () => {
  using folder = tempFolder();
  (await storeOf(folder.path, fills("dead"), { segment_bytes_max: 1 })).abandon();
  const live = await storeOf(folder.path, fills("live"));
  const { recovered } = await compactTraces(world, folder.path);
  assertEquals([recovered.events, recovered.segments], [3, 3]);
  assertEquals((await sortedIds(folder.path)).length, 6);
  live.record(fills("more", 1)[0]);
  await live.close();
  assertEquals((await sortedIds(folder.path)).length, 7);
  await compactTraces(world, folder.path);
  assertEquals((await sortedIds(folder.path)).length, 7);
  assertEquals(namesIn(tracePaths(folder.path).wal), [".merge.lock"]);
});

Deno.test("half a line of a dead process is kept in quarantine, and so is a line that is no event", async () => {
  using folder = tempFolder();
  (await storeOf(folder.path, fills("dead"))).abandon();
  const { wal, quarantine } = tracePaths(folder.path);
  const segment = join(wal, namesIn(wal).find((name) => name.endsWith(".jsonl"))!);
  const size = Deno.statSync(segment).size;
  Deno.writeTextFileSync(segment, '[9,"","FILL"]\n[3,"dead3","F', { append: true });
  assertEquals((await sortedIds(folder.path)).length, 3);
  assertEquals((await compactTraces(world, folder.path)).recovered.quarantined, 2);
  assertEquals((await sortedIds(folder.path)).length, 3);
  const kept = namesIn(quarantine);
  assertEquals(kept.map((name) => name.replace(/^.*\.at-/, "")), [
    `${size}.corrupt`,
    `${size + 14}.torn`,
  ]);
  assertEquals(Deno.readTextFileSync(join(quarantine, kept[1])), '[3,"dead3","F');
});

Deno.test("a file whose write-ahead file still exists does not count beside it", async () => {
  using folder = tempFolder();
  const store = await storeOf(folder.path, fills("a"));
  const { wal } = tracePaths(folder.path);
  const segment = join(wal, namesIn(wal).find((name) => name.endsWith(".jsonl"))!);
  const bytes = Deno.readFileSync(segment);
  await store.close();
  // As after a power cut that took the removal back.
  Deno.writeFileSync(segment, bytes);
  assertEquals((await sortedIds(folder.path)).length, 3);
  await compactTraces(world, folder.path);
  assertEquals((await sortedIds(folder.path)).length, 3);
});

Deno.test("files of a store that is being closed are not merged while it still has its segment", async () => {
  using folder = tempFolder();
  using elsewhere = tempFolder();
  await (await storeOf(folder.path, fills("a"))).close();
  const live = await storeOf(folder.path, fills("live"));
  // What it will have made of its segment, as if it had come so far.
  const segment = namesIn(tracePaths(folder.path).wal).find((name) => name.endsWith(".jsonl"))!;
  Deno.mkdirSync(tracePaths(elsewhere.path).wal);
  Deno.copyFileSync(
    join(tracePaths(folder.path).wal, segment),
    join(tracePaths(elsewhere.path).wal, segment),
  );
  await compactTraces(world, elsewhere.path);
  const made = join(PARTITION, segment.replace(".jsonl", ".parquet"));
  Deno.copyFileSync(join(elsewhere.path, made), join(folder.path, made));
  assertEquals((await compactTraces(world, folder.path)).merged, 0);
  assertEquals((await sortedIds(folder.path)).length, 6);
  await live.close();
  await compactTraces(world, folder.path);
  assertEquals((await sortedIds(folder.path)).length, 6);
});

Deno.test("a source that outlives its merged file does not count beside it, and goes", async () => {
  using folder = tempFolder();
  for (const name of ["a", "b"]) await (await storeOf(folder.path, fills(name))).close();
  const partition = join(folder.path, PARTITION);
  const [name] = namesIn(partition);
  const bytes = Deno.readFileSync(join(partition, name));
  await compactTraces(world, folder.path);
  Deno.writeFileSync(join(partition, name), bytes);
  assertEquals((await sortedIds(folder.path)).length, 6);
  await compactTraces(world, folder.path);
  assertEquals((await sortedIds(folder.path)).length, 6);
  assertEquals(namesIn(partition).length, 1);
});

Deno.test("half-written files of an attempt that was cut off go", async () => {
  using folder = tempFolder();
  await (await storeOf(folder.path, fills("a"))).close();
  const partition = join(folder.path, PARTITION);
  for (const name of ["dead-000001.parquet.7-abc.tmp", "merged-dead.parquet.tmp"]) {
    Deno.writeTextFileSync(join(partition, name), "PAR1");
  }
  await compactTraces(world, folder.path);
  assertEquals(namesIn(partition).length, 1);
});

Deno.test("whenever a store ends beside it, its file and its events stay", async () => {
  for (let listings = 1;; listings++) {
    using folder = tempFolder();
    const dir = folder.path;
    for (const name of ["a", "b"]) await (await storeOf(dir, fills(name))).close();
    // What it will put in place, made elsewhere: its segment is gone by then.
    using elsewhere = tempFolder();
    await (await storeOf(elsewhere.path, fills("late"))).close();
    const [late] = filesBelow(elsewhere.path).filter((path) => path.endsWith(".parquet"));
    let listed = 0;
    const files = systemFiles((operation, path) => {
      if (operation !== "list" || !path.endsWith(PARTITION) || ++listed !== listings) return;
      Deno.copyFileSync(join(elsewhere.path, late), join(dir, late));
    });
    await compactTraces(testWorld({ files }), dir);
    if (listed < listings) break;
    const wanted = ["a", "b", "late"].flatMap((name) => idsOf(fills(name)));
    assertEquals(await sortedIds(dir), wanted.sort(), `at listing ${listings}`);
  }
});

/** The ids of all events, as SQL sees them. */
async function idsInSql(dir: string): Promise<string[]> {
  await using database = await TraceDatabase.open(world, dir, []);
  const rows = await rowsOfQuery(database, "select event_id from trace_events");
  return rows.map(({ event_id }) => event_id as string);
}

Deno.test("questions asked while all is compacted see each event once, in SQL too", async () => {
  using folder = tempFolder();
  let written = 0;
  let is_done = false;
  const asking = (async () => {
    while (!is_done) {
      const at_least = written;
      for (const ask of [sortedIds, idsInSql]) {
        const ids = await ask(folder.path);
        assert(ids.length >= at_least, `${ids.length} of ${at_least}`);
        assertEquals(new Set(ids).size, ids.length);
      }
      await world.turn();
    }
  })();
  for (let round = 0; round < 10; round++) {
    const store = await storeOf(folder.path, fills(`r${round}-`));
    written += 3;
    if (round % 2 === 0) await store.close();
    else store.abandon();
    if (round % 3 === 2) await compactTraces(world, folder.path);
  }
  is_done = true;
  await asking;
  assertEquals((await sortedIds(folder.path)).length, 30);
});

Deno.test("there is nothing to compact where no trace was ever written", async () => {
  using folder = tempFolder();
  const dir = join(folder.path, "traces");
  const report = await compactTraces(world, dir);
  assertEquals([report.merged, report.recovered.segments], [0, 0]);
  assertEquals(dirname(dir), folder.path);
});
