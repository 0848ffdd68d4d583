/** Whatever is done in whatever order: what was acknowledged is there once, where it was said to be. */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { type Acknowledgement, type Ledger, openLedger } from "../../src/mod.ts";
import { inputOf, linesOnDisk, tempFolder } from "../harness.ts";
import { type Random, withSeed } from "./random.ts";

const STEPS = 120;
const DAYS_MS = [1_769_126_400_000, 1_769_212_799_999, 1_769_212_800_000, 1_735_689_600_000];

/** A ledger folder that several writers use in turn and together. */
class Scene {
  readonly acknowledged: Acknowledgement[] = [];
  readonly streamed: string[] = [];
  readonly #open: Ledger[] = [];
  #count = 0;

  constructor(readonly random: Random, readonly dir: string) {}

  async step(): Promise<void> {
    const { random } = this;
    const ledger = await this.#anyLedger();
    const action = random.below(10);
    if (action <= 3) await this.#emitTogether(1 + random.below(20));
    else if (action <= 5) this.acknowledged.push(...await ledger.emitMany(this.#events(5)));
    else if (action <= 7) await this.#stream(ledger);
    else if (action === 8) await this.#close();
    else this.#tear();
  }

  async end(): Promise<void> {
    while (this.#open.length > 0) await this.#close();
  }

  #event(): Record<string, unknown> & { event_id: string } {
    const { random } = this;
    return {
      event_id: `e${this.#count++}`,
      event_type: "run.started",
      timestamp_ms: random.pick(DAYS_MS),
      run_id: `r${random.below(3)}`,
      note: random.text(40),
    };
  }

  #events(count_max: number) {
    return this.random.times(1 + this.random.below(count_max), () => this.#event());
  }

  async #anyLedger(): Promise<Ledger> {
    const { random, dir } = this;
    if (this.#open.length === 0 || (this.#open.length < 4 && random.chance(0.2))) {
      const ledger = await openLedger({
        dir,
        writer: random.chance(0.3) ? random.pick(["w1", "w2"]) : undefined,
        durability: random.chance(0.3) ? "os" : "fsync",
        part_bytes_max: random.pick([1, 300, 2_000, 100_000_000]),
      });
      this.#open.push(ledger);
    }
    return random.pick(this.#open);
  }

  /** Calls to several open ledgers that run at the same time. */
  async #emitTogether(count: number): Promise<void> {
    const { random } = this;
    const answers = random.times(count, () => random.pick(this.#open).emit(this.#event()));
    this.acknowledged.push(...await Promise.all(answers));
  }

  async #stream(ledger: Ledger): Promise<void> {
    const lines = this.#events(30).map((event) => JSON.stringify(event));
    await ledger.emitStream(inputOf(lines.join("\n")), {
      onDurable: (ids) => this.streamed.push(...ids),
    });
  }

  async #close(): Promise<void> {
    const [ledger] = this.#open.splice(this.random.below(this.#open.length), 1);
    await ledger?.close();
  }

  /** What a writer leaves that was killed in the middle of a write: never acknowledged. */
  #tear(): void {
    const parts = partsIn(this.dir);
    if (parts.length === 0) return;
    Deno.writeTextFileSync(this.random.pick(parts), '{"event_id":"torn', { append: true });
  }
}

function partsIn(dir: string): string[] {
  const parts: string[] = [];
  const events = join(dir, "events");
  try {
    for (const { name } of Deno.readDirSync(events)) {
      if (!name.startsWith("day=")) continue;
      for (const part of Deno.readDirSync(join(events, name))) {
        if (part.name.endsWith(".jsonl")) parts.push(join(events, name, part.name));
      }
    }
  } catch {
    // Nothing was written yet.
  }
  return parts.sort();
}

Deno.test("every acknowledged event is in the log exactly once, where it was said to be", () =>
  withSeed(async (random) => {
    using folder = tempFolder();
    const scene = new Scene(random, folder.path);
    for (let step = 0; step < STEPS; step++) await scene.step();
    await scene.end();
    await using ledger = await openLedger({ dir: folder.path });
    await ledger.verify({ repair: true });

    const counts = new Map<string, number>();
    for (const line of linesOnDisk(folder.path)) {
      const { event_id } = JSON.parse(line);
      counts.set(event_id, (counts.get(event_id) ?? 0) + 1);
    }
    const expected = [...scene.acknowledged.map(({ event_id }) => event_id), ...scene.streamed];
    for (const id of expected) assertEquals(counts.get(id), 1, id);
    assertEquals(counts.size, expected.length);
    for (const { part, offset, event_id } of scene.acknowledged) {
      const bytes = Deno.readFileSync(join(folder.path, "events", part));
      const text = new TextDecoder().decode(bytes.subarray(offset, bytes.indexOf(10, offset)));
      assertEquals(JSON.parse(text).event_id, event_id);
    }
    const report = await ledger.verify({ deep: true });
    assertEquals([report.findings, report.duplicates, report.events], [[], 0, counts.size]);
    assert(expected.length > STEPS);
  }));
