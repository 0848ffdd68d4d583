import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { dirname, join } from "@std/path";
import { LedgerError } from "../../../src/base/error.ts";
import { openLedger } from "../../../src/mod.ts";
import { ledger, runIn, tempFolder, testWorld } from "../../harness.ts";
import { assertEachOnce, DAY, idsOnDisk, NOON_MS, patience, startScript } from "./crash.ts";
import { ledgerAsAnybody, remount, runs, smallDisk, testWith } from "../power/power.ts";

const DISK_BYTES = 1_048_576;
const EVENTS_FIT_MAX = DISK_BYTES / 64;
const RESERVE_BYTES = 65_536;
const DAY_MS = 86_400_000;

function emitArgs(event_id: string, more: string[] = [], timestamp_ms = NOON_MS): string[] {
  const event = ["emit", "run.started", "--run-id", "r", "--event-id", event_id];
  return [...event, "--timestamp-ms", String(timestamp_ms), ...more];
}

function event(event_id: string, chars = 0) {
  return { event_id, run_id: "r", timestamp_ms: NOON_MS, ballast: "x".repeat(chars) };
}

function partIn(dir: string): string {
  return join(dir, "events", DAY, "part-000001.jsonl");
}

/** Emits until the disk is full; with events that get smaller, so that it is full to the brim. */
async function fill(dir: string): Promise<string[]> {
  await using writer = await openLedger({ dir });
  const acknowledged: string[] = [];
  for (const chars of [20_000, 2_000, 0]) {
    for (;;) {
      assert(acknowledged.length < EVENTS_FIT_MAX, "the disk takes more than it can hold");
      try {
        const id = `full-${acknowledged.length}`;
        acknowledged.push((await writer.emitRunStarted(event(id, chars))).event_id);
      } catch (error) {
        assert(error instanceof LedgerError);
        assertEquals(error.code, "disk_full", error.message);
        break;
      }
    }
  }
  return acknowledged;
}

function errorIn(stderr: string): { code: string; message: string; detail?: { durable: number } } {
  return JSON.parse(stderr.trimEnd().split("\n").at(-1)!).error;
}

testWith(
  "mount",
  "a full disk refuses an emit, loses nothing, and goes on when freed",
  async () => {
    using disk = smallDisk(DISK_BYTES);
    const reserve = join(disk.path, "reserve");
    Deno.writeFileSync(reserve, new Uint8Array(RESERVE_BYTES));
    const dir = join(disk.path, "ledger");
    const acknowledged = await fill(dir);
    assert(acknowledged.length > 40, `only ${acknowledged.length} events fit`);
    const refused = await ledger(emitArgs("refused", ["--dir", dir, "--json"]), { cwd: disk.path });
    assertEquals(refused.code, 1);
    assertEquals(refused.stdout, "");
    assertEquals(errorIn(refused.stderr).code, "disk_full");
    assertEachOnce(idsOnDisk(dir), acknowledged, "the log");
    assert(Deno.readTextFileSync(partIn(dir)).endsWith("}\n"));
    assertEquals((await runIn(dir, ["verify"])).code, 0);
    // A day that is new has no folder yet, and there is no room for one either.
    const other_day = await runIn(dir, emitArgs("x", [], NOON_MS + DAY_MS));
    assertEquals([other_day.code, other_day.stdout], [1, ""], other_day.stderr);
    assertStringIncludes(other_day.stderr, "free some space");

    Deno.removeSync(reserve);
    const goes_on = await ledger(emitArgs("goes on", ["--dir", dir]), { cwd: disk.path });
    assertEquals([goes_on.code, goes_on.stdout], [0, "goes on\n"], goes_on.stderr);
    assertEachOnce(idsOnDisk(dir), [...acknowledged, "goes on"], "the log");
    assertEquals((await runIn(dir, ["verify"])).code, 0);
  },
);

testWith("mount", "a stream onto a full disk says how many events are durable", async () => {
  using disk = smallDisk(DISK_BYTES);
  const dir = join(disk.path, "ledger");
  const stream = Array.from(
    { length: 20_000 },
    (_, n) => JSON.stringify({ event_type: "run.started", ...event(`s${n}`, 50) }) + "\n",
  ).join("");
  const args = ["emit", "--stdin", "--ack", "--json", "--dir", dir];
  const ended = await ledger(args, { cwd: disk.path, stdin: stream });
  assertEquals(ended.code, 1);
  const error = errorIn(ended.stderr);
  assertEquals(error.code, "disk_full");
  const acknowledged = ended.stdout.trimEnd().split("\n");
  assert(acknowledged.length > 1_000, `only ${acknowledged.length} events fit`);
  assertEachOnce(idsOnDisk(dir), acknowledged, "the log");
  assertEquals(error.detail, { durable: acknowledged.length });
  assertStringIncludes(error.message, `${acknowledged.length} events are durable`);
  assert(Deno.readTextFileSync(partIn(dir)).endsWith("}\n"));
});

