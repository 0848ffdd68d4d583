import { unhealthy_after_s, watch_interval_s } from "../../base/limits.ts";
import type { ShipReport } from "../../fleet/ship.ts";
import type { SyncReport } from "../../index/sync.ts";
import type { NewlySealed } from "../../log/mod.ts";
import type { CatalogSyncReport } from "../../runs/catalog/catalog.ts";
import type { FlushReport } from "../../trace/store/flush.ts";
import { defineCommand } from "../command.ts";
import { EXIT_FINDINGS, exitOfDaemon, exitOfUnread } from "../exit_code.ts";
import { count, runsFlags, text, toggle } from "../flags.ts";
import { hasSent, openJoined, shipText } from "../fleet.ts";
import { openFor } from "../open.ts";
import { counted, humanCount, print, printJson, runCountsText, say, utc } from "../output.ts";
import { stopOnInterrupt } from "../progress.ts";
import { sayDamage, toldFlush } from "../traces.ts";

export default defineCommand({
  name: "watch",
  summary: "keep the indexes up to date while the log grows",
  description: "Follows the log and the runs: syncs the index and the catalog when the file " +
    "system reports a change, and at every interval in any case; seals finished parts; turns " +
    "write-ahead files of traces that no living writer holds into Parquet, about once a minute " +
    "(ledger trace compact also merges). Several " +
    "watchers, and rebuilds beside them, are safe. Reports errors and tries again. On SIGTERM it " +
    "finishes the sync in progress and exits.",
  examples: {
    "ledger watch --once": "sync once, for a cron job",
    "ledger watch --health 127.0.0.1:9184": "run until stopped; serve /healthz and /metrics",
    "ledger watch --ship":
      "a box of a fleet: also send its log there, as ledger ship --follow does",
  },
  flags: {
    "interval": count(`how long to wait without a change (default: ${watch_interval_s})`, {
      value: "SECONDS",
    }),
    "once": toggle("sync once and exit"),
    "health": text("ADDRESS", "serve /healthz and /metrics on loopback, such as 127.0.0.1:9184"),
    "unhealthy-after": count(
      `/healthz is 503 when the index is further behind (default: ${unhealthy_after_s})`,
      { value: "SECONDS" },
    ),
    "ship": toggle("also send the log to the fleet that this box joined; syncs never wait for it"),
    "verbose": toggle("print every sync, also those without news", { short: "v" }),
    ...runsFlags(),
  },
  network: "listens",
  run: async ({ world, flags }) => {
    const { watchLedger } = await import("../../daemon/watch.ts");
    const { parseAddress } = await import("../../daemon/health.ts");
    const health = flags.health === undefined ? undefined : parseAddress(flags.health);
    const ledger = openFor(world, flags);
    using fleet = flags.ship ? await openJoined(world, flags) : undefined;
    if (!fleet && flags.once) world.dropNetwork();
    const onShip = (report: ShipReport) => {
      if (!flags.verbose && !flags.once && !hasSent(report)) return;
      if (flags.json) printJson(world, { kind: "shipped", ...report });
      else print(world, `${utc(world.now_ms())}  ${shipText(report)}`);
    };
    const onNotice = (message: string) => say(world, message);
    const onSync = (report: SyncReport) => {
      if (!flags.verbose && !flags.once && report.new_events === 0) return;
      if (flags.json) return printJson(world, report);
      print(
        world,
        `${utc(world.now_ms())}  ${counted(report.new_events, "new event")}, ` +
          `${counted(report.total.events, "event")} in all, ${report.seconds.toFixed(2)} s`,
      );
    };
    const onCatalogSync = (report: CatalogSyncReport) => {
      const { registered, updated, missing } = report;
      if (!flags.verbose && registered + updated + missing === 0) return;
      if (flags.json) return printJson(world, { kind: "catalog", ...report });
      print(
        world,
        `${utc(world.now_ms())}  ${counted(registered, "run")} catalogued` +
          (updated > 0 ? `, ${humanCount(updated)} updated` : "") +
          (missing > 0 ? `, ${humanCount(missing)} missing` : ""),
      );
    };
    const onSeal = (sealed: NewlySealed) => {
      if (flags.json) return printJson(world, { kind: "sealed", ...sealed });
      const { part, events, seal } = sealed;
      print(world, `${utc(world.now_ms())}  ${part} sealed: ${counted(events, "event")}, ${seal}`);
    };
    const onConvert = (report: FlushReport) => {
      if (flags.json) printJson(world, { kind: "traces", ...report });
      else print(world, `${utc(world.now_ms())}  ${toldFlush(report)}`);
      sayDamage(world, report.damage);
    };
    if (flags.once) {
      const { runs, traces } = ledger;
      if (ledger.exists() || !traces.exists()) onSync(await ledger.sync({ onNotice }));
      const converted = traces.exists() ? await traces.convert() : undefined;
      if (converted && (converted.segments > 0 || flags.verbose)) onConvert(converted);
      const catalogued = runs.exists() ? await runs.sync({ onNotice }) : undefined;
      if (catalogued) onCatalogSync(catalogued);
      const counts = flags.json ? undefined : await runs.counts();
      if (counts) print(world, `${utc(world.now_ms())}  runs: ${runCountsText(counts)}`);
      if (fleet) onShip(await fleet.ship());
      const exit = exitOfUnread(world, catalogued?.unread ?? []);
      return converted?.damage.length ? EXIT_FINDINGS : exit;
    }
    using stop = stopOnInterrupt(world);
    await watchLedger(world, ledger, {
      signal: stop.signal,
      interval_s: flags.interval,
      unhealthy_after_s: flags["unhealthy-after"],
      health,
      onSync,
      onCatalogSync,
      onSeal,
      onConvert,
      fleet,
      onShip,
      onNotice,
      onListen: (address) => say(world, `answers on ${address}/healthz and ${address}/metrics`),
    });
    return exitOfDaemon(stop);
  },
});
