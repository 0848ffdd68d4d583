/** What the file system notifies about the log, for those who wait for it to grow. */
import { follow_debounce_ms } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import { parseDayName } from "../format/layout.ts";

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

  /** The days that were touched; undefined when a while passed and it is time to look at all of them. */
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

  /** Forgets what was notified: whoever calls this is about to look at everything. */
  forget(): void {
    this.#touched.clear();
  }

  close(): void {
    this.#watch?.close();
  }
}
