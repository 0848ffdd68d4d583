/** Which runs there are, what log and folders tell of them, and how long their phases took. */
import { LedgerError, quoted } from "../../base/error.ts";
import {
  report_named_runs_drawn_max,
  report_phases_max,
  report_runs_drawn_max,
} from "../../base/limits.ts";
import type { Database } from "../../duckdb/connection.ts";
import { queryRuns } from "../../runs/catalog/queries.ts";
import { isFiltered } from "../../runs/catalog/run_filter.ts";
import { type NamedRun, wholeRunId } from "../../runs/manifest/layout.ts";
import {
  type Found,
  missing,
  type Phase,
  type PhasesData,
  type PhaseTotal,
  type ReportOptions,
  type ReportRun,
  type RunDetails,
  type RunPhases,
  there,
} from "./data.ts";
import {
  PHASE_TOTALS,
  PHASES,
  RUN_COUNTS,
  RUN_DETAILS,
  RUNS,
  RUNS_WITH_PHASES,
} from "./queries.ts";
import { rowsOf, type Sources } from "./sources.ts";

/** All runs, the latest first. */
export async function gatherRuns({ states }: Sources): Promise<Found<ReportRun[]>> {
  if (states.kind !== "there") return states;
  const runs = await rowsOf<ReportRun>(states.value, RUNS);
  if (runs.length > 0) return there(runs);
  return missing(
    "No run has been recorded yet.",
    "ledger emit run.started --run-id my-run && ledger rebuild",
  );
}

/** The runs that a report was asked for. */
export async function selectedRuns(
  { ledger: { world, runs }, states }: Sources,
  found: Found<readonly ReportRun[]>,
  { runs: words = [], where, sort, limit, onNotice }: ReportOptions,
): Promise<string[] | undefined> {
  const is_filtered = isFiltered({ where, sort, limit });
  if (words.length === 0 && !is_filtered) return undefined;
  if (found.kind === "unreadable") throw found.problem;
  const known = found.kind === "there" ? found.value.map(({ run_id }) => run_id) : [];
  const with_names = states.kind === "there"
    ? await rowsOf<NamedRun>(states.value, `select run_id, name from run_states`)
    : [];
  const named = words.map((word) => {
    const run_id = wholeRunId(world.files, runs.dir, word, with_names);
    if (known.includes(run_id)) return run_id;
    throw new LedgerError({
      code: "not_found",
      message: `neither the index nor the catalog knows run ${quoted(run_id)} yet`,
      hint: "to take in what is new: ledger rebuild",
    });
  });
  const now_ms = world.now_ms();
  const filter = { where, sort, status: "any", limit: limit ?? known.length, now_ms, onNotice };
  const fitting = is_filtered && states.kind === "there"
    ? (await queryRuns(states.value, filter)).map(({ run_id }) => run_id)
    : [];
  const ids = [...new Set([...named, ...fitting])];
  if (ids.length > 0) return ids;
  throw new LedgerError({
    code: "not_found",
    message: where === undefined ? "there is no run to report" : `no run fits ${quoted(where)}`,
    hint: "what there is: ledger runs query --status any",
  });
}

/** How many runs are drawn one by one. */
export function drawnMax(named: readonly string[] | undefined): number {
  return named ? report_named_runs_drawn_max : report_runs_drawn_max;
}

/** What the page says of runs that it shows one by one. */
export async function detailsOf(
  { states, index }: Sources,
  run_ids: readonly string[],
): Promise<Map<string, RunDetails>> {
  const ids = [JSON.stringify(run_ids)];
  type Told = Omit<RunDetails, "tags"> & {
    run_id: string;
    tags: string;
    params: string | null;
    summary: string | null;
  };
  const told = states.kind === "there" ? await rowsOf<Told>(states.value, RUN_DETAILS, ids) : [];
  const counted = index.kind === "there" ? await rowsOf<Told>(index.value, RUN_COUNTS, ids) : [];
  const counts = new Map(counted.map((row) => [row.run_id, row]));
  return new Map(told.map(({ run_id, summary, ...details }) => {
    const { phases = 0, trials = 0 } = counts.get(run_id) ?? {};
    const params = JSON.parse(details.params ?? "null");
    const tags = JSON.parse(details.tags);
    return [run_id, { ...details, tags, phases, trials, params, sharpe: sharpeIn(summary) }];
  }));
}

/** Labs name it as they like; the shortest name is that of the ratio itself. */
function sharpeIn(summary: string | null): number | null {
  const metrics = Object.entries(JSON.parse(summary ?? "{}") as Record<string, unknown>)
    .filter(([name, value]) => /sharpe/i.test(name) && typeof value === "number")
    .sort(([a], [b]) => a.length - b.length);
  return metrics.length > 0 ? metrics[0][1] as number : null;
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
  return runs.map((run) => {
    const phases = by_run.get(run.run_id) ?? [];
    return { ...run, phases, phases_total: phases[0]?.phases_total ?? 0 };
  });
}
