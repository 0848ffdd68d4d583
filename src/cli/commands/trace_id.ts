import * as z from "zod/mini";
import { EXIT_OK } from "../../base/error.ts";
import { newCorrelationId } from "../../trace/event/event.ts";
import { defineCommand } from "../command.ts";
import { asJson } from "../flags.ts";
import { print } from "../output.ts";

export default defineCommand({
  name: "trace id",
  summary: "an id for everything that one run emits",
  description: "Prints a fresh correlation id: backtest_YYYYMMDD_HHMMSS and eight random digits. " +
    "Events that carry it belong together.",
  examples: [
    { line: "ledger trace id", shows: "one id" },
    { line: "CORRELATION=$(ledger trace id)", shows: "kept in a variable of a script" },
  ],
  flags: z.strictObject({ "json": asJson() }),
  run: ({ world, flags }) => {
    const correlation_id = newCorrelationId(world.now_ms(), world.random_uint32());
    print(world, flags.json ? JSON.stringify({ correlation_id }) : correlation_id);
    return Promise.resolve(EXIT_OK);
  },
});
