import type { World } from "../../base/world.ts";
import { findings_shown_max } from "../../base/limits.ts";
import type { Finding, VerifyReport } from "../../log/mod.ts";
import { defineCommand } from "../command.ts";
import { EXIT_FINDINGS, EXIT_OK } from "../exit_code.ts";
import { ledgerFlags, toggle } from "../flags.ts";
import { openFor } from "../open.ts";
import { counted, humanBytes, paintFor, print, printJson, Progress, say } from "../output.ts";

const REGISTRY = "_schema.json";

export default defineCommand({
  name: "verify",
  summary: "check every line, and the seals",
  description: "Validates every line of the log. Lines of sealed parts were validated when they " +
    "were sealed: for these it proves that no byte has changed since. Torn means an unfinished " +
    "last line, which a killed writer leaves; corrupt means a whole line that is no valid event. " +
    "Also checks the checksums of traces. --repair moves torn ends to events/_quarantine and " +
    "copies corrupt lines there; it deletes nothing. Exit code 3 when something needs attention.",
  examples: {
    "ledger verify": "is every line whole and valid?",
    "ledger verify --repair": "move damage to quarantine, keeping every byte",
  },
  flags: {
    "repair": toggle("move torn ends, and copy corrupt lines, to quarantine"),
    "deep": toggle("also check fields, days, duplicate ids, and the hash chain of sealed parts"),
    "lines": toggle("also validate the lines of sealed parts again"),
    ...ledgerFlags(),
  },
  run: async ({ world, flags }) => {
    const ledger = openFor(world, flags);
    using progress = new Progress(world);
    const report = await ledger.verify({
      repair: flags.repair,
      deep: flags.deep,
      lines: flags.lines,
      onProgress: progress.is_wanted ? progress.show : undefined,
    });
    progress.clear();
    if (flags.json) printJson(world, report);
    else printReport(world, report, flags.deep);
    return report.findings.length > 0 ? EXIT_FINDINGS : EXIT_OK;
  },
});

function printReport(world: World, report: VerifyReport, deep: boolean): void {
  const { green, red, dim } = paintFor(world, world.stdout);
  const { findings, settled } = report;
  for (const finding of findings.slice(0, findings_shown_max)) {
    print(world, `${red(finding.kind)}  ${described(finding)}`);
  }
  if (findings.length > findings_shown_max) {
    print(world, `… and ${findings.length - findings_shown_max} more; all of them: --json`);
  }
  for (const finding of settled.slice(0, findings_shown_max)) {
    print(world, dim(`${finding.kind}  ${described(finding)} -> ${finding.quarantined_as}`));
  }
  if (settled.length > findings_shown_max) {
    print(world, `… and ${settled.length - findings_shown_max} more`);
  }
  const { events, parts, days, bytes, unknown_type_events } = report;
  const lines = `${counted(events, "event")} in ${counted(parts, "part")} of ${
    counted(days, "day")
  }`;
  print(
    world,
    `${lines}, ${humanBytes(bytes)}: ` +
      (findings.length === 0 ? green("whole") : red(counted(findings.length, "finding"))) +
      (settled.length > 0 ? ` (${settled.length} in quarantine)` : ""),
  );
  if (unknown_type_events > 0) {
    print(world, `${counted(unknown_type_events, "event")} of types that are not registered`);
  }
  const { ids_with_control_characters: escaped_ids = 0 } = report;
  if (escaped_ids > 0) {
    print(world, `${counted(escaped_ids, "event")} whose id has control characters, shown escaped`);
  }
  if (deep) printProof(world, report);
  for (const note of report.notes) print(world, dim(`note: ${note}`));
  const has = (kinds: string[], isMeant = (_part: string) => true) =>
    findings.some(({ kind, part }) => kinds.includes(kind) && isMeant(part));
  if (has(["torn", "corrupt"])) {
    say(world, "to move the damage to quarantine, keeping every byte: ledger verify --repair");
  }
  if (has(["corrupt_trace"])) {
    say(world, "readers skip damaged traces; to move them to quarantine: ledger trace compact");
  }
  if (has(["changed", "removed"], (part) => part !== REGISTRY)) {
    say(world, "restore sealed parts from a backup, or with: ledger archive import FILE");
  }
  if (findings.some(({ kind, part }) => kind !== "chain" && part === REGISTRY)) {
    say(world, "restore the registry from a backup, or accept it: ledger seal --accept-registry");
  }
}

function printProof(world: World, report: VerifyReport): void {
  const { findings, parts, proven, head, away, duplicates = 0 } = report;
  const where = proven.parts > 0 ? ", in parts that are not sealed" : "";
  print(world, `${counted(duplicates, "event")} emitted more than once${where}`);
  if (head) {
    const unchanged = `${counted(proven.parts, "part")} (${humanBytes(proven.bytes)})`;
    const chain = `the chain ends with number ${head.number}, seal ${head.seal}`;
    print(world, `${unchanged} proven unchanged since sealed; ${chain}`);
  }
  if (away) {
    const fates = `${away.archived} in archives, ${away.parts - away.archived} deleted`;
    print(world, `${counted(away.parts, "part")} removed from the log by retain: ${fates}`);
  }
  const changed = new Set(
    findings.filter(({ kind, part }) => kind === "changed" && part.includes("/part-"))
      .map(({ part }) => part),
  ).size;
  if (changed > 0) print(world, `${counted(changed, "part")} changed after being sealed`);
  const unsealed = parts - proven.parts - changed;
  if (unsealed > 0) {
    print(world, `${counted(unsealed, "part")} not sealed yet: no digest proves it unchanged`);
  }
}

function described({ part, offset, size_bytes, reason }: Finding): string {
  if (size_bytes === 0) return `${part}: ${reason}`;
  return `${part} at byte ${offset} (${counted(size_bytes, "byte")}): ${reason}`;
}
