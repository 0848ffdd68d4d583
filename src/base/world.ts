/**
 * Dependency injection of the surroundings: files, clock, randomness, environment, streams are passed
 * in, so that a test can hold the clock still and look at what was printed.
 */
import { bakedFacts } from "./build.ts";
import { joined } from "./bytes.ts";
import { fileError } from "./files/file_error.ts";
import type { Files } from "./files/seam.ts";
import { systemFiles } from "./files/system_files.ts";
import { LedgerError } from "./error.ts";
import { signal_descriptors } from "./limits.ts";

export interface Output {
  write(text: string | Uint8Array): void;
  readonly is_terminal: boolean;
  /** Columns of the terminal; 80 where there is none. */
  readonly columns: number;
}

export interface Input {
  /** Fills the buffer as far as data is there; null at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
  readonly is_terminal: boolean;
  /** How many bytes it holds, where that is known: of a file. */
  size_bytes?(): Promise<number | undefined>;
}

/** Within which bounds another program is run. */
interface ProgramBounds {
  /** Set for it, beside what this process has. */
  env: Readonly<Record<string, string>>;
  /** What it prints beyond is not read. */
  bytes_max: number;
  wait_ms: number;
}

export interface ProgramEnd {
  ok: boolean;
  stdout: Uint8Array;
  /** Whether it was stopped at one of its bounds: its output is the beginning of one. */
  is_cut: boolean;
}

export interface World {
  readonly files: Files;
  /** Whether another thread would find the same surroundings: a test's are its own. */
  readonly has_threads: boolean;
  now_ms(): number;
  /** A clock that never jumps, for measuring. */
  elapsed_ms(): number;
  random_uint32(): number;
  random_uuid(): string;
  env(name: string): string | undefined;
  readonly pid: number;
  hostname(): string;
  cwd(): string;
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Runs another program to its end; undefined when it is not there, or may not be run. */
  runProgram(
    name: string,
    args: readonly string[],
    bounds: ProgramBounds,
  ): Promise<ProgramEnd | undefined>;
  /** The command line that this process was started with, as far as it can be known. */
  commandLine(): string[];
  /** The machine: `linux x86_64`, and how many processors it has. */
  machine(): { system: string; cores: number };
  /** Gives up the right to reach the network, for good. A listener that is open goes on. */
  dropNetwork(): void;
  /** Calls back at SIGINT and SIGTERM; the returned function stops that. */
  onInterrupt(callback: (signal: "SIGINT" | "SIGTERM") => void): () => void;
  /** Resolves after a while, or at once when the signal is aborted. */
  pause(duration_ms: number, signal?: AbortSignal): Promise<void>;
  /**
   * Lets all else that waits in this process have its turn: timers, signals, native answers. Awaiting
   * what is there already does not; a loop of that starves the rest.
   */
  turn(): Promise<void>;
}

export class OutputClosed extends Error {
  override name = "OutputClosed";
}

function systemEnv(name: string): string | undefined {
  try {
    return Deno.env.get(name);
  } catch {
    // A library user who did not allow this name has not set it for us either.
    return undefined;
  }
}

type Sink = { writeSync(bytes: Uint8Array): number; isTerminal(): boolean };

function systemOutput(name: string, sink: Sink): Output {
  const encoder = new TextEncoder();
  return {
    write(text) {
      const bytes = typeof text === "string" ? encoder.encode(text) : text;
      try {
        for (let written = 0; written < bytes.length;) {
          written += sink.writeSync(written === 0 ? bytes : bytes.subarray(written));
        }
      } catch (cause) {
        if (cause instanceof Deno.errors.BrokenPipe) throw new OutputClosed();
        throw fileError("write", name, cause);
      }
    },
    get is_terminal() {
      return sink.isTerminal();
    },
    get columns() {
      try {
        return Deno.consoleSize().columns || 80;
      } catch {
        return Number(systemEnv("COLUMNS")) || 80;
      }
    },
  };
}

const system_input: Input = {
  async read(buffer) {
    try {
      return await Deno.stdin.read(buffer);
    } catch (cause) {
      throw fileError("read", "standard input", cause);
    }
  },
  get is_terminal() {
    return Deno.stdin.isTerminal();
  },
  async size_bytes() {
    try {
      const facts = (await import("node:fs")).fstatSync(0);
      return facts.isFile() ? facts.size : undefined;
    } catch {
      // Closed, or nothing that has a size.
      return undefined;
    }
  },
};

function systemHostname(): string {
  try {
    return Deno.hostname();
  } catch {
    return systemEnv("HOSTNAME") ?? "unknown-host";
  }
}

type InterruptCallback = (signal: "SIGINT" | "SIGTERM") => void;

