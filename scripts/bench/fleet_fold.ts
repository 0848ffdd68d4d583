/** A fold job: segments into a table, and a day's files of it merged, beside DuckDB with the same rows. */
import { join } from "@std/path";
import { JobFolder } from "../../src/fleet/lake/job_folder.ts";
import { lakeTable } from "../../src/fleet/lake/lake.ts";
import { dueMerges, mergeFiles } from "../../src/fleet/lake/merge.ts";
import { DeltaTable, tableFolder } from "../../src/fleet/lake/table.ts";
import { literal } from "../../src/duckdb/sandbox.ts";
import { alone, type Bench, published, ratioAtMost } from "./bench.ts";
import { shipPart } from "./fleet_box.ts";
import { startStore } from "./fleet_store.ts";
import { figure, inRounds } from "./rounds.ts";

const EVENTS = 10_000_000;
const EVENTS_QUICK = 500_000;
const BOXES = 4;
const PARTS = 5;

/** What a merge costs: the files are fetched, sorted into one, put and committed. */
export const fleetFold: Bench = {
  name: "fleet.fold",
  shows: "a day of ten million events merged in the store, beside DuckDB COPY of the rows, sorted",
  async run({ folder, quick, rounds, say }) {
    const count = quick ? EVENTS_QUICK : EVENTS;
    await using bench = await startStore(folder);
    const { fleet, fleet: { store, world } } = bench;
    let fold_ms = 0;
    for (let number = 1; number <= PARTS; number++) {
      for (let n = 0; n < BOXES; n++) {
        const of_part = count / BOXES / PARTS;
        const first = (n * PARTS + number - 1) * of_part;
        await shipPart(bench, folder, `box-${n}`, { count: of_part, first, number });
      }
      const start = performance.now();
      await fleet.fold();
      fold_ms += performance.now() - start;
    }
    const lake = lakeTable("events");
    const { files } = await new DeltaTable(store, lake).refresh();
    const inputs = [...files.values()];
    say(`${inputs.length} files of ${count.toLocaleString("en")} rows`);
    using job = await JobFolder.open(world, join(folder, "merges"));
    const local: string[] = [];
    const contents: Uint8Array<ArrayBuffer>[] = [];
    for (const [n, { path }] of inputs.entries()) {
      const bytes = (await store.get(`${tableFolder("events")}${path}`))!;
      contents.push(bytes);
      local.push(join(job.path, `${n}.parquet`));
      Deno.writeFileSync(local[n], bytes);
    }
    let tables = 0;
    const durations_s = await inRounds(Math.min(rounds, 5), {
      // Each round has a table of its own with the same small files.
      async ours() {
        const table = new DeltaTable(store, { ...lake, name: `events-${tables++}` });
        for (const [n, { path }] of inputs.entries()) {
          await store.put(`${table.folder}${path}`, contents[n], { create_only: true });
        }
        const snapshot = await table.refresh();
        const change = { add: inputs, is_data_change: true, operation: "WRITE" };
        await table.commitWhile(snapshot, change, () => true);
        const start = performance.now();
        for (const { groups } of dueMerges(inputs, store.now_ms(), { all: true })) {
          for (const group of groups) {
            const is_merged = await mergeFiles(job, table, snapshot, group);
            if (!is_merged) throw new Error("a merge lost without a rival");
          }
        }
        return (performance.now() - start) / 1e3;
      },
      beside: () =>
        job.withDatabase(async (database, work) => {
          const paths = local.map((_, n) => join(work, `${n}.parquet`));
          local.forEach((path, n) => Deno.linkSync(path, paths[n]));
          const read = `read_parquet([${paths.map(literal)}], hive_partitioning = false)`;
          const target = literal(join(work, "copy.parquet"));
          const start = performance.now();
          await database.run(
            `copy (from ${read} order by ${lake.order}) to ${target}
             (format parquet, compression zstd)`,
          );
          return (performance.now() - start) / 1e3;
        }),
    });
    return [
      figure({ name: "fleet.fold", unit: "s", ...durations_s, goal: ratioAtMost(2) }),
      alone("fleet.fold.take", count / fold_ms * 1e3, "events/s", published),
    ];
  },
};
