/** The thread that reads the log while DuckDB works; its other end is `intake_beside.ts`. */
import { batches_ahead_max } from "../base/limits.ts";
import { doWork } from "../base/thread.ts";
import { systemWorld } from "../base/world.ts";
import { type Intake, type IntakeRequest, takeIn } from "./ingest.ts";
import type { ReadHandful } from "./reader_thread.ts";

let ahead = 0;
let goOn = () => {};

doWork<IntakeRequest, Intake, ReadHandful, "next">(async (request, say) => {
  let new_bytes = 0;
  return await takeIn(systemWorld(), request, async (handful) => {
    say({ handful, new_bytes });
    ahead++;
    while (ahead >= batches_ahead_max) await new Promise<void>((resolve) => goOn = resolve);
  }, (read) => new_bytes = read);
}, () => {
  ahead--;
  goOn();
});
