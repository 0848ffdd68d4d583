/**
 * What a fleet's store has of this log: `fleet/shipped.jsonl`, a line for each segment that it acknowledged. A
 * hint, no record: the store is the authority, and a shipper that finds no line asks there. Read
 * without network by `retain --shipped`, `status` and the metrics.
 */
import { dirname, join } from "@std/path";
import { makeFolderDurably, openToAppend, writeFully } from "../../base/files/durable.ts";
import type { Files } from "../../base/files/seam.ts";
import type { World } from "../../base/world.ts";
import { ledgerPaths, parsePartLabel } from "../format/layout.ts";
import { readReplicationState } from "./replication_state.ts";
import { listDays, type PartExtent, partsOfDay } from "../read/parts.ts";

/** A segment that the store has. */
export interface ShippedSegment {
  seq: number;
  /** `day=2026-01-23/part-000001.jsonl` */
  part: string;
  from: number;
  to: number;
  /** Of the lines. */
  raw_sha256: string;
}

/** Where the hints of a ledger are. */
export function shippedPath(root: string): string {
  return join(ledgerPaths(root).root, "fleet", "shipped.jsonl");
}

/** The segments in order, as far as none is missing. */
export function readShipped(files: Files, root: string): ShippedSegment[] {
  const path = shippedPath(root);
  if (!files.facts(path)) return [];
  const by_seq = new Map<number, ShippedSegment>();
  for (const line of files.readText(path).split("\n")) {
    const segment = parseSegment(line);
    if (segment) by_seq.set(segment.seq, segment);
  }
  const segments: ShippedSegment[] = [];
  for (let seq = 1, next = by_seq.get(seq); next; next = by_seq.get(++seq)) segments.push(next);
  return segments;
}

/** A line that was cut off is none. */
function parseSegment(line: string): ShippedSegment | undefined {
  try {
    const { seq, part, from, to, raw_sha256 } = JSON.parse(line);
    const is_right = [seq, from, to].every(Number.isSafeInteger) && from >= 0 && to > from &&
      typeof part === "string" && parsePartLabel(part) !== undefined &&
      typeof raw_sha256 === "string";
    return is_right ? { seq, part, from, to, raw_sha256 } : undefined;
  } catch {
    return undefined;
  }
}

/** Notes a segment, durably. It begins on a line of its own, whatever a killed process left. */
export function noteShipped(files: Files, root: string, segment: ShippedSegment): void {
  const path = shippedPath(root);
  makeFolderDurably(files, dirname(path));
  const is_new = !files.facts(path);
  using file = openToAppend(files, path);
  writeFully(file, new TextEncoder().encode(`\n${JSON.stringify(segment)}\n`));
  file.syncData();
  if (is_new) files.syncFolder(dirname(path));
}

/** How far each part is shipped, by its label. */
export function shippedEnds(segments: readonly ShippedSegment[]): Map<string, number> {
  const ends = new Map<string, number>();
  for (const { part, to } of segments) ends.set(part, to);
  return ends;
}

/** The parts that are this box's own: those that it wrote or imported, and no other box's. */
export async function* ownParts(world: World, root: string): AsyncGenerator<PartExtent> {
  const pulled = new Map<string, number>();
  for (const { parts } of readReplicationState(world.files, root).values()) {
    for (const { here } of parts.values()) {
      for (const { part, own, to } of here) if (!own) pulled.set(part, to);
    }
  }
  if (!world.files.facts(ledgerPaths(root).events)) return;
  for (const day of listDays(world.files, root)) {
    for (const extent of await partsOfDay(world.files, root, day)) {
      if (!pulled.has(extent.label)) yield extent;
    }
  }
}

/** How much of this box's log is not in the store yet. */
export async function shippingLag(world: World, root: string): Promise<{ bytes: number }> {
  const ends = shippedEnds(readShipped(world.files, root));
  let bytes = 0;
  for await (const { label, size_bytes } of ownParts(world, root)) {
    bytes += Math.max(0, size_bytes - (ends.get(label) ?? 0));
  }
  return { bytes };
}
