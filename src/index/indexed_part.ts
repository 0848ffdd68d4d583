/** How far a part is indexed, and whether the log still goes on from there. */
import type { World } from "../base/world.ts";
import { type OpenPart, openPart, type PartExtent, partStem } from "../log/mod.ts";

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
  const lines = await openPart(world, extent);
  try {
    const last_line_at = lines.startOfLineBefore(indexed_to);
    const last_line_hash = lineHash(lines, last_line_at, indexed_to);
    const { part } = extent;
    return {
      log_day: part.day,
      log_part: partStem(part),
      indexed_to,
      last_line_at,
      last_line_hash,
    };
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
  const lines = await openPart(world, extent);
  try {
    return lineHash(lines, part.last_line_at, part.indexed_to) === part.last_line_hash;
  } finally {
    lines.close();
  }
}

function lineHash(lines: OpenPart, from: number, to: number): string {
  const bytes = lines.bytesBetween(from, to);
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return `${bytes.length}-${(hash >>> 0).toString(16)}`;
}
