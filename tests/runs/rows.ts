/** Good rows of every artifact type, and storing them the way the tests want it. */
import { assert } from "@std/assert";
import { join } from "@std/path";
import { LedgerError } from "../../src/base/error.ts";
import type { World } from "../../src/base/world.ts";
import { type ArtifactToWrite, writeArtifactFile } from "../../src/runs/artifacts/file.ts";
import type { InputFormat } from "../../src/runs/artifacts/input.ts";
import { artifactDefinition, type ArtifactType } from "../../src/runs/artifacts/definitions.ts";
import type { Row } from "../../src/parquet/mod.ts";
import { testWorld } from "../harness.ts";

/** The run that rows are stored for. */
export const RUN = "run-1";

const TS = 1_704_067_200_000;

/** A good row of every type, every column filled. */
export const GOOD: Readonly<Record<ArtifactType, Row>> = {
  alerts: {
    call_id: "c1",
    mint: "So111",
    caller_name: "brook",
    chain: "solana",
    alert_ts_ms: TS,
    created_at: "2024-01-01T00:00:00Z",
  },
  paths: {
    run_id: RUN,
    call_id: "c1",
    caller_name: "brook",
    mint: "So111",
    chain: "solana",
    interval: "5m",
    alert_ts_ms: TS,
    p0: 0.25,
    hit_2x: true,
    t_2x_ms: 60_000,
    hit_3x: true,
    t_3x_ms: 90_000,
    hit_4x: false,
    t_4x_ms: null,
    dd_bps: -1200.5,
    dd_to_2x_bps: -300,
    alert_to_activity_ms: 1_500,
    peak_multiple: 3.5,
  },
  features: { run_id: RUN, call_id: "c1", momentum: 0.5, holders: 12, is_new: true, dex: "ray" },
  trades: {
    run_id: RUN,
    policy_id: "p1",
    call_id: "c1",
    entry_ts_ms: TS,
    entry_px: 0.25,
    exit_ts_ms: TS + 5_000,
    exit_px: 0.5,
    exit_reason: "target",
    realized_return_bps: 10_000,
    stop_out: false,
    max_adverse_excursion_bps: -120.25,
    time_exposed_ms: 5_000,
    tail_capture: 0.75,
  },
  summary: {
    run_id: RUN,
    calls_processed: 10,
    calls_excluded: 1,
    trades_count: 9,
    avg_return_bps: 120.5,
    median_return_bps: 80,
    stop_out_rate: 0.25,
    avg_max_adverse_excursion_bps: -300,
    avg_time_exposed_ms: 5_000.5,
    avg_tail_capture: 0.5,
    median_tail_capture: null,
  },
  frontier: {
    run_id: RUN,
    caller_name: "brook",
    policy_params: '{"kind":"fixed_stop","stop_loss_bps":500}',
    meets_constraints: true,
    objective_score: 1.5,
    avg_return_bps: 120.5,
    median_return_bps: 80,
    stop_out_rate: 0.25,
    rank: 1,
  },
  errors: {
    run_id: RUN,
    timestamp: "2024-01-01T00:00:00Z",
    level: "warning",
    phase: "simulate",
    call_id: "c1",
    message: "no candles",
    details: '{"tried":["5m","1m"]}',
  },
  equity: {
    run_id: RUN,
    ts_ms: TS,
    equity: 10_250.5,
    return: 0.0125,
    drawdown: 0.05,
    exposure: 0.8,
    benchmark: 10_100,
  },
  returns: { run_id: RUN, ts_ms: TS, return: 0.0125 },
  positions: {
    run_id: RUN,
    ts_ms: TS,
    symbol: "AAPL",
    quantity: -120,
    price: 187.25,
    value: -22_470,
  },
  metrics: { run_id: RUN, name: "loss", step: 12, value: 0.0625, ts_ms: TS },
};

/** A good row with some of its columns different; undefined takes one out. */
export function rowOf(type: ArtifactType, different: Row = {}): Row {
  const row = { ...GOOD[type], ...different };
  for (const name of Object.keys(different)) if (different[name] === undefined) delete row[name];
  return row;
}

/** Stores rows of a type for the run. */
export function store(
  folder: string,
  type: ArtifactType,
  source: ArtifactToWrite["source"],
  world: World = testWorld(),
) {
  const target = join(folder, "out.parquet");
  return writeArtifactFile(world, {
    definition: artifactDefinition(type),
    run_id: RUN,
    target,
    source,
  });
}

/** Stores what a text says. */
export function storeText(
  folder: string,
  type: ArtifactType,
  text: string | Uint8Array,
  format?: InputFormat,
) {
  return store(folder, type, { stdin: true, format }, testWorld({ stdin: text }));
}

/** The error that storing ends with. */
export async function refusal(stored: Promise<unknown>): Promise<LedgerError> {
  try {
    await stored;
  } catch (error) {
    assert(error instanceof LedgerError, `${error}`);
    return error;
  }
  throw new Error("it was stored");
}
