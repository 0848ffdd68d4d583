/** The cuts of a recording that are tried: those that leave different disks, drawn by lot. */
import { IS_FULL } from "../../harness.ts";
import type { Random } from "../../laws/random.ts";
import { type DiskAfter, diskAfter, parseCut, PLAIN_FATES, type PowerCut } from "./power_cuts.ts";
import type { RecordedDisk } from "./recorded_disk.ts";

/** How often the lot is drawn after each step. */
const DRAWS = IS_FULL ? 12 : 2;
/** `12: weakest 345`: this one alone, of the work that the test's name gives. */
const ONLY = Deno.env.get("LEDGER_TEST_CUT");

interface Cut {
  cut: PowerCut;
  disk: DiskAfter;
}

/** The cuts that leave different disks: some of them, or all. */
export function cutsOf(recorded: RecordedDisk, disks_max: number, random: Random): Cut[] {
  const cuts: PowerCut[] = [];
  for (let at = 0; at <= recorded.steps.length; at++) {
    for (const fate of PLAIN_FATES) cuts.push({ at, fate });
    for (let draw = 0; draw < DRAWS; draw++) {
      const kind = draw % 2 === 0 ? "weakest" : "journal";
      cuts.push({ at, fate: `${kind} ${random.below(2 ** 31)}` as PowerCut["fate"] });
    }
  }
  if (ONLY) cuts.splice(0, cuts.length, parseCut(ONLY));
  const seen = new Set<string>();
  const chosen: Cut[] = [];
  while (cuts.length > 0 && chosen.length < disks_max) {
    const at = random.below(cuts.length);
    const [cut] = cuts.splice(at, 1, cuts.at(-1)!);
    cuts.pop();
    const disk = diskAfter(recorded, cut);
    // The same disk with more that was told is another case.
    const key = `${disk.digest} ${toldBefore(recorded, cut).length}`;
    if (seen.has(key)) continue;
    seen.add(key);
    chosen.push({ cut, disk });
  }
  return chosen;
}

/** What callers were told before it. */
export function toldBefore({ steps }: RecordedDisk, { at }: PowerCut): string[] {
  return steps.slice(0, at).flatMap((step) => step.kind === "told" ? [step.text] : []);
}

/** What the disk was asked for before the power went, for people. */
export function storyOf({ steps }: RecordedDisk, at: number): string {
  const last = steps.slice(Math.max(0, at - 12), at).map(({ text }) => text);
  return `  the last steps before the cut:\n    ${last.join("\n    ")}`;
}