testWith("mount", "a ledger on a read-only disk is read, and an emit says why not", async () => {
  using disk = smallDisk(DISK_BYTES);
  const dir = join(disk.path, "ledger");
  await runIn(dir, emitArgs("before"));
  const part = Deno.readFileSync(partIn(dir));
  remount(disk.path, "ro");
  for (const args of [emitArgs("refused"), emitArgs("refused", ["--writer", "w"])]) {
    const refused = await runIn(dir, args);
    assertEquals([refused.code, refused.stdout], [1, ""]);
    assertStringIncludes(refused.stderr, dir);
    assertStringIncludes(refused.stderr, "mounted read-only");
  }
  assertStringIncludes((await runIn(dir, ["log"])).stdout, '"event_id":"before"');
  assertEquals((await runIn(dir, ["verify"])).code, 0);
  assertEquals((await runIn(dir, ["status"])).code, 0);
  assertEquals(Deno.readFileSync(partIn(dir)), part);
  remount(disk.path, "rw");
  assertEquals((await runIn(dir, emitArgs("after"))).code, 0);
});

testWith("immutable", "a part that may not be changed refuses an emit and stays", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  await runIn(dir, emitArgs("before"));
  const part = Deno.readFileSync(partIn(dir));
  runs("chattr", ["+i", partIn(dir)]);
  try {
    const refused = await runIn(dir, emitArgs("refused"));
    assertEquals([refused.code, refused.stdout], [1, ""]);
    assertStringIncludes(refused.stderr, partIn(dir));
    assertStringIncludes(refused.stderr, "check the owner and mode");
    assertStringIncludes((await runIn(dir, ["log"])).stdout, '"event_id":"before"');
  } finally {
    runs("chattr", ["-i", partIn(dir)]);
  }
  assertEquals(Deno.readFileSync(partIn(dir)), part);
  assertEquals((await runIn(dir, emitArgs("after"))).code, 0);
});

testWith("modes", "a part that may not be read is an error for readers and writers", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  await runIn(dir, emitArgs("before"));
  Deno.chmodSync(partIn(dir), 0o000);
  for (const args of [emitArgs("refused"), ["log"], ["verify"], ["status"]]) {
    const refused = await ledgerAsAnybody([...args, "--dir", dir], dir);
    assertEquals([refused.code, refused.stdout], [1, ""], args[0]);
    assertStringIncludes(refused.stderr, partIn(dir));
    assertStringIncludes(refused.stderr, "check the owner and mode");
  }
  Deno.chmodSync(partIn(dir), 0o644);
  assertEquals(idsOnDisk(dir), ["before"]);
});

testWith("modes", "a folder that may not be written refuses an emit and is read", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  await runIn(dir, emitArgs("before"));
  const day_folder = dirname(partIn(dir));
  Deno.removeSync(join(day_folder, ".lock"));
  Deno.chmodSync(day_folder, 0o555);
  const refused = await ledgerAsAnybody(emitArgs("refused", ["--dir", dir]), dir);
  assertEquals([refused.code, refused.stdout], [1, ""]);
  assertStringIncludes(refused.stderr, day_folder);
  const read = await ledgerAsAnybody(["log", "--dir", dir], dir);
  assertStringIncludes(read.stdout, '"event_id":"before"');
  Deno.chmodSync(day_folder, 0o755);
  assertEquals(idsOnDisk(dir), ["before"]);
});

Deno.test("where there is no ledger a reader says so and a writer makes one", async () => {
  using folder = tempFolder();
  const dir = join(folder.path, "not", "there");
  for (const command of ["log", "verify", "status"]) {
    const { code, stdout, stderr } = await runIn(dir, [command]);
    assertEquals([code, stdout], [1, ""], command);
    assertStringIncludes(stderr, `there is no ledger at ${dir}`);
    assertStringIncludes(stderr, "the first `ledger emit` makes one");
  }
  assertEquals([...Deno.readDirSync(folder.path)], []);
  assertEquals((await runIn(dir, emitArgs("first"))).code, 0);
  assertEquals(idsOnDisk(dir), ["first"]);
});

