/**
 * Reading on a thread of its own. DuckDB is called from ours, and in some versions of Deno the event
 * loop stands still for as long as DuckDB is at work: then only another thread can read meanwhile.
 */
import { Thread } from "../base/thread.ts";
import type { Intake, IntakeRequest } from "./ingest.ts";
import type { Hand, Handful } from "./spool.ts";

/** What the thread tells: a handful, and how much it has read by then. */
export interface ReadHandful {
  handful: Handful;
  new_bytes: number;
}

const MODULE = {
  name: "reading",
  bundled: "./src/index/intake_worker.js",
  source: "./reader_worker.ts",
  seen_from: import.meta.url,
};

/** `takeIn`, on another thread with the same surroundings. */
export async function takeInBeside(
  request: IntakeRequest,
  hand: Hand,
  onRead?: (new_bytes: number) => void,
): Promise<Intake> {
  const reader = new Thread<IntakeRequest, Intake, ReadHandful, "next">(MODULE);
  try {
    let handed = Promise.resolve();
    const { promise: refused, reject } = Promise.withResolvers<never>();
    const read = reader.run(request, ({ handful, new_bytes }) => {
      onRead?.(new_bytes);
      handed = handed.then(() => hand(handful));
      handed.then(() => reader.say("next"), reject);
    });
    const intake = await Promise.race([read, refused]);
    await handed;
    return intake;
  } finally {
    reader.close();
  }
}
