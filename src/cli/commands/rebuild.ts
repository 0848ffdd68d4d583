import * as z from "zod/mini";
import { EXIT_OK } from "../../base/error.ts";
import { index_lock_wait_ms } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import type { SyncReport } from "../../index/sync.ts";
import type { CatalogSyncReport } from "../../runs/catalog/catalog.ts";
import { dayOf } from "../../log/mod.ts";
import { defineCommand } from "../command.ts";
import { asJson, count, dir, runsDir, text, time, toggle } from "../flags.ts";
import { openFor } from "../open.ts";
import { counted, humanBytes, humanCount, print, printRows, Progress, say } from "../output.ts";
import { timeToMs } from "../times.ts";

export default defineCommand({
  name: "rebuild",
  summary: "bring the indexes up to date, or build them anew",
  description: "Takes what is new in the log into index/runs.duckdb; builds it from nothing when " +
    "there is none, when it cannot be trusted, or with --full. Readers are never in the way and " +
    "never made to wait: a finished index takes the place of the last one. The same log always " +
    "gives the same digest. Where there are runs, their catalog is brought up to date too.",
  examples: [
    { line: "ledger rebuild", shows: "take in what is new" },
    { line: "ledger rebuild --full --verbose", shows: "from nothing, telling rows and digests" },
  ],
  flags: z.strictObject({
    "since": time({
      description: "look only at days from this one on; earlier rows stay as they are",
      aliases: ["since-date"],
    }),
    "full": toggle({ description: "build from nothing", aliases: ["full-rebuild"] }),
    "db": text({
      value: "PATH",
      description: "the index file (default: index/runs.duckdb in the ledger)",
    }),
    "lock-wait-ms": count({
      description: `how long to wait for another builder (default: ${index_lock_wait_ms})`,
    }),
    "verbose": toggle({ short: "v", description: "tell the rows and the digest of each table" }),
    "json": asJson(),
    "dir": dir(),
    "runs-dir": runsDir(),
  }),
  run: async ({ world, flags }) => {
    using progress = new Progress(world);
    const ledger = openFor(world, flags);
    const onNotice = (message: string) => {
      progress.clear();
      say(world, message);
    };
    const report = await ledger.sync({
      full: flags.full,
      since_day: flags.since === undefined
        ? undefined
        : dayOf(timeToMs("since", flags.since, world.now_ms())),
      path: flags.db,
      lock_wait_ms: flags["lock-wait-ms"],
      count: true,
      onNotice,
      onProgress: (done, total) => progress.show(done, total),
    });
    progress.clear();
    using of_runs = new Progress(world, "runs");
    const catalog = flags.db === undefined && ledger.runs.exists()
      ? await ledger.runs.sync({
        full: flags.full,
        onNotice,
        onProgress: (done, total) => of_runs.show(done, total),
      })
      : undefined;
    of_runs.clear();
    const alerts = catalog && await ledger.runs.syncAlerts({ onNotice });
    if (flags.json) print(world, JSON.stringify({ ...report, catalog, alerts }));
    else {
      tell(world, report, flags.verbose);
      if (catalog) tellCatalog(world, catalog);
    }
    return EXIT_OK;
  },
});

function tellCatalog(
  world: World,
  { path, registered, updated, skipped }: CatalogSyncReport,
): void {
  print(
    world,
    `${path} ${registered + updated > 0 ? "brought" : "was"} up to date: ` +
      `${counted(registered, "new run")}, ${humanCount(updated)} updated, ` +
      `${humanCount(skipped.length)} not catalogued (ledger runs sync says why)`,
  );
}

const WHAT_WAS_DONE = {
  full: "built from nothing",
  increment: "brought up to date",
  "nothing new": "was up to date",
} as const;

function tell(world: World, report: SyncReport, verbose: boolean): void {
  const tables = report.tables ?? {};
  if (verbose) {
    const rows = Object.entries(tables).map(([table, facts]) => ({ table, ...facts }));
    const columns = [
      { field: "table" },
      { field: "rows", right: true, show: (rows: unknown) => humanCount(rows as number) },
      { field: "digest", right: true },
    ];
    printRows(world, rows, columns, "table");
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
  if (duplicates > 0) print(world, `${counted(duplicates, "event")} emitted again, counted once`);
  if (rejected > 0) {
    print(world, `${counted(rejected, "line")} rejected; see: ledger verify, or rejected_lines`);
  }
}
