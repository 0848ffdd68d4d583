import { firstNames } from "../../base/format.ts";
import { findings_shown_max, watch_interval_s } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import type { AlertsReport } from "../../runs/catalog/alerts.ts";
import type { CatalogSyncReport } from "../../runs/catalog/catalog.ts";
import type { CatalogStats } from "../../runs/catalog/queries.ts";
import { defineCommand } from "../command.ts";
import { exitOfDaemon, exitOfUnread } from "../exit_code.ts";
import { count, duration, runsFlags, toggle } from "../flags.ts";
import { openForRuns } from "../open.ts";
import {
  counted,
  humanCount,
  paintFor,
  print,
  printJson,
  Progress,
  runCountsText,
} from "../output.ts";
import { stopOnInterrupt } from "../progress.ts";

export default defineCommand({
  name: "runs sync",
  summary: "bring the catalog up to date with the runs on the disk",
  description: "Reads new and changed manifests into index/catalog.duckdb. Catalogues runs that " +
    "have ended, and says of each other run why it is not catalogued. The catalog can be deleted " +
    "at any time: it is made from the manifests. Exit code 3 when a run could not be read: then " +
    "what the catalog has of it stays.",
  examples: {
    "ledger runs sync --stats": "catalogue what is new; print what the catalog holds",
    "ledger runs sync --full --json": "build the catalog from nothing",
  },
  flags: {
    "stats": toggle("print what the catalog holds"),
    "full": toggle("build from nothing"),
    "alerts": toggle("update alerts.duckdb too: every call, and which runs used it"),
    "watch": toggle("keep the catalog up to date until stopped"),
    "interval": count(`with --watch: how often (default: ${watch_interval_s})`, {
      value: "SECONDS",
    }),
    "stale-after": duration(
      "a run begun from a shell is stale when nothing was written for so long (default: 1h)",
    ),
    ...runsFlags(),
  },
  run: async ({ world, flags }) => {
    await using ledger = openForRuns(world, flags);
    using progress = new Progress(world, "runs");
    const onNotice = progress.say;
    const options = { stale_after_ms: flags["stale-after"], onNotice };
    const show = async (report: CatalogSyncReport) => {
      const stats = flags.stats ? await ledger.runs.stats() : undefined;
      if (flags.json) return printJson(world, { ...report, stats });
      printReport(world, report);
      if (stats) printStats(world, stats);
    };
    const syncAlerts = async () => {
      if (flags.alerts) printAlerts(world, await ledger.runs.syncAlerts({ onNotice }), flags.json);
    };
    const { full } = flags;
    // A watcher may be there before the first run is.
    if (!flags.watch || ledger.runs.exists()) {
      const report = await ledger.runs.sync({ ...options, full, onProgress: progress.show });
      progress.clear();
      await show(report);
      await syncAlerts();
      const exit_code = exitOfUnread(world, report.unread);
      if (!flags.watch) return exit_code;
    }
    const { catalogTask } = await import("../../daemon/periodic_task.ts");
    const changed: CatalogSyncReport[] = [];
    const catalog = catalogTask(world, { sync: () => ledger.runs.sync(options) }, (report) => {
      if (report.registered + report.updated + report.missing > 0) changed.push(report);
    }, onNotice);
    using stop = stopOnInterrupt(world);
    while (!stop.signal.aborted) {
      await world.pause((flags.interval ?? watch_interval_s) * 1000, stop.signal);
      if (!stop.signal.aborted && ledger.runs.exists()) await catalog.look();
      for (const report of changed.splice(0)) {
        await show(report);
        await syncAlerts();
      }
    }
    return exitOfDaemon(stop);
  },
});

function printReport(world: World, report: CatalogSyncReport): void {
  const tick = paintFor(world, world.stdout).green("✓");
  const { skipped, missing, outside } = report;
  if (report.initialized) print(world, `${tick} Initialized catalog tables`);
  print(world, `${tick} Registered ${counted(report.registered, "run")}`);
  if (report.updated > 0) print(world, `${tick} Updated ${counted(report.updated, "run")}`);
  if (outside.length > 0) {
    const named = firstNames(outside);
    const are = outside.length === 1 ? "lies" : "lie";
    print(
      world,
      `    ${counted(outside.length, "run")} of these ${are} outside of a month: ${named}`,
    );
  }
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

function printAlerts(world: World, report: AlertsReport, as_json: boolean): void {
  if (as_json) return printJson(world, { alerts: report });
  const tick = paintFor(world, world.stdout).green("✓");
  print(world, `${tick} Added the alerts of ${counted(report.added, "run")}`);
  for (const { path, problem } of report.problems) {
    print(world, `    not those of ${path}: ${problem}`);
  }
}

function printStats(world: World, stats: CatalogStats): void {
  const { bold } = paintFor(world, world.stdout);
  print(world, `\n${bold("Catalog Statistics:")}`);
  type Line = [name: string, value: string | number];
  const some = (...line: Line): Line[] => line[1] === 0 || line[1] === "{}" ? [] : [line];
  const lines: Line[] = [
    ["Total runs", stats.total_runs],
    ["Completed", stats.completed],
    ["Failed", stats.failed],
    ["Runs", runCountsText({ ended: stats.total_runs, known: stats.known_runs })],
    ["By type", byName(stats.runs_by_type)],
    ...some("Missing on disk", stats.missing),
    ...some("Archived", stats.archived),
    ...some("In progress", byName(stats.in_progress)),
    ["Total artifacts", stats.total_artifacts],
    ["By type", byName(stats.artifacts_by_type)],
    ...some("Missing on disk", stats.artifacts_missing),
  ];
  for (const [name, value] of lines) print(world, `  ${name}: ${value}`);
}

function byName(counts: Record<string, number>): string {
  const members = Object.entries(counts).map(([name, count]) =>
    `${JSON.stringify(name)}: ${count}`
  );
  return members.length === 0 ? "{}" : `{ ${members.join(", ")} }`;
}
