/** A simulated market: calls to buy a token, and what its price did for some hours after each. */
import { textDigest } from "../base/files/checksum.ts";
import { SeededRandom } from "../base/random.ts";

/** A call, as the artifact `alerts` has it. */
export interface Call {
  call_id: string;
  mint: string;
  caller_name: string;
  chain: string;
  alert_ts_ms: number;
  created_at: string;
}

/** A price at a time. */
export interface Tick {
  time_ms: number;
  price: number;
}

/** The market that all runs of a lab see. */
export interface Market {
  calls: Call[];
  /** By call. The first tick is the call's; a call without prices is not here. */
  ticks: ReadonlyMap<string, Tick[]>;
  /** Days of the first and the last call. */
  from: string;
  to: string;
  interval: string;
  fingerprint: string;
}

const CALLS = 240;
const TICKS_AFTER_CALL = 48;
const INTERVAL_MS = 300_000;
const HOUR_MS = 3_600_000;
/** The calls are of one month, and always the same: what is simulated is not today's market. */
const FIRST_CALL_MS = Date.UTC(2026, 0, 5, 8);
const SPACING_HOURS = 2.4;
const SHARE_WITHOUT_PRICES = 0.04;

/** Who calls, and what a price tends to do in the first hour after: basis points an interval. */
const CALLERS = [
  { caller_name: "ann", drift_bps: 70 },
  { caller_name: "bob", drift_bps: 15 },
  { caller_name: "eve", drift_bps: -140 },
  { caller_name: "zoe", drift_bps: 160 },
] as const;
const EXCITED_INTERVALS = 12;
/** After that hour it goes down, as such prices do. */
const FADING_BPS = -40;
const VOLATILITY_BPS = 420;
const BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/** Makes a market from a seed. */
export function makeMarket(seed: number): Market {
  const random = SeededRandom.of(seed, "market");
  const calls: Call[] = [];
  const ticks = new Map<string, Tick[]>();
  for (let number = 1; number <= CALLS; number++) {
    const { caller_name, drift_bps } = random.pick(CALLERS);
    const waited_ms = (number - 1 + random.fraction()) * SPACING_HOURS * HOUR_MS;
    const alert_ts_ms = FIRST_CALL_MS + Math.round(waited_ms / 1000) * 1000;
    const call_id = `c${String(number).padStart(3, "0")}`;
    calls.push({
      call_id,
      mint: Array.from({ length: 44 }, () => random.pick([...BASE58])).join(""),
      caller_name,
      chain: "sol",
      alert_ts_ms,
      created_at: new Date(alert_ts_ms).toISOString(),
    });
    const path = pathAfter(alert_ts_ms, drift_bps, random);
    if (random.fraction() >= SHARE_WITHOUT_PRICES) ticks.set(call_id, path);
  }
  const dayOf = ({ alert_ts_ms }: Call) => new Date(alert_ts_ms).toISOString().slice(0, 10);
  return {
    calls,
    ticks,
    from: dayOf(calls[0]),
    to: dayOf(calls.at(-1)!),
    interval: "5m",
    fingerprint: textDigest(JSON.stringify([calls, [...ticks]])),
  };
}

/** A price that wanders, upwards while people are excited and downwards when they are not any more. */
function pathAfter(alert_ts_ms: number, drift_bps: number, random: SeededRandom): Tick[] {
  let price = 10 ** random.between(-5, -1);
  const path = [{ time_ms: alert_ts_ms, price: roundedPrice(price) }];
  for (let interval = 1; interval <= TICKS_AFTER_CALL; interval++) {
    const tendency_bps = interval <= EXCITED_INTERVALS ? drift_bps : FADING_BPS;
    price *= Math.exp((tendency_bps + VOLATILITY_BPS * random.normal()) / 10_000);
    const time_ms = alert_ts_ms + interval * INTERVAL_MS;
    path.push({ time_ms, price: roundedPrice(price) });
  }
  return path;
}

/** A price with as many digits as an exchange gives it. */
export function roundedPrice(price: number): number {
  return Number(price.toPrecision(6));
}

/** A change between two prices. */
export function returnBps(from_px: number, to_px: number): number {
  return roundedBps((to_px / from_px - 1) * 10_000);
}

/** Basis points with two decimals. */
export function roundedBps(bps: number): number {
  return Math.round(bps * 100) / 100 + 0;
}

/** What the market did after a call, as the artifact `paths` has it. */
export function pathRow(call: Call, interval: string, ticks: readonly Tick[]) {
  const [{ price: p0 }, ...later] = ticks;
  const timeTo = (multiple: number) => {
    const tick = later.find(({ price }) => price >= multiple * p0);
    return tick ? tick.time_ms - call.alert_ts_ms : null;
  };
  const [t_2x_ms, t_3x_ms, t_4x_ms] = [2, 3, 4].map(timeTo);
  const drawdownUntil = (time_ms: number) => {
    const lowest = Math.min(
      ...ticks.filter((tick) => tick.time_ms <= time_ms).map(({ price }) => price),
    );
    return -returnBps(p0, lowest) + 0;
  };
  return {
    call_id: call.call_id,
    caller_name: call.caller_name,
    mint: call.mint,
    chain: call.chain,
    interval,
    alert_ts_ms: call.alert_ts_ms,
    p0,
    hit_2x: t_2x_ms !== null,
    t_2x_ms,
    hit_3x: t_3x_ms !== null,
    t_3x_ms,
    hit_4x: t_4x_ms !== null,
    t_4x_ms,
    dd_bps: drawdownUntil(Infinity),
    dd_to_2x_bps: t_2x_ms === null ? null : drawdownUntil(call.alert_ts_ms + t_2x_ms),
    alert_to_activity_ms: later[0].time_ms - call.alert_ts_ms,
    peak_multiple: Math.max(...ticks.map(({ price }) => price)) / p0,
  };
}
