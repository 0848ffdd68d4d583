import { LedgerError } from "../../base/error.ts";
import { humanDuration } from "../../base/format.ts";
import { ship_drain_ms_max } from "../../base/limits.ts";
import type { Fleet } from "../../fleet/fleet.ts";
import type { ShipReport } from "../../fleet/ship.ts";
import { defineCommand } from "../command.ts";
import { EXIT_FINDINGS, EXIT_OK, exitOfDaemon, exitOfStopped } from "../exit_code.ts";
import { duration, runsFlags, toggle } from "../flags.ts";
import { fleetFlags, hasSent, openFleet, saysTrouble, shipText } from "../fleet.ts";
import { counted, print, printJson, say, utc } from "../output.ts";
import { usage } from "../parse.ts";
import { stopOnInterrupt } from "../progress.ts";
import { sayDamage } from "../traces.ts";

export default defineCommand({
  name: "ship",
  summary: "send this box's log, ended runs and traces to its fleet",
  description:
    "Sends what is durable in the log, and was written or imported here, to the store of " +
    "the fleet that this box joined, in segments of at most 64 MB of lines, in order, each once. " +
    "Emitting never waits for it. Where the store has something else under this box's name, it " +
    "stops and says where (exit 3). Runs go once they have ended, each whole, and traced events " +
    "once their program has; what pull took in from other boxes does not. Patches and attached " +
    "files of runs stay here, unless the box joined with --with-code, --with-files.",
  examples: {
    "ledger ship --once": "what is durable now; for cron",
    "ledger ship --drain --timeout 5m": "before this box goes away: all of it, or exit 75",
    "ledger ship --follow": "until it is stopped",
  },
  flags: {
    "once": toggle("what is durable now, one try"),
    "drain": toggle("the same, and try again until all is sent; exit 75 if it is not in time"),
    "timeout": duration("how long --drain tries (default: 10m)"),
    "follow": toggle("go on until stopped: every minute, or sooner where 64 MB are new"),
    "repair": toggle("put again what the store has lost"),
    ...fleetFlags(),
    "runs-dir": runsFlags()["runs-dir"],
  },
  network: "reaches",
  run: async ({ world, flags }) => {
    const { once, drain, follow, repair, timeout } = flags;
    if ([once, drain, follow, repair].filter(Boolean).length !== 1) {
      throw usage("ship", "it takes one of --once, --drain, --follow and --repair");
    }
    if (timeout !== undefined && !drain) throw usage("ship", "--timeout is for --drain");
    const { addressText } = await import("../../fleet/address.ts");
    using fleet = await openFleet(world, flags);
    using stop = stopOnInterrupt(world);
    const { signal } = stop;
    if (repair) {
      const { box, put, lost } = await fleet.repair({ signal });
      if (flags.json) printJson(world, { box, put, lost });
      else print(world, `put ${counted(put, "object")} of box ${box} again`);
      for (const { seq, part, from, to } of lost) {
        const what = part.includes("/")
          ? `segment ${seq}, ${part} from byte ${from} to ${to}: the log has it no more`
          : `segment ${seq} of ${part}: what it was made of is not here as it was`;
        say(world, `lost: ${what}`);
      }
      return lost.length > 0 ? EXIT_FINDINGS : EXIT_OK;
    }
    let has_left = false;
    const tell = (report: ShipReport) => {
      for (const { path, reason } of report.artifacts.left) {
        has_left = true;
        say(world, `${path} stays on this box: ${reason}`);
      }
      sayDamage(world, report.traces.damage);
      if (flags.json) return printJson(world, report);
      if (follow && !hasSent(report)) return;
      print(world, `${follow ? `${utc(world.now_ms())}  ` : ""}${shipText(report)}`);
    };
    if (once) {
      tell(await fleet.ship({ signal }));
      return exitOfStopped(stop, has_left ? EXIT_FINDINGS : EXIT_OK);
    }
    if (drain) {
      const report = await drained(fleet, timeout ?? ship_drain_ms_max, signal);
      if (report) tell(report);
      return exitOfStopped(stop, has_left ? EXIT_FINDINGS : EXIT_OK);
    }
    say(world, `ships to ${addressText(fleet.store.address)}`);
    const { keepShipping } = await import("../../fleet/follow.ts");
    await keepShipping(fleet, { signal, onShip: tell, onTrouble: saysTrouble(world) });
    return exitOfDaemon(stop);
  },
});

/** Tries until all is sent, or there is no time left; nothing is reported of one that is stopped. */
async function drained(
  fleet: Fleet,
  timeout_ms: number,
  stop: AbortSignal,
): Promise<ShipReport | undefined> {
  const { isUnreachable, backOff } = await import("../../fleet/store.ts");
  const { world } = fleet;
  const deadline = AbortSignal.timeout(timeout_ms);
  const signal = AbortSignal.any([stop, deadline]);
  let trouble: LedgerError | undefined;
  for (let tries = 1;; tries++) {
    try {
      const report = await fleet.ship({ signal });
      if (!signal.aborted) return report;
    } catch (error) {
      if (isUnreachable(error)) trouble = error as LedgerError;
      else if (!signal.aborted) throw error;
    }
    if (stop.aborted) return;
    if (deadline.aborted) {
      throw new LedgerError({
        code: "busy",
        message: `not all is sent after ${humanDuration(timeout_ms)}: ${
          trouble?.message ?? "the store is too slow, or does not answer"
        }`,
        hint: "what is sent stays sent, and the log is not affected; try again",
        cause: trouble,
      });
    }
    if (tries === 1 && trouble) say(world, `${trouble.message}; trying again`);
    await backOff(world, tries, signal);
  }
}
