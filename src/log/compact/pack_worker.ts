/** A thread that packs parts; its other end is `pack_pool.ts`. */
import { doWork } from "../../base/thread.ts";
import { systemWorld } from "../../base/world.ts";
import { packingColumns } from "../codec/packing.ts";
import { packPart, type PackRequest } from "./pack_part.ts";

const columns = packingColumns();
doWork((request: PackRequest) => packPart(systemWorld(), request, columns));
