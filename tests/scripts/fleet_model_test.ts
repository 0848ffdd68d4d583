/** The simulated fleet asks what the program asks: the same load is played by both. */
import { assertEquals } from "@std/assert";
import { FleetModel } from "../../scripts/bench/fleet_model.ts";
import { memoryFolder } from "../harness.ts";
import { withBoxes } from "../fleet/fleets.ts";

const HALF_A_DAY_MS = 43_200_000;
const START_MS = Date.UTC(2026, 0, 1);
const DAYS = 2;

Deno.test("the simulated fleet sends as many requests of each kind as boxes and a fold job do", async () => {
  const said = { PUT: 0, LIST: 0, GET: 0, HEAD: 0, DELETE: 0 };
  const played = { ...said };
  const kinds = Object.keys(said) as (keyof typeof said)[];
  await withBoxes(2, async ({ strict, boxes, job }) => {
    const clock = { now_ms: START_MS };
    strict.options.now_ms = () => clock.now_ms;
    const before = strict.requests.length;
    const shippers = boxes.map((box) => box.open());
    using folds = job();
    for (let half = 0; half < 2 * DAYS; half++) {
      clock.now_ms += HALF_A_DAY_MS;
      for (let flush = 0; flush < 2; flush++) {
        for (const [at, box] of boxes.entries()) {
          await box.emit(1, Math.floor(half / 2));
          await shippers[at].ship();
        }
      }
      await folds.fold();
    }
    for (const shipper of shippers) shipper[Symbol.dispose]();
    for (const { method, key } of strict.requests.slice(before)) {
      const is_list = method === "GET" && key === "";
      said[is_list ? "LIST" : method as keyof typeof said]++;
    }
  });
  using folder = memoryFolder();
  const sizes = { rows: 1, row_bytes: 20, stats: `{"numRecords":1}` };
  const load = {
    boxes: 2,
    events_a_day: 8,
    flush_ms: HALF_A_DAY_MS / 2,
    fold_every_ms: HALF_A_DAY_MS,
  };
  const model = new FleetModel(load, {
    line_bytes: 280,
    segment_bytes: 2_000,
    tables: { events: sizes, trials: sizes },
  }, folder.path);
  await model.play(DAYS);
  for (const tally of Object.values(model.store.tallies)) {
    for (const kind of kinds) played[kind] += tally[kind];
  }
  assertEquals(played, said);
});
