/** A thread that packs parts; its other end is `pack_beside.ts`. */
import { doWork } from "../base/thread_work.ts";
import { systemWorld } from "../base/world.ts";
import { packingColumns } from "./packing.ts";
import { packPart, type PackRequest } from "./pack_part.ts";

const columns = packingColumns();
doWork((request: PackRequest) => packPart(systemWorld(), request, columns));
