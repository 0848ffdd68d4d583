/** A periodic task: work beside the daemon's syncs that rests in between; it reports the same trouble once. */
import { asLedgerError, LedgerError } from "../base/error.ts";
import { catalog_rest_factor, catalog_rest_ms } from "../base/limits.ts";
import type { World } from "../base/world.ts";
import type { CatalogSyncReport } from "../runs/catalog/catalog.ts";

export class RepeatedTrouble {
  #message?: string;

  get message(): string | undefined {
    return this.#message;
  }

  /** It failed. It reports a message once; what is no error of the world is thrown on. */
  met(thrown: unknown, tell: (error: LedgerError) => void): void {
    const error = asLedgerError(thrown);
    if (!error) throw thrown;
    if (error.message !== this.#message) tell(error);
    this.#message = error.message;
  }

  /** It went well: whatever comes next is news. */
  end(): void {
    this.#message = undefined;
  }
}

/** Sealing finished parts, syncing the catalog or converting traces: done when it is due, and not too often. */
export class PeriodicTask {
  #rested_ms = 0;
  readonly #trouble = new RepeatedTrouble();

  constructor(
    readonly world: World,
    readonly work: () => Promise<void>,
    /** How long it rests after work that took so long. */
    readonly restAfter: (took_ms: number) => number,
    readonly onTrouble: (message: string) => void,
  ) {}

  /** Does the work, unless the last time was a moment ago: then it says how long to wait. */
  async look(): Promise<number | undefined> {
    const started_ms = this.world.elapsed_ms();
    if (started_ms < this.#rested_ms) return this.#rested_ms - started_ms;
    try {
      await this.work();
      this.#trouble.end();
    } catch (thrown) {
      this.#trouble.met(thrown, ({ message }) => this.onTrouble(message));
    }
    const ended_ms = this.world.elapsed_ms();
    this.#rested_ms = ended_ms + this.restAfter(ended_ms - started_ms);
    return undefined;
  }
}

/** Runs whose catalog is kept; those of a `Ledger` are such. */
export interface WatchedRuns {
  sync(options?: { onNotice?: (message: string) => void }): Promise<CatalogSyncReport>;
}

/** Keeps a catalog up to date. A look at thousands of folders takes its time, so it rests after it. */
export function catalogTask(
  world: World,
  runs: WatchedRuns,
  onSync: (report: CatalogSyncReport) => void,
  onNotice: (message: string) => void,
): PeriodicTask {
  return new PeriodicTask(
    world,
    async () => {
      const report = await runs.sync({ onNotice });
      onSync(report);
      const [unread] = report.unread;
      if (!unread) return;
      const more = report.unread.length > 1 ? `; ${report.unread.length} runs in all` : "";
      throw new LedgerError({ code: "io", message: `${unread.reason}${more}` });
    },
    (took_ms) => catalog_rest_ms + took_ms * catalog_rest_factor,
    (message) => onNotice(`the catalog of runs is not up to date: ${message}`),
  );
}
