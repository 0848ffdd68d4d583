/** Which runs there are, what the log and the catalog tell of them, and how long their phases took. */
import { LedgerError, quoted } from "../../base/error.ts";
import {
  report_named_runs_drawn_max,
  report_phases_max,
  report_runs_drawn_max,
  report_runs_listed_max,
} from "../../base/limits.ts";
import { nearest } from "../../base/nearest.ts";
import type { Database } from "../../duckdb/connection.ts";
import {
  type Found,
  type ListedRun,
  missing,
  type Phase,
  type PhasesData,
  type PhaseTotal,
  type ReportRun,
  type RunPhases,
  there,
} from "./data.ts";
import {
  CATALOGUED_RUNS,
  PHASE_TOTALS,
  PHASES,
  RUN_DETAILS,
  RUNS,
  RUNS_WITH_PHASES,
} from "./queries.ts";
import { rowsOf, type Sources } from "./sources.ts";

/** A run as one of the two databases knows it. */
type KnownRun = ReportRun & { error?: string | null };

/** What a look at the runs' folders can tell better than the log: that a run is not running any more. */
const GAVE_UP: ReadonlySet<string> = new Set(["crashed", "stale", "unfinished", "failed"]);
const STILL_OPEN: ReadonlySet<string> = new Set(["running", "pending"]);

/** All runs, the latest first: those of the log, and those that only the catalog knows. */
export async function gatherRuns(sources: Sources): Promise<Found<KnownRun[]>> {
  const { index, catalog } = sources;
  for (const source of [index, catalog]) if (source.kind === "unreadable") return source;
  if (index.kind === "missing" && catalog.kind === "missing") {
    return sources.ledger.exists() || !sources.ledger.runs.exists() ? index : catalog;
  }
  const runs = new Map<string, KnownRun>();
  if (index.kind === "there") {
    for (const run of await rowsOf<KnownRun>(index.value, RUNS)) runs.set(run.run_id, run);
  }
  if (catalog.kind === "there") {
    for (const run of await rowsOf<KnownRun>(catalog.value, CATALOGUED_RUNS)) {
      const logged = runs.get(run.run_id);
      if (!logged) runs.set(run.run_id, run);
      else if (STILL_OPEN.has(logged.status) && GAVE_UP.has(run.status)) logged.status = run.status;
    }
  }
  if (runs.size === 0) {
    return missing(
      "No run has been recorded yet.",
      "ledger emit run.started --run-id my-run && ledger rebuild",
    );
  }
  return there([...runs.values()].sort(latestFirst));
}

function latestFirst(a: ReportRun, b: ReportRun): number {
  return (b.at_ms ?? 0) - (a.at_ms ?? 0) || (a.run_id < b.run_id ? -1 : 1);
}

/** The ids that some words mean: each is an id, or the beginning of only one. */
export function resolveRuns(
  found: Found<readonly ReportRun[]>,
  words: readonly string[],
): string[] {
  if (found.kind === "unreadable") throw found.problem;
  const known = found.kind === "there" ? found.value.map(({ run_id }) => run_id) : [];
  const all = new Set(known);
  return [
    ...new Set(words.map((word) => {
      if (all.has(word)) return word;
      const begins = word === "" ? [] : known.filter((run_id) => run_id.startsWith(word));
      if (begins.length === 1) return begins[0];
      throw noSuchRun(word, begins, known, found.kind === "missing" ? found.command : undefined);
    })),
  ];
}

function noSuchRun(
  word: string,
  begins: readonly string[],
  known: readonly string[],
  command?: string,
): LedgerError {
  if (begins.length > 1) {
    return new LedgerError({
      code: "not_found",
      message: `${begins.length} runs have ids that begin with ${quoted(word)}`,
      hint: `give more of it: ${begins.slice(0, 3).join(", ")}${begins[3] ? ", …" : ""}`,
    });
  }
  const near = nearest(word, known);
  return new LedgerError({
    code: "not_found",
    message: `neither the index nor the catalog knows a run ${quoted(word)}`,
    hint: near
      ? `did you mean ${near}?`
      : command
      ? `there are none yet: ${command}`
      : "if it is new: ledger rebuild, and for its folder: ledger runs sync",
  });
}

/** How many runs are drawn one by one. */
export function drawnMax(named: readonly string[] | undefined): number {
  return named ? report_named_runs_drawn_max : report_runs_drawn_max;
}

/** The latest runs, each with what is told of it alone. */
export async function gatherListed(
  sources: Sources,
  runs: readonly KnownRun[],
): Promise<ListedRun[]> {
  const latest = runs.slice(0, report_runs_listed_max);
  const ids = JSON.stringify(latest.map(({ run_id }) => run_id));
  type Detail = { run_id: string; error: string | null; phases: number; trials: number };
  const details = sources.index.kind === "there"
    ? await rowsOf<Detail>(sources.index.value, RUN_DETAILS, [ids])
    : [];
  const by_id = new Map(details.map((detail) => [detail.run_id, detail]));
  return latest.map((run) => {
    const { error = null, phases = 0, trials = 0 } = by_id.get(run.run_id) ?? {};
    return { ...run, error: error ?? run.error ?? null, phases, trials };
  });
}

/** How long phases took: of the latest runs one by one, and of all together. */
export async function gatherPhases(
  sources: Sources,
  runs: readonly ReportRun[],
  named?: readonly string[],
): Promise<Found<PhasesData>> {
  const { index } = sources;
  if (index.kind !== "there") return index;
  const wanted = named ? JSON.stringify(named) : null;
  const ids = await rowsOf<{ run_id: string }>(index.value, RUNS_WITH_PHASES, [wanted]);
  if (ids.length === 0) {
    return missing(
      "The log tells of no phase of these runs.",
      "ledger emit phase.started --run-id my-run --phase-name load --phase-order 1",
    );
  }
  const having = new Set(ids.map(({ run_id }) => run_id));
  const drawn = runs.filter(({ run_id }) => having.has(run_id)).slice(0, drawnMax(named));
  const rows = await rowsOf<PhaseTotal & { names_total: number }>(
    index.value,
    PHASE_TOTALS,
    [wanted, report_phases_max],
  );
  return there({
    drawn: await phasesOf(index.value, drawn),
    runs_total: having.size,
    totals: rows,
    names_total: rows[0]?.names_total ?? 0,
  });
}

async function phasesOf(index: Database, runs: readonly ReportRun[]): Promise<RunPhases[]> {
  const ids = JSON.stringify(runs.map(({ run_id }) => run_id));
  const rows = await rowsOf<Phase & { run_id: string; phases_total: number }>(
    index,
    PHASES,
    [ids, report_phases_max],
  );
  const by_run = Map.groupBy(rows, ({ run_id }) => run_id);
  return runs.map(({ run_id, status }) => {
    const phases = by_run.get(run_id) ?? [];
    return { run_id, status, phases, phases_total: phases[0]?.phases_total ?? 0 };
  });
}
