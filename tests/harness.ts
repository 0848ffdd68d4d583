/** What tests share: folders that go away, the program as a real process, and a world to look into. */
import { dirname, join, resolve } from "@std/path";
import type { Files } from "../src/base/files/seam.ts";
import { systemFiles } from "../src/base/files/system_files.ts";
import { systemWorld, type World } from "../src/base/world.ts";
import { run } from "../src/cli/run.ts";
import { type PartId, partPath } from "../src/log/format/layout.ts";

/** Whether all of what is tried is tried: `deno task test --full`. Otherwise a sample of it is. */
export const IS_FULL = Deno.env.has("LEDGER_TEST_FULL");

const named = Deno.env.get("LEDGER_BINARY");
/** The executable under test; undefined where LEDGER_BINARY names none. */
export const EXECUTABLE = named ? resolve(named) : undefined;
/** A newcomer's run: what takes long and is held to the truth elsewhere as well is left to the gate. */
export const IS_PLAIN = !IS_FULL && !EXECUTABLE;

/** The project's folder. */
export const PROJECT = new URL("..", import.meta.url).pathname;

/** The project's documents, below it. */
export const DOCUMENTS = [
  "README.md",
  "src/README.md",
  "scripts/bench/README.md",
  "fixtures/recipes/README.md",
  "fixtures/momentum/README.md",
];

/** A folder of one's own that is removed at the end of the scope. */
export function tempFolder(inside?: string): Disposable & { path: string } {
  const path = Deno.makeTempDirSync({ prefix: "ledger-test-", dir: inside });
  return {
    path,
    [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }),
  };
}

/** The same, in memory where there is such a place: for tests that are not about the disk itself. */
export function memoryFolder(): Disposable & { path: string } {
  try {
    return tempFolder("/dev/shm");
  } catch {
    return tempFolder();
  }
}

/** Ports of loopback that are free right now, no two alike. */
export function freePorts(count: number): number[] {
  const listeners = Array.from({ length: count }, () => {
    return Deno.listen({ hostname: "127.0.0.1", port: 0 });
  });
  return listeners.map((listener) => {
    listener.close();
    return listener.addr.port;
  });
}

/** How a process ended, and what it said. */
export interface Ended {
  code: number;
  signal: string | null;
  stdout: string;
  stderr: string;
}

/** How to start the program. */
export interface StartOptions {
  cwd: string;
  stdin?: string | Uint8Array | "piped";
  env?: Record<string, string>;
  /** Instead of everything: what the program may do. */
  permissions?: string[];
  /**
   * As it is shipped: the executable, where LEDGER_BINARY names one. It may write to `data/ledger` and
   * `runs` below `cwd`.
   */
  is_shipped?: boolean;
  /** Ends the program when it is aborted. */
  signal?: AbortSignal;
}

/** Starts the program as a process of its own: from source, unless told otherwise. */
export function startLedger(args: string[], options: StartOptions): Deno.ChildProcess {
  const permissions = options.permissions ?? ["--allow-all"];
  const executable = options.is_shipped ? EXECUTABLE : undefined;
  const source = ["run", "--no-prompt", ...permissions, join(PROJECT, "main.ts")];
  return new Deno.Command(executable ?? Deno.execPath(), {
    args: [...executable ? [] : source, ...args],
    cwd: options.cwd,
    env: { NO_COLOR: "1", ...options.env },
    stdin: options.stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
    signal: options.signal,
  }).spawn();
}

