/** Labs that reports are made of: small ones that make sense, large ones, and hostile ones. */
import { Ledger } from "../../src/ledger/ledger.ts";
import type { NewTracedEvent } from "../../src/trace/event/complete.ts";
import { testWorld } from "../harness.ts";
import { Random } from "../laws/random.ts";
import { type Lab } from "../runs/runs.ts";

/** When the first run of a lab begins; reports are made ten days later. */
export const BEGIN_MS = Date.UTC(2026, 0, 5, 9);
export const MADE_MS = Date.UTC(2026, 0, 15, 12);
const HOUR_MS = 3_600_000;
const PHASES = [["load", 900], ["slice", 300], ["simulate", 4_200], ["summarize", 120]] as const;

/** A world in which it is a certain time. */
export function worldAt(time_ms: number) {
  return testWorld({ now_ms: () => time_ms });
}

/** The lab's ledger at a certain time. */
export function ledgerAt(lab: Lab, time_ms: number): Ledger {
  return new Ledger({ dir: lab.dir, runs_dir: lab.runs_dir, world: worldAt(time_ms) });
}

/** Trades of a policy: a stop that cuts losses, and gains with a long tail. */
export function tradesOf(
  run_id: string,
  policy_id: string | null,
  count: number,
  begin_ms: number,
) {
  const random = new Random(
    [...run_id].reduce((sum, letter) => sum * 31 + letter.codePointAt(0)!, 7),
  );
  return random.times(count, (n) => {
    const stop_out = random.chance(0.35);
    const gain = random.fraction() ** 3 * 1_800 - 260 + random.fraction() * 90;
    const realized_return_bps =
      Math.round((stop_out ? -500 - random.fraction() * 40 : gain) * 100) / 100;
    const entry_ts_ms = begin_ms + n * 900_000;
    const time_exposed_ms = 60_000 * (1 + random.below(240));
    return {
      run_id,
      policy_id,
      call_id: `c${n}`,
      entry_ts_ms,
      entry_px: 1,
      exit_ts_ms: entry_ts_ms + time_exposed_ms,
      exit_px: 1 + realized_return_bps / 10_000,
      exit_reason: stop_out ? "stop" : "target",
      realized_return_bps,
      stop_out,
      max_adverse_excursion_bps: Math.max(0, -realized_return_bps) + random.below(120),
      time_exposed_ms,
      tail_capture: null,
    };
  });
}

type Trade = ReturnType<typeof tradesOf>[number];

/** The events of a run's trades: a signal, an order, a fill; on the way out a breach, an order, a fill. */
function eventsOf(run_id: string, trades: readonly Trade[]): NewTracedEvent[] {
  const random = new Random(trades.length);
  let clock_us = BEGIN_MS * 1000;
  return trades.flatMap(({ call_id, entry_ts_ms, exit_ts_ms }) => {
    const steps = ["SIGNAL", "ORDER", "FILL", "RISK_BREACH", "ORDER", "FILL"];
    return steps.map((event_type, step) => {
      const created_at = clock_us;
      clock_us += 100 + random.below(step === 2 ? 40_000 : 3_000);
      return {
        event_id: `${run_id}.${call_id}.${step}`,
        event_type,
        correlation_id: run_id,
        causation_id: step === 0 ? "" : `${run_id}.${call_id}.${step - 1}`,
        source_container:
          ["signals", "portfolio", "execution", "risk", "portfolio", "execution"][step],
        timestamp: (step < 3 ? entry_ts_ms : exit_ts_ms) * 1000,
        created_at,
        emitted_at: created_at + 20,
        received_at: created_at + 60,
        processed_at: clock_us,
        data: { call_id },
      };
    });
  });
}

/** Records one run in its folder and in the log, and its events in the traces. */
export async function recordRun(
  lab: Lab,
  run_id: string,
  { policy = null as string | null, trades = 120, begin_ms = BEGIN_MS, error = "", traced = false },
): Promise<void> {
  let now_ms = begin_ms;
  const ledger = new Ledger({
    dir: lab.dir,
    runs_dir: lab.runs_dir,
    world: testWorld({ now_ms: () => now_ms }),
  });
  const run = await ledger.runs.create({
    run_type: policy === null ? "path-only" : "policy",
    run_id,
    git: false,
    parameters: { policy },
  });
  for (const [order, [phase_name, duration_ms]] of PHASES.entries()) {
    await ledger.emitPhaseStarted({ run_id, phase_name, phase_order: order + 1 });
    now_ms += duration_ms + new Random(order + trades).below(200);
    if (error !== "" && phase_name === "simulate") break;
    await ledger.emitPhaseCompleted({ run_id, phase_name, duration_ms, output_summary: {} });
  }
  const rows = policy === null
    ? []
    : tradesOf(run_id, policy, trades, begin_ms - 30 * 24 * HOUR_MS);
  if (policy !== null) await run.writeArtifact("trades", rows);
  if (traced) {
    const store = await ledger.traces.openStore();
    const { completeTraced } = await import("../../src/trace/event/complete.ts");
    let sequence = 0;
    for (const event of eventsOf(run_id, rows)) {
      store.record(completeTraced(event, {
        eventId: () => run_id,
        now_us: () => now_ms * 1000,
        nextSequence: () => ++sequence,
      }));
    }
    await store.close();
  }
  if (error !== "") await run.markFailed(error);
  else await run.markSuccess();
  await ledger.close();
}

