/** Replicates one part of another box: finds how much of it is here, and appends the rest. */
import { createHash, type Hash } from "node:crypto";
import type { World } from "../../base/world.ts";
import { damage_shown_max } from "../../base/limits.ts";
import { commonBeginning } from "./byte_comparison.ts";
import { BadLine, NOT_UTF8, tooLong, validate } from "../event/validate.ts";
import { parsePartLabel, type PartId, partLabel, writerNameFrom } from "../format/layout.ts";
import { linesOf } from "../../base/files/lines.ts";
import { endOfLines, openPart } from "../read/part_file.ts";
import type { PartExtent } from "../read/parts.ts";
import {
  bytesOf,
  type LineBlock,
  type Origin,
  type OriginLines,
  SourceProblem,
  wholeLines,
} from "./source.ts";
import { type OwnDay, pulledWriter, PullTarget } from "./target.ts";
import type { ByteRange, ReplicatedPart } from "./replication_state.ts";

export interface PulledLines {
  host: string;
  part: string;
  into: string;
  lines: number;
  bytes: number;
  /** How many of them are no events. They were taken as they are, and every reader tells them. */
  corrupt: number;
  /** The first of these, by where they stand there. */
  corrupt_lines: { offset: number; reason: string }[];
}

export interface ReplicationContext {
  world: World;
  root: string;
  /** Parts here that hold lines of which the record knows. */
  claimed: Set<string>;
  dry_run: boolean;
  lock_wait_ms: number;
  onTaken: (taken: PulledLines) => void;
  onNotice: (message: string) => void;
}

/** How what is here of an origin goes together with it: it goes on, or it is no beginning of it. */
export type Relation = "goes on" | "ends before" | "is another";

/** A part that takes lines, or in a dry run seems to. */
type Target = Pick<PullTarget, "add" | "sync" | typeof Symbol.dispose>;

const DRY_TARGET: Target = {
  add(pieces) {
    for (const _ of pieces) { /* counted as they pass */ }
    return Promise.resolve(true);
  },
  sync() {},
  [Symbol.dispose]() {},
};

export class PartReplicator {
  here: ByteRange[] = [];
  /** Up to here its lines are here. */
  at = 0;
  #hash: Hash = createHash("sha256");
  readonly #wanted: PartId;

  constructor(
    readonly context: ReplicationContext,
    readonly origin: Origin,
    readonly lines: OriginLines,
    readonly own: OwnDay,
  ) {
    const { host, part: { day, number, writer } } = origin;
    this.#wanted = { day, number, writer: pulledWriter(host, writer) };
  }

  get digest(): string {
    return this.#hash.copy().digest("hex");
  }

  /** Goes on where an earlier pull ended; the hash is that of the lines up to there. */
  goOnAfter({ bytes, here }: ReplicatedPart, hash: Hash): void {
    this.here = here.map((range) => ({ ...range }));
    this.at = bytes;
    this.#hash = hash;
  }

  /** Passes over lines that stand in a part here. */
  found(part: string, from: number, to: number, own = false): void {
    for (const bytes of this.lines.bytesBetween(this.at, this.at + to - from)) {
      this.#hash.update(bytes);
    }
    this.at += to - from;
    const last = this.here.at(-1);
    if (last?.part === part && last.to === from) last.to = to;
    else this.here.push({ part, from, to, ...(own ? { own: true } : {}) });
    if (!own) this.context.claimed.add(part);
  }

