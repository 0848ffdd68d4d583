/**
 * Retention: the rows of days that are archived. They stay, marked, until the chain says to forget them;
 * an index that is built anew takes them over from the live one, since the log has them no more.
 */
import { asLedgerError, type LedgerError } from "../base/error.ts";
import { firstNames } from "../base/format.ts";
import type { World } from "../base/world.ts";
import type { Database } from "../duckdb/connection.ts";
import { type Chain, type PartExtent, readChain, type TakenOutEntry } from "../log/mod.ts";
import { type ArchivedDay, type Indexed, type IndexedPart, labelOf } from "./coverage.ts";
import { KEEP, KEEP_NO_PARTS, KEEP_PART } from "./load_sql.ts";

export class AwayParts {
  readonly chain: Chain;
  readonly #present: ReadonlySet<string>;

  constructor(world: World, root: string, extents: readonly PartExtent[]) {
    this.chain = readChain(world, root);
    this.#present = new Set(extents.map(({ label }) => label));
  }

  /** What the chain says is away, by label. */
  get away(): ReadonlyMap<string, TakenOutEntry> {
    return this.chain.away;
  }

  isArchived(label: string): boolean {
    return !this.#present.has(label) && this.away.get(label)?.forget === false;
  }

  isForgotten(label: string): boolean {
    return !this.#present.has(label) && this.away.get(label)?.forget === true;
  }

  get archived(): string[] {
    return [...this.away.keys()].filter((label) => this.isArchived(label));
  }

  /** The same by day and archive, in order. */
  get days(): ArchivedDay[] {
    const rows = this.archived.map((label): ArchivedDay => {
      const { day, at_ms, archive = null } = this.away.get(label)!;
      return [day, at_ms, archive];
    });
    return sortedTexts(rows).map((text) => JSON.parse(text));
  }

  isKnownTo({ parts, archived_days }: Indexed): boolean {
    return sortedTexts(archived_days).join() === sortedTexts(this.days).join() &&
      parts.every((part) => part.is_archived === this.isArchived(labelOf(part)));
  }
}

function sortedTexts(rows: readonly ArchivedDay[]): string[] {
  return [...new Set(rows.map((row) => JSON.stringify(row)))].sort();
}

/** Takes over the rows of parts from the live index, which is attached. */
export async function keepRows(database: Database, parts: readonly IndexedPart[]): Promise<void> {
  await database.run(KEEP_NO_PARTS);
  await database.runForEach(KEEP_PART, parts.map(({ log_day, log_part }) => [log_day, log_part]));
  for (const statement of KEEP) await database.run(statement);
}

/** The live index has rows that an index built anew should take over, and cannot be read. */
export class NothingToKeep extends Error {}

/** Runs what reads the live index, with its errors as this room takes them. */
export async function readingKept<T>(body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    const problem = asLedgerError(error);
    if (problem?.code === "busy") throw cannotKeep(problem);
    throw problem?.code === "damaged" ? new NothingToKeep(problem.message) : error;
  }
}

/** Rows of days that were deleted stand nowhere else: better no new index than one without them. */
export function cannotKeep(problem: LedgerError): LedgerError {
  return problem.with({
    message: `cannot build the index anew and keep its rows of archived days: ${problem.message}`,
  });
}

/** One line about archived days of which a new index has no rows. */
export function missingNotice(
  missing: readonly string[],
  away: ReadonlyMap<string, TakenOutEntry>,
): string {
  const steps = missing.map((label) => away.get(label)!);
  const days = [...new Set(steps.map(({ day }) => day))].sort();
  const archive = steps.find((step) => step.archive !== undefined)?.archive;
  const what = days.length === 1 ? "1 day that is" : `${days.length} days that are`;
  return `the new index has no rows of ${what} not in the log any more (${firstNames(days)})` +
    (archive === undefined ? "" : `; to bring one back: ledger archive import ${archive}`);
}
