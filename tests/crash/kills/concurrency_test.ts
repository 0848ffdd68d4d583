import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { openLedger } from "../../../src/mod.ts";
import type { LogRecord } from "../../../src/log/mod.ts";
import { IS_FULL, ledger, startLedger, tempFolder, testWorld } from "../../harness.ts";
import {
  assertEachOnce,
  DAY,
  idsOnDisk,
  NOON_MS,
  patience,
  quarantined,
  Running,
  startScript,
  startWriter,
} from "./crash.ts";

const DAY_MS = 86_400_000;
const EVENTS_OF_A_STREAM = IS_FULL ? 5_000 : 1_500;
const SINGLE_EMITS = IS_FULL ? 200 : 15;

/** What a process that is done says it has acknowledged. */
async function acknowledgedBy(running: Running): Promise<string[]> {
  const { lines, code, stderr } = await running.end();
  assertEquals(code, 0, stderr);
  return lines;
}

async function emitOne(dir: string, event_id: string): Promise<string> {
  const event = ["run.started", "--run-id", "single", "--event-id", event_id];
  const ended = await ledger(
    ["emit", ...event, "--timestamp-ms", String(NOON_MS), "--dir", dir],
    { cwd: dir, signal: patience() },
  );
  assertEquals(ended.code, 0, ended.stderr);
  return ended.stdout.trimEnd();
}

/** Lines that leave their ids to the program. */
function linesOfStream(name: string, first: number, count: number): Uint8Array<ArrayBuffer> {
  const lines = Array.from({ length: count }, (_, n) =>
    JSON.stringify({
      event_type: "trial.recorded",
      timestamp_ms: NOON_MS,
      run_id: name,
      trial_id: String(first + n),
      params: {},
      metrics: {},
    }) + "\n");
  return new TextEncoder().encode(lines.join(""));
}

/** One stream, and single emits beside it. The stream is fed in step, so that both go on to the end. */
async function streamAndSingles(dir: string, name: string): Promise<string[]> {
  const child = startLedger(["emit", "--stdin", "--ack", "--dir", dir], {
    cwd: dir,
    stdin: "piped",
    signal: patience(),
  });
  const of_stream = acknowledgedBy(new Running(child));
  const stream = child.stdin.getWriter();
  const step = EVENTS_OF_A_STREAM / SINGLE_EMITS;
  const of_singles: string[] = [];
  for (let n = 0; n < SINGLE_EMITS; n++) {
    await stream.write(linesOfStream(name, n * step, step));
    of_singles.push(await emitOne(dir, `${name}-single-${n}`));
  }
  await stream.close();
  return [...of_singles, ...await of_stream];
}

/** Follows from the first event on, as a process of its own. */
function startFollower(dir: string): Running {
  return new Running(
    startLedger(["log", "--follow", "--since", "2000-01-01", "--dir", dir], {
      cwd: dir,
      signal: patience(),
    }),
  );
}

/** What a follower saw up to the events that were emitted last, one of each day that was written. */
async function seenUntil(follower: Running, last_ids: string[]): Promise<string[]> {
  const awaited = new Set(last_ids);
  const seen: string[] = [];
  await follower.linesUntil((line) => {
    const { event_id } = JSON.parse(line);
    seen.push(event_id);
    awaited.delete(event_id);
    return awaited.size === 0;
  });
  follower.child.kill("SIGINT");
  const { lines, code, stderr } = await follower.end();
  // A torn line here would be part of a write, which no reader may ever see.
  assertEquals(stderr, "");
  assertEquals(code, 130);
  return [...seen, ...lines.map((line) => JSON.parse(line).event_id)];
}

async function emitLast(dir: string, timestamps_ms: number[]): Promise<string[]> {
  await using last = await openLedger({ dir });
  return await Promise.all(timestamps_ms.map(async (timestamp_ms, n) => {
    const event = { run_id: "last", event_id: `last-${n}`, timestamp_ms };
    return (await last.emitRunStarted(event)).event_id;
  }));
}

for (const time of ["", ...IS_FULL ? [", a second time", ", a third time"] : []]) {
  Deno.test(
    `eight processes write into a day and a ninth follows: each event is there once${time}`,
    async () => {
      using folder = tempFolder();
      const dir = folder.path;
      const follower = startFollower(dir);
      const rounds = EVENTS_OF_A_STREAM / 50;
      const waves = { waves: [1, 1, 1, 7, 40], rounds, timestamps_ms: [NOON_MS], dir };
      const acknowledged = (await Promise.all([
        ...["stream-1", "stream-2", "stream-3"].map((name) => streamAndSingles(dir, name)),
        ...["library-1", "library-2"]
          .map((name) => acknowledgedBy(startWriter({ name, ...waves }))),
      ])).flat();
      assertEquals(acknowledged.length, 3 * SINGLE_EMITS + 5 * EVENTS_OF_A_STREAM);
      const last = await emitLast(dir, [NOON_MS]);
      const seen = await seenUntil(follower, last);
      const on_disk = idsOnDisk(dir);
      assertEachOnce(on_disk, [...acknowledged, ...last], "the log");
      assert(seen.join() === on_disk.join(), "the follower saw another log, or another order");
      assertEquals([...quarantined(dir).keys()], []);
      assertEquals((await ledger(["verify", "--dir", dir], { cwd: dir })).code, 0);
    },
  );
}

