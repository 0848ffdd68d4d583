/**
 * The surroundings of a simulated run: files are real, the time that work takes is not. It follows from
 * the seed like everything else, so that the same lab comes out on a fast machine and on a slow one.
 */
import type { World } from "../base/world.ts";
import type { SeededRandom } from "../base/random.ts";

/** A simulated clock: time passes only while a run works. */
export class WorkClock {
  #worked_us = 0;

  constructor(readonly begins_ms: number) {}

  /** Lets time pass. */
  work(duration_us: number): void {
    this.#worked_us += Math.round(duration_us);
  }

  /** Lets time pass up to the next whole millisecond, which is all that the log and manifests tell. */
  settle(): void {
    this.#worked_us = Math.ceil(this.#worked_us / 1000) * 1000;
  }

  /** Time since the beginning. */
  get elapsed_ms(): number {
    return this.#worked_us / 1000;
  }

  /** The time now. */
  get now_ms(): number {
    return this.begins_ms + Math.floor(this.elapsed_ms);
  }
}

/** The world as a simulated run finds it. */
export function worldOfWork(world: World, clock: WorkClock, random: SeededRandom): World {
  return {
    ...world,
    // The name of a writer is for network file systems; these runs share the log's parts.
    env: (name) => name === "LEDGER_WRITER" ? undefined : world.env(name),
    now_ms: () => clock.now_ms,
    elapsed_ms: () => clock.elapsed_ms,
    random_uint32: () => random.uint32(),
  };
}
