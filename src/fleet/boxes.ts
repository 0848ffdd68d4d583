/** The boxes of a fleet as the store has them: how far each has come, and whether its segments are chains. */
import { asLedgerError } from "../base/error.ts";
import { MemoryFile } from "../base/files/memory_file.ts";
import { digestOf } from "../base/files/checksum.ts";
import { store_heads_at_once } from "../base/limits.ts";
import { unpackLines } from "../log/codec/unpacking.ts";
import { isPartOf, ownParts, readShipped, WHOLE } from "../log/pull/shipped.ts";
import type { ShippingLag } from "../log/pull/shipping_lag.ts";
import {
  BoxChain,
  type ChainFinding,
  factsOf,
  type ListedSegment,
  Poison,
  segmentsOf,
  watermarkOf,
} from "./chain.ts";
import { openTable } from "./lake/checkpoint.ts";
import type { RepeatedIds } from "./lake/repeated.ts";
import { readStart } from "./chain_start.ts";
import { type Claim, namesOf, readClaim } from "./claim.ts";
import type { FleetHome, Membership } from "./home.ts";
import {
  chainProblems,
  linkOf,
  parseMeta,
  type SegmentFacts,
  segmentKey,
  type Source,
  SOURCES,
} from "./segment.ts";
import { LAKE_TABLES } from "./lake/lake.ts";
import { type BundledRun, bytesOfRunFile, runsOfBundle } from "./bundles/run_files.ts";
import type { ObjectStore } from "./store.ts";

