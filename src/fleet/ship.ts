/**
 * Shipper: this box's part of the log -> segments in the store, in order, each once. Emitting never waits for
 * it. The store decides: a segment's number is taken by a create-only PUT; where it is taken already, the
 * shipper asks what is there, and adopts it if it is what this box would have sent, or stops: then
 * two boxes have one name, or this disk is an older image of itself.
 */
import { LedgerError } from "../base/error.ts";
import { humanBytes } from "../base/format.ts";
import { openOwn } from "../base/files/durable.ts";
import type { World } from "../base/world.ts";
import { type PackingColumns, packingColumns } from "../log/codec/packing.ts";
import { listDays, openPart, type PartExtent } from "../log/mod.ts";
import {
  noteShipped,
  ownParts,
  readShipped,
  shippedEnds,
  type ShippedSegment,
} from "../log/pull/shipped.ts";
import { readClaim } from "./claim.ts";
import type { FleetHome, Membership } from "./home.ts";
import {
  chainProblems,
  linkOf,
  type PackedSegment,
  packSegment,
  parseMeta,
  readLines,
  segmentKey,
  segmentMeta,
} from "./segment.ts";
import { type ObjectStore, sha256Of } from "./store.ts";

/** What a shipment did. */
export interface ShipReport {
  box: string;
  /** Segments that were put now, */
  shipped: number;
  /** and those that the store had already, without this box knowing. */
  adopted: number;
  /** Of lines. */
  bytes: number;
  /** The number of the last segment. */
  head: number;
}

/** What a repair did. */
export interface RepairReport {
  box: string;
  put: number;
  /** Segments that the store lost, and the log has no more. */
  lost: ShippedSegment[];
}

/** How a shipment is made. */
export interface ShipOptions {
  signal?: AbortSignal;
  /** Told of each segment that the store has. */
  onSegment?: (segment: ShippedSegment) => void;
}

/** A part of this box, and the end of what is durable of it. */
interface Target {
  extent: PartExtent;
  end: number;
}

/** The shipper of one box. */
export class Shipper {
  readonly #world: World;
  #columns?: PackingColumns;
  /** The parts as they were last looked at. */
  #known: Target[] = [];

  constructor(readonly store: ObjectStore, readonly home: FleetHome) {
    this.#world = store.world;
  }

  get root(): string {
    return this.home.ledger_dir;
  }

