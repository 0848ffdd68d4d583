import * as z from "zod/mini";
import { EXIT_OK } from "../../base/error.ts";
import { defineCommand } from "../command.ts";
import { asJson, dir } from "../flags.ts";
import { openFor } from "../open.ts";
import { print } from "../output.ts";

export default defineCommand({
  name: "trace id",
  summary: "print a new correlation id, for everything that one run emits",
  description: "An id says when its run began: backtest_YYYYMMDD_HHMMSS and eight hex digits.",
  examples: [
    {
      line: "CORRELATION=$(ledger trace id)",
      shows: "an id for a run that is about to begin",
    },
    { line: "ledger trace id --json", shows: "the same for programs" },
  ],
  flags: z.strictObject({ "dir": dir(), "json": asJson() }),
  run: async ({ world, flags }) => {
    await using ledger = openFor(world, flags);
    const correlation_id = await ledger.traces.createCorrelationId();
    print(world, flags.json ? JSON.stringify({ correlation_id }) : correlation_id);
    return EXIT_OK;
  },
});
