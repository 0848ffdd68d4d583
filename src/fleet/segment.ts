/**
 * Segment in the store: some lines of one part of a box's log as one object, packed by column. It says which box
 * it is of and which segment comes before it, so that the segments of a box are a hash chain. What else
 * a box sends are lines too, with a chain of their own: files of runs, and traced events.
 */
import { buildFacts } from "../base/build.ts";
import { asLedgerError, LedgerError } from "../base/error.ts";
import { digestOf, textDigest } from "../base/files/checksum.ts";
import { MemoryFile } from "../base/files/memory_file.ts";
import type { OpenFile } from "../base/files/seam.ts";
import { packed_line_bytes_max, segment_bytes_max } from "../base/limits.ts";
import { type PackingColumns, packLines } from "../log/codec/packing.ts";
import { linesDigest } from "../log/codec/unpacking.ts";
import { PackedReader } from "../parquet/packed_read.ts";
import type { OpenPart } from "../log/read/part_file.ts";

/** What a box sends, each as a chain of segments: its log, files of its runs, its traced events. */
export const SOURCES = ["log", "artifacts", "traces"] as const;
/** A chain of a box. */
export type Source = typeof SOURCES[number];

/** What a segment says of itself. */
export interface SegmentFacts {
  box_id: string;
  /** Dense, from 1. */
  seq: number;
  /** The link of the segment before it; empty of the first. */
  prev_sha256: string;
  part: string;
  from: number;
  to: number;
  /** Of its lines. */
  raw_sha256: string;
}

/** A segment, ready to be put. */
interface PackedSegment extends SegmentFacts {
  /** Of the object. */
  sha256: string;
  bytes: Uint8Array<ArrayBuffer>;
}

/**
 * The link of a segment in its box's chain: a digest of what it says, so that a HEAD is enough to follow the
 * chain, and a segment that is packed again has the same.
 */
export function linkOf(facts: SegmentFacts): string {
  const { box_id, seq, prev_sha256, part, from, to, raw_sha256 } = facts;
  return textDigest(JSON.stringify([box_id, seq, prev_sha256, part, from, to, raw_sha256]));
}

/** Where a box's segments have come to: what the next one has to follow. */
interface ChainEnd {
  /** Of the box, as it claimed its name; absent where that cannot be read. */
  box_id?: string;
  /** The link of the last segment; absent where that one cannot be followed. */
  link?: string;
  /** How far a part is in the segments before; absent where not all of them were looked at. */
  endOf?: (part: string) => number;
}

/** Why a segment is not the next one of its box, if it is not. */
export function chainProblems(facts: SegmentFacts, { box_id, link, endOf }: ChainEnd): string[] {
  const { part, from } = facts;
  const end = endOf?.(part) ?? from;
  return [
    ...box_id !== undefined && facts.box_id !== box_id ? ["it is another box's"] : [],
    ...link !== undefined && facts.prev_sha256 !== link
      ? ["it does not follow the one before it"]
      : [],
    ...from !== end ? [`it begins at byte ${from} of ${part}, not at ${end}`] : [],
  ];
}

const SEQ_DIGITS = 12;
const NEWLINE = 10;

/** The folder of a chain, in the bucket. */
export function chainFolder(source: Source, box: string): string {
  return `${source}/box=${box}/`;
}

/** The key of a segment. */
export function segmentKey(source: Source, box: string, seq: number): string {
  return `${chainFolder(source, box)}${String(seq).padStart(SEQ_DIGITS, "0")}.parquet`;
}

/** The number of a segment, by its key. */
export function seqOfKey(key: string): number | undefined {
  const [, digits] = /\/(\d{12})\.parquet$/.exec(key) ?? [];
  return digits === undefined ? undefined : Number(digits);
}

