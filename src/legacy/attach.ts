/** The first system's database as one that stands beside an index, while both are in use (dual mode). */
import { resolve } from "@std/path";
import { startOfDay } from "../base/format.ts";
import { LedgerError } from "../base/error.ts";
import type { World } from "../base/world.ts";
import type { AttachedDatabase } from "../ledger/open_index.ts";

/** Where the first system keeps its database. */
export const LEGACY_PATH = "data/baseline_results.duckdb";

/** The day from which the log is the truth. */
export const CUTOVER = "2026-01-23";

/**
 * A database of the first system, for `openIndex` and `query` to attach: adds the views `all_runs` and
 * `all_run_status`. From the cutover day on, the log wins over it.
 */
export function legacyDatabase(
  { world }: { readonly world: World },
  path: string,
  cutover_day = CUTOVER,
): AttachedDatabase {
  const absolute = resolve(world.cwd(), path);
  if (!world.files.facts(absolute)?.is_file) {
    throw new LedgerError({
      code: "not_found",
      message: `there is no database of the first system at ${absolute}`,
      where: { path: absolute },
      hint: `say where it is by its path; usually it is ${LEGACY_PATH}`,
    });
  }
  return {
    path: absolute,
    name: "legacy",
    createViews: async (database) => {
      const { createDualViews } = await import("./dual_views.ts");
      await createDualViews(database, startOfDay(cutover_day));
    },
  };
}
