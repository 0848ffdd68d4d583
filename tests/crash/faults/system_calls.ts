/** Faults of system calls, injected into the executable: what it asks of the system, and what it gets. */
import { join } from "@std/path";
import { type Judged, runByDeadline } from "../lab_copy.ts";

/** The calls that may fail; `openat` stands for reading too. */
export const CALLS = [
  "openat",
  "write",
  "pwrite64",
  "fsync",
  "fdatasync",
  "rename",
  "renameat2",
  "unlink",
  "unlinkat",
  "flock",
  "ftruncate",
] as const;

/** What they may fail with. */
export const ERRORS = ["EIO", "ENOSPC", "EINTR", "EMFILE", "EACCES"] as const;

/** A call of the program that concerns the lab, or what it prints. */
export interface SystemCall {
  call: string;
  /** It is its thread's k-th of that name: so `strace` counts. */
  k: number;
  /** The file, from the lab's folder on; `stdout` and `stderr` stand for themselves. */
  file: string;
}

/** A fault of one. */
export interface Fault extends SystemCall {
  error: string;
}

/** Runs a command of the executable in a lab, and tells its calls that concern the lab. */
export async function traceCalls(
  binary: string,
  lab: string,
  args: string[],
  stdin?: string,
): Promise<{ ended: Judged; calls: SystemCall[] }> {
  const { ended, log } = await traced(binary, lab, args, ["-e", `trace=${CALLS.join(",")}`], stdin);
  const counts = new Map<string, number>();
  const calls: SystemCall[] = [];
  for (const line of log.split("\n")) {
    const [, thread, call, rest] = /^(\d+) +(\w+)\((.*)/.exec(line) ?? [];
    if (call === undefined) continue;
    const key = `${thread} ${call}`;
    const k = (counts.get(key) ?? 0) + 1;
    counts.set(key, k);
    const file = fileOf(call, rest, lab);
    if (file !== undefined) calls.push({ call, k, file });
  }
  return { ended, calls };
}

/**
 * Runs it with one call failing; `hit` is the file of each call that failed, undefined where it was
 * none of the lab: threads take turns as they like, and the runtime has descriptors of its own.
 */
export async function withFault(
  binary: string,
  lab: string,
  args: string[],
  { call, k, error }: Fault,
  stdin?: string,
): Promise<{ ended: Judged; hit: (string | undefined)[] }> {
  const inject = `inject=${call}:error=${error}:when=${k}`;
  const { ended, log } = await traced(
    binary,
    lab,
    args,
    ["-e", `trace=${call}`, "-e", inject],
    stdin,
  );
  const hit = log.split("\n").filter((line) => line.includes("(INJECTED)")).map((line) => {
    const [, name, rest] = /^\d+ +(\w+)\((.*)/.exec(line) ?? [];
    return name === undefined ? undefined : fileOf(name, rest, lab);
  });
  return { ended, hit };
}

async function traced(
  binary: string,
  lab: string,
  args: string[],
  how: string[],
  stdin?: string,
): Promise<{ ended: Judged; log: string }> {
  const log = `${lab}.trace`;
  const strace = ["strace", "-f", "-y", "-qq", "--seccomp-bpf", "-o", log, ...how, binary];
  const ended = await runByDeadline([...strace, ...args], lab, stdin);
  const text = Deno.readTextFileSync(log);
  Deno.removeSync(log);
  return { ended, log: text };
}

/** The lab's file that a call is about: the last one named in it. */
function fileOf(call: string, rest: string, lab: string): string | undefined {
  const inside = (path: string) =>
    path.startsWith(`${lab}/`) ? path.slice(lab.length + 1) : path === lab ? "." : undefined;
  const of_descriptor = /^(\d+)<([^>]*)>/.exec(rest);
  if (of_descriptor && call !== "openat") {
    const [, number, path] = of_descriptor;
    if (call === "write" && (number === "1" || number === "2")) {
      return number === "1" ? "stdout" : "stderr";
    }
    if (!call.startsWith("unlink") && !call.startsWith("rename")) return inside(path);
  }
  const named = [...rest.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, path]) => path);
  const last = named.at(-1);
  return last === undefined ? undefined : inside(last.startsWith("/") ? last : join(lab, last));
}
