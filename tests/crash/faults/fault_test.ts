import { assertEquals, assertMatch } from "@std/assert";
import { dirname, join } from "@std/path";
import { LedgerError } from "../../../src/base/error.ts";
import { systemFiles } from "../../../src/base/files/system_files.ts";
import { Ledger } from "../../../src/ledger/ledger.ts";
import { inputOf, memoryFolder } from "../../harness.ts";
import { DAY, idsOnDisk, NOON_MS, repeated } from "../kills/crash.ts";
import { failAtEach, FaultyDisk } from "./faults.ts";
import { assertNothingLost, assertTrue, idsAdded, Snapshot } from "../snapshot.ts";

const NEXT_DAY_MS = NOON_MS + 86_400_000;
const PART_BYTES_MAX = 2_000;
const SCHEMA = { type: "object", required: ["level"], properties: { level: { type: "number" } } };

/** Something that is tried on a disk that fails, from a prepared ledger. */
interface Attempt {
  what: string;
  prepare: (ledger: Ledger) => Promise<unknown>;
  /** Adds what was acknowledged one by one. */
  run: (ledger: Ledger, acknowledged: string[]) => Promise<unknown>;
  /** The ids that it emits, where it does not leave them to the program. */
  ids: string[];
  /** A file that it puts in place whole or not at all, and its content. */
  file?: { path: string; content: RegExp };
  /** What else has to hold once it has succeeded. */
  holds?: (ledger: Ledger) => void | Promise<void>;
}

function event(event_id: string, timestamp_ms = NOON_MS) {
  const ballast = "x".repeat(100);
  return { event_type: "run.started", run_id: "r", event_id, timestamp_ms, ballast };
}

/** Enough of them to carry a part past its limit, half of them on the next day. */
const OVER_TWO_DAYS = Array.from(
  { length: 24 },
  (_, n) => event(`e${n}`, n % 2 === 0 ? NOON_MS : NEXT_DAY_MS),
);
const STREAM = OVER_TWO_DAYS.map((each) => JSON.stringify(each) + "\n").join("");

const nothing = () => Promise.resolve();
const one = (ledger: Ledger) => ledger.emit(event("before"));

async function tear(ledger: Ledger): Promise<void> {
  await one(ledger);
  const part = join(ledger.dir, "events", DAY, "part-000001.jsonl");
  Deno.writeTextFileSync(part, '{"event_id":"torn', { append: true });
}

async function damage(ledger: Ledger): Promise<void> {
  await ledger.emit(event("next day", NEXT_DAY_MS));
  await one(ledger);
  const part = join(ledger.dir, "events", DAY, "part-000001.jsonl");
  Deno.writeTextFileSync(part, "corrupt\n", { append: true });
  await ledger.emit(event("behind"));
  Deno.writeTextFileSync(part, '{"event_id":"torn', { append: true });
}

async function emitOne(ledger: Ledger, acknowledged: string[]): Promise<void> {
  const large = { ...event("e0"), ballast: "x".repeat(500) };
  acknowledged.push((await ledger.emit(large)).event_id);
}

const ATTEMPTS: Attempt[] = [
  { what: "the first emit", prepare: nothing, run: emitOne, ids: ["e0"] },
  { what: "an emit to a part that is there", prepare: one, run: emitOne, ids: ["e0"] },
  {
    what: "an emit that opens the next part",
    prepare: (ledger) => ledger.emit({ ...event("before"), ballast: "x".repeat(PART_BYTES_MAX) }),
    run: emitOne,
    ids: ["e0"],
  },
  { what: "an emit that finds a torn tail", prepare: tear, run: emitOne, ids: ["e0"] },
  {
    what: "many events over two days",
    prepare: one,
    run: async (ledger, acknowledged) => {
      const all = await ledger.emitMany(OVER_TWO_DAYS);
      acknowledged.push(...all.map(({ event_id }) => event_id));
    },
    ids: OVER_TWO_DAYS.map(({ event_id }) => event_id),
  },
  {
    what: "emits that are made together",
    prepare: tear,
    run: async (ledger, acknowledged) => {
      const outcomes = await Promise.allSettled(OVER_TWO_DAYS.map((each) => ledger.emit(each)));
      const errors: LedgerError[] = [];
      for (const outcome of outcomes) {
        if (outcome.status === "fulfilled") acknowledged.push(outcome.value.event_id);
        else errors.push(outcome.reason);
      }
      const unknown = errors.find(({ code }) => code === "durability_unknown");
      if (errors.length > 0) throw unknown ?? errors[0];
    },
    ids: OVER_TWO_DAYS.map(({ event_id }) => event_id),
  },
  {
    what: "a stream",
    prepare: tear,
    run: (ledger, acknowledged) =>
      ledger.emitStream(inputOf(STREAM), { onDurable: (ids) => acknowledged.push(...ids) }),
    ids: OVER_TWO_DAYS.map(({ event_id }) => event_id),
  },
  {
    what: "verify --repair",
    prepare: damage,
    run: (ledger) => ledger.verify({ repair: true }),
    ids: [],
    holds: async (ledger) => assertEquals((await ledger.verify()).findings, []),
  },
  {
    what: "the registration of a type",
    prepare: one,
    run: (ledger) => ledger.registerType("risk.breached", SCHEMA),
    ids: [],
    // Whole in any case: with the type, or as the ledger's first registry, which is bound before it.
    file: {
      path: "events/_schema.json",
      content: /^\{[^]+("risk\.breached"[^]+|"event_types": \{\}\n)\}\n$/,
    },
    holds: async (ledger) => {
      assertEquals(ledger.registry.names().includes("risk.breached"), true);
      await ledger.emit({ ...event("custom"), event_type: "risk.breached", level: 1 });
    },
  },
  {
    what: "an artifact",
    prepare: one,
    run: async (ledger, acknowledged) => {
      const { acknowledgement } = await ledger.putArtifact("r1", "summary", '{"trades":12}');
      acknowledged.push(acknowledgement.event_id);
    },
    ids: [],
    file: { path: "artifacts/runs/r1/summary.json", content: /^\{"trades":12\}\n$/ },
  },
];

