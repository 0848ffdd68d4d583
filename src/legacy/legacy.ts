/** A ledger beside a database of the first system: what it lacks of it, and taking it over. */
import { makeFolderDurably } from "../base/files/durable.ts";
import type { World } from "../base/world.ts";
import type { Database } from "../duckdb/connection.ts";
import type { LegacyDifference } from "./compare.ts";
import { ledgerPaths } from "../log/mod.ts";

/** What of a ledger this needs. */
export interface LedgerBesideLegacy {
  readonly dir: string;
  sync(): Promise<unknown>;
  openIndex(options: { legacy: string }): Promise<Database>;
  emitLines(lines: Iterable<string>): Promise<unknown>;
}

/** What the database holds that the log does not say. */
export async function compareWithLegacy(
  ledger: LedgerBesideLegacy,
  path: string,
): Promise<LegacyDifference[]> {
  const { compareLegacy } = await import("./compare.ts");
  await ledger.sync();
  await using database = await ledger.openIndex({ legacy: path });
  return await compareLegacy(database);
}

/** Appends the events that the runs of the database imply and the log does not have. */
export async function importFromLegacy(
  world: World,
  ledger: LedgerBesideLegacy,
  path: string,
): Promise<{ imported: number }> {
  const { attachment } = await import("./attach.ts");
  const { impliedLines } = await import("./import.ts");
  // With these events a ledger may begin, but not with a path that was misspelt.
  attachment(world, path);
  makeFolderDurably(world.files, ledgerPaths(ledger.dir).events);
  await ledger.sync();
  const lines = await (async () => {
    await using database = await ledger.openIndex({ legacy: path });
    return await impliedLines(database);
  })();
  await ledger.emitLines(lines);
  await ledger.sync();
  return { imported: lines.length };
}
