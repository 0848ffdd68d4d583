/** Which files a process of the executable has open, and what it opened and never closed. */
import { join } from "@std/path";
import { tempFolder } from "../harness.ts";
import { runProgram } from "./binary.ts";

/** What a running process has open now, by what each descriptor leads to. */
export function descriptorsOf(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  return Array.from(Deno.readDirSync(folder), ({ name }) => {
    try {
      return Deno.readLinkSync(`${folder}/${name}`);
    } catch (error) {
      // Closed since the folder was listed.
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }).filter((target) => target !== undefined).sort();
}

/** Starts a program that may have so many files open. */
export function withDescriptors(
  limit: number,
  program: string,
  args: string[],
): { program: string; args: string[] } {
  return { program: "sh", args: ["-c", `ulimit -n ${limit}; exec "$@"`, "sh", program, ...args] };
}

/**
 * Runs a program to its end, with `input.ndjson` to read from; gives the files below its folder that
 * it opened and left to the system to close.
 */
export async function leftOpenBy(
  program: string,
  args: string[],
  cwd: string,
  env: Record<string, string>,
): Promise<{ code: number; stderr: string; left_open: string[] }> {
  using folder = tempFolder();
  const trace_path = join(folder.path, "calls");
  const strace = ["-f", "--trace=openat,close", "-o", trace_path];
  const shell = ["sh", "-c", 'exec "$@" < input.ndjson', "sh"];
  const all = [...strace, ...shell, program, ...args];
  const { code, stderr } = await runProgram("strace", all, cwd, env);
  const left_open = leftOpen(Deno.readTextFileSync(trace_path).split("\n"))
    .filter((path) => !path.startsWith("/") || path.startsWith(cwd));
  return { code, stderr, left_open };
}

/** What a trace of openat and close leaves open. A call that others came between stands in two lines. */
function leftOpen(calls: string[]): string[] {
  const begun = new Map<string, string>();
  const paths = new Map<string, string[]>();
  for (const line of calls) {
    const [, thread, text] = /^(\d+)\s+(.*)$/.exec(line) ?? [];
    if (text === undefined) continue;
    if (text.endsWith("<unfinished ...>")) {
      begun.set(thread, text.slice(0, -"<unfinished ...>".length));
      continue;
    }
    const [, end] = /^<\.\.\. \w+ resumed>(.*)$/.exec(text) ?? [];
    const call = end === undefined ? text : `${begun.get(thread)}${end}`;
    const [, path, opened] = /^openat\([^,]+, "([^"]*)".*\) += (\d+)$/.exec(call) ?? [];
    if (opened) paths.set(opened, [...(paths.get(opened) ?? []), path]);
    const [, closed] = /^close\((\d+)\s*\)/.exec(call) ?? [];
    if (closed) paths.get(closed)?.shift();
  }
  return [...paths.values()].flat();
}
