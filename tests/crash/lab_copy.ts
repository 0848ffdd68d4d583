/** A copy of a lab to break: the program runs in it, ends by a deadline, and is judged. */
import { join } from "@std/path";
import { type Ended } from "./every_kind.ts";

/** How a process ended. */
export interface Judged extends Ended {
  signal: string | null;
  was_too_slow: boolean;
}

const DEADLINE_S = 30;

/** Copies a lab; the native library and the indexes, which no program writes to in place, by links. */
export function copyLab(from: string, to: string): void {
  Deno.mkdirSync(to);
  for (const { name, isDirectory, isFile } of Deno.readDirSync(from)) {
    const [source, target] = [join(from, name), join(to, name)];
    if (isDirectory) copyLab(source, target);
    else if (from.includes("/.native/") || name.endsWith(".duckdb")) Deno.linkSync(source, target);
    else if (isFile) Deno.copyFileSync(source, target);
  }
  // What the program unpacks is checked for its mode too.
  Deno.chmodSync(to, Deno.statSync(from).mode! & 0o777);
}

/**
 * Runs a program to its end, or to the deadline: then it and all that it started are killed. Nothing
 * of the surroundings reaches it.
 */
export async function runByDeadline(
  program: string[],
  cwd: string,
  stdin?: string,
): Promise<Judged> {
  const child = new Deno.Command("timeout", {
    args: ["--signal=KILL", String(DEADLINE_S), ...program],
    cwd,
    clearEnv: true,
    env: { HOME: cwd, PATH: "/usr/bin:/bin", NO_COLOR: "1" },
    stdin: stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  if (stdin !== undefined) {
    const writer = child.stdin.getWriter();
    // A program that stops reading early closes the pipe; what it then says is what is looked at.
    await writer.write(new TextEncoder().encode(stdin)).catch(() => {});
    await writer.close().catch(() => {});
  }
  const started_ms = performance.now();
  const { code, signal, stdout, stderr } = await child.output();
  const text = new TextDecoder();
  return {
    ...{ code, signal, stdout: text.decode(stdout), stderr: text.decode(stderr) },
    was_too_slow: signal === "SIGKILL" && performance.now() - started_ms > DEADLINE_S * 900,
  };
}

/** What no output of the program holds: the words of a runtime that caught what we did not. */
const TRACES =
  /Uncaught|^\s+at (?:async )?\S+.*:\d+:\d+\)?$|panicked at|RUST_BACKTRACE|terminate called/m;

/** What is wrong with how a process ended, whatever it was asked; undefined when nothing is. */
export function flawOf({ code, signal, stdout, stderr, was_too_slow }: Judged): string | undefined {
  if (was_too_slow) return "it hangs";
  if (signal !== null) return `it ends by ${signal}`;
  if (TRACES.test(stderr)) return "it ends in a stack trace";
  if (code === 139 || code === 134) return `it ends with code ${code}`;
  if (![0, 1, 2, 3, 75, 130].includes(code)) {
    return `it ends with code ${code}, which means nothing`;
  }
  // Findings are data: they stand on standard output.
  if (code !== 0 && `${stderr}${code === 3 ? stdout : ""}`.trim() === "") {
    return `it ends with code ${code} and no word`;
  }
  return undefined;
}

/** The files below a folder, by names in which what differs from time to time is evened out. */
export function filesBelow(folder: string): string[] {
  const found: string[] = [];
  const look = (path: string, name: string) => {
    for (const entry of Deno.readDirSync(path)) {
      const whole = name === "" ? entry.name : `${name}/${entry.name}`;
      if (entry.name === ".native" || entry.name.startsWith(".trace-")) continue;
      if (entry.isDirectory) look(join(path, entry.name), whole);
      else found.push(evened(whole));
    }
  };
  look(folder, "");
  return found.sort();
}

/** Folders of a lab that hold what is not derived. */
const OF_RECORD = [
  "data/ledger/events",
  "data/ledger/artifacts",
  "data/ledger/archive",
  "runs",
  "box-2",
];

/** The files of record of a lab, by their content. */
export function recordOf(lab: string): Map<string, string> {
  const record = new Map<string, string>();
  const look = (folder: string) => {
    for (const { name, isDirectory, isFile } of Deno.readDirSync(join(lab, folder))) {
      const path = `${folder}/${name}`;
      if (isDirectory) look(path);
      else if (isFile && !name.endsWith(".lock")) {
        record.set(path, Deno.readTextFileSync(join(lab, path)));
      }
    }
  };
  for (const folder of OF_RECORD) look(folder);
  return record;
}

/** What differs between two records, by path. */
export function changesIn(one: Map<string, string>, other: Map<string, string>): string[] {
  const paths = new Set([...one.keys(), ...other.keys()]);
  return [...paths].filter((path) => one.get(path) !== other.get(path));
}

/** A text without what is fresh each time: times, durations, process ids, fresh ids. */
export function evened(text: string): string {
  return text.replace(/<time[^>]*>[^<]*/g, "TIME").replace(
    /\d{4}-\d\d-\d\d[T ][\d:.]+Z|\d{8}T\d{6}-\d+-[0-9a-f]{1,8}/g,
    "TIME",
  )
    .replace(/-\d+-[0-9a-f]{1,8}\b/g, "-UNIQUE")
    .replace(/\b\d+(\.\d+)? (µs|ms|s|min|h)\b( \d+ (s|min)\b)?/g, "A WHILE")
    // What else is written to the disk meanwhile.
    .replace(/\b\d+(\.\d+)? [kMGT]?B free\b/g, "SPACE free")
    .replace(/\b\d{13}_[0-9a-f]{8}\b/g, "ID")
    .replace(/\b[0-9a-f]{64}\b/g, "DIGEST");
}