/** A chain of a box, as far as its segments have come. */
interface ChainStatus {
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

/** A box: its log, and what it sends beside it. */
export interface BoxStatus extends ChainStatus {
  name: string;
  box_id?: string;
  claimed_at?: string;
  artifacts: ChainStatus;
  traces: ChainStatus;
  /** Of this machine's box: what of its log is not there yet. */
  behind?: ShippingLag;
}

/** How each box stands, or one of them; of this machine's, also how its store and its disk agree. */
export async function statusOfBoxes(
  store: ObjectStore,
  home: FleetHome,
  only?: string,
): Promise<BoxStatus[]> {
  const { box } = home.read() ?? {};
  const names = new Set(await namesOf(store, only));
  if (box && !box.pending && only === undefined) names.add(box.name);
  const boxes: BoxStatus[] = [];
  for (const name of names) {
    const { claim, problem: of_claim } = await claimOf(store, name);
    const [log, artifacts, traces] = await Promise.all(
      SOURCES.map((source) => statusOfChain(store, source, name)),
    );
    const { box_id, claimed_at } = claim ?? {};
    const problem = of_claim ?? log.problem;
    const status: BoxStatus = { name, box_id, claimed_at, ...log, problem, artifacts, traces };
    if (box?.name === name) {
      status.behind = await home.lag({ count: true });
      status.problem ??= await disagreement(store, home, box, status);
    }
    boxes.push(status);
  }
  return boxes;
}

/** How this machine's box is not the one that the store has under its name, as far as a look shows it. */
async function disagreement(
  store: ObjectStore,
  home: FleetHome,
  { name, box_id }: Membership,
  { box_id: claimed_id, head }: BoxStatus,
): Promise<string | undefined> {
  if (claimed_id !== box_id) return `forked: another box has the name ${name}`;
  const { head: known, segments } = readShipped(home.world.files, home.ledger_dir);
  const last = segments.at(-1);
  const facts = last && await store.head(segmentKey("log", name, last.seq));
  if (last && !facts) return `segment ${last.seq} was deleted: ledger ship --repair`;
  if (facts && parseMeta(facts.meta)?.raw_sha256 !== last!.raw_sha256) {
    return `forked: segment ${last!.seq} is not the one that this box sent`;
  }
  const taken = head > known ? await factsOf(store, "log", name, known + 1) : undefined;
  for await (const { label, size_bytes } of taken ? ownParts(home.world, home.ledger_dir) : []) {
    if (label !== taken!.part || size_bytes >= taken!.to) continue;
    return `forked: segment ${known + 1} is not of this disk: ${label} has ` +
      `${taken!.to - size_bytes} B less here`;
  }
  const more = head - known;
  // A shipper at work notes a moment later what it has put.
  return more > 1
    ? `${more} segments that this box does not know, as on a disk that was restored: ` +
      "ledger ship --once finds out"
    : undefined;
}

async function statusOfChain(
  store: ObjectStore,
  source: Source,
  box: string,
): Promise<ChainStatus> {
  const status: ChainStatus = { segments: 0, head: 0, bytes: 0 };
  for await (const { seq, size_bytes, modified_ms } of segmentsOf(store, source, box)) {
    if (seq > status.head + 1) {
      const start = await readStart(store, source, box);
      if (start && start.seq > status.head) status.head = start.seq - 1;
      // A retention that was killed has left it.
      if (seq <= status.head) continue;
      if (seq > status.head + 1) status.problem ??= `segment ${status.head + 1} is missing`;
    }
    status.segments++;
    status.head = seq;
    status.bytes += size_bytes;
    status.last_ms = modified_ms;
  }
  return status;
}

/** The claim of a name, or why there is none to be had. */
async function claimOf(
  store: ObjectStore,
  name: string,
): Promise<{ claim?: Claim; problem?: string }> {
  try {
    const claim = await readClaim(store, name);
    return claim ? { claim } : { problem: "its claim is gone from the store" };
  } catch (error) {
    const damage = asLedgerError(error);
    if (damage?.code !== "damaged") throw error;
    return { problem: damage.message };
  }
}

/** How far a table has come with a box. */
export interface TableStatus {
  table: string;
  /** Of its last commit; -1 before the first. */
  version: number;
  files: number;
  box: string;
  /** The last segment of the table's chain that is in it, and the last that there is. */
  at: number;
  head: number;
  /** Why the next one cannot be taken: the box stops there. */
  problem?: string;
}

/** The vector of each table that is made of segments: how far each box, or one, is in it. */
export async function statusOfTables(
  store: ObjectStore,
  work_folder: string,
  only?: string,
): Promise<TableStatus[]> {
  const names = await namesOf(store, only);
  const heads = new Map<string, number>();
  for (const source of SOURCES) {
    for (const box of names) {
      heads.set(`${source} ${box}`, (await statusOfChain(store, source, box)).head);
    }
  }
  const found: TableStatus[] = [];
  const problems = new Map<string, string | undefined>();
  for (const lake of LAKE_TABLES.filter(({ source }) => source)) {
    const { snapshot: { version, files, watermarks } } = await openTable(store, lake, work_folder);
    for (const box of names) {
      const at = watermarks.get(watermarkOf(box)) ?? 0;
      const head = heads.get(`${lake.source} ${box}`)!;
      const next = `${lake.source} ${box} ${at}`;
      if (at < head && !problems.has(next)) {
        problems.set(next, await poisonBehind(new BoxChain(store, lake.source!, box, at)));
      }
      const problem = problems.get(next);
      found.push({ table: lake.name, version, files: files.size, box, at, head, problem });
    }
  }
  return found;
}

/** What keeps the next segment of a chain from being taken, as a fold job would find it. */
async function poisonBehind(chain: BoxChain): Promise<string | undefined> {
  try {
    await chain.next().next();
  } catch (error) {
    if (!(error instanceof Poison)) throw error;
    return `segment ${error.seq}: ${error.message}`;
  }
}

/** What a verification of a fleet read, and found. */
export interface FleetVerification {
  /** A row a chain; a box that sends its log alone has one. */
  boxes: { name: string; source: Source; segments: number; bytes: number; lines_bytes: number }[];
  findings: ChainFinding[];
  /** Of all boxes, where everything was read. */
  ids?: RepeatedIds;
}

/** What of a fleet is verified. */
export interface VerifyBoxesOptions {
  /** One box alone. */
  only?: string;
  deep?: boolean;
  onBox?: (name: string) => void;
}

/** Follows the chains of each box; `deep` unpacks each segment and compares its lines with its digest. */
export async function verifyBoxes(
  store: ObjectStore,
  { only, deep, onBox }: VerifyBoxesOptions = {},
): Promise<FleetVerification> {
  const verification: FleetVerification = { boxes: [], findings: [] };
  for (const name of await namesOf(store, only)) {
    onBox?.(name);
    const { claim, problem } = await claimOf(store, name);
    if (problem) verification.findings.push({ box: name, source: "log", seq: 0, problem });
    for (const source of SOURCES) {
      await new ChainCheck(store, source, name, claim, verification).run(deep ?? false);
    }
  }
  return verification;
}

class ChainCheck {
  /** Of the last segment; absent behind one that does not say what it is. */
  #link?: string;
  #next = 0;
  readonly #ends = new Map<string, number>();

