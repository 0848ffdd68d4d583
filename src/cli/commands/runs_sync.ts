import * as z from "zod/mini";
import { EXIT_OK } from "../../base/error.ts";
import { findings_shown_max, watch_interval_s } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import type { AlertsReport } from "../../runs/catalog/alerts.ts";
import type { CatalogSyncReport } from "../../runs/catalog/catalog.ts";
import type { CatalogStats } from "../../runs/catalog/queries.ts";
import { defineCommand } from "../command.ts";
import { asJson, count, dir, duration, runsDir, toggle } from "../flags.ts";
import { exitOfDaemon, openForRuns, stopOnInterrupt } from "../open.ts";
import { counted, humanCount, paintFor, print, Progress, say } from "../output.ts";

export default defineCommand({
  name: "runs sync",
  summary: "bring the catalog up to date with the runs on the disk",
  description: "Reads the manifests that are new or changed into index/catalog.duckdb. Runs that " +
    "ended are catalogued; of the others it says why they are not. The catalog can be deleted at " +
    "any time: the manifests are the truth.",
  examples: [
    { line: "ledger runs sync --stats", shows: "catalog what is new, and count what there is" },
    { line: "ledger runs sync --full --json", shows: "build the catalog from nothing" },
  ],
  flags: z.strictObject({
    "stats": toggle({ description: "tell what the catalog holds" }),
    "full": toggle({ description: "build from nothing" }),
    "alerts": toggle({
      description: "also bring alerts.duckdb up to date: all calls, and who used them",
    }),
    "watch": toggle({ description: "go on until stopped, and catalog what comes" }),
    "interval": count({
      value: "SECONDS",
      description: `with --watch: how often (default: ${watch_interval_s})`,
    }),
    "stale-after": duration({
      description: "an unfinished run that nobody owned and nobody wrote to for so long is stale " +
        "(default: 1h)",
    }),
    "json": asJson(),
    "dir": dir(),
    "runs-dir": runsDir(),
  }),
  run: async ({ world, flags }) => {
    await using ledger = openForRuns(world, flags);
    using progress = new Progress(world, "runs");
    const onNotice = (message: string) => {
      progress.clear();
      say(world, message);
    };
    const onProgress = (done: number, total: number) => progress.show(done, total);
    const options = { stale_after_ms: flags["stale-after"], onNotice };
    const show = async (report: CatalogSyncReport) => {
      const stats = flags.stats ? await ledger.runs.stats() : undefined;
      if (flags.json) return print(world, JSON.stringify({ ...report, stats }));
      tell(world, report);
      if (stats) tellStats(world, stats);
    };
    const report = await ledger.runs.sync({ ...options, full: flags.full, onProgress });
    progress.clear();
    await show(report);
    if (flags.alerts) tellAlerts(world, await ledger.runs.syncAlerts({ onNotice }), flags.json);
    if (!flags.watch) return EXIT_OK;
    const { WatchedCatalog } = await import("../../daemon/catalog.ts");
    const changed: CatalogSyncReport[] = [];
    const catalog = new WatchedCatalog(
      world,
      { exists: () => ledger.runs.exists(), sync: () => ledger.runs.sync(options) },
      (report) => {
        if (report.registered + report.updated + report.missing > 0) changed.push(report);
      },
      onNotice,
    );
    const stop = stopOnInterrupt(world);
    try {
      while (!stop.signal.aborted) {
        await world.pause((flags.interval ?? watch_interval_s) * 1000, stop.signal);
        if (!stop.signal.aborted) await catalog.look();
        for (const report of changed.splice(0)) {
          await show(report);
          if (flags.alerts) {
            tellAlerts(world, await ledger.runs.syncAlerts({ onNotice }), flags.json);
          }
        }
      }
      return exitOfDaemon(stop);
    } finally {
      stop.done();
    }
  },
});

function tell(world: World, report: CatalogSyncReport): void {
  const tick = paintFor(world, world.stdout).green("✓");
  const { skipped, missing } = report;
  if (report.initialized) print(world, `${tick} Initialized catalog tables`);
  print(world, `${tick} Registered ${counted(report.registered, "run")}`);
  if (report.updated > 0) print(world, `${tick} Updated ${counted(report.updated, "run")}`);
  if (missing > 0) {
    print(world, `${tick} Marked ${counted(missing, "run")} as missing: not on the disk any more`);
  }
  print(world, `${tick} Skipped ${counted(skipped.length, "run")}`);
  for (const { run_path, reason } of skipped.slice(0, findings_shown_max)) {
    print(world, `    ${run_path}: ${reason}`);
  }
  if (skipped.length > findings_shown_max) {
    const rest = humanCount(skipped.length - findings_shown_max);
    print(world, `    ${rest} more: ledger query --db catalog "select * from runs_skipped"`);
  }
}

function tellAlerts(world: World, report: AlertsReport, as_json: boolean): void {
  if (as_json) return print(world, JSON.stringify({ alerts: report }));
  const tick = paintFor(world, world.stdout).green("✓");
  print(world, `${tick} Took in the alerts of ${counted(report.added, "run")}`);
  for (const { path, problem } of report.problems) print(world, `    not of ${path}: ${problem}`);
}

function tellStats(world: World, stats: CatalogStats): void {
  const { bold } = paintFor(world, world.stdout);
  print(world, `\n${bold("Catalog Statistics:")}`);
  const lines: [string, string | number][] = [
    ["Total runs", stats.total_runs],
    ["Completed", stats.completed],
    ["Failed", stats.failed],
    ["By type", byName(stats.runs_by_type)],
    ...(stats.missing > 0 ? [["Missing on disk", stats.missing] as [string, number]] : []),
    ...(stats.archived > 0 ? [["Archived", stats.archived] as [string, number]] : []),
    ...(Object.keys(stats.in_progress).length > 0
      ? [["In progress", byName(stats.in_progress)] as [string, string]]
      : []),
    ["Total artifacts", stats.total_artifacts],
    ["By type", byName(stats.artifacts_by_type)],
    ...(stats.artifacts_missing > 0
      ? [["Missing on disk", stats.artifacts_missing] as [string, number]]
      : []),
  ];
  for (const [name, value] of lines) print(world, `  ${name}: ${value}`);
}

function byName(counts: Record<string, number>): string {
  const members = Object.entries(counts).map(([name, count]) =>
    `${JSON.stringify(name)}: ${count}`
  );
  return members.length === 0 ? "{}" : `{ ${members.join(", ")} }`;
}
