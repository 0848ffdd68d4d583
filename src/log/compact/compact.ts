/**
 * Compaction: sealed lines -> Parquet. A part's lines go only once its Parquet file has been read back
 * and gave every byte of them, and stands there durably, and the day's manifest says so. Cut off
 * anywhere, the lines or the file are whole, readers take what is whole, and doing it again ends it.
 */
import { join } from "@std/path";
import { moveToFreeName, removeQuietly, withOpenFile } from "../../base/files/durable.ts";
import { humanBytes } from "../../base/format.ts";
import { compact_bytes_min, packed_line_bytes_max } from "../../base/limits.ts";
import { uniqueName, type World } from "../../base/world.ts";
import { partsAway, withChainLock } from "../format/chain.ts";
import { notesDigest } from "../format/chain_digest.ts";
import { type Checksum, matchesChecksum, verifyChecksum } from "../format/checksum.ts";
import { dayFolder, parquetName, type PartId, partLabel, partPath } from "../format/layout.ts";
import { readSealed, sealedName, type SealedPart, writeSealed } from "../format/seal_manifest.ts";
import { LogCursor } from "../read/cursor.ts";
import { listDays, partNamesOf, partsOfDay } from "../read/parts.ts";
import { dueNames, type NewlySealed, sealDueParts } from "../seal/seal.ts";
import type { PackRequest } from "./pack_part.ts";
import { packAll } from "./pack_pool.ts";

export interface CompactOptions {
  before_day: string;
  /** Also parts so small that their Parquet file is larger than their lines. */
  all?: boolean;
  /** Leaves the lines where they are, beside the Parquet file. */
  keep_jsonl?: boolean;
  grace_ms?: number;
  lock_wait_ms?: number;
  onPart?: (part: CompactedPart) => void;
  onNotice?: (message: string) => void;
}

interface CompactedPart {
  part: string;
  events: number;
  bytes: number;
  compacted_bytes: number;
}

export interface CompactReport {
  sealed: NewlySealed[];
  compacted: CompactedPart[];
  left: LeftPart[];
}

/** A part of those days that still has its lines, or that is gone, and why. */
interface LeftPart {
  part: string;
  reason: string;
  /** Its bytes, where it is left because it is small. */
  small_bytes?: number;
}

export interface CompactPlan {
  due: { part: string; bytes: number }[];
  left: LeftPart[];
}

/** Compacts all sealed parts of days before one; seals first what is due. */
export async function compactParts(
  world: World,
  root: string,
  options: CompactOptions,
): Promise<CompactReport> {
  listDays(world.files, root);
  return await withChainLock(world, root, async () => {
    const sealed = await sealDueParts(world, root, options);
    const days = listDays(world.files, root).filter((day) => day < options.before_day);
    return { sealed, ...await new Compaction(world, root, options).run(days) };
  }, options.lock_wait_ms);
}

/** What `compactParts` would do; it changes nothing and waits for no lock. */
export async function planCompact(
  world: World,
  root: string,
  options: CompactOptions,
): Promise<CompactPlan> {
  const days = listDays(world.files, root).filter((day) => day < options.before_day);
  return await new Compaction(world, root, options).plan(days);
}

/** Compacts all that is sealed of a day. The caller holds the lock of the chain. */
export async function compactDay(world: World, root: string, day: string): Promise<void> {
  await new Compaction(world, root, { all: true }).run([day]);
}

type CompactionOptions = Pick<CompactOptions, "all" | "grace_ms" | "keep_jsonl" | "onPart">;

interface Job {
  part: PartId;
  record: SealedPart;
  request: PackRequest;
}

/** A part with lines that is to be packed, or that is packed and whose lines are to go. */
interface DuePart {
  part: PartId;
  bytes: number;
  /** Absent where it is going to be sealed first. */
  record?: SealedPart;
  /** Its corrupt lines; absent where it is not sealed yet, or packed already. */
  corrupt?: ReadonlyMap<number, number>;
}

class Compaction {
  readonly #compacted: CompactedPart[] = [];
  readonly #left: CompactReport["left"] = [];
  readonly #temporaries = new Set<string>();

