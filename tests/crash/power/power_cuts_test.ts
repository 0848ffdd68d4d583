/**
 * The power goes after any step of what a program does, and takes with it what was not synced, in every
 * way that is legal: what was acknowledged is there, nothing is there twice, what is left half-way is no
 * damage, and doing it again ends it.
 */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { assertLikeBuiltAnew, sync } from "../../index/indexes.ts";
import { Ledger } from "../../../src/ledger/ledger.ts";
import { IS_FULL, memoryFolder, testWorld } from "../../harness.ts";
import { laterWorld } from "../../retained.ts";
import { type ActorName, ACTORS } from "../schedules/actors.ts";
import {
  act,
  allIdsOf,
  assertKept,
  assertToldIsSo,
  findingsOf,
  LEFT_BY_KILLED,
  prepareLedger,
} from "../schedules/aftermath.ts";
import { seededTest } from "../kills/crash.ts";
import { type Random } from "../../laws/random.ts";
import {
  type DiskAfter,
  diskAfter,
  layOut,
  parseCut,
  PLAIN_FATES,
  type PowerCut,
  textOfCut,
} from "./power_cuts.ts";
import { RecordedDisk } from "./recorded_disk.ts";

/** What is done when the power goes. */
interface Work {
  actor: ActorName;
  /** What the ledger has come to before. */
  before?: readonly ActorName[];
  has_other_box?: boolean;
  /** Whether there is no ledger before. */
  is_first?: boolean;
  /** Whether a database has to be made to look at what a cut left. */
  is_slow?: boolean;
}

const WORKS: readonly Work[] = [
  { actor: "busy writer", is_first: true },
  { actor: "busy writer" },
  { actor: "two private writers" },
  { actor: "seal", before: ["busy writer"] },
  { actor: "compact", before: ["private writer"] },
  { actor: "restore", before: ["compact"] },
  { actor: "retain", before: ["writer"] },
  { actor: "retain", before: ["retain", "writer"] },
  { actor: "import", before: ["retain", "writer"] },
  { actor: "pull", has_other_box: true },
  { actor: "register" },
  { actor: "migrate", before: ["register"] },
  { actor: "maker of a run", is_first: true },
  { actor: "maker of a run" },
  { actor: "tracer", is_slow: true },
  { actor: "compact traces", before: ["tracer"] },
  { actor: "sync", is_slow: true },
  { actor: "sync", before: ["sync", "writer"], is_slow: true },
];

/** How many different disks are looked at, of one work. */
const DISKS_MAX = Number(Deno.env.get("LEDGER_TEST_CUTS") ?? (IS_FULL ? 3_000 : 10));
const DISKS_OF_SLOW = IS_FULL ? 60 : 1;
/** How often the lot is drawn after each step. */
const DRAWS = IS_FULL ? 12 : 2;
/** `12: weakest 345`: this one alone, of the work that the test's name gives. */
const ONLY = Deno.env.get("LEDGER_TEST_CUT");

/** What a cut leaves that no write finished; nothing of it was ever acknowledged. */
const LEFT_BY_CUT = new RegExp(`^(torn|corrupt) |${LEFT_BY_KILLED.source}`);

interface Cut {
  cut: PowerCut;
  disk: DiskAfter;
}

/** The cuts that leave different disks: some of them, or all. */
function cutsOf(recorded: RecordedDisk, disks_max: number, random: Random): Cut[] {
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

function toldBefore({ steps }: RecordedDisk, { at }: PowerCut): string[] {
  return steps.slice(0, at).flatMap((step) => step.kind === "told" ? [step.text] : []);
}

/** Reopens the ledger that a cut has left, and has the work done again. */
async function assertRecovers(
  dir: string,
  { actor, is_first }: Work,
  known: string[],
  told: string[],
): Promise<void> {
  const seriousOf = async () =>
    (await findingsOf(dir)).filter((finding) => !LEFT_BY_CUT.test(finding));
  const ledger = new Ledger({ dir, world: laterWorld() });
  if (is_first && !ledger.exists()) assertEquals(told, [], "there is no ledger any more");
  else assertEquals(await seriousOf(), [], "found after the cut");
  await assertToldIsSo(dir, told);
  await assertIsBack(dir, told);
  const told_again = await act(actor, dir, "again");
  await ledger.verify({ repair: true });
  assertEquals(await seriousOf(), [], "found when it was done again");
  assertEquals((await findingsOf(dir)).filter((text) => text.startsWith("torn ")), []);
  await assertKept(dir, known, [...told, ...told_again], { have_others: true });
  assertEquals(await seriousOf(), [], "found when all was back");
  if (actor === "sync") await assertLikeBuiltAnew(dir, await sync(dir));
}

/** Fails unless the parts are in the log that were brought back. */
async function assertIsBack(dir: string, told: readonly string[]): Promise<void> {
  const back = told.filter((what) => what.startsWith("back ")).map((what) => what.slice(5));
  if (back.length === 0) return;
  const labels = new Set<string>();
  for await (const { label } of new Ledger({ dir, world: laterWorld() }).read()) labels.add(label);
  assertEquals(back.filter((part) => !labels.has(part)), [], "brought back, and away");
}

/** What the disk was asked for before the power went, for people. */
function storyOf({ steps }: RecordedDisk, at: number): string {
  const last = steps.slice(Math.max(0, at - 12), at).map(({ text }) => text);
  return `  the last steps before the cut:\n    ${last.join("\n    ")}`;
}

for (const work of WORKS) {
  const { actor, before, has_other_box, is_first, is_slow } = work;
  const name = `${actor}${is_first ? ", the first" : ""}${
    before ? ` after ${before.join(", ")}` : ""
  }`;
  seededTest(
    `whenever the power goes, nothing acknowledged goes with it: ${name}`,
    async (random) => {
      using folder = memoryFolder();
      const root = join(folder.path, "recorded");
      const dir = join(root, "ledger");
      Deno.mkdirSync(root);
      const told_before = is_first ? [] : await prepareLedger(dir, before, has_other_box);
      const known = is_first ? [] : await allIdsOf(dir);
      const recorded = new RecordedDisk(root);
      const world = testWorld({
        files: recorded.files,
        has_threads: false,
        now_ms: laterWorld().now_ms,
        cwd: () => root,
      });
      const tell = (what: string) => recorded.tell(what);
      await ACTORS[actor]({ world, dir, life: "first", tell });
      for (const { cut, disk } of cutsOf(recorded, is_slow ? DISKS_OF_SLOW : DISKS_MAX, random)) {
        using after = memoryFolder();
        layOut(disk, after.path);
        try {
          const found = join(after.path, "ledger");
          const told = [...told_before, ...toldBefore(recorded, cut)];
          await assertRecovers(found, work, known, told);
        } catch (cause) {
          const text = `${name}, LEDGER_TEST_CUT="${textOfCut(cut)}": ${(cause as Error).message}`;
          throw new Error(`${text}\n${storyOf(recorded, cut.at)}`, { cause });
        }
      }
    },
  );
}
