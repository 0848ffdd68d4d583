/**
 * What an index holds of parts that are not in the log any more. Their rows stay, marked, until they are
 * to be forgotten; an index that is built anew takes them over from the one that it follows.
 */
import type { World } from "../base/world.ts";
import type { Database } from "../duckdb/connection.ts";
import { type PartExtent, partsAway, type TakenOutEntry } from "../log/mod.ts";
import { type IndexedPart, labelOf } from "./indexed_part.ts";
import * as queries from "./queries.ts";

/** A row of `archived_days`. */
export type ArchivedDay = [log_day: string, archived_at_ms: number, archive: string | null];

/** What an index says of itself: its parts, and the days that it takes for archived. */
export async function readIndexed(
  database: Database,
): Promise<{ parts: IndexedPart[]; archived_days: ArchivedDay[] }> {
  const rows = await database.rows<Record<keyof IndexedPart, unknown>>(queries.ALL_PARTS);
  const days = await database.rows<Record<string, unknown>>(queries.ARCHIVED_DAYS);
  return {
    parts: rows.map((row) => ({
      log_day: String(row.log_day),
      log_part: String(row.log_part),
      indexed_to: Number(row.indexed_to),
      last_line_at: Number(row.last_line_at),
      last_line_hash: String(row.last_line_hash),
      is_archived: Boolean(row.is_archived),
    })),
    archived_days: days.map(({ log_day, archived_at_ms, archive }) => [
      String(log_day),
      Number(archived_at_ms),
      archive === null ? null : String(archive),
    ]),
  };
}

/** Notes what is indexed, and what of it is in the log no more; and marks the rows by that. */
export async function writeIndexed(
  database: Database,
  parts: readonly Omit<IndexedPart, "is_archived">[],
  away: AwayParts,
  /** Whether no row has to be marked otherwise than it is. */
  marks_stand: boolean,
): Promise<void> {
  await database.run(queries.FORGET_PARTS);
  await database.runForEach(
    queries.ADD_PART,
    parts.map((part) => [
      part.log_day,
      part.log_part,
      part.indexed_to,
      part.last_line_at,
      part.last_line_hash,
      away.isArchived(labelOf(part)),
    ]),
  );
  await database.run(queries.FORGET_ARCHIVED_DAYS);
  await database.runForEach(queries.ADD_ARCHIVED_DAY, away.days);
  if (marks_stand) return;
  for (const statement of queries.MARK_ARCHIVED) await database.run(statement);
}

/** The parts that are away, as one moment shows them. */
export class AwayParts {
  constructor(
    readonly away: ReadonlyMap<string, TakenOutEntry>,
    /** The labels of what stands in the log. */
    readonly present: ReadonlySet<string>,
  ) {}

  /** What the chain says is away, beside what is there. */
  static beside(world: World, root: string, extents: readonly PartExtent[]): AwayParts {
    return new AwayParts(partsAway(world, root), new Set(extents.map(({ label }) => label)));
  }

  /** Whether a part is away, and its rows may stay. */
  isArchived(label: string): boolean {
    return !this.present.has(label) && this.away.get(label)?.forget === false;
  }

  /** Whether a part is away, and its rows are to go. */
  isForgotten(label: string): boolean {
    return !this.present.has(label) && this.away.get(label)?.forget === true;
  }

  /** Every part of which rows may stay. */
  get archived(): string[] {
    return [...this.away.keys()].filter((label) => this.isArchived(label));
  }

  /** The same by day and archive, in order. */
  get days(): ArchivedDay[] {
    const days = new Map<string, ArchivedDay>();
    for (const label of this.archived) {
      const { day, at_ms, archive = null } = this.away.get(label)!;
      const row: ArchivedDay = [day, at_ms, archive];
      days.set(JSON.stringify(row), row);
    }
    return [...days].sort(([a], [b]) => a < b ? -1 : 1).map(([, row]) => row);
  }

  /** Whether an index says the same already. */
  isKnownTo({ parts, archived_days }: Awaited<ReturnType<typeof readIndexed>>): boolean {
    const stored = archived_days.map((row) => JSON.stringify(row)).sort();
    return JSON.stringify(stored) === JSON.stringify(this.days.map((row) => JSON.stringify(row))) &&
      parts.every((part) => part.is_archived === this.isArchived(labelOf(part)));
  }
}

/** Takes over the rows of parts from the live index, which is attached. */
export async function keepRows(database: Database, parts: readonly IndexedPart[]): Promise<void> {
  await database.run(queries.KEEP_NO_PARTS);
  await database.runForEach(
    queries.KEEP_PART,
    parts.map(({ log_day, log_part }) => [log_day, log_part]),
  );
  for (const statement of queries.KEEP) await database.run(statement);
}

/** One line about days that an index which was built from nothing knows nothing of. */
export function missingNotice(
  missing: readonly string[],
  away: ReadonlyMap<string, TakenOutEntry>,
): string {
  const steps = missing.map((label) => away.get(label)!);
  const days = [...new Set(steps.map(({ day }) => day))].sort();
  const shown = days.slice(0, 3).join(", ") + (days.length > 3 ? ", …" : "");
  const archive = steps.find((step) => step.archive !== undefined)?.archive;
  const what = days.length === 1 ? "1 day that is" : `${days.length} days that are`;
  return `the new index has no rows of ${what} not in the log any more (${shown})` +
    (archive === undefined ? "" : `; to bring one back: ledger archive import ${archive}`);
}
