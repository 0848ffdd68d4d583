/** What a report is made from. All of it is data: the page is a function of this and nothing else. */
import type { LedgerError } from "../../base/error.ts";
import type { PathEnd, PathStep } from "../../trace/ask/lineage.ts";
import type { TypeDurations } from "../../trace/ask/type_latency.ts";

/** What a report is about: the runs that are named, and those that fit; all, where neither is said. */
export interface ReportOptions {
  /** Ids, or the beginnings of them. */
  runs?: readonly string[];
  /** A filter, as `ledger runs query --where` takes it. */
  where?: string;
  /** The order in which runs are taken, and how many at most. */
  sort?: string;
  limit?: number;
  /** Gets what is worth a line: a name in the filter that no run has, values that cannot be read. */
  onNotice?: (message: string) => void;
}

/** What was found, or why there is nothing to show. */
export type Found<Value> =
  | { kind: "there"; value: Value }
  /** It is not recorded yet; what records it. */
  | { kind: "missing"; words: string; command: string }
  /** It is there, and could not be read. */
  | { kind: "unreadable"; problem: LedgerError };

/** Something that was found. */
export function there<Value>(value: Value): Found<Value> {
  return { kind: "there", value };
}

/** Something that is not recorded yet, and the command that records it. */
export function missing(words: string, command: string): Found<never> {
  return { kind: "missing", words, command };
}

/** A run, as far as all runs are looked at. */
export interface ReportRun {
  run_id: string;
  /** As people call it, and the group that it belongs to. */
  name: string | null;
  group: string | null;
  run_type: string | null;
  status: string;
  /** When it was created, or first heard of. */
  at_ms: number | null;
  started_at_ms: number | null;
  /** Of a run that died: its last sign of life. */
  ended_at_ms: number | null;
  /** As its manifest or its end says. */
  total_ms: number | null;
}

/** What the page says of a run that it shows by itself. */
export interface RunDetails {
  error: string | null;
  tags: string[];
  pin: boolean;
  phases: number;
  trials: number;
  params: Record<string, unknown> | null;
  /** As its summary says. */
  sharpe: number | null;
  git_commit: string | null;
  git_branch: string | null;
  git_dirty: boolean | null;
}

/** A run that is listed by itself. */
export interface ListedRun extends ReportRun, RunDetails {
  /** Undefined where it has none, or trades could not be looked at. */
  returns?: RunReturns;
}

/** A phase of a run. Times are null where the log does not tell them. */
export interface Phase {
  phase_name: string;
  started_at_ms: number | null;
  completed_at_ms: number | null;
  duration_ms: number | null;
}

/** The phases of one run. */
export interface RunPhases extends ReportRun {
  phases: Phase[];
  /** How many there are, of which these are the first. */
  phases_total: number;
}

/** A phase over all runs that have it. */
export interface PhaseTotal {
  phase_name: string;
  runs: number;
  /** How often it ended with a duration: all that follows is of these. */
  times: number;
  not_ended: number;
  median_ms: number | null;
  mean_ms: number | null;
  max_ms: number | null;
  total_ms: number | null;
}

/** What there is of phases. */
export interface PhasesData {
  drawn: RunPhases[];
  runs_total: number;
  totals: PhaseTotal[];
  names_total: number;
}

/** What a set of trades came to, in basis points. */
interface ReturnFigures {
  trades: number;
  win_rate: number;
  stop_out_rate: number;
  mean_bps: number;
  p05_bps: number;
  p25_bps: number;
  median_bps: number;
  p75_bps: number;
  p95_bps: number;
  worst_bps: number;
  best_bps: number;
  sum_bps: number;
}

/** What a run's trades came to. */
export interface RunReturns extends ReturnFigures {
  run_id: string;
  /** The deepest fall of the sum below where it stood before. */
  drawdown_bps: number;
}

/** A point of a curve. */
export interface CurvePoint {
  at_ms: number;
  sum_bps: number;
}

