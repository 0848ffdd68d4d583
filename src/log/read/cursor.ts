/**
 * Cursor: the only reader of the log. From positions, in log order, it yields every line as a value; a torn
 * tail and a corrupt line are values too, with file, offset and reason.
 */
import { asLedgerError } from "../../base/error.ts";
import type { World } from "../../base/world.ts";
import { BadLine, NOT_UTF8, tooLong, validate } from "../event/validate.ts";
import { fieldsAreRight, isBuiltIn, type LedgerEvent } from "../event/event.ts";
import { linesOf } from "../../base/files/lines.ts";
import { partsAway } from "../format/chain.ts";
import { dayOf, parsePartName, type PartId, partLabel } from "../format/layout.ts";
import type { Block } from "../format/line_blocks.ts";
import { endOfLines, type OpenPart, openPart } from "./part_file.ts";
import { listDays, type PartExtent, partsOfDay } from "./parts.ts";
import { type LineDiagnostic, readSealed, type SealedParts } from "../format/seal_manifest.ts";

interface Place {
  part: PartId;
  /** `day=2026-01-23/part-000001.jsonl` */
  label: string;
  offset: number;
  size_bytes: number;
}

export interface EventRecord extends Place {
  kind: "event";
  event: LedgerEvent;
  text: string;
}

/** A whole line that is no record (corrupt), or the end of a part that is no whole line (torn). */
export interface DamageRecord extends Place {
  kind: "corrupt" | "torn";
  reason: string;
}

export type LogRecord = EventRecord | DamageRecord;

/** Which records are wanted. Damage is always yielded, wherever a wanted event could have stood. */
export interface ReadFilter {
  since_ms?: number;
  until_ms?: number;
  day?: string;
  types?: readonly string[];
  run_id?: string;
}

/** Reads a log from where it stopped last, as often as it is asked to. */
export class LogCursor {
  /** Per part, the offset after the last line that was read. */
  readonly positions = new Map<string, number>();
  readonly #types?: ReadonlySet<string>;
  /** Torn tails that were yielded already, by part and offset. */
  readonly #torn = new Set<string>();
  /** Days of which it was asked whether something sealed is not there. */
  readonly #asked = new Set<string>();

  constructor(readonly world: World, readonly root: string, readonly filter: ReadFilter = {}) {
    this.#types = filter.types && new Set(filter.types);
  }

  days(): string[] {
    const { day, since_ms, until_ms } = this.filter;
    const first = since_ms === undefined ? "" : dayOf(since_ms);
    const last = until_ms === undefined ? "9999-99-99" : dayOf(until_ms);
    return listDays(this.world.files, this.root)
      .filter((name) => (day === undefined || name === day) && name >= first && name <= last);
  }

  /** Everything between the positions and the present end, of all days or of some. */
  async *pass(days: Iterable<string> = this.days()): AsyncGenerator<LogRecord> {
    for await (const batch of this.batches(days)) yield* batch;
  }

  /** The same, many records at a time. */
  async *batches(days: Iterable<string> = this.days()): AsyncGenerator<LogRecord[]> {
    for (const day of days) {
      const extents = await partsOfDay(this.world.files, this.root, day);
      for (const extent of extents) yield* this.batchesOfPart(extent);
      const lost = this.#lostOf(day, extents);
      if (lost.length > 0) yield lost;
    }
  }

  /** What of a day was sealed and is not there, yielded once: a missing file has no line to say so. */
  #lostOf(day: string, extents: readonly PartExtent[]): DamageRecord[] {
    if (this.#asked.has(day)) return [];
    this.#asked.add(day);
    const sizes = new Map(extents.map(({ label, size_bytes }) => [label, size_bytes]));
    const lost: DamageRecord[] = [];
    for (const [name, { bytes }] of Object.entries(this.#sealedOf(day))) {
      const part: PartId = { day, ...parsePartName(name)! };
      const label = partLabel(part);
      const offset = sizes.get(label) ?? 0;
      if (offset >= bytes) continue;
      const reason = `${bytes} bytes were sealed, and ${offset || "none"} are there`;
      lost.push({ kind: "corrupt", part, label, offset, size_bytes: bytes - offset, reason });
    }
    if (lost.length === 0) return lost;
    // A day that was archived, or is being imported, is away and not lost.
    const away = partsAway(this.world, this.root);
    return lost.filter(({ label }) => !away.has(label));
  }

  /** None where the manifest is damaged: `verify` reports that, and the lines can be read. */
  #sealedOf(day: string): SealedParts {
    try {
      return readSealed(this.world.files, this.root, day);
    } catch (error) {
      if (asLedgerError(error)) return {};
      throw error;
    }
  }

