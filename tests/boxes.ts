/** Boxes that each have a ledger and runs, for tests of what is pulled from one into another. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import type { World } from "../src/base/world.ts";
import { Ledger } from "../src/ledger/ledger.ts";
import { readReplicationState } from "../src/log/pull/replication_state.ts";
import type { PullReport, PullRequest } from "../src/ledger/pull.ts";
import { tempFolder, testWorld } from "./harness.ts";

/** The day that these tests are at home in, and its noon. */
export const BOX_DAY = "2026-01-23";
/** Noon of that day. */
export const NOON_MS = Date.UTC(2026, 0, 23, 12);

/** A box. */
export class Box {
  readonly ledger_dir: string;
  readonly runs_dir: string;
  /** The ids of all events that were emitted here. */
  readonly emitted = new Set<string>();
  #count = 0;

  constructor(readonly name: string, readonly dir: string) {
    this.ledger_dir = join(dir, "data", "ledger");
    this.runs_dir = join(dir, "runs");
    Deno.mkdirSync(dir, { recursive: true });
  }

  /** Its ledger, in a world that may be a different one. */
  open(different: Partial<Omit<World, "stdin">> = {}, writer?: string): Ledger {
    const world = testWorld({ hostname: () => this.name, ...different });
    return new Ledger({ dir: this.ledger_dir, runs_dir: this.runs_dir, world, writer });
  }

  /** Emits events of a day. */
  async emit(count: number, { day = BOX_DAY, writer = "", ballast = 20 } = {}): Promise<void> {
    await using ledger = this.open({}, writer);
    const timestamp_ms = Date.parse(`${day}T12:00:00Z`);
    const events = Array.from({ length: count }, () => ({
      event_id: `${this.name}-${++this.#count}`,
      event_type: "run.started",
      run_id: `run-${this.name}-${this.#count}`,
      timestamp_ms,
      ballast: "x".repeat(ballast),
    }));
    await ledger.emitMany(events);
    for (const { event_id } of events) this.emitted.add(event_id);
  }

  /** Pulls from another box. */
  async pull(
    from: Box | string,
    request: Partial<PullRequest> = {},
    different: Partial<Omit<World, "stdin">> = {},
  ): Promise<PullReport> {
    await using ledger = this.open(different);
    return await ledger.upkeep.pull({
      from: typeof from === "string" ? from : from.dir,
      as: typeof from === "string" ? undefined : from.name,
      ...request,
    });
  }

  /** A file of its log. */
  path(...names: string[]): string {
    return join(this.ledger_dir, "events", ...names);
  }

  /** The part of the day that these tests are at home in. */
  part(name = "part-000001"): string {
    return this.path(`day=${BOX_DAY}`, `${name}.jsonl`);
  }

  read(name?: string): string {
    return Deno.readTextFileSync(this.part(name));
  }

  /** The ids of all events of its log, each as often as it is there. */
  async ids(): Promise<string[]> {
    await using ledger = this.open();
    const ids: string[] = [];
    for await (const record of ledger.read()) {
      if (record.kind === "event") ids.push(record.event.event_id);
    }
    return ids;
  }

  /** All files of the log with their bytes, without locks. */
  files(folder = this.path()): Map<string, string> {
    const found = new Map<string, string>();
    for (const { name, isDirectory } of Deno.readDirSync(folder)) {
      const path = join(folder, name);
      if (isDirectory) { for (const [inner, text] of this.files(path)) found.set(inner, text); }
      else if (!name.endsWith(".lock")) found.set(path, Deno.readTextFileSync(path));
    }
    return found;
  }
}

/** Some boxes in a folder that goes away. */
export function boxes(...names: string[]): Disposable & { path: string; all: Box[] } {
  return boxesIn(tempFolder(inMemory()), names);
}

/** The same where the executable may write, which is not below /dev. */
export function boxesOnDisk(...names: string[]): Disposable & { path: string; all: Box[] } {
  return boxesIn(tempFolder(), names);
}

function boxesIn(folder: ReturnType<typeof tempFolder>, names: string[]) {
  return {
    path: folder.path,
    all: names.map((name) => new Box(name, join(folder.path, name))),
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

/** Which disk it is makes no difference to most of these tests: take the fastest. */
function inMemory(): string | undefined {
  try {
    return Deno.statSync("/dev/shm").isDirectory ? "/dev/shm" : undefined;
  } catch {
    return undefined;
  }
}

/** What was taken, shortly. */
export function takenOf({ log }: PullReport): [into: string, lines: number][] {
  return log.taken.map(({ into, lines }) => [into.replace("day=", ""), lines]);
}

/** Fails unless what was pulled as a box stands here just as its own parts hold it. */
export async function assertHoldsAllOf(here: Box, there: Box): Promise<void> {
  const { files } = testWorld();
  const { parts } = readReplicationState(files, here.ledger_dir).get(there.name)!;
  const from_others = [...readReplicationState(files, there.ledger_dir).values()]
    .flatMap(({ parts }) => [...parts.values()].flatMap(({ here }) => here))
    .filter(({ own }) => !own).map(({ part }) => part);
  await using own = here.open();
  await using other = there.open();
  const [lines, their_lines] = [await linesByPart(own), await linesByPart(other)];
  for (const [label, text] of their_lines) {
    if (from_others.includes(label)) continue;
    const stretches = parts.get(label)?.here ?? [];
    const pieces = stretches.map(({ part, from, to }) => lines.get(part)!.slice(from, to));
    assertEquals(pieces.join(""), text, `${label} of ${there.name}`);
  }
}

/** The whole lines of each part; these tests write one byte a character. */
async function linesByPart(ledger: Ledger): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for await (const record of ledger.read()) {
    if (record.kind !== "event") continue;
    found.set(record.label, `${found.get(record.label) ?? ""}${record.text}\n`);
  }
  return found;
}
