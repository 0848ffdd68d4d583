import { quoted } from "../../base/error.ts";
import { parseKeepingDigits } from "../../base/json.ts";
import { codeOf } from "../../runs/manifest/code_facts.ts";
import { RUN_TYPES } from "../../runs/manifest/manifest.ts";
import { defineCommand } from "../command.ts";
import { jsonObject, noEvents, required, runsFlags, text, texts, toggle } from "../flags.ts";
import { openFor } from "../open.ts";
import { counted, print, printJson, Progress, say } from "../output.ts";
import { usage } from "../parse.ts";

export default defineCommand({
  name: "runs create",
  summary: "begin a run: its folder, its manifest, its first events",
  description: "Creates runs/YYYY-MM/run_id=ID with a manifest, run.json, that records what the " +
    "run is, its code, and digest, size, rows and time range of each input. The digests make the " +
    "fingerprint of its data. Changes that were not committed are kept as a patch, lines that " +
    "look like secrets masked; what git ignores is not looked at. Appends the run's first events " +
    "to the log. Prints the run's id and its folder.",
  examples: {
    [`ledger runs create --run-type policy --run-id demo-1 --dataset '{"interval":"5m"}'`]:
      "a run with an id of your own",
    [`ledger runs create --run-type policy --run-id demo-2 --parameters '{"window":"1h"}'`]:
      "a run with parameters",
    "ledger runs create --run-type path-only --input 'prices/*.csv' --json":
      "a fresh id; what the run will read; the answer as JSON",
    "ledger runs create --run-type policy --run-id demo-3 --seed 7 -- python train.py --lr 0.1":
      "the command line that makes it: runs rerun prints it",
  },
  command_line: { name: "-- COMMAND", summary: "the command line that makes the run" },
  positionals: [{
    name: "FILE",
    summary: "more inputs, after --input: as a shell fills in a pattern",
    many: true,
  }],
  flags: {
    "run-type": required(
      text("TYPE", `the kind of run: ${RUN_TYPES.join(", ")}, or a name of your own`),
      `a run has a type: --run-type ${RUN_TYPES.join("|")}, or a name of your own`,
    ),
    "run-id": text("ID", "its id (default: $LEDGER_RUN_ID, or a fresh UUID)"),
    "dataset": jsonObject("the data that it reads: from, to, interval, calls_count"),
    "parameters": jsonObject("its parameters"),
    "group": text("NAME", "the sweep that it belongs to"),
    "input": texts("FILE", "a file that it reads, or a pattern of such; may be repeated"),
    "rehash": toggle("with --input: read large files also where size and time are the old ones"),
    "data-fingerprint": text(
      "TEXT",
      "identifies data that is no file; not with --input (default: unknown)",
    ),
    "seed": text("SEED", "what its random numbers begin with (default: parameters.seed)"),
    "versions": jsonObject('versions of what it computes with: {"python":"3.12.1"}'),
    "no-git": toggle("do not ask git for commit, branch and changes"),
    "no-code": toggle("keep no patch of changes that were not committed, only digests"),
    "no-events": noEvents(),
    ...runsFlags(),
  },
  run: async ({ world, flags, words, command_line }) => {
    if (words.length > 0 && !flags.input) {
      throw usage("runs create", `unexpected argument ${quoted(words[0])}`, "inputs: --input FILE");
    }
    if (flags.rehash && !flags.input) throw usage("runs create", "--rehash goes with --input");
    await using ledger = openFor(world, flags);
    using progress = new Progress(world);
    const run = await ledger.runs.create({
      run_type: flags["run-type"],
      run_id: flags["run-id"] ?? (world.env("LEDGER_RUN_ID") || undefined),
      dataset: parsed(flags.dataset),
      parameters: parsed(flags.parameters),
      group: flags.group,
      inputs: flags.input && [...flags.input, ...words],
      rehash: flags.rehash,
      data_fingerprint: flags["data-fingerprint"],
      onNotice: progress.say,
      onProgress: progress.show,
      git: !flags["no-git"],
      code: !flags["no-code"],
      argv: command_line,
      seed: /^-?\d{1,15}$/.test(flags.seed ?? "") ? Number(flags.seed) : flags.seed,
      versions: versionsOf(parsed(flags.versions)),
    }, { events: !flags["no-events"] });
    progress.clear();
    const { run_id, folder } = run;
    const { masked = 0, patch } = codeOf(run.readManifest());
    const masks = [
      ...patch?.masked_lines
        ? [counted(patch.masked_lines, "line of the patch", "lines of the patch")]
        : [],
      ...masked > 0
        ? [
          counted(
            masked,
            "word of the command line or of a URL",
            "words of the command line or of URLs",
          ),
        ]
        : [],
    ];
    if (masks.length > 0) say(world, `masked, since it looks like a secret: ${masks.join(", ")}`);
    if (flags.json) printJson(world, { run_id, folder });
    else print(world, `${run_id} ${folder}`);
  },
});

function parsed(text: string | undefined): Record<string, unknown> | undefined {
  return text === undefined ? undefined : parseKeepingDigits(text) as Record<string, unknown>;
}

function versionsOf(given: Record<string, unknown> | undefined) {
  return given && Object.fromEntries(
    Object.entries(given).map(([name, version]) => [name, String(version)]),
  );
}
