import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { systemFiles } from "../../src/base/files/system_files.ts";
import { traceStats } from "../../src/trace/ask/stats.ts";
import { TraceStore } from "../../src/trace/store/store.ts";
import { tempFolder, testWorld } from "../harness.ts";
import { NOON_US, traced } from "./events.ts";
import { namesIn } from "./stores.ts";

const world = testWorld();
const PARTITION = "date=2026-01-23/type=FILL";

async function keep(dir: string, count: number, parquet: "now" | "later"): Promise<void> {
  const store = await TraceStore.open(world, dir);
  for (let n = 0; n < count; n++) {
    store.record(traced({ event_type: "FILL", correlation_id: `c${n}`, timestamp: NOON_US + n }));
  }
  await store.close(parquet);
}

Deno.test("what was converted and what was not counts together", async () => {
  using folder = tempFolder();
  await keep(folder.path, 3, "now");
  await keep(folder.path, 2, "later");
  const { events, correlations, types, waiting, files } = await traceStats(world, folder.path);
  assertEquals([events, correlations, waiting, files], [5, 3, 2, 1]);
  assertEquals(types, [{ event_type: "FILL", events: 5, first: NOON_US, last: NOON_US + 2 }]);
});

Deno.test("files that others take the place of while they are counted count as those", async () => {
  using folder = tempFolder();
  await keep(folder.path, 3, "now");
  const partition = join(folder.path, PARTITION);
  const files = systemFiles();
  let listings = 0;
  const list = (path: string) => {
    const entries = files.list(path);
    // The second listing is the one that is believed; then the file gets another name, as in a merge.
    if (path === partition && ++listings === 2) {
      const [name] = namesIn(partition);
      Deno.renameSync(join(partition, name), join(partition, `another-${name}`));
    }
    return entries;
  };
  const stats = await traceStats(testWorld({ files: { ...files, list } }), folder.path);
  assertEquals([stats.events, stats.files], [3, 1]);
});
