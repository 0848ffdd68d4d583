import * as z from "zod/mini";
import { EXIT_OK } from "../../base/error.ts";
import { unhealthy_after_s, watch_interval_s } from "../../base/limits.ts";
import type { SyncReport } from "../../index/sync.ts";
import type { NewlySealed } from "../../log/mod.ts";
import type { CatalogSyncReport } from "../../runs/catalog/catalog.ts";
import { defineCommand } from "../command.ts";
import { asJson, count, dir, runsDir, text, toggle } from "../flags.ts";
import { exitOfDaemon, openFor, stopOnInterrupt } from "../open.ts";
import { counted, humanCount, print, say, utc } from "../output.ts";

export default defineCommand({
  name: "watch",
  summary: "keep the indexes up to date while log and runs grow",
  description: "Follows the log and takes in what is new: at once where the file system tells of " +
    "changes, and at every interval in any case. Keeps the catalog of runs up to date too, and " +
    "seals parts that are finished. Several of them, and rebuilds beside them, are safe. Trouble is told and tried again. SIGTERM lets the sync in hand finish.",
  examples: [
    { line: "ledger watch --once", shows: "sync once, as a cron job would" },
    {
      line: "ledger watch --health 127.0.0.1:9184",
      shows: "run until stopped; answers /healthz and /metrics",
    },
  ],
  flags: z.strictObject({
    "interval": count({
      value: "SECONDS",
      description: `how long to wait when nothing is notified (default: ${watch_interval_s})`,
    }),
    "once": toggle({ description: "sync once and end" }),
    "health": text({
      value: "ADDRESS",
      description: "answer /healthz and /metrics on loopback, such as 127.0.0.1:9184",
    }),
    "unhealthy-after": count({
      value: "SECONDS",
      description:
        `/healthz is 503 when the index is further behind (default: ${unhealthy_after_s})`,
    }),
    "verbose": toggle({ short: "v", description: "tell every sync, also those without news" }),
    "json": asJson(),
    "dir": dir(),
    "runs-dir": runsDir(),
  }),
  run: async ({ world, flags }) => {
    const { watchLedger } = await import("../../daemon/watch.ts");
    const { parseAddress } = await import("../../daemon/health.ts");
    const health = flags.health === undefined ? undefined : parseAddress(flags.health);
    const ledger = openFor(world, flags);
    const onNotice = (message: string) => say(world, message);
    const onSync = (report: SyncReport) => {
      if (!flags.verbose && !flags.once && report.new_events === 0) return;
      if (flags.json) return print(world, JSON.stringify(report));
      print(
        world,
        `${utc(world.now_ms())}  ${counted(report.new_events, "new event")}, ` +
          `${counted(report.total.events, "event")} in all, ${report.seconds.toFixed(2)} s`,
      );
    };
    const onCatalogSync = (report: CatalogSyncReport) => {
      const { registered, updated, missing } = report;
      if (!flags.verbose && registered + updated + missing === 0) return;
      if (flags.json) return print(world, JSON.stringify({ kind: "catalog", ...report }));
      print(
        world,
        `${utc(world.now_ms())}  ${counted(registered, "run")} catalogued` +
          (updated > 0 ? `, ${humanCount(updated)} updated` : "") +
          (missing > 0 ? `, ${humanCount(missing)} missing` : ""),
      );
    };
    const onSeal = (sealed: NewlySealed) => {
      if (flags.json) return print(world, JSON.stringify({ kind: "sealed", ...sealed }));
      const { part, events, seal } = sealed;
      print(world, `${utc(world.now_ms())}  ${part} sealed: ${counted(events, "event")}, ${seal}`);
    };
    if (flags.once) {
      onSync(await ledger.sync({ onNotice }));
      if (ledger.runs.exists()) onCatalogSync(await ledger.runs.sync({ onNotice }));
      return EXIT_OK;
    }
    const stop = stopOnInterrupt(world);
    try {
      await watchLedger(world, ledger, {
        signal: stop.signal,
        interval_s: flags.interval,
        unhealthy_after_s: flags["unhealthy-after"],
        health,
        onSync,
        onCatalogSync,
        onSeal,
        onNotice,
        onListen: (address) => say(world, `answers on ${address}/healthz and ${address}/metrics`),
      });
      return exitOfDaemon(stop);
    } finally {
      stop.done();
    }
  },
});
