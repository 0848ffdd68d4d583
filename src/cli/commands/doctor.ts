import type { World } from "../../base/world.ts";
import type { Check } from "../../doctor/doctor.ts";
import { defineCommand } from "../command.ts";
import { EXIT_FINDINGS, EXIT_OK } from "../exit_code.ts";
import { runsFlags } from "../flags.ts";
import { openFor } from "../open.ts";
import { paintFor, print, printJson, wrapped } from "../output.ts";

/** With fewer columns than this beside its name, a finding stands below it. */
const ROOM_MIN = 30;

export default defineCommand({
  name: "doctor",
  summary: "check the machine, the folders and the ledger",
  description: "Checks that the folders can be written, which file system holds them, that locks " +
    "and syncs work there, the clock, free space, the unpacked library, torn ends of the log, " +
    "checksums of traces, the index, and runs whose program died. Each finding comes with what " +
    "to do about it. Exit code 3 when there is one.",
  examples: {
    "ledger doctor || true": "everything, a line each",
    "ledger doctor --json || true": "the same, as JSON",
  },
  flags: runsFlags(),
  run: async ({ world, flags }) => {
    const { buildLine, examine } = await import("../../doctor/doctor.ts");
    await using ledger = openFor(world, flags);
    const checks = await examine(world, ledger);
    if (flags.json) printJson(world, { build: buildLine(), checks });
    else printChecks(world, buildLine(), checks);
    return checks.every(({ ok }) => ok) ? EXIT_OK : EXIT_FINDINGS;
  },
});

function printChecks(world: World, build: string, checks: readonly Check[]): void {
  const { green, red, bold, dim } = paintFor(world, world.stdout);
  const { is_terminal, columns } = world.stdout;
  const width = Math.max(...checks.map(({ name }) => name.length));
  const is_below = is_terminal && columns < width + 4 + ROOM_MIN;
  const indent = " ".repeat(is_below ? 4 : width + 4);
  const linesOf = (text: string, taken: number) =>
    is_terminal ? wrapped(text, Math.max(1, columns - taken)) : [text];
  for (const line of linesOf(build, 0)) print(world, dim(line));
  for (const { name, ok, found, fix } of checks) {
    const mark = ok ? green("✓") : red("✗");
    const lines = linesOf(found, indent.length);
    if (is_below) print(world, `${mark} ${bold(name)}`);
    else print(world, `${mark} ${bold(name.padEnd(width))}  ${lines.shift()}`);
    for (const line of lines) print(world, indent + line);
    const fixes = fix ? linesOf(fix, indent.length + 2) : [];
    for (const [at, line] of fixes.entries()) {
      print(world, `${indent}${at > 0 ? " " : "→"} ${line}`);
    }
  }
}
