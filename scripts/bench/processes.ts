/** The program as its users start it, and other programs beside it, timed from start to end. */
import { join, resolve } from "@std/path";
import { runProcess } from "../build/process.ts";

/** The folder of the project. */
export const PROJECT = resolve(import.meta.dirname!, "../..");
/** The executable, where the build puts it. */
export const EXECUTABLE = join(PROJECT, "dist", "ledger");

/** How the program is started, and what to say about it. */
export interface Program {
  command: string[];
  description: string;
}

/** The executable if it was built from these sources, otherwise the sources. */
export function theProgram(): Program {
  if (isCurrent(EXECUTABLE)) return { command: [EXECUTABLE], description: "the executable" };
  return {
    command: [Deno.execPath(), "run", "--no-prompt", "--allow-all", join(PROJECT, "main.ts")],
    description: "run from source (the executable is missing or older than the sources)",
  };
}

/** Whether an executable is there and no source is newer. */
export function isCurrent(executable: string): boolean {
  const built = modifiedMs(executable);
  if (built === undefined) return false;
  const sources = [join(PROJECT, "main.ts"), join(PROJECT, "deno.json"), ...filesBelow("src")];
  return sources.every((path) => (modifiedMs(path) ?? 0) <= built);
}

/** Builds the executable if it is not there. Says why not when that fails. */
export function buildIfMissing(): string | undefined {
  if (modifiedMs(EXECUTABLE) !== undefined) return undefined;
  const build = ["run", "--allow-all", join(PROJECT, "scripts", "build.ts")];
  const result = runProcess(Deno.execPath(), build, { cwd: PROJECT });
  return result.ok ? undefined : result.stderr.trim().split("\n")[0];
}

/** The ledger is in the folder of a bench, whatever this shell works with otherwise. */
export const ENVIRONMENT = { NO_COLOR: "1", LEDGER_DIR: "data/ledger" };

/** How a process went. */
export interface Timed {
  duration_ms: number;
  stdout: string;
}

/** Runs a command from start to end; throws when it fails. */
export async function timed(
  command: string[],
  options: { cwd: string; stdout?: "piped" | "null" },
): Promise<Timed> {
  const { cwd, stdout = "null" } = options;
  const start = performance.now();
  const child = new Deno.Command(command[0], {
    args: command.slice(1),
    cwd,
    env: ENVIRONMENT,
    stdin: "null",
    stdout,
    stderr: "piped",
  });
  const ended = await child.output();
  const duration_ms = performance.now() - start;
  const text = new TextDecoder();
  if (!ended.success) {
    throw new Error(`${command.join(" ")} failed: ${text.decode(ended.stderr).trim()}`);
  }
  return { duration_ms, stdout: stdout === "piped" ? text.decode(ended.stdout) : "" };
}

/** How many seconds a command takes. */
export async function secondsOf(command: string[], cwd: string): Promise<number> {
  return (await timed(command, { cwd })).duration_ms / 1000;
}

/** Like `timed`, with the most memory it had, which the system is asked for while it runs. */
export async function timedWithPeak(
  command: string[],
  options: { cwd: string },
): Promise<{ duration_ms: number; peak_mb: number }> {
  const start = performance.now();
  const child = new Deno.Command(command[0], {
    args: command.slice(1),
    cwd: options.cwd,
    env: ENVIRONMENT,
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  let ended = false;
  const status = child.status.finally(() => ended = true);
  let peak_mb = 0;
  while (!ended) {
    // The mark only ever rises, so the last look before the end is as good as one at the end.
    peak_mb = Math.max(peak_mb, peakMemoryMb(child.pid));
    await Promise.race([status, new Promise((resolve) => setTimeout(resolve, 20))]);
  }
  const duration_ms = performance.now() - start;
  if (!(await status).success) throw new Error(`${command.join(" ")} failed`);
  return { duration_ms, peak_mb };
}

function peakMemoryMb(pid: number): number {
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

/**
 * A command that reads a file as its standard input. Only a shell can give a process an open file;
 * passing the bytes on ourselves would take time from what is measured.
 */
export function withInput(path: string, command: string[]): string[] {
  return ["/bin/sh", "-c", `exec "$@" < "$0"`, path, ...command];
}

/** A command that writes its standard output to a file. */
export function withOutput(path: string, command: string[]): string[] {
  return ["/bin/sh", "-c", `exec "$@" > "$0"`, path, ...command];
}

function modifiedMs(path: string): number | undefined {
  try {
    return Deno.statSync(path).mtime?.getTime();
  } catch {
    return undefined;
  }
}

function* filesBelow(folder: string): Generator<string> {
  for (const entry of Deno.readDirSync(join(PROJECT, folder))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory) yield* filesBelow(path);
    else yield join(PROJECT, path);
  }
}

/** A script of this folder as a process, with the project's import map. */
export function script(name: string, ...args: string[]): string[] {
  const config = join(PROJECT, "deno.json");
  const path = join(PROJECT, "scripts", "bench", name);
  return [Deno.execPath(), "run", "--quiet", "--allow-all", "--config", config, path, ...args];
}
