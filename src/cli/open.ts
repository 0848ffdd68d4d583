/** Opens the ledger that a command's flags and environment name; stops a command that is interrupted. */
import { LedgerError, quoted } from "../base/error.ts";
import type { World } from "../base/world.ts";
import { Ledger, type OpenOptions } from "../ledger/ledger.ts";
import { say } from "./output.ts";

interface Folders {
  "dir"?: string;
  "runs-dir"?: string;
}

/** A ledger for one command. `LEDGER_LOG=debug` tells each write and each recovery. */
export function openFor(world: World, flags: Folders, options: OpenOptions = {}): Ledger {
  const debug = world.env("LEDGER_LOG") === "debug";
  return new Ledger({
    world,
    dir: flags.dir,
    runs_dir: flags["runs-dir"],
    onNotice: debug ? (message) => say(world, `ledger: ${message}`) : undefined,
    ...options,
  });
}

/** The same where runs are needed: a typo in `--runs-dir` would make all of them missing. */
export function openForRuns(world: World, flags: Folders): Ledger {
  const ledger = openFor(world, flags);
  const named = flags["runs-dir"];
  if (named === undefined || ledger.runs.exists()) return ledger;
  throw new LedgerError({
    code: "not_found",
    message: `there is no folder of runs ${quoted(named)}`,
    hint: "check --runs-dir; a relative path starts at the current folder",
  });
}

/** Listens for SIGINT and SIGTERM until it is disposed of. */
export interface Interruption extends Disposable {
  /** Aborted by the first signal. */
  signal: AbortSignal;
  /** Which signal it was, once there was one. */
  stoppedBy: () => string | undefined;
}

/** Listens for the operator, or the scheduler, who wants this process to stop. */
export function stopOnInterrupt(world: World): Interruption {
  const controller = new AbortController();
  let stopped_by: string | undefined;
  const done = world.onInterrupt((signal) => {
    stopped_by = signal;
    controller.abort();
  });
  return { signal: controller.signal, stoppedBy: () => stopped_by, [Symbol.dispose]: done };
}
