import { escaped } from "../../base/format.ts";
import type { World } from "../../base/world.ts";
import type { PullReport, PullSource } from "../../ledger/pull.ts";
import { defineCommand } from "../command.ts";
import { EXIT_FINDINGS, EXIT_OK, sayNotes } from "../exit_code.ts";
import { runsFlags, text, toggle } from "../flags.ts";
import { openFor } from "../open.ts";
import { counted, humanBytes, paintFor, print, printJson, say } from "../output.ts";

export default defineCommand({
  name: "pull",
  summary: "merge another machine's ledger and runs into this one",
  description: "Reads a ledger's folder that was copied here or is mounted; changes nothing " +
    "there. Copies its parts byte for byte, as parts of a writer named after that machine. The " +
    "next pull takes only what is new, and nothing that came from here; the index counts each " +
    "event_id once. Corrupt lines are copied and reported. Copies finished runs, after checking " +
    "their artifacts; no traces; follows no links. What cannot be taken is reported, the rest is " +
    "taken, and the exit code is 3.",
  examples: {
    "ledger pull boxes/node7 --dry-run": "list what is new there",
    "ledger pull boxes/node7": "data/ledger and runs of another machine",
    "ledger pull boxes/node7/data/ledger --as node8 --json": "a ledger alone, under another name",
  },
  positionals: [{
    name: "DIR",
    summary: "a ledger's folder, or a folder with data/ledger and runs in it",
    required: true,
  }],
  flags: {
    "as": text(
      "HOST",
      "the machine's name here (default: the host in its index/.lock, or DIR's name)",
    ),
    "runs": text("DIR", "its folder of runs (default: DIR/runs)"),
    "dry-run": toggle("list what would be taken; take nothing"),
    ...runsFlags(),
  },
  run: async ({ world, flags, words: [from] }) => {
    await using ledger = openFor(world, flags);
    const report = await ledger.upkeep.pull({
      from,
      as: flags.as,
      runs: flags.runs,
      dry_run: flags["dry-run"],
      onSource: (source) => saySource(world, source),
      onNotice: (message) => say(world, message),
    });
    if (flags.json) printJson(world, report);
    else printReport(world, report);
    if (flags["dry-run"]) say(world, "nothing was taken: --dry-run");
    else if (report.log.taken.length > 0 || report.runs.taken.length > 0) {
      say(world, "to index it: ledger rebuild");
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

function saySource(world: World, { host, named_by, ledger }: PullSource): void {
  const how = HOW_NAMED[named_by];
  say(world, `pulling ${ledger} as ${host}${how}${how && "; for another name: --as HOST"}`);
}

function printReport(
  world: World,
  { from, types, artifact_types, log, artifacts, runs, findings }: PullReport,
): void {
  const { red } = paintFor(world, world.stdout);
  for (const name of types) print(world, `type ${name}  registered`);
  for (const name of artifact_types) print(world, `artifact type ${name}  registered`);
  for (const { host, part, into, lines, bytes, corrupt, corrupt_lines } of log.taken) {
    const whose = host === from.host ? "" : ` of ${host}`;
    print(world, `${part}${whose} -> ${into}  ${counted(lines, "line")}, ${humanBytes(bytes)}`);
    if (corrupt === 0) continue;
    print(world, `    ${red(counted(corrupt, "corrupt line"))} among these, copied as they are:`);
    for (const { offset, reason } of corrupt_lines) {
      print(world, `    at byte ${offset}: ${escaped(reason)}`);
    }
    if (corrupt > corrupt_lines.length) print(world, "    …; all of them: ledger verify");
  }
  for (const { path, bytes } of artifacts.taken) {
    print(world, `artifacts/runs/${escaped(path)}  ${humanBytes(bytes)}`);
  }
  for (const { run_path, files, bytes, replaced } of runs.taken) {
    const what = replaced ? ", replacing an older state" : "";
    print(world, `${run_path}  ${counted(files, "file")}, ${humanBytes(bytes)}${what}`);
  }
  sayNotes(world, runs.notes);
  for (const { run_path, reason } of runs.left) print(world, `${run_path}  not taken: ${reason}`);
  for (const { what, reason, hint } of findings) {
    print(world, `${red("not taken")}  ${what}: ${reason}${hint ? `\n    ${hint}` : ""}`);
  }
  const sum = (field: "lines" | "bytes") =>
    log.taken.reduce((total, taken) => total + taken[field], 0);
  const changes = log.taken.length + runs.taken.length + artifacts.taken.length + types.length +
    artifact_types.length;
  const taken = `${counted(sum("lines"), "line")} (${humanBytes(sum("bytes"))}) of ` +
    `${counted(log.taken.length, "part")}, ${counted(runs.taken.length, "run")}`;
  const same = `${counted(log.same, "part")} and ${counted(runs.same, "run")} unchanged`;
  const found = findings.length > 0 ? `; ${red(counted(findings.length, "finding"))}` : "";
  print(world, `from ${from.host}: ${changes === 0 ? "nothing new" : taken}; ${same}${found}`);
}
