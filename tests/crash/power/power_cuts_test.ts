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
import { cutsOf, storyOf, toldBefore } from "./cuts.ts";
import { layOut, textOfCut } from "./power_cuts.ts";
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
/** What a cut leaves that no write finished; nothing of it was ever acknowledged. */
const LEFT_BY_CUT = new RegExp(`^(torn|corrupt) |${LEFT_BY_KILLED.source}`);

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
