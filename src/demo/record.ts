/** Records one run of a lab as a real program would: log, run directory and trace together. */
import type { World } from "../base/world.ts";
import type { JsonObject, OpenOptions } from "../ledger/event_log.ts";
import { Ledger } from "../ledger/ledger.ts";
import type { Acknowledgement } from "../log/mod.ts";
import type { NewRun } from "../runs/directory/run_lifecycle.ts";
import type { RunDirectory } from "../runs/directory/directory.ts";
import type { Tracer } from "../trace/record/tracer.ts";
import type { Lab, LabRun } from "./plan.ts";
import { type Call, pathRow, type Tick } from "./market.ts";
import { SeededRandom } from "../base/random.ts";
import { TracedStrategy, type Trade } from "./strategy.ts";
import { equityCurve, metricsOf, summaryOf } from "./summary.ts";
import { WorkClock, worldOfWork } from "./work.ts";

/** Callbacks while a run is recorded. */
interface RecordingEars {
  /** An event is durable. */
  onAcknowledged(event_id: string): void;
  /** The run that is killed has come to where it goes no further; default: its owner lets go of it. */
  onHalfWay?(): Promise<void>;
}

/** Events that are emitted together share a sync, as those of a busy program do. */
const TOGETHER = 12;

/** Records a run from its beginning to its end, or to where it is killed. */
export async function recordRun(
  world: World,
  lab: Lab,
  run: LabRun,
  ears: RecordingEars,
): Promise<void> {
  const random = SeededRandom.of(lab.seed, run.run_id);
  const clock = new WorkClock(lab.begins_ms + run.begins_after_ms);
  await using ledger = new RunLedger(run.run_id, ears.onAcknowledged, {
    world: worldOfWork(world, clock, random),
  });
  await using directory = await ledger.runs.create(newRun(lab, run));
  const recording = new Recording(lab, run, ledger, directory, clock, random, ears);
  await (run.policy ? recording.policy() : recording.baseline());
}

/** A ledger that says of each event which run's it is, and hears of each acknowledgement. */
class RunLedger extends Ledger {
  constructor(
    readonly correlation_id: string,
    readonly onAcknowledged: (event_id: string) => void,
    options: OpenOptions,
  ) {
    super(options);
  }

  override async emit(event: JsonObject): Promise<Acknowledgement> {
    const { correlation_id } = this;
    const acknowledgement = await super.emit({ correlation_id, ...event });
    this.onAcknowledged(acknowledgement.event_id);
    return acknowledgement;
  }
}

function newRun({ market, seed }: Lab, { run_id, policy }: LabRun): NewRun {
  return {
    run_id,
    run_type: policy ? "policy" : "path-only",
    owned: true,
    // The lab is made up, and no commit of the folder that it stands in made it.
    git: false,
    argv: [],
    seed,
    dataset: {
      from: market.from,
      to: market.to,
      interval: market.interval,
      calls_count: market.calls.length,
    },
    data_fingerprint: market.fingerprint,
    parameters: policy ? { seed, policy } : { seed },
  };
}

interface CoveredCall {
  call: Call;
  ticks: readonly Tick[];
}

class Recording {
  readonly #timing: Record<string, number> = {};
  #phases = 0;

  constructor(
    readonly lab: Lab,
    readonly run: LabRun,
    readonly ledger: Ledger,
    readonly directory: RunDirectory,
    readonly clock: WorkClock,
    readonly random: SeededRandom,
    readonly ears: RecordingEars,
  ) {}

