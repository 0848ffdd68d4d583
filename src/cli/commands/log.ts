import { placeText } from "../../base/error.ts";
import {
  damage_shown_max,
  follow_last_events,
  gathered_output_chars_max,
} from "../../base/limits.ts";
import { nearest } from "../../base/nearest.ts";
import type { World } from "../../base/world.ts";
import { parseExact } from "../../base/json.ts";
import type { Ledger } from "../../ledger/ledger.ts";
import {
  type DamageRecord,
  EVENT_TYPES,
  type EventRecord,
  type LedgerEvent,
  type LogCursor,
  type LogRecord,
  type ReadFilter,
  recentRunIds,
} from "../../log/mod.ts";
import { defineCommand, type FlagsOf } from "../command.ts";
import { exitOfDaemon } from "../exit_code.ts";
import {
  count,
  day,
  format,
  ledgerFlags,
  type RowFormat,
  text,
  texts,
  time,
  toggle,
} from "../flags.ts";
import { openFor } from "../open.ts";
import {
  counted,
  escaped,
  fieldColumns,
  paintFor,
  rowFormat,
  RowPrinter,
  say,
  shortened,
  utc,
  write,
} from "../output.ts";
import { stopOnInterrupt } from "../progress.ts";

const flags = {
  "since": time("from this time on: a day, a time, or 2h, 7d", { aliases: ["since-date"] }),
  "until": time("before this time"),
  "day": day("one day (UTC)"),
  "type": texts("TYPE", "only this type; may be repeated (default: all)"),
  "run-id": text("ID", "only this run"),
  "last": count("only the last N (default: all; with --follow: 10)", { short: "n" }),
  "follow": toggle("print new events as they come, until interrupted", { short: "f" }),
  "raw": toggle("print events as written, without upcasting older versions"),
  "format": format("table on a terminal, else ndjson"),
  ...ledgerFlags(),
};

type Flags = FlagsOf<typeof flags>;

/** With fewer columns than this beside it, an event's payload has a line of its own. */
const ROOM_MIN = 20;

export default defineCommand({
  name: "log",
  summary: "read the log, or follow it",
  description: "Prints events in log order, read from the log's files alone: as a table on a " +
    "terminal, as NDJSON elsewhere. Damaged lines are skipped and reported on standard error. " +
    "--follow continues across rotation, midnight and recovery.",
  examples: {
    "ledger log --since 2h --type run.failed": "what failed in the last two hours",
    "ledger log --run-id r1 -n 5": "the last five events of a run",
  },
  flags,
  run: async ({ world, flags }) => {
    await using ledger = openFor(world, flags);
    const printer = new EventPrinter(world, ledger, flags);
    if (flags.follow) return await follow(world, ledger, flags, printer);
    const filter = filterOf(world, flags);
    const cursor = ledger.cursor(filter);
    const records = flags.last === undefined
      ? cursor.pass()
      : await lastRecords(cursor, flags.last);
    for await (const record of records) printer.take(record);
    printer.end();
    if (printer.events === 0) sayUnknown(world, ledger, filter);
  },
});

function filterOf(world: World, flags: Flags): ReadFilter {
  const now_ms = world.now_ms();
  const types = flags.type?.flatMap((type) => type.split(",")).map((type) => type.trim());
  if (types?.includes("")) types.splice(0, types.length, ...Object.keys(EVENT_TYPES));
  return {
    since_ms: flags.since?.ms(now_ms),
    until_ms: flags.until?.ms(now_ms),
    day: flags.day,
    types,
    run_id: flags["run-id"],
  };
}

/** An empty answer may come of a misspelled type, or run. */
function sayUnknown(world: World, ledger: Ledger, { types = [], run_id }: ReadFilter): void {
  const sayUnless = (known: readonly string[], what: string, asked: string) => {
    if (known.includes(asked)) return;
    const near = nearest(asked, known);
    say(world, `no events of ${what} ${asked}${near ? `; did you mean ${near}?` : ""}`);
  };
  const known = [...Object.keys(EVENT_TYPES), ...ledger.registry.types.keys()];
  for (const type of types) sayUnless(known, "type", type);
  if (run_id !== undefined) sayUnless(recentRunIds(world.files, ledger.dir), "run", run_id);
}

/** The last records, read backwards a day at a time so that old days are not read at all. */
async function lastRecords(cursor: LogCursor, wanted: number): Promise<LogRecord[]> {
  let last: LogRecord[] = [];
  for (const day of cursor.days().reverse()) {
    if (last.length >= wanted) {
      await cursor.skipToEnd([day]);
      continue;
    }
    const of_day: LogRecord[] = [];
    for await (const record of cursor.pass([day])) {
      of_day.push(record);
      if (of_day.length > 2 * wanted + 1000) of_day.splice(0, of_day.length - wanted);
    }
    last = [...of_day, ...last];
  }
  return wanted === 0 ? [] : last.slice(-wanted);
}