  /** Ships what is durable when it begins. One try: what the store does not answer is thrown. */
  async ship({ signal, onSegment }: ShipOptions = {}): Promise<ShipReport> {
    const box = await this.#checkClaim();
    let targets = await this.#targets();
    const head = new ChainHead(this.#world, this.root, box, onSegment);
    const report: ShipReport = { box: box.name, shipped: 0, adopted: 0, bytes: 0, head: 0 };
    await this.#checkHead(head);
    report.adopted += await this.#adoptNews(head);
    targets = targets.filter(({ extent: { label }, end }) => {
      if (end >= head.endOf(label)) return true;
      throw new Fork(
        `${label} is ${humanBytes(head.endOf(label) - end)} shorter than what was sent`,
        {
          box: box.name,
          part: label,
        },
      );
    });
    for (const { extent, end } of targets) {
      using part = await openPart(this.#world, extent);
      for (let from = head.endOf(extent.label); from < end; from = head.endOf(extent.label)) {
        if (signal?.aborted) return { ...report, head: head.seq };
        const lines = readLines(part, from, end);
        if (lines.length === 0) break;
        const segment = packSegment(lines, {
          box_id: box.box_id,
          seq: head.seq + 1,
          prev_sha256: head.link,
          part: extent.label,
          from,
        }, this.#columns ??= packingColumns());
        if (await this.#put(box, segment)) {
          head.note(segment);
          report.shipped++;
          report.bytes += lines.length;
        } else report.adopted += await this.#adoptNews(head);
      }
    }
    return { ...report, head: head.seq };
  }

  /**
   * Puts again what the store has lost, from the ranges that this box noted. What has left the log since cannot
   * be put.
   */
  async repair({ signal, onSegment }: ShipOptions = {}): Promise<RepairReport> {
    const box = await this.#checkClaim();
    const targets = await this.#targets();
    const report: RepairReport = { box: box.name, put: 0, lost: [] };
    let prev_sha256 = "";
    for (const segment of readShipped(this.#world.files, this.root)) {
      if (signal?.aborted) break;
      const facts = { ...segment, box_id: box.box_id, prev_sha256 };
      prev_sha256 = linkOf(facts);
      if (await this.#factsOf(box, segment.seq)) continue;
      const { part: label, from, to, raw_sha256 } = segment;
      const target = targets.find(({ extent }) => extent.label === label);
      using part = target && target.end >= to
        ? await openPart(this.#world, target.extent)
        : undefined;
      const lines = part?.bytesBetween(from, to) as Uint8Array<ArrayBuffer> | undefined;
      if (!lines || sha256Of(lines) !== raw_sha256) {
        report.lost.push(segment);
        continue;
      }
      await this.#put(box, packSegment(lines, facts, this.#columns ??= packingColumns()));
      report.put++;
      onSegment?.(segment);
    }
    return report;
  }

  /** Whether a segment was put; false where its number is taken. */
  async #put({ name }: Membership, segment: PackedSegment): Promise<boolean> {
    const outcome = await this.store.put(segmentKey("log", name, segment.seq), segment.bytes, {
      create_only: true,
      meta: segmentMeta(segment),
      sha256: segment.sha256,
      content_type: "application/vnd.apache.parquet",
    });
    return outcome === "stored";
  }

  /** The parts of this box as they are now, each with the end of what is durable. */
  async #targets(): Promise<Target[]> {
    const targets: Target[] = [];
    for await (const extent of ownParts(this.#world, this.root)) {
      if (!extent.compacted) {
        // A reader may see lines that a power cut takes back; sent, they would fork the box from itself.
        using file = openOwn(this.#world.files, extent.path);
        file.syncData();
      }
      targets.push({ extent, end: extent.size_bytes });
    }
    return this.#known = targets;
  }

  /** Throws unless the store knows this box by its name. */
  async #checkClaim(): Promise<Membership> {
    const box = this.home.member();
    const claim = await readClaim(this.store, box.name);
    if (claim?.box_id === box.box_id) return box;
    throw new Fork(
      claim
        ? `another box has the name ${box.name} in this fleet`
        : `the claim of box ${box.name} is gone from the store`,
      { box: box.name },
    );
  }

  /** The last segment that this box knows of has to be there. */
  async #checkHead(head: ChainHead): Promise<void> {
    const { last, box } = head;
    if (!last) return;
    const found = await this.#factsOf(box, last.seq);
    if (found?.raw_sha256 === last.raw_sha256 && found.box_id === box.box_id) return;
    if (!found) {
      throw new LedgerError({
        code: "damaged",
        message: `segment ${last.seq} of box ${box.name} is not in the store any more`,
        hint: "put again what the log still has: ledger ship --repair",
        detail: { box: box.name, seq: last.seq },
      });
    }
    throw new Fork(`segment ${last.seq} of box ${box.name} in the store is not the one it sent`, {
      box: box.name,
      seq: last.seq,
    });
  }

  /** Takes note of segments that the store has beyond those that this box knows of. */
  async #adoptNews(head: ChainHead): Promise<number> {
    for (let adopted = 0;; adopted++) {
      const seq = head.seq + 1;
      const found = await this.#factsOf(head.box, seq);
      if (!found) return adopted;
      const [broken] = chainProblems(found, {
        box_id: head.box.box_id,
        link: head.link,
        endOf: (part) => head.endOf(part),
      });
      const problem = broken ?? await this.#differs(found);
      if (problem) {
        throw new Fork(`segment ${seq} of box ${head.box.name} is not of this disk: ${problem}`, {
          box: head.box.name,
          seq,
          part: found.part,
          from: found.from,
        });
      }
      head.note(found);
    }
  }

  /** Why the lines here are not those of a segment; undefined where they are. */
  async #differs(
    { part: label, from, to, raw_sha256 }: ShippedSegment,
  ): Promise<string | undefined> {
    const target = await this.#targetOf(label, to);
    // A day that has left the log cannot be compared; the chain of segments vouches for it.
    if (!target) return this.#mayBeAway(label) ? undefined : `there is no ${label} here`;
    if (target.end < to) {
      return `${label} has ${humanBytes(to - target.end)} less here`;
    }
    using part = await openPart(this.#world, target.extent);
    return sha256Of(part.bytesBetween(from, to)) === raw_sha256
      ? undefined
      : `${label} has other bytes here from ${from} to ${to}`;
  }

  /** A part of this box; looked at anew where another shipper of it has seen more. */
  async #targetOf(label: string, to: number): Promise<Target | undefined> {
    const known = this.#known.find(({ extent }) => extent.label === label);
    if (known && known.end >= to) return known;
    return (await this.#targets()).find(({ extent }) => extent.label === label);
  }

  #mayBeAway(label: string): boolean {
    const day = label.slice("day=".length, label.indexOf("/"));
    return !listDays(this.#world.files, this.root).includes(day);
  }

  async #factsOf({ name }: Membership, seq: number) {
    const facts = await this.store.head(segmentKey("log", name, seq));
    if (!facts) return undefined;
    const found = parseMeta(facts.meta);
    if (found?.seq === seq) return found;
    throw new LedgerError({
      code: "damaged",
      message: `segment ${seq} of box ${name} does not say what it is`,
      hint: `look at ${segmentKey("log", name, seq)} in the bucket: it was not put by this program`,
    });
  }
}

/** How far the chain of a box's segments has come, as far as this box knows. */
class ChainHead {
  last?: ShippedSegment;
  readonly #ends: Map<string, number>;
  #link = "";

  constructor(
    readonly world: World,
    readonly root: string,
    readonly box: Membership,
    readonly onSegment: (segment: ShippedSegment) => void = () => {},
  ) {
    const known = readShipped(world.files, root);
    this.last = known.at(-1);
    this.#ends = shippedEnds(known);
    for (const segment of known) this.#extend(segment);
  }

  get seq(): number {
    return this.last?.seq ?? 0;
  }

  /** Of the last segment; empty where there is none. */
  get link(): string {
    return this.#link;
  }

  #extend(segment: ShippedSegment): void {
    this.#link = linkOf({ ...segment, box_id: this.box.box_id, prev_sha256: this.#link });
  }

  endOf(part: string): number {
    return this.#ends.get(part) ?? 0;
  }

  note({ seq, part, from, to, raw_sha256 }: ShippedSegment): void {
    const segment: ShippedSegment = { seq, part, from, to, raw_sha256 };
    noteShipped(this.world.files, this.root, segment);
    this.#extend(segment);
    this.last = segment;
    this.#ends.set(part, to);
    this.onSegment(segment);
  }
}

/** What the store has under this box's name is not this box's: it stops, for good. */
export class Fork extends LedgerError {
  override name = "Fork";

  constructor(message: string, detail: Record<string, unknown>) {
    super({
      code: "forked",
      message,
      hint:
        "another box has this name, or this disk was restored from an older image; nothing more " +
        "is shipped. What is here and not there goes on under a new name: remove fleet.json and " +
        "fleet/ from the ledger's folder, then ledger fleet join --as NEWNAME",
      detail,
    });
  }
}