/** Reads whole lines from an offset on, up to a segment's size and an end. Empty where no line ends. */
export function readLines(
  part: Pick<OpenPart, "bytesBetween">,
  from: number,
  end: number,
): Uint8Array<ArrayBuffer> {
  for (let most = segment_bytes_max;; most = packed_line_bytes_max) {
    const bytes = part.bytesBetween(from, Math.min(end, from + most)) as Uint8Array<ArrayBuffer>;
    const length = bytes.lastIndexOf(NEWLINE) + 1;
    if (length > 0 || from + most >= end) return bytes.subarray(0, length);
    if (most >= packed_line_bytes_max) {
      throw new LedgerError({
        code: "damaged",
        message: `a line of more than ${most} bytes begins at byte ${from}: it is no event`,
        hint: "see what it is with: ledger verify; this box ships nothing behind it",
      });
    }
  }
}

/** Packs lines. What is read back from it is compared with them before it leaves. */
export function packSegment(
  lines: Uint8Array<ArrayBuffer>,
  facts: Omit<SegmentFacts, "to" | "raw_sha256">,
  columns: PackingColumns,
): PackedSegment {
  const { part, from } = facts;
  const raw_sha256 = digestOf([lines]);
  const whole: SegmentFacts = { ...facts, to: from + lines.length, raw_sha256 };
  // A line that only looks like its template, or is no event, is kept as the bytes that it is.
  const bytes = tryPacking(lines, whole, columns, () => false) ??
    tryPacking(lines, whole, columns, () => true);
  if (!bytes) {
    throw new LedgerError({
      code: "damaged",
      message: `cannot pack ${part} from byte ${from}: read back, it gives other bytes`,
      hint: "this is a defect of this program: the log itself is not affected",
    });
  }
  return { ...whole, bytes, sha256: digestOf([bytes]) };
}

function tryPacking(
  lines: Uint8Array<ArrayBuffer>,
  facts: SegmentFacts,
  columns: PackingColumns,
  isKept: (offset: number) => boolean,
): Uint8Array<ArrayBuffer> | undefined {
  const { part: label, from, to, raw_sha256: sha256 } = facts;
  const source = new MemoryFile(label, lines, from);
  const target = new MemoryFile(label);
  try {
    packLines(source, to, isKept, target, {
      label,
      sha256,
      columns,
      from,
      key_values: keyValues(facts),
    });
    return linesDigest(target) === sha256 ? target.bytes() : undefined;
  } catch (error) {
    // No JSON, or JSON that is no object: null.
    const is_of_line = error instanceof SyntaxError || error instanceof TypeError;
    if (!asLedgerError(error) && !is_of_line) throw error;
    return undefined;
  }
}

function keyValues({ from, to, seq, ...facts }: SegmentFacts): Record<string, string> {
  const said = { ...facts, from, to, seq, writer_version: buildFacts().version };
  return Object.fromEntries(
    Object.entries(said).map(([name, value]) => [`ledger.${name}`, String(value)]),
  );
}

/** What stands beside the object, so that a HEAD is enough to know it. */
export function segmentMeta(segment: PackedSegment): Record<string, string> {
  const { bytes: _, sha256: __, ...facts } = segment;
  return Object.fromEntries(
    Object.entries(facts).map(([name, value]) => [name.replaceAll("_", "-"), String(value)]),
  );
}

/** What a segment says of itself in its own file; undefined where it is none. */
export function factsOfFile(file: OpenFile): SegmentFacts | undefined {
  const said = Object.entries(new PackedReader(file).key_values)
    .map(([name, value]) => [name.replace("ledger.", "").replaceAll("_", "-"), value]);
  return parseMeta(Object.fromEntries(said));
}

/** What a HEAD says of a segment; undefined where it is none. */
export function parseMeta(
  meta: Readonly<Record<string, string>>,
): SegmentFacts | undefined {
  const text = (name: string) => meta[name.replaceAll("_", "-")] ?? "";
  const [seq, from, to] = ["seq", "from", "to"].map((name) => Number(text(name) || NaN));
  if (![seq, from, to].every(Number.isSafeInteger)) return undefined;
  const [box_id, prev_sha256, part, raw_sha256] = [
    "box_id",
    "prev_sha256",
    "part",
    "raw_sha256",
  ].map(text);
  if (box_id === "" || part === "" || raw_sha256 === "") return undefined;
  return { box_id, seq, prev_sha256, part, from, to, raw_sha256 };
}