async function follow(
  world: World,
  ledger: Ledger,
  flags: Flags,
  printer: EventPrinter,
): Promise<number> {
  using stop = stopOnInterrupt(world);
  const cursor = ledger.cursor(filterOf(world, flags));
  const from_start = flags.last === undefined && flags.since !== undefined;
  if (!from_start && ledger.exists()) {
    for (const record of await lastRecords(cursor, flags.last ?? follow_last_events)) {
      printer.take(record);
    }
    printer.flush();
  }
  for await (const record of ledger.follow(stop.signal, cursor)) {
    printer.take(record);
    printer.flush();
  }
  printer.end();
  return exitOfDaemon(stop);
}

/** An event whose numbers keep every digit, but for those that this program reads. */
function exactEvent({ text, event }: EventRecord): LedgerEvent {
  const exact = parseExact(text) as LedgerEvent;
  for (const name of ["timestamp_ms", "event_version"]) {
    if (Object.hasOwn(event, name)) exact[name] = event[name];
  }
  return exact;
}

/** Prints records in the format asked for, many at a time. */
class EventPrinter {
  readonly #format: RowFormat;
  readonly #rows: RowPrinter;
  /** How many were printed. */
  events = 0;
  #gathered = "";
  #damaged = 0;

  constructor(readonly world: World, readonly ledger: Ledger, readonly flags: Flags) {
    this.#format = rowFormat(flags, world.stdout.is_terminal ? "table" : "ndjson");
    const columns = fieldColumns("event_id event_type timestamp_ms run_id payload");
    this.#rows = new RowPrinter(world, columns, this.#format);
  }

  take(record: LogRecord): void {
    if (record.kind !== "event") return this.#sayDamage(record);
    this.events++;
    const { registry } = this.ledger;
    const is_as_written = this.flags.raw || registry.upcast(record.event) === record.event;
    if (is_as_written && this.#format === "ndjson") return this.#gather(record.text);
    const exact = exactEvent(record);
    const event = is_as_written ? exact : registry.upcast(exact);
    if (this.#format === "ndjson") return this.#gather(JSON.stringify(event));
    if (this.#format === "table") return this.#gather(this.#tableLine(event));
    if (this.#format === "json") return this.#rows.print(event);
    const { event_id, event_type, timestamp_ms, run_id, ...payload } = event;
    this.#rows.print({ event_id, event_type, timestamp_ms, run_id, payload });
  }

  #gather(line: string): void {
    this.#gathered += `${line}\n`;
    if (this.#gathered.length > gathered_output_chars_max) this.flush();
  }

  flush(): void {
    if (this.#gathered === "") return;
    const text = this.#gathered;
    this.#gathered = "";
    write(this.world.stdout, text);
  }

  end(): void {
    this.flush();
    if (this.#format !== "table" && this.#format !== "ndjson") this.#rows.end();
    if (this.#damaged > damage_shown_max) {
      say(this.world, `… and ${this.#damaged - damage_shown_max} more`);
    }
    if (this.#damaged > 0) {
      say(this.world, `${counted(this.#damaged, "damaged line")}; see: ledger verify`);
    }
  }

  #tableLine(event: Record<string, unknown>): string {
    const { cyan, dim } = paintFor(this.world, this.world.stdout);
    const { event_id: _, event_type, timestamp_ms, run_id = "", ...rest } = event;
    const payload = Object.keys(rest).length > 0 ? escaped(JSON.stringify(rest)) : "";
    const type = escaped(String(event_type));
    const head = `${utc(timestamp_ms as number)}  ${type.padEnd(18)}  ` +
      `${escaped(String(run_id)).padEnd(14)}`;
    const painted = `${dim(head.slice(0, 24))}${cyan(head.slice(24, 44))}${head.slice(44)}`;
    const { is_terminal, columns } = this.world.stdout;
    if (!is_terminal) return `${painted}  ${payload}`;
    const room = columns - head.length - 2;
    if (room >= ROOM_MIN) return `${painted}  ${shortened(payload, room)}`;
    const below = payload === "" ? "" : `\n  ${shortened(payload, columns - 2)}`;
    return painted.trimEnd() + below;
  }

  #sayDamage(record: DamageRecord): void {
    if (++this.#damaged > damage_shown_max) return;
    const place = placeText({ path: record.label, offset: record.offset });
    say(this.world, `${place}: ${record.kind} (${record.size_bytes} bytes): ${record.reason}`);
  }
}