  constructor(readonly world: World, readonly root: string, readonly options: CompactionOptions) {}

  async plan(days: readonly string[]): Promise<CompactPlan> {
    const due: CompactPlan["due"] = [];
    for (const day of days) {
      const soon_sealed = dueNames(this.world, this.root, day, this.options);
      for await (const { part, bytes } of this.#dueParts(day, soon_sealed)) {
        due.push({ part: partLabel(part), bytes });
      }
    }
    return { due, left: this.#left };
  }

  async run(days: readonly string[]): Promise<Omit<CompactReport, "sealed">> {
    const { keep_jsonl, onPart } = this.options;
    try {
      for await (const { part, record, request, proof } of packAll(this.world, this.#jobs(days))) {
        this.#putInPlace(part, request.temporary, proof);
        this.#temporaries.delete(request.temporary);
        if (!keep_jsonl) this.#removeLines(part, record, "length");
        const done = this.#note(part, record, proof);
        onPart?.(done);
      }
    } finally {
      for (const temporary of this.#temporaries) removeQuietly(this.world.files, temporary);
    }
    this.#compacted.sort((a, b) => a.part < b.part ? -1 : 1);
    return { compacted: this.#compacted, left: this.#left };
  }

  /** The parts that are to be packed. Of those that are packed already, the lines go. */
  async *#jobs(days: readonly string[]): AsyncGenerator<Job> {
    for (const day of days) {
      removeStaleTempFiles(this.world, this.root, day);
      for await (const { part, record, corrupt } of this.#dueParts(day, [])) {
        if (!record) continue;
        if (corrupt) {
          const request = this.#requestFor(part, record, [...corrupt.keys()]);
          this.#temporaries.add(request.temporary);
          yield { part, record, request };
        } else {
          // The process that packed it was killed before its lines went, or wanted them kept.
          this.#removeLines(part, record, "every byte");
          this.#note(part, record, record.compacted!);
        }
      }
    }
  }

  /** The parts of a day for which there is something to do; why others are left goes to the report. */
  async *#dueParts(day: string, soon_sealed: readonly string[]): AsyncGenerator<DuePart> {
    const { world, root, options } = this;
    const sealed = readSealed(world.files, root, day);
    for (const { number, writer } of partNamesOf(world.files, root, day, "jsonl")) {
      const part: PartId = { day, number, writer };
      const name = sealedName(part);
      const record = sealed[name];
      const bytes = record?.bytes ?? world.files.facts(partPath(root, part))?.size_bytes ?? 0;
      const leave = (reason: string, small_bytes?: number) =>
        this.#left.push({ part: partLabel(part), reason, small_bytes });
      if (bytes === 0) continue;
      if (record && this.#isPacked(part, record)) {
        if (!options.keep_jsonl) yield { part, bytes, record };
      } else if (!record && !soon_sealed.includes(name)) {
        leave("not sealed: its day is not over, or a writer wrote to it just now");
      } else if (bytes < compact_bytes_min && !options.all) {
        leave(`smaller than ${humanBytes(compact_bytes_min)}: lines take less room`, bytes);
      } else {
        const corrupt = record && await corruptLines(world, root, part, record);
        const reason = corrupt && whyNotPacked(corrupt);
        if (reason) leave(reason);
        else yield { part, bytes, record, corrupt };
      }
    }
    this.#left.push(...this.#lostParts(day, Object.keys(sealed)));
  }

  /** Parts of a day that were sealed, have not left the log, and are in no file. */
  #lostParts(day: string, sealed: readonly string[]): CompactReport["left"] {
    const there = new Set(partNamesOf(this.world.files, this.root, day).map(sealedName));
    const lost = sealed.filter((name) => !there.has(name));
    if (lost.length === 0) return [];
    const away = partsAway(this.world, this.root);
    return lost.map((name) => `day=${day}/${name}`)
      .filter((part) => !away.has(part))
      .map((part) => ({ part, reason: "it was sealed, and is gone: ledger verify" }));
  }

  #requestFor(part: PartId, { bytes, sha256, blocks }: SealedPart, corrupt: number[]): PackRequest {
    return {
      label: partLabel(part),
      path: partPath(this.root, part),
      sealed: { bytes, sha256, blocks },
      corrupt,
      temporary: `${this.#packedPath(part)}.${uniqueName(this.world)}.tmp`,
    };
  }

