/**
 * Reader of a box's chains in the store: segments in order, from where a caller has come to, each proven before it
 * is handed on. A chain stops at the first that cannot be taken.
 */
import { asLedgerError, type LedgerError } from "../base/error.ts";
import { MemoryFile } from "../base/files/memory_file.ts";
import { linesDigest } from "../log/codec/unpacking.ts";
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

/** One chain of a box from a watermark on, each segment proven before it is handed on. */
export class BoxChain {
  #link = "";
  #claim?: Claim;

  constructor(
    readonly store: ObjectStore,
    readonly source: Source,
    readonly box: string,
    readonly from: number,
  ) {}

  async *next(): AsyncGenerator<TakenSegment> {
    let expected = this.from + 1;
    let is_first = true;
    const after = segmentKey(this.source, this.box, this.from);
    for await (const { key } of this.store.list(chainFolder(this.source, this.box), after)) {
      const seq = seqOfKey(key);
      if (seq === undefined || seq < expected) continue;
      if (seq > expected) throw new Poison(expected, "it is not in the store");
      if (is_first) await this.#begin();
      is_first = false;
      yield await this.#proven(seq);
      expected++;
    }
  }

  async #begin(): Promise<void> {
    this.#claim = await readClaim(this.store, this.box);
    if (this.from === 0) return;
    const facts = await this.#factsOf(this.from);
    if (facts) this.#link = linkOf(facts);
  }

  async #factsOf(seq: number): Promise<SegmentFacts | undefined> {
    const facts = await this.store.head(segmentKey(this.source, this.box, seq));
    return facts && parseMeta(facts.meta);
  }

  async #proven(seq: number): Promise<TakenSegment> {
    const facts = await this.#factsOf(seq);
    const bytes = await this.store.get(segmentKey(this.source, this.box, seq));
    if (!bytes) throw new Poison(seq, "it is not in the store");
    if (facts?.seq !== seq) throw new Poison(seq, "it does not say what it is");
    if (!this.#claim) throw new Poison(seq, "the claim of its box is gone from the store");
    const [problem] = chainProblems(facts, { box_id: this.#claim.box_id, link: this.#link });
    if (problem) throw new Poison(seq, problem);
    if (!isPartOf(this.source, facts.part)) throw new Poison(seq, "it names no part");
    try {
      const sha256 = linesDigest(new MemoryFile(this.box, bytes));
      if (sha256 !== facts.raw_sha256) throw new Poison(seq, "its lines are not those it says");
    } catch (error) {
      if (!asLedgerError(error)) throw error;
      throw new Poison(seq, (error as LedgerError).message);
    }
    this.#link = linkOf(facts);
    return { box: this.box, facts, bytes, lines_bytes: facts.to - facts.from };
  }
}