  /** What the market did after each call, and nothing traded. */
  async baseline(): Promise<void> {
    const { run: { run_id }, lab: { market }, directory, ledger } = this;
    const covered = await this.#prepare();
    await this.#phase("execution", async () => {
      const rows = covered.map(({ call, ticks }) => {
        this.clock.work(this.random.between(1_500, 3_000));
        return pathRow(call, market.interval, ticks);
      });
      const { path } = await directory.writeArtifact("paths", rows);
      await ledger.emitBaselineCompleted({
        run_id,
        alerts_total: market.calls.length,
        alerts_ok: covered.length,
        artifact_path: `${directory.folder}/${path}`,
      });
      return { paths: rows.length };
    });
    const summary = { calls_processed: covered.length, calls_excluded: this.#excluded(covered) };
    await directory.markSuccess({ timing: this.#timing, summary });
  }

  /** A policy that trades each call, traced. */
  async policy(): Promise<void> {
    const { directory, ledger, run: { run_id, policy, is_killed } } = this;
    const covered = await this.#prepare();
    const tracer = await ledger.traces.open({ correlation_id: run_id });
    try {
      const trades = await this.#execute(covered, tracer);
      if (is_killed) return;
      const summary = summaryOf(trades, this.#excluded(covered));
      const metrics = metricsOf(trades);
      await directory.writeArtifact("features", equityCurve(trades));
      await directory.writeArtifact("trades", trades.map((trade) => ({ ...trade })));
      await directory.writeArtifact("summary", [summary]);
      await tracer.close();
      const { total_return, sharpe_ratio, max_drawdown, total_trades } = metrics;
      await ledger.traces.publish(run_id, {
        run_id,
        strategy_type: policy!.kind,
        metrics: { total_return, sharpe_ratio, max_drawdown, total_trades },
      });
      await directory.markSuccess({ timing: this.#timing, summary: metrics });
    } finally {
      // Of a store that was closed, nothing is left to give up.
      tracer.store?.abandon();
    }
  }

  async #execute(covered: readonly CoveredCall[], tracer: Tracer): Promise<Trade[]> {
    const { run: { run_id, policy, is_killed }, ledger } = this;
    const strategy = new TracedStrategy(run_id, policy!, this.clock, this.random, tracer);
    const trades: Trade[] = [];
    await this.#phase("execution", async () => {
      let waiting: Promise<unknown>[] = [];
      const wanted = is_killed ? covered.slice(0, covered.length >> 1) : covered;
      for (const { call, ticks } of wanted) {
        const trade = strategy.trade(call, ticks);
        trades.push(trade);
        waiting.push(ledger.emitTrialRecorded({
          run_id,
          trial_id: call.call_id,
          params: { policy_id: run_id, caller_name: call.caller_name },
          metrics: { return_bps: trade.realized_return_bps, stop_out: trade.stop_out },
        }));
        if (waiting.length < TOGETHER) continue;
        await Promise.all(waiting);
        waiting = [];
      }
      await Promise.all(waiting);
      if (is_killed) await this.ears.onHalfWay?.();
      return is_killed ? undefined : { trades: trades.length };
    });
    return trades;
  }

  /** The phases that every run begins with: which calls there are, and of which there are prices. */
  async #prepare(): Promise<CoveredCall[]> {
    const { lab: { market }, directory, clock, random } = this;
    await this.#phase("plan", async () => {
      clock.work(random.between(8_000, 16_000));
      await directory.writeArtifact("alerts", market.calls.map((call) => ({ ...call })));
      return { calls: market.calls.length };
    });
    const covered: CoveredCall[] = [];
    await this.#phase("coverage", async () => {
      const errors: Record<string, unknown>[] = [];
      for (const call of market.calls) {
        clock.work(random.between(200, 500));
        const ticks = market.ticks.get(call.call_id);
        if (ticks) covered.push({ call, ticks });
        else errors.push(this.#withoutPrices(call));
      }
      await directory.writeArtifact("errors", errors);
      return { covered: covered.length, without_prices: errors.length };
    });
    return covered;
  }

  #withoutPrices({ call_id, mint }: Call): Record<string, unknown> {
    return {
      timestamp: new Date(this.clock.now_ms).toISOString(),
      level: "warning",
      phase: "coverage",
      call_id,
      message: "no prices after this call: it is left out",
      details: { mint },
    };
  }

  #excluded(covered: readonly CoveredCall[]): number {
    return this.lab.market.calls.length - covered.length;
  }

  /** Does a phase's work between the events that tell of it; one that gives nothing has not ended. */
  async #phase(phase_name: string, work: () => Promise<JsonObject | undefined>): Promise<void> {
    const { ledger, clock, run: { run_id } } = this;
    clock.settle();
    const started_ms = clock.now_ms;
    await ledger.emitPhaseStarted({ run_id, phase_name, phase_order: this.#phases++ });
    const output_summary = await work();
    if (!output_summary) return;
    clock.settle();
    const duration_ms = clock.now_ms - started_ms;
    this.#timing[`${phase_name}_ms`] = duration_ms;
    await ledger.emitPhaseCompleted({ run_id, phase_name, duration_ms, output_summary });
  }
}
