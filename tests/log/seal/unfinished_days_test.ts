/** Days whose archiving or import was cut off: nothing in them is lost, and nothing gives way. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { LedgerError } from "../../../src/base/error.ts";
import { Ledger } from "../../../src/ledger/ledger.ts";
import { withChainLock } from "../../../src/log/format/chain.ts";
import { lockOfWriter } from "../../../src/log/format/lock.ts";
import { finishDays, FolderLocks } from "../../../src/log/seal/unfinished_days.ts";
import { ledgerFolder } from "../../index/indexes.ts";
import { runIn, testWorld, writePart } from "../../harness.ts";
import {
  archiveIn,
  assertWhole,
  emitRun,
  linesOf,
  noonOf,
  OLD_DAYS,
  retainIn,
} from "../../retained.ts";

const DAY = OLD_DAYS[0];

function lineOf(event_id: string): string {
  const event = { event_id, event_type: "run.failed", timestamp_ms: noonOf(0) };
  return JSON.stringify({ ...event, run_id: "late", error: "x" });
}

/** A folder that a day left under, with parts of a writer that the chain does not know. */
function goneFolder(dir: string, parts: Record<string, string>): string {
  const folder = join(dir, "events", `_gone-day=${DAY}.1-a`);
  Deno.mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(parts)) {
    Deno.writeTextFileSync(join(folder, name), text);
  }
  return folder;
}

function finish(dir: string): Promise<void> {
  return withChainLock(testWorld(), dir, () => finishDays(testWorld(), dir));
}

async function emitLate(dir: string, writer: string, event_id: string): Promise<string> {
  await using ledger = new Ledger({ dir, world: testWorld(), writer });
  const at = { run_id: "late", event_id, timestamp_ms: noonOf(0) };
  return (await ledger.emitRunFailed({ ...at, error: "x" })).part;
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await testWorld().turn();
}

function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

Deno.test("a part's number is one that no part has that is on its way out", async () => {
  using folder = ledgerFolder();
  const dir = folder.path;
  await emitLate(dir, "", "first");
  goneFolder(dir, { "part-000004.w.jsonl": `${lineOf("gone")}\n` });
  assertEquals(await emitLate(dir, "w", "now"), `day=${DAY}/part-000005.w.jsonl`);
  await finish(dir);
  assertEquals((await linesOf(dir)).map((line) => line.split("@")[0]), [
    `day=${DAY}/part-000001.jsonl`,
    `day=${DAY}/part-000004.w.jsonl`,
    `day=${DAY}/part-000005.w.jsonl`,
  ]);
  await assertWhole(dir);
});

Deno.test("a pulled part's name is one that no part has that is on its way out", async () => {
  using folder = ledgerFolder();
  using other = ledgerFolder();
  const dir = folder.path;
  await emitLate(dir, "", "first");
  await emitLate(other.path, "", "theirs");
  goneFolder(dir, { "part-000001.box.jsonl": `${lineOf("gone")}\n` });
  assertEquals((await runIn(dir, ["pull", other.path, "--as", "box"])).code, 0);
  await finish(dir);
  const ids = (await linesOf(dir)).map((line) =>
    JSON.parse(line.slice(line.indexOf(" "))).event_id
  );
  assertEquals(ids, ["first", "gone", "theirs"]);
  assertEquals((await linesOf(dir)).map((line) => line.split("@")[0]), [
    `day=${DAY}/part-000001.jsonl`,
    `day=${DAY}/part-000001.box.jsonl`,
    `day=${DAY}/part-000002.box.jsonl`,
  ]);
});

Deno.test("a part that comes back to a name that another has gets a number of its own", async () => {
  using folder = ledgerFolder();
  const dir = folder.path;
  const gone = goneFolder(dir, { "part-000002.w.jsonl": `${lineOf("gone")}\n` });
  writePart(dir, { day: DAY, number: 2, writer: "w" }, [`${lineOf("here")}\n`]);
  await finish(dir);
  assertEquals(await linesOf(dir), [
    `day=${DAY}/part-000002.w.jsonl@0 ${lineOf("here")}`,
    `day=${DAY}/part-000003.w.jsonl@0 ${lineOf("gone")}`,
  ]);
  assert(!isThere(gone));
});

Deno.test("a part that has both its names, as one who was killed left it, is there once", async () => {
  using folder = ledgerFolder();
  const dir = folder.path;
  const path = writePart(dir, { day: DAY, number: 2, writer: "w" }, [`${lineOf("here")}\n`]);
  const gone = goneFolder(dir, {});
  Deno.linkSync(path, join(gone, "part-000002.w.jsonl"));
  await finish(dir);
  assertEquals(await linesOf(dir), [`day=${DAY}/part-000002.w.jsonl@0 ${lineOf("here")}`]);
  assert(!isThere(gone));
});

