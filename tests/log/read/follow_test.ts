/** Following: `followLog()` in `read.ts`. Time is held still, so nothing here waits for a clock. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { systemFiles } from "../../../src/base/files/system_files.ts";
import { followLog } from "../../../src/log/read/follow.ts";
import { LogCursor, type LogRecord } from "../../../src/log/read/cursor.ts";
import { type Ledger, openLedger } from "../../../src/mod.ts";
import { tempFolder, testWorld, writePart } from "../../harness.ts";
import { CASE_DAY, GOOD_LINE } from "../cases.ts";

function lineOf(id: string): string {
  return `${GOOD_LINE.replace('"e1"', `"${id}"`)}\n`;
}

/** Follows a log; `look()` makes it look again, as its slow poll would. */
class Follower {
  readonly #stop = new AbortController();
  readonly #records: AsyncGenerator<LogRecord>;
  #wake: () => void = () => {};
  #waits = Promise.withResolvers<void>();
  readonly cursor: LogCursor;

  constructor(dir: string) {
    const world = testWorld({
      files: {
        ...systemFiles(),
        watch: () => {
          throw new Error("no notifications to be had");
        },
      },
      pause: (_, signal) => {
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#wake = resolve;
        if (signal?.aborted) resolve();
        signal?.addEventListener("abort", () => resolve());
        this.#waits.resolve();
        return promise;
      },
    });
    this.cursor = new LogCursor(world, dir);
    this.#records = followLog(world, dir, this.cursor, this.#stop.signal);
  }

  /** The next records, looking again for each that is not there yet. */
  async next(count: number): Promise<string[]> {
    const ids: string[] = [];
    while (ids.length < count) {
      const next = this.#records.next();
      this.#wake();
      const { value, done } = await next;
      if (done) break;
      ids.push(value.kind === "event" ? value.event.event_id : value.kind);
    }
    return ids;
  }

  /** Asks for a record that is not there; resolves once the follower waits for it. */
  async pending(): Promise<Promise<IteratorResult<LogRecord>>[]> {
    this.#waits = Promise.withResolvers<void>();
    const next = this.#records.next();
    await this.#waits.promise;
    return [next];
  }

  look(): void {
    this.#wake();
  }

  async end(): Promise<void> {
    this.#stop.abort();
    assertEquals((await this.#records.next()).done, true);
  }
}

/** Emits events that are told apart by their ids. */
async function emit(ledger: Ledger, ...event_ids: string[]): Promise<void> {
  for (const event_id of event_ids) await ledger.emitLine(lineOf(event_id).trim());
}

Deno.test("following yields what is there and then what comes, each once", async () => {
  using folder = tempFolder();
  await using ledger = await openLedger({ dir: folder.path });
  await emit(ledger, "a", "b");
  const follower = new Follower(folder.path);
  assertEquals(await follower.next(2), ["a", "b"]);
  const [next] = await follower.pending();
  await emit(ledger, "c");
  follower.look();
  const { value } = await next;
  assertEquals(value?.kind === "event" && value.event.event_id, "c");
  await follower.end();
});

Deno.test("following begins before there is a log", async () => {
  using folder = tempFolder();
  const dir = join(folder.path, "later");
  const follower = new Follower(dir);
  const [next] = await follower.pending();
  await using ledger = await openLedger({ dir });
  await emit(ledger, "a");
  follower.look();
  assertEquals((await next).done, false);
  await follower.end();
});

Deno.test("following survives rotation and midnight", async () => {
  using folder = tempFolder();
  await using ledger = await openLedger({ dir: folder.path, part_bytes_max: 200 });
  await emit(ledger, "a");
  const follower = new Follower(folder.path);
  assertEquals(await follower.next(1), ["a"]);
  for (const round of [["b", "c", "d"], ["e", "f", "g"]]) {
    const [next] = await follower.pending();
    await emit(ledger, ...round);
    follower.look();
    const { value } = await next;
    const first = value?.kind === "event" ? value.event.event_id : "";
    assertEquals([first, ...await follower.next(2)], round);
  }
  const [next] = await follower.pending();
  await ledger.emitRunStarted({
    run_id: "r",
    event_id: "tomorrow",
    timestamp_ms: 1_769_260_719_945,
  });
  follower.look();
  const { value } = await next;
  assertEquals(value?.label, "day=2026-01-24/part-000001.jsonl");
  await follower.end();
});

Deno.test("following survives the recovery of a torn tail, and tells of it once", async () => {
  using folder = tempFolder();
  writePart(folder.path, { day: CASE_DAY, number: 1, writer: "" }, [
    lineOf("a"),
    '{"event_id":"ha',
  ]);
  await using ledger = await openLedger({ dir: folder.path });
  const follower = new Follower(folder.path);
  assertEquals(await follower.next(2), ["a", "torn"]);
  const [next] = await follower.pending();
  await emit(ledger, "b", "c");
  follower.look();
  const { value } = await next;
  assertEquals(value?.kind === "event" && value.event.event_id, "b");
  assertEquals(await follower.next(1), ["c"]);
  await follower.end();
});

Deno.test("a notification of the file system is enough to look again", async () => {
  using folder = tempFolder();
  await using ledger = await openLedger({ dir: folder.path });
  await emit(ledger, "a");
  const stop = new AbortController();
  // Only notifications end this pause: the world's clock stands still.
  const world = testWorld({
    pause: (duration_ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted || duration_ms < 100) return resolve();
        signal?.addEventListener("abort", () => resolve());
      }),
  });
  const records = followLog(world, folder.path, new LogCursor(world, folder.path), stop.signal);
  assertEquals((await records.next()).value?.offset, 0);
  const next = records.next();
  await emit(ledger, "b");
  assertEquals((await next).value?.offset, GOOD_LINE.length);
  stop.abort();
  assertEquals((await records.next()).done, true);
});

Deno.test("following ends at once when it is told to, wherever it stands", async () => {
  using folder = tempFolder();
  await using ledger = await openLedger({ dir: folder.path });
  await emit(ledger, "a", "b");
  const told_before = new Follower(folder.path);
  await told_before.end();
  const told_between = new Follower(folder.path);
  await told_between.next(2);
  await told_between.end();
});
