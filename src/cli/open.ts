/** Opens the ledger that a command's flags and environment name. */
import { LedgerError, quoted } from "../base/error.ts";
import type { World } from "../base/world.ts";
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

/** Aborts when the user or the scheduler wants this process to stop. */
export function stopOnInterrupt(world: World): {
  signal: AbortSignal;
  /** Which signal it was, once it was. */
  stoppedBy: () => string | undefined;
  done: () => void;
} {
  const controller = new AbortController();
  let stopped_by: string | undefined;
  const done = world.onInterrupt((signal) => {
    stopped_by = signal;
    controller.abort();
  });
  return { signal: controller.signal, stoppedBy: () => stopped_by, done };
}

/** Reads a whole file, or standard input for `-`. */
export async function readInput(world: World, path: string): Promise<string> {
  if (path !== "-") return world.files.readText(path);
  const decoder = new TextDecoder("utf-8", { fatal: false, ignoreBOM: false });
  const buffer = new Uint8Array(65536);
  let text = "";
  for (;;) {
    const count = await world.stdin.read(buffer);
    if (count === null) return text + decoder.decode();
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
}
