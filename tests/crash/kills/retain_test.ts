/** Wherever retaining or importing is cut off: no event is lost or doubled, and doing it again ends it. */
import { assert, assertEquals } from "@std/assert";
import { dirname, join } from "@std/path";
import { LedgerError } from "../../../src/base/error.ts";
import { systemFiles } from "../../../src/base/files/system_files.ts";
import type { World } from "../../../src/base/world.ts";
import { Ledger } from "../../../src/ledger/ledger.ts";
import { readChain } from "../../../src/log/format/chain.ts";
import { readDayArchive } from "../../../src/log/archive/archive_file.ts";
import { importDay } from "../../../src/log/archive/import_day.ts";
import { type RetainedDay, retainIndexed } from "../../../src/ledger/retain.ts";
import { ledgerFolder } from "../../index/indexes.ts";
import { IS_FULL, ledger, startLedger, systemError, testWorld } from "../../harness.ts";
import {
  archiveIn,
  assertWhole,
  emitRun,
  importIn,
  laterWorld,
  linesOf,
  linesOfDays,
  namesInEvents,
  noonOf,
  NOW_MS,
  OLD_DAYS,
  retainIn,
} from "../../retained.ts";
import { assertEachOnce, patience, seededTest, spin } from "./crash.ts";
import { type Random } from "../../laws/random.ts";
import { failEachWay, LONG_STRIDE } from "../faults/faults.ts";
import { Snapshot } from "../snapshot.ts";

const DAY = OLD_DAYS[0];
const LATE = "late";
const KILLS = IS_FULL ? 25 : 2;
/** How many processes of each writer there are, one after another. */
const LIVES = IS_FULL ? 12 : 4;
/** How often a day goes meanwhile before its writers may stop; they give up at so many lives. */
const TIMES_TAKEN_OUT = 2;
const LIVES_MAX = 48;
const LATE_EVENT = { event_type: "run.failed", run_id: LATE, timestamp_ms: noonOf(0), error: "x" };
/** The failures that tell the most. */
const WAYS = ["EIO", "a full disk", "a disk that is gone"];

/** An old day of two parts, one of them already compacted, and a day that stays. */
async function smallLedger(dir: string): Promise<string[]> {
  await using ledger = new Ledger({ dir, world: testWorld(), part_bytes_max: 500 });
  await emitRun(ledger, "a", 0);
  await emitRun(ledger, "new", 59);
  return await linesOf(dir);
}

/** Takes the old day out as `retain` does, and asks no index. */
function takeOut(world: World, dir: string): Promise<RetainedDay[]> {
  const indexed = new Map<string, number>();
  indexed.get = () => Infinity;
  const request = { days: 30, archive: archiveIn(dir) };
  const at_that_time = { ...world, now_ms: () => NOW_MS };
  return retainIndexed(at_that_time, dir, request, { indexed, running: new Map() });
}

/** Runs it, and takes errors that are ours as the outcome that they are. */
async function ended(body: () => Promise<unknown>): Promise<LedgerError | undefined> {
  try {
    await body();
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    return error;
  }
}

/** Each day is in the log, all of it, or the chain says that it is away, and its archive is whole. */
async function assertHereOrAway(dir: string, before: readonly string[], days: readonly string[]) {
  const now = await linesOf(dir);
  assertEquals(new Set(now).size, now.length, "a line is there twice");
  const { away } = readChain(testWorld(), dir);
  const stays = before.filter((line) => !days.some((day) => line.startsWith(`day=${day}/`)));
  assertEquals(now.filter((line) => stays.includes(line)), stays);
  for (const day of days) {
    const wanted = linesOfDays(before, [day]);
    const here = linesOfDays(now, [day]).filter((line) => wanted.includes(line));
    if (here.length > 0) assertEquals(here, wanted, `half of ${day} is there`);
    else {
      for (const label of new Set(wanted.map((line) => line.split("@")[0]))) {
        const step = away.get(label);
        assert(step?.archive, `${label} is nowhere`);
        assert(readDayArchive(testWorld(), step.archive).parts[label.split("/")[1]]);
      }
    }
  }
}

async function emitLate(dir: string): Promise<void> {
  // A command that is busy now is kept from its work by a lock that was left behind.
  await using ledger = new Ledger({ dir, world: testWorld(), lock_wait_ms: 1 });
  await ledger.emitRunFailed({
    ...{ run_id: LATE, event_id: LATE, timestamp_ms: noonOf(0) },
    error: "came late",
  });
}

