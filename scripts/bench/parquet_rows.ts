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