  /** Finds lines that are here and that no record knows of. */
  async findHere(): Promise<Relation> {
    await this.#findOwnLines();
    while (this.at < this.lines.end) {
      if (this.#findAway()) continue;
      const relation = await this.#findNext();
      if (relation === undefined) break;
      if (relation !== "goes on") return relation;
    }
    return "goes on";
  }

  /**
   * A part of the same name here may begin with the same lines, because it is where they came from, or
   * one is a copy of the other: then they need not be taken. It may have grown since the last pull.
   */
  async #findOwnLines(): Promise<void> {
    const last = this.here.at(-1);
    if (last && !last.own) return;
    const labels = last ? [last.part] : ownLabels(this.context.world, this.origin.part);
    for (const label of labels) {
      const extent = this.own.extents.get(label);
      if (!extent) continue;
      const from = last?.to ?? 0;
      const { lines_end } = await this.#compare(extent, from);
      if (lines_end > 0) return this.found(label, from, from + lines_end, true);
    }
  }

  /** Lines that an earlier pull took and did not record, and that have left the log: their seal is known. */
  #findAway(): boolean {
    const last = this.here.at(-1);
    for (const { part, bytes, sha256 } of this.own.sealsAway(this.#wanted.writer)) {
      const is_last = part === last?.part;
      if (!is_last && this.context.claimed.has(part)) continue;
      const from = is_last ? last!.to : 0;
      const start = this.at - from;
      if (bytes <= from || start + bytes > this.lines.end) continue;
      if (hashBetween(this.lines, start, start + bytes).digest("hex") !== sha256) continue;
      this.found(part, from, bytes);
      return true;
    }
    return false;
  }

  /** Lines that a pull has left here and did not come to record; undefined when there are none. */
  async #findNext(): Promise<Relation | undefined> {
    for (const { extent, from, is_certain } of this.#candidates()) {
      const end = await endOfLines(this.context.world, extent);
      if (end <= from) continue;
      const { first_ended, second_ended } = await this.#compare(extent, from);
      if (second_ended) {
        this.found(extent.label, from, end);
        this.#syncFound(extent);
        return "goes on";
      }
      if (is_certain) return first_ended ? "ends before" : "is another";
    }
  }

  /** Where such lines can be, and whether what stands there can be nothing else. */
  *#candidates() {
    const last = this.here.at(-1);
    if (last && !last.own) {
      const extent = this.own.extents.get(last.part);
      if (extent && extent.size_bytes > last.to) yield { extent, from: last.to, is_certain: true };
    }
    // Behind lines of our own, what is found depends on how many of those there were at the time.
    const is_first = this.here.length === 0;
    for (const extent of this.#unclaimed()) {
      yield { extent, from: 0, is_certain: is_first && extent.part.number === this.#wanted.number };
    }
  }

  /** Parts of the box's name in whose lines no record has a share. */
  #unclaimed(): PartExtent[] {
    return [...this.own.extents.values()].filter(({ part, label }) =>
      part.writer === this.#wanted.writer && !this.context.claimed.has(label)
    );
  }

  async #compare(extent: PartExtent, from: number) {
    const { lines, at } = this;
    using part = await openPart(this.context.world, extent);
    const here = bytesOf(wholeLines(part, from, extent.size_bytes));
    return commonBeginning(lines.bytesBetween(at, lines.end), here);
  }

  /** The pull that left these lines was killed, perhaps before it synced them. */
  #syncFound(extent: PartExtent): void {
    if (extent.compacted) return;
    using target = this.#targetFor(extent.part);
    target.sync();
  }

  /** Takes all lines that are not here. Those that could be read are durable also after a problem. */
  async takeRest(): Promise<void> {
    let open: { target: Target; range: ByteRange; row: PulledLines } | undefined;
    const finish = () => {
      if (!open || open.row.bytes === 0) return;
      const { target, range, row } = open;
      target.sync();
      this.own.note(parsePartLabel(range.part)!, range.to);
      this.context.onTaken(row);
    };
    try {
      for (const block of this.lines.blocks(this.at)) {
        const { start, end } = block;
        for (let is_added = false; !is_added;) {
          open ??= await this.#openNext();
          const passed = new Passed(this.#hash.copy());
          is_added = await open.target.add(passing(block, passed), open.range.to);
          if (is_added) {
            this.#hash = passed.hash;
            this.at = end;
            open.range.to += end - start;
            open.row.bytes += end - start;
            open.row.lines += passed.lines;
            open.row.corrupt += passed.corrupt;
            const room = damage_shown_max - open.row.corrupt_lines.length;
            open.row.corrupt_lines.push(...passed.corrupt_lines.slice(0, room));
          } else {
            finish();
            this.own.close(open.range.part);
            open.target[Symbol.dispose]();
            open = undefined;
          }
        }
      }
      finish();
    } catch (error) {
      if (error instanceof SourceProblem) finish();
      throw error;
    } finally {
      open?.target[Symbol.dispose]();
    }
  }

  /** The part that takes the next lines: the last one that took some, or a new one. */
  async #openNext() {
    const { origin, here, own } = this;
    let range = here.at(-1);
    if (!range || range.own || !own.isOpen(range.part)) {
      const part = own.isFree(this.#wanted)
        ? this.#wanted
        : await this.#emptyPart() ?? own.nextPart(this.#wanted.writer);
      range = { part: partLabel(part), from: 0, to: 0 };
      here.push(range);
      this.context.claimed.add(range.part);
    }
    const into = range.part;
    const row: PulledLines = {
      host: origin.host,
      part: origin.label,
      into,
      lines: 0,
      bytes: 0,
      corrupt: 0,
      corrupt_lines: [],
    };
    return { target: this.#targetFor(parsePartLabel(into)!), range, row };
  }

  /** A part that a pull was killed over before its first line was whole is as good as new. */
  async #emptyPart(): Promise<PartId | undefined> {
    for (const extent of this.#unclaimed()) {
      const is_open = this.own.isOpen(extent.label);
      if (is_open && await endOfLines(this.context.world, extent) === 0) return extent.part;
    }
  }

  #targetFor(part: PartId): Target {
    const { world, root, dry_run, lock_wait_ms, onNotice } = this.context;
    return dry_run ? DRY_TARGET : new PullTarget(world, root, part, lock_wait_ms, onNotice);
  }
}

