import { clock_skew_told_ms } from "../../base/limits.ts";
import { defineCommand } from "../command.ts";
import { EXIT_FINDINGS, EXIT_OK } from "../exit_code.ts";
import { format, text } from "../flags.ts";
import { fleetFlags, fleetWord, openFleet } from "../fleet.ts";
import { openFor } from "../open.ts";
import { humanBytes, printRows, rowFormat, say, showTime } from "../output.ts";

export default defineCommand({
  name: "fleet status",
  summary: "how far each box of a fleet has come",
  description:
    "Lists the boxes with their last segment, how much is in the store, and when it came; of " +
    "this box also how much is not there yet. A box of which a segment is missing is named (exit 3).",
  examples: {
    "ledger fleet status": "the fleet that this box joined",
    "ledger fleet status s3://lab/fleet --endpoint http://127.0.0.1:7480 --format json":
      "any other, for programs",
  },
  positionals: [fleetWord()],
  flags: { "box": text("NAME", "this one alone"), "format": format(), ...fleetFlags() },
  network: "reaches",
  run: async ({ world, flags, words: [url] }) => {
    const { shippingLag } = await import("../../log/pull/shipping_lag.ts");
    const ledger = openFor(world, flags);
    using fleet = await openFleet(world, flags, url);
    const own = fleet.home.read()?.box?.name;
    const lag = own !== undefined && ledger.exists()
      ? await shippingLag(world, ledger.dir)
      : undefined;
    const boxes = (await fleet.status(flags.box)).map((box) => ({
      name: box.name,
      head: box.head,
      segments: box.segments,
      bytes: box.bytes,
      last_ms: box.last_ms ?? null,
      behind_bytes: box.name === own ? lag?.bytes ?? 0 : null,
      problem: box.problem ?? null,
    }));
    const format = rowFormat(flags);
    const is_table = format === "table";
    const bytes = (value: unknown) => value === null ? "" : humanBytes(Number(value));
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
      { field: "behind_bytes", right: true, ...(is_table ? { title: "behind", show: bytes } : {}) },
      { field: "problem" },
    ], format);
    if (Math.abs(fleet.store.skew_ms) >= clock_skew_told_ms) say(world, fleet.store.skewText());
    return boxes.some(({ problem }) => problem !== null) ? EXIT_FINDINGS : EXIT_OK;
  },
});
