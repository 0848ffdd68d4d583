/** What the tests of sealing and compacting share: days that are over, and what a reader makes of them. */
import { dirname, join } from "@std/path";
import type { World } from "../../src/base/world.ts";
import { compactParts, type CompactReport } from "../../src/log/compact/compact.ts";
import { LogCursor, type LogRecord } from "../../src/log/read/cursor.ts";
import { readSealed, type SealedParts } from "../../src/log/format/seal_manifest.ts";
import { testWorld } from "../harness.ts";

/** A time at which the days of all these tests are long over. */
export const LATER_MS = Date.UTC(2027, 0, 1);
/** After all days. */
export const EVER = "9999-12-31";

/** The real world, in which the days of these tests are over; without threads, which start slowly. */
export function laterWorld(different: Parameters<typeof testWorld>[0] = {}) {
  return testWorld({ now_ms: () => LATER_MS, has_threads: false, ...different });
}

/** Compacts all there is. */
export function compactAll(
  dir: string,
  options: { keep_jsonl?: boolean; world?: World } = {},
): Promise<CompactReport> {
  const { world = laterWorld(), keep_jsonl } = options;
  return compactParts(world, dir, { before_day: EVER, all: true, keep_jsonl });
}

/** What a reader yields, in order, without the event that follows from the text. */
export async function recordsOf(dir: string): Promise<unknown[][]> {
  const records: unknown[][] = [];
  for await (const record of new LogCursor(laterWorld(), dir).pass()) records.push(told(record));
  return records;
}

/** A record as a list of what it says. */
export function told(record: LogRecord): unknown[] {
  const { kind, label, offset, size_bytes } = record;
  const said = record.kind === "event" ? record.text : record.reason;
  return [kind, label, offset, size_bytes, said];
}

/** All files of the days with their contents, by name; locks left out. */
export function filesOfDays(dir: string, isWanted = (_name: string) => true) {
  const events = join(dir, "events");
  const files = new Map<string, Uint8Array>();
  for (
    const { name: day } of [...Deno.readDirSync(events)].filter(({ name }) => /^day=/.test(name))
  ) {
    for (const { name } of Deno.readDirSync(join(events, day))) {
      if (name.startsWith(".") || !isWanted(name)) continue;
      files.set(`${day}/${name}`, Deno.readFileSync(join(events, day, name)));
    }
  }
  return new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The lines of the days as they stand in their files. */
export function linesOfDays(dir: string): Map<string, Uint8Array> {
  return filesOfDays(dir, (name) => name.endsWith(".jsonl"));
}

/** The names of a day's files; locks left out. */
export function namesOfDay(dir: string, day: string): string[] {
  return [...filesOfDays(dir).keys()]
    .filter((name) => dirname(name) === `day=${day}`)
    .map((name) => name.slice(dirname(name).length + 1));
}

/** What a day's record says. */
export function sealedOf(dir: string, day: string): SealedParts {
  return readSealed(laterWorld().files, dir, day);
}

/** Changes what a day's record says, as another program might. */
export function editSealed(dir: string, day: string, edit: (parts: SealedParts) => void): void {
  const path = join(dir, "events", `day=${day}`, "_sealed.json");
  const record = JSON.parse(Deno.readTextFileSync(path)) as { parts: SealedParts };
  edit(record.parts);
  Deno.writeTextFileSync(path, JSON.stringify(record));
}

/** The lines of the chain. */
export function chainLines(dir: string): string[] {
  return Deno.readTextFileSync(join(dir, "events", "_chain.jsonl")).split("\n").slice(0, -1);
}
