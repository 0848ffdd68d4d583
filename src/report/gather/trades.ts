/** What the trades of runs came to: of the best runs one by one, and of policies over all runs. */
import { join, resolve } from "@std/path";
import { roundStep } from "../../base/format.ts";
import { report_histogram_bins, report_policies_max } from "../../base/limits.ts";
import type { Database } from "../../duckdb/connection.ts";
import { ledgerPaths } from "../../log/mod.ts";
import { artifactDefinition } from "../../runs/artifacts/definitions.ts";
import { createArtifactViews } from "../../runs/catalog/artifact_views.ts";
import { typedRows } from "../../runs/catalog/typed_rows.ts";
import {
  type BinEdges,
  type CurvePoint,
  type DrawnReturns,
  type Found,
  missing,
  type PolicyReturns,
  type ReportRun,
  type RunDetails,
  type RunReturns,
  there,
  type TradesData,
} from "./data.ts";
import { drawnMax } from "./runs.ts";
import {
  CURVE_BINS,
  CURVES,
  MAKE_TRADES,
  POLICIES,
  RETURN_BINS,
  RETURN_RANGE,
  RUN_RETURNS,
  TAKEN_RUNS,
  takeTrades,
  TRADE_COUNTS,
  TRADING_RUNS,
} from "./queries.ts";
import { rowsOf, type Sources } from "./sources.ts";

const NO_TRADES = missing(
  "None of these runs has trades.",
  "ledger artifacts put my-run trades trades.csv && ledger rebuild",
);

const TRADES = artifactDefinition("trades");

/** Reads the trades once, from the runs' own folders; of runs that have none there, from beside the log. */
export async function readTrades(
  sources: Sources,
  named?: readonly string[],
  onNotice?: (message: string) => void,
): Promise<Found<Trades>> {
  const { world, ledger, index, catalog } = sources;
  if (catalog.kind === "unreadable") return catalog;
  const database = catalog.kind === "there" ? catalog : index;
  const beside = filesBeside(sources, named);
  if (database.kind !== "there" && beside.size > 0) return database;
  if (database.kind !== "there" || (catalog.kind === "missing" && beside.size === 0)) {
    return catalog.kind === "missing" && ledger.runs.exists() ? catalog : NO_TRADES;
  }
  const trades = database.value;
  const wanted = named ? JSON.stringify(named) : null;
  await trades.run(MAKE_TRADES);
  if (catalog.kind === "there") {
    const runs_dir = resolve(world.cwd(), ledger.runs.dir);
    await createArtifactViews(world, trades, runs_dir, [TRADES], { onNotice });
    await trades.run(takeTrades("trades", false), [wanted]);
    for (const { run_id } of await rowsOf<{ run_id: string }>(trades, TAKEN_RUNS)) {
      beside.delete(run_id);
    }
  }
  if (beside.size > 0) {
    const ids = JSON.stringify([...beside.keys()]);
    const { sql } = await typedRows(trades, TRADES, [...beside.values()]);
    await trades.run(takeTrades(sql, true), [ids]);
  }
  const [counts] = await rowsOf<TradeCounts>(trades, TRADE_COUNTS);
  if (counts.trades_total + counts.without_return === 0) return NO_TRADES;
  return there({ database: trades, ...counts });
}

/** A database in which the trades of the report stand. */
type Trades = { database: Database } & TradeCounts;

type TradeCounts = Omit<TradesData, "drawn" | "edges" | "policies"> & { losses_total: number };

/** The trades that `artifacts put` stored, by their run. */
function filesBeside({ world, ledger }: Sources, named?: readonly string[]): Map<string, string> {
  const folder = resolve(world.cwd(), ledgerPaths(ledger.dir).run_artifacts);
  const wanted = named && new Set(named);
  const files = new Map<string, string>();
  for (const { name, is_folder } of world.files.list(folder) ?? []) {
    if (!is_folder || (wanted && !wanted.has(name))) continue;
    const path = join(folder, name, "trades.parquet");
    if (world.files.facts(path)?.is_file) files.set(name, path);
  }
  return files;
}

/** The runs whose returns come to most; those that did not complete come last. */
export async function bestRuns(
  { database }: Trades,
  runs: readonly ReportRun[],
  named?: readonly string[],
): Promise<ReportRun[]> {
  const by_id = new Map(runs.map((run) => [run.run_id, run]));
  const best = (await rowsOf<{ run_id: string }>(database, TRADING_RUNS))
    .flatMap(({ run_id }) => by_id.get(run_id) ?? []);
  const is_complete = ({ status }: ReportRun) => Number(status === "completed");
  return best.sort((a, b) => is_complete(b) - is_complete(a)).slice(0, drawnMax(named));
}

/** What the trades came to, of some runs one by one. */
export async function gatherTrades(
  { database, ...counts }: Trades,
  runs: readonly (ReportRun & RunDetails)[],
): Promise<TradesData> {
  const ids = JSON.stringify(runs.map(({ run_id }) => run_id));
  const edges = await binEdges(database, ids);
  return {
    drawn: await drawnReturns(database, runs, ids, edges),
    edges,
    ...counts,
    policies: await rowsOf<PolicyReturns>(database, POLICIES, [report_policies_max]),
  };
}

/** What the trades of some runs came to, by run. */
export async function returnsOf(
  database: Database,
  run_ids: readonly string[],
): Promise<Map<string, RunReturns>> {
  const rows = await rowsOf<RunReturns>(database, RUN_RETURNS, [JSON.stringify(run_ids)]);
  return new Map(rows.map((row) => [row.run_id, row]));
}

/** Periods that all runs share, so that they can be compared, from about the 1st to the 99th percentile. */
async function binEdges(database: Database, ids: string): Promise<BinEdges> {
  const [{ p01_bps, p99_bps }] = await rowsOf<{ p01_bps: number | null; p99_bps: number | null }>(
    database,
    RETURN_RANGE,
    [ids],
  );
  const low = Math.min(p01_bps ?? 0, 0);
  const high = Math.max(p99_bps ?? 0, 0);
  const step_bps = roundStep(high > low ? high - low : 10, report_histogram_bins);
  // Zero is an edge: no period holds both gains and losses.
  const first = Math.floor(low / step_bps);
  const last = Math.max(first + 1, Math.ceil(high / step_bps + 1e-9));
  return { from_bps: first * step_bps, step_bps, count: last - first };
}

async function drawnReturns(
  database: Database,
  runs: readonly (ReportRun & RunDetails)[],
  ids: string,
  { from_bps, step_bps, count }: BinEdges,
): Promise<DrawnReturns[]> {
  const figures = await returnsOf(database, runs.map(({ run_id }) => run_id));
  type BinRow = { run_id: string; bin: number; trades: number };
  const bins = Map.groupBy(
    await rowsOf<BinRow>(database, RETURN_BINS, [ids, from_bps, step_bps, count]),
    ({ run_id }) => run_id,
  );
  const points = Map.groupBy(
    await rowsOf<CurvePoint & { run_id: string }>(database, CURVES, [ids, CURVE_BINS]),
    ({ run_id }) => run_id,
  );
  return runs.map((run) => {
    const { run_id } = run;
    const counts = new Array<number>(count).fill(0);
    for (const { bin, trades } of bins.get(run_id) ?? []) counts[bin] = trades;
    return { ...run, ...figures.get(run_id)!, bins: counts, curve: points.get(run_id) ?? [] };
  });
}
