/** The executable closes what it opens: one that runs for months has no more files open than at first. */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { DAY_MS } from "../../src/base/format.ts";
import { Running } from "../crash/kills/crash.ts";
import { Daemon, untilHealth } from "../daemon.ts";
import { IS_FULL, linesOnDisk } from "../harness.ts";
import { type Bench, binaryTest } from "./binary.ts";
import { descriptorsOf, leftOpenBy, withDescriptors } from "./descriptors.ts";

/** Days that a stream goes to, beside what one process may have open. */
const DAYS = IS_FULL ? 700 : 200;
const DESCRIPTORS_MAX = IS_FULL ? 256 : 96;
/** Events of one long stream, each of a day of its own. */
const EMITS = IS_FULL ? 2_000 : 400;
/** How long a daemon is looked at under load. */
const WATCH_MS = Number(Deno.env.get("LEDGER_TEST_WATCH_S") ?? (IS_FULL ? 60 : 3)) * 1000;
/** Beyond that, a process hangs. */
const PATIENCE_MS = 300_000;

const FIRST_DAY_MS = Date.UTC(2020, 0, 1, 12);
const is_linux = Deno.build.os === "linux";

function eventOfDay(number: number): string {
  const timestamp_ms = FIRST_DAY_MS + number * DAY_MS;
  const event_id = `e${number}`;
  return JSON.stringify({ event_type: "run.started", run_id: "r", event_id, timestamp_ms }) + "\n";
}

function linesOf(count: number): string {
  return Array.from({ length: count }, (_, number) => eventOfDay(number)).join("");
}

function environment(bench: Bench): Record<string, string> {
  return { HOME: bench.folder, PATH: Deno.env.get("PATH") ?? "/usr/bin:/bin" };
}

function start(bench: Bench, program: string, args: string[]): Deno.ChildProcess {
  return new Deno.Command(program, {
    args,
    cwd: bench.folder,
    env: environment(bench),
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(WATCH_MS + PATIENCE_MS),
  }).spawn();
}

async function feed(child: Deno.ChildProcess, text: string): Promise<void> {
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  writer.releaseLock();
}

binaryTest(
  `a stream into ${DAYS} days is durable with ${DESCRIPTORS_MAX} descriptors`,
  async (bench) => {
    const { program, args } = withDescriptors(DESCRIPTORS_MAX, bench.binary, [
      "emit",
      "--stdin",
      "--ack",
    ]);
    const child = start(bench, program, args);
    const running = new Running(child);
    const [ended] = await Promise.all([
      running.end(),
      feed(child, linesOf(DAYS)).then(() => child.stdin.close()),
    ]);
    assertEquals([ended.code, ended.lines.length], [0, DAYS], ended.stderr);
    assertEquals(linesOnDisk(join(bench.folder, "data", "ledger")).length, DAYS);
  },
);

if (is_linux) {
  binaryTest(
    `${EMITS} emits to as many days leave no more open than the first did`,
    async (bench) => {
      const child = start(bench, bench.binary, ["emit", "--stdin", "--ack"]);
      const running = new Running(child);
      const step = EMITS / 10;
      const looks: string[][] = [];
      for (let first = 0; first < EMITS; first += step) {
        const numbers = Array.from({ length: step }, (_, more) => first + more);
        const [acknowledged] = await Promise.all([
          Promise.all(numbers.map(() => running.nextLine())),
          feed(child, numbers.map(eventOfDay).join("")),
        ]);
        assertEquals(acknowledged.sort(), numbers.map((number) => `e${number}`).sort());
        looks.push(descriptorsOf(child.pid));
      }
      await child.stdin.close();
      const { code, stderr } = await running.end();
      assertEquals(code, 0, stderr);
      assertFlat(looks);
    },
  );

  binaryTest(
    `a daemon under load for ${WATCH_MS / 1000} s has no more open than at first`,
    async (bench) => {
      const emitter = start(bench, bench.binary, ["emit", "--stdin", "--ack"]);
      const emitting = new Running(emitter);
      let emitted = 0;
      const emitSome = async (count: number) => {
        for (const end = emitted + count; emitted < end; emitted++) {
          await feed(emitter, eventOfDay(emitted % 50).replace(/"e\d+"/, `"w${emitted}"`));
          assertEquals(await emitting.nextLine(), `w${emitted}`);
        }
      };
      await emitSome(50);
      const watch = ["watch", "--interval", "1", "--health", "127.0.0.1:0"];
      const daemon = await Daemon.of(start(bench, bench.binary, watch), "/healthz");
      const looks: string[][] = [];
      const until_ms = performance.now() + WATCH_MS;
      for (let round = 0; round < 4 || performance.now() < until_ms; round++) {
        await emitSome(20);
        const run_id = `run-${round}`;
        const created = await bench.ledger([
          "runs",
          "create",
          "--run-type",
          "policy",
          "--run-id",
          run_id,
        ]);
        assertEquals(created.code, 0, created.stderr);
        const finished = await bench.ledger(["runs", "finish", run_id, "--status", "completed"]);
        assertEquals(finished.code, 0, finished.stderr);
        await untilHealth(daemon.address, (_, health) => health.lag_bytes === 0);
        looks.push(descriptorsOf(daemon.child.pid));
      }
      await emitter.stdin.close();
      await emitting.end();
      await daemon.endWell();
      assertFlat(looks);
    },
  );
}