async function importAll(dir: string): Promise<void> {
  for (const { name } of Deno.readDirSync(archiveIn(dir))) {
    await importIn(dir, join(archiveIn(dir), name));
  }
}

/** With a disk that works again: what was begun is ended; all comes back, each line once. */
async function assertEndsWell(
  dir: string,
  before: readonly string[],
  go_on: () => Promise<unknown>,
  has_late: boolean,
): Promise<void> {
  if (has_late) await emitLate(dir);
  await go_on();
  await assertWhole(dir);
  await importAll(dir);
  const lines = await linesOf(dir);
  const late = lines.filter((line) => line.includes(`"${LATE}"`));
  assertEquals(late.length, has_late ? 1 : 0);
  assertEquals(lines.filter((line) => !late.includes(line)), before);
  await assertWhole(dir);
  assertEquals(namesInEvents(dir).filter((name) => /^_(gone|back)/.test(name)), []);
  const archives = [...Deno.readDirSync(archiveIn(dir))].map(({ name }) => name);
  assertEquals(archives.filter((name) => !/^ledger-[0-9-]+(\.2)?\.tar$/.test(name)), []);
}

for (const name of [...WAYS, "ENOSPC", "a write that is cut short once", "syncs that all fail"]) {
  Deno.test(`wherever ${name} meets retain, the day is here or in its archive, and it can be run again`, async () => {
    await failEachWay(
      name,
      async (disk) => {
        using folder = ledgerFolder();
        const dir = folder.path;
        const before = await smallLedger(dir);
        const existing = new Set([...new Snapshot(dir).paths, dir, dirname(dir), "/"]);
        const error = await ended(() => takeOut(disk.world, dir));
        if (!disk.was_reached) assertEquals(error, undefined);
        if (!error) disk.assertAllDurable(existing);
        await assertHereOrAway(dir, before, [DAY]);
        await assertWhole(dir, "but for what was begun");
        await assertEndsWell(dir, before, () => takeOut(testWorld(), dir), disk.k % 2 === 0);
      },
      undefined,
      LONG_STRIDE,
    );
  });
}

Deno.test("files that go half-way go from where no reader looks", async () => {
  using folder = ledgerFolder();
  const dir = folder.path;
  const before = await smallLedger(dir);
  let removed: string | undefined;
  const files = systemFiles((operation, path) => {
    if (operation !== "remove" || !Deno.statSync(path).isDirectory) return;
    removed = [...Deno.readDirSync(path)].map(({ name }) => name).find((name) =>
      /^part/.test(name)
    );
    Deno.removeSync(join(path, removed!));
    throw systemError("EIO", "Input/output error");
  });
  assertEquals((await ended(() => takeOut(testWorld({ files }), dir)))?.code, "io");
  assertEquals(removed?.startsWith("part-"), true);
  await assertHereOrAway(dir, before, [DAY]);
  await assertWhole(dir, "but for what was begun");
  await assertEndsWell(dir, before, () => takeOut(testWorld(), dir), true);
});

for (const name of WAYS) {
  Deno.test(`wherever ${name} meets an import, no line is lost or doubled, and it can be run again`, async () => {
    await failEachWay(
      name,
      async (disk) => {
        using folder = ledgerFolder();
        const dir = folder.path;
        const before = await smallLedger(dir);
        const [{ archive }] = await takeOut(testWorld(), dir);
        const error = await ended(() => importDay(disk.world, dir, archive!));
        if (!disk.was_reached) assertEquals(error, undefined);
        const now = await linesOf(dir);
        assertEquals(before.filter((line) => now.includes(line)), now);
        assertEquals(readDayArchive(testWorld(), archive!).day, DAY);
        await assertWhole(dir, "but for what was begun");
        const go_on = disk.k % 3 === 0
          ? () => takeOut(testWorld(), dir)
          : () => importIn(dir, archive!);
        await assertEndsWell(dir, before, go_on, disk.k % 2 === 0);
      },
      undefined,
      LONG_STRIDE,
    );
  });
}

Deno.test("wherever the log's disk fails, the whole command leaves the index right as well", async () => {
  await failEachWay(
    "EIO",
    async (disk) => {
      using folder = ledgerFolder();
      const dir = folder.path;
      const before = await smallLedger(dir);
      await ended(() => retainIn(dir, {}, { ...disk.world, now_ms: () => NOW_MS }));
      await assertHereOrAway(dir, before, [DAY]);
      await retainIn(dir);
      const reader = new Ledger({ dir, world: laterWorld() });
      const [{ events, archived }] = await reader.query(
        "select count(*) as events, count(*) filter (is_archived) as archived from events",
      );
      assertEquals([events, archived], [before.length, linesOfDays(before, [DAY]).length]);
    },
    (path) => !path.includes("/index"),
    9 * LONG_STRIDE,
  );
});

