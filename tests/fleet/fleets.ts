/** What the tests of the fleet share: a store to talk to, and a world that has keys. */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { joined } from "../../src/base/bytes.ts";
import { LedgerError } from "../../src/base/error.ts";
import { MemoryFile } from "../../src/base/files/memory_file.ts";
import { Fleet } from "../../src/fleet/fleet.ts";
import { textLines } from "../../src/fleet/bundles/run_files.ts";
import { linkOf, parseMeta } from "../../src/fleet/segment.ts";
import { Ledger } from "../../src/ledger/ledger.ts";
import { unpackLines } from "../../src/log/codec/unpacking.ts";
import { memoryFolder } from "../harness.ts";
import { parseAddress } from "../../src/fleet/address.ts";
import { KeySource } from "../../src/fleet/keys.ts";
import { ObjectStore } from "../../src/fleet/store.ts";
import { systemWorld, type World } from "../../src/base/world.ts";
import { STRICT_KEYS, StrictStore } from "./strict_store.ts";

/** The real one, with these variables alone and without waiting. */
export function fleetWorld(
  vars: Readonly<Record<string, string>> = STRICT_KEYS,
  changes: Partial<World> = {},
): World {
  return {
    ...systemWorld(),
    env: (name) => vars[name],
    pause: () => Promise.resolve(),
    ...changes,
  };
}

/** A store that has a fleet: the strict one, or a real one, which has keys of its own. */
interface LabStore {
  endpoint: string;
  keys?: Readonly<Record<string, string>>;
  now_ms?(): number;
}

/** A world whose clock is the store's. */
export function worldBeside(store: LabStore): World {
  return fleetWorld(store.keys, store.now_ms && { now_ms: () => store.now_ms!() });
}

/** Where the fleet of these tests is. */
export const URL_OF_LAB = "s3://lab/fleet";

/** The same, as commands are told it. */
export function addressOf({ endpoint }: LabStore): string[] {
  return [URL_OF_LAB, "--endpoint", endpoint];
}

/** A client of that fleet. */
export function openStore(store: LabStore, world = worldBeside(store)): ObjectStore {
  return new ObjectStore(world, parseAddress(URL_OF_LAB, store.endpoint), new KeySource(world));
}

/** Makes that fleet by commands, and lets the box of their folder join it. */
export async function joinByCommand(
  run: (...words: string[]) => Promise<{ code: number }>,
  store: LabStore,
  name: string,
  ...more: string[]
): Promise<void> {
  const at = [...addressOf(store), ...more];
  for (const words of [["fleet", "init", ...at], ["fleet", "join", ...at, "--as", name]]) {
    const ended = await run(...words);
    assertEquals(ended.code, 0, JSON.stringify(ended));
  }
}

/** Waits for the ends of all; what fails among them may only not have reached the store. */
export async function settled(works: Iterable<Promise<unknown>>): Promise<void> {
  for (const end of await Promise.allSettled(works)) {
    if (end.status === "fulfilled") continue;
    assert(end.reason instanceof LedgerError, String(end.reason));
    assertEquals(end.reason.code, "unreachable", String(end.reason));
  }
}

const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 0, 1);

/** The fleet of these tests, as a ledger's box opens it. */
export function openLab(
  strict: StrictStore,
  dir: string,
  world = worldBeside(strict),
  keys_path?: string,
): Fleet {
  return Fleet.open(world, dir, {
    url: URL_OF_LAB,
    endpoint: strict.endpoint,
    keys_path,
    runs_dir: runsOf(dir),
  });
}

/** Where the runs of a ledger's box are. */
function runsOf(dir: string): string {
  return `${dir}-runs`;
}

/** One box: its ledger, and what ships it. */
export class Box {
  readonly dir: string;
  readonly runs_dir: string;
  #count = 0;

  constructor(readonly strict: StrictStore, readonly folder: string, readonly name: string) {
    this.dir = join(folder, name);
    this.runs_dir = runsOf(this.dir);
  }

  async join(extras?: Parameters<Fleet["join"]>[1]): Promise<void> {
    using fleet = this.open();
    await fleet.join(this.name, extras);
  }

  open(world?: World, keys_path?: string): Fleet {
    return openLab(this.strict, this.dir, world, keys_path);
  }

  async emit(count: number, day = 0): Promise<void> {
    await using ledger = new Ledger({ dir: this.dir });
    for (let n = 0; n < count; n++) {
      await ledger.emitTrialRecorded({
        run_id: "r1",
        trial_id: `${this.name}-${this.#count++}`,
        params: { n },
        metrics: { x: n / 3 },
        timestamp_ms: START_MS + day * DAY_MS + this.#count,
      });
    }
  }

  /** Appends an event whose id may be in the log already, as a line of another program. */
  async emitAgain(event_id: string, day = 0): Promise<void> {
    await using ledger = new Ledger({ dir: this.dir });
    const timestamp_ms = START_MS + day * DAY_MS + ++this.#count;
    await ledger.emitRunStarted({ run_id: "r1", event_id, timestamp_ms });
  }

