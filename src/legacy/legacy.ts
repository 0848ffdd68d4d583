/** A ledger beside a database of the first system: what it lacks of it, and taking it over. */
import { LedgerError, quoted } from "../base/error.ts";
import { makeFolderDurably } from "../base/files/durable.ts";
import type { Database } from "../duckdb/connection.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { ledgerPaths, noLedger } from "../log/mod.ts";
import { legacyDatabase } from "./attach.ts";
import type { LegacyComparison } from "./compare.ts";
import type { LegacyImport } from "./import.ts";

/** What a database of the first system holds that the log does not say. Syncs first. */
export async function compareLegacy(ledger: Ledger, path: string): Promise<LegacyComparison> {
  const { compareWithLog } = await import("./compare.ts");
  if (!ledger.exists()) {
    const hint = "to take the database into a new one: ledger legacy import";
    throw noLedger(ledger.dir).with({ hint: `${hint}; for a ledger that is elsewhere: --dir DIR` });
  }
  await ledger.sync();
  return await beside(ledger, path, (database) => compareWithLog(ledger, database));
}

/** Whether a database of the first system can be put away, and why. */
export interface LegacyVerdict extends Omit<LegacyComparison, "differences"> {
  safe: boolean;
  /** How many values of the database the log does not say. */
  differences: number;
  /** What the caller lets go. */
  except: readonly string[];
}

/**
 * Whether the log holds all that the database holds: every value that is read, by itself and in the digests,
 * and nothing that is not understood; but for the tables and columns that `except` names.
 */
export async function judgeLegacy(
  ledger: Ledger,
  path: string,
  except: readonly string[] = [],
): Promise<LegacyVerdict> {
  const { differences, ...read } = await compareLegacy(ledger, path);
  const named = differences.map((
    { table, field },
  ) => [`optimizer.${table}`, `optimizer.${table}.${field}`]);
  const lacking = new Set([...named.flat(), ...read.not_understood.map(({ name }) => name)]);
  const unused = except.find((name) => !lacking.has(name));
  if (unused !== undefined) {
    throw new LedgerError({
      code: "usage",
      message: `cannot except ${quoted(unused)}: it is no table or column that the log lacks`,
      hint: lacking.size === 0 ? "the log lacks nothing" : `these are: ${[...lacking].join(", ")}`,
    });
  }
  const missing = named.filter((names) => !names.some((name) => except.includes(name)));
  const not_understood = read.not_understood.filter(({ name }) => !except.includes(name));
  const is_even = read.tables.every((
    { table, rows, in_log, never_started, digest, digest_in_log },
  ) =>
    except.some((name) => name === table || name.startsWith(`${table}.`)) ||
    (in_log + never_started === rows && digest === digest_in_log)
  );
  const safe = missing.length === 0 && not_understood.length === 0 && is_even;
  return { safe, differences: missing.length, tables: read.tables, not_understood, except };
}

/**
 * Appends the events that the rows of a legacy database imply, with their own times and with ids
 * that are the same every time; what the log says already is not said again. Syncs before and after.
 */
export async function importLegacy(ledger: Ledger, path: string): Promise<LegacyImport> {
  const { importRows } = await import("./import.ts");
  // With these events a ledger may begin, but not with a path that was misspelt.
  legacyDatabase(ledger, path);
  makeFolderDurably(ledger.world.files, ledgerPaths(ledger.dir).events);
  await ledger.sync();
  const report = await beside(ledger, path, (database) => importRows(ledger, database));
  await ledger.sync();
  return report;
}

async function beside<T>(
  ledger: Ledger,
  path: string,
  ask: (database: Database) => Promise<T>,
): Promise<T> {
  await using database = await ledger.openIndex({ attach: legacyDatabase(ledger, path) });
  return await ask(database);
}