Deno.test("parts rotate under four writers: each event is there once, no part is too big", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  const follower = startFollower(dir);
  const part_bytes_max = 16_384;
  const plan = { dir, part_bytes_max, waves: [1, 1, 1, 7, 90, 400], timestamps_ms: [NOON_MS] };
  const acknowledged = (await Promise.all(
    ["a", "b", "c", "d"].map((name) => acknowledgedBy(startWriter({ name, rounds: 4, ...plan }))),
  )).flat();
  const last = await emitLast(dir, [NOON_MS]);
  const seen = await seenUntil(follower, last);
  const on_disk = idsOnDisk(dir);
  assertEachOnce(on_disk, [...acknowledged, ...last], "the log");
  assert(seen.join() === on_disk.join(), "the follower saw another log, or another order");
  const sizes = [...Deno.readDirSync(join(dir, "events", DAY))]
    .filter(({ name }) => name.startsWith("part-"))
    .map(({ name }) => Deno.statSync(join(dir, "events", DAY, name)).size);
  assert(sizes.length > 10, `only ${sizes.length} parts`);
  // The last event alone came from a writer without this limit.
  assert(sizes.filter((size) => size > part_bytes_max).length <= 1, `sizes are ${sizes}`);
});

Deno.test("three writers go back and forth over midnight: a follower sees each event once", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  const follower = startFollower(dir);
  const timestamps_ms = [NOON_MS, NOON_MS + DAY_MS, NOON_MS + DAY_MS, NOON_MS - DAY_MS];
  const plan = { dir, part_bytes_max: 30_000, waves: [1, 2, 30], rounds: 20, timestamps_ms };
  const acknowledged = (await Promise.all(
    ["a", "b", "c"].map((name) => acknowledgedBy(startWriter({ name, ...plan }))),
  )).flat();
  const last = await emitLast(dir, timestamps_ms);
  const seen = await seenUntil(follower, last);
  assertEachOnce(idsOnDisk(dir), [...acknowledged, ...last], "the log");
  assertEachOnce(seen, [...acknowledged, ...last], "what the follower saw");
});

Deno.test("a reader beside a writer of large batches never sees part of a write", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  const [waves, rounds] = [[1, 1_000], 40];
  const reader = startScript("crash/kills/reader.ts", [dir, `large-${rounds * 1_001 - 1}`]);
  const plan = { dir, name: "large", waves, rounds, timestamps_ms: [NOON_MS] };
  const writer = startWriter({ ...plan, ballast_chars: 2_000 });
  const [seen, acknowledged] = await Promise.all([reader, writer].map(acknowledgedBy));
  assertEachOnce(seen, acknowledged, "what the reader saw");
});

/** A follower in this process, asked for one record at a time. */
function followHere(records: AsyncGenerator<LogRecord>) {
  return async (): Promise<string> => {
    const { done, value } = await records.next();
    if (done) return "nothing any more";
    return value.kind === "event" ? value.event.event_id : value.kind;
  };
}

Deno.test("a follower goes on when the clock passes midnight", async () => {
  using folder = tempFolder();
  const midnight_ms = Date.UTC(2026, 0, 24);
  let now_ms = midnight_ms - 1;
  const world = testWorld({ now_ms: () => now_ms });
  await using writer = await openLedger({ dir: folder.path, world });
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, patience()]);
  const next = followHere(writer.follow(signal));
  await writer.emitRunStarted({ run_id: "r", event_id: "before" });
  assertEquals(await next(), "before");
  now_ms = midnight_ms;
  await writer.emitRunStarted({ run_id: "r", event_id: "after" });
  assertEquals(await next(), "after");
  stop.abort();
  assertEquals(await next(), "nothing any more");
  const days = [...Deno.readDirSync(join(folder.path, "events"))].map(({ name }) => name).sort();
  assertEquals(days, ["day=2026-01-23", "day=2026-01-24"]);
});

for (const skips_what_is_there of [false, true]) {
  const from = skips_what_is_there ? "who began behind it " : "";
  Deno.test(`a follower ${from}goes on when a torn tail is taken out of the way`, async () => {
    using folder = tempFolder();
    const event = { run_id: "r", timestamp_ms: NOON_MS };
    await using writer = await openLedger({ dir: folder.path });
    await writer.emitRunStarted({ ...event, event_id: "whole" });
    const part = join(folder.path, "events", DAY, "part-000001.jsonl");
    Deno.writeTextFileSync(part, '{"event_id":"torn","ev', { append: true });
    const stop = new AbortController();
    const signal = AbortSignal.any([stop.signal, patience()]);
    const cursor = writer.cursor();
    if (skips_what_is_there) await cursor.skipToEnd();
    const next = followHere(writer.follow(signal, cursor));
    if (!skips_what_is_there) assertEquals(await next(), "whole");
    if (!skips_what_is_there) assertEquals(await next(), "torn");
    await writer.emitRunStarted({ ...event, event_id: "after", error: "x".repeat(1000) });
    assertEquals(await next(), "after");
    await writer.emitRunStarted({ ...event, event_id: "and after that" });
    assertEquals(await next(), "and after that");
    stop.abort();
    assertEquals(await next(), "nothing any more");
  });
}
