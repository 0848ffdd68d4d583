/**
 * Group commit of metrics: points that are logged while a write is under way share the next one, and its
 * sync.
 */
import { LedgerError, quoted } from "../../base/error.ts";
import { counted } from "../../base/format.ts";
import {
  metric_step_max,
  metrics_record_points_max,
  timestamp_ms_max,
  timestamp_ms_plausible_min,
} from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import { shown } from "../artifacts/batch.ts";
import type { Finding } from "../manifest/manifest.ts";
import { isMetricName, METRIC_NAME, MetricPoints } from "./points.ts";
import { METRICS, METRICS_PATHS } from "./segments.ts";
import { type AppendedPoints, type FinishedMetrics, MetricsStore } from "./store.ts";

/** Where in a run values were measured. */
export interface MetricPlace {
  /** A step, an epoch, a window: a whole number. */
  step: number;
  /** When, milliseconds since 1970. */
  ts_ms?: number;
}

/** Runs a function while no other process changes the run, which must not have ended. */
type WithRunLocked = <T>(body: () => Promise<T>) => Promise<T>;

/**
 * What a run logs. Calls that are made while others are written share the next write, so a program that
 * logs often need not await each.
 *
 * ```ts
 * import { openLedger } from "../../mod.ts";
 *
 * const dir = await Deno.makeTempDir();
 * await using ledger = await openLedger({ dir, runs_dir: `${dir}/runs` });
 * await using run = await ledger.runs.create({ run_type: "full", owned: true });
 * await Promise.all([1, 2, 3].map((step) => run.logMetrics({ loss: 1 / step }, { step })));
 * const [{ name, values }] = await run.readMetrics();
 * if (name !== "loss" || values.length !== 3) throw new Error("lost");
 * ```
 */
export class MetricsLog {
  readonly store: MetricsStore;
  /** Groups that wait; none but the last may be added to. */
  #waiting: MetricPoints[] = [];
  /** The commit that will write them. */
  #next?: Promise<void>;
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    world: World,
    run_folder: string,
    run_id: string,
    readonly withRunLocked: WithRunLocked,
  ) {
    this.store = new MetricsStore(world, run_folder, run_id);
  }

  /** Logs values, all or none of them; they are durable when it resolves. */
  log(values: Readonly<Record<string, number>>, place: MetricPlace): Promise<void> {
    const { step, ts_ms } = place;
    const points = Object.entries(values);
    try {
      for (const [name, value] of points) checkPoint(name, value, place);
    } catch (error) {
      return Promise.reject(error);
    }
    let group = this.#waiting.at(-1);
    if (group === undefined || group.count >= metrics_record_points_max) {
      this.#waiting.push(group = new MetricPoints());
    }
    for (const [name, value] of points) group.add(name, step, value, ts_ms);
    return this.#next ??= this.#commitAfter(this.#last);
  }

  async #commitAfter(before: Promise<unknown>): Promise<void> {
    // Its own callers hear of its failure.
    await before.catch(() => {});
    const groups = this.#waiting;
    this.#waiting = [];
    this.#last = this.#next!;
    this.#next = undefined;
    await this.append(groups);
  }

  /** Appends points, and makes them durable. */
  async append(groups: readonly MetricPoints[]): Promise<AppendedPoints> {
    const goes = groups.filter(({ count }) => count > 0);
    if (goes.length === 0) return { path: METRICS_PATHS.segments, bytes: 0 };
    const { sync, ...appended } = await this.withRunLocked(() => this.store.append(goes));
    await sync();
    return appended;
  }

  /**
   * Makes one file of all points, under the run's lock; `note` gets it, and the segments go after that.
   * `noted`: publishes the file that the manifest has already. Segments beside it are of an end that was cut
   * off before the log heard of it.
   */
  async finish(
    noted: (() => Promise<void>) | undefined,
    note: (finished: FinishedMetrics, findings: Finding[]) => Promise<void>,
  ): Promise<void> {
    const { store } = this;
    const finished = await store.finish(noted !== undefined);
    if (finished) await note(finished, [...finished.findings, ...damageOf(store)]);
    else if (store.has_segments) await noted?.();
    store.clear();
  }

  /** Waits for what was logged; of failures their callers have heard. */
  async settled(): Promise<void> {
    while (this.#next) await this.#next.catch(() => {});
    await this.#last.catch(() => {});
  }
}

function damageOf({ damaged }: MetricsStore): Finding[] {
  if (damaged === 0) return [];
  const message = `${counted(damaged, "place")} of its write-ahead file held no record: what was ` +
    `there is missing, and the bytes are in ${METRICS_PATHS.damaged}`;
  return [{ kind: "odd", artifact: METRICS, message }];
}

/** Throws what of a point cannot be stored. */
function checkPoint(name: string, value: unknown, { step, ts_ms }: MetricPlace): void {
  const refuse = (what: string, given: unknown, expected: string) => {
    throw new LedgerError({
      code: "invalid",
      message: `cannot log metric ${quoted(name)}: ${what} is ${
        shown(given)
      }; it has to be ${expected}`,
      hint: "nothing of this call was stored; a value that is not known is left out",
    });
  };
  if (!isMetricName(name)) refuse("its name", name, METRIC_NAME);
  if (!Number.isFinite(value)) refuse("its value", value, "a finite number");
  if (!Number.isInteger(step) || Math.abs(step) > metric_step_max) {
    refuse("its step", step, `a whole number between ±${metric_step_max}`);
  }
  if (ts_ms === undefined) return;
  if (!Number.isInteger(ts_ms) || ts_ms < timestamp_ms_plausible_min || ts_ms > timestamp_ms_max) {
    refuse("its ts_ms", ts_ms, "milliseconds since 1970");
  }
}
