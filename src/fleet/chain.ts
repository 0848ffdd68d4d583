/**
 * Reader of a box's chains in the store: segments in order, from where a caller has come to, each proven before it
 * is handed on. A chain stops at the first that cannot be taken.
 */
import { asLedgerError } from "../base/error.ts";
import { MemoryFile } from "../base/files/memory_file.ts";
import { store_heads_at_once } from "../base/limits.ts";
import { linesDigest } from "../log/codec/unpacking.ts";
import { isPartOf } from "../log/pull/shipped.ts";
import { readStart } from "./chain_start.ts";
import { type Claim, readClaim } from "./claim.ts";
import {
  chainFolder,
  chainProblems,
  linkOf,
  parseMeta,
  type SegmentFacts,
  segmentKey,
  seqOfKey,
  type Source,
} from "./segment.ts";
import type { ObjectStore } from "./store.ts";
import type { ListedObject } from "./store_answers.ts";

/** The application id under which a table holds how far a box has come. */
export function watermarkOf(box: string): string {
  return `box=${box}`;
}

/** A segment in a listing. */
export interface ListedSegment extends ListedObject {
  seq: number;
}

/** The segments of a chain by their keys, in order, behind a number. */
export async function* segmentsOf(
  store: ObjectStore,
  source: Source,
  box: string,
  after = 0,
): AsyncGenerator<ListedSegment> {
  const folder = chainFolder(source, box);
  for await (const object of store.list(folder, segmentKey(source, box, after))) {
    const seq = seqOfKey(object.key);
    if (seq !== undefined) yield { ...object, seq };
  }
}

/** What a segment in the store says of itself; undefined where it is gone, or does not. */
export async function factsOf(
  store: ObjectStore,
  source: Source,
  box: string,
  seq: number,
): Promise<SegmentFacts | undefined> {
  const facts = await store.head(segmentKey(source, box, seq));
  return facts && parseMeta(facts.meta);
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

/** What a segment holds can be wrong though it is the one that was sent: then it is poison too. */
export function asPoison(error: unknown, seq: number): unknown {
  const problem = asLedgerError(error);
  const is_of_segment = problem && ["damaged", "invalid", "newer_format"].includes(problem.code);
  return is_of_segment ? new Poison(seq, problem.message) : error;
}

/** A claim, or a beginning, that is damaged stops its box; a store that refuses to show it does not. */
function stopsBefore(seq: number): (error: unknown) => never {
  return (error) => {
    throw asLedgerError(error)?.code === "damaged" ? asPoison(error, seq) : error;
  };
}

/** Something of a box's segments that is not as it has to be. */
export interface ChainFinding {
  box: string;
  source: Source;
  /** 0 where it is about the box. */
  seq: number;
  problem: string;
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
    let seqs: number[] = [];
    for await (const { seq } of segmentsOf(store, source, box, this.#place.seq)) {
      seqs.push(seq);
      if (seqs.length < store_heads_at_once) continue;
      yield* this.#follow(seqs);
      seqs = [];
    }
    yield* this.#follow(seqs);
  }

  /** Proves some segments, in order. What they say is asked for at once. */
  async *#follow(seqs: readonly number[]): AsyncGenerator<SegmentFacts> {
    if (seqs.length === 0) return;
    if (!this.#claim) await this.#begin();
    const { store, source, box } = this;
    const answers = await Promise.all(seqs.map((seq) => factsOf(store, source, box, seq)));
    for (const [at, seq] of seqs.entries()) {
      if (seq > this.#place.seq + 1) await this.#skipRetained();
      const { seq: before, link } = this.#place;
      if (seq <= before) continue;
      if (seq > before + 1) throw new Poison(before + 1, "it is not in the store");
      const facts = answers[at];
      if (facts?.seq !== seq) throw new Poison(seq, "it does not say what it is");
      const [problem] = chainProblems(facts, { box_id: this.#claim!.box_id, link });
      if (problem) throw new Poison(seq, problem);
      if (!isPartOf(source, facts.part)) throw new Poison(seq, "it names no part");
      this.#place = { seq, link: linkOf(facts) };
      yield facts;
    }
  }

  async #begin(): Promise<void> {
    const { store, source, box } = this;
    const { seq, link } = this.#place;
    this.#claim = await readClaim(store, box).catch(stopsBefore(seq + 1));
    if (!this.#claim) throw new Poison(seq + 1, "the claim of its box is gone from the store");
    if (link !== undefined) return;
    const facts = seq === 0 ? undefined : await factsOf(store, source, box, seq);
    this.#place = { seq, link: facts ? linkOf(facts) : "" };
    if (seq > 0 && !facts) await this.#skipRetained();
  }

  /** Goes to where the chain begins by now, if its first segments were removed. */
  async #skipRetained(): Promise<void> {
    const { seq } = this.#place;
    const start = await readStart(this.store, this.source, this.box).catch(stopsBefore(seq + 1));
    if (start && start.seq > seq) this.#place = { seq: start.seq - 1, link: start.prev_sha256 };
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
      throw asPoison(error, seq);
    }
    return { box: this.box, facts, bytes, lines_bytes: to - from };
  }
}
