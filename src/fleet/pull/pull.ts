/**
 * Pull of a fleet: segments of boxes -> the cache, each proven, and the cache's index. What was fetched stays,
 * however a pull ends; the next one goes on behind it. A box whose next segment cannot be taken stops
 * there, and is named; the others go on.
 */
import { pulled_boxes_at_once, pulled_segments_at_once } from "../../base/limits.ts";
import { type BoxIndexReport, syncBoxIndex } from "../../index/box_index.ts";
import { ledgerPaths, parsePartLabel } from "../../log/format/layout.ts";
import { FleetCache, type PulledChain } from "./cache.ts";
import { BoxChain, type ChainFinding, Poison } from "../chain.ts";
import { namesOf } from "../claim.ts";
import { PulledBundles } from "./bundles.ts";
import { linkOf, type SegmentFacts, type Source, SOURCES } from "../segment.ts";
import type { ObjectStore } from "../store.ts";

/** What is pulled. */
export interface PullOptions {
  /** Events of days before this one are left in the store. */
  since_day?: string;
  /** One box alone. */
  box?: string;
  lock_wait_ms?: number;
  signal?: AbortSignal;
  /** Called with each box when all of it is here. */
  onBox?: (box: PulledBox) => void;
  onNotice?: (message: string) => void;
}

/** What was pulled of a box. */
interface PulledBox {
  name: string;
  /** New ones, */
  segments: number;
  /** and the bytes of their objects. */
  bytes: number;
  /** The number of the last one of its log that was looked at. */
  head: number;
}

/** What a pull did. */
export interface FleetPullReport {
  boxes: PulledBox[];
  /** Chains of boxes that stopped at a segment, and why. */
  poison: ChainFinding[];
  /** Absent where the pull was stopped before. */
  index?: BoxIndexReport;
}

/** Pulls a fleet into the cache of a ledger. */
export async function pullFleet(
  store: ObjectStore,
  ledger_dir: string,
  fleet_id: string,
  options: PullOptions = {},
): Promise<FleetPullReport> {
  using cache = await FleetCache.open(store.world, ledger_dir, fleet_id, options);
  const names = await namesOf(store, options.box);
  const pull = new FleetPull(store, cache, options);
  const { signal, onNotice } = options;
  const failure = await pull.run(names).then(() => undefined, (error) => ({ error }));
  try {
    // What came before the store went away can be asked all the same.
    if (!signal?.aborted) {
      const { fleet_index } = ledgerPaths(ledger_dir);
      const beside = new PulledBundles(store, cache, (poison) => pull.report.poison.push(poison));
      const segments = cache.segments("log");
      pull.report.index = await syncBoxIndex(store.world, fleet_index, segments, {
        folder: cache.folder,
        beside: beside.tables(),
        signal,
        onNotice,
      });
    }
  } catch (error) {
    throw failure ? failure.error : error;
  }
  if (failure) throw failure.error;
  return pull.report;
}

class FleetPull {
  readonly report: FleetPullReport = { boxes: [], poison: [] };

  constructor(
    readonly store: ObjectStore,
    readonly cache: FleetCache,
    readonly options: PullOptions,
  ) {}

  /** Several boxes at a time: most of it is waiting for answers. */
  async run(names: readonly string[]): Promise<void> {
    const left = names.values();
    const work = async () => {
      for (const name of left) {
        if (this.options.signal?.aborted) return;
        const pulled = { name, segments: 0, bytes: 0, head: 0 };
        for (const source of SOURCES) await this.#pullChain(source, pulled);
        this.report.boxes.push(pulled);
        this.options.onBox?.(pulled);
      }
    };
    const ends = await Promise.allSettled(Array.from({ length: pulled_boxes_at_once }, work));
    this.report.boxes.sort((one, other) => one.name < other.name ? -1 : 1);
    for (const end of ends) if (end.status === "rejected") throw end.reason;
  }

  async #pullChain(source: Source, pulled: PulledBox): Promise<void> {
    const { store, options: { signal } } = this;
    const { name: box } = pulled;
    const place = this.#placeOf(source, box);
    const chain = new BoxChain(store, source, box, place.seq === 0 ? 0 : { ...place });
    let waiting: SegmentFacts[] = [];
    const take = async () => {
      const facts = waiting;
      waiting = [];
      if (facts.length > 0 && !signal?.aborted) await this.#take(chain, facts, place, pulled);
    };
    try {
      try {
        for await (const facts of chain.facts()) {
          if (signal?.aborted) return;
          waiting.push(facts);
          if (waiting.length === pulled_segments_at_once) await take();
        }
      } finally {
        // Those before one that cannot be taken can.
        await take();
      }
    } catch (error) {
      if (!(error instanceof Poison)) throw error;
      this.report.poison.push({ box, source, seq: error.seq, problem: error.message });
    } finally {
      if (source === "log") pulled.head = place.seq;
    }
  }

  /** Where to go on: from the beginning, if something that is wanted now was left out, or is gone. */
  #placeOf(source: Source, box: string): PulledChain {
    const { since_day } = this.options;
    const known = this.cache.chain(source, box);
    const is_enough = known?.since === undefined ||
      (since_day !== undefined && since_day >= known.since);
    return known && is_enough ? known : { seq: 0, link: "", held: 0 };
  }

  /** Fetches some segments at once, and keeps them in order, up to the first that cannot be taken. */
  async #take(
    chain: BoxChain,
    waiting: readonly SegmentFacts[],
    place: PulledChain,
    pulled: PulledBox,
  ): Promise<void> {
    const { cache, options: { since_day = "" } } = this;
    const { source, box } = chain;
    cache.begin(source, box);
    const here = waiting.map((facts) => cache.has(source, box, facts));
    const reads = await Promise.allSettled(waiting.map((facts, at) => {
      return here[at] || dayOf(facts) < since_day ? undefined : chain.read(facts);
    }));
    try {
      for (const [at, facts] of waiting.entries()) {
        const read = reads[at];
        if (read.status === "rejected") throw read.reason;
        if (read.value) {
          cache.put(source, read.value);
          pulled.segments++;
          pulled.bytes += read.value.bytes.length;
        }
        if (here[at] || read.value) place.held++;
        else place.since = since_day;
        place.seq = facts.seq;
        place.link = linkOf(facts);
      }
    } finally {
      cache.noteChain(source, box, place);
    }
  }
}

/** The day of a segment's lines; what is not of a log's day is of every day. */
function dayOf({ part }: SegmentFacts): string {
  return parsePartLabel(part)?.day ?? "9999-99-99";
}
