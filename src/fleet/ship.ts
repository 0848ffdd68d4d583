/**
 * Shipper: what this box has -> segments in the store, in order, each once: its part of the log here, its ended
 * runs and its traces by the modules beside. Emitting never waits for it.
 */
import { dirname } from "@std/path";
import { humanBytes } from "../base/format.ts";
import { digestOf } from "../base/files/checksum.ts";
import { openOwn } from "../base/files/durable.ts";
import type { World } from "../base/world.ts";
import { listDays, openPart, type PartExtent } from "../log/mod.ts";
import { ownParts, type ShippedSegment } from "../log/pull/shipped.ts";
import { readClaim } from "./claim.ts";
import type { FleetHome, Membership } from "./home.ts";
import { Fork, OutgoingChain, type Sent } from "./outgoing.ts";
import { readLines } from "./segment.ts";
import { RunShipper, type SentRuns } from "./bundles/ship_runs.ts";
import { type SentTraces, TraceShipper } from "./bundles/ship_traces.ts";
import type { ObjectStore } from "./store.ts";

/** What a shipment did. */
export interface ShipReport extends Sent {
  box: string;
  /** The number of the last segment of the log. */
  head: number;
  artifacts: SentRuns;
  traces: SentTraces;
}

/** What a repair did. */
export interface RepairReport {
  box: string;
  put: number;
  /** Segments that the store lost, and this box cannot make again. */
  lost: ShippedSegment[];
}

/** How a shipment is made. */
export interface ShipOptions {
  signal?: AbortSignal;
  /** Called with each segment that the store has. */
  onSegment?: (segment: ShippedSegment) => void;
}

/** A part of this box, and the end of what was written of it. */
interface Target {
  extent: PartExtent;
  end: number;
}

/** The shipper of one box. */
export class Shipper {
  readonly #world: World;
  /** The parts as they were last looked at. */
  #known: Target[] = [];

  /** Files of traces of which all is in the store: they do not change. */
  readonly #sent_traces = new Set<string>();

  constructor(
    readonly store: ObjectStore,
    readonly home: FleetHome,
    readonly runs_dir: string,
  ) {
    this.#world = store.world;
  }

  get root(): string {
    return this.home.ledger_dir;
  }

  /** Ships what is durable when it begins. One try: what the store does not answer is thrown. */
  async ship({ signal, onSegment }: ShipOptions = {}): Promise<ShipReport> {
    const box = await this.#checkClaim();
    const chain = this.#chain(box, onSegment);
    await this.#shipLog(chain, signal);
    const { runs, traces } = this.#beside(box, onSegment);
    return {
      box: box.name,
      ...chain.sent,
      head: chain.seq,
      artifacts: await runs.ship(signal),
      traces: await traces.ship(signal),
    };
  }

  /** What this box sends beside its log. */
  #beside(box: Membership, onSegment: ShipOptions["onSegment"]) {
    const place = { store: this.store, root: this.root, box, onSegment };
    return {
      runs: new RunShipper(place, this.runs_dir),
      traces: new TraceShipper(place, this.#sent_traces),
    };
  }

  async #shipLog(chain: OutgoingChain, signal?: AbortSignal): Promise<void> {
    const targets = await this.#targets();
    await chain.begin();
    for (const { extent: { label }, end } of targets) {
      const sent = chain.endOf(label);
      // Where another shipper of this box has sent more, the part has grown since it was looked at.
      const end_now = end >= sent ? end : (await this.#targetOf(label, sent))?.end ?? 0;
      if (end_now >= sent) continue;
      throw new Fork(`${label} is ${humanBytes(sent - end_now)} shorter than what was sent`, {
        box: chain.place.box.name,
        part: label,
      });
    }
    for (const { extent, end } of targets) {
      if (chain.endOf(extent.label) >= end) continue;
      this.#makeDurable(extent, chain.endOf(extent.label) === 0);
      using part = await openPart(this.#world, extent);
      for (let from = chain.endOf(extent.label); from < end; from = chain.endOf(extent.label)) {
        if (signal?.aborted) break;
        const lines = readLines(part, from, end);
        if (lines.length === 0) break;
        await chain.send(extent.label, lines);
      }
    }
  }

  /**
   * Puts again what the store has lost, from the ranges that this box noted. What has left the log since cannot
   * be put.
   */
  async repair({ signal, onSegment }: ShipOptions = {}): Promise<RepairReport> {
    const box = await this.#checkClaim();
    const targets = await this.#targets();
    const chain = this.#chain(box, onSegment);
    const lost = await chain.repair(async ({ part: label, from, to }) => {
      const target = targets.find(({ extent }) => extent.label === label);
      if (!target || target.end < to) return undefined;
      using part = await openPart(this.#world, target.extent);
      return part.bytesBetween(from, to) as Uint8Array<ArrayBuffer>;
    }, signal);
    const report: RepairReport = { box: box.name, put: chain.sent.shipped, lost };
    for (const shipper of Object.values(this.#beside(box, onSegment))) {
      const repaired = await shipper.repair(signal);
      report.put += repaired.put;
      report.lost.push(...repaired.lost);
    }
    return report;
  }

  #chain(box: Membership, onSegment: ShipOptions["onSegment"]): OutgoingChain {
    return new OutgoingChain("log", {
      store: this.store,
      root: this.root,
      box,
      adopt: async (found) => ({ problem: await this.#differs(found) }),
      onSegment,
    });
  }

  /** The parts of this box as they are now, each with the size that it had under the day's lock. */
  async #targets(): Promise<Target[]> {
    const targets: Target[] = [];
    for await (const extent of ownParts(this.#world, this.root)) {
      targets.push({ extent, end: extent.size_bytes });
    }
    return this.#known = targets;
  }

  /**
   * A reader may see lines, and the name of a new part, that a power cut takes back; sent, they would fork the
   * box from itself.
   */
  #makeDurable({ path, compacted }: PartExtent, is_new: boolean): void {
    if (compacted) return;
    const { files } = this.#world;
    using file = openOwn(files, path);
    file.syncData();
    const folders = [dirname(path), dirname(dirname(path)), this.root];
    for (const folder of is_new ? folders : []) files.syncFolder(folder);
  }

  /** Throws unless the store knows this box by its name. */
  async #checkClaim(): Promise<Membership> {
    const box = this.home.member();
    const claim = await readClaim(this.store, box.name);
    if (claim?.box_id === box.box_id) return box;
    if (claim) {
      throw new Fork(`another box has the name ${box.name} in this fleet`, { box: box.name });
    }
    throw new Fork(
      `the claim of box ${box.name} is gone from the store`,
      { box: box.name },
      `where objects of the bucket were deleted: ledger fleet init, ledger fleet join --as ${box.name}, ` +
        "and ledger ship --repair put again what this box has",
    );
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
    return digestOf([part.bytesBetween(from, to)]) === raw_sha256
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
}
