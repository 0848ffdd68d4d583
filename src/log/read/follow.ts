/** Follow: records as they are written, woken by the file system's notifications and by a slow poll. */
import { follow_debounce_ms, follow_poll_ms } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import { ledgerPaths, parseDayName } from "../format/layout.ts";
import type { LogCursor, LogRecord } from "./cursor.ts";

/** Gathers what the file system notifies, so that one look serves many changes. */
export class ChangeNotices {
  #touched = new Set<string>();
  #wake?: () => void;
  #watch?: { close(): void };

  constructor(readonly world: World, readonly folder: string) {}

  watchIfPossible(): void {
    if (this.#watch) return;
    try {
      const watch = this.world.files.watch(this.folder);
      this.#watch = watch;
      this.#gather(watch.changes);
    } catch {
      // No notifications to be had (a limit of the system, a network folder): polling remains.
      this.#watch = { close: () => {} };
    }
  }

  async #gather(changes: AsyncIterable<string[]>): Promise<void> {
    try {
      for await (const paths of changes) {
        for (const path of paths) {
          const day = path.split("/").map(parseDayName).find((name) => name !== undefined);
          if (day) this.#touched.add(day);
        }
        if (this.#touched.size > 0) this.#wake?.();
      }
    } catch {
      // The watch broke (the folder was replaced): polling remains.
    }
  }

  /** The days that were touched; undefined when the poll is due and all of them are read. */
  async next(signal: AbortSignal, poll_ms: number): Promise<Set<string> | undefined> {
    const woken = new AbortController();
    const wake = () => woken.abort();
    if (signal.aborted) wake();
    signal.addEventListener("abort", wake);
    this.#wake = wake;
    if (this.#touched.size === 0) await this.world.pause(poll_ms, woken.signal);
    this.#wake = undefined;
    signal.removeEventListener("abort", wake);
    if (this.#touched.size === 0) return undefined;
    await this.world.pause(follow_debounce_ms, signal);
    const touched = this.#touched;
    this.#touched = new Set();
    return touched;
  }

  /** Forgets what was notified: the caller is about to read everything. */
  forget(): void {
    this.#touched.clear();
  }

  [Symbol.dispose](): void {
    this.#watch?.close();
  }
}

/**
 * All wanted records from the cursor's position on, until the signal is aborted. Survives rotation, midnight,
 * recovery of a torn tail, and a log that does not exist yet.
 */
export async function* followLog(
  world: World,
  root: string,
  cursor: LogCursor,
  signal: AbortSignal,
): AsyncGenerator<LogRecord> {
  const { events } = ledgerPaths(root);
  using notices = new ChangeNotices(world, events);
  // Notifications name the days to read. The slow poll reads all: notifications are lost on network
  // folders and when too many come at once.
  let touched: Set<string> | undefined;
  while (!signal.aborted) {
    if (world.files.facts(events)) {
      notices.watchIfPossible();
      const wanted = cursor.days().filter((day) => !touched || touched.has(day));
      yield* cursor.pass(wanted);
    }
    touched = await notices.next(signal, follow_poll_ms);
  }
}