  async ship() {
    using fleet = this.open();
    return await fleet.ship();
  }

  /** Its lines as they are here, by part. */
  lines(): Map<string, string> {
    return linesOfParts(this.dir);
  }

  /** Its lines as the store has them; fails where its segments are no chain. */
  shipped(): Map<string, string> {
    const prefix = `fleet/log/box=${this.name}/`;
    const objects = this.strict.objects("lab");
    const keys = this.strict.keysOf("lab").filter((key) => key.startsWith(prefix));
    return linesOfSegments(keys.map((key) => {
      const { bytes, meta } = objects.get(key)!;
      const said = meta.map(([name, value]) => [name.replace("x-amz-meta-", ""), value]);
      return { key, bytes, meta: Object.fromEntries(said) };
    }));
  }
}

/** The lines of a ledger as they are on the disk, by part. */
export function linesOfParts(dir: string): Map<string, string> {
  const parts = new Map<string, string>();
  const events = join(dir, "events");
  for (const { name: day } of Deno.readDirSync(events)) {
    if (!day.startsWith("day=")) continue;
    for (const { name } of Deno.readDirSync(join(events, day))) {
      if (!name.endsWith(".jsonl")) continue;
      parts.set(`${day}/${name}`, Deno.readTextFileSync(join(events, day, name)));
    }
  }
  return new Map([...parts].sort());
}

/** An object of a box's chain, and what is said of it. */
interface SegmentObject {
  key: string;
  bytes: Uint8Array<ArrayBuffer>;
  meta: Record<string, string>;
}

/** The lines of a box's segments, by part; fails where they are no chain. */
function linesOfSegments(segments: Iterable<SegmentObject>): Map<string, string> {
  const parts = new Map<string, Uint8Array[]>();
  let [seq, prev_sha256] = [0, ""];
  for (const { key, bytes, meta } of segments) {
    const facts = parseMeta(meta)!;
    assertEquals([facts.seq, facts.prev_sha256], [++seq, prev_sha256]);
    prev_sha256 = linkOf(facts);
    const blocks = parts.getOrInsertComputed(facts.part, () => []);
    const length = () => blocks.reduce((sum, block) => sum + block.length, 0);
    assertEquals(length(), facts.from);
    for (const block of unpackLines(new MemoryFile(key, bytes))) blocks.push(block.bytes.slice());
    assertEquals(length(), facts.to);
  }
  const texts = [...parts].map(([part, blocks]) => {
    return [part, new TextDecoder().decode(joined(...blocks))] as const;
  });
  return new Map(texts.sort());
}

/** The same of a box in any store. */
export async function linesInStore(
  store: ObjectStore,
  box: string,
): Promise<Map<string, string>> {
  const segments: SegmentObject[] = [];
  for await (const { key } of store.list(`log/box=${box}/`)) {
    const [facts, bytes] = await Promise.all([store.head(key), store.get(key)]);
    segments.push({ key, bytes: bytes!, meta: facts!.meta });
  }
  return linesOfSegments(segments);
}

/** The lines of a box's bundles of runs, in order. */
export function bundlesOf({ strict, name }: Box): { run_path: string; path: string }[] {
  const prefix = `fleet/artifacts/box=${name}/`;
  const keys = strict.keysOf("lab").filter((key) => key.startsWith(prefix));
  return keys.flatMap((key) => [...textLines(strict.objects("lab").get(key)!.bytes)])
    .map((line) => JSON.parse(line));
}

/** A fleet, its boxes, and fold jobs for it. */
export interface FleetLab {
  strict: StrictStore;
  boxes: Box[];
  folder: string;
  job(): Fleet;
  /** Sets all clocks forward. */
  wait(ms: number): void;
}

/** A fleet with so many boxes. */
export async function withBoxes(
  count: number,
  body: (lab: FleetLab) => Promise<void>,
): Promise<void> {
  await using strict = new StrictStore();
  using folder = memoryFolder();
  const boxes = Array.from({ length: count }, (_, n) => new Box(strict, folder.path, `box-${n}`));
  for (const [at, box] of boxes.entries()) {
    using fleet = box.open();
    if (at === 0) await fleet.init();
    await box.join();
  }
  let jobs = 0;
  const job = () => openLab(strict, join(folder.path, `job-${jobs++}`));
  const wait = (ms: number) => {
    const ahead_ms = strict.now_ms() + ms - Date.now();
    strict.options.now_ms = () => Date.now() + ahead_ms;
  };
  await body({ strict, boxes, folder: folder.path, job, wait });
}

/** A fleet with one box. */
export async function withBox(
  body: (box: Box, strict: StrictStore, folder: string) => Promise<void>,
) {
  await using strict = new StrictStore();
  using folder = memoryFolder();
  const box = new Box(strict, folder.path, "one");
  using fleet = box.open();
  await fleet.init();
  await box.join();
  await body(box, strict, folder.path);
}
