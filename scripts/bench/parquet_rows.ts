/** The load: a million trades that look like trades, the same every time. */

/** The run that they belong to. */
export const RUN_ID = "0b5f3a52-6c0e-4a41-9d36-2d6f7c0e8a11";

/** The k-th trade. */
export function tradeOf(k: number): Record<string, unknown> {
  const entry_ts_ms = 1_700_000_000_000 + k * 997;
  const time_exposed_ms = (k * 7919) % 86_400_000;
  const entry_px = ((k * 7919) % 10_007 + 1) / 10_000;
  const multiple = ((k * 104_729) % 40_009 + 1) / 10_000;
  return {
    run_id: RUN_ID,
    policy_id: "fixed-stop-5pct",
    call_id: `call-${k.toString(36).padStart(8, "0")}`,
    entry_ts_ms,
    entry_px,
    exit_ts_ms: entry_ts_ms + time_exposed_ms,
    exit_px: entry_px * multiple,
    exit_reason: ["stop", "target", "time"][k % 3],
    realized_return_bps: (multiple - 1) * 10_000,
    stop_out: k % 3 === 0,
    max_adverse_excursion_bps: -((k * 31) % 50_000) / 10,
    time_exposed_ms,
    tail_capture: k % 5 === 0 ? null : ((k * 13) % 1_000) / 1_000,
  };
}

/** So many trades. */
export function* trades(count: number): Generator<Record<string, unknown>> {
  for (let k = 0; k < count; k++) yield tradeOf(k);
}

/** So many trades as SQL: the same values as `tradeOf` makes, by the same arithmetic. */
export function tradesSql(count: number): string {
  return `select '${RUN_ID}' as run_id, 'fixed-stop-5pct' as policy_id,
  'call-' || lpad(lower(to_base(k, 36)), 8, '0') as call_id,
  1700000000000 + k * 997 as entry_ts_ms,
  ((k * 7919) % 10007 + 1) / 10000 as entry_px,
  1700000000000 + k * 997 + (k * 7919) % 86400000 as exit_ts_ms,
  ((k * 7919) % 10007 + 1) / 10000 * (((k * 104729) % 40009 + 1) / 10000) as exit_px,
  (['stop', 'target', 'time'])[k % 3 + 1] as exit_reason,
  (((k * 104729) % 40009 + 1) / 10000 - 1) * 10000 as realized_return_bps,
  k % 3 = 0 as stop_out,
  -((k * 31) % 50000) / 10 as max_adverse_excursion_bps,
  (k * 7919) % 86400000 as time_exposed_ms,
  case when k % 5 > 0 then ((k * 13) % 1000) / 1000 end as tail_capture
from range(${count}) t(k)`;
}
