/** Everything that the page tells, asked for one after the other. */
import { buildFacts } from "../../base/build.ts";
import type { Ledger } from "../../ledger/ledger.ts";
import { type Found, type ReportData, type RunsData, there } from "./data.ts";
import { gatherListed, gatherPhases, gatherRuns, resolveRuns } from "./runs.ts";
import { attempt, Sources } from "./sources.ts";
import { gatherLatencies, gatherLosses } from "./traces.ts";
import { gatherTrades, readTrades, returnsOf } from "./trades.ts";

/** Everything that the page tells. */
export async function gather(ledger: Ledger, words: readonly string[]): Promise<ReportData> {
  using sources = await Sources.open(ledger);
  const all = await attempt(() => gatherRuns(sources));
  const named = words.length > 0 ? resolveRuns(all, words) : undefined;
  const wanted = named && new Set(named);
  const known = all.kind === "there" ? all.value : [];
  const runs = wanted ? known.filter(({ run_id }) => wanted.has(run_id)) : known;
  const trades = await attempt(() => readTrades(sources, named));
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
      const listed = await gatherListed(sources, runs);
      if (trades.kind !== "there") return { runs, listed };
      const returns = await returnsOf(trades.value.database, listed.map(({ run_id }) => run_id));
      return {
        runs,
        listed: listed.map((run) => ({ ...run, returns: returns.get(run.run_id) })),
      } satisfies RunsData;
    }),
    phases: await attempt(() => gatherPhases(sources, runs, named)),
    trades: await mapped(trades, (value) => gatherTrades(value, runs, named)),
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
