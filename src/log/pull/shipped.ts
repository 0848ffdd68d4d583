/**
 * What a fleet's store has of this log: `fleet/shipped.jsonl`, a line for each segment that it acknowledged. A
 * hint, no record: the store is the authority, and a shipper that finds no line asks there. Read
 * without network by `retain --shipped`, `status` and the metrics.
 */
import { dirname, join } from "@std/path";
import { digestOf } from "../../base/files/checksum.ts";
import { appendLineDurably, makeFolderDurably } from "../../base/files/durable.ts";
import type { Files } from "../../base/files/seam.ts";
import type { World } from "../../base/world.ts";
import { ledgerPaths, parsePartLabel } from "../format/layout.ts";
import { readReplicationState } from "./replication_state.ts";
import { openPart } from "../read/part_file.ts";
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
  /** Of what is not the log. */
  holds?: Holds;
}

/** Where a chain begins whose first segments were removed from the store. */
export interface ChainStart {
  /** The first segment that is kept. */
  seq: number;
  /** The link of the one before it, which is gone. */
  prev_sha256: string;
  /** How far each part is in the segments that are gone. */
  ends: Readonly<Record<string, number>>;
}

/** A line of the notes: a segment, or where a chain began of whose first segments there are no notes. */
type ShippedNote = ShippedSegment | { start: ChainStart };

/** A chain, as a box has noted it. */
interface ShippedChain {
  start: ChainStart;
  /** The number of the last segment; 0 where there is none. */
  head: number;
  /** Those from the start on, in order. */
  segments: ShippedSegment[];
  /** How far each part is shipped, by its label: the store has, or had, every byte before that end. */
  ends: Map<string, number>;
}

/** The beginning of a chain of which nothing was removed. */
export const WHOLE: ChainStart = { seq: 1, prev_sha256: "", ends: {} };

/** What a segment holds, beside its lines: names, and how many lines are of each. */
export type Holds = [name: string, lines: number][];

/** A box's log is one chain of segments; what it sends beside it has a name, which is its part's. */
const LOG = "log";

/** Where the hints of a ledger are. */
export function shippedPath(root: string, source = LOG): string {
  const name = source === LOG ? "shipped.jsonl" : `shipped_${source}.jsonl`;
  return join(root, "fleet", name);
}

/** The notes as far as none is missing, from where the chain began when they began. */
export function readShipped(files: Files, root: string, source = LOG): ShippedChain {
  const chain: ShippedChain = { start: WHOLE, head: 0, segments: [], ends: new Map() };
  const path = shippedPath(root, source);
  if (!files.facts(path)) return chain;
  const by_seq = new Map<number, ShippedSegment>();
  for (const line of files.readText(path).split("\n")) {
    const note = parseNote(line, source);
    if (note && "start" in note) chain.start = note.start;
    else if (note) by_seq.set(note.seq, note);
  }
  const { start, segments, ends } = chain;
  for (const [part, end] of Object.entries(start.ends)) ends.set(part, end);
  for (let next = by_seq.get(start.seq); next; next = by_seq.get(next.seq + 1)) {
    segments.push(next);
    if (next.from === (ends.get(next.part) ?? 0)) ends.set(next.part, next.to);
  }
  chain.head = start.seq - 1 + segments.length;
  return chain;
}

/** A line that was cut off is none. */
function parseNote(line: string, source: string): ShippedNote | undefined {
  try {
    const { start, seq, part, from, to, raw_sha256, holds } = JSON.parse(line);
    if (start !== undefined) return isStart(start) ? { start } : undefined;
    const is_right = [seq, from, to].every(Number.isSafeInteger) && from >= 0 && to > from &&
      isPartOf(source, part) && typeof raw_sha256 === "string" &&
      (source === LOG || Array.isArray(holds));
    return is_right ? { seq, part, from, to, raw_sha256, ...(holds ? { holds } : {}) } : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a value says where a chain begins. */
export function isStart(value: ChainStart): boolean {
  return Number.isSafeInteger(value.seq) && typeof value.prev_sha256 === "string" &&
    Object.values(value.ends).every(Number.isSafeInteger);
}

/** Whether a chain can have a part of that name: what is not of the log is one part, without an end. */
export function isPartOf(source: string, label: string): boolean {
  return source === LOG ? parsePartLabel(label) !== undefined : label === source;
}

/** Notes a segment, or a beginning, durably. It begins on a line of its own, whatever a killed process left. */
export function noteShipped(
  files: Files,
  root: string,
  note: ShippedNote,
  source = LOG,
): void {
  const path = shippedPath(root, source);
  makeFolderDurably(files, dirname(path));
  appendLineDurably(files, path, JSON.stringify(note));
}

/** The parts that hold lines which were pulled from other boxes. */
function pulledParts(files: Files, root: string): Set<string> {
  const hosts = [...readReplicationState(files, root).values()];
  const ranges = hosts.flatMap(({ parts }) => [...parts.values()].flatMap(({ here }) => here));
  return new Set(ranges.flatMap(({ part, own }) => own ? [] : part));
}

/** The parts that are this box's own: those that it wrote or imported, and no other box's. */
export async function* ownParts(world: World, root: string): AsyncGenerator<PartExtent> {
  const pulled = pulledParts(world.files, root);
  if (!world.files.facts(ledgerPaths(root).events)) return;
  for (const day of listDays(world.files, root)) {
    for (const extent of await partsOfDay(world.files, root, day)) {
      if (!pulled.has(extent.label)) yield extent;
    }
  }
}

/** What the store has of this log, by the record: it is asked before a day goes for good. */
export class ShippedCover {
  readonly #sent: ShippedChain;
  readonly #pulled: Set<string>;

  constructor(readonly world: World, readonly root: string) {
    this.#sent = readShipped(world.files, root);
    this.#pulled = pulledParts(world.files, root);
  }

  /** Why a part of so many bytes is not covered, and what to do about that; undefined where it is. */
  whyNot(label: string, end: number): [reason: string, fix: string] | undefined {
    if ((this.#sent.ends.get(label) ?? 0) >= end) return undefined;
    return this.#pulled.has(label)
      ? [`${label} was pulled: its own box ships it`, "keep it: --archive DIR, without --shipped"]
      : [`${label} is not wholly shipped`, "ledger ship --drain"];
  }

  /** A part of a day that has other bytes than those that were sent: a disk that was restored, or damaged. */
  async changedPart(day: string): Promise<string | undefined> {
    for (const extent of await partsOfDay(this.world.files, this.root, day)) {
      const sent = this.#sent.segments.filter(({ part }) => part === extent.label);
      if (sent.length === 0) continue;
      using part = await openPart(this.world, extent);
      const isChanged = ({ from, to, raw_sha256 }: ShippedSegment) =>
        to > extent.size_bytes || digestOf([part.bytesBetween(from, to)]) !== raw_sha256;
      if (sent.some(isChanged)) return extent.label;
    }
  }
}
