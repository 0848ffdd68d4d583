import { FILE_KINDS } from "../../runs/manifest/attached.ts";
import { defineCommand, runWord } from "../command.ts";
import { choice, runsFlags, text } from "../flags.ts";
import { isStandardInput } from "../input.ts";
import { openFor } from "../open.ts";
import { humanBytes, print, printJson } from "../output.ts";
import { usage } from "../parse.ts";

export default defineCommand({
  name: "runs attach",
  summary: "keep any file with a run: a plot, a model, a notebook",
  description: "Copies a file below files/ in the run's folder, and notes its size, digest and " +
    "media type in the manifest, replacing one of the same name. ledger runs show lists it, ledger " +
    "runs verify checks it, ledger report shows pictures. A run that has ended takes no more files.",
  examples: {
    "ledger runs attach demo-1 equity.png --as plots/equity.png": "a plot, which the report shows",
    "ledger runs attach demo-1 model.onnx": "a model, under its own name",
    [`echo '<svg xmlns="http://www.w3.org/2000/svg"/>' | ledger runs attach demo-1 - --as plots/returns.svg`]:
      "what another program prints",
  },
  positionals: [
    runWord(),
    { name: "FILE", summary: "the file; - reads standard input", required: true },
  ],
  flags: {
    "as": text("NAME", "its name below files/: plots/equity.png (default: the file's own)"),
    "kind": choice(FILE_KINDS, "what it is for (default: by what it holds and is called)"),
    ...runsFlags(),
  },
  run: async ({ world, flags, words: [run_id, file] }) => {
    const is_stdin = isStandardInput(file);
    if (is_stdin && flags.as === undefined) {
      throw usage("runs attach", "standard input has no name: --as plots/equity.png");
    }
    await using ledger = openFor(world, flags);
    const run = await ledger.runs.find(run_id);
    const attached = await run.attachFile(is_stdin ? { stdin: true } : { path: file }, flags);
    const path = `${run.folder}/${attached.path}`;
    if (flags.json) return printJson(world, { ...attached, path });
    const { kind, media_type, bytes, replaced_bytes } = attached;
    const replaced = replaced_bytes === undefined
      ? ""
      : `, replacing ${humanBytes(replaced_bytes)}`;
    print(world, `${path} ${kind}, ${media_type}, ${humanBytes(bytes)}${replaced}`);
  },
});
