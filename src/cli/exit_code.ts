/** The exit code: 0, what the error's code says, 3 for findings, or 130 for an interrupt. */
import { type ErrorCode, EXIT_FINDINGS, EXIT_OK } from "../base/error.ts";
import { humanCount } from "../base/format.ts";
import { findings_shown_max } from "../base/limits.ts";
import type { World } from "../base/world.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { SkippedRun } from "../runs/catalog/change.ts";
import type { Finding } from "../runs/manifest/manifest.ts";
import type { Interruption } from "./progress.ts";
import { say } from "./print.ts";

export { EXIT_FINDINGS, EXIT_OK };

/** The exit code of a command that ended with an error of this code. */
export const EXIT_CODE_OF: Readonly<Record<ErrorCode, number>> = {
  usage: 2,
  invalid: 2,
  not_found: 1,
  busy: 75,
  disk_full: 1,
  no_permission: 1,
  outside_scope: 1,
  durability_unknown: 1,
  newer_format: 1,
  damaged: 1,
  io: 1,
  unreachable: 75,
  forked: EXIT_FINDINGS,
  interrupted: 130,
};

/** The one line of help about them. */
export const EXIT_CODES = "Exit codes: 0 ok, 1 failed, 2 usage or invalid input, " +
  "3 done with findings, 75 busy (try again), 130 interrupted.";

/** How a command ends that runs until it is stopped: SIGTERM stops it, and that is no failure. */
export function exitOfDaemon({ stoppedBy }: Interruption): number {
  return stoppedBy() === "SIGINT" ? EXIT_CODE_OF.interrupted : EXIT_OK;
}

/** How a command ends that has work to do: stopped before its end, it has not done it. */
export function exitOfStopped({ stoppedBy }: Interruption, done = EXIT_OK): number {
  return stoppedBy() === undefined ? done : EXIT_CODE_OF.interrupted;
}

/** That of a command that read manifests: it names the runs that the disk, or a right, kept from it. */
export function exitOfUnread(
  world: World,
  unread: readonly SkippedRun[],
  outcome = "stays as it was catalogued, if it was",
): number {
  for (const { run_path, reason } of unread.slice(0, findings_shown_max)) {
    say(world, `${run_path} ${outcome}: ${reason}`);
  }
  const others = unread.length - findings_shown_max;
  if (others > 0) say(world, `and ${humanCount(others)} more like it`);
  return unread.length === 0 ? EXIT_OK : EXIT_FINDINGS;
}

/** Says what is unusual about files and loses nothing; the exit code is the command's own. */
export function sayNotes(world: World, notes: readonly { path: string; note: string }[]): void {
  for (const { path, note } of notes.slice(0, findings_shown_max)) say(world, `${path}: ${note}`);
  const others = notes.length - findings_shown_max;
  if (others > 0) say(world, `and ${humanCount(others)} more like it; all of them: --json`);
}

/** Says what is unusual about a run's values: they are kept as they are. */
export function sayFindings(world: World, findings: readonly Finding[] = []): void {
  const notes = findings.map(({ kind, artifact, message }) => {
    return { path: `${kind}, ${artifact}`, note: message };
  });
  sayNotes(world, notes);
}

/** That of a command that shows the registry: it says when the chain binds another one. */
export async function exitOfRegistry(world: World, ledger: Ledger): Promise<number> {
  sayUnregistered(world, ledger);
  const problem = await ledger.upkeep.registryProblem();
  if (problem === undefined) return EXIT_OK;
  say(world, `${problem}; see: ledger verify --deep`);
  return EXIT_FINDINGS;
}

/** Names the first system's types of which no event can be emitted. */
export function sayUnregistered(world: World, { registry: { unregistered } }: Ledger): void {
  if (unregistered.length === 0) return;
  say(
    world,
    `kept in events/_schema.json and not registered, since the first system gave no schema: ` +
      `${unregistered.join(", ")}; to register: ledger schema register ${
        unregistered[0]
      } SCHEMA.json`,
  );
}
