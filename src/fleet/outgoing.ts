/**
 * Outgoing chain: one chain of this box on its way to the store. The store decides: a segment's number is taken by
 * a create-only PUT; where it is taken already, what is there is adopted if this disk could have sent it,
 * or the chain stops: then two boxes have one name, or this disk is an older image of itself.
 */
import { LedgerError } from "../base/error.ts";
import { digestOf } from "../base/files/checksum.ts";
import { type PackingColumns, packingColumns } from "../log/codec/packing.ts";
import {
  type ChainStart,
  type Holds,
  noteShipped,
  readShipped,
  type ShippedSegment,
} from "../log/pull/shipped.ts";
import { readStart } from "./chain_start.ts";
import type { Membership } from "./home.ts";
import {
  chainProblems,
  linkOf,
  packSegment,
  parseMeta,
  type SegmentFacts,
  segmentKey,
  segmentMeta,
  type Source,
} from "./segment.ts";
import type { ObjectStore } from "./store.ts";

/** What a box knows of a segment that the store has and it has no note of. */
interface Adoption {
  /** Why it cannot be of this disk. */
  problem?: string;
  holds?: Holds;
}

/** Who sends what, and where to. */
export interface SenderPlace {
  store: ObjectStore;
  /** The ledger's folder. */
  root: string;
  box: Membership;
  /** Called with each segment that the store has. */
  onSegment?: (segment: ShippedSegment) => void;
}

/** How a chain is sent. */
interface ChainSending extends SenderPlace {
  /** Looks at a segment that is in the store, and of which this box has no note. */
  adopt: (found: SegmentFacts) => Promise<Adoption>;
  /** Makes a segment of lines. Default: `packSegment`. */
  pack?: typeof packSegment;
}

/** What became of segments. */
export interface Sent {
  /** Segments that were put now, */
  shipped: number;
  /** and those that the store had already, without this box knowing. */
  adopted: number;
  /** Of lines. */
  bytes: number;
}

/** One chain of this box, as far as it knows what the store has. */
export class OutgoingChain {
  readonly sent: Sent = { shipped: 0, adopted: 0, bytes: 0 };
  #has_begun = false;
  /** The last segment that this box knows of. */
  #last?: ShippedSegment;
  #seq: number;
  #link: string;
  readonly #ends: Map<string, number>;
  readonly #held = new Map<string, number>();

  constructor(readonly source: Source, readonly place: ChainSending) {
    const { start, segments, ends } = readShipped(place.store.world.files, place.root, source);
    this.#seq = start.seq - 1;
    this.#link = start.prev_sha256;
    this.#ends = ends;
    for (const segment of segments) this.#extend(segment);
  }

  /** The number of the last segment; 0 where there is none. */
  get seq(): number {
    return this.#seq;
  }

  endOf(part: string): number {
    return this.#ends.get(part) ?? 0;
  }

  /** How many lines of a name the segments hold. */
  heldOf(name: string): number {
    return this.#held.get(name) ?? 0;
  }

  /** The last segment that this box knows of has to be there; what came after it is adopted. */
  async begin(): Promise<void> {
    if (this.#has_begun) return;
    this.#has_begun = true;
    const found = await this.#factsOf(Math.max(1, this.seq));
    const start = found ? undefined : await this.#start();
    if (start && start.seq > this.seq) this.#beginAt(start);
    else if (this.#last) this.#checkLast(this.#last, found);
    await this.#adoptNews();
  }

  /** Where the chain begins, if its first segments were removed. */
  async #start(): Promise<ChainStart | undefined> {
    const { store, box } = this.place;
    return this.source === "log" ? await readStart(store, this.source, box.name) : undefined;
  }

  /** A box whose notes end before that goes on there; what it sent is vouched for by the chain. */
  #beginAt(start: ChainStart): void {
    const { store, root } = this.place;
    noteShipped(store.world.files, root, { start }, this.source);
    this.#last = undefined;
    this.#seq = start.seq - 1;
    this.#link = start.prev_sha256;
    for (const [part, end] of Object.entries(start.ends)) this.#ends.set(part, end);
  }

