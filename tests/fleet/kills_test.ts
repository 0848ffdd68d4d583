/** Whatever is killed, and whatever a real object store loses or refuses, each event is there once, in order. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { assertEachOnce, idsOnDisk } from "../crash/kills/crash.ts";
import { IS_FULL, ledger, tempFolder } from "../harness.ts";
import { type Random, withSeed } from "../laws/random.ts";
import { Ceph, type CephOptions, HAS_CEPH } from "./ceph.ts";
import { addressOf, linesInStore, linesOfParts, openStore, URL_OF_LAB } from "./fleets.ts";
import { KilledBox, Sweep } from "./kills.ts";
import { assertTablesAreUnion, rowsOfTable } from "./tables.ts";

const BOXES = IS_FULL ? 8 : 2;
const KILLS = IS_FULL ? 200 : 4;
/** An OSD that may be killed leaves two others, and keeps its disk. */
const CEPH: Omit<CephOptions, "folder"> = IS_FULL ? { osds: 3 } : { is_in_memory: true };
const OUTAGE_MS = 20_000;

interface Lab {
  ceph: Ceph;
  boxes: KilledBox[];
  folder: string;
  random: Random;
}

function killTest(name: string, body: (lab: Lab) => Promise<void>): void {
  Deno.test({
    name,
    ignore: !HAS_CEPH,
    fn: () =>
      withSeed(async (random) => {
        using folder = tempFolder();
        const of_ceph = join(folder.path, "ceph");
        Deno.mkdirSync(of_ceph);
        await using ceph = await Ceph.start({ folder: of_ceph, ...CEPH });
        await initFleet(ceph, folder.path);
        await using stack = new AsyncDisposableStack();
        const boxes: KilledBox[] = [];
        for (let n = 0; n < BOXES; n++) {
          boxes.push(stack.use(await KilledBox.join(ceph, folder.path, `box-${n}`)));
        }
        await body({ ceph, boxes, folder: folder.path, random });
      }),
  });
}

async function initFleet(ceph: Ceph, folder: string): Promise<void> {
  const init = ["fleet", "init", ...addressOf(ceph)];
  const { code, stderr } = await ledger(init, { cwd: folder, is_shipped: true, env: ceph.keys });
  assertEquals(code, 0, stderr);
}

/** The events that its writer emitted. */
function trialsOf({ dir }: KilledBox): string[] {
  return idsOnDisk(dir, (line) => line.includes('"trial.recorded"'));
}

/** Kills daemons of the store at some of the sweep's kills, and starts them again. */
async function disturb({ ceph }: Lab, sweep: Sweep): Promise<string[]> {
  const done: string[] = [];
  const at = (share: number) => sweep.untilKills(Math.ceil(sweep.wanted * share));
  await at(0.2);
  const is_uploading = await sweep.untilUpload();
  await ceph.kill("rgw");
  sweep.goOn();
  ceph.start("rgw");
  await ceph.untilAnswers();
  done.push(`the gateway killed${is_uploading ? " in an upload" : ""}`);
  if (!IS_FULL) return done;
  await at(0.4);
  await ceph.kill("osd.1");
  await at(0.5);
  ceph.start("osd.1");
  done.push("an OSD killed and started again");
  await at(0.7);
  await ceph.killAll();
  await new Promise((resolve) => setTimeout(resolve, OUTAGE_MS));
  await ceph.startAll();
  done.push(`the whole store away for ${OUTAGE_MS / 1e3} s`);
  return done;
}

killTest(
  "boxes ship through kills, lost answers, cut uploads and a store that dies: each event, ended run and traced event is in the store once, events in order",
  async (lab) => {
    const { ceph, boxes, folder, random } = lab;
    await boxes[0].record();
    const sweep = new Sweep(ceph, KILLS, { lost: 0.2, cut: 0.1, killed: 0.8 });
    const lanes = boxes.flatMap((box) => [box, box]).map((box) => {
      const own = random.fork();
      return sweep.lane(own, box.folder, async () => {
        await box.emit(1 + own.below(4), own);
        if (own.chance(0.15)) await box.record();
        return own.chance(0.5) ? ["ship", "--once"] : ["ship", "--drain", "--timeout", "120s"];
      }, [0, 75]);
    });
    const [disturbed] = await Promise.all([disturb(lab, sweep), ...lanes]);
    console.log(`${sweep}; ${disturbed.join(", ")}`);
    using store = openStore(ceph);
    for (const box of boxes) {
      await box.well("ship", "--drain", "--timeout", "60s");
      assertEquals(await linesInStore(store, box.name), linesOfParts(box.dir));
      assertEachOnce(trialsOf(box), box.acknowledged, box.name);
    }
    await boxes[0].well("fleet", "verify", "--deep");
    await boxes[0].well("fleet", "fold");
    const inTable = async (table: string, column: string) => {
      return (await rowsOfTable(store, table, folder)).map((row) => String(row[column]));
    };
    assertEachOnce(await inTable("runs", "run_id"), boxes.flatMap(({ runs }) => runs), "runs");
    const traced = boxes.flatMap((box) => box.traced);
    assertEachOnce(await inTable("traces", "event_id"), traced, "traces");
  },
);

killTest(
  "jobs fold through kills and lost answers, two and four at once: the tables have each event once",
  async (lab) => {
    const { ceph, boxes, folder, random } = lab;
    for (const box of boxes) await box.emit(2, random);
    for (const jobs of IS_FULL ? [2, 4] : [2]) {
      const sweep = new Sweep(ceph, KILLS / 2, { lost: 0.15, cut: 0.05, killed: 0.8 });
      await Promise.all(random.times(jobs, (n) => {
        const own = random.fork();
        const cwd = join(folder, `job-${jobs}-${n}`);
        Deno.mkdirSync(cwd);
        return sweep.lane(own, cwd, async () => {
          const box = own.pick(boxes);
          await box.emit(1 + own.below(4), own);
          await box.well("ship", "--drain", "--timeout", "60s");
          return ["fleet", "fold", URL_OF_LAB, ...own.chance(0.5) ? ["--merge"] : []];
        }, [0, 75]);
      }));
      console.log(`${jobs} jobs at once: ${sweep}`);
    }
    for (const box of boxes) await box.well("ship", "--drain", "--timeout", "60s");
    await boxes[0].well("fleet", "fold");
    for (const box of boxes) assertEachOnce(trialsOf(box), box.acknowledged, box.name);
    using store = openStore(ceph);
    await assertTablesAreUnion(store, boxes, folder);
  },
);
