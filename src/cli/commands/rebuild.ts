import { index_lock_wait_ms } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import { indexPath } from "../../index/coverage.ts";
import type { SyncReport } from "../../index/sync.ts";
import { dayOf } from "../../log/mod.ts";
import { defineCommand } from "../command.ts";
import { EXIT_OK, exitOfUnread } from "../exit_code.ts";
import { count, runsFlags, text, time, toggle } from "../flags.ts";
import { openFor } from "../open.ts";
import {
  countColumn,
  counted,
  humanBytes,
  humanCount,
  print,
  printJson,
  printRows,
  Progress,
} from "../output.ts";

export default defineCommand({
  name: "rebuild",
  summary: "bring the indexes up to date, or build them anew",
  description: "Adds what is new in the log to index/runs.duckdb. Builds the index from nothing " +
    "when it is missing, damaged or outdated, or with --full. Readers never wait: the finished " +
    "index replaces the previous one. The same log always gives the same digest. Where there are " +
    "runs, syncs their catalog too.",
  examples: {
    "ledger rebuild": "add what is new",
    "ledger rebuild --full --verbose": "build from nothing; print rows and digests",
  },
  flags: {
    "since": time("read only days from this one on; earlier rows stay as they are", {
      aliases: ["since-date"],
    }),
    "full": toggle("build from nothing", { aliases: ["full-rebuild"] }),
    "db": text("PATH", "the index file (default: index/runs.duckdb in the ledger)"),
    "lock-wait-ms": count(`how long to wait for another rebuild (default: ${index_lock_wait_ms})`),
    "verbose": toggle("print the rows and the digest of each table", { short: "v" }),
    ...runsFlags(),
  },
  run: async ({ world, flags }) => {
    const ledger = openFor(world, flags);
    const { full, since, db: path, "lock-wait-ms": lock_wait_ms } = flags;
    using progress = new Progress(world);
    const report = await ledger.sync({
      full,
      since_day: since && dayOf(since.ms(world.now_ms())),
      path,
      lock_wait_ms,
      count: true,
      onNotice: progress.say,
      onProgress: progress.show,
    });
    progress.clear();
    using of_runs = new Progress(world, "runs");
    const onNotice = of_runs.say;
    const { files } = world;
    const is_default = path === undefined ||
      files.facts(path)?.identity === files.facts(indexPath(ledger.dir))?.identity;
    const catalog = is_default && ledger.runs.exists()
      ? await ledger.runs.sync({ full, onNotice, onProgress: of_runs.show })
      : undefined;
    of_runs.clear();
    const alerts = catalog && await ledger.runs.syncAlerts({ onNotice });
    const exit_code = catalog ? exitOfUnread(world, catalog.unread) : EXIT_OK;
    if (flags.json) {
      printJson(world, { ...report, catalog, alerts });
      return exit_code;
    }
    printReport(world, report, flags.verbose);
    if (!catalog) return exit_code;
    const { registered, updated, skipped } = catalog;
    print(
      world,
      `${catalog.path} ${registered + updated > 0 ? "brought" : "was"} up to date: ` +
        `${counted(registered, "new run")}, ${humanCount(updated)} updated, ` +
        `${humanCount(skipped.length)} not catalogued (ledger runs sync says why)`,
    );
    return exit_code;
  },
});

const WHAT_WAS_DONE = {
  full: "built from nothing",
  increment: "brought up to date",
  "nothing new": "was up to date",
} as const;

function printReport(world: World, report: SyncReport, verbose: boolean): void {
  const tables = report.tables ?? {};
  if (verbose) {
    const rows = Object.entries(tables).map(([table, facts]) => ({ table, ...facts }));
    printRows(world, rows, [
      { field: "table" },
      countColumn("rows"),
      { field: "digest", right: true },
    ]);
  }
  const rejected = tables.rejected_lines?.rows ?? 0;
  const duplicates = tables.duplicate_events?.rows ?? 0;
  print(
    world,
    `${report.path} ${WHAT_WAS_DONE[report.kind]}: ${counted(report.new_events, "new event")} ` +
      `(${humanBytes(report.new_bytes)}), ${counted(report.total.events, "event")} in all, ` +
      counted(tables.runs_d?.rows ?? 0, "run") +
      (report.seconds < 0.01 ? "" : `; ${report.seconds.toFixed(2)} s`),
  );
  if (duplicates > 0) {
    print(world, `${counted(duplicates, "event")} emitted more than once, counted once`);
  }
  if (rejected > 0) {
    print(world, `${counted(rejected, "line")} rejected; to see them: ledger verify`);
  }
}
