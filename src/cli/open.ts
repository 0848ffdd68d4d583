/** Opens the ledger that a command's flags and environment name, and brings up to date what it answers from. */
import { LedgerError, quoted } from "../base/error.ts";
import { shellQuoted } from "../base/format.ts";
import type { World } from "../base/world.ts";
import type { OpenOptions } from "../ledger/event_log.ts";
import type { AnswerLag, AnswerSource } from "../ledger/fresh.ts";
import { Ledger } from "../ledger/ledger.ts";
import { type Folders, optionsFor } from "./flags.ts";
import { say } from "./print.ts";

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

/** Before an answer: brings its indexes up to date where that is quick, else says how far behind it is. */
export async function freshen(
  world: World,
  ledger: Ledger,
  flags: Folders & { "as-is": boolean },
  ...sources: AnswerSource[]
): Promise<void> {
  if (flags["as-is"]) return;
  sayLags(world, flags, await ledger.freshen(sources, (notice) => say(world, notice)));
}

/** Says what an answer lacks, and what mends it. */
export function sayLags(world: World, flags: Folders, lags: readonly AnswerLag[]): void {
  const named = (name: "dir" | "runs-dir") =>
    flags[name] === undefined ? "" : ` --${name} ${shellQuoted(flags[name])}`;
  for (const { source, message, command, reason } of lags) {
    const line = `${command}${named("dir")}${source !== "log" ? named("runs-dir") : ""}`;
    say(world, `${message}; to bring it up to date: ${line}${reason ? ` (${reason})` : ""}`);
  }
}
