/** Boxes of the fleet's benches: a part of the log, written as it stands, and shipped. */
import { join } from "@std/path";
import { Fleet } from "../../src/fleet/fleet.ts";
import { writeEventFile } from "./events.ts";
import type { BenchStore } from "./fleet_store.ts";

/** Which events, and into which part of the box's log. */
interface BoxPart {
  count: number;
  first: number;
  number?: number;
}

/** Writes a part of a box's log, joins the box where it has not joined, and ships the part. */
export async function shipPart(
  { fleet, endpoint }: BenchStore,
  folder: string,
  name: string,
  { count, first, number = 1 }: BoxPart,
): Promise<void> {
  const dir = join(folder, name);
  const of_day = join(dir, "events", "day=2026-01-23");
  Deno.mkdirSync(of_day, { recursive: true });
  const part = `part-${String(number).padStart(6, "0")}.jsonl`;
  writeEventFile(join(of_day, part), count, first);
  using box = Fleet.open(fleet.world, dir, { url: "s3://bench/fleet", endpoint });
  if (number === 1) await box.join(name);
  await box.ship();
}