const interrupt_callbacks = new Set<InterruptCallback>();
let hears_sigterm = false;

function onInterrupt(callback: InterruptCallback): () => void {
  interrupt_callbacks.add(callback);
  const signals = hears_sigterm ? ["SIGINT"] as const : ["SIGINT", "SIGTERM"] as const;
  const handlers = signals.map((signal) => {
    return listen(signal, () => callback(signal));
  });
  return () => {
    interrupt_callbacks.delete(callback);
    handlers.forEach((remove) => remove());
  };
}

/**
 * Ends this process with an exit code at a SIGTERM that no callback wants; one listener for both, so that no
 * signal falls between them. SIGINT keeps what the system does: a shell stops a loop when its command dies
 * of one, not when it exits.
 */
export function exitOnSigterm(code: number): void {
  hears_sigterm = true;
  listen("SIGTERM", () => {
    if (interrupt_callbacks.size === 0) Deno.exit(code);
    for (const callback of interrupt_callbacks) callback("SIGTERM");
  });
}

/** Listens where descriptors are left: the runtime aborts when it finds none for a signal's pipe. */
function listen(signal: Deno.Signal, handler: () => void): () => void {
  if (!haveDescriptors(signal_descriptors)) return () => {};
  Deno.addSignalListener(signal, handler);
  return () => Deno.removeSignalListener(signal, handler);
}

function haveDescriptors(count: number): boolean {
  const probes: Deno.FsFile[] = [];
  try {
    while (probes.length < count) probes.push(Deno.openSync("/dev/null"));
    return true;
  } catch {
    return false;
  } finally {
    for (const probe of probes) probe.close();
  }
}

function pause(duration_ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, duration_ms);
    signal?.addEventListener("abort", done);
  });
}

async function runProgram(
  name: string,
  args: readonly string[],
  { env, bytes_max, wait_ms }: ProgramBounds,
): Promise<ProgramEnd | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    const command = new Deno.Command(name, {
      args: [...args],
      env: { ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    });
    const child = command.spawn();
    const reader = child.stdout.getReader();
    const pieces: Uint8Array[] = [];
    let bytes = 0, is_cut = false;
    // Its own children may hold the pipe after it was ended, so the reading is what is called off.
    timer = setTimeout(() => {
      is_cut = true;
      reader.cancel().catch(() => {});
    }, wait_ms);
    for (;;) {
      const { value } = await reader.read();
      if (value === undefined) break;
      pieces.push(value);
      bytes += value.length;
      if (bytes <= bytes_max) continue;
      is_cut = true;
      await reader.cancel();
      break;
    }
    if (is_cut) killIfAlive(child);
    const { success } = await child.status;
    return { ok: success, stdout: joined(...pieces).subarray(0, bytes_max), is_cut };
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

/** One that has ended, and left its output to another, cannot be killed. */
function killIfAlive(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // Its status tells how it ended.
  }
}

/** The system tells it whole; otherwise the runtime's own flags are not in it. */
function commandLine(): string[] {
  try {
    return Deno.readTextFileSync("/proc/self/cmdline").replace(/\0$/, "").split("\0");
  } catch {
    const program = Deno.build.standalone ? [] : ["run", Deno.mainModule.replace(/^file:\/\//, "")];
    return [Deno.execPath(), ...program, ...Deno.args];
  }
}

/** The executable alone gives it up: a program that uses the library decides for itself. */
function dropNetwork(): void {
  if (bakedFacts()) Deno.permissions.revokeSync({ name: "net" });
}

export function systemWorld(files?: Files): World {
  return {
    files: files ?? systemFiles(),
    has_threads: files === undefined,
    now_ms: () => Date.now(),
    elapsed_ms: () => performance.now(),
    random_uint32: () => crypto.getRandomValues(new Uint32Array(1))[0],
    random_uuid: () => crypto.randomUUID(),
    env: systemEnv,
    pid: Deno.pid,
    hostname: systemHostname,
    cwd: () => Deno.cwd(),
    stdin: system_input,
    stdout: systemOutput("standard output", Deno.stdout),
    stderr: systemOutput("standard error", Deno.stderr),
    runProgram,
    commandLine,
    machine: () => ({
      system: `${Deno.build.os} ${Deno.build.arch}`,
      cores: navigator.hardwareConcurrency,
    }),
    dropNetwork,
    onInterrupt,
    pause,
    turn: () => new Promise((resolve) => setImmediate(resolve)),
  };
}

/** A part of a temporary file's name that no other process, and no other call, comes up with. */
export function uniqueName(world: World): string {
  return `${world.pid}-${world.random_uint32().toString(16)}`;
}

export function interruptedBy(signal: string): LedgerError {
  return new LedgerError({ code: "interrupted", message: `stopped by ${signal}` });
}