  /** Sends lines as the next segment; false where its number was taken: then what took it is adopted. */
  async send(part: string, lines: Uint8Array<ArrayBuffer>, holds?: Holds): Promise<boolean> {
    const facts = await this.#put(lines, {
      box_id: this.place.box.box_id,
      seq: this.seq + 1,
      prev_sha256: this.#link,
      part,
      from: this.endOf(part),
    });
    if (facts) {
      this.#note(facts, holds);
      this.sent.shipped++;
      this.sent.bytes += lines.length;
    } else await this.#adoptNews();
    return facts !== undefined;
  }

  /** Puts again what the store has lost, as far as its lines can be had. Returns what is lost. */
  async repair(
    linesOf: (segment: ShippedSegment) => Promise<Uint8Array<ArrayBuffer> | undefined>,
    signal?: AbortSignal,
  ): Promise<ShippedSegment[]> {
    const { store, root, box, onSegment } = this.place;
    const lost: ShippedSegment[] = [];
    const first_seq = (await this.#start())?.seq ?? 1;
    const { start, segments } = readShipped(store.world.files, root, this.source);
    let { prev_sha256 } = start;
    for (const segment of segments) {
      if (signal?.aborted) break;
      const { holds: _, ...range } = segment;
      const facts = { ...range, box_id: box.box_id, prev_sha256 };
      prev_sha256 = linkOf(facts);
      if (segment.seq < first_seq || await this.#factsOf(segment.seq)) continue;
      const lines = await linesOf(segment);
      if (lines && digestOf([lines]) === segment.raw_sha256) {
        await this.#put(lines, facts);
        this.sent.shipped++;
        onSegment?.(segment);
      } else lost.push(segment);
    }
    return lost;
  }

  /** Undefined where the number is taken. */
  async #put(
    lines: Uint8Array<ArrayBuffer>,
    facts: Omit<SegmentFacts, "to" | "raw_sha256">,
  ): Promise<SegmentFacts | undefined> {
    const { store, box, pack = packSegment } = this.place;
    const segment = pack(lines, facts, columnsOf(store));
    const outcome = await store.put(segmentKey(this.source, box.name, facts.seq), segment.bytes, {
      create_only: true,
      is_recognizable: true,
      meta: segmentMeta(segment),
      sha256: segment.sha256,
      content_type: "application/vnd.apache.parquet",
    });
    return outcome === "stored" ? segment : undefined;
  }

  #note({ seq, part, from, to, raw_sha256 }: SegmentFacts, holds?: Holds): void {
    const { store, root, onSegment } = this.place;
    const segment = { seq, part, from, to, raw_sha256, ...(holds ? { holds } : {}) };
    noteShipped(store.world.files, root, segment, this.source);
    this.#extend(segment);
    this.#ends.set(part, to);
    onSegment?.(segment);
  }

  #extend(segment: ShippedSegment): void {
    const { box_id } = this.place.box;
    this.#link = linkOf({ ...segment, box_id, prev_sha256: this.#link });
    this.#last = segment;
    this.#seq = segment.seq;
    for (const [name, lines] of segment.holds ?? []) {
      this.#held.set(name, this.heldOf(name) + lines);
    }
  }

  #checkLast({ seq, raw_sha256 }: ShippedSegment, found: SegmentFacts | undefined): void {
    const { box } = this.place;
    if (found?.raw_sha256 === raw_sha256 && found.box_id === box.box_id) return;
    if (!found) {
      throw new LedgerError({
        code: "damaged",
        message: `${this.#nameOf(seq)} is not in the store any more`,
        hint: "put again what is still here: ledger ship --repair",
        detail: { box: box.name, source: this.source, seq },
      });
    }
    throw new Fork(`${this.#nameOf(seq)} in the store is not the one it sent`, {
      box: box.name,
      source: this.source,
      seq,
    });
  }

  /** Takes note of segments that the store has beyond those that this box knows of. */
  async #adoptNews(): Promise<void> {
    const { box, adopt } = this.place;
    for (;; this.sent.adopted++) {
      const seq = this.seq + 1;
      const found = await this.#factsOf(seq);
      if (!found) return;
      const [broken] = chainProblems(found, {
        box_id: box.box_id,
        link: this.#link,
        endOf: (part) => this.endOf(part),
      });
      const { problem = broken, holds } = broken ? {} as Adoption : await adopt(found);
      if (problem) {
        const { part, from } = found;
        const detail = { box: box.name, source: this.source, seq, part, from };
        throw new Fork(`${this.#nameOf(seq)} is not of this disk: ${problem}`, detail);
      }
      this.#note(found, holds);
    }
  }

  async #factsOf(seq: number): Promise<SegmentFacts | undefined> {
    const { store, box } = this.place;
    const key = segmentKey(this.source, box.name, seq);
    const facts = await store.head(key);
    if (!facts) return undefined;
    const found = parseMeta(facts.meta);
    if (found?.seq === seq) return found;
    throw new LedgerError({
      code: "damaged",
      message: `${this.#nameOf(seq)} does not say what it is`,
      hint: `look at ${key} in the bucket: it was not put by this program`,
    });
  }

  #nameOf(seq: number): string {
    const kind = this.source === "log" ? "" : ` of ${this.source}`;
    return `segment ${seq}${kind} of box ${this.place.box.name}`;
  }
}

/** Tens of megabytes, for all that a process sends. */
const columns_of = new WeakMap<ObjectStore, PackingColumns>();

function columnsOf(store: ObjectStore): PackingColumns {
  return columns_of.getOrInsertComputed(store, packingColumns);
}

/** What the store has under this box's name is not this box's: it stops, for good. */
export class Fork extends LedgerError {
  override name = "Fork";

  constructor(message: string, detail: Record<string, unknown>, hint?: string) {
    super({
      code: "forked",
      message,
      hint: hint ??
        "another box has this name, or this disk was restored from an older image; nothing more " +
          "is shipped. What is here and not there goes on under a new name: remove fleet.json and " +
          "fleet/ from the ledger's folder, then ledger fleet join --as NEWNAME",
      detail,
    });
  }
}