/** A run's trades, drawn. */
export interface DrawnReturns extends ReportRun, RunDetails, RunReturns {
  /** How many trades fall into each period of the histogram. */
  bins: number[];
  curve: CurvePoint[];
}

/** The periods of a histogram; the outermost hold what lies beyond, too. */
export interface BinEdges {
  from_bps: number;
  step_bps: number;
  count: number;
}

/** What a policy's trades came to, over all runs. */
export interface PolicyReturns extends ReturnFigures {
  policy_id: string | null;
  runs: number;
  mean_excursion_bps: number | null;
  mean_exposed_ms: number | null;
}

/** What there is of trades. */
export interface TradesData {
  drawn: DrawnReturns[];
  edges: BinEdges;
  runs_total: number;
  policies: PolicyReturns[];
  policies_total: number;
  trades_total: number;
  /** Trades whose return is no finite number. */
  without_return: number;
  /** How many runs' trades came out of `artifacts/runs/`, not out of the run's own folder. */
  runs_beside: number;
}

/** A trade that lost, and what led to it. */
export interface Loss {
  run_id: string;
  policy_id: string | null;
  call_id: string;
  entry_ts_ms: number;
  exit_ts_ms: number;
  exit_reason: string | null;
  realized_return_bps: number;
  max_adverse_excursion_bps: number | null;
  /** How the fill was looked for, and what came of it. */
  lineage: Found<LossLineage>;
}

/** The chain of causes of a fill. */
export interface LossLineage {
  fill_id: string;
  /** How many fills the call has in the run's traces. */
  fills: number;
  correlation_id: string;
  steps: PathStep[];
  end: PathEnd;
  missing_cause?: string;
  /** The log's event that the chain began with, if it did. */
  logged_cause?: { event_type: string; run_id: string | null };
}

/** What there is of losses. */
export interface LossesData {
  losses: Loss[];
  losses_total: number;
}

/** A picture that was attached to a run. */
export interface ReportPicture {
  run_id: string;
  status: string;
  /** Below the run's `files/`. */
  name: string;
  media_type: string;
  bytes: number;
  sha256: string;
  /** Its bytes; absent where there is a problem with them. */
  base64?: string;
  problem?: string;
}

/** What there is of pictures. */
export interface PicturesData {
  pictures: ReportPicture[];
  pictures_total: number;
  /** Runs whose manifest cannot be read, so that the page cannot tell what is attached to them. */
  unread: { run_id: string; problem: LedgerError }[];
}

/** What there is of latencies. */
export interface LatencyData {
  types: TypeDurations[];
  types_total: number;
  events: number;
  /** The correlations that were asked for; undefined when all were. */
  correlations?: number;
}

/** What there is of runs. */
interface RunsData {
  /** All that are known, the latest first. */
  runs: ReportRun[];
  /** How many of them completed or failed. */
  ended: number;
  listed: ListedRun[];
}

/** Something that the whole page should be read with in mind. */
export interface Gap {
  words: string;
  command: string;
}

/** Everything that the page tells. */
export interface ReportData {
  made_at_ms: number;
  version: string;
  ledger_dir: string;
  runs_dir: string;
  /** The ids of the runs that the report was asked for; undefined when it is about all. */
  named?: readonly string[];
  index_built_at_ms?: number;
  catalog_built_at_ms?: number;
  gaps: Gap[];
  runs: Found<RunsData>;
  phases: Found<PhasesData>;
  trades: Found<TradesData>;
  pictures: Found<PicturesData>;
  latencies: Found<LatencyData>;
  losses: Found<LossesData>;
}

/** The same without the bytes of pictures: their names and digests lead to them. */
export function withoutPictureBytes(data: ReportData): ReportData {
  if (data.pictures.kind !== "there") return data;
  const { pictures, ...totals } = data.pictures.value;
  const named = pictures.map(({ base64: _, ...picture }) => picture);
  return { ...data, pictures: there({ ...totals, pictures: named }) };
}