  /**
   * The records of one part from its position on; for an index that takes the trials of a compacted part
   * from the columns, without those. `onOpen` gets the file that they are in.
   */
  async *batchesOfPart(
    extent: PartExtent,
    without_trials = false,
    onOpen?: (part: OpenPart) => void,
  ): AsyncGenerator<LogRecord[]> {
    const { label, size_bytes } = extent;
    const start = this.positions.get(label) ?? 0;
    if (size_bytes <= start) {
      // A tail was taken out, or a copy came back shorter: go on from its end.
      if (size_bytes < start) this.positions.set(label, size_bytes);
      return;
    }
    using part = await openPart(this.world, extent);
    onOpen?.(part);
    for (const block of without_trials ? part.blocksWithoutTrials(start) : part.blocks(start)) {
      this.positions.set(label, block.end);
      const records = this.#recordsOf(extent, block);
      if (records.length > 0) yield records;
      // Blocks are there at once: without this, a signal would wait for the last one.
      await this.world.turn();
    }
    if (without_trials && part.packed_path) this.positions.set(label, size_bytes);
  }

  /** Moves past all that is there now, without yielding it. */
  async skipToEnd(days: Iterable<string> = this.days()): Promise<void> {
    for (const day of days) {
      for (const extent of await partsOfDay(this.world.files, this.root, day)) {
        // Not past a torn tail: the next writer takes it out and begins its own line there.
        this.positions.set(extent.label, await endOfLines(this.world, extent));
      }
    }
  }

  #recordsOf(extent: PartExtent, block: Block): LogRecord[] {
    const { part, label } = extent;
    if (block.torn_bytes === 0) {
      return recordsOfLines(extent, block)
        .filter((record) => record.kind !== "event" || this.#isWanted(record.event));
    }
    const key = `${label}@${block.end}:${block.torn_bytes}`;
    if (this.#torn.has(key)) return [];
    this.#torn.add(key);
    const reason = "the part does not end in a newline";
    return [{ kind: "torn", part, label, offset: block.end, size_bytes: block.torn_bytes, reason }];
  }

  #isWanted(event: LedgerEvent): boolean {
    const { since_ms, until_ms, run_id } = this.filter;
    if (this.#types && !this.#types.has(event.event_type)) return false;
    if (run_id !== undefined && event.run_id !== run_id) return false;
    if (since_ms !== undefined && event.timestamp_ms < since_ms) return false;
    return until_ms === undefined || event.timestamp_ms < until_ms;
  }
}

/** The lines of a block of a part, each as the event or the damage that it is. */
export function recordsOfLines(
  { part, label }: Pick<PartExtent, "part" | "label">,
  { start, bytes, oversized_bytes }: Omit<Block, "torn_bytes">,
): LogRecord[] {
  const corrupt = (offset: number, size_bytes: number, reason: string): LogRecord => {
    return { kind: "corrupt", part, label, offset, size_bytes, reason };
  };
  if (oversized_bytes > 0) {
    return [corrupt(start, oversized_bytes, tooLong(oversized_bytes).reason)];
  }
  return linesOf(bytes, start).map(({ offset, size_bytes, text }): LogRecord => {
    const event = text === undefined ? NOT_UTF8 : validate(text, size_bytes);
    return event instanceof BadLine
      ? corrupt(offset, size_bytes, event.reason)
      : { kind: "event", part, label, offset, size_bytes, text: text!, event };
  }).toArray();
}

/** What is wrong with a line, as far as the line itself shows: it never changes. A torn tail is no line. */
export function diagnosticsOf(record: LogRecord): LineDiagnostic[] {
  const { offset, size_bytes } = record;
  if (record.kind !== "event") {
    const { kind, reason } = record;
    return kind === "torn" ? [] : [{ kind, offset, size_bytes, reason }];
  }
  const diagnostics: LineDiagnostic[] = [];
  const { event, part } = record;
  if (isBuiltIn(event.event_type) && !fieldsAreRight(event, event.event_type)) {
    const reason = `not the fields of ${event.event_type}: left out of its table`;
    diagnostics.push({ kind: "wrong_fields", offset, size_bytes, reason });
  }
  const day = dayOf(event.timestamp_ms);
  if (day !== part.day) {
    const reason = `its time is of ${day}: --since and --day miss it`;
    diagnostics.push({ kind: "wrong_day", offset, size_bytes, reason });
  }
  return diagnostics;
}
