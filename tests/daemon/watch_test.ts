/** The daemon as a real process: what it answers, what it survives, how it ends. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { dirname, join } from "@std/path";
import { LedgerError } from "../../src/base/error.ts";
import type { SyncReport } from "../../src/index/sync.ts";
import type { FlushReport } from "../../src/trace/store/flush.ts";
import { openLedger } from "../../src/mod.ts";
import { watchLedger } from "../../src/daemon/watch.ts";
import { patience } from "../crash/kills/crash.ts";
import { smallDisk, testWith } from "../crash/power/power.ts";
import { Daemon, untilHealth } from "../daemon.ts";
import { runIn, startLedger, tempFolder, testWorld, writePart } from "../harness.ts";
import { line, sync } from "../index/indexes.ts";

const PART = { day: "2026-01-23", number: 1, writer: "" };

/** The longest that a timer can be set to. */
const TIMER_MS_MAX = 2 ** 31 - 1;

function emitArgs(id: string): string[] {
  const at = String(Date.UTC(2026, 0, 23));
  return ["emit", "run.started", "--run-id", id, "--event-id", id, "--timestamp-ms", at];
}

Deno.test("while the indexer is held up the lag grows and health is 503, and then 200 again", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  assertEquals((await runIn(dir, emitArgs("a"))).code, 0);
  const daemon = await Daemon.answering(dir, ["--unhealthy-after", "0"]);
  await untilHealth(daemon.address, (status, state) => status === 200 && state.events === 1);
  {
    using lock = Deno.openSync(join(dir, "index", ".lock"), { read: true, write: true });
    lock.lockSync(true);
    assertEquals((await runIn(dir, emitArgs("b"))).code, 0);
    let first_lag: number | undefined;
    await untilHealth(daemon.address, (status, state) => {
      if (status !== 503) return false;
      assert(state.lag_bytes > 0);
      first_lag ??= state.lag_seconds;
      return state.lag_seconds > first_lag;
    });
  }
  await untilHealth(daemon.address, (status, state) => status === 200 && state.events === 2);
  const metrics = await (await fetch(`${daemon.address}/metrics`)).text();
  for (const text of metrics.trimEnd().split("\n")) {
    assert(
      /^(# (HELP|TYPE) ledger_\w+ .+|ledger_\w+(\{version="[^"]+"\})? -?\d+(\.\d+)?)$/.test(text),
      text,
    );
  }
  assert(!metrics.includes("run_id"));
  assertEquals(
    (await fetch(`${daemon.address}/else`).then((r) => r.text())).includes("healthz"),
    true,
  );
  await daemon.endWell();
});

/** Waits until a process stands in line for a lock, by what the kernel says. */
async function untilInLine(pid: number): Promise<void> {
  const signal = patience();
  const waits = new RegExp(`^\\d+: -> FLOCK .* ${pid} `, "m");
  while (!waits.test(await Deno.readTextFile("/proc/locks", { signal })));
}

for (
  const [command, signal, ends_as] of [
    ["watch", "SIGTERM", { code: 0, signal: null }],
    ["watch", "SIGINT", { code: 130, signal: null }],
    ["rebuild", "SIGTERM", { code: 130, signal: null }],
    ["rebuild", "SIGINT", { code: 130, signal: "SIGINT" }],
  ] as const
) {
  Deno.test(`${signal} ends a ${command} that waits for another builder, and nothing is lost`, async () => {
    using folder = tempFolder();
    const dir = folder.path;
    assertEquals((await runIn(dir, emitArgs("a"))).code, 0);
    assertEquals((await runIn(dir, ["rebuild"])).code, 0);
    assertEquals((await runIn(dir, emitArgs("b"))).code, 0);
    {
      using lock = Deno.openSync(join(dir, "index", ".lock"), { read: true, write: true });
      await lock.lock(true);
      const child = startLedger([command, "--dir", dir], { cwd: dir, signal: patience() });
      await untilInLine(child.pid);
      child.kill(signal);
      const { code, signal: by, stdout, stderr } = await child.output();
      const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
      assertEquals({ code, signal: by }, ends_as, said);
      // One that waited to the end of its patience would say who is in its way.
      assertEquals(said, "");
    }
    const rebuilt = await runIn(dir, ["rebuild", "--json"]);
    assertEquals(rebuilt.code, 0, rebuilt.stderr);
    const { kind, new_events, total } = JSON.parse(rebuilt.stdout);
    assertEquals([kind, new_events, total.events], ["increment", 1, 2]);
  });
}