  constructor(
    readonly store: ObjectStore,
    readonly source: Source,
    readonly box: string,
    readonly claim: Claim | undefined,
    readonly verification: FleetVerification,
  ) {}

  async run(deep: boolean): Promise<void> {
    const { store, source, box } = this;
    const summary = { name: box, source, segments: 0, bytes: 0, lines_bytes: 0 };
    const start = await readStart(store, source, box) ?? WHOLE;
    this.#next = start.seq;
    this.#link = start.prev_sha256;
    for (const [part, end] of Object.entries(start.ends)) this.#ends.set(part, end);
    let waiting: ListedSegment[] = [];
    const check = async () => {
      const facts = await Promise.all(waiting.map(({ seq }) => factsOf(store, source, box, seq)));
      for (const [at, { seq, size_bytes }] of waiting.entries()) {
        summary.segments++;
        summary.bytes += size_bytes;
        summary.lines_bytes += this.#follow(seq, facts[at]);
        if (deep && facts[at]) await this.#compare(facts[at]);
      }
      waiting = [];
    };
    for await (const segment of segmentsOf(store, source, box, start.seq - 1)) {
      waiting.push(segment);
      if (waiting.length >= store_heads_at_once) await check();
    }
    await check();
    if (source === "log" || summary.segments > 0) this.verification.boxes.push(summary);
  }

  /** Returns how many bytes of lines the segment says it holds. */
  #follow(seq: number, facts: SegmentFacts | undefined): number {
    // What comes behind a beginning that is missing has nothing to follow.
    if (this.#next < seq && this.#link === "") this.#link = undefined;
    for (; this.#next < seq; this.#next++) this.#found(this.#next, "it is not in the store");
    this.#next = seq + 1;
    if (facts?.seq !== seq || !isPartOf(this.source, facts.part)) {
      this.#found(seq, "it does not say what it is");
      this.#link = undefined;
      return 0;
    }
    const { part, from, to } = facts;
    const problems = chainProblems(facts, {
      box_id: this.claim?.box_id,
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
    const key = segmentKey(this.source, this.box, seq);
    const bytes = await this.store.get(key);
    if (!bytes) return this.#found(seq, "it is not in the store");
    let runs: BundledRun[] = [];
    try {
      let length = 0;
      const lines = unpackLines(new MemoryFile(key, bytes)).map((block) => {
        length += block.bytes.length;
        return block.bytes;
      });
      const sha256 = digestOf(lines);
      if (length !== to - from || sha256 !== raw_sha256) {
        this.#found(seq, `its lines are not those of ${part} that it says they are`);
      } else if (this.source === "artifacts") runs = runsOfBundle(this.box, bytes);
    } catch (error) {
      const problem = asLedgerError(error);
      if (!problem) throw error;
      this.#found(seq, problem.message);
    }
    // The large files, which its lines name.
    for (const file of runs.flatMap(({ files }) => [...files.values()])) {
      if (file.object === undefined || await bytesOfRunFile(this.store, file)) continue;
      this.#found(seq, `the object ${file.object} is gone, or has other bytes`);
    }
  }

  #found(seq: number, problem: string): void {
    this.verification.findings.push({ box: this.box, source: this.source, seq, problem });
  }
}
