/**
 * Reconciliation: a run's artifacts held against each other. The summary has to be that of the trades, and
 * equity has to end where its returns lead; a number that is not so is a finding, with both numbers.
 */
import { join } from "@std/path";
import { asLedgerError } from "../../base/error.ts";
import type { World } from "../../base/world.ts";
import { readParquet, type Row } from "../../parquet/mod.ts";
import type { Finding, RunManifest } from "../manifest/manifest.ts";
import { readFirstRow } from "./file.ts";

/** Members of the summary, and which column of the trades each is made of. */
const OF_TRADES: readonly [member: string, aggregate: keyof typeof AGGREGATES, column: string][] = [
  ["avg_return_bps", "mean", "realized_return_bps"],
  ["median_return_bps", "median", "realized_return_bps"],
  ["stop_out_rate", "mean", "stop_out"],
  ["avg_max_adverse_excursion_bps", "mean", "max_adverse_excursion_bps"],
  ["avg_time_exposed_ms", "mean", "time_exposed_ms"],
  ["avg_tail_capture", "mean", "tail_capture"],
  ["median_tail_capture", "median", "tail_capture"],
];

/** As near as sums of doubles come to each other. */
const RELATIVE_ERROR_MAX = 1e-9;

/** What a run's artifacts disagree about. A file that cannot be read is for `verify` to report. */
export async function disagreements(
  world: World,
  folder: string,
  manifest: RunManifest,
): Promise<Finding[]> {
  const artifacts = new Artifacts(world, folder, manifest);
  const found: Finding[] = [];
  for (const look of [summaryOfTrades, equityOfReturns]) {
    try {
      found.push(...await look(artifacts, manifest));
    } catch (error) {
      if (!asLedgerError(error)) throw error;
    }
  }
  return found;
}

/** The columns of a run's artifacts. */
class Artifacts {
  constructor(readonly world: World, readonly folder: string, readonly manifest: RunManifest) {}

  async firstRow(type: string): Promise<Row | undefined> {
    const entry = this.manifest.artifacts[type];
    return entry && await readFirstRow(this.world, join(this.folder, entry.path));
  }

  /** The numbers of some columns, NaN where there is none; undefined where there is no such file. */
  async columns<Name extends string>(
    type: string,
    names: readonly Name[],
  ): Promise<Record<Name, number[]> | undefined> {
    const entry = this.manifest.artifacts[type];
    if (!entry) return undefined;
    const file = readParquet(this.world, join(this.folder, entry.path));
    const columns = names.map((name): [Name, number[]] => [name, []]);
    for await (const rows of file.batches(names)) {
      for (const [name, values] of columns) {
        for (const row of rows) values.push(numberOf(row[name]));
      }
    }
    return Object.fromEntries(columns) as Record<Name, number[]>;
  }
}

/** The first system stored some numbers as text. */
function numberOf(value: unknown): number {
  return value === null || value === undefined || value === "" ? NaN : Number(value);
}

async function summaryOfTrades(
  artifacts: Artifacts,
  { summary: noted, artifacts: entries }: RunManifest,
): Promise<Finding[]> {
  if (!entries.trades) return [];
  // The first system noted no summary in the manifest.
  const summary: Record<string, unknown> = noted ?? await artifacts.firstRow("summary") ?? {};
  const found: Finding[] = [];
  const compare = (member: string, counted: number, words: string, scale = 0) => {
    const said = numberOf(summary[member]);
    if (Number.isNaN(said) || Number.isNaN(counted)) return;
    if (Math.abs(said - counted) <= errorOf(said, counted, scale)) return;
    const message = `the summary has ${member} ${said}, and ${words} ${counted}`;
    found.push({ kind: "disagreement", artifact: "summary", column: member, message });
  };
  compare("trades_count", entries.trades.rows, "the rows of trades are");
  const given = OF_TRADES.filter(([member]) => !Number.isNaN(numberOf(summary[member])));
  const columns = await artifacts.columns("trades", [...new Set(given.map(([, , name]) => name))]);
  for (const [member, aggregate, column] of given) {
    const values = columns![column].filter((value) => !Number.isNaN(value));
    const words = `the ${aggregate} of trades' ${column} is`;
    compare(member, AGGREGATES[aggregate](values), words, mean(values.map(Math.abs)));
  }
  return found;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

const AGGREGATES = { mean, median };

async function equityOfReturns(artifacts: Artifacts): Promise<Finding[]> {
  const curve = await artifacts.columns("equity", ["ts_ms", "equity", "return"]);
  if (!curve || curve.equity.length === 0) return [];
  const { ts_ms, equity } = curve;
  const [start, end] = [equity[0], equity.at(-1)!];
  const found: Finding[] = [];
  const compare = (source: string, returns: readonly number[]) => {
    const factor = returns.reduce((product, value) => product * (1 + value), 1);
    if (Number.isNaN(factor) || !(start > 0)) return;
    const led_to = start * factor;
    if (Math.abs(end - led_to) <= errorOf(end, led_to) + factor * roundingOf(start)) return;
    const message = `equity ends at ${end}, and ${source} lead from ${start} to ${led_to}`;
    found.push({ kind: "disagreement", artifact: "equity", column: "equity", message });
  };
  // The return of the first row led there, from what stands in no row.
  compare("the returns in its own column", curve.return.slice(1));
  const returns = await artifacts.columns("returns", ["ts_ms", "return"]);
  if (returns) {
    compare("the rows of returns", returns.return.filter((_, at) => returns.ts_ms[at] > ts_ms[0]));
  }
  return found;
}

/** How far a number may be from what it stands for: a sum is as exact as the size of what is added. */
function errorOf(said: number, counted: number, scale = 0): number {
  return Math.max(RELATIVE_ERROR_MAX * Math.max(Math.abs(counted), scale), roundingOf(said));
}

/** Whole numbers this small are hardly rounded ones. */
const ROUNDED_WHOLE_MIN = 1_000;

/** Half of the last digit that a number is written with: it may have been rounded to that. */
function roundingOf(value: number): number {
  const [, fraction = "", exponent = "0"] = /(?:\.(\d+))?(?:e([-+]\d+))?$/.exec(String(value))!;
  const decimals = fraction.length - Number(exponent);
  if (decimals <= 0 && Math.abs(value) < ROUNDED_WHOLE_MIN) return 0;
  // A little more: the digits of both were doubles on their way.
  return 0.5 * 10 ** -Math.max(0, decimals) * (1 + 1e-6);
}