  #packedPath(part: PartId): string {
    return join(dayFolder(this.root, part.day), parquetName(part));
  }

  #isPacked(part: PartId, { compacted }: SealedPart): boolean {
    const { files } = this.world;
    const path = this.#packedPath(part);
    if (compacted === undefined || !files.facts(path)) return false;
    return withOpenFile(files, path, (file) => matchesChecksum(file, compacted));
  }

  #putInPlace(part: PartId, temporary: string, compacted: Checksum): void {
    const { world, root } = this;
    const path = this.#packedPath(part);
    // No record vouches for one that stands there, and the lines that both were made of are here still.
    if (world.files.linkFacts(path)) world.files.remove(path);
    moveToFreeName(world.files, temporary, path);
    const sealed = readSealed(world.files, root, part.day);
    const name = sealedName(part);
    writeSealed(world, root, part.day, { ...sealed, [name]: { ...sealed[name], compacted } });
  }

  /** Removes no line that is not proven to be in the Parquet file, whatever wrote to it. */
  #removeLines(part: PartId, record: SealedPart, check: "every byte" | "length"): void {
    const { files } = this.world;
    const path = partPath(this.root, part);
    withOpenFile(files, path, (lines) => {
      // Right after it was packed, only what came to it since can be missing in the Parquet file.
      if (check === "length" && lines.facts().size_bytes === record.bytes) return;
      verifyChecksum(lines, partLabel(part), record);
    });
    files.remove(path);
    files.syncFolder(dayFolder(this.root, part.day));
  }

  #note(part: PartId, { events, bytes }: SealedPart, packed: Checksum): CompactedPart {
    const done = { part: partLabel(part), events, bytes, compacted_bytes: packed.bytes };
    this.#compacted.push(done);
    return done;
  }
}

/** Why a sealed part keeps its lines; undefined for one that may go. */
function whyNotPacked(corrupt: ReadonlyMap<number, number>): string | undefined {
  for (const [offset, size_bytes] of corrupt) {
    if (size_bytes <= packed_line_bytes_max) continue;
    return `the line at byte ${offset} is ${size_bytes} bytes long, and no event`;
  }
}

/** The corrupt lines of a part: where each begins -> how long it is. Read anew if not all were noted. */
async function corruptLines(
  world: World,
  root: string,
  part: PartId,
  record: SealedPart,
): Promise<ReadonlyMap<number, number>> {
  // A record that was edited since may call a line an event that is none.
  if (record.flaws && notesDigest(record) === record.notes_sha256) {
    const corrupt = record.flaws.filter(({ kind }) => kind === "corrupt");
    return new Map(corrupt.map(({ offset, size_bytes }) => [offset, size_bytes]));
  }
  const offsets = new Map<number, number>();
  for (const extent of await partsOfDay(world.files, root, part.day)) {
    if (extent.label !== partLabel(part)) continue;
    for await (const batch of new LogCursor(world, root).batchesOfPart(extent)) {
      for (const { kind, offset, size_bytes } of batch) {
        if (kind === "corrupt") offsets.set(offset, size_bytes);
      }
    }
  }
  return offsets;
}

/**
 * Removes what a process left that was killed while it compacted or restored. The caller holds the lock
 * of the chain, so no process is at work on it.
 */
export function removeStaleTempFiles(world: World, root: string, day: string): void {
  const folder = dayFolder(root, day);
  for (const { name } of world.files.list(folder) ?? []) {
    const is_stale = /^(part-.*\.(parquet|jsonl)|_sealed\.json)\..*\.tmp$/.test(name);
    if (is_stale) removeQuietly(world.files, join(folder, name));
  }
}
