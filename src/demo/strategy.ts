/**
 * A toy strategy on a traced bus: a SIGNAL becomes an ORDER, the order a FILL, and the position is
 * watched until an exit becomes an ORDER and a FILL again. Trades are made of the fills and nothing
 * else, so that a trace and the table of trades cannot disagree.
 */
import { type EventBus, TracedEventBus } from "../trace/record/bus.ts";
import type { TracedEvent } from "../trace/event/event.ts";
import type { Tracer } from "../trace/record/tracer.ts";
import { type Call, returnBps, roundedPrice, type Tick } from "./market.ts";
import { type Exit, exitOf, type Policy, SLIPPAGE_BPS } from "./policies.ts";
import type { SeededRandom } from "../base/random.ts";
import type { WorkClock } from "./work.ts";

/** What a strategy begins with, and puts into each trade. */
export const CAPITAL_USD = 10_000;
/** See `CAPITAL_USD`. */
export const STAKE_USD = 100;

/** A row of the artifact `trades`. */
export interface Trade {
  policy_id: string;
  call_id: string;
  entry_ts_ms: number;
  entry_px: number;
  exit_ts_ms: number;
  exit_px: number;
  exit_reason: string;
  realized_return_bps: number;
  stop_out: boolean;
  max_adverse_excursion_bps: number;
  time_exposed_ms: number;
  tail_capture: number;
}

/** A bus on which messages wait for those before them, and travel for a while. */
class QueuedBus extends EventTarget implements EventBus {
  readonly #queue: Event[] = [];

  constructor(readonly clock: WorkClock, readonly random: SeededRandom) {
    super();
  }

  override dispatchEvent(event: Event): boolean {
    this.#queue.push(event);
    return true;
  }

  /** Delivers what waits, and what comes of that, until nothing waits any more. */
  deliver(): void {
    for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
      this.clock.work(this.random.between(20, 120));
      super.dispatchEvent(next);
    }
  }
}

/** How long the parts of a strategy usually work on an event, microseconds. */
const WORK_US = { signal: 400, order: 700, fill: 1_900, exit: 900, books: 150 } as const;
/** How long a look at one more price takes. */
const LOOK_US = 90;
/** Now and then something is in the way. */
const SLOW_SHARE = 0.03;
const SLOW_FACTOR = 6;

/** One fill, as it goes over the bus. */
interface Fill {
  call_id: string;
  side: "buy" | "sell";
  price: number;
  quantity: number;
  reason?: Exit["reason"];
}

/** Trades call after call, and traces each step. */
export class TracedStrategy {
  equity_usd = CAPITAL_USD;
  readonly #queue: QueuedBus;
  readonly #bus: TracedEventBus;
  #call!: Call;
  #ticks!: readonly Tick[];
  #fills: { fill: Fill; time_ms: number }[] = [];

