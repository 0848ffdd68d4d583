/**
 * Producer thread: ingest on a thread of its own. The caller's thread calls DuckDB, and in some versions
 * of Deno the event loop stands still for as long as DuckDB works.
 */
import { Thread } from "../base/thread.ts";
import type { IngestRequest, IngestResult } from "./ingest.ts";
import type { Batch, BatchSink } from "./spool.ts";

export interface ReadBatch {
  batch: Batch;
  new_bytes: number;
}

const MODULE = {
  name: "reading",
  bundled: "./src/index/reader_worker.js",
  source: "./reader_worker.ts",
  seen_from: import.meta.url,
};

/** `ingest`, on another thread with the same surroundings. */
export async function ingestOnThread(
  request: IngestRequest,
  sink: BatchSink,
  onRead?: (new_bytes: number) => void,
): Promise<IngestResult> {
  const reader = new Thread<IngestRequest, IngestResult, ReadBatch, "next">(MODULE);
  try {
    let taken = Promise.resolve();
    const { promise: refused, reject } = Promise.withResolvers<never>();
    const read = reader.run(request, ({ batch, new_bytes }) => {
      onRead?.(new_bytes);
      taken = taken.then(() => sink(batch));
      taken.then(() => reader.say("next"), reject);
    });
    const ingested = await Promise.race([read, refused]);
    await taken;
    return ingested;
  } finally {
    reader.close();
  }
}
