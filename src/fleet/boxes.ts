/** The boxes of a fleet as the store has them: how far each has come, and whether its segments are a chain. */
import { asLedgerError } from "../base/error.ts";
import { MemoryFile } from "../base/files/memory_file.ts";
import { digestOf } from "../base/files/checksum.ts";
import { store_heads_at_once } from "../base/limits.ts";
import { unpackLines } from "../log/codec/unpacking.ts";
import { type Claim, listBoxes, readClaim } from "./claim.ts";
import {
  chainProblems,
  linkOf,
  parseMeta,
  type SegmentFacts,
  segmentKey,
  seqOfKey,
} from "./segment.ts";
import type { ObjectStore } from "./store.ts";
import type { ListedObject } from "./store_answers.ts";

/** A box, as far as its segments have come. */
export interface BoxStatus {
  name: string;
  box_id?: string;
  claimed_at?: string;
  segments: number;
  /** The number of the last one; 0 where there is none. */
  head: number;
  /** Of the objects. */
  bytes: number;
  /** When the last one was put, by the store's clock. */
  last_ms?: number;
  /** What is wrong with it. */
  problem?: string;
}

/** How each box stands, or one of them. */
export async function statusOfBoxes(store: ObjectStore, only?: string): Promise<BoxStatus[]> {
  const names = only === undefined ? await listBoxes(store) : [only];
  const boxes: BoxStatus[] = [];
  for (const name of names) {
    const status: BoxStatus = { name, segments: 0, head: 0, bytes: 0 };
    boxes.push(status);
    const claim = await claimOf(store, name, status);
    status.box_id = claim?.box_id;
    status.claimed_at = claim?.claimed_at;
    for await (const { seq, object } of segmentsOf(store, name)) {
      if (seq !== status.head + 1) status.problem ??= `segment ${status.head + 1} is missing`;
      status.segments++;
      status.head = seq;
      status.bytes += object.size_bytes;
      status.last_ms = object.modified_ms;
    }
  }
  return boxes;
}

async function claimOf(
  store: ObjectStore,
  name: string,
  status: { problem?: string },
): Promise<Claim | undefined> {
  try {
    const claim = await readClaim(store, name);
    if (!claim) status.problem = "its claim is gone from the store";
    return claim;
  } catch (error) {
    const problem = asLedgerError(error);
    if (problem?.code !== "damaged") throw error;
    status.problem = problem.message;
  }
}

/** A box's segments by their keys, in order. */
async function* segmentsOf(
  store: ObjectStore,
  name: string,
): AsyncGenerator<{ seq: number; object: ListedObject }> {
  for await (const object of store.list(`log/box=${name}/`)) {
    const seq = seqOfKey(object.key);
    if (seq !== undefined) yield { seq, object };
  }
}

/** Something of a box's segments that is not as it has to be. */
export interface ChainFinding {
  box: string;
  seq: number;
  problem: string;
}

/** What a verification of a fleet read, and found. */
export interface FleetVerification {
  boxes: { name: string; segments: number; bytes: number; lines_bytes: number }[];
  findings: ChainFinding[];
}

/** What of a fleet is verified. */
export interface VerifyBoxesOptions {
  /** One box alone. */
  only?: string;
  deep?: boolean;
  onBox?: (name: string) => void;
}

/** Follows the chain of each box; `deep` unpacks each segment and compares its lines with its digest. */
export async function verifyBoxes(
  store: ObjectStore,
  { only, deep, onBox }: VerifyBoxesOptions = {},
): Promise<FleetVerification> {
  const verification: FleetVerification = { boxes: [], findings: [] };
  for (const name of only === undefined ? await listBoxes(store) : [only]) {
    onBox?.(name);
    await new ChainCheck(store, name, verification).run(deep ?? false);
  }
  return verification;
}

class ChainCheck {
  /** Of the last segment; absent behind one that does not say what it is. */
  #link?: string = "";
  #next = 1;
  readonly #ends = new Map<string, number>();

  constructor(
    readonly store: ObjectStore,
    readonly box: string,
    readonly verification: FleetVerification,
  ) {}

  async run(deep: boolean): Promise<void> {
    const { store, box } = this;
    const status: { problem?: string } = {};
    const claim = await claimOf(store, box, status);
    if (status.problem) this.#found(0, status.problem);
    const summary = { name: box, segments: 0, bytes: 0, lines_bytes: 0 };
    this.verification.boxes.push(summary);
    let waiting: { seq: number; object: ListedObject }[] = [];
    const check = async () => {
      const facts = await Promise.all(waiting.map(({ seq }) => this.#factsOf(seq)));
      for (const [at, { seq, object }] of waiting.entries()) {
        summary.segments++;
        summary.bytes += object.size_bytes;
        summary.lines_bytes += this.#follow(seq, facts[at], claim);
        if (deep && facts[at]) await this.#compare(facts[at]);
      }
      waiting = [];
    };
    for await (const segment of segmentsOf(store, box)) {
      waiting.push(segment);
      if (waiting.length >= store_heads_at_once) await check();
    }
    await check();
  }

  async #factsOf(seq: number): Promise<SegmentFacts | undefined> {
    const facts = await this.store.head(segmentKey(this.box, seq));
    return facts && parseMeta(facts.meta);
  }

  /** Returns how many bytes of lines the segment says it holds. */
  #follow(seq: number, facts: SegmentFacts | undefined, claim: Claim | undefined): number {
    // What comes behind a beginning that is missing has nothing to follow.
    if (this.#next < seq && this.#link === "") this.#link = undefined;
    for (; this.#next < seq; this.#next++) this.#found(this.#next, "it is not in the store");
    this.#next = seq + 1;
    if (!facts || facts.seq !== seq) {
      this.#found(seq, "it does not say what it is");
      this.#link = undefined;
      return 0;
    }
    const { part, from, to } = facts;
    const problems = chainProblems(facts, {
      box_id: claim?.box_id,
      ...this.#link === undefined
        ? {}
        : { link: this.#link, endOf: (part) => this.#ends.get(part) ?? 0 },
    });
    for (const problem of problems) this.#found(seq, problem);
    this.#link = linkOf(facts);
    this.#ends.set(part, to);
    return to - from;
  }

  async #compare({ seq, part, from, to, raw_sha256 }: SegmentFacts): Promise<void> {
    const key = segmentKey(this.box, seq);
    const bytes = await this.store.get(key);
    if (!bytes) return this.#found(seq, "it is not in the store");
    try {
      let length = 0;
      const lines = unpackLines(new MemoryFile(key, bytes)).map((block) => {
        length += block.bytes.length;
        return block.bytes;
      });
      const sha256 = digestOf(lines);
      if (length !== to - from || sha256 !== raw_sha256) {
        this.#found(seq, `its lines are not those of ${part} that it says they are`);
      }
    } catch (error) {
      const problem = asLedgerError(error);
      if (!problem) throw error;
      this.#found(seq, problem.message);
    }
  }

  #found(seq: number, problem: string): void {
    this.verification.findings.push({ box: this.box, seq, problem });
  }
}