Deno.test("a sync whose patience has no end stops waiting when it is told to", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  assertEquals((await runIn(dir, emitArgs("a"))).code, 0);
  await sync(dir);
  using lock = Deno.openSync(join(dir, "index", ".lock"), { read: true, write: true });
  await lock.lock(true);
  const stop = new AbortController();
  const waiting = sync(dir, { lock_wait_ms: TIMER_MS_MAX, signal: stop.signal });
  await untilInLine(Deno.pid);
  stop.abort();
  const too_late = new Promise<never>((_, reject) => {
    patience().addEventListener("abort", () => reject(new Error("it still waits")));
  });
  const error = await assertRejects(() => Promise.race([waiting, too_late]), LedgerError);
  assertEquals(error.code, "interrupted");
  // One that was told before it came does not even begin to wait.
  const told_before = { lock_wait_ms: TIMER_MS_MAX, signal: stop.signal };
  await assertRejects(
    () => Promise.race([sync(dir, told_before), too_late]),
    LedgerError,
    "interrupted while another process was building the index",
  );
});

Deno.test("a daemon that is told to stop while it builds finishes the sync in hand", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  assertEquals((await runIn(dir, emitArgs("a"))).code, 0);
  const stop = new AbortController();
  await using ledger = await openLedger({ dir });
  const reports: SyncReport[] = [];
  await watchLedger(testWorld(), {
    dir,
    exists: () => ledger.exists(),
    sync: (options) =>
      ledger.sync({
        ...options,
        onProgress: () => stop.abort(),
      }),
  }, { signal: stop.signal, onSync: (report) => reports.push(report) });
  assertEquals(reports.map(({ kind, total }) => [kind, total.events]), [["full", 1]]);
});

/** Leaves this much room on a disk; removing the returned file makes room again. */
function fillUpTo(disk: string, room_bytes: number): string {
  const ballast = join(disk, "ballast");
  const block = new Uint8Array(4096);
  using file = Deno.openSync(ballast, { write: true, createNew: true });
  try {
    for (;;) file.writeSync(block);
  } catch (error) {
    assertStringIncludes((error as Error).message, "No space left");
  }
  file.truncateSync(file.statSync().size - room_bytes);
  return ballast;
}

const DISK_BYTES = 8 * 2 ** 20;
/** Enough for a line of the log and for the lock's holder, and far too little for an index. */
const ROOM_BYTES = 2 ** 17;

for (const what of ["the copy of an index", "what is written into the copy"]) {
  const name = `a daemon whose disk has no room for ${what} says so once, and catches up later`;
  testWith("mount", name, async () => {
    using disk = smallDisk(DISK_BYTES);
    const dir = join(disk.path, "ledger");
    assertEquals((await runIn(dir, emitArgs("a"))).code, 0);
    const daemon = await Daemon.answering(dir);
    await untilHealth(daemon.address, (_, { events }) => events === 1);
    const index_bytes = Deno.statSync(join(dir, "index", "runs.duckdb")).size;
    const ballast = fillUpTo(disk.path, ROOM_BYTES + (what.startsWith("the") ? 0 : index_bytes));
    assertEquals((await runIn(dir, emitArgs("b"))).code, 0);
    await untilHealth(daemon.address, (_, { failures, last_error }) => {
      assert(failures === 0 || /No space left on device/.test(last_error!), last_error);
      return failures === 3;
    });
    const asked = ["query", "select run_id from latest_runs", "--format", "csv"];
    assertEquals((await runIn(dir, asked)).stdout, "run_id\na\n");
    Deno.removeSync(ballast);
    await untilHealth(
      daemon.address,
      (status, { events, lag_bytes }) => status === 200 && events === 2 && lag_bytes === 0,
    );
    await daemon.endWell();
    const [, complaint, ...more] = daemon.said.trimEnd().split("\n");
    assertStringIncludes(complaint, "No space left on device (free some space");
    assertEquals(more, []);
    assertEquals((await runIn(dir, asked)).stdout, "run_id\na\nb\n");
  });
}

