/// <reference lib="deno.worker" />
/** A thread that packs parts; its other end is `pack_beside.ts`. */
import { BAKED_FACTS_NAME } from "../base/build.ts";
import { asLedgerError } from "../base/error.ts";
import { systemWorld } from "../base/world.ts";
import type { FromPacker, ToPacker } from "./pack_beside.ts";
import { packPart } from "./pack_part.ts";

const tell = (message: FromPacker) => self.postMessage(message);

self.onmessage = ({ data: { request, facts } }: MessageEvent<ToPacker>) => {
  Object.assign(globalThis, { [Symbol.for(BAKED_FACTS_NAME)]: facts });
  try {
    tell({ kind: "packed", proof: packPart(systemWorld(), request) });
  } catch (error) {
    tell({ kind: "failed", error: asLedgerError(error)?.toJSON(), text: String(error) });
  }
};
