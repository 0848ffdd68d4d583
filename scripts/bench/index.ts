/** The index: built from nothing, brought up to date, opened, asked. */
import { join } from "@std/path";
import { openLedger } from "../../src/mod.ts";
import { alone, atMost, type Bench, type Goal, LeftOut, published, ratioAtMost } from "./bench.ts";
import { eventsOfRun, writeLog } from "./index_load.ts";
import { ENVIRONMENT, script, secondsOf, theProgram, timed, timedWithPeak } from "./processes.ts";
import { figure, inRounds, median, quantile } from "./rounds.ts";

const EVENTS = 1_000_000;
const EVENTS_QUICK = 100_000;
const EVENTS_MANY = 10_000_000;
const INDEX = join("data", "ledger", "index", "runs.duckdb");

/** `ledger rebuild --full` beside DuckDB reading the same files with no questions asked. */
export const rebuildFull: Bench = {
  name: "rebuild.full",
  shows: "rebuild --full of a million events beside bare DuckDB making the same tables",
  async run({ folder, quick, rounds, say }) {
    const count = quick ? EVENTS_QUICK : EVENTS;
    const parts = writeLog(folder, count);
    const { command, description } = theProgram();
    say(description);
    const bare = join(folder, "bare.duckdb");
    const peaks_mb: number[] = [];
    const seconds = await inRounds(Math.min(rounds, 5), {
      async ours() {
        const { duration_ms, peak_mb } = await timedWithPeak(
          [...command, "rebuild", "--full"],
          { cwd: folder },
        );
        peaks_mb.push(peak_mb);
        return duration_ms / 1000;
      },
      async beside() {
        const { duration_ms } = await timed(script("bare_index.ts", bare, ...parts), {
          cwd: folder,
        });
        Deno.removeSync(bare);
        return duration_ms / 1000;
      },
    });
    const log_bytes = parts.reduce((sum, part) => sum + Deno.statSync(part).size, 0);
    const index_bytes = Deno.statSync(join(folder, INDEX)).size;
    const both = (goals: Goal[]): Goal => ({
      text: goals.map(({ text }) => text).join(", "),
      holds: (facts) => goals.every(({ holds }) => holds(facts)),
    });
    return [
      figure({
        name: "rebuild.full",
        unit: "s",
        ...seconds,
        goal: both([ratioAtMost(2.3), atMost(4, "s")]),
        extra: { events: count },
      }),
      alone("rebuild.full.memory", Math.max(...peaks_mb), "MB", atMost(600, "MB")),
      {
        ...alone("index.size", index_bytes / count, "bytes/event", published),
        beside: log_bytes / count,
        ratio: index_bytes / log_bytes,
      },
    ];
  },
};

/** Ten times as much, once: does time stay in proportion, and memory where it is? */
export const rebuildMany: Bench = {
  name: "rebuild.many",
  shows: "rebuild --full of ten million events, once",
  async run({ folder, quick }) {
    if (quick) throw new LeftOut("it takes minutes");
    writeLog(folder, EVENTS_MANY);
    const { duration_ms, peak_mb } = await timedWithPeak(
      [...theProgram().command, "rebuild", "--full"],
      { cwd: folder },
    );
    return [
      alone("rebuild.many", duration_ms / 1000, "s", published),
      alone("rebuild.many.memory", peak_mb, "MB", published),
    ];
  },
};

/** A thousand events from nothing: the first system's bar was five seconds. */
export const rebuildSeed: Bench = {
  name: "rebuild.seed",
  shows: "rebuild --full of a thousand events, whole process",
  async run({ folder, rounds }) {
    writeLog(folder, 1000);
    const { ours } = await inRounds(rounds, {
      ours: () => secondsOf([...theProgram().command, "rebuild", "--full"], folder),
    });
    return [alone("rebuild.seed", median(ours), "s", atMost(0.5, "s"))];
  },
};

/** A thousand new events on top of a million. */
export const syncDelta: Bench = {
  name: "sync.delta",
  shows: "rebuild with a thousand new events on top of a million, whole process",
  async run({ folder, quick, rounds }) {
    writeLog(folder, quick ? EVENTS_QUICK : EVENTS);
    const { command } = theProgram();
    await timed([...command, "rebuild"], { cwd: folder });
    await using ledger = await openLedger({ dir: join(folder, "data", "ledger") });
    let round = 0;
    const { ours } = await inRounds(rounds, {
      async ours() {
        const runs = [0, 1].flatMap((run) => [...eventsOfRun(`delta-${round}-${run}`)]);
        round++;
        await ledger.emitMany(runs.slice(0, 1000));
        return await secondsOf([...command, "watch", "--once"], folder) * 1000;
      },
    });
    return [alone("sync.delta", median(ours), "ms", atMost(400, "ms"))];
  },
};

/** From the acknowledgement of an event until a query sees it, with the daemon running. */
export const watchLag: Bench = {
  name: "watch.lag",
  shows: "emit to visible in the index, with ledger watch running; p95",
  async run({ folder, quick }) {
    const { command } = theProgram();
    const dir = join(folder, "data", "ledger");
    const [program, ...args] = command;
    const daemon = new Deno.Command(program, {
      args: [...args, "watch"],
      cwd: folder,
      env: ENVIRONMENT,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    try {
      await using ledger = await openLedger({ dir });
      const lags_ms: number[] = [];
      for (let event = 0; event < (quick ? 10 : 60); event++) {
        const run_id = `lag-${event}`;
        await ledger.emitRunStarted({ run_id });
        const start = performance.now();
        while (!await isVisible(ledger, run_id)) { /* asked again at once */ }
        lags_ms.push(performance.now() - start);
      }
      return [alone("watch.lag", quantile(lags_ms.slice(1), 0.95), "ms", atMost(1000, "ms"))];
    } finally {
      daemon.kill("SIGTERM");
      await daemon.status;
    }
  },
};

type Asked = Awaited<ReturnType<typeof openLedger>>;

async function isVisible(ledger: Asked, run_id: string): Promise<boolean> {
  try {
    const sql = `select 1 as there from runs_status where run_id = '${run_id}'`;
    return (await ledger.query(sql)).length > 0;
  } catch {
    // The very first index is still being made.
    return false;
  }
}

/** The latest runs, as a user types it. */
export const queryOpen: Bench = {
  name: "query.open",
  shows: "query of the latest ten runs, whole process, beside DuckDB's own package",
  async run({ folder, quick, rounds, say }) {
    writeLog(folder, quick ? EVENTS_QUICK : EVENTS);
    const { command, description } = theProgram();
    say(description);
    await timed([...command, "rebuild"], { cwd: folder });
    const ask = [...command, "query", "select * from latest_runs limit 10"];
    const bare = script("bare_query.ts", join(folder, INDEX));
    const durations_ms = await inRounds(rounds * 3, {
      ours: async () => await secondsOf(ask, folder) * 1000,
      beside: async () => await secondsOf(bare, folder) * 1000,
    });
    const limit = ratioAtMost(1.4);
    const goal: Goal = {
      text: "≤ 1.4×, ≤ 140 ms",
      holds: (facts) => limit.holds(facts) && facts.ours <= 140,
    };
    return [figure({ name: "query.open", unit: "ms", ...durations_ms, goal })];
  },
};
