/** A report: what the ledger holds, looked at once, as one page that stands by itself. */
import { buildFacts } from "../base/build.ts";
import { LedgerError } from "../base/error.ts";
import type { World } from "../base/world.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { noLedger } from "../log/mod.ts";
import type { Found, ReportData, RunsData } from "./gather/data.ts";
import { gatherListed, gatherPhases, gatherRuns, resolveRuns } from "./gather/runs.ts";
import { gatherLatencies, gatherLosses } from "./gather/traces.ts";
import { gatherTrades, readTrades, returnsOf } from "./gather/trades.ts";
import { pageOf, REPORT_MARK } from "./page/page.ts";
import { attempt, Sources } from "./gather/sources.ts";

/** What a report is about. */
export interface ReportOptions {
  /** The runs, by their ids or the beginnings of them. Default: all. */
  runs?: readonly string[];
}

/** A page, and how it came about. */
export interface Report {
  /** One HTML file that needs nothing beside it. */
  html: string;
  /** How many runs it is about. */
  runs: number;
  /** What is there and could not be read; the page says so too. */
  problems: LedgerError[];
}

/** Whether a file that begins like this is a report. */
export function isReport(beginning: string): boolean {
  return beginning.includes(REPORT_MARK);
}

/** Looks at a ledger and makes the page. */
export async function makeReport(
  world: World,
  ledger: Ledger,
  options: ReportOptions = {},
): Promise<Report> {
  if (!world.files.facts(ledger.dir) && !ledger.runs.exists()) throw noLedger(ledger.dir);
  const data = await gather(world, ledger, options.runs ?? []);
  return {
    html: pageOf(data),
    runs: data.runs.kind === "there" ? data.runs.value.runs.length : 0,
    problems: [...problemsOf(data), ...damageOf(ledger)],
  };
}

/** Everything that the page tells. */
export async function gather(
  world: World,
  ledger: Ledger,
  words: readonly string[],
): Promise<ReportData> {
  using sources = await Sources.open(world, ledger);
  const all = await attempt(() => gatherRuns(sources));
  const named = words.length > 0 ? resolveRuns(all, words) : undefined;
  const wanted = named && new Set(named);
  const known = all.kind === "there" ? all.value : [];
  const runs = wanted ? known.filter(({ run_id }) => wanted.has(run_id)) : known;
  const trades = await attempt(() => readTrades(sources, named));
  return {
    made_at_ms: world.now_ms(),
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
  return await attempt(async () => ({ kind: "there", value: await map(found.value) }));
}

/** What of traces could not be read on the way. */
function damageOf({ traces }: Ledger): LedgerError[] {
  return traces.damage.map(({ path, offset, reason }) =>
    new LedgerError({
      code: "damaged",
      message: `a write-ahead file of traces is damaged: ${reason}`,
      where: { path, offset },
      hint: "set it aside, keeping every byte: ledger trace compact",
    })
  );
}

/** Each problem once: what stops one section may stop the next one too. */
function problemsOf(data: ReportData): LedgerError[] {
  const { runs, phases, trades, latencies, losses } = data;
  const lineages = losses.kind === "there" ? losses.value.losses.map(({ lineage }) => lineage) : [];
  const problems = new Map<string, LedgerError>();
  for (const found of [runs, phases, trades, latencies, losses, ...lineages]) {
    if (found.kind === "unreadable") problems.set(found.problem.message, found.problem);
  }
  return [...problems.values()];
}
