/**
 * Reader of a box's chains in the store: segments in order, from where a caller has come to, each proven before it
 * is handed on. A chain stops at the first that cannot be taken.
 */
import { asLedgerError, type LedgerError } from "../base/error.ts";
import { MemoryFile } from "../base/files/memory_file.ts";
import { store_heads_at_once } from "../base/limits.ts";
import { linesDigest } from "../log/codec/unpacking.ts";
import { readStart } from "./chain_start.ts";
import { type Claim, readClaim } from "./claim.ts";
import {
  chainFolder,
  chainProblems,
  isPartOf,
  linkOf,
  parseMeta,
  type SegmentFacts,
  segmentKey,
  seqOfKey,
  type Source,
} from "./segment.ts";
import type { ObjectStore } from "./store.ts";

/** The application id under which a table holds how far a box has come. */
export function watermarkOf(box: string): string {
  return `box=${box}`;
}

/** A segment that was read, and proven. */
export interface TakenSegment {
  box: string;
  facts: SegmentFacts;
  /** Of the object. */
  bytes: Uint8Array<ArrayBuffer>;
  lines_bytes: number;
}

/** A segment that cannot be taken: its box stops there, and the others go on. */
export class Poison extends Error {
  constructor(readonly seq: number, problem: string) {
    super(problem);
  }
}

/** Where a caller has come to in a chain. */
export interface ChainPlace {
  seq: number;
  /** Of the segment before the next one. Absent: it is asked for. */
  link?: string;
}

/** One chain of a box from a watermark on, each segment proven before it is handed on. */
export class BoxChain {
  #claim?: Claim;
  #place: ChainPlace;

  constructor(
    readonly store: ObjectStore,
    readonly source: Source,
    readonly box: string,
    from: number | ChainPlace,
  ) {
    this.#place = typeof from === "number" ? { seq: from } : from;
  }

  /** The segments that come next, with their bytes. */
  async *next(): AsyncGenerator<TakenSegment> {
    for await (const facts of this.facts()) yield await this.read(facts);
  }

  /** What the segments that come next say of themselves. */
  async *facts(): AsyncGenerator<SegmentFacts> {
    const { store, source, box } = this;
    let keys: string[] = [];
    const after = segmentKey(source, box, this.#place.seq);
    for await (const { key } of store.list(chainFolder(source, box), after)) {
      if (seqOfKey(key) === undefined) continue;
      keys.push(key);
      if (keys.length < store_heads_at_once) continue;
      yield* this.#follow(keys);
      keys = [];
    }
    yield* this.#follow(keys);
  }

  /** Proves some segments, in order. What they say is asked for at once. */
  async *#follow(keys: readonly string[]): AsyncGenerator<SegmentFacts> {
    if (keys.length === 0) return;
    if (!this.#claim) await this.#begin();
    const answers = await Promise.all(keys.map((key) => this.#factsOf(seqOfKey(key)!)));
    for (const [at, key] of keys.entries()) {
      const seq = seqOfKey(key)!;
      if (seq > this.#place.seq + 1) await this.#skipRetained();
      const { seq: before, link } = this.#place;
      if (seq <= before) continue;
      if (seq > before + 1) throw new Poison(before + 1, "it is not in the store");
      const facts = answers[at];
      if (facts?.seq !== seq) throw new Poison(seq, "it does not say what it is");
      const [problem] = chainProblems(facts, { box_id: this.#claim!.box_id, link });
      if (problem) throw new Poison(seq, problem);
      if (!isPartOf(this.source, facts.part)) throw new Poison(seq, "it names no part");
      this.#place = { seq, link: linkOf(facts) };
      yield facts;
    }
  }

  async #begin(): Promise<void> {
    const { seq, link } = this.#place;
    this.#claim = await readClaim(this.store, this.box).catch((error) => {
      if (asLedgerError(error)?.code !== "damaged") throw error;
      throw new Poison(seq + 1, error.message);
    });
    if (!this.#claim) throw new Poison(seq + 1, "the claim of its box is gone from the store");
    if (link !== undefined) return;
    const facts = seq === 0 ? undefined : await this.#factsOf(seq);
    this.#place = { seq, link: facts ? linkOf(facts) : "" };
    if (seq > 0 && !facts) await this.#skipRetained();
  }

  /** Goes to where the chain begins by now, if its first segments were removed. */
  async #skipRetained(): Promise<void> {
    const { seq } = this.#place;
    const start = await readStart(this.store, this.source, this.box).catch((error) => {
      if (asLedgerError(error)?.code !== "damaged") throw error;
      throw new Poison(seq + 1, error.message);
    });
    if (start && start.seq > seq) this.#place = { seq: start.seq - 1, link: start.prev_sha256 };
  }

  async #factsOf(seq: number): Promise<SegmentFacts | undefined> {
    const facts = await this.store.head(segmentKey(this.source, this.box, seq));
    return facts && parseMeta(facts.meta);
  }

  /** The bytes of a segment, whose lines are those that it says. */
  async read(facts: SegmentFacts): Promise<TakenSegment> {
    const { seq, from, to, raw_sha256 } = facts;
    const key = segmentKey(this.source, this.box, seq);
    const bytes = await this.store.get(key);
    if (!bytes) throw new Poison(seq, "it is not in the store");
    try {
      const sha256 = linesDigest(new MemoryFile(key, bytes));
      if (sha256 !== raw_sha256) throw new Poison(seq, "its lines are not those it says");
    } catch (error) {
      if (!asLedgerError(error)) throw error;
      throw new Poison(seq, (error as LedgerError).message);
    }
    return { box: this.box, facts, bytes, lines_bytes: to - from };
  }
}
