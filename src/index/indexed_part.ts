/** How far a part is indexed, and whether the log still goes on from there. */
import type { World } from "../base/world.ts";
import { lineHash, openPart, type PartExtent, partStem } from "../log/mod.ts";

/** What is noted of a part. */
export interface IndexedPart {
  log_day: string;
  log_part: string;
  indexed_to: number;
  last_line_at: number;
  last_line_hash: string;
  is_archived: boolean;
}

/** A part as the log calls it. */
export function labelOf(part: Pick<IndexedPart, "log_day" | "log_part">): string {
  return `day=${part.log_day}/${part.log_part}.jsonl`;
}

/** Notes that a part is indexed up to there. */
export async function indexedPart(
  world: World,
  extent: PartExtent,
  indexed_to: number,
): Promise<Omit<IndexedPart, "is_archived">> {
  const place = { log_day: extent.part.day, log_part: partStem(extent.part), indexed_to };
  const { last_line_at, last_line_hash } = extent;
  // Of a compacted part this is noted: nobody has to unpack it to know.
  if (last_line_hash !== undefined && indexed_to === extent.size_bytes) {
    return { ...place, last_line_at: last_line_at!, last_line_hash };
  }
  const lines = await openPart(world, extent);
  try {
    const last_line_at = lines.startOfLineBefore(indexed_to);
    const last_line_hash = lineHash(lines.bytesBetween(last_line_at, indexed_to));
    return { ...place, last_line_at, last_line_hash };
  } finally {
    lines.close();
  }
}

/** Whether a part still has the line that was the last to be indexed. */
export async function continuesPart(
  world: World,
  extent: PartExtent,
  part: IndexedPart,
): Promise<boolean> {
  if (extent.size_bytes < part.indexed_to) return false;
  const { last_line_at, last_line_hash } = extent;
  if (last_line_hash !== undefined && part.indexed_to === extent.size_bytes) {
    return part.last_line_at === last_line_at && part.last_line_hash === last_line_hash;
  }
  const lines = await openPart(world, extent);
  try {
    return lineHash(lines.bytesBetween(part.last_line_at, part.indexed_to)) === part.last_line_hash;
  } finally {
    lines.close();
  }
}
