/** The part of the daemon that keeps the catalog of runs up to date, without looking all the time. */
import { catalog_rest_factor, catalog_rest_ms } from "../base/limits.ts";
import type { World } from "../base/world.ts";
import type { CatalogSyncReport } from "../runs/catalog/catalog.ts";
import { RepeatedTrouble } from "./trouble.ts";

/** The runs that are watched; those of a `Ledger` are such. */
export interface WatchedRuns {
  exists(): boolean;
  sync(options?: { onNotice?: (message: string) => void }): Promise<CatalogSyncReport>;
}

/** Syncs a catalog when something may have changed, and not too often. */
export class WatchedCatalog {
  #rested_ms = 0;
  readonly #trouble = new RepeatedTrouble();

  constructor(
    readonly world: World,
    readonly runs: WatchedRuns,
    readonly onSync: (report: CatalogSyncReport) => void,
    readonly onNotice: (message: string) => void,
  ) {}

  /**
   * Syncs, unless the last time was a moment ago; returns how long it would be well to wait before
   * the next look, where one was put off. A look at thousands of folders takes its time, and runs
   * tell the log of each step.
   */
  async look(): Promise<number | undefined> {
    if (!this.runs.exists()) return undefined;
    const early_ms = this.#rested_ms - this.world.elapsed_ms();
    if (early_ms > 0) return early_ms;
    const started_ms = this.world.elapsed_ms();
    try {
      this.onSync(await this.runs.sync({ onNotice: this.onNotice }));
      this.#trouble.end();
    } catch (thrown) {
      this.#trouble.met(thrown, ({ message }) => {
        this.onNotice(`the catalog of runs was not synced: ${message}`);
      });
    }
    const took_ms = this.world.elapsed_ms() - started_ms;
    this.#rested_ms = this.world.elapsed_ms() + catalog_rest_ms + took_ms * catalog_rest_factor;
    return undefined;
  }
}
