/**
 * Retention of a fleet: old days leave the tables by a commit, and the segments of boxes leave from the low end of
 * their sequence, after an object says where each chain begins. The last segment of a chain stays: a box goes
 * on behind it. After a kill at any step it can be run again.
 */
import { DAY_MS } from "../base/format.ts";
import { store_heads_at_once } from "../base/limits.ts";
import { dayOf, parsePartLabel } from "../log/format/layout.ts";
import { WHOLE } from "../log/pull/shipped.ts";
import { factsOf, segmentsOf, watermarkOf } from "./chain.ts";
import { readStart, writeStart } from "./chain_start.ts";
import { listBoxes } from "./claim.ts";
import { openTable } from "./lake/checkpoint.ts";
import { rowsIn } from "./lake/data_files.ts";
import type { JobFolder } from "./lake/job_folder.ts";
import { LAKE_TABLES } from "./lake/lake.ts";
import type { DataFile, DeltaTable, TableSnapshot } from "./lake/table.ts";
import { linkOf } from "./segment.ts";
import type { ObjectStore } from "./store.ts";

/** Which days go. */
export interface FleetRetainOptions {
  /** How many days before today stay. */
  days: number;
  /** Says what would be done, and does nothing. */
  is_plan?: boolean;
  signal?: AbortSignal;
}

/** What went, or would go. */
export interface FleetRetainReport {
  /** The first day that stays, whatever of it there is. */
  first_day: string;
  tables: { table: string; files: number; rows: number; bytes: number }[];
  boxes: RetainedChain[];
}

/** What went of a box's segments. */
interface RetainedChain {
  box: string;
  segments: number;
  bytes: number;
  /** The first one that stays. */
  first_seq: number;
  /** Why an older one stays, if it is not for its day. */
  reason?: string;
}

/** Removes what is older than so many days. */
export async function retainFleet(
  store: ObjectStore,
  job: JobFolder,
  { days, is_plan = false, signal }: FleetRetainOptions,
): Promise<FleetRetainReport> {
  const first_day = dayOf(Math.max(0, store.now_ms() - days * DAY_MS));
  const report: FleetRetainReport = { first_day, tables: [], boxes: [] };
  const folds: TableSnapshot[] = [];
  for (const lake of LAKE_TABLES) {
    if (signal?.aborted) return report;
    const { table, snapshot } = await openTable(store, lake, job.path);
    if (lake.source === "log" && snapshot.version >= 0) folds.push(snapshot);
    const gone = await removeFiles(table, snapshot, first_day, is_plan);
    if (gone.length === 0) continue;
    const sum = (of: (file: DataFile) => number) => gone.reduce((all, file) => all + of(file), 0);
    const [rows, bytes] = [sum(rowsIn), sum(({ size_bytes }) => size_bytes)];
    report.tables.push({ table: lake.name, files: gone.length, rows, bytes });
  }
  for (const box of await listBoxes(store)) {
    if (signal?.aborted) return report;
    const taken = folds.map(({ watermarks }) => watermarks.get(watermarkOf(box)) ?? 0);
    const chain = await retainChain(store, box, { first_day, folded: Math.min(...taken), is_plan });
    if (chain.segments > 0 || chain.reason) report.boxes.push(chain);
  }
  return report;
}

/** Removes a table's files of older days; what comes late for such a day goes with the next. */
async function removeFiles(
  table: DeltaTable,
  snapshot: TableSnapshot,
  first_day: string,
  is_plan: boolean,
): Promise<DataFile[]> {
  for (;;) {
    const remove = snapshot.files.values().filter(({ log_day }) => log_day < first_day).toArray();
    if (remove.length === 0 || is_plan) return remove;
    const change = { remove, is_data_change: true, operation: "DELETE" };
    const holds = () => remove.every(({ path }) => snapshot.files.has(path));
    if (await table.commitWhile(snapshot, change, holds)) return remove;
  }
}

interface ChainLimit {
  first_day: string;
  /** The last segment that every table has; Infinity where there are no tables. */
  folded: number;
  is_plan: boolean;
}

async function retainChain(
  store: ObjectStore,
  box: string,
  { first_day, folded, is_plan }: ChainLimit,
): Promise<RetainedChain> {
  const start = await readStart(store, "log", box) ?? WHOLE;
  const ends = { ...start.ends };
  const listed = await Array.fromAsync(segmentsOf(store, "log", box));
  const retained: RetainedChain = { box, segments: 0, bytes: 0, first_seq: start.seq };
  const inner = listed.filter(({ seq }) => seq >= start.seq);
  // A box asks for the last one when it goes on, and so does a fold job.
  const may_go = inner.slice(0, -1);
  let { prev_sha256 } = start;
  search: for (let at = 0; at < may_go.length; at += store_heads_at_once) {
    const some = may_go.slice(at, at + store_heads_at_once);
    const answers = await Promise.all(some.map(({ seq }) => factsOf(store, "log", box, seq)));
    for (const facts of answers) {
      const seq = retained.first_seq;
      if (facts?.seq !== seq || facts.prev_sha256 !== prev_sha256) {
        retained.reason = `segment ${seq} is not whole: ledger fleet verify`;
        break search;
      }
      const day = parsePartLabel(facts.part)?.day;
      if (day === undefined || day >= first_day) break search;
      if (seq > folded) {
        retained.reason = `segment ${seq} is in no table yet: ledger fleet fold`;
        break search;
      }
      ends[facts.part] = facts.to;
      prev_sha256 = linkOf(facts);
      retained.first_seq++;
    }
  }
  if (retained.first_seq > start.seq && !is_plan) {
    await writeStart(store, "log", box, { seq: retained.first_seq, prev_sha256, ends });
  }
  // Also those that a retention which was killed has left.
  for (const { key, size_bytes } of listed.filter(({ seq }) => seq < retained.first_seq)) {
    if (!is_plan) await store.remove(key);
    retained.segments++;
    retained.bytes += size_bytes;
  }
  return retained;
}