/** What stands in the way, by the folder that should be there. */
const IN_THE_WAY = { "the ledger": "", "its events": "events", "a day": join("events", DAY) };

for (const [what, name] of Object.entries(IN_THE_WAY)) {
  Deno.test(`a file where the folder of ${what} should be is named, and stays`, async () => {
    using folder = tempFolder();
    const dir = join(folder.path, "ledger");
    const path = join(dir, name);
    Deno.mkdirSync(dirname(path), { recursive: true });
    Deno.writeTextFileSync(path, "somebody's notes");
    for (const args of [emitArgs("x"), ["log"], ["verify"], ["status"]]) {
      const { code, stdout, stderr } = await runIn(dir, args);
      assertEquals([code, stdout], [1, ""], args[0]);
      assertStringIncludes(stderr, path);
      assertStringIncludes(stderr, "a file stands where a folder should be", args[0]);
    }
    assertEquals(Deno.readTextFileSync(path), "somebody's notes");
  });
}

Deno.test("a file in the place of quarantine keeps a torn tail where it is", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  await runIn(dir, emitArgs("before"));
  Deno.writeTextFileSync(partIn(dir), '{"torn', { append: true });
  const part = Deno.readFileSync(partIn(dir));
  Deno.writeTextFileSync(join(dir, "events", "_quarantine"), "somebody's notes");
  for (const args of [emitArgs("x"), ["verify", "--repair"]]) {
    const { code, stderr } = await runIn(dir, args);
    assertEquals(code, 1, args[0]);
    assertStringIncludes(stderr, "a file stands where a folder should be");
    assertEquals(Deno.readFileSync(partIn(dir)), part);
  }
  Deno.removeSync(join(dir, "events", "_quarantine"));
  assertEquals((await runIn(dir, emitArgs("x"))).code, 0);
  assertEquals(idsOnDisk(dir), ["before", "x"]);
});

Deno.test("a clock that jumps back a day, and forth again, loses nothing", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  let now_ms = NOON_MS;
  const world = testWorld({ now_ms: () => now_ms });
  await using writer = await openLedger({ dir, world });
  await using other = await openLedger({ dir, part_bytes_max: 300 });
  const acknowledged: string[] = [];
  for (const jump_ms of [0, -DAY_MS, 1, -1, -10 * DAY_MS, 10 * DAY_MS, 0, DAY_MS, -DAY_MS]) {
    now_ms += jump_ms;
    for (let n = 0; n < 3; n++) {
      const here = await writer.emitRunStarted({ run_id: "r" });
      // A writer with a right clock opens part after part meanwhile.
      const there = await other.emitRunStarted({ run_id: "r", timestamp_ms: now_ms });
      acknowledged.push(here.event_id, there.event_id);
    }
  }
  assertEachOnce(idsOnDisk(dir), acknowledged, "the log");
  assertEquals((await writer.verify({ deep: true })).findings, []);
});

Deno.test("a stopped process that holds the lock keeps writers away, not readers", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  await runIn(dir, emitArgs("before"));
  const part = Deno.readFileSync(partIn(dir));
  const holder = startScript(
    "crash/kills/holder.ts",
    [join(dirname(partIn(dir)), ".lock")],
    "piped",
  );
  assertEquals(await holder.nextLine(), "held");
  holder.child.kill("SIGSTOP");
  const stream = JSON.stringify({ event_type: "run.started", ...event("x") }) + "\n";
  for (const args of [emitArgs("x"), ["emit", "--stdin"]]) {
    const options = {
      cwd: dir,
      signal: patience(),
      stdin: args[1] === "--stdin" ? stream : undefined,
    };
    const busy = await ledger([...args, "--lock-wait-ms", "50", "--dir", dir], options);
    assertEquals([busy.code, busy.stdout], [75, ""], busy.stderr);
    assertStringIncludes(busy.stderr, "has held its lock for 50 ms");
  }
  assertEquals(Deno.readFileSync(partIn(dir)), part);
  const reading = { cwd: dir, signal: patience() };
  const read = await ledger(["log", "--dir", dir], reading);
  assertStringIncludes(read.stdout, '"event_id":"before"');
  assertEquals((await ledger(["verify", "--dir", dir], reading)).code, 0);
  holder.child.kill("SIGCONT");
  await holder.child.stdin.close();
  assertEquals((await holder.end()).code, 0);
  assertEquals((await runIn(dir, emitArgs("after"))).code, 0);
  assertEquals(idsOnDisk(dir), ["before", "after"]);
});
