import { quoted } from "../../base/error.ts";
import { parseKeepingDigits } from "../../base/json.ts";
import { RUN_TYPES } from "../../runs/manifest/manifest.ts";
import { defineCommand } from "../command.ts";
import {
  choice,
  jsonObject,
  noEvents,
  required,
  runsFlags,
  text,
  texts,
  toggle,
} from "../flags.ts";
import { openFor } from "../open.ts";
import { print, printJson, say } from "../output.ts";
import { usage } from "../parse.ts";

export default defineCommand({
  name: "runs create",
  summary: "begin a run: its folder, its manifest, its first events",
  description: "Creates runs/YYYY-MM/run_id=ID with a manifest, run.json, that records what the " +
    "run is, the git state of its code, and digest, size, rows and time range of each input. The " +
    "digests make the fingerprint of its data. Appends the run's first events to the log. Prints " +
    "the run's id and its folder.",
  examples: {
    [`ledger runs create --run-type policy --run-id demo-1 --dataset '{"interval":"5m"}'`]:
      "a run with an id of your own",
    [`ledger runs create --run-type policy --run-id demo-2 --parameters '{"window":"1h"}'`]:
      "a run with parameters",
    "ledger runs create --run-type path-only --input 'prices/*.csv' --json":
      "a fresh id; what the run will read; the answer as JSON",
  },
  positionals: [{
    name: "FILE",
    summary: "more inputs, after --input: as a shell fills in a pattern",
    many: true,
  }],
  flags: {
    "run-type": required(
      choice(RUN_TYPES, "the kind of run"),
      `a run has a type: --run-type ${RUN_TYPES.join("|")}`,
    ),
    "run-id": text("ID", "its id (default: $LEDGER_RUN_ID, or a fresh UUID)"),
    "dataset": jsonObject("the data that it reads: from, to, interval, calls_count"),
    "parameters": jsonObject("its parameters"),
    "group": text("NAME", "the sweep that it belongs to"),
    "input": texts("FILE", "a file that it reads, or a pattern of such; may be repeated"),
    "rehash": toggle("read inputs also where they stand as when they were last read"),
    "data-fingerprint": text(
      "TEXT",
      "identifies data that is no file; not with --input (default: unknown)",
    ),
    "no-git": toggle("do not ask git for commit, branch and changes"),
    "no-events": noEvents(),
    ...runsFlags(),
  },
  run: async ({ world, flags, words }) => {
    if (words.length > 0 && !flags.input) {
      throw usage("runs create", `unexpected argument ${quoted(words[0])}`, "inputs: --input FILE");
    }
    await using ledger = openFor(world, flags);
    const { run_id, folder } = await ledger.runs.create({
      run_type: flags["run-type"],
      run_id: flags["run-id"] ?? (world.env("LEDGER_RUN_ID") || undefined),
      dataset: parsed(flags.dataset),
      parameters: parsed(flags.parameters),
      group: flags.group,
      inputs: flags.input && [...flags.input, ...words],
      rehash: flags.rehash,
      data_fingerprint: flags["data-fingerprint"],
      onNotice: (message) => say(world, message),
      git: !flags["no-git"],
    }, { events: !flags["no-events"] });
    if (flags.json) printJson(world, { run_id, folder });
    else print(world, `${run_id} ${folder}`);
  },
});

function parsed(text: string | undefined): Record<string, unknown> | undefined {
  return text === undefined ? undefined : parseKeepingDigits(text) as Record<string, unknown>;
}
