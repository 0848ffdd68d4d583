/** Chance that can be repeated: everything in a demo's lab follows from its seed. */

const FNV_BASIS = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
const UINT32_END = 4_294_967_296;

/** A stream of random numbers. Streams for other purposes do not disturb it. */
export class SeededRandom {
  #state: number;

  constructor(seed: number, purpose: string) {
    let state = FNV_BASIS;
    for (const char of `${seed}:${purpose}`) {
      state = Math.imul(state ^ char.codePointAt(0)!, FNV_PRIME);
    }
    this.#state = state >>> 0;
  }

  /** A whole number below 2^32 (mulberry32). */
  uint32(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** From 0 up to but not including 1. */
  fraction(): number {
    return this.uint32() / UINT32_END;
  }

  /** A number in a range. */
  between(from: number, until: number): number {
    return from + (until - from) * this.fraction();
  }

  /** A whole number from 0 up to but not including `end`. */
  below(end: number): number {
    return Math.floor(this.fraction() * end);
  }

  /** One of some things. */
  pick<Thing>(things: readonly Thing[]): Thing {
    return things[this.below(things.length)];
  }

  /** Normally distributed around 0, with a standard deviation of 1. */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.fraction()));
    return radius * Math.cos(2 * Math.PI * this.fraction());
  }
}
