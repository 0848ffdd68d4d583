/** A commit to a table: how many requests it takes, and whether a table's size matters to it. */
import { writeCheckpoint } from "../../src/fleet/lake/checkpoint.ts";
import { lakeTable } from "../../src/fleet/lake/lake.ts";
import { type DataFile, DeltaTable, type TableSnapshot } from "../../src/fleet/lake/table.ts";
import { alone, atMost, type Bench, published, ratioAtMost } from "./bench.ts";
import { startStore } from "./fleet_store.ts";
import { figure, inRounds, median } from "./rounds.ts";

const FILES = 20_000;
const FILES_OF_A_COMMIT = 8;
const COMMITS_A_ROUND = 20;

/** A look for new commits and the commit itself, with 20,000 files in the table beside none. */
export const fleetCommit: Bench = {
  name: "fleet.commit",
  shows: "a commit to a table of 20,000 files beside one to a table without any",
  async run({ folder, quick, rounds }) {
    await using bench = await startStore(folder);
    const { store } = bench.fleet;
    let requests = 0;
    let files = 0;
    const add = (count: number): DataFile[] =>
      Array.from({ length: count }, () => ({
        path: `log_day=2026-01-23/${String(files++).padStart(36, "0")}.parquet`,
        log_day: "2026-01-23",
        size_bytes: 1_000_000,
        modified_ms: store.now_ms(),
        stats:
          `{"numRecords":10000,"minValues":{"log_offset":0},"maxValues":{"log_offset":2600000}}`,
      }));
    const commit = async (table: DeltaTable, snapshot: TableSnapshot, count: number) => {
      const change = { add: add(count), is_data_change: true, operation: "WRITE" };
      const start = performance.now();
      const before = store.requests;
      await table.refresh(snapshot);
      if (!await table.commitWhile(snapshot, change, () => true)) {
        throw new Error("a commit lost without a rival");
      }
      requests = Math.max(requests, store.requests - before);
      return performance.now() - start;
    };
    const side = async (name: string, count: number) => {
      const table = new DeltaTable(store, { ...lakeTable("events"), name });
      const snapshot = await table.refresh();
      await commit(table, snapshot, count);
      const place = { store, table_folder: table.folder, work_folder: folder };
      const start = performance.now();
      await writeCheckpoint(place, snapshot);
      const checkpoint_s = (performance.now() - start) / 1e3;
      const run = async () => {
        const durations_ms: number[] = [];
        for (let n = 0; n < COMMITS_A_ROUND; n++) {
          durations_ms.push(await commit(table, snapshot, FILES_OF_A_COMMIT));
        }
        return median(durations_ms);
      };
      return { run, checkpoint_s };
    };
    const many = await side("many", quick ? FILES / 10 : FILES);
    const none = await side("none", 0);
    const durations_ms = await inRounds(rounds, { ours: many.run, beside: none.run });
    return [
      alone("fleet.commit.requests", requests, "requests", atMost(2, "requests")),
      figure({ name: "fleet.commit", unit: "ms", ...durations_ms, goal: ratioAtMost(1.25) }),
      alone("fleet.commit.checkpoint", many.checkpoint_s, "s", published),
    ];
  },
};
