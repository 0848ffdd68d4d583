/** Microseconds since 1970 that agree with the wall clock and do not run backwards with it. */
import type { World } from "../../base/world.ts";

/** A wall clock that is off by more than this was set, or the machine slept. */
const DRIFT_MS_MAX = 1_000;
/** How often the wall clock is looked at: after this time by the other one. */
const LOOK_AFTER_MS = 10;

/**
 * The wall clock counts milliseconds, too coarse for what happens on a bus; the clock that never
 * jumps counts finer and knows no date. So the one says where the other began.
 */
export class MicrosecondClock {
  readonly #world: World;
  #base_ms: number;
  #looked_ms: number;

  constructor(world: World) {
    this.#world = world;
    this.#looked_ms = world.elapsed_ms();
    this.#base_ms = world.now_ms() - this.#looked_ms;
  }

  /** The time now. */
  now_us(): number {
    const elapsed_ms = this.#world.elapsed_ms();
    if (elapsed_ms - this.#looked_ms >= LOOK_AFTER_MS) this.#look(elapsed_ms);
    return Math.round((this.#base_ms + elapsed_ms) * 1000);
  }

  #look(elapsed_ms: number): void {
    this.#looked_ms = elapsed_ms;
    const base_ms = this.#world.now_ms() - elapsed_ms;
    if (Math.abs(this.#base_ms - base_ms) > DRIFT_MS_MAX) this.#base_ms = base_ms;
  }
}
