/**
 * Watermark of the index: how far each part of the log was read, noted beside it by names, sizes and times
 * of folders. One look at the days' folders and at the end of the chain then says what the index lacks,
 * without DuckDB. What is sealed does not change: only what leaves or returns, which the chain says.
 */
import { join } from "@std/path";
import {
  folder_time_trusted_after_ms,
  index_compacted_factor,
  index_copy_rate,
  index_load_rate,
  sync_fixed_ms,
} from "../base/limits.ts";
import type { World } from "../base/world.ts";
import { SnapshotStore } from "../duckdb/snapshot_swap.ts";
import {
  type Chain,
  chainPath,
  dayFolder,
  listDays,
  type PartExtent,
  partNamesOf,
  partStem,
  readChain,
} from "../log/mod.ts";
import { indexPath } from "./coverage.ts";
import { INDEX_VERSION } from "./tables.ts";

/** A day as it was read. */
interface DayMark {
  /** When its folder changed; 0 where it may change again without its time showing it. */
  at_ms: number;
  /** Parts that take no more lines. */
  closed: string[];
  /** The others, and their sizes. */
  open: Record<string, number>;
}

interface Watermark {
  version: number;
  chain: { bytes: number; entries: number };
  /** Of all parts. */
  bytes: number;
  days: Record<string, DayMark>;
}

/** What of the log an index lacks. */
interface IndexLag {
  /** Bytes of lines; undefined where only a sync can tell. */
  behind_bytes?: number;
  /** About how long it takes to bring it up to date. */
  cost_ms: number;
}

/** How the log stood when an index was made from it. */
export interface Seen {
  times: ReadonlyMap<string, number>;
  extents: readonly PartExtent[];
  chain: Chain;
}

/** When the folder of each day changed; taken before its parts are listed. */
export function dayTimes(world: World, root: string): Map<string, number> {
  const trusted_ms = world.now_ms() - folder_time_trusted_after_ms;
  return new Map(
    listDays(world.files, root).map((day) => {
      const { modified_ms = 0 } = world.files.facts(dayFolder(root, day)) ?? {};
      return [day, modified_ms <= trusted_ms ? modified_ms : 0];
    }),
  );
}

/** Notes what an index was made from. */
export function noteLog(store: SnapshotStore, { times, extents, chain }: Seen): void {
  const { seals, away, entries } = chain;
  const sealed = new Set(seals.map(({ part }) => part).filter((label) => !away.has(label)));
  const days: Watermark["days"] = {};
  for (const [day, at_ms] of times) days[day] = { at_ms, closed: [], open: {} };
  let bytes = 0;
  for (const { part, label, size_bytes } of extents) {
    bytes += size_bytes;
    const mark = days[part.day] ??= { at_ms: 0, closed: [], open: {} };
    if (sealed.has(label)) mark.closed.push(partStem(part));
    else mark.open[partStem(part)] = size_bytes;
  }
  const mark: Watermark = {
    version: INDEX_VERSION,
    chain: { bytes: chain.size_bytes, entries: entries.length },
    bytes,
    days,
  };
  store.writeWatermark(JSON.stringify(mark));
}

/** What of the log the live index lacks; undefined where it has all of it. */
export function lagOfIndex(world: World, root: string): IndexLag | undefined {
  const store = new SnapshotStore(world, indexPath(root));
  const mark = store.parseWatermark<Watermark>(INDEX_VERSION);
  // What another program wrote into it would be gone with an index that is built anew.
  if (!mark && store.wasChanged()) return { cost_ms: Infinity };
  const found = mark ? new LogLook(world, root, mark).lag() : { anew: true, bytes: 0 };
  if (!found) return undefined;
  if (mark && !found.anew) {
    const { size_bytes: index_bytes = 0 } = world.files.facts(store.path) ?? {};
    const cost_ms = sync_fixed_ms + index_bytes / index_copy_rate +
      found.bytes / index_load_rate;
    return { behind_bytes: found.bytes, cost_ms };
  }
  const log_bytes = mark ? mark.bytes + found.bytes : bytesOfLog(world, root);
  // An index that does not say what it was made from may hold all of it.
  const behind_bytes = world.files.facts(store.path) ? undefined : log_bytes;
  return { behind_bytes, cost_ms: sync_fixed_ms + log_bytes / index_load_rate };
}

/** What has changed: so many bytes came, or what is indexed is not what is there any more. */
interface LogChange {
  bytes: number;
  anew: boolean;
}

class LogLook {
  #bytes = 0;
  #is_changed = false;
  #is_anew = false;

  constructor(readonly world: World, readonly root: string, readonly mark: Watermark) {}

  lag(): LogChange | undefined {
    const { files } = this.world;
    const days = new Set(listDays(files, this.root));
    for (const day of days) this.#lookAtDay(day);
    // A day that is gone was archived, or lost.
    this.#is_changed ||= Object.keys(this.mark.days).some((day) => !days.has(day));
    this.#lookAtChain();
    if (this.#bytes === 0 && !this.#is_changed) return undefined;
    return { bytes: this.#bytes, anew: this.#is_anew };
  }

  #lookAtDay(day: string): void {
    const { files } = this.world;
    const folder = dayFolder(this.root, day);
    const known: DayMark = this.mark.days[day] ?? { at_ms: 0, closed: [], open: {} };
    const sizeOf = (name: string) => files.facts(join(folder, name))?.size_bytes;
    const grow = (from_bytes: number, to_bytes: number | undefined) => {
      this.#is_anew ||= to_bytes === undefined;
      // A torn tail that went to quarantine was not indexed.
      this.#is_changed ||= to_bytes === undefined || to_bytes < from_bytes;
      this.#bytes += Math.max(0, (to_bytes ?? 0) - from_bytes);
    };
    if (known.at_ms !== 0 && files.facts(folder)?.modified_ms === known.at_ms) {
      for (const [stem, bytes] of Object.entries(known.open)) grow(bytes, sizeOf(`${stem}.jsonl`));
      return;
    }
    const missing = new Set([...known.closed, ...Object.keys(known.open)]);
    for (const name of partNamesOf(files, this.root, day)) {
      const stem = partStem(name);
      const was_known = missing.delete(stem);
      if (known.closed.includes(stem)) continue;
      if (name.format === "jsonl") grow(known.open[stem] ?? 0, sizeOf(`${stem}.jsonl`));
      else if (!was_known && known.open[stem] === undefined) {
        this.#bytes += (sizeOf(`${stem}.parquet`) ?? 0) * index_compacted_factor;
      }
    }
    if (missing.size > 0) this.#is_changed = true;
  }

  /** Sealing alone changes nothing of what is indexed. */
  #lookAtChain(): void {
    const { bytes, entries } = this.mark.chain;
    const path = chainPath(this.root);
    if ((this.world.files.facts(path)?.size_bytes ?? 0) === bytes) return;
    for (const entry of readChain(this.world, this.root).entries.slice(entries)) {
      if (entry.kind === "taken_out" || entry.kind === "returned") this.#is_changed = true;
      if (entry.kind === "taken_out" && entry.forget) this.#is_anew = true;
    }
  }
}

/** About how many bytes of lines the log has. */
function bytesOfLog({ files }: World, root: string): number {
  let bytes = 0;
  for (const day of listDays(files, root)) {
    for (const name of partNamesOf(files, root, day)) {
      const path = join(dayFolder(root, day), `${partStem(name)}.${name.format}`);
      const factor = name.format === "jsonl" ? 1 : index_compacted_factor;
      bytes += (files.facts(path)?.size_bytes ?? 0) * factor;
    }
  }
  return bytes;
}
