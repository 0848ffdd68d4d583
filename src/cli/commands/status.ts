import { join } from "@std/path";
import { asLedgerError } from "../../base/error.ts";
import { status_days } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import type { ShippingLag } from "../../log/pull/shipping_lag.ts";
import { defineCommand } from "../command.ts";
import { count, format, runsFlags } from "../flags.ts";
import { openFor, sayLags } from "../open.ts";
import {
  ago,
  bytesColumn,
  countColumn,
  counted,
  humanBytes,
  humanCount,
  humanDuration,
  plain,
  print,
  printJson,
  printRows,
  rowFormat,
  runCountsText,
  say,
  utc,
} from "../output.ts";

const COLUMNS = [
  { field: "day" },
  { field: "parts", right: true },
  { field: "sealed", right: true },
  countColumn("events"),
  bytesColumn("bytes"),
  bytesColumn("stored_bytes", "stored"),
];

export default defineCommand({
  name: "status",
  summary: "what is in the ledger, at a glance",
  description: "Prints days, parts, events and bytes, the newest event, events whose time is " +
    "more than a day ahead of the clock, and parts that end in a torn line; where there is an " +
    "index, also how many runs there are; of a fleet's box, how much was not shipped yet. Counts lines without validating them; to validate: " +
    "ledger verify.",
  examples: {
    "ledger status": "the last ten days and the totals",
    "ledger status --json": "all days, as JSON",
    "ledger status --format csv": "a line a day, for a spreadsheet",
  },
  flags: {
    "days": count(`how many days to list (default: ${status_days})`),
    "format": format(),
    ...runsFlags(),
  },
  run: async ({ world, flags }) => {
    const ledger = openFor(world, flags);
    const survey = await ledger.survey();
    const { dir } = ledger;
    const shape = rowFormat(flags);
    const runs = await ledger.runs.counts(({ message }) =>
      say(world, `runs are not counted: ${message}`)
    );
    const lags = runs ? await ledger.freshen(["log", "runs"], undefined, -1) : [];
    sayLags(world, flags, lags);
    const lag = await shippingLag(world, dir);
    const shipping = lag ?? null;
    if (shape === "json") return printJson(world, { dir, ...survey, runs: runs ?? null, shipping });
    const { days, parts, events, bytes, newest, ahead, ahead_events, torn } = survey;
    const shown = flags.days ?? (shape === "table" ? status_days : days.length);
    const rows = days.slice(-shown || days.length);
    if (rows.length > 0 || shape !== "table") printRows(world, rows, COLUMNS, shape);
    if (shape !== "table") return;
    if (rows.length > 0) print(world, "");
    if (shown > 0 && rows.length < days.length) {
      say(world, `${counted(days.length - rows.length, "earlier day")} not listed`);
    }
    const lines = `${counted(events, "event")} in ${counted(parts, "part")}`;
    print(world, `${dir}: ${lines} of ${counted(days.length, "day")}, ${humanBytes(bytes)}`);
    if (runs) {
      const so_far = lags.length > 0 ? ", as far as they are indexed" : "";
      print(world, `runs: ${runCountsText(runs)}${so_far}`);
    }
    if (lag) print(world, `fleet: ${shippingText(lag)}`);
    if (newest) {
      const { event_type, timestamp_ms, event_id } = newest;
      const when = `${utc(timestamp_ms)} (${ago(timestamp_ms, world.now_ms())})`;
      print(world, `newest: ${plain(event_type)} ${plain(event_id)}, ${when}`);
    }
    if (ahead > 0) print(world, `more than a day ahead: ${counted(ahead, "event")}`);
    for (const { part, event_type, event_id, timestamp_ms } of ahead_events) {
      print(world, `  ${plain(event_type)} ${plain(event_id)}, ${utc(timestamp_ms)}, in ${part}`);
    }
    if (ahead > ahead_events.length) {
      print(world, `  and ${humanCount(ahead - ahead_events.length)} more`);
    }
    print(world, torn.length === 0 ? "torn: none" : "torn:");
    for (const { part, offset, size_bytes } of torn) {
      print(world, `  ${part} at byte ${offset}: ${counted(size_bytes, "byte")} without a newline`);
    }
    if (torn.length > 0) {
      say(world, "the next emit to that day moves it to quarantine, or: ledger verify --repair");
    }
  },
});

/** Asked without network; a box of no fleet loads nothing for it. */
async function shippingLag(world: World, dir: string) {
  if (!world.files.facts(join(dir, "fleet.json"))) return undefined;
  const { FleetHome } = await import("../../fleet/home.ts");
  try {
    return await new FleetHome(world, dir).lag({ count: true });
  } catch (error) {
    const problem = asLedgerError(error);
    if (!problem) throw error;
    say(world, `how much was shipped is not known: ${problem.message}`);
  }
}

function shippingText({ box, head, bytes, events = 0, seconds }: ShippingLag & { box: string }) {
  const so_far = `box ${box}, segment ${head}`;
  if (bytes === 0) return `${so_far}; all is shipped`;
  const waiting = `${counted(events, "event")} (${humanBytes(bytes)}) not shipped`;
  return `${so_far}; ${waiting}, for up to ${humanDuration(seconds * 1e3)}`;
}
