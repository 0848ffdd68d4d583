import * as z from "zod/mini";
import { EXIT_FINDINGS, EXIT_OK } from "../../base/error.ts";
import type { World } from "../../base/world.ts";
import type { Check } from "../../doctor/doctor.ts";
import { defineCommand } from "../command.ts";
import { asJson, dir, runsDir } from "../flags.ts";
import { openFor } from "../open.ts";
import { paintFor, print } from "../output.ts";
import { wrapped } from "../width.ts";

/** With less room than this beside its name, what was found stands below. */
const ROOM_MIN = 30;

export default defineCommand({
  name: "doctor",
  summary: "are the machine, the folders and the ledger fit?",
  description:
    "Looks whether folders can be written, what kind of disk holds them, whether locks " +
    "lock and syncs sync there, at the clock, free space, the unpacked library byte by byte, torn " +
    "ends of the log, checksums of waiting traces, the index, and runs whose program died. Each finding comes with what to do. " +
    "Exit code 3 when there is one.",
  examples: [
    { line: "ledger doctor || true", shows: "everything, a line each" },
    { line: "ledger doctor --json || true", shows: "for programs" },
  ],
  flags: z.strictObject({ "json": asJson(), "dir": dir(), "runs-dir": runsDir() }),
  run: async ({ world, flags }) => {
    const { buildLine, examine } = await import("../../doctor/doctor.ts");
    await using ledger = openFor(world, flags);
    const checks = await examine(world, ledger);
    const found = checks.filter(({ ok }) => !ok);
    if (flags.json) print(world, JSON.stringify({ build: buildLine(), checks }));
    else tell(world, buildLine(), checks);
    return found.length === 0 ? EXIT_OK : EXIT_FINDINGS;
  },
});

function tell(world: World, build: string, checks: readonly Check[]): void {
  const { green, red, bold, dim } = paintFor(world, world.stdout);
  const { is_terminal, columns } = world.stdout;
  const width = Math.max(...checks.map(({ name }) => name.length));
  // Beside the names, or below them where that leaves no room for a sentence.
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
