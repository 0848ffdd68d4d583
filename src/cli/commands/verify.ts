import * as z from "zod/mini";
import { EXIT_FINDINGS, EXIT_OK } from "../../base/error.ts";
import type { World } from "../../base/world.ts";
import { findings_shown_max } from "../../base/limits.ts";
import type { Finding, VerifyReport } from "../../log/mod.ts";
import { defineCommand } from "../command.ts";
import { asJson, dir, toggle } from "../flags.ts";
import { openFor } from "../open.ts";
import { counted, humanBytes, paintFor, print, Progress, say } from "../output.ts";

const REGISTRY = "_schema.json";

export default defineCommand({
  name: "verify",
  summary: "read every line and say whether the log is whole",
  description: "Judges every line of the log; of sealed parts, whose lines were judged when they " +
    "were sealed, it proves that no byte has changed since. A torn line is the unfinished end of a part, which " +
    "a killed writer leaves; a corrupt line is a whole one that is no event. Of traces it reads the " +
    "write-ahead files and their checksums. --repair moves torn " +
    "ends to events/_quarantine and copies corrupt lines there; it deletes nothing. Exit code 3 " +
    "says that something wants attention.",
  examples: [
    { line: "ledger verify", shows: "is every line whole and valid?" },
    { line: "ledger verify --repair", shows: "take damage out of the way, keeping every byte" },
  ],
  flags: z.strictObject({
    "repair": toggle({ description: "move torn ends, and copy corrupt lines, to quarantine" }),
    "deep": toggle({
      description: "also check fields, days and duplicate ids of lines, and the chain of seals",
    }),
    "lines": toggle({ description: "judge the lines of sealed parts again too" }),
    "json": asJson(),
    "dir": dir(),
  }),
  run: async ({ world, flags }) => {
    const ledger = openFor(world, flags);
    using progress = new Progress(world);
    const report = await ledger.verify({
      repair: flags.repair,
      deep: flags.deep,
      lines: flags.lines,
      onProgress: progress.is_wanted ? (done, total) => progress.show(done, total) : undefined,
    });
    progress.clear();
    if (flags.json) print(world, JSON.stringify(report));
    else tell(world, report, flags.deep);
    return report.findings.length > 0 ? EXIT_FINDINGS : EXIT_OK;
  },
});

function tell(world: World, report: VerifyReport, deep: boolean): void {
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
  print(
    world,
    `${counted(report.events, "event")} in ${counted(report.parts, "part")} of ` +
      `${counted(report.days, "day")}, ${humanBytes(report.bytes)}: ` +
      (findings.length === 0 ? green("whole") : red(counted(findings.length, "finding"))) +
      (settled.length > 0 ? ` (${settled.length} in quarantine)` : ""),
  );
  if (report.unknown_type_events > 0) {
    print(
      world,
      `${counted(report.unknown_type_events, "event")} of types that are not registered`,
    );
  }
  const { ids_with_control_characters: strange = 0 } = report;
  if (strange > 0) {
    print(
      world,
      `${counted(strange, "event")} whose id has control characters: kept, and shown escaped`,
    );
  }
  if (deep) tellDeep(world, report);
  for (const note of report.notes) print(world, dim(`note: ${note}`));
  if (findings.some(({ kind }) => kind === "torn" || kind === "corrupt")) {
    say(world, "to take damage out of the way, keeping every byte: ledger verify --repair");
  }
  if (findings.some(({ kind }) => kind === "corrupt_trace")) {
    say(world, "traces are read around the damage; to set it aside: ledger trace compact");
  }
  if (
    findings.some(({ kind, part }) =>
      (kind === "changed" || kind === "removed") && part !== REGISTRY
    )
  ) {
    say(world, "what was sealed comes back from a copy, or: ledger archive import FILE");
  }
  if (findings.some(({ kind, part }) => kind !== "chain" && part === REGISTRY)) {
    say(
      world,
      "the registry comes back from a copy; to go on with it: ledger seal --accept-registry",
    );
  }
}

function tellDeep(world: World, report: VerifyReport): void {
  const { parts, proven, head, away, duplicates = 0 } = report;
  const where = proven.parts > 0 ? ", in parts that are not sealed" : "";
  print(world, `${counted(duplicates, "event")} emitted more than once${where}`);
  if (head) {
    print(
      world,
      `${counted(proven.parts, "part")} (${humanBytes(proven.bytes)}) proven to be as sealed; ` +
        `the chain ends with number ${head.number}, seal ${head.seal}`,
    );
  }
  if (away) {
    const deleted = away.parts - away.archived;
    print(
      world,
      `${counted(away.parts, "part")} taken out of the log, as the chain says: ` +
        `${away.archived} in archives, ${deleted} deleted`,
    );
  }
  const unsealed = parts - proven.parts;
  if (unsealed > 0) {
    print(world, `${counted(unsealed, "part")} not sealed yet, or changed: cannot be proven`);
  }
}

function described({ part, offset, size_bytes, reason }: Finding): string {
  if (size_bytes === 0) return `${part}: ${reason}`;
  return `${part} at byte ${offset} (${counted(size_bytes, "byte")}): ${reason}`;
}
