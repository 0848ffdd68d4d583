/** The part of the daemon that seals what is finished, so that its proof is as old as it can be. */
import { seal_grace_ms, seal_poll_ms } from "../base/limits.ts";
import type { World } from "../base/world.ts";
import type { NewlySealed, SealOptions } from "../log/mod.ts";
import { RepeatedTrouble } from "./trouble.ts";

/** A log whose parts are sealed; the upkeep of a `Ledger` is such. */
export interface WatchedLog {
  seal(options?: SealOptions): Promise<NewlySealed[]>;
}

/** Seals now and then. */
export class WatchedSeals {
  #rested_ms = 0;
  readonly #trouble = new RepeatedTrouble();

  constructor(
    readonly world: World,
    readonly log: WatchedLog,
    readonly onSeal: (sealed: NewlySealed) => void,
    readonly onNotice: (message: string) => void,
  ) {}

  /** Seals what is due, unless the last look was only a while ago. */
  async look(): Promise<void> {
    if (this.world.elapsed_ms() < this.#rested_ms) return;
    this.#rested_ms = this.world.elapsed_ms() + seal_poll_ms;
    try {
      // Whoever fills in an old day would find its part closed again and again.
      const options = { quiet_ms: seal_grace_ms, onNotice: this.onNotice };
      for (const sealed of await this.log.seal(options)) this.onSeal(sealed);
      this.#trouble.end();
    } catch (thrown) {
      this.#trouble.met(thrown, ({ message }) => {
        this.onNotice(`finished parts were not sealed: ${message}`);
      });
    }
  }
}
