/**
 * Compaction: sealed lines -> Parquet. A part's lines go only once its Parquet file has been read back
 * and gave every byte of them, and stands there durably, and the day's manifest says so. Cut off
 * anywhere, the lines or the file are whole, readers take what is whole, and doing it again ends it.
 */
import { join } from "@std/path";
import { moveToFreeName, removeQuietly, withOpenFile } from "../../base/files/durable.ts";
import { packed_line_bytes_max } from "../../base/limits.ts";
import { uniqueName, type World } from "../../base/world.ts";
import { partsAway, withChainLock } from "../format/chain.ts";
import { type Checksum, matchesChecksum } from "../format/checksum.ts";
import { dayFolder, parquetName, type PartId, partLabel, partPath } from "../format/layout.ts";
import { readSealed, sealedName, type SealedPart, writeSealed } from "../format/seal_manifest.ts";
import { listDays, partNamesOf } from "../read/parts.ts";
import { type NewlySealed, sealDueParts } from "../seal/seal.ts";
import type { PackRequest } from "./pack_part.ts";
import { packAll } from "./pack_pool.ts";
import { corruptLines, removeStaleTempFiles, verifyChecksum } from "./sealed_lines.ts";

/** What to compact. */
export interface CompactOptions {
  /** Only days before this one. */
  before_day: string;
  /** Leaves the lines where they are, beside the Parquet file. */
  keep_jsonl?: boolean;
  grace_ms?: number;
  lock_wait_ms?: number;
  /** Told after each part. */
  onPart?: (part: CompactedPart) => void;
  onNotice?: (message: string) => void;
}

/** A part that was compacted. */
interface CompactedPart {
  part: string;
  events: number;
  /** Of its lines. */
  bytes: number;
  /** Of the Parquet file. */
  compacted_bytes: number;
}

/** What compacting did. */
export interface CompactReport {
  sealed: NewlySealed[];
  compacted: CompactedPart[];
  /** Parts of those days that still have their lines, or that are gone, and why. */
  left: { part: string; reason: string }[];
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
    return { sealed, ...await compactDays(world, root, days, options) };
  }, options.lock_wait_ms);
}

/** Compacts what is sealed of some days. The caller holds the lock of the chain. */
export async function compactDays(
  world: World,
  root: string,
  days: readonly string[],
  options: Pick<CompactOptions, "keep_jsonl" | "onPart"> = {},
): Promise<Omit<CompactReport, "sealed">> {
  return await new Compaction(world, root, options).run(days);
}

/** A part that is to be packed. */
interface Job {
  part: PartId;
  record: SealedPart;
  request: PackRequest;
}

class Compaction {
  readonly #compacted: CompactedPart[] = [];
  readonly #left: CompactReport["left"] = [];
  /** The files of parts that are being packed. */
  readonly #temporaries = new Set<string>();

  constructor(
    readonly world: World,
    readonly root: string,
    readonly options: Pick<CompactOptions, "keep_jsonl" | "onPart">,
  ) {}

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

  /** The parts that are to be packed. What is done already, or cannot be done, goes to the report. */
  async *#jobs(days: readonly string[]): AsyncGenerator<Job> {
    const { world, root } = this;
    for (const day of days) {
      const sealed = readSealed(world.files, root, day);
      removeStaleTempFiles(world, root, day);
      for (const { number, writer } of partNamesOf(world.files, root, day, "jsonl")) {
        const part: PartId = { day, number, writer };
        const record = sealed[sealedName(part)];
        const corrupt = record && await corruptLines(world, root, part, record);
        const reason = corrupt ? whyNotPacked(corrupt) : this.#whyNotSealed(part);
        if (reason) this.#left.push({ part: partLabel(part), reason });
        if (!corrupt || reason) continue;
        if (!this.#isPacked(part, record)) {
          const request = this.#requestFor(part, record, [...corrupt.keys()]);
          this.#temporaries.add(request.temporary);
          yield { part, record, request };
        } else if (!this.options.keep_jsonl) {
          // The process that packed it was killed before its lines went, or wanted them kept.
          this.#removeLines(part, record, "every byte");
          this.#note(part, record, record.compacted!);
        }
      }
      this.#left.push(...this.#lostParts(day, Object.keys(sealed)));
    }
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

  /** Why a part has no seal; undefined for one that holds nothing. */
  #whyNotSealed(part: PartId): string | undefined {
    const is_empty = this.world.files.facts(partPath(this.root, part))?.size_bytes === 0;
    return is_empty
      ? undefined
      : "not sealed: its day is not over, or a writer wrote to it just now";
  }
}

/** Why a sealed part keeps its lines; undefined for one that may go. */
function whyNotPacked(corrupt: ReadonlyMap<number, number>): string | undefined {
  for (const [offset, size_bytes] of corrupt) {
    if (size_bytes <= packed_line_bytes_max) continue;
    return `the line at byte ${offset} is ${size_bytes} bytes long, and no event`;
  }
}
