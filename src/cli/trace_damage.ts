/** How commands tell what of write-ahead files could not be read. */
import { placeText } from "../base/error.ts";
import type { World } from "../base/world.ts";
import { damage_shown_max } from "../base/limits.ts";
import type { TraceDamage } from "../trace/store/wal_read.ts";
import { counted, say } from "./output.ts";

/** Says on standard error what an answer lacks, where it lacks something. */
export function sayWhatIsMissing(world: World, damage: readonly TraceDamage[]): void {
  if (damage.length === 0) return;
  sayDamage(world, damage);
  say(
    world,
    `what was in ${
      counted(damage.length, "damaged place")
    } of write-ahead files is missing here; ` +
      "ledger trace compact sets it aside",
  );
}

/** Says on standard error where write-ahead files are damaged. */
export function sayDamage(world: World, damage: readonly TraceDamage[]): void {
  for (const { path, offset, size_bytes, reason } of damage.slice(0, damage_shown_max)) {
    const place = placeText({ path, offset });
    say(world, `${place}: corrupt (${counted(size_bytes, "byte")}): ${reason}`);
  }
  if (damage.length > damage_shown_max) {
    say(world, `… and ${damage.length - damage_shown_max} more`);
  }
}
