/** What a run of a policy came to, from its trades. */
import { roundedBps } from "./market.ts";
import { CAPITAL_USD, STAKE_USD, type Trade } from "./strategy.ts";

/** A run in one row, as the artifact `summary` has it. */
export function summaryOf(trades: readonly Trade[], calls_excluded: number) {
  const captures = trades.map(({ tail_capture }) => tail_capture);
  const returns_bps = trades.map(({ realized_return_bps }) => realized_return_bps);
  return {
    calls_processed: trades.length,
    calls_excluded,
    trades_count: trades.length,
    avg_return_bps: roundedBps(mean(returns_bps)),
    median_return_bps: roundedBps(median(returns_bps)),
    stop_out_rate: rounded(mean(trades.map(({ stop_out }) => Number(stop_out))), 4),
    avg_max_adverse_excursion_bps: roundedBps(
      mean(trades.map(({ max_adverse_excursion_bps }) => max_adverse_excursion_bps)),
    ),
    avg_time_exposed_ms: Math.round(mean(trades.map(({ time_exposed_ms }) => time_exposed_ms))),
    avg_tail_capture: rounded(mean(captures), 4),
    median_tail_capture: rounded(median(captures), 4),
  };
}

/** How capital went, trade after trade. */
export function equityCurve(trades: readonly Trade[]): { call_id: string; equity_usd: number }[] {
  let total_bps = 0;
  return trades.map(({ call_id, realized_return_bps }) => {
    total_bps += realized_return_bps;
    return { call_id, equity_usd: equityAfter(total_bps) };
  });
}

/** Metrics that stand beside the summary's row. */
export function metricsOf(trades: readonly Trade[]) {
  const returns_bps = trades.map(({ realized_return_bps }) => realized_return_bps);
  const total_return_bps = roundedBps(returns_bps.reduce((sum, bps) => sum + bps, 0));
  const equity_end_usd = equityAfter(total_return_bps);
  const average_bps = mean(returns_bps);
  const spread_bps = Math.sqrt(mean(returns_bps.map((bps) => (bps - average_bps) ** 2)));
  return {
    total_return_bps,
    equity_start_usd: CAPITAL_USD,
    equity_end_usd,
    total_return: rounded(equity_end_usd / CAPITAL_USD - 1, 6),
    sharpe_ratio: spread_bps === 0 ? 0 : rounded(average_bps / spread_bps, 4),
    max_drawdown: rounded(deepestFall(equityCurve(trades).map(({ equity_usd }) => equity_usd)), 6),
    total_trades: trades.length,
  };
}

function equityAfter(total_bps: number): number {
  return rounded(CAPITAL_USD + STAKE_USD * total_bps / 10_000, 4);
}

function deepestFall(curve: readonly number[]): number {
  let peak = CAPITAL_USD;
  let deepest = 0;
  for (const equity of curve) {
    peak = Math.max(peak, equity);
    deepest = Math.max(deepest, 1 - equity / peak);
  }
  return deepest;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function rounded(value: number, decimals: number): number {
  return Math.round(value * 10 ** decimals) / 10 ** decimals + 0;
}
