import * as z from "zod/mini";
import { EXIT_OK } from "../../base/error.ts";
import { parseKeepingDigits } from "../../base/json.ts";
import { RUN_TYPES } from "../../runs/manifest/manifest.ts";
import { defineCommand } from "../command.ts";
import { asJson, choice, dir, jsonObject, noEvents, runsDir, text, toggle } from "../flags.ts";
import { openFor } from "../open.ts";
import { usage } from "../parse.ts";
import { print } from "../output.ts";

const runsCreate = defineCommand({
  name: "runs create",
  summary: "begin a run: its folder, its manifest, its first events",
  description: "Makes runs/YYYY-MM/run_id=ID with a run.json that says what the run is and which " +
    "state of the code it was made with, and tells the log. Prints the run's id and its folder.",
  examples: [
    {
      line: `ledger runs create --run-type policy --run-id demo-1 --dataset '{"interval":"5m"}'`,
      shows: "a run with an id of one's own",
    },
    {
      line: `ledger runs create --run-type policy --run-id demo-2 --parameters '{"window":"1h"}'`,
      shows: "what it runs with",
    },
    {
      line: "ledger runs create --run-type path-only --json",
      shows: "a fresh id; told as JSON",
    },
  ],
  flags: z.strictObject({
    "run-type": choice(RUN_TYPES, { description: "what kind of run it is; has to be given" }),
    "run-id": text({
      value: "ID",
      description: "its id (default: $LEDGER_RUN_ID, or a fresh UUID)",
    }),
    "dataset": jsonObject({ description: "what it ran on: from, to, interval, calls_count" }),
    "parameters": jsonObject({ description: "what it ran with" }),
    "data-fingerprint": text({
      description: "what tells its data apart (default: the sha256 of the dataset's JSON)",
    }),
    "no-git": toggle({ description: "do not ask git for commit, branch and changes" }),
    "no-events": noEvents(),
    "json": asJson(),
    "dir": dir(),
    "runs-dir": runsDir(),
  }),
  run: async ({ world, flags }) => {
    if (flags["run-type"] === undefined) {
      throw usage(runsCreate, `a run has a type: --run-type ${RUN_TYPES.join("|")}`);
    }
    await using ledger = openFor(world, flags);
    const run = await ledger.runs.create({
      run_type: flags["run-type"],
      run_id: flags["run-id"] ?? (world.env("LEDGER_RUN_ID") || undefined),
      dataset: parsed(flags.dataset),
      parameters: parsed(flags.parameters),
      data_fingerprint: flags["data-fingerprint"],
      git: !flags["no-git"],
    }, { events: !flags["no-events"] });
    const { run_id, folder } = run;
    print(world, flags.json ? JSON.stringify({ run_id, folder }) : `${run_id} ${folder}`);
    return EXIT_OK;
  },
});
export default runsCreate;

function parsed(text: string | undefined): Record<string, unknown> | undefined {
  return text === undefined ? undefined : parseKeepingDigits(text) as Record<string, unknown>;
}