Deno.test("a daemon goes on through a damaged index, a corrupt line and a day that vanishes", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  assertEquals((await runIn(dir, emitArgs("a"))).code, 0);
  const daemon = await Daemon.answering(dir);
  const until = (events: number) =>
    untilHealth(daemon.address, (_, state) => state.events === events && state.lag_bytes === 0);
  await until(1);
  Deno.writeTextFileSync(join(dir, "index", "runs.duckdb"), "garbage");
  assertEquals((await runIn(dir, emitArgs("b"))).code, 0);
  await until(2);
  const part = join(dir, "events", "day=2026-01-23", "part-000001.jsonl");
  Deno.writeTextFileSync(part, "no event\n", { append: true });
  await untilHealth(daemon.address, (_, state) => state.rejected === 1);
  Deno.removeSync(dirname(part), { recursive: true });
  const event = { event_id: "c", event_type: "run.started", timestamp_ms: 1, run_id: "c" };
  writePart(dir, { ...PART, day: "2026-01-24" }, [line(event)]);
  await until(1);
  await daemon.endWell();
});

Deno.test("a daemon seals what is finished, and leaves alone what a writer is filling in", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  const event = (event_id: string, at: string) =>
    line({ event_id, event_type: "run.started", timestamp_ms: Date.parse(at), run_id: "r" });
  const path = writePart(dir, PART, [event("a", "2026-01-23")]);
  writePart(dir, { ...PART, day: "2026-01-24" }, [event("b", "2026-01-24")]);
  Deno.utimeSync(path, new Date(0), new Date(0));
  await using ledger = await openLedger({ dir });
  const stop = new AbortController();
  const sealed: string[] = [];
  await watchLedger(testWorld(), ledger, {
    signal: stop.signal,
    onSeal: ({ part }) => {
      sealed.push(part);
      stop.abort();
    },
  });
  assertEquals(sealed, ["day=2026-01-23/part-000001.jsonl"]);
  const { proven, parts, findings } = await ledger.verify({ deep: true });
  assertEquals([proven.parts, parts, findings], [1, 2, []]);
});

Deno.test("a daemon makes Parquet of traces that their writer has left, and leaves alone a living one's", async () => {
  using folder = tempFolder();
  await using ledger = await openLedger({ dir: folder.path });
  const line = '{"event_type":"FILL","event_id":"a"}\n';
  await ledger.traces.ingest(testWorld({ stdin: line + line.replace('"a"', '"b"') }).stdin);
  await using tracer = await ledger.traces.open();
  tracer.trace({ event_type: "FILL", event_id: "living" });
  const stop = new AbortController();
  const address = Promise.withResolvers<string>();
  const converted = Promise.withResolvers<FlushReport>();
  const watching = watchLedger(testWorld(), ledger, {
    signal: stop.signal,
    health: { hostname: "127.0.0.1", port: 0 },
    onListen: address.resolve,
    onConvert: converted.resolve,
  });
  const { events, segments, files } = await converted.promise;
  assertEquals([events, segments, files], [2, 1, 1]);
  await untilHealth(await address.promise, (_, state) => {
    return state.traces_converted === 2 && state.traces_waiting_bytes > 0;
  });
  stop.abort();
  await watching;
  const stats = await ledger.traces.stats();
  assertEquals([stats.events, stats.waiting, stats.files], [3, 1, 1]);
});

Deno.test("watch --once converts traces too, also where nothing was logged, and says so", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  const line = '{"event_type":"FILL","event_id":"a"}\n';
  await runIn(dir, ["trace", "ingest"], { stdin: line });
  const first = await runIn(dir, ["watch", "--once"]);
  assertEquals([first.code, first.stderr], [0, ""]);
  assertStringIncludes(first.stdout, "1 event of 1 write-ahead file written to 1 Parquet file");
  const { stdout, code } = await runIn(dir, ["watch", "--once", "--json", "--verbose"]);
  assertEquals([code, JSON.parse(stdout).kind, JSON.parse(stdout).events], [0, "traces", 0]);
});

Deno.test("told to stop, a conversion ends after the file in hand, and the next one goes on", async () => {
  using folder = tempFolder();
  await using ledger = await openLedger({ dir: folder.path });
  for (const id of ["a", "b", "c"]) {
    const line = `{"event_type":"FILL","event_id":"${id}"}\n`;
    await ledger.traces.ingest(testWorld({ stdin: line }).stdin);
  }
  const stop = new AbortController();
  const world = testWorld({ turn: () => Promise.resolve(stop.abort()) });
  await using stopped = await openLedger({ dir: folder.path, world });
  assertEquals((await stopped.traces.convert(stop.signal)).segments, 1);
  assertEquals((await ledger.traces.query()).length, 3);
  assertEquals((await ledger.traces.convert()).segments, 2);
  assertEquals((await ledger.traces.query()).length, 3);
});