Deno.test("a sealed part whose name another has stays where it is, and that is said", async () => {
  using folder = ledgerFolder();
  const dir = folder.path;
  await using ledger = new Ledger({ dir, world: testWorld() });
  await emitRun(ledger, "a", 0);
  await ledger.upkeep.compact({ before_day: "2026-03-01", all: true });
  const day = join(dir, "events", `day=${DAY}`);
  const gone = join(dir, "events", `_gone-day=${DAY}.1-a`);
  Deno.renameSync(day, gone);
  Deno.mkdirSync(day);
  Deno.writeTextFileSync(join(day, "part-000001.parquet"), "another");
  await finish(dir);
  assertEquals(Deno.readTextFileSync(join(day, "part-000001.parquet")), "another");
  assert(isThere(join(gone, "part-000001.parquet")));
  const { findings } = await ledger.verify();
  assert(findings.some(({ kind, part }) => kind === "unfinished" && gone.endsWith(part)));
});

Deno.test("a day that was left on its way is said by verify and doctor, and seal finishes it", async () => {
  using folder = ledgerFolder();
  const dir = folder.path;
  await emitLate(dir, "", "first");
  // Nothing else is due.
  await runIn(dir, ["seal"]);
  const gone = goneFolder(dir, { "part-000002.w.jsonl": `${lineOf("gone")}\n` });
  const back = join(dir, "events", `_back-day=${DAY}.1-b`);
  Deno.mkdirSync(back);
  const verified = await runIn(dir, ["verify"]);
  assertEquals(verified.code, 3);
  for (const name of [gone, back]) assert(verified.stdout.includes(name.split("/").at(-1)!));
  const doctor = await runIn(dir, ["doctor"]);
  assert(doctor.stdout.includes("_gone-day="), doctor.stdout);
  assertEquals((await runIn(dir, ["seal"])).code, 0);
  assertEquals([isThere(gone), isThere(back)], [false, false]);
  assertEquals((await runIn(dir, ["verify", "--deep"])).code, 0);
  assertEquals((await linesOf(dir)).length, 2);
});

Deno.test("verify --repair finishes a day that was left on its way", async () => {
  using folder = ledgerFolder();
  const dir = folder.path;
  await emitLate(dir, "", "first");
  const gone = goneFolder(dir, { "part-000002.w.jsonl": `${lineOf("gone")}\n` });
  assertEquals((await runIn(dir, ["verify", "--repair"])).code, 0);
  assertEquals([isThere(gone), (await linesOf(dir)).length], [false, 2]);
});

Deno.test("while all locks of a day are held, a writer that is new to it cannot begin", async () => {
  using folder = ledgerFolder();
  const dir = folder.path;
  await emitLate(dir, "", "first");
  const day = join(dir, "events", `day=${DAY}`);
  const locks = new FolderLocks(testWorld(), day);
  await locks.take();
  const ledger = new Ledger({ dir, world: testWorld(), writer: "w", lock_wait_ms: 1 });
  const event = { run_id: "late", timestamp_ms: noonOf(0), error: "x" };
  const error = await assertRejects(() => ledger.emitRunFailed(event), LedgerError);
  assertEquals([error.code, isThere(join(day, ".w.lock"))], ["busy", false]);
  await ledger.close();
  locks[Symbol.dispose]();
  // The request that timed out may be granted late, for a moment: this writer waits it out.
  await using patient = new Ledger({ dir, world: testWorld(), writer: "w" });
  await patient.emitRunFailed(event);
  // One that has begun is known, and waited for.
  const own = lockOfWriter(testWorld(), dir, { day: DAY, writer: "w" }, 0);
  await own.take();
  const both = new FolderLocks(testWorld(), day);
  const taken = both.take().then(() => true);
  assertEquals(await Promise.race([taken, turns(5)]), undefined);
  own.close();
  assertEquals(await taken, true);
  both[Symbol.dispose]();
});

Deno.test("a writer that begins while its day goes waits, and what it writes leaves with the next", async () => {
  using folder = ledgerFolder();
  const dir = folder.path;
  await emitLate(dir, "", "first");
  let part: Promise<string> | undefined;
  const world = testWorld();
  const { rename } = world.files;
  const files = {
    ...world.files,
    rename(from: string, to: string) {
      if (to.includes("/_gone-")) part ??= emitLate(dir, "w", "late");
      rename(from, to);
    },
  };
  const went = await retainIn(dir, {}, { ...testWorld(), files, now_ms: () => noonOf(60) });
  assertEquals(went.map(({ day, fate }) => [day, fate]), [[DAY, "archived"]]);
  assertEquals(await part, `day=${DAY}/part-000002.w.jsonl`);
  assertEquals((await linesOf(dir)).map((line) => line.split("@")[0]), [await part]);
  const again = await retainIn(dir);
  assertEquals(again.map(({ archive }) => archive), [join(archiveIn(dir), `ledger-${DAY}.2.tar`)]);
});

Deno.test("a day that is on its way while a process holds the chain is no finding", async () => {
  using folder = ledgerFolder();
  const dir = folder.path;
  await emitLate(dir, "", "first");
  goneFolder(dir, { "part-000002.w.jsonl": `${lineOf("gone")}\n` });
  await withChainLock(testWorld(), dir, async () => {
    assertEquals((await runIn(dir, ["verify"])).code, 0);
  });
});
