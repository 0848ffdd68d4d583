import { clock_skew_told_ms } from "../../base/limits.ts";
import { defineCommand } from "../command.ts";
import { EXIT_FINDINGS, EXIT_OK } from "../exit_code.ts";
import { format, text, toggle } from "../flags.ts";
import { fleetFlags, fleetWord, openFleet, sayNoBox } from "../fleet.ts";
import { humanBytes, humanDuration, printRows, rowFormat, say, showTime } from "../output.ts";

export default defineCommand({
  name: "fleet status",
  summary: "how far each box of a fleet has come",
  description:
    "Lists the boxes with the last segment of their log, how much is in the store, and when it " +
    "came; the last bundles of their runs and of their traces; of " +
    "this box also how many events and bytes are not there yet, and for how long at most. A box of " +
    "which a segment is missing, and this one where it is forked, is named (exit 3). Says where " +
    "this machine's clock is off.",
  examples: {
    "ledger fleet status": "the fleet that this box joined",
    "ledger fleet status s3://lab/fleet --endpoint http://127.0.0.1:7480 --format json":
      "any other, for programs",
    "ledger fleet status --tables": "which segments of each box are in each table",
  },
  positionals: [fleetWord()],
  flags: {
    "box": text("NAME", "this one alone"),
    "tables": toggle("of each table, how far each box is in it, and what keeps it from going on"),
    "format": format(),
    ...fleetFlags(),
  },
  network: "reaches",
  run: async ({ world, flags, words: [url] }) => {
    using fleet = await openFleet(world, flags, url);
    const format = rowFormat(flags);
    if (flags.tables) {
      const tables = (await fleet.tables(flags.box)).map(({ problem = null, ...each }) => {
        return { ...each, problem };
      });
      printRows(world, tables, [
        { field: "table" },
        { field: "version", right: true },
        { field: "files", right: true },
        { field: "box" },
        { field: "at", right: true },
        { field: "head", right: true },
        { field: "problem" },
      ], format);
      return tables.some(({ problem }) => problem !== null) ? EXIT_FINDINGS : EXIT_OK;
    }
    const boxes = (await fleet.status(flags.box)).map(({ behind, ...box }) => ({
      name: box.name,
      head: box.head,
      segments: box.segments,
      bytes: box.bytes,
      last_ms: box.last_ms ?? null,
      behind_events: behind?.events ?? null,
      behind_bytes: behind?.bytes ?? null,
      behind_s: behind?.seconds ?? null,
      runs_head: box.artifacts.head,
      traces_head: box.traces.head,
      problem: box.problem ?? box.artifacts.problem ?? box.traces.problem ?? null,
    }));
    if (boxes.length === 0) sayNoBox(world, fleet);
    const is_table = format === "table";
    const bytes = (value: unknown) => value === null ? "" : humanBytes(Number(value));
    const seconds = (value: unknown) => Number(value) > 0 ? humanDuration(Number(value) * 1e3) : "";
    printRows(world, boxes, [
      { field: "name" },
      { field: "head", right: true },
      { field: "segments", right: true },
      { field: "bytes", right: true, ...(is_table ? { show: bytes } : {}) },
      {
        field: "last_ms",
        title: is_table ? "last" : undefined,
        right: true,
        show: showTime(world),
      },
      { field: "behind_events", right: true, ...(is_table ? { title: "not shipped" } : {}) },
      { field: "behind_bytes", right: true, ...(is_table ? { title: "", show: bytes } : {}) },
      { field: "behind_s", right: true, ...(is_table ? { title: "for", show: seconds } : {}) },
      { field: "runs_head", right: true, ...(is_table ? { title: "runs" } : {}) },
      { field: "traces_head", right: true, ...(is_table ? { title: "traces" } : {}) },
      { field: "problem" },
    ], format);
    if (Math.abs(fleet.store.skew_ms) >= clock_skew_told_ms) say(world, fleet.store.skewText());
    return boxes.some(({ problem }) => problem !== null) ? EXIT_FINDINGS : EXIT_OK;
  },
});
