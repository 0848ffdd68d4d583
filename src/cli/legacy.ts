/** What the commands about the first system say of rows and tables that did not come over. */
import { findings_shown_max } from "../base/limits.ts";
import type { World } from "../base/world.ts";
import type { LegacyImport } from "../legacy/import.ts";
import { counted, say } from "./output.ts";

/** Names the tables and columns that hold values and are not understood. */
export function sayNotUnderstood(
  world: World,
  found: LegacyImport["not_understood"],
): void {
  for (const { name, rows } of found) {
    say(world, `not understood, and not in the log: ${name} (${counted(rows, "row")})`);
  }
}

/** Names the rows of which no event can be made, and why. */
export function sayRefused(world: World, refused: LegacyImport["refused"]): void {
  for (const { table, run_id, id, reason } of refused.slice(0, findings_shown_max)) {
    const which = [run_id, id].map((word) => JSON.stringify(word)).join(", ");
    say(world, `not imported: ${table} ${which}: ${reason}`);
  }
  const more = refused.length - findings_shown_max;
  if (more > 0) say(world, `and ${counted(more, "row")} more (all: --json)`);
}
