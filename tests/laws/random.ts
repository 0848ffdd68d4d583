/** Randomness that can be repeated: everything here follows from a seed, which a failure prints. */
import { SeededRandom } from "../../src/base/random.ts";
import { IS_FULL } from "../harness.ts";

/** A source of random things. */
export class Random extends SeededRandom {
  constructor(readonly seed: number) {
    super(seed);
  }

  /** Numbers of its own for work that runs beside: what is drawn here does not depend on its pace. */
  fork(): Random {
    return new Random(this.below(2 ** 32));
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  times<T>(count: number, make: (index: number) => T): T[] {
    return Array.from({ length: count }, (_, index) => make(index));
  }

  /** A text with the letters that have made trouble somewhere. */
  text(length_max = 8): string {
    return this.times(this.below(length_max + 1), () => this.pick(LETTERS)).join("");
  }

  number(): number {
    return this.pick(NUMBERS) ?? (this.fraction() - 0.5) * 10 ** (this.below(40) - 20);
  }

  /** Anything that JSON can hold. */
  json(depth = 3): unknown {
    const kind = this.below(depth > 0 ? 7 : 5);
    if (kind === 0) return null;
    if (kind === 1) return this.chance(0.5);
    if (kind === 2) return this.number();
    if (kind <= 4) return this.text();
    if (kind === 5) return this.times(this.below(4), () => this.json(depth - 1));
    return this.object(depth - 1);
  }

  object(depth = 2): Record<string, unknown> {
    const entries = this.times(
      this.below(5),
      () => [this.chance(0.5) ? this.pick(KEYS) : this.text(), this.json(depth)] as const,
    );
    return Object.fromEntries(entries);
  }
}

const LETTERS = [
  ..."abcXYZ019 _-./\\\"'{}[]:,",
  ..."\u0000\t\n\r\u001f\u007f",
  ..."éß漢",
  "😀",
  "\u2028",
  "\uFEFF",
];
const KEYS = ["a", "b", "10", "2", "", "__proto__", "constructor", "toString", "length", "run_id2"];
const NUMBERS = [
  ...[undefined, undefined, 0, 1, -1, 0.5, 1.5, 1e21, 1e-7, 5e-324, 1.7976931348623157e308],
  ...[Number.MAX_SAFE_INTEGER, 2 ** 53, -(2 ** 53), 4_294_967_295, 0.1 + 0.2],
];

const given = Deno.env.get("LEDGER_TEST_SEED");

/** What all samples of a run are drawn by. A full test draws a seed of its own; any other repeats one. */
export const TEST_SEED = given
  ? Number(given)
  : IS_FULL
  ? crypto.getRandomValues(new Uint32Array(1))[0]
  : 1;

/**
 * Runs what needs randomness; the lanes of one test each draw their own. When it fails it says the seed
 * that LEDGER_TEST_SEED repeats.
 */
export async function withSeed(
  body: (random: Random) => void | Promise<void>,
  lane = 0,
): Promise<void> {
  try {
    await body(new Random(TEST_SEED + lane));
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`with LEDGER_TEST_SEED=${TEST_SEED}: ${said}`, { cause });
  }
}
