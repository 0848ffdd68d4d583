/** A day of this ledger as the place that pulled lines go to, and a part of it that takes them. */
import { textDigest } from "../../base/files/checksum.ts";
import { asLedgerError } from "../../base/error.ts";
import { removeQuietly } from "../../base/files/durable.ts";
import type { OpenFile } from "../../base/files/seam.ts";
import { writer_chars_max } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import type { Chain, SealedEntry } from "../format/chain.ts";
import { makePartsNameDurable, writeOrCutBack } from "../write/day_appender.ts";
import {
  dayFolder,
  parsePartLabel,
  parsePartName,
  type PartId,
  partLabel,
  partPath,
} from "../format/layout.ts";
import { type DayLock, lockOfWriter } from "../format/lock.ts";
import { gonePartsOf, type PartExtent, partsOfDay } from "../read/parts.ts";
import type { ByteRange } from "./replication_state.ts";
import { moveTornTail } from "../format/quarantine.ts";
import { readSealed } from "../format/seal_manifest.ts";

const NEWLINE = 10;

/** The writer that the parts of another box have here: the box, and its own writer where it has one. */
export function pulledWriter(host: string, writer: string): string {
  if (writer === "") return host;
  const whole = `${host}-${writer.replaceAll(".", "-")}`;
  if (whole.length <= writer_chars_max) return whole;
  const digest = textDigest(whole).slice(0, 8);
  return `${whole.slice(0, writer_chars_max - digest.length - 1)}-${digest}`;
}

/** What is in a day here, and which names are still free in it. */
export class OwnDay {
  readonly extents = new Map<string, PartExtent>();
  /** Names that were ever given, whether their parts are here or not. */
  readonly #given = new Set<string>();
  readonly #closed = new Set<string>();

  private constructor(readonly root: string, readonly day: string, readonly chain: Chain) {}

  /** Looks at a day, which need not be there. */
  static async look(
    { files }: World,
    root: string,
    day: string,
    newestChain: () => Chain,
  ): Promise<OwnDay> {
    // Before the day itself: what is on its way out may come back into it.
    const gone = gonePartsOf(files, root, day);
    const extents = await partsOfDay(files, root, day);
    // After the day: a part that left in between is away by the chain.
    const own = new OwnDay(root, day, newestChain());
    for (const { number, writer } of gone) own.#given.add(partLabel({ day, number, writer }));
    for (const extent of extents) {
      own.extents.set(extent.label, extent);
      own.#given.add(extent.label);
      if (extent.compacted) own.#closed.add(extent.label);
    }
    for (const name of Object.keys(readSealed(files, root, day))) {
      const { number, writer } = parsePartName(name)!;
      const label = partLabel({ day, number, writer });
      own.#given.add(label);
      own.#closed.add(label);
    }
    for (const { part } of own.chain.seals) {
      if (parsePartLabel(part)!.day === day) own.#given.add(part);
    }
    return own;
  }

  /** Whether lines that were here still are, or were taken out with their day. */
  has({ part, to }: ByteRange): boolean {
    const extent = this.extents.get(part);
    return extent ? extent.size_bytes >= to : this.chain.away.has(part);
  }

  /** The seals of a writer's parts of this day that have left the log. */
  sealsAway(writer: string): SealedEntry[] {
    return this.chain.seals.filter(({ part }) =>
      this.chain.away.has(part) && parsePartLabel(part)!.day === this.day &&
      parsePartLabel(part)!.writer === writer
    );
  }

  isFree(part: PartId): boolean {
    return !this.#given.has(partLabel(part));
  }

  isOpen(label: string): boolean {
    return this.extents.has(label) && !this.#closed.has(label);
  }

  close(label: string): void {
    this.#closed.add(label);
  }

  nextPart(writer: string): PartId {
    const numbers = [...this.#given].map((label) => parsePartLabel(label)!.number);
    return { day: this.day, writer, number: Math.max(0, ...numbers) + 1 };
  }

  note(part: PartId, size_bytes: number): void {
    const label = partLabel(part);
    this.#given.add(label);
    this.extents.set(label, { part, label, path: partPath(this.root, part), size_bytes });
  }
}

export class PullTarget {
  readonly #lock: DayLock;
  readonly #path: string;
  #file?: OpenFile;

  constructor(
    readonly world: World,
    readonly root: string,
    readonly part: PartId,
    lock_wait_ms: number,
    readonly onNotice: (message: string) => void,
  ) {
    this.#path = partPath(root, part);
    this.#lock = lockOfWriter(world, root, part, lock_wait_ms);
  }

  /**
   * Adds whole lines where the part ends. Says no, and adds nothing, when it was sealed meanwhile or
   * ends elsewhere: then another writer appends there. Not durable before `sync`.
   */
  async add(pieces: Iterable<Uint8Array>, at: number): Promise<boolean> {
    await this.#lock.take();
    try {
      if (!this.#takesLines() || !this.#hasItsName()) return false;
      const file = this.#file ??= this.#open();
      const last_byte = new Uint8Array(1);
      let end = file.findEnd(last_byte);
      if (end > 0 && last_byte[0] !== NEWLINE) {
        const moved = moveTornTail(this.world, this.root, this.part, file, end);
        end = moved.end;
        const { quarantined_as } = moved;
        this.onNotice(
          `${this.#path} ended in a torn line; its bytes are kept in ${quarantined_as}`,
        );
      }
      if (end !== at) return false;
      if (end === 0) makePartsNameDurable(this.world.files, dayFolder(this.root, this.part.day));
      writeOrCutBack(file, pieces, end);
      return true;
    } finally {
      this.#lock.release();
    }
  }

  /** Makes durable what is in the part, also what a pull that was killed has left there. */
  sync(): void {
    const file = this.#file ??= this.world.files.open(this.#path, "append");
    try {
      file.sync();
    } catch (error) {
      throw asLedgerError(error)?.with({
        code: "durability_unknown",
        hint: "the lines were written, but may be lost in a power cut; check the disk, then " +
          "pull again: it goes on behind them",
      }) ?? error;
    }
  }

  [Symbol.dispose](): void {
    this.#file?.close();
    this.#lock.close();
  }

  /** Its day may have left the log since: what were written to it now would be nowhere. */
  #hasItsName(): boolean {
    if (!this.#file) return true;
    return this.world.files.facts(this.#path)?.identity === this.#file.facts().identity;
  }

  #takesLines(): boolean {
    const { world: { files }, root, part: { day, number, writer } } = this;
    const names = [
      ...Object.keys(readSealed(files, root, day)),
      ...(files.list(dayFolder(root, day)) ?? []).map(({ name }) => name)
        .filter((name) => name.endsWith(".parquet")),
    ];
    return !names.map((name) => parsePartName(name))
      .some((name) => name?.number === number && name.writer === writer);
  }

  #open(): OpenFile {
    const { files } = this.world;
    if (files.facts(this.#path)) return files.open(this.#path, "append");
    const file = files.open(this.#path, "create");
    try {
      makePartsNameDurable(files, dayFolder(this.root, this.part.day));
    } catch (error) {
      file.close();
      removeQuietly(files, this.#path);
      throw error;
    }
    return file;
  }
}
