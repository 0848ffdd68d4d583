/** Opens the ledger that a command's flags and environment name. */
import { LedgerError, quoted } from "../base/error.ts";
import type { World } from "../base/world.ts";
import type { OpenOptions } from "../ledger/event_log.ts";
import { Ledger } from "../ledger/ledger.ts";
import { type Folders, optionsFor } from "./flags.ts";

/** A ledger for one command. */
export function openFor(world: World, flags: Folders, options: OpenOptions = {}): Ledger {
  return new Ledger({ ...optionsFor(world, flags), ...options });
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
