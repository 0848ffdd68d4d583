import { parseKeepingDigits } from "../../base/json.ts";
import { RUN_TYPES } from "../../runs/manifest/manifest.ts";
import { defineCommand } from "../command.ts";
import { choice, jsonObject, noEvents, required, runsFlags, text, toggle } from "../flags.ts";
import { openFor } from "../open.ts";
import { print, printJson } from "../output.ts";

export default defineCommand({
  name: "runs create",
  summary: "begin a run: its folder, its manifest, its first events",
  description: "Creates runs/YYYY-MM/run_id=ID with a manifest, run.json, that records what the " +
    "run is and the git state of its code. Appends the run's first events to the log. Prints the " +
    "run's id and its folder.",
  examples: {
    [`ledger runs create --run-type policy --run-id demo-1 --dataset '{"interval":"5m"}'`]:
      "a run with an id of your own",
    [`ledger runs create --run-type policy --run-id demo-2 --parameters '{"window":"1h"}'`]:
      "a run with parameters",
    "ledger runs create --run-type path-only --json": "a fresh id; the answer as JSON",
  },
  flags: {
    "run-type": required(
      choice(RUN_TYPES, "the kind of run"),
      `a run has a type: --run-type ${RUN_TYPES.join("|")}`,
    ),
    "run-id": text("ID", "its id (default: $LEDGER_RUN_ID, or a fresh UUID)"),
    "dataset": jsonObject("the data that it reads: from, to, interval, calls_count"),
    "parameters": jsonObject("its parameters"),
    "data-fingerprint": text(
      "TEXT",
      "identifies the data that it reads (default: the sha256 of the dataset's JSON)",
    ),
    "no-git": toggle("do not ask git for commit, branch and changes"),
    "no-events": noEvents(),
    ...runsFlags(),
  },
  run: async ({ world, flags }) => {
    await using ledger = openFor(world, flags);
    const { run_id, folder } = await ledger.runs.create({
      run_type: flags["run-type"],
      run_id: flags["run-id"] ?? (world.env("LEDGER_RUN_ID") || undefined),
      dataset: parsed(flags.dataset),
      parameters: parsed(flags.parameters),
      data_fingerprint: flags["data-fingerprint"],
      git: !flags["no-git"],
    }, { events: !flags["no-events"] });
    if (flags.json) printJson(world, { run_id, folder });
    else print(world, `${run_id} ${folder}`);
  },
});

function parsed(text: string | undefined): Record<string, unknown> | undefined {
  return text === undefined ? undefined : parseKeepingDigits(text) as Record<string, unknown>;
}