Deno.test("events that come while their day is taken out are in the log or in an archive, each once", async () => {
  using folder = ledgerFolder();
  const dir = folder.path;
  await smallLedger(dir);
  const acknowledged: string[] = [];
  let lanes_at_work = 2;
  let times_taken_out = 0;
  let pass = Promise.withResolvers<void>();
  const lanes = [undefined, "w"].map(async (writer) => {
    const env: Record<string, string> = writer ? { LEDGER_WRITER: writer } : {};
    const isToGoOn = (life: number) =>
      life < LIVES || times_taken_out < TIMES_TAKEN_OUT && life < LIVES_MAX;
    for (let life = 0; isToGoOn(life); life++) {
      // On a slow machine a writer is always at work; now the day gets a chance to go.
      for (let passes = 0; life >= LIVES && passes < 2; passes++) await pass.promise;
      const lines = Array.from(
        { length: 3 },
        (_, n) => `${JSON.stringify({ ...LATE_EVENT, event_id: `${writer}-${life}-${n}` })}\n`,
      );
      const { code, stdout, stderr } = await ledger(["emit", "--stdin", "--ack", "--dir", dir], {
        ...{ cwd: dir, env, signal: patience() },
        stdin: lines.join(""),
      });
      assertEquals(code, 0, stderr);
      acknowledged.push(...stdout.trim().split("\n"));
    }
    lanes_at_work--;
  });
  while (lanes_at_work > 0) {
    const [done] = await takeOut(testWorld(), dir);
    if (done?.fate === "archived") times_taken_out++;
    pass.resolve();
    pass = Promise.withResolvers();
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(lanes);
  assert(times_taken_out >= TIMES_TAKEN_OUT, "the day was hardly ever taken out meanwhile");
  await importAll(dir);
  await assertWhole(dir);
  const lines = await linesOf(dir);
  const ids = lines.map((line) => JSON.parse(line.slice(line.indexOf(" "))).event_id as string);
  assertEachOnce(ids.filter((id) => /^(undefined|w)-/.test(id)), acknowledged, "the log");
});

/** What shows that a process has come so far. */
const SIGNS: ((dir: string) => boolean)[] = [
  (dir) => isThere(join(dir, "events", ".chain.lock")),
  (dir) => isThere(join(dir, "events", "_chain.jsonl")),
  (dir) => isThere(archiveIn(dir)),
  (dir) => isThere(join(archiveIn(dir), `ledger-${OLD_DAYS[1]}.tar`)),
  (dir) => !isThere(join(dir, "events", `day=${DAY}`)),
];

function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

seededTest(
  `${KILLS} times retain is killed: every day is here or in its archive, and it can be run again`,
  async (random: Random) => {
    for (let kill = 0; kill < KILLS; kill++) {
      using folder = ledgerFolder();
      const dir = join(folder.path, "data", "ledger");
      await using writer = new Ledger({ dir, world: testWorld(), part_bytes_max: 2_000 });
      for (const day of OLD_DAYS.keys()) {
        for (let run = 0; run < 5; run++) await emitRun(writer, `r${day}-${run}`, day);
      }
      await emitRun(writer, "new", 59);
      const before = await linesOf(dir);
      // A process has the machine's clock.
      const days = String(Math.floor((Date.now() - noonOf(30)) / 86_400_000));
      const args = ["retain", "--days", days, "--archive", archiveIn(dir), "--dir", dir];
      const as_shipped = { cwd: folder.path, is_shipped: true, signal: patience() };
      const child = startLedger(args, as_shipped);
      const sign = SIGNS[random.below(SIGNS.length)];
      let has_ended = false;
      const status = child.status.finally(() => has_ended = true);
      while (!sign(dir) && !has_ended) await new Promise((resolve) => setImmediate(resolve));
      spin(random.below(20_000) / 1_000);
      try {
        child.kill("SIGKILL");
      } catch {
        // It was quicker.
      }
      await Promise.all([child.stdout.cancel(), child.stderr.cancel(), status]);
      await assertHereOrAway(dir, before, OLD_DAYS);
      await assertWhole(dir, "but for what was begun");
      await assertEndsWell(dir, before, () => retainIn(dir), random.below(2) === 0);
    }
  },
);
