/** Everything that the page tells, asked for one after the other. */
import { buildFacts } from "../../base/build.ts";
import { report_runs_listed_max } from "../../base/limits.ts";
import type { Ledger } from "../../ledger/ledger.ts";
import { type Found, type ReportData, type ReportOptions, there } from "./data.ts";
import { gatherPictures } from "./pictures.ts";
import { detailsOf, gatherPhases, gatherRuns, selectedRuns } from "./runs.ts";
import { attempt, Sources } from "./sources.ts";
import { gatherLatencies, gatherLosses } from "./traces.ts";
import { bestRuns, gatherTrades, readTrades, returnsOf } from "./trades.ts";

/** Everything that the page tells. */
export async function gather(ledger: Ledger, options: ReportOptions = {}): Promise<ReportData> {
  using sources = await Sources.open(ledger);
  const all = await attempt(() => gatherRuns(sources));
  const named = await selectedRuns(sources, all, options);
  const wanted = named && new Set(named);
  const known = all.kind === "there" ? all.value : [];
  const runs = wanted ? known.filter(({ run_id }) => wanted.has(run_id)) : known;
  const trades = await attempt(() => readTrades(sources, named, options.onNotice));
  const latest = runs.slice(0, report_runs_listed_max);
  const best = trades.kind === "there" ? await bestRuns(trades.value, runs, named) : [];
  const details = await detailsOf(sources, [...latest, ...best].map(({ run_id }) => run_id));
  const detailed = <Run extends { run_id: string }>(run: Run) => ({
    ...run,
    ...details.get(run.run_id)!,
  });
  return {
    made_at_ms: ledger.world.now_ms(),
    version: buildFacts().version,
    ledger_dir: ledger.dir,
    runs_dir: ledger.runs.dir,
    named,
    index_built_at_ms: sources.builtAt("runs"),
    catalog_built_at_ms: sources.builtAt("catalog"),
    gaps: await sources.gaps(),
    runs: await mapped(all, async () => {
      const returns = trades.kind === "there"
        ? await returnsOf(trades.value.database, latest.map(({ run_id }) => run_id))
        : undefined;
      return {
        runs,
        ended: runs.filter(({ status }) => status === "completed" || status === "failed").length,
        listed: latest.map((run) => ({ ...detailed(run), returns: returns?.get(run.run_id) })),
      };
    }),
    phases: await attempt(() => gatherPhases(sources, runs, named)),
    trades: await mapped(trades, (value) => gatherTrades(value, best.map(detailed))),
    pictures: await attempt(() => gatherPictures(sources, latest)),
    latencies: await attempt(() => gatherLatencies(sources, named)),
    losses: await mapped(
      trades,
      ({ database, losses_total }) => gatherLosses(sources, database, losses_total),
    ),
  };
}

async function mapped<From, To>(
  found: Found<From>,
  map: (value: From) => Promise<To>,
): Promise<Found<To>> {
  if (found.kind !== "there") return found;
  return await attempt(async () => there(await map(found.value)));
}
