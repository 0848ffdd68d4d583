/**
 * Files that were made of others. Each says in its footer which ones it replaces, so that there is no
 * moment at which both count, or neither: it counts from its rename on.
 */
import { LedgerError } from "../../base/error.ts";
import type { World } from "../../base/world.ts";
import { parquetFacts } from "../../parquet/facts.ts";
import { TRACE_KEYS } from "./rows.ts";

/** The names of the files in its folder that a merged file replaces. */
export function sourcesOfMerged(world: World, path: string): string[] {
  const text = parquetFacts(world, path).key_values[TRACE_KEYS.sources];
  try {
    const sources = JSON.parse(text ?? "");
    if (Array.isArray(sources)) return sources.map(String);
  } catch {
    // Told below, as what it means.
  }
  throw new LedgerError({
    code: "damaged",
    message: `cannot tell which files ${path} replaces: its footer does not say`,
    where: { path },
    hint: "move it away if it is not ours; its sources count again then",
  });
}