/** A lab of three policies and a baseline over three days; one run failed, one was given up. */
export async function fillLab(lab: Lab): Promise<void> {
  const at = (hours: number) => BEGIN_MS + hours * HOUR_MS;
  await recordRun(lab, "baseline-1", { begin_ms: at(0) });
  await recordRun(lab, "tight-1", { policy: "stop-2pct", begin_ms: at(1), traced: true });
  await recordRun(lab, "tight-2", { policy: "stop-2pct", begin_ms: at(26), trades: 300 });
  await recordRun(lab, "wide-1", { policy: "stop-8pct", begin_ms: at(27), traced: true });
  await recordRun(lab, "trail-1", { policy: "trailing-5pct", begin_ms: at(50), trades: 60 });
  await recordRun(lab, "trail-2", {
    policy: "trailing-5pct",
    begin_ms: at(51),
    trades: 15,
    error: "no candles for 7 calls",
  });
  await using ledger = ledgerAt(lab, at(52));
  // Its writer was killed: its log ends in the middle.
  await ledger.emitRunCreated({
    run_id: "killed-1",
    run_type: "policy",
    config: {},
    data_fingerprint: "fp",
  });
  await ledger.emitRunStarted({ run_id: "killed-1" });
  await ledger.emitPhaseStarted({ run_id: "killed-1", phase_name: "load", phase_order: 1 });
  // Stored beside the log, and not in a folder of its own.
  await ledger.putTrades("killed-1", { rows: tradesOf("killed-1", null, 40, at(0)) });
  await syncAll(lab);
}

/** Brings index and catalog up to date. */
export async function syncAll(lab: Lab): Promise<void> {
  await using ledger = ledgerAt(lab, MADE_MS);
  await ledger.sync();
  if (ledger.runs.exists()) await ledger.runs.sync();
}

/** A log of many runs, most of them finished, and trades beside it for some. */
export async function fillWithMany(lab: Lab, runs: number, with_trades: number): Promise<void> {
  const random = new Random(runs);
  await using ledger = ledgerAt(lab, MADE_MS);
  const events: Record<string, unknown>[] = [];
  for (let n = 0; n < runs; n++) {
    const run_id = `run-${String(n).padStart(5, "0")}`;
    let timestamp_ms = BEGIN_MS - (runs - n) * 7_200_000;
    const tell = (event_type: string, fields: Record<string, unknown> = {}) =>
      events.push({ event_type, run_id, timestamp_ms, ...fields });
    tell("run.created", { run_type: "policy", config: { n }, data_fingerprint: "fp" });
    tell("run.started");
    for (let phase = 0; phase < 8; phase++) {
      const phase_name = `${["load", "slice", "simulate", "book"][phase % 4]}-${phase}`;
      const duration_ms = 50 + random.below(9_000);
      tell("phase.started", { phase_name, phase_order: phase });
      timestamp_ms += duration_ms;
      tell("phase.completed", { phase_name, duration_ms, output_summary: {} });
    }
    if (random.chance(0.05)) tell("run.failed", { error: "out of memory ".repeat(200) });
    else if (random.chance(0.97)) tell("run.completed", { summary: {}, artifact_paths: {} });
  }
  await ledger.emitMany(events);
  for (let n = runs - with_trades; n < runs; n++) {
    const run_id = `run-${String(n).padStart(5, "0")}`;
    await ledger.putTrades(run_id, { rows: tradesOf(run_id, `policy-${n % 40}`, 500, BEGIN_MS) });
  }
  await syncAll(lab);
}

/** Words that would like to be something else than text. */
export const HOSTILE =
  `<script>alert(1)</script><img src=x onerror=alert(2)>"'&--></style></title>\u202e\u0007$(id)\`id\``;

/** A lab in which every text that a user can choose is hostile, and long where it may be. */
export async function fillHostile(lab: Lab): Promise<string> {
  // What may be a run's id: anything but slashes, backslashes and control characters.
  const run_id = HOSTILE.replaceAll("/", "").replaceAll("\u0007", "");
  const long = `${HOSTILE}${"long ".repeat(2_000)}`;
  await using ledger = ledgerAt(lab, BEGIN_MS);
  const fields = { run_id, timestamp_ms: BEGIN_MS };
  await ledger.emit({
    ...{ event_type: "run.created", ...fields, run_type: long, config: {}, data_fingerprint: long },
  });
  await ledger.emit({ event_type: "run.started", ...fields });
  for (let phase_order = 0; phase_order < 40; phase_order++) {
    const phase_name = `${phase_order}${long}`;
    await ledger.emit({ event_type: "phase.started", ...fields, phase_name, phase_order });
    await ledger.emit({
      ...{
        event_type: "phase.completed",
        ...fields,
        phase_name,
        duration_ms: 5,
        output_summary: {},
      },
    });
  }
  await ledger.emit({ event_type: "run.failed", ...fields, error: long });
  const trades = tradesOf(run_id, null, 80, BEGIN_MS).map((trade, n) => ({
    ...trade,
    policy_id: `${n}${long}`,
    call_id: n < 70 ? `${n}${HOSTILE}` : `${n}${long}`,
    exit_reason: long,
  }));
  await ledger.putTrades(run_id, { rows: trades });
  const lines = eventsOf(run_id, trades).map((event) => ({
    ...event,
    event_type: `${event.event_type}`,
    source_container: long,
    event_id: `${event.event_id}${HOSTILE}`,
    causation_id: event.causation_id && `${event.causation_id}${HOSTILE}`,
  }));
  const bytes = new TextEncoder().encode(lines.map((line) => JSON.stringify(line) + "\n").join(""));
  await ledger.traces.ingest(testWorld({ stdin: bytes }).stdin);
  await syncAll(lab);
  return run_id;
}
