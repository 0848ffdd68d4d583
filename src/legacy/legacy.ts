/** A ledger beside a database of the first system: what it lacks of it, and taking it over. */
import { makeFolderDurably } from "../base/files/durable.ts";
import type { Database } from "../duckdb/connection.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { ledgerPaths } from "../log/mod.ts";
import { legacyDatabase } from "./attach.ts";
import type { LegacyComparison } from "./compare.ts";
import type { LegacyImport } from "./import.ts";

/** What a database of the first system holds that the log does not say. Syncs first. */
export async function compareLegacy(ledger: Ledger, path: string): Promise<LegacyComparison> {
  const { compareWithLog } = await import("./compare.ts");
  await ledger.sync();
  return await beside(ledger, path, (database) => compareWithLog(ledger, database));
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
