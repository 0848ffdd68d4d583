/** Traces: what tracing costs a run, what events take on the disk, and how fast they come in. */
import { join } from "@std/path";
import { openLedger } from "../../src/mod.ts";
import {
  alone,
  atLeast,
  atMost,
  type Bench,
  published,
  ratioAtLeast,
  ratioAtMost,
} from "./bench.ts";
import { script, theProgram, timed, withInput } from "./processes.ts";
import { figure, inRounds, median } from "./rounds.ts";
import { CORRELATIONS, tracedEvents, writeTracedFile } from "./trace_events.ts";

const MILLION = 1_000_000;
const QUICK = 100_000;

/** A run over a bus, traced, beside the same run untraced. */
export const traceOverhead: Bench = {
  name: "trace.overhead",
  shows: "a run of events with 50 µs of work each, one in ten critical, traced beside untraced",
  async run({ folder, quick, rounds, say }) {
    const count = quick ? 20_000 : 100_000;
    say("microseconds an event, the work included; Parquet is made afterwards and not measured");
    const run = async (mode: string, work_us: number) => {
      const dir = join(folder, "ledger");
      const args = [mode, String(count), String(work_us), dir];
      const { stdout } = await timed(script("trace_bus.ts", ...args), {
        cwd: folder,
        stdout: "piped",
      });
      await Deno.remove(dir, { recursive: true }).catch(() => {});
      return Number(stdout);
    };
    const worked = await inRounds(rounds, {
      batch: () => run("batch", 50),
      none: () => run("none", 50),
      every: () => run("every", 50),
    });
    const bare = await inRounds(Math.min(rounds, 3), {
      batch: () => run("batch", 0),
      none: () => run("none", 0),
      every: () => run("every", 0),
    });
    const row = (name: string, ours: number[], beside: number[], goal = published) =>
      figure({ name, unit: "µs/event", ours, beside, goal });
    return [
      row("trace.overhead", worked.batch, worked.none, ratioAtMost(1.05)),
      row("trace.overhead.every", worked.every, worked.none),
      row("trace.publish", bare.batch, bare.none),
      row("trace.publish.every", bare.every, bare.none),
    ];
  },
};

/** What a million events take, as they are closed and once they are compact. */
export const traceSize: Bench = {
  name: "trace.size",
  shows: "a million traced events on the disk, beside the 100 MB that were asked for",
  async run({ folder, quick }) {
    const count = quick ? QUICK : MILLION;
    const ledger = await openLedger({ dir: join(folder, "ledger") });
    const store = await ledger.traces.openStore();
    for (const event of tracedEvents(count)) store.record(event);
    const waiting_mb = megabytesIn(ledger.traces.dir, count);
    const start = performance.now();
    await store.close();
    const convert_us = (performance.now() - start) * 1000 / count;
    const closed_mb = megabytesIn(ledger.traces.dir, count);
    const began = performance.now();
    await ledger.traces.compact();
    const compact_us = (performance.now() - began) * 1000 / count;
    const compact_mb = megabytesIn(ledger.traces.dir, count);
    await ledger.close();
    const size = (name: string, ours: number, goal = published) =>
      figure({ name, unit: "MB/1M", ours: [ours], beside: [100], goal });
    return [
      size("trace.size", compact_mb, atMost(60, "MB")),
      size("trace.size.closed", closed_mb, atMost(60, "MB")),
      size("trace.size.waiting", waiting_mb),
      alone("trace.close", convert_us, "µs/event", published),
      alone("trace.compact", compact_us, "µs/event", published),
    ];
  },
};

/** Megabytes below a folder, for each million of so many events. */
function megabytesIn(folder: string, events: number): number {
  return bytesIn(folder) / 1e6 * (MILLION / events);
}

function bytesIn(folder: string): number {
  let bytes = 0;
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = join(folder, name);
    bytes += isDirectory ? bytesIn(path) : Deno.statSync(path).size;
  }
  return bytes;
}

/** A stream of traced events into the store, beside the same bytes into the log. */
export const traceIngest: Bench = {
  name: "trace.ingest",
  shows: "trace ingest of NDJSON, durable, beside emit --stdin of the same bytes",
  async run({ folder, quick, rounds, say }) {
    const count = quick ? QUICK : MILLION;
    const input = join(folder, "traces.jsonl");
    const as_log = join(folder, "events.jsonl");
    writeTracedFile(input, count);
    writeTracedFile(as_log, count, "as events of the log");
    const { command, description } = theProgram();
    say(description);
    const rate = async (path: string, args: string[]) => {
      const { duration_ms } = await timed(withInput(path, [...command, ...args]), { cwd: folder });
      Deno.removeSync(join(folder, "data"), { recursive: true });
      return count / (duration_ms / 1000);
    };
    const rates = await inRounds(rounds, {
      ours: () => rate(input, ["trace", "ingest", "-"]),
      beside: () => rate(as_log, ["emit", "--stdin"]),
    });
    const facts = { unit: "events/s", ...rates, extra: { program: description } };
    return [
      figure({ name: "trace.ingest", ...facts, goal: atLeast(100_000, "events/s") }),
      figure({ name: "trace.ingest.ratio", ...facts, goal: ratioAtLeast(0.5) }),
    ];
  },
};

/** One correlation, and one path, among a million events: whole processes. */
export const traceQuery: Bench = {
  name: "trace.query",
  shows: "trace query of one correlation, and trace path of a fill, among a million events",
  async run({ folder, quick, rounds, say }) {
    const count = quick ? QUICK : MILLION;
    const ledger = await openLedger({ dir: join(folder, "data", "ledger") });
    const store = await ledger.traces.openStore();
    let fill = "";
    let correlation = "";
    for (const event of tracedEvents(count)) {
      store.record(event);
      if (event.event_type !== "FILL" || event.timestamp % 3 !== 0) continue;
      fill = event.event_id;
      correlation = event.correlation_id;
    }
    await store.close();
    await ledger.traces.compact();
    await ledger.close();
    const { command, description } = theProgram();
    say(`${description}; ${count / CORRELATIONS} events a correlation`);
    const seconds = async (args: string[]) =>
      (await timed([...command, "trace", ...args], { cwd: folder })).duration_ms / 1000;
    const { query, path } = await inRounds(rounds, {
      query: () => seconds(["query", "--correlation", correlation, "--json"]),
      path: () => seconds(["path", fill, "--json"]),
    });
    return [
      alone("trace.query", median(query), "s", atMost(0.3, "s")),
      alone("trace.path", median(path), "s", atMost(0.3, "s")),
    ];
  },
};
