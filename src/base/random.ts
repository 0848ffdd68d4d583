/** A pseudorandom generator (mulberry32): a seed repeats all that is drawn. */

const FNV_BASIS = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

export class SeededRandom {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A stream for one purpose, which streams for others do not disturb. */
  static of(seed: number, purpose: string): SeededRandom {
    let hash = FNV_BASIS;
    for (const char of `${seed}:${purpose}`) {
      hash = Math.imul(hash ^ char.codePointAt(0)!, FNV_PRIME);
    }
    return new SeededRandom(hash);
  }

  uint32(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** From 0 up to but not including 1. */
  fraction(): number {
    return this.uint32() / 2 ** 32;
  }

  between(from: number, until: number): number {
    return from + (until - from) * this.fraction();
  }

  /** A whole number from 0 up to but not including `end`. */
  below(end: number): number {
    return Math.floor(this.fraction() * end);
  }

  pick<Thing>(things: readonly Thing[]): Thing {
    return things[this.below(things.length)];
  }

  /** Normally distributed around 0, with a standard deviation of 1. */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.fraction()));
    return radius * Math.cos(2 * Math.PI * this.fraction());
  }
}