/** Runs the program to its end. */
export async function ledger(args: string[], options: StartOptions): Promise<Ended> {
  const child = startLedger(args, options);
  if (options.stdin !== undefined && options.stdin !== "piped") {
    const writer = child.stdin.getWriter();
    const bytes = typeof options.stdin === "string"
      ? new TextEncoder().encode(options.stdin)
      : options.stdin;
    // A program that stops reading early closes the pipe; what it then says is what is looked at.
    await writer.write(bytes).catch(() => {});
    await writer.close().catch(() => {});
  }
  const { code, signal, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, signal, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** A world to look into: what was printed, and a clock and randomness that can be held still. */
export interface TestWorld extends World {
  readonly printed: { stdout: string; stderr: string };
}

/** The real world with caught output; pass what should be different. */
export function testWorld(
  different: Partial<Omit<World, "stdin">> & {
    stdin?: string | Uint8Array;
    vars?: Record<string, string>;
    columns?: number;
    /** Whether both outputs are terminals. */
    is_terminal?: boolean;
  } = {},
): TestWorld {
  const printed = { stdout: "", stderr: "" };
  const catcher = (name: "stdout" | "stderr") => ({
    write(text: string | Uint8Array) {
      printed[name] += typeof text === "string" ? text : new TextDecoder().decode(text);
    },
    is_terminal: different.is_terminal ?? false,
    columns: different.columns ?? 80,
  });
  const { stdin, vars, columns: _, is_terminal: __, ...rest } = different;
  return {
    ...systemWorld(different.files),
    stdout: catcher("stdout"),
    stderr: catcher("stderr"),
    env: (name) => vars?.[name],
    ...rest,
    stdin: inputOf(stdin ?? ""),
    printed,
  };
}

/** An input that holds this and then ends. */
export function inputOf(data: string | Uint8Array): World["stdin"] {
  let left = typeof data === "string" ? new TextEncoder().encode(data) : data;
  return {
    is_terminal: false,
    read(buffer) {
      if (left.length === 0) return Promise.resolve(null);
      const count = Math.min(buffer.length, left.length);
      buffer.set(left.subarray(0, count));
      left = left.subarray(count);
      return Promise.resolve(count);
    },
  };
}

/** Runs a command line in this process, on a ledger in `dir`. */
export async function runIn(
  dir: string,
  args: string[],
  different: Parameters<typeof testWorld>[0] = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const world = testWorld({ ...different, vars: { LEDGER_DIR: dir, ...different.vars } });
  const code = await run(args, world);
  return { code, ...world.printed };
}

/** Files that really are there, with the k-th operation failing as the system would. */
export function failingFiles(
  k: number,
  failure: (operation: string, path: string) => Error,
): { files: Files; failed: () => string | undefined; count: () => number } {
  let operations = 0;
  let failed: string | undefined;
  const files = systemFiles((operation, path) => {
    if (++operations !== k) return;
    failed = `${operation} ${path}`;
    throw failure(operation, path);
  });
  return { files, failed: () => failed, count: () => operations };
}

/** What the system throws, by its short name. */
export function systemError(code: string, message: string): Error {
  return Object.assign(new Error(`${message} (os error 0)`), { code });
}

/** All files below a folder, with what is in them. */
export function contentsOf(folder: string, below = ""): Record<string, string> {
  const contents: Record<string, string> = {};
  for (const { name, isDirectory, isFile } of Deno.readDirSync(join(folder, below))) {
    const path = join(below, name);
    if (isDirectory) Object.assign(contents, contentsOf(folder, path));
    else if (isFile) contents[path] = Deno.readFileSync(join(folder, path)).toBase64();
  }
  return contents;
}

/** All lines of all parts of a ledger, as they stand on the disk. */
export function linesOnDisk(dir: string): string[] {
  const events = join(dir, "events");
  let lines: string[] = [];
  for (const day of [...Deno.readDirSync(events)].map(({ name }) => name).sort()) {
    if (!day.startsWith("day=")) continue;
    const parts = [...Deno.readDirSync(join(events, day))].map(({ name }) => name).sort();
    for (const part of parts.filter((name) => name.endsWith(".jsonl"))) {
      const text = Deno.readTextFileSync(join(events, day, part));
      lines = lines.concat(text.split("\n").slice(0, -1));
    }
  }
  return lines;
}

/**
 * Puts a `ledger` into a folder, for scripts that call it by name: what runs this source, or the
 * program as it is shipped.
 */
export function installShim(folder: string, as: "source" | "shipped" = "source"): string {
  const shim = join(folder, "ledger");
  const source = `"${Deno.execPath()}" run --quiet --allow-all "${PROJECT}main.ts"`;
  const command = as === "shipped" && EXECUTABLE ? `"${EXECUTABLE}"` : source;
  Deno.writeTextFileSync(shim, `#!/bin/sh\nexec ${command} "$@"\n`, { mode: 0o755 });
  return folder;
}

/** Puts a part in place as it is, behind the writer's back. */
export function writePart(
  dir: string,
  part: PartId,
  pieces: Iterable<string | Uint8Array>,
): string {
  const path = partPath(dir, part);
  Deno.mkdirSync(dirname(path), { recursive: true });
  using file = Deno.openSync(path, { write: true, create: true, truncate: true });
  const encoder = new TextEncoder();
  for (const piece of pieces) {
    const bytes = typeof piece === "string" ? encoder.encode(piece) : piece;
    for (let written = 0; written < bytes.length;) {
      written += file.writeSync(bytes.subarray(written));
    }
  }
  return path;
}
