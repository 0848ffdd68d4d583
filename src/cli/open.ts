/** Opens the ledger that a command's flags and environment name. */
import { asLedgerError, EXIT_CODE_OF, EXIT_OK, LedgerError, quoted } from "../base/error.ts";
import { read_bytes } from "../base/limits.ts";
import type { Input, World } from "../base/world.ts";
import { Ledger, type OpenOptions } from "../ledger.ts";
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
export interface Interruption {
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

/** Reads a whole file, or standard input for `-`: text in UTF-8, whatever mark it begins with. */
export async function readInput(world: World, path: string): Promise<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  try {
    if (path !== "-") return decoder.decode(world.files.readBytes(path));
    const buffer = new Uint8Array(read_bytes);
    let text = "";
    for (;;) {
      const count = await world.stdin.read(buffer);
      if (count === null) return text + decoder.decode();
      text += decoder.decode(buffer.subarray(0, count), { stream: true });
    }
  } catch (cause) {
    // The decoder's way to say that bytes are no text.
    if (!(cause instanceof TypeError)) throw cause;
    const name = path === "-" ? "standard input" : path;
    throw new LedgerError({
      code: "invalid",
      message: `cannot use ${name}: it is not valid UTF-8`,
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
export interface CommandInput extends Pick<Input, "read">, Disposable {
  /** How many bytes it holds, where that is known. */
  size_bytes(): Promise<number | undefined>;
}

/** A file, or standard input for `-`, to be read bit by bit. */
export function inputFrom(world: World, path: string): CommandInput {
  if (path === "-") {
    return {
      read: (buffer) => world.stdin.read(buffer),
      size_bytes: async () => await world.stdin.size_bytes?.(),
      [Symbol.dispose]() {},
    };
  }
  const file = hinting("is its name right? - reads standard input", () => {
    return world.files.open(path, "read");
  });
  let at = 0;
  return {
    read(buffer) {
      const count = file.readAt(buffer, at);
      at += count;
      return Promise.resolve(count === 0 ? null : count);
    },
    size_bytes: () => Promise.resolve(file.facts().size_bytes),
    [Symbol.dispose]: () => file.close(),
  };
}
