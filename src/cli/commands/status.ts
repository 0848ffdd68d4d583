import * as z from "zod/mini";
import { EXIT_OK } from "../../base/error.ts";
import { status_days } from "../../base/limits.ts";
import { defineCommand } from "../command.ts";
import { asJson, count, dir } from "../flags.ts";
import { openFor } from "../open.ts";
import {
  ago,
  counted,
  humanBytes,
  humanCount,
  plain,
  print,
  printRows,
  say,
  utc,
} from "../output.ts";

export default defineCommand({
  name: "status",
  summary: "what is in the ledger, at a glance",
  description: "Days, parts, events and bytes, the newest event, and whether a part ends in a " +
    "torn line. Counts whole lines without judging them; `ledger verify` judges.",
  examples: [
    { line: "ledger status", shows: "the last ten days and the totals" },
    { line: "ledger status --json", shows: "all of it, for a program" },
  ],
  flags: z.strictObject({
    "days": count({ description: `how many days to list (default: ${status_days})` }),
    "json": asJson(),
    "dir": dir(),
  }),
  run: async ({ world, flags }) => {
    const ledger = openFor(world, flags);
    const survey = await ledger.survey();
    if (flags.json) {
      print(world, JSON.stringify({ dir: ledger.dir, ...survey }));
      return EXIT_OK;
    }
    const shown = flags.days ?? status_days;
    const rows = survey.days.slice(-shown || survey.days.length);
    const columns = [
      { field: "day" },
      { field: "parts", right: true },
      { field: "sealed", right: true },
      { field: "events", right: true, show: (count: unknown) => humanCount(count as number) },
      { field: "bytes", right: true, show: (bytes: unknown) => humanBytes(bytes as number) },
      {
        field: "stored_bytes",
        title: "stored",
        right: true,
        show: (bytes: unknown) => humanBytes(bytes as number),
      },
    ];
    if (shown > 0 && rows.length > 0) {
      printRows(world, rows.map((row) => ({ ...row })), columns, "table");
      print(world, "");
    }
    if (shown > 0 && rows.length < survey.days.length) {
      say(world, `${counted(survey.days.length - rows.length, "earlier day")} not listed`);
    }
    print(
      world,
      `${ledger.dir}: ${counted(survey.events, "event")} in ${counted(survey.parts, "part")} of ` +
        `${counted(survey.days.length, "day")}, ${humanBytes(survey.bytes)}`,
    );
    if (survey.newest) {
      const { event_type, timestamp_ms, event_id } = survey.newest;
      print(
        world,
        `newest: ${plain(event_type)} ${plain(event_id)}, ${utc(timestamp_ms)} ` +
          `(${ago(timestamp_ms, world.now_ms())})`,
      );
    }
    print(world, survey.torn.length === 0 ? "torn: none" : "torn:");
    for (const { part, offset, size_bytes } of survey.torn) {
      print(world, `  ${part} at byte ${offset}: ${counted(size_bytes, "byte")} without an end`);
    }
    if (survey.torn.length > 0) {
      say(world, "the next emit to that day moves it to quarantine, or: ledger verify --repair");
    }
    return EXIT_OK;
  },
});