/** Runs it, and takes errors that are ours as the outcome that they are. */
async function outcomeOf(disk: FaultyDisk, dir: string, attempt: Attempt) {
  const acknowledged: string[] = [];
  let ledger: Ledger | undefined;
  try {
    ledger = new Ledger({ dir, world: disk.world, part_bytes_max: PART_BYTES_MAX });
    await attempt.run(ledger, acknowledged);
    return { ledger, acknowledged };
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    return { ledger, acknowledged, error };
  }
}

/** With a disk that works again: trying again succeeds; others can emit, and so can we. */
async function goOn(
  disk: FaultyDisk,
  dir: string,
  attempt: Attempt,
  own: Ledger | undefined,
  existing: Set<string>,
): Promise<void> {
  disk.heal();
  const healed_at = disk.trace.length;
  const days = [NOON_MS, NEXT_DAY_MS];
  // A command that is busy now is kept from its work by a lock that was left behind.
  await using other = new Ledger({ dir, world: disk.world, lock_wait_ms: 1 });
  await attempt.run(other, []);
  disk.assertAllDurable(existing, healed_at);
  await attempt.holds?.(other);
  for (const time of days) await other.emit(event(`other-${time}`, time));
  for (const time of days) await own?.emit(event(`own-${time}`, time));
  await own?.close();
}

function assertWholeOrAbsent(dir: string, { file }: Attempt, has_to_be: boolean): void {
  if (!file) return;
  const path = join(dir, file.path);
  if (has_to_be || systemFiles().facts(path)) {
    assertMatch(Deno.readTextFileSync(path), file.content);
  }
}

async function failAt(attempt: Attempt, disk: FaultyDisk): Promise<void> {
  using folder = memoryFolder();
  const dir = join(folder.path, "data", "ledger");
  const prepared = new Ledger({ dir, part_bytes_max: PART_BYTES_MAX });
  await attempt.prepare(prepared);
  await prepared.close();
  const before = new Snapshot(folder.path);
  const existing = new Set([...before.paths, folder.path, dirname(folder.path), "/"]);

  const outcome = await outcomeOf(disk, dir, attempt);
  const after = new Snapshot(folder.path);
  if (attempt.what !== "verify --repair") assertTrue(outcome, before, after);
  assertWholeOrAbsent(dir, attempt, outcome.error === undefined);
  if (!outcome.error) disk.assertAllDurable(existing);
  if (!disk.was_reached) assertEquals(outcome.error, undefined);

  const added_before = idsAdded(before, after);
  await goOn(disk, dir, attempt, outcome.ledger, existing);
  const healed = new Snapshot(folder.path);
  assertNothingLost(before, healed);
  assertWholeOrAbsent(dir, attempt, true);
  const on_disk = idsOnDiskBut(dir, "corrupt");
  const times = new Map<string, number>();
  for (const id of on_disk) times.set(id, (times.get(id) ?? 0) + 1);
  for (const id of attempt.ids) {
    assertEquals(times.get(id), 1 + (added_before.includes(id) ? 1 : 0), `${id} is not there once`);
  }
  const others = on_disk.filter((id) => !attempt.ids.includes(id));
  assertEquals(repeated(others), []);
  await using reader = new Ledger({ dir });
  assertEquals((await reader.verify()).findings, []);
}

/** The ids of all lines but the one that is corrupt on purpose. */
function idsOnDiskBut(dir: string, corrupt: string): string[] {
  return idsOnDisk(dir, (line) => line !== corrupt);
}

for (const attempt of ATTEMPTS) {
  Deno.test({
    name: `${attempt.what}, whichever file operation fails: done, or said and undone`,
    // A file that stays open after an error is a leak, and with it may go a lock.
    sanitizeResources: true,
    fn: () => failAtEach((disk) => failAt(attempt, disk)),
  });
}
