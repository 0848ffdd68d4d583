/** Traced events for a command; reports damage of write-ahead files on standard error. */
import { placeText } from "../base/error.ts";
import { damage_shown_max } from "../base/limits.ts";
import type { World } from "../base/world.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { TracedEvent } from "../trace/event/event.ts";
import { noEventsOf, type TraceFilter } from "../trace/event/filter.ts";
import type { FlushReport } from "../trace/store/flush.ts";
import type { TraceDamage } from "../trace/store/wal_read.ts";
import { counted, say } from "./output.ts";

/** The events that a filter wants; throws when its correlation has none. */
export async function queryTraces(
  world: World,
  { traces }: Ledger,
  filter: TraceFilter,
): Promise<TracedEvent[]> {
  const events = await traces.query(filter);
  sayWhatIsMissing(world, traces.damage);
  if (events.length > 0 || filter.correlation_id === undefined) return events;
  throw noEventsOf(traces.dir, filter.correlation_id);
}

/** Says on standard error what an answer lacks, where it lacks something. */
export function sayWhatIsMissing(world: World, damage: readonly TraceDamage[]): void {
  if (damage.length === 0) return;
  sayDamage(world, damage);
  const places = counted(damage.length, "damaged place");
  say(world, `events in ${places} of write-ahead files are missing from this answer`);
  say(world, "to move the damage to quarantine: ledger trace compact");
}

/** What became of write-ahead files, in a sentence. */
export function toldFlush({ events, segments, files }: FlushReport): string {
  const source = `${counted(events, "event")} of ${counted(segments, "write-ahead file")}`;
  return `${source} written to ${counted(files, "Parquet file")}`;
}

/** Says on standard error where write-ahead files are damaged. */
export function sayDamage(world: World, damage: readonly TraceDamage[]): void {
  for (const { path, offset, size_bytes, reason } of damage.slice(0, damage_shown_max)) {
    const place = placeText({ path, offset });
    say(world, `${place}: corrupt (${counted(size_bytes, "byte")}): ${reason}`);
  }
  const others = damage.length - damage_shown_max;
  if (others > 0) say(world, `… and ${others} more`);
}
