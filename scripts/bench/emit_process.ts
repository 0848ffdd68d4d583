/** `ledger emit` as a shell script meets it: a whole process for one event. */
import { join } from "@std/path";
import { DEFAULT_FOLDERS } from "../../src/base/build.ts";
import { permissionFlags } from "../build/permissions.ts";
import { runProcess } from "../build/process.ts";
import { type Bench, LeftOut, ratioAtMost } from "./bench.ts";
import { buildIfMissing, EXECUTABLE, isCurrent, timed } from "./processes.ts";
import { figure, inRounds, median } from "./rounds.ts";

const STARTS_A_ROUND = 10;
const STARTS_A_ROUND_QUICK = 5;

/** The executable's `emit` beside a compiled `console.log`. */
export const emitProcess: Bench = {
  name: "emit.process",
  shows: "the executable's emit of one event, start to end, beside a compiled console.log",
  async run({ folder, quick, rounds, say }) {
    const missing = buildIfMissing();
    if (missing) throw new LeftOut(`there is no executable, and the build says: ${missing}`);
    if (!isCurrent(EXECUTABLE)) say("the executable is older than the sources");
    const hello = compileHello(folder);
    const emit = [
      ...[EXECUTABLE, "emit", "run.created", "--run-id", "r1", "--run-type", "policy"],
      ...["--config", "{}", "--data-fingerprint", "fp"],
    ];
    const starts = quick ? STARTS_A_ROUND_QUICK : STARTS_A_ROUND;
    const durations_ms = await inRounds(rounds, {
      ours: () => medianDuration(starts, emit, folder),
      beside: () => medianDuration(starts, [hello], folder),
    });
    return [figure({ name: "emit.process", unit: "ms", ...durations_ms, goal: ratioAtMost(1.9) })];
  },
};

async function medianDuration(times: number, command: string[], cwd: string): Promise<number> {
  const durations_ms: number[] = [];
  for (let time = 0; time < times; time++) {
    durations_ms.push((await timed(command, { cwd })).duration_ms);
  }
  return median(durations_ms);
}

/** The smallest program there is, compiled as the executable is. */
export function compileHello(folder: string): string {
  const source = join(folder, "hello.js");
  const program = join(folder, "hello");
  Deno.writeTextFileSync(source, `console.log("hello");\n`);
  const { ledger_dir, runs_dir } = DEFAULT_FOLDERS;
  const result = runProcess(Deno.env.get("DENO_COMPILE") || Deno.execPath(), [
    ...["compile", "--quiet", "--no-config", "--no-lock", "--no-check", "--no-code-cache"],
    ...permissionFlags({ ledger_dir, runs_dir }),
    ...["--output", program, source],
  ]);
  if (result.ok) return program;
  throw new LeftOut(`a console.log cannot be compiled: ${result.stderr.trim().split("\n")[0]}`);
}
