/** A log that grows at random, as writers, killed writers, copies and moves leave it behind. */
import { join } from "@std/path";
import { dayOf, type PartId, partPath } from "../../src/log/format/layout.ts";
import type { Random } from "../laws/random.ts";
import { LineMaker } from "./lines.ts";

const DAY_MS = 86_400_000;
const FIRST_MS = Date.UTC(2026, 0, 20, 12);
const NEWLINE = new Uint8Array([10]);

/** The days that a random log has, in order. */
export const LOG_DAYS = Array.from({ length: 4 }, (_, day) => dayOf(FIRST_MS + day * DAY_MS));

/** One ledger folder. */
export class RandomLog {
  readonly #maker: LineMaker;

  constructor(readonly random: Random, readonly dir: string) {
    const times = LOG_DAYS.map((_, day) => FIRST_MS + day * DAY_MS);
    this.#maker = new LineMaker(random, times);
    Deno.mkdirSync(join(dir, "events"), { recursive: true });
  }

  /** Something happens to the log. */
  step(): void {
    const { random } = this;
    const appends = 1 + random.below(4);
    for (let append = 0; append < appends; append++) this.append();
    if (random.chance(0.15)) this.#tear();
    if (random.chance(0.04)) this.#cutBack();
    if (random.chance(0.02)) this.#moveDayAway();
    if (random.chance(0.08)) this.#rewriteLine();
  }

  /** An event of more than a megabyte comes. */
  appendLong(): void {
    const part = this.#part();
    this.#takeTailOut(part);
    const chars = 1_100_000 + this.random.below(400_000);
    this.#write(part, [this.#maker.longEvent(chars), NEWLINE]);
  }

  #part(): PartId {
    const { random } = this;
    return {
      day: random.pick(LOG_DAYS),
      number: random.pick([1, 1, 1, 2, 10]),
      writer: random.pick(["", "", "", "w", "a.b"]),
    };
  }

  /** A writer appends some lines. */
  append(): void {
    const part = this.#part();
    this.#takeTailOut(part);
    const lines = this.random.times(1 + this.random.below(6), () => this.#maker.line());
    this.#write(part, lines.flatMap((line) => [line, NEWLINE]));
  }

  /** A writer is killed. */
  #tear(): void {
    const part = this.#part();
    this.#takeTailOut(part);
    const line = this.#maker.line();
    this.#write(part, [line.subarray(0, this.random.below(line.length + 1))]);
  }

  /** Lines that a reader saw before they were durable are gone after a power cut. */
  #cutBack(): void {
    const path = this.#anyPath();
    if (!path) return;
    const bytes = Deno.readFileSync(path);
    const ends = [...bytes.keys()].filter((at) => bytes[at] === 10).map((at) => at + 1);
    Deno.truncateSync(path, this.random.pick([0, ...ends]));
  }

  /** A part is put back from somewhere else, of the same size and with another last line. */
  #rewriteLine(): void {
    const path = this.#anyPath();
    if (!path) return;
    const bytes = Deno.readFileSync(path);
    if (bytes.length < 3) return;
    bytes[bytes.length - 2] ^= 1;
    Deno.writeFileSync(path, bytes);
  }

  #moveDayAway(): void {
    const day = join(this.dir, "events", `day=${this.random.pick(LOG_DAYS)}`);
    try {
      Deno.removeSync(day, { recursive: true });
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  #anyPath(): string | undefined {
    const paths: string[] = [];
    for (const { name: day } of Deno.readDirSync(join(this.dir, "events"))) {
      for (const { name } of Deno.readDirSync(join(this.dir, "events", day))) {
        paths.push(join(this.dir, "events", day, name));
      }
    }
    return paths.length === 0 ? undefined : this.random.pick(paths.sort());
  }

  /** What a writer does before it appends. */
  #takeTailOut(part: PartId): void {
    const path = partPath(this.dir, part);
    let bytes: Uint8Array;
    try {
      bytes = Deno.readFileSync(path);
    } catch {
      return;
    }
    Deno.truncateSync(path, bytes.lastIndexOf(10) + 1);
  }

  #write(part: PartId, pieces: Uint8Array[]): void {
    const path = partPath(this.dir, part);
    Deno.mkdirSync(join(path, ".."), { recursive: true });
    for (const piece of pieces) Deno.writeFileSync(path, piece, { append: true });
  }
}
