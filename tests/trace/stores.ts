/** Stores of traces for tests, and what their files hold. */
import { join } from "@std/path";
import { systemFiles } from "../../src/base/files/system_files.ts";
import type { World } from "../../src/base/world.ts";
import { tracePaths } from "../../src/trace/event/files.ts";
import { systemError, testWorld } from "../harness.ts";

/** The ids of events, in their order. */
export function idsOf(events: readonly { event_id: string }[]): string[] {
  return events.map(({ event_id }) => event_id);
}

/** The lines of all write-ahead files as they stand on the disk. */
export function linesWaiting(dir: string): string[] {
  return namesIn(tracePaths(dir).wal).filter((name) => name.endsWith(".jsonl")).flatMap((name) =>
    Deno.readTextFileSync(join(tracePaths(dir).wal, name)).split("\n").slice(0, -1)
  );
}

/** The names in a folder, in order; none where there is no folder. */
export function namesIn(folder: string): string[] {
  try {
    return Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** The paths of all files below a folder, relative to it. */
export function filesBelow(folder: string, below = ""): string[] {
  return namesIn(join(folder, below)).flatMap((name) => {
    const path = join(below, name);
    return Deno.statSync(join(folder, path)).isDirectory ? filesBelow(folder, path) : [path];
  });
}

/** The ids that stand in lines of write-ahead files. */
export function idsWaiting(dir: string): string[] {
  return linesWaiting(dir).map((line) => JSON.parse(line)).filter(Array.isArray)
    .map(([, event_id]) => event_id);
}

/** A world in which time passes only when it is told to. */
export function stillWorld(): World & { pass(duration_ms: number): Promise<void> } {
  let now_ms = 0;
  const waiting: { until_ms: number; resolve: () => void }[] = [];
  return {
    ...testWorld(),
    elapsed_ms: () => now_ms,
    pause(duration_ms, signal) {
      return new Promise((resolve) => {
        signal?.addEventListener("abort", () => resolve());
        waiting.push({ until_ms: now_ms + duration_ms, resolve });
      });
    },
    async pass(duration_ms) {
      now_ms += duration_ms;
      for (const each of waiting.splice(0)) {
        if (each.until_ms <= now_ms) each.resolve();
        else waiting.push(each);
      }
      // A waiting caller goes on in a turn of its own.
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

/** A disk on which writes fail for as long as a test wants it to. */
export function fillingDisk(): { world: World; disk: { is_full: boolean; room?: number } } {
  const disk: { is_full: boolean; room?: number } = { is_full: false };
  const files = systemFiles((operation) => {
    if (operation !== "write" || !disk.is_full) return;
    const { room } = disk;
    disk.room = undefined;
    if (room !== undefined) return room;
    throw systemError("ENOSPC", "No space left on device");
  });
  return { world: testWorld({ files }), disk };
}
