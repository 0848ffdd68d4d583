import * as z from "zod/mini";
import { EXIT_FINDINGS, EXIT_OK } from "../../base/error.ts";
import type { World } from "../../base/world.ts";
import { defineCommand } from "../command.ts";
import { asJson, dir, runsDir } from "../flags.ts";
import { openFor } from "../open.ts";
import { paintFor, print } from "../output.ts";
import { wrapped } from "../width.ts";

export default defineCommand({
  name: "doctor",
  summary: "are the machine, the folders and the ledger fit?",
  description:
    "Looks whether folders can be written, what kind of disk holds them, whether locks " +
    "lock and syncs sync there, at the clock, free space, the unpacked library byte by byte, torn " +
    "ends of the log, the index, and runs whose program died. Each finding comes with what to do. " +
    "Exit code 3 when there is one.",
  examples: [
    { line: "ledger doctor || true", shows: "everything, a line each" },
    { line: "ledger doctor --json || true", shows: "for programs" },
  ],
  flags: z.strictObject({ "json": asJson(), "dir": dir(), "runs-dir": runsDir() }),
  run: async ({ world, flags }) => {
    const { buildLine, examine } = await import("../../doctor.ts");
    await using ledger = openFor(world, flags);
    const checks = await examine(world, ledger);
    const found = checks.filter(({ ok }) => !ok);
    if (flags.json) print(world, JSON.stringify({ build: buildLine(), checks }));
    else {
      const { green, red, bold, dim } = paintFor(world, world.stdout);
      const width = Math.max(...checks.map(({ name }) => name.length));
      print(world, dim(buildLine()));
      for (const { name, ok, found, fix } of checks) {
        const mark = ok ? green("✓") : red("✗");
        const [first, ...rest] = fitted(world, found, width + 4);
        print(world, `${mark} ${bold(name.padEnd(width))}  ${first}`);
        for (const line of rest) print(world, " ".repeat(width + 4) + line);
        for (const [at, line] of fitted(world, fix ?? "", width + 6).entries()) {
          if (line !== "") print(world, `${" ".repeat(width + 4)}${at === 0 ? "→" : " "} ${line}`);
        }
      }
    }
    return found.length === 0 ? EXIT_OK : EXIT_FINDINGS;
  },
});

/** A text beside something else: as lines that fit a terminal, in one piece for everybody else. */
function fitted({ stdout }: World, text: string, columns_taken: number): string[] {
  return stdout.is_terminal ? wrapped(text, Math.max(20, stdout.columns - columns_taken)) : [text];
}
