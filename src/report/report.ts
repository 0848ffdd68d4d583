/** A report: what the ledger holds, looked at once, as one page that stands by itself. */
import { LedgerError } from "../base/error.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { noLedger } from "../log/mod.ts";
import type { ReportData, ReportOptions } from "./gather/data.ts";

/** A page, and how it came about. */
export interface Report {
  /** One HTML file that needs nothing beside it. */
  html: string;
  /** What it shows, as data. */
  data: ReportData;
  /** How many runs it is about. */
  runs: number;
  /** What is there and could not be read; the page says so too. */
  problems: LedgerError[];
}

/** One page about all of a ledger, or about some runs, as HTML that needs nothing beside it. */
export async function makeReport(ledger: Ledger, options: ReportOptions = {}): Promise<Report> {
  const { world, dir, runs } = ledger;
  if (!world.files.facts(dir) && !runs.exists()) throw noLedger(dir);
  const { gather } = await import("./gather/gather.ts");
  const { pageOf } = await import("./page/page.ts");
  const data = await gather(ledger, options);
  return {
    html: pageOf(data),
    data,
    runs: data.runs.kind === "there" ? data.runs.value.runs.length : 0,
    problems: problemsOf(data, ledger),
  };
}

/** Each problem once: what stops one section may stop the next one too. */
function problemsOf(
  { runs, phases, trades, pictures, latencies, losses }: ReportData,
  { traces }: Ledger,
): LedgerError[] {
  const lineages = losses.kind === "there" ? losses.value.losses.map(({ lineage }) => lineage) : [];
  const problems = [runs, phases, trades, pictures, latencies, losses, ...lineages]
    .flatMap((found) => found.kind === "unreadable" ? [found.problem] : []);
  if (pictures.kind === "there") {
    problems.push(...pictures.value.unread.map(({ problem }) => problem));
  }
  const damaged = traces.damage.map(({ path, offset, reason }) =>
    new LedgerError({
      code: "damaged",
      message: `a write-ahead file of traces is damaged: ${reason}`,
      where: { path, offset },
      hint: "set it aside, keeping every byte: ledger trace compact",
    })
  );
  const by_message = new Map(problems.map((problem) => [problem.message, problem]));
  return [...by_message.values(), ...damaged];
}
