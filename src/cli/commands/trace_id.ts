import { newCorrelationId } from "../../trace/event/event.ts";
import { defineCommand } from "../command.ts";
import { asJson } from "../flags.ts";
import { print, printJson } from "../output.ts";

export default defineCommand({
  name: "trace id",
  summary: "a fresh correlation id",
  description: "Prints a correlation id: backtest_YYYYMMDD_HHMMSS and eight random digits. " +
    "Events with the same correlation id belong together.",
  examples: {
    "ledger trace id": "one id",
    "CORRELATION=$(ledger trace id)": "in a variable of a script",
  },
  flags: { "json": asJson() },
  run: ({ world, flags }) => {
    const correlation_id = newCorrelationId(world.now_ms(), world.random_uint32());
    if (flags.json) printJson(world, { correlation_id });
    else print(world, correlation_id);
  },
});
