/** A ledger beside a database of the first system: what it lacks of it, and taking it over. */
import { makeFolderDurably } from "../base/files/durable.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { ledgerPaths } from "../log/mod.ts";
import { legacyDatabase } from "./attach.ts";
import type { LegacyDifference } from "./compare.ts";

/** What a database of the first system holds that the log does not say. Syncs first. */
export async function compareLegacy(ledger: Ledger, path: string): Promise<LegacyDifference[]> {
  const { differencesIn } = await import("./compare.ts");
  await ledger.sync();
  await using database = await ledger.openIndex({ attach: legacyDatabase(ledger, path) });
  return await differencesIn(database);
}

/**
 * Appends the events that the runs of a legacy database imply, with their own times and with ids
 * that are the same every time; what the log says already is not said again. Syncs before and after.
 */
export async function importLegacy(ledger: Ledger, path: string): Promise<{ imported: number }> {
  const { impliedLines } = await import("./import.ts");
  // With these events a ledger may begin, but not with a path that was misspelt.
  const attach = legacyDatabase(ledger, path);
  makeFolderDurably(ledger.world.files, ledgerPaths(ledger.dir).events);
  await ledger.sync();
  const lines = await (async () => {
    await using database = await ledger.openIndex({ attach });
    return await impliedLines(database);
  })();
  await ledger.emitLines(lines);
  await ledger.sync();
  return { imported: lines.length };
}
