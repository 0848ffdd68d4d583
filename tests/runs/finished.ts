/** Finished runs with real artifacts, for tests of what is done with many of them. */
import type { Row } from "../../src/parquet/mod.ts";
import { testWorld } from "../harness.ts";
import { GOOD } from "./rows.ts";
import { type Lab, ledgerOf } from "./runs.ts";

/** What the summary says of trades that are all like the good one. */
function ofTrades(trades_count: number): Row {
  const { realized_return_bps, max_adverse_excursion_bps, time_exposed_ms, tail_capture } =
    GOOD.trades;
  return {
    trades_count,
    avg_return_bps: realized_return_bps,
    median_return_bps: realized_return_bps,
    stop_out_rate: 0,
    avg_max_adverse_excursion_bps: max_adverse_excursion_bps,
    avg_time_exposed_ms: time_exposed_ms,
    avg_tail_capture: tail_capture,
  };
}

/** Makes a run as the library does, with these artifacts, and ends it. */
export async function finishRun(
  lab: Pick<Lab, "dir" | "runs_dir">,
  run_id: string,
  { created = "2026-01-17T10:00:00Z", calls = ["c1"], failed = false } = {},
): Promise<string> {
  const world = testWorld({ now_ms: () => Date.parse(created) });
  const ledger = ledgerOf(lab, world);
  try {
    const run = await ledger.runs.create({ run_type: "policy", run_id, git: false });
    await run.writeArtifact("alerts", calls.map((call_id) => ({ ...GOOD.alerts, call_id })));
    await run.writeArtifact(
      "trades",
      calls.map((call_id) => ({ ...GOOD.trades, run_id, call_id })),
    );
    await run.writeArtifact("summary", [{ ...GOOD.summary, ...ofTrades(calls.length), run_id }]);
    if (failed) await run.markFailed("no candles");
    else await run.markSuccess();
    return run.path;
  } finally {
    await ledger.close();
  }
}