/** Fails where more is open in the end than when all that is opened once was open. */
function assertFlat(looks: string[][]): void {
  const settled = Math.max(...looks.slice(0, 2).map((open) => open.length));
  const last = looks.at(-1)!;
  assert(
    last.length <= settled,
    `${settled} at first, in the end ${last.length}:\n${last.join("\n")}`,
  );
}

const ALERT = JSON.stringify({
  ...{ call_id: "c1", mint: "m1", caller_name: "ann", chain: "sol" },
  ...{ alert_ts_ms: 1704067200000, created_at: "2024-01-01T00:00:00Z" },
});
/** Without it, the days of the run stay in the log. */
const END_OF_RUN = JSON.stringify({
  ...{ event_type: "run.failed", run_id: "r", error: "died" },
  timestamp_ms: FIRST_DAY_MS + 19 * DAY_MS,
}) + "\n";
const TRACED = Array.from({ length: 20 }, (_, number) =>
  JSON.stringify({
    event_type: `tick_${number % 5}`,
    correlation_id: `c${number % 7}`,
    timestamp: FIRST_DAY_MS * 1000 + number,
  }) + "\n").join("");

const THIS_MONTH = new Date().toISOString().slice(0, 7);

/** Everything that syncs folders, in an order in which each finds something to do. */
const COMMANDS: readonly string[][] = [
  ["emit", "run.started", "--run-id", "now"],
  ["emit", "--stdin"],
  ["rebuild"],
  ["seal"],
  ["compact", "--before", "2020-01-20", "--all"],
  ["verify", "--deep"],
  ["rebuild"],
  ["restore", "2020-01-02"],
  ["retain", "--days", "30", "--archive", "data/ledger/archive"],
  ["archive", "import", "data/ledger/archive/ledger-2020-01-03.tar"],
  ["runs", "create", "--run-type", "policy", "--run-id", "r1"],
  ["runs", "write", "r1", "alerts", "alerts.ndjson"],
  ["runs", "finish", "r1", "--status", "completed"],
  ["runs", "sync"],
  ["trace", "ingest", "traced.ndjson"],
  ["trace", "compact"],
  ["trace", "ingest", "traced.ndjson", "--compact"],
  ["trace", "export", "c1", "--to", "chrome", "--out", "data/ledger/c1.json"],
  ["trace", "sample", "--seed", "7", "--out", "data/ledger/sample.ndjson"],
  ["schema", "register", "risk.breached", "schema.json"],
  ["runs", "compact", "--month", THIS_MONTH],
  ["report", "--out", "data/ledger/report.html"],
  ["pull", "box", "--dir", "data/ledger"],
  ["doctor"],
  ["log"],
  ["query", "select 1"],
];

binaryTest("each command closes all that it opened below its folder", async (bench) => {
  Deno.writeTextFileSync(join(bench.folder, "input.ndjson"), linesOf(20) + END_OF_RUN);
  Deno.writeTextFileSync(join(bench.folder, "alerts.ndjson"), `${ALERT}\n`);
  Deno.writeTextFileSync(join(bench.folder, "traced.ndjson"), TRACED);
  Deno.writeTextFileSync(join(bench.folder, "schema.json"), '{"type":"object"}');
  const elsewhere = join(bench.folder, "box");
  const box = await bench.ledger(["emit", "run.started", "--run-id", "b", "--dir", "runs/box"]);
  assertEquals(box.code, 0, box.stderr);
  Deno.renameSync(join(bench.folder, "runs", "box"), elsewhere);
  for (const args of COMMANDS) {
    const { code, stderr, left_open } = await leftOpenBy(
      bench.binary,
      args,
      bench.folder,
      environment(bench),
    );
    assert(code === 0 || code === 3, `${args.join(" ")}: ${code} ${stderr}`);
    assertEquals(left_open, [], args.join(" "));
  }
}, { strace: true });
