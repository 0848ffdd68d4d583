/** Four processes that append to one log, an event at a time: who waits for whom, and how long. */
import { join } from "@std/path";
import { type AppenderKind, type AppenderReport, appendersOf, prepare } from "./appenders.ts";
import { atMost, type Bench, published, ratioAtLeast } from "./bench.ts";
import { figure, inRounds, largest, quantile } from "./rounds.ts";

const PROCESSES = 4;
const DURATION_MS = 2000;
const DURATION_MS_QUICK = 700;
const WAIT_MAX_MS = 100;

/** One round of one kind: all processes together. */
interface Together {
  rate: number;
  p50_ms: number;
  p99_ms: number;
  max_ms: number;
}

/** Library emit beside a bare loop and beside SQLite, each by four processes; and with parts of their own. */
export const appendContended: Bench = {
  name: "append.contended",
  shows:
    "4 processes, one emit at a time, beside a bare loop and SQLite (WAL, synchronous=FULL); " +
    "with --writer, each has parts of its own, here beside SQLite",
  async run({ folder, quick, rounds }) {
    const duration_ms = quick ? DURATION_MS_QUICK : DURATION_MS;
    let round = 0;
    const together = async (kind: AppenderKind) => {
      const place = join(folder, `${kind}-${round++}`);
      prepare(kind, place);
      const reports = await appendersOf(kind, PROCESSES, place, duration_ms);
      Deno.removeSync(place, { recursive: true });
      return inAll(reports, duration_ms);
    };
    const results = await inRounds(rounds, {
      ours: () => together("ledger"),
      apart: () => together("ledger --writer"),
      bare: () => together("bare"),
      sqlite: () => together("sqlite"),
    });
    return figuresOf(results);
  },
};

function figuresOf(results: Record<"ours" | "apart" | "bare" | "sqlite", Together[]>) {
  const of = (side: keyof typeof results, what: keyof Together) =>
    results[side].map((round) => round[what]);
  const facts = (what: keyof Together, beside: "bare" | "sqlite") => ({
    ours: of("ours", what),
    beside: of(beside, what),
  });
  const name = "append.contended";
  const rate = { unit: "events/s" };
  const wait = { unit: "ms" };
  return [
    figure({
      name: `${name} rate, bare`,
      ...rate,
      ...facts("rate", "bare"),
      goal: ratioAtLeast(0.8),
    }),
    figure({
      name: `${name} rate, SQLite`,
      ...rate,
      ...facts("rate", "sqlite"),
      goal: ratioAtLeast(1.2),
    }),
    figure({
      name: `${name} rate, --writer`,
      ...rate,
      ours: of("apart", "rate"),
      beside: of("sqlite", "rate"),
      goal: published,
    }),
    figure({ name: `${name} p99, bare`, ...wait, ...facts("p99_ms", "bare"), goal: published }),
    figure({ name: `${name} p99, SQLite`, ...wait, ...facts("p99_ms", "sqlite"), goal: published }),
    ...(["bare", "sqlite"] as const).map((beside) =>
      figure({
        name: `${name} max, ${beside === "bare" ? "bare" : "SQLite"}`,
        ...wait,
        ...facts("max_ms", beside),
        // One stall is one too many: the worst of all rounds counts, not their median.
        summary: largest,
        goal: atMost(WAIT_MAX_MS, "ms"),
      })
    ),
  ];
}

function inAll(reports: AppenderReport[], duration_ms: number): Together {
  const latencies_ms = reports.flatMap((report) => report.latencies_ms);
  return {
    rate: latencies_ms.length / (duration_ms / 1000),
    p50_ms: quantile(latencies_ms, 0.5),
    p99_ms: quantile(latencies_ms, 0.99),
    max_ms: largest(latencies_ms),
  };
}
