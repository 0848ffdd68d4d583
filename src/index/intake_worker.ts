/// <reference lib="deno.worker" />
/** The thread that reads the log while DuckDB works; its other end is `intake_beside.ts`. */
import { BAKED_FACTS_NAME } from "../base/build.ts";
import { asLedgerError } from "../base/error.ts";
import { handfuls_ahead_max } from "../base/limits.ts";
import { systemWorld } from "../base/world.ts";
import { takeIn } from "./intake.ts";
import type { FromReader, ToReader } from "./intake_beside.ts";

const tell = (message: FromReader) => self.postMessage(message);

let ahead = 0;
let goOn = () => {};

self.onmessage = async ({ data }: MessageEvent<ToReader>) => {
  if (data === "next") {
    ahead--;
    return goOn();
  }
  Object.assign(globalThis, { [Symbol.for(BAKED_FACTS_NAME)]: data.facts });
  let new_bytes = 0;
  try {
    const intake = await takeIn(systemWorld(), data.request, async (handful) => {
      tell({ kind: "handful", handful, new_bytes });
      ahead++;
      while (ahead >= handfuls_ahead_max) await new Promise<void>((resolve) => goOn = resolve);
    }, (read) => new_bytes = read);
    tell({ kind: "done", intake });
  } catch (error) {
    tell({ kind: "failed", error: asLedgerError(error)?.toJSON(), text: String(error) });
  }
};