  constructor(
    readonly policy_id: string,
    readonly policy: Policy,
    readonly clock: WorkClock,
    readonly random: SeededRandom,
    tracer: Tracer,
  ) {
    this.#queue = new QueuedBus(clock, random);
    this.#bus = new TracedEventBus("strategy", tracer, this.#queue);
    this.#bus.subscribe("SIGNAL", () => this.#order("buy", this.#call.alert_ts_ms));
    this.#bus.subscribe("ORDER", ({ data }, { traced }) => this.#fill(data as never, traced!));
    this.#bus.subscribe("FILL", ({ data }, { traced }) => this.#filled(data as never, traced!));
    for (const type of ["RISK_BREACH", "EXIT"]) {
      this.#bus.subscribe(type, ({ data }, { traced }) => {
        this.#order("sell", timeOf(traced!), (data as { reason: Exit["reason"] }).reason);
      });
    }
    this.#bus.subscribe("PORTFOLIO", () => this.#work("books"));
  }

  /** Follows a call to the end of its trade. */
  trade(call: Call, ticks: readonly Tick[]): Trade {
    this.#call = call;
    this.#ticks = ticks;
    this.#fills = [];
    this.#work("signal");
    const { call_id, caller_name, mint } = call;
    this.#publish("SIGNAL", "signal", call.alert_ts_ms, "signals", { call_id, caller_name, mint });
    this.#queue.deliver();
    const [entry, exit] = this.#fills;
    const [entry_px, exit_px] = [entry.fill.price, exit.fill.price];
    const reason = exit.fill.reason!;
    const held = ticks.filter(({ time_ms }) => time_ms <= exit.time_ms).map(({ price }) => price);
    const peak_px = Math.max(...ticks.map(({ price }) => price));
    return {
      policy_id: this.policy_id,
      call_id,
      entry_ts_ms: entry.time_ms,
      entry_px,
      exit_ts_ms: exit.time_ms,
      exit_px,
      exit_reason: reason,
      realized_return_bps: returnBps(entry_px, exit_px),
      stop_out: reason === "stop" || reason === "trail",
      max_adverse_excursion_bps: Math.max(0, -returnBps(entry_px, Math.min(...held, exit_px))),
      time_exposed_ms: exit.time_ms - entry.time_ms,
      tail_capture: Math.round(exit_px / peak_px * 10_000) / 10_000,
    };
  }

  #order(side: Fill["side"], time_ms: number, reason?: Exit["reason"]): void {
    this.#work("order");
    const price = this.#seenAt(time_ms);
    const quantity = side === "buy" ? STAKE_USD / this.#slipped(side, price) : this.#held();
    const { call_id } = this.#call;
    this.#publish(
      "ORDER",
      side === "buy" ? "buy" : "sell",
      time_ms,
      "portfolio",
      { call_id, side, quantity, ...(reason ? { reason } : {}) },
    );
  }

  #fill(order: Omit<Fill, "price">, ordered: TracedEvent): void {
    this.#work("fill");
    const time_ms = timeOf(ordered);
    const price = this.#slipped(order.side, this.#seenAt(time_ms));
    const step = order.side === "buy" ? "bought" : "sold";
    this.#publish("FILL", step, time_ms, "execution", { ...order, price });
  }

  #filled(fill: Fill, filled: TracedEvent): void {
    const time_ms = timeOf(filled);
    this.#fills.push({ fill, time_ms });
    if (fill.side === "buy") this.#watch(fill.price);
    else this.#account(time_ms);
  }

  /** Looks at price after price until the policy says that it is enough. */
  #watch(entry_px: number): void {
    const { tick, reason } = exitOf(this.policy, entry_px, this.#ticks);
    this.clock.work(LOOK_US * this.#ticks.indexOf(tick));
    this.#work("exit");
    const event_type = reason === "stop" || reason === "trail" ? "RISK_BREACH" : "EXIT";
    const { call_id } = this.#call;
    this.#publish(event_type, "exit", tick.time_ms, "risk", { call_id, reason, price: tick.price });
  }

  #account(time_ms: number): void {
    this.#work("books");
    const [entry, exit] = this.#fills.map(({ fill }) => fill.price);
    const return_bps = returnBps(entry, exit);
    const profit_usd = roundedUsd(STAKE_USD * return_bps / 10_000);
    this.equity_usd = roundedUsd(this.equity_usd + profit_usd);
    const { call_id } = this.#call;
    const { equity_usd } = this;
    this.#publish("PORTFOLIO", "booked", time_ms, "portfolio", { call_id, profit_usd, equity_usd });
  }

  #publish(
    event_type: string,
    step: string,
    time_ms: number,
    source: string,
    data: Record<string, unknown>,
  ): void {
    const event_id = eventId(this.policy_id, this.#call.call_id, step);
    this.#bus.publish({ event_type, event_id, timestamp: time_ms * 1000, data }, source);
  }

  #seenAt(time_ms: number): number {
    return this.#ticks.find((tick) => tick.time_ms >= time_ms)!.price;
  }

  #slipped(side: Fill["side"], price: number): number {
    const direction = side === "buy" ? 1 : -1;
    return roundedPrice(price * (1 + direction * SLIPPAGE_BPS / 10_000));
  }

  #held(): number {
    return this.#fills[0].fill.quantity;
  }

  #work(on: keyof typeof WORK_US): void {
    const slowed = this.random.fraction() < SLOW_SHARE ? SLOW_FACTOR : 1;
    this.clock.work(WORK_US[on] * this.random.between(0.6, 1.6) * slowed);
  }
}

/** An event's name for people: whose it is, about which call, and which step. */
export function eventId(run_id: string, call_id: string, step: string): string {
  return `${run_id}.${call_id}.${step}`;
}

/** A hundredth of a basis point of what is staked: so sums are exact, in whatever order they are made. */
function roundedUsd(usd: number): number {
  return Math.round(usd * 10_000) / 10_000;
}

function timeOf(event: TracedEvent): number {
  return event.timestamp / 1000;
}
