/** Policies: when a position that follows a call is closed, and why. */
import type { Tick } from "./market.ts";

/** A policy, as a manifest's parameters say it. */
export type Policy =
  | { kind: "fixed_stop"; stop_loss_bps: number; take_profit_bps: number }
  | { kind: "trailing_stop"; trail_bps: number };

/** Why a position was closed. */
type ExitReason = "stop" | "target" | "trail" | "time";

/** How a position ends. */
export interface Exit {
  tick: Tick;
  reason: ExitReason;
}

/** What an entry and an exit pay more, and get less, than the price that was seen. */
export const SLIPPAGE_BPS = 30;

/** Where a policy closes a position that was opened at the first of these ticks. */
export function exitOf(policy: Policy, entry_px: number, ticks: readonly Tick[]): Exit {
  let peak_px = entry_px;
  for (const tick of ticks.slice(1)) {
    const reason = reasonToExit(policy, entry_px, peak_px, tick.price);
    if (reason) return { tick, reason };
    peak_px = Math.max(peak_px, tick.price);
  }
  return { tick: ticks.at(-1)!, reason: "time" };
}

function reasonToExit(
  policy: Policy,
  entry_px: number,
  peak_px: number,
  price: number,
): ExitReason | undefined {
  if (policy.kind === "trailing_stop") {
    return price <= peak_px * (1 - policy.trail_bps / 10_000) ? "trail" : undefined;
  }
  if (price <= entry_px * (1 - policy.stop_loss_bps / 10_000)) return "stop";
  return price >= entry_px * (1 + policy.take_profit_bps / 10_000) ? "target" : undefined;
}
