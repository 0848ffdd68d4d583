/** Microseconds since 1970 that agree with the wall clock and do not run backwards with it. */
import type { World } from "../base/world.ts";

/** A wall clock that is off by more than this was set, or the machine slept. */
const DRIFT_MS_MAX = 1_000;

/**
 * The wall clock counts milliseconds, too coarse for what happens on a bus; the clock that never
 * jumps counts finer and knows no date. So the one says where the other began.
 */
export class MicrosecondClock {
  readonly #world: World;
  #base_ms: number;

  constructor(world: World) {
    this.#world = world;
    this.#base_ms = world.now_ms() - world.elapsed_ms();
  }

  /** The time now. */
  now_us(): number {
    const elapsed_ms = this.#world.elapsed_ms();
    const now_ms = this.#world.now_ms();
    if (Math.abs(this.#base_ms + elapsed_ms - now_ms) > DRIFT_MS_MAX) {
      this.#base_ms = now_ms - elapsed_ms;
    }
    return Math.round((this.#base_ms + elapsed_ms) * 1000);
  }
}
