/**
 * Cache of a fleet on this disk, `data/ledger/fleet/cache`: segments of boxes as the store has them, and how far
 * each chain has come. It is no log: it is never shipped, sealed or retained, and can be deleted.
 */
import { join } from "@std/path";
import { asLedgerError, LedgerError } from "../../base/error.ts";
import {
  makeFolderDurably,
  replaceFile,
  targetOfTemporary,
  withOpenFile,
} from "../../base/files/durable.ts";
import { takeSignedLock } from "../../base/files/file_lock.ts";
import { index_lock_wait_ms } from "../../base/limits.ts";
import { uniqueName, type World } from "../../base/world.ts";
import type { BoxSegment } from "../../index/box_index.ts";
import { ledgerPaths } from "../../log/format/layout.ts";
import type { ChainPlace, TakenSegment } from "../chain.ts";
import {
  chainFolder,
  factsOfFile,
  type SegmentFacts,
  segmentKey,
  seqOfKey,
  type Source,
} from "../segment.ts";

/** How far a chain was pulled. */
export interface PulledChain extends Required<ChainPlace> {
  /** How many of its segments are here: those of earlier days may have been left out. */
  held: number;
  /** The day before which segments were left out; absent where none was. */
  since?: string;
}

const STATE_NAME = "pulled.json";
const STATE_VERSION = 1;

/** What was pulled of a fleet. Its holder has the lock. */
export class FleetCache implements Disposable {
  private constructor(
    readonly world: World,
    readonly folder: string,
    readonly lock: Disposable,
  ) {}

  /** Opens the cache of a ledger, for one fleet. One process at a time: others wait. */
  static async open(
    world: World,
    ledger_dir: string,
    fleet_id: string,
    { lock_wait_ms = index_lock_wait_ms, signal }: {
      lock_wait_ms?: number;
      signal?: AbortSignal;
    } = {},
  ): Promise<FleetCache> {
    const folder = ledgerPaths(ledger_dir).fleet_cache;
    makeFolderDurably(world.files, folder);
    const path = join(folder, ".lock");
    const taken = await takeSignedLock(world, path, lock_wait_ms, signal);
    if ("holder" in taken) {
      throw new LedgerError({
        code: signal?.aborted ? "interrupted" : "busy",
        message: `cannot pull into ${folder}: ${taken.holder} is pulling into it`,
        where: { path },
        hint: "nothing was pulled; try again when it has finished",
      });
    }
    const cache = new FleetCache(world, folder, taken.lock);
    try {
      cache.#checkFleet(fleet_id);
    } catch (error) {
      cache[Symbol.dispose]();
      throw error;
    }
    return cache;
  }

  [Symbol.dispose](): void {
    this.lock[Symbol.dispose]();
  }

  #checkFleet(fleet_id: string): void {
    const path = join(this.folder, "fleet.json");
    const known = this.#readJson<{ fleet_id?: string }>(path);
    if (known?.fleet_id === fleet_id) return;
    if (known === undefined) return this.#writeJson(path, { version: STATE_VERSION, fleet_id });
    throw new LedgerError({
      code: "invalid",
      message: `${this.folder} holds what was pulled of another fleet`,
      where: { path },
      hint: "delete that folder, or give another ledger's: --dir DIR. It can be pulled again",
    });
  }

  /** How far a chain was pulled; undefined where that is not known, or not all of it is here any more. */
  chain(source: Source, box: string): PulledChain | undefined {
    const known = this.#readJson<PulledChain & { version: number }>(this.#statePath(source, box));
    if (known?.version !== STATE_VERSION) return undefined;
    const { seq, link, held, since } = known;
    const here = this.segments(source, box).filter((segment) => segment.seq <= seq);
    return here.length === held ? { seq, link, held, since } : undefined;
  }

  noteChain(source: Source, box: string, chain: PulledChain): void {
    this.#writeJson(this.#statePath(source, box), { version: STATE_VERSION, ...chain });
  }

  /** Prepares for a chain: makes its folder, and removes what a killed pull has left half-way. */
  begin(source: Source, box: string): void {
    const { files } = this.world;
    const folder = this.#pathOf(chainFolder(source, box));
    makeFolderDurably(files, folder);
    for (const { name } of files.list(folder) ?? []) {
      if (targetOfTemporary(name) !== undefined) files.remove(join(folder, name));
    }
  }

  /** Whether a segment is here, as the store says it is. */
  has(source: Source, box: string, facts: SegmentFacts): boolean {
    const path = this.#pathOf(segmentKey(source, box, facts.seq));
    if (!this.world.files.facts(path)) return false;
    try {
      const here = withOpenFile(this.world.files, path, factsOfFile);
      return JSON.stringify(here) === JSON.stringify(facts);
    } catch (error) {
      if (asLedgerError(error)?.code !== "damaged") throw error;
      return false;
    }
  }

  /** Keeps a segment, whole and durable. */
  put(source: Source, { box, facts, bytes }: TakenSegment): void {
    const path = this.#pathOf(segmentKey(source, box, facts.seq));
    replaceFile(this.world.files, path, bytes, uniqueName(this.world));
  }

  /** The segments that are here, of one box or of all, in order. */
  segments(source: Source, only?: string): BoxSegment[] {
    const { files } = this.world;
    const boxes = only === undefined ? this.#boxes(source) : [only];
    return boxes.flatMap((box) => {
      const folder = this.#pathOf(chainFolder(source, box));
      const names = (files.list(folder) ?? []).map(({ name }) => name).sort();
      return names.flatMap((name) => {
        const path = join(folder, name);
        const seq = seqOfKey(path);
        const facts = seq === undefined ? undefined : files.facts(path);
        return facts?.is_file ? [{ box, seq: seq!, path, size_bytes: facts.size_bytes }] : [];
      });
    });
  }

  #boxes(source: Source): string[] {
    const names = (this.world.files.list(this.#pathOf(source)) ?? []).map(({ name }) => name);
    return names.filter((name) => name.startsWith("box=")).map((name) => name.slice(4)).sort();
  }

  #pathOf(key: string): string {
    return join(this.folder, key);
  }

  #statePath(source: Source, box: string): string {
    return join(this.#pathOf(chainFolder(source, box)), STATE_NAME);
  }

  #readJson<Value>(path: string): Value | undefined {
    const { files } = this.world;
    if (!files.facts(path)) return undefined;
    try {
      return Object(JSON.parse(files.readText(path)));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      // What is here is found again by what the store says.
      return undefined;
    }
  }

  #writeJson(path: string, value: unknown): void {
    const bytes = new TextEncoder().encode(`${JSON.stringify(value)}\n`);
    replaceFile(this.world.files, path, bytes, uniqueName(this.world));
  }
}
