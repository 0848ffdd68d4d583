import type { World } from "../../base/world.ts";
import type { LineageRun } from "../../ledger/run_lineage.ts";
import { Branches } from "../branches.ts";
import { defineCommand, runWord } from "../command.ts";
import { asIs, runsFlags, text } from "../flags.ts";
import { freshen, openForRuns } from "../open.ts";
import { paintFor, plain, print, printJson, say } from "../output.ts";
import { usage } from "../parse.ts";

const DIGEST_CHARS = 12;

export default defineCommand({
  name: "runs lineage",
  summary: "whose artifacts a run used, and who used its own, as a tree",
  description: "Draws what a run rests on (up) and what rests on it (down): artifacts of other " +
    "runs that were read, with the digest of what was read, and links. An artifact that is " +
    "another one by now is marked. With --uses, first appends an event that says that this run " +
    "read an artifact of another; the same use said twice counts once.",
  examples: {
    "ledger runs lineage demo-1": "up and down from a run",
    "ledger runs lineage demo-2 --uses demo-1 --artifact alerts": "note that it read these alerts",
  },
  positionals: [runWord("the run's id, the beginning of it, or its name")],
  flags: {
    "uses": text("RUN", "note that it has read an artifact of this run"),
    "artifact": text("ARTIFACT", "with --uses: which one (default: the only one that there is)"),
    "as-is": asIs(),
    ...runsFlags(),
  },
  run: async ({ world, flags, words: [run_id] }) => {
    const { uses, artifact } = flags;
    if (artifact !== undefined && uses === undefined) {
      throw usage("runs lineage", "--artifact goes with --uses");
    }
    await using ledger = openForRuns(world, flags);
    if (uses !== undefined) await ledger.runs.noteUse(run_id, uses, artifact);
    await freshen(world, ledger, flags, "log", "runs");
    const lineage = await ledger.runs.lineage(run_id);
    if (flags.json) return printJson(world, lineage);
    const { bold } = paintFor(world, world.stdout);
    print(world, bold(plain(lineage.run_id)) + factsOf(lineage));
    draw(world, "up: what it used, or is linked to", lineage.up);
    draw(world, "down: what used it, or is linked to it", lineage.down);
    if (lineage.up.length + lineage.down.length === 0) {
      say(world, `nothing is known of other runs; to note a use: --uses RUN --artifact TYPE`);
    }
    const changed = [...lineage.up, ...lineage.down].flatMap(({ by }) => by)
      .filter(({ is_changed }) => is_changed);
    if (changed.length > 0) {
      say(world, "an artifact that is marked was written anew after it was read");
    }
  },
});

function factsOf({ name, status }: Pick<LineageRun, "name" | "status">): string {
  return [name, status ?? "not known here"].filter((fact) => fact !== null)
    .map((fact) => `  ${plain(fact)}`).join("");
}

function draw(world: World, heading: string, runs: readonly LineageRun[]): void {
  if (runs.length === 0) return;
  const { bold, dim, yellow } = paintFor(world, world.stdout);
  print(world, heading);
  const branches = new Branches();
  for (const run of runs) {
    const by = run.by.map(({ what, sha256, is_changed }) =>
      plain(what) + (sha256 ? ` ${dim(sha256.slice(0, DIGEST_CHARS))}` : "") +
      (is_changed ? yellow(" (changed since)") : "")
    );
    const again = run.is_repeated ? dim("  (as above)") : "";
    print(
      world,
      dim(branches.before(run.depth, run.is_last)) + bold(plain(run.run_id)) + factsOf(run) +
        `  ${by.join(", ")}${again}`,
    );
  }
}
