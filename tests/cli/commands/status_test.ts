import { assertEquals, assertMatch } from "@std/assert";
import { openLedger } from "../../../src/mod.ts";
import { runIn, tempFolder, writePart } from "../../harness.ts";
import { CASE_DAY, GOOD_LINE } from "../../log/cases.ts";

const NOW_MS = Date.parse("2026-02-01T00:00:00Z");

async function status(dir: string, ...args: string[]) {
  return await runIn(dir, ["status", ...args], { now_ms: () => NOW_MS });
}

async function emitDays(dir: string, count: number): Promise<void> {
  await using ledger = await openLedger({ dir });
  for (let day = count; day > 0; day--) {
    const timestamp_ms = NOW_MS - day * 86_400_000;
    await ledger.emitRunStarted({ run_id: "r", timestamp_ms, event_id: `e${day}` });
  }
}

Deno.test("status lists days, totals and the newest event", async () => {
  using folder = tempFolder();
  await emitDays(folder.path, 3);
  const { code, stdout, stderr } = await status(folder.path);
  assertEquals([code, stderr], [0, ""]);
  const lines = stdout.split("\n");
  assertMatch(lines[0], /^day\s+parts\s+sealed\s+events\s+bytes\s+stored$/);
  assertEquals(lines.slice(1, 4).map((line) => line.split(/\s+/).slice(0, 4)), [
    ["2026-01-29", "1", "0", "1"],
    ["2026-01-30", "1", "0", "1"],
    ["2026-01-31", "1", "0", "1"],
  ]);
  assertMatch(stdout, /: 3 events in 3 parts of 3 days, \d+ B\n/);
  assertMatch(stdout, /newest: run\.started e1, 2026-01-31 00:00:00\.000Z \(24 h ago\)\n/);
  assertMatch(stdout, /torn: none\n/);
});

Deno.test("ten days are listed, or as many as wanted", async () => {
  using folder = tempFolder();
  await emitDays(folder.path, 12);
  const listed = async (...args: string[]) => {
    const { stdout, stderr } = await status(folder.path, ...args);
    return [stdout.split("\n").filter((line) => /^2026-01-/.test(line)).length, stderr];
  };
  assertEquals(await listed(), [10, "2 earlier days not listed\n"]);
  assertEquals(await listed("--days", "11"), [11, "1 earlier day not listed\n"]);
  assertEquals(await listed("--days", "99"), [12, ""]);
  assertEquals(await listed("--days", "0"), [0, ""]);
});

Deno.test("events from the future are named, and the newest is one of the present", async () => {
  using folder = tempFolder();
  await emitDays(folder.path, 1);
  const emitted = await runIn(folder.path, [
    ...["emit", "run.started", "--run-id", "r", "--timestamp-ms", "99999999999999"],
    ...["--event-id", "wrong"],
  ]);
  assertEquals(emitted.code, 0, emitted.stderr);
  const { stdout } = await status(folder.path);
  assertMatch(stdout, /newest: run\.started e1, 2026-01-31 00:00:00\.000Z \(24 h ago\)\n/);
  assertMatch(
    stdout,
    /more than a day ahead: 1 event\n {2}run\.started wrong, 5138-11-16 09:46:39\.999Z, in day=5138-11-16\/part-000001\.jsonl\n/,
  );
});

Deno.test("a torn tail is told, with what to do about it", async () => {
  using folder = tempFolder();
  writePart(folder.path, { day: CASE_DAY, number: 1, writer: "" }, [`${GOOD_LINE}\n`, "{torn"]);
  const { code, stdout, stderr } = await status(folder.path);
  assertEquals(code, 0);
  assertMatch(
    stdout,
    /torn:\n {2}day=2026-01-23\/part-000001\.jsonl at byte 88: 5 bytes without a newline\n/,
  );
  assertMatch(stderr, /ledger verify --repair/);
});

Deno.test("a count of runs that lacks what was emitted since says so", async () => {
  using folder = tempFolder();
  await emitDays(folder.path, 1);
  await using ledger = await openLedger({ dir: folder.path });
  await ledger.sync();
  const now = await status(folder.path);
  assertMatch(now.stdout, /\nruns: 0 ended of 1 known\n/);
  assertEquals(now.stderr, "");
  await ledger.emitRunStarted({ run_id: "s" });
  const later = await status(folder.path);
  assertMatch(later.stdout, /\nruns: 0 ended of 1 known, as far as they are indexed\n/);
  assertMatch(later.stderr, /^this answer lacks \d+ B of the log; .*: ledger rebuild\n$/);
});

Deno.test("--json is all of it, for a program", async () => {
  using folder = tempFolder();
  await emitDays(folder.path, 2);
  const survey = JSON.parse((await status(folder.path, "--json")).stdout);
  assertEquals([survey.dir, survey.parts, survey.events], [folder.path, 2, 2]);
  assertEquals([survey.days.length, survey.newest.event_id, survey.torn], [2, "e1", []]);
});

Deno.test("an empty ledger has a status too", async () => {
  using folder = tempFolder();
  Deno.mkdirSync(`${folder.path}/events`);
  const { code, stdout } = await status(folder.path);
  assertEquals(code, 0);
  assertMatch(stdout, /: 0 events in 0 parts of 0 days, 0 B\ntorn: none\n$/);
});
