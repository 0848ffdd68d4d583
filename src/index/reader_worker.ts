/** The entry point of the thread that reads the log while DuckDB works; see `ingest.ts`. */
import { batches_ahead_max } from "../base/limits.ts";
import { doWork } from "../base/thread.ts";
import { systemWorld } from "../base/world.ts";
import { ingest, type IngestRequest, type IngestResult, type ReadBatch } from "./ingest.ts";

let ahead = 0;
let goOn = () => {};

doWork<IngestRequest, IngestResult, ReadBatch, "next">(async (request, say) => {
  let new_bytes = 0;
  return await ingest(systemWorld(), request, async (batch) => {
    say({ batch, new_bytes });
    ahead++;
    while (ahead >= batches_ahead_max) await new Promise<void>((resolve) => goOn = resolve);
  }, (read) => new_bytes = read);
}, () => {
  ahead--;
  goOn();
});
