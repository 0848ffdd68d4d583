/**
 * An object store that counts what is asked of it, and holds facts only: of each object its size and time, of the
 * hints of checkpoints the bytes too. Its clock is set by hand.
 */
import { systemWorld } from "../../src/base/world.ts";
import { KeySource } from "../../src/fleet/keys.ts";
import { ObjectStore } from "../../src/fleet/store.ts";
import { store_page_names } from "../../src/base/limits.ts";

/** What was asked, by the words in which stores send bills. */
export interface Tally {
  PUT: number;
  LIST: number;
  GET: number;
  HEAD: number;
  DELETE: number;
  sent_bytes: number;
  fetched_bytes: number;
}

/** Who asks. */
export const ASKERS = ["ship", "fold", "upkeep"] as const;
type Asker = typeof ASKERS[number];

interface HeldObject {
  size_bytes: number;
  modified_ms: number;
  bytes?: Uint8Array<ArrayBuffer>;
}

/** Sizes of objects of a kind, as they were put. */
export interface SizesPut {
  count: number;
  bytes: number;
  largest_bytes: number;
  last_bytes: number;
}

/** The store of one simulated fleet. */
export class MeteredStore extends ObjectStore {
  readonly #objects = new Map<string, HeldObject>();
  readonly #clock: { now_ms: number };
  asker: Asker = "ship";
  tallies = emptyTallies();
  commits = noSizes();
  checkpoints = noSizes();
  /** Of all that is held; segments are added by `holdSegments`. */
  held = { objects: 0, bytes: 0 };

  constructor(clock: { now_ms: number }) {
    const world = { ...systemWorld(), now_ms: () => clock.now_ms };
    const address = { bucket: "simulated", prefix: "", endpoint: "http://127.0.0.1" };
    super(world, address, new KeySource(world));
    this.#clock = clock;
  }

  /** Counts requests that are not played one by one. */
  count(kind: keyof Tally, count: number): void {
    this.tallies[this.asker][kind] += count;
  }

  /** Counts segments that were sent: no name of them is kept. */
  holdSegments(count: number, bytes: number): void {
    this.count("PUT", count);
    this.count("sent_bytes", bytes);
    this.held.objects += count;
    this.held.bytes += bytes;
  }

  /** A data file that is put as facts. */
  putFacts(key: string, size_bytes: number, bytes?: Uint8Array<ArrayBuffer>): void {
    this.count("PUT", 1);
    this.count("sent_bytes", size_bytes);
    this.#forget(key);
    this.#objects.set(key, { size_bytes, modified_ms: this.#clock.now_ms, bytes });
    this.held.objects++;
    this.held.bytes += size_bytes;
  }

  /** A data file that is fetched, as far as facts go. */
  getFacts(key: string): void {
    const size_bytes = this.#objects.get(key)?.size_bytes;
    if (size_bytes === undefined) throw new Error(`the simulation lost ${key}`);
    this.count("GET", 1);
    this.count("fetched_bytes", size_bytes);
  }

  override put(
    key: string,
    bytes: Uint8Array<ArrayBuffer>,
    { create_only = false }: { create_only?: boolean } = {},
  ): Promise<"stored" | "exists"> {
    if (create_only && this.#objects.has(key)) throw new Error(`${key} is there already`);
    const is_hint = key.endsWith("/_last_checkpoint");
    if (key.endsWith(".json")) note(this.commits, bytes.length);
    if (key.endsWith(".checkpoint.parquet")) note(this.checkpoints, bytes.length);
    this.putFacts(key, bytes.length, is_hint ? bytes : undefined);
    return Promise.resolve("stored");
  }

  override get(key: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const object = this.#objects.get(key);
    this.count("GET", 1);
    this.count("fetched_bytes", object?.size_bytes ?? 0);
    // One job alone commits: it never has to read what it wrote itself.
    if (object && !object.bytes) throw new Error(`only facts are kept of ${key}`);
    return Promise.resolve(object?.bytes);
  }

  override async *list(prefix: string) {
    const keys = [...this.#objects.keys()].filter((key) => key.startsWith(prefix)).sort();
    this.count("LIST", pagesOf(keys.length));
    for (const key of keys) {
      const object = this.#objects.get(key);
      if (object) yield { key, ...object };
    }
    await Promise.resolve();
  }

  override remove(key: string): Promise<void> {
    this.count("DELETE", 1);
    this.#forget(key);
    return Promise.resolve();
  }

  #forget(key: string): void {
    const object = this.#objects.get(key);
    if (!object) return;
    this.#objects.delete(key);
    this.held.objects--;
    this.held.bytes -= object.size_bytes;
  }
}

/** How many requests a listing of so many names takes. */
export function pagesOf(names: number): number {
  return Math.max(1, Math.ceil(names / store_page_names));
}

/** Nothing asked by anybody yet. */
export function emptyTallies(): Record<Asker, Tally> {
  const none = { PUT: 0, LIST: 0, GET: 0, HEAD: 0, DELETE: 0, sent_bytes: 0, fetched_bytes: 0 };
  return { ship: { ...none }, fold: { ...none }, upkeep: { ...none } };
}

/** No object of a kind yet. */
export function noSizes(): SizesPut {
  return { count: 0, bytes: 0, largest_bytes: 0, last_bytes: 0 };
}

function note(sizes: SizesPut, bytes: number): void {
  sizes.count++;
  sizes.bytes += bytes;
  sizes.largest_bytes = Math.max(sizes.largest_bytes, bytes);
  sizes.last_bytes = bytes;
}