/** The digest of lines of another box, still open. */
export function hashBetween(lines: OriginLines, from: number, to: number): Hash {
  const hash = createHash("sha256");
  for (const piece of lines.bytesBetween(from, to)) hash.update(piece);
  return hash;
}

/** The names that the lines of a part may have here without having been pulled. */
function ownLabels(world: World, part: PartId): string[] {
  const { writer } = part;
  // Lines of ours that another box has pulled, and no record of it says so any more.
  const host = writerNameFrom(world.hostname());
  const is_ours = host !== undefined && (writer === host || writer.startsWith(`${host}-`));
  const ours = is_ours ? [{ ...part, writer: writer.slice(host.length + 1) }] : [];
  return [part, ...ours].map(partLabel);
}

class Passed {
  lines = 0;
  corrupt = 0;
  readonly corrupt_lines: PulledLines["corrupt_lines"] = [];

  constructor(readonly hash: Hash) {}

  add(verdict: unknown, offset: number): void {
    this.lines++;
    if (!(verdict instanceof BadLine)) return;
    if (this.corrupt++ >= damage_shown_max) return;
    this.corrupt_lines.push({ offset, reason: verdict.reason });
  }
}

/** Lines on their way: they are hashed and counted, and those that are no events are noted. */
function* passing(
  { start, end, pieces, is_too_long }: LineBlock,
  passed: Passed,
): Generator<Uint8Array> {
  if (is_too_long) passed.add(tooLong(end - start - 1), start);
  let at = start;
  for (const bytes of pieces) {
    passed.hash.update(bytes);
    for (const { text, offset, size_bytes } of is_too_long ? [] : linesOf(bytes, at)) {
      passed.add(text === undefined ? NOT_UTF8 : validate(text, size_bytes), offset);
    }
    at += bytes.length;
    yield bytes;
  }
}
