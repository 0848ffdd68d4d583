/** Opens the ledger that a command's flags and environment name. */
import {
  asLedgerError,
  EXIT_CODE_OF,
  EXIT_FINDINGS,
  EXIT_OK,
  LedgerError,
  quoted,
} from "../base/error.ts";
import { input_text_bytes_max } from "../base/limits.ts";
import { escaped } from "../base/format.ts";
import type { Input, World } from "../base/world.ts";
import { Ledger, type OpenOptions } from "../ledger/ledger.ts";
import { say } from "./output.ts";

/** A ledger for one command. `LEDGER_LOG=debug` tells each write and each recovery. */
export function openFor(
  world: World,
  flags: { "dir"?: string; "runs-dir"?: string },
  options: OpenOptions = {},
): Ledger {
  const debug = world.env("LEDGER_LOG") === "debug";
  return new Ledger({
    world,
    dir: flags.dir,
    runs_dir: flags["runs-dir"],
    onNotice: debug ? (message) => say(world, `ledger: ${message}`) : undefined,
    ...options,
  });
}

/** The exit code of a command that shows the registry: it says when the chain binds another one. */
export async function exitOfRegistry(world: World, ledger: Ledger): Promise<number> {
  const problem = await ledger.upkeep.registryProblem();
  if (problem === undefined) return EXIT_OK;
  say(world, `${problem}; see: ledger verify --deep`);
  return EXIT_FINDINGS;
}

/** Whoever names a folder of runs means one that is there: a typo would make all runs missing. */
export function openForRuns(
  world: World,
  flags: { "dir"?: string; "runs-dir"?: string },
): Ledger {
  const ledger = openFor(world, flags);
  const named = flags["runs-dir"];
  if (named === undefined || ledger.runs.exists()) return ledger;
  throw new LedgerError({
    code: "not_found",
    message: `there is no folder of runs ${quoted(named)}`,
    hint: "check --runs-dir; a relative one is taken from the folder that you are in",
  });
}

/** A wish that this process stop. */
interface Interruption {
  /** Aborted as soon as somebody wishes it. */
  signal: AbortSignal;
  /** Which signal it was, once it was. */
  stoppedBy: () => string | undefined;
  /** Listens no more. */
  done: () => void;
}

/** Listens for the user, or the scheduler, who wants this process to stop. */
export function stopOnInterrupt(world: World): Interruption {
  const controller = new AbortController();
  let stopped_by: string | undefined;
  const done = world.onInterrupt((signal) => {
    stopped_by = signal;
    controller.abort();
  });
  return { signal: controller.signal, stoppedBy: () => stopped_by, done };
}

/** How a daemon ends: whoever sends SIGTERM asked for an end, and got one in good order. */
export function exitOfDaemon({ stoppedBy }: Pick<Interruption, "stoppedBy">): number {
  return stoppedBy() === "SIGINT" ? EXIT_CODE_OF.interrupted : EXIT_OK;
}

/** The names under which a caller gives standard input: where nothing else is read, and of the system. */
const STANDARD_INPUT: readonly string[] = ["-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"];

/** Whether a caller means standard input. The executable may not open it by its path. */
export function isStandardInput(path: string): boolean {
  return STANDARD_INPUT.includes(path);
}

/** Reads a whole file, or standard input for `-`: text in UTF-8, whatever mark it begins with. */
export async function readInput(world: World, path: string): Promise<string> {
  const name = isStandardInput(path) ? "standard input" : path;
  const { readWhole } = await import("../base/files/outside.ts");
  using input = await inputFrom(world, path);
  const bytes = await readWhole(input, name, input_text_bytes_max);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new LedgerError({
      code: "invalid",
      message: `cannot use ${escaped(name)}: it is not valid UTF-8`,
      where: { path: name },
      hint: "nothing was changed; write it as UTF-8, for example with: iconv -f latin1 -t utf8",
      cause,
    });
  }
}

/** Says what to do where something is not there. */
export function hinting<Result>(hint: string, open: () => Result): Result {
  try {
    return open();
  } catch (cause) {
    const error = asLedgerError(cause);
    if (error?.code !== "not_found" || error.hint !== undefined) throw cause;
    throw error.with({ hint });
  }
}

/** What a command reads bit by bit. */
interface CommandInput extends Pick<Input, "read">, Disposable {
  /** How many bytes it holds, where that is known. */
  size_bytes(): Promise<number | undefined>;
}

/** A file or a pipe, or standard input for `-`, to be read bit by bit. */
export async function inputFrom(world: World, path: string): Promise<CommandInput> {
  if (isStandardInput(path)) {
    return {
      read: (buffer) => world.stdin.read(buffer),
      size_bytes: async () => await world.stdin.size_bytes?.(),
      [Symbol.dispose]() {},
    };
  }
  const { openInput } = await import("../base/files/outside.ts");
  const input = hinting("is its name right? - reads standard input", () => {
    return openInput(world.files, path);
  });
  return {
    read: (buffer) => input.read(buffer),
    size_bytes: () => Promise.resolve(input.size_bytes),
    [Symbol.dispose]: () => input.close(),
  };
}
