import * as z from "zod/mini";
import { EXIT_FINDINGS, EXIT_OK } from "../../base/error.ts";
import { escaped } from "../../base/format.ts";
import type { World } from "../../base/world.ts";
import type { PullReport, PullSource } from "../../ledger/pull.ts";
import { defineCommand } from "../command.ts";
import { asJson, dir, runsDir, text, toggle } from "../flags.ts";
import { openFor } from "../open.ts";
import { counted, humanBytes, paintFor, print, say } from "../output.ts";

export default defineCommand({
  name: "pull",
  summary: "take in another box's ledger and runs",
  description: "Merges a ledger's folder that was copied here, or is mounted, into this one; " +
    "nothing there is changed. Its parts arrive as parts of a writer with that box's name, byte for " +
    "byte, and grow with each pull; lines that are here already under that name, or came from here, " +
    "are not taken again, and the index counts each event_id once. Corrupt lines are taken as they are, " +
    "and told. Links there are not followed. Runs that have ended there are copied, their artifacts checked. " +
    "Traces are not taken. What cannot be taken is told, the others go on, and the exit code is 3.",
  examples: [
    { line: "ledger pull boxes/node7 --dry-run", shows: "what there is to take" },
    { line: "ledger pull boxes/node7", shows: "data/ledger and runs of a box" },
    {
      line: "ledger pull boxes/node7/data/ledger --as node8 --json",
      shows: "a ledger alone, under another name",
    },
  ],
  positionals: [{
    name: "DIR",
    summary: "a ledger's folder, or a folder with data/ledger and runs in it",
    required: true,
  }],
  flags: z.strictObject({
    "as": text({
      value: "HOST",
      description:
        "what the box is called here (default: the host in its index/.lock, or DIR's name)",
    }),
    "runs": text({ value: "DIR", description: "its folder of runs (default: DIR/runs)" }),
    "dry-run": toggle({ description: "only tell what would be taken" }),
    "json": asJson(),
    "dir": dir(),
    "runs-dir": runsDir(),
  }),
  run: async ({ world, flags, words: [from] }) => {
    await using ledger = openFor(world, flags);
    const report = await ledger.upkeep.pull({
      from,
      as: flags.as,
      runs: flags.runs,
      dry_run: flags["dry-run"],
      onSource: (source) => tellSource(world, source),
      onNotice: (message) => say(world, message),
    });
    if (flags.json) print(world, JSON.stringify(report));
    else tell(world, report);
    if (flags["dry-run"]) say(world, "nothing was taken: this was a dry run");
    else if (report.log.taken.length > 0 || report.runs.taken.length > 0) {
      say(world, "take it into the indexes: ledger rebuild");
    }
    const is_clean = report.findings.length === 0 &&
      report.log.taken.every(({ corrupt }) => corrupt === 0);
    return is_clean ? EXIT_OK : EXIT_FINDINGS;
  },
});

const HOW_NAMED = {
  flag: "",
  index: ", as its index/.lock says",
  folder: ", after its folder",
} as const;

function tellSource(world: World, { host, named_by, ledger }: PullSource): void {
  const how = HOW_NAMED[named_by];
  say(world, `pulling ${ledger} as ${host}${how}${how && "; for another name: --as HOST"}`);
}

function tell(world: World, { from, types, log, artifacts, runs, findings }: PullReport): void {
  const { red } = paintFor(world, world.stdout);
  for (const name of types) print(world, `type ${name}  registered as it is there`);
  for (const { host, part, into, lines, bytes, corrupt, corrupt_lines } of log.taken) {
    const whose = host === from.host ? "" : ` of ${host}`;
    print(world, `${part}${whose} -> ${into}  ${counted(lines, "line")}, ${humanBytes(bytes)}`);
    if (corrupt === 0) continue;
    print(world, `    ${red(counted(corrupt, "corrupt line"))} of these, taken as they are:`);
    for (const { offset, reason } of corrupt_lines) {
      print(world, `    at byte ${offset}: ${escaped(reason)}`);
    }
    if (corrupt > corrupt_lines.length) print(world, "    …; all of them: ledger verify");
  }
  for (const { path, bytes } of artifacts.taken) {
    print(world, `artifacts/runs/${escaped(path)}  ${humanBytes(bytes)}`);
  }
  for (const { run_path, files, bytes, replaced } of runs.taken) {
    const what = replaced ? ", in place of an older state of it" : "";
    print(world, `${run_path}  ${counted(files, "file")}, ${humanBytes(bytes)}${what}`);
  }
  for (const { run_path, reason } of runs.left) print(world, `${run_path}  left: ${reason}`);
  for (const { what, reason, hint } of findings) {
    print(world, `${red("not taken")}  ${what}: ${reason}${hint ? `\n    ${hint}` : ""}`);
  }
  const sum = (field: "lines" | "bytes") =>
    log.taken.reduce((total, taken) => total + taken[field], 0);
  const nothing =
    log.taken.length + runs.taken.length + artifacts.taken.length + types.length === 0;
  print(
    world,
    `from ${from.host}: ` + (nothing ? "nothing new" : `${counted(sum("lines"), "line")} ` +
      `(${humanBytes(sum("bytes"))}) of ${counted(log.taken.length, "part")}, ` +
      counted(runs.taken.length, "run")) +
      `; ${counted(log.same, "part")} and ${counted(runs.same, "run")} are here already` +
      (findings.length > 0 ? `; ${red(counted(findings.length, "finding"))}` : ""),
  );
}
