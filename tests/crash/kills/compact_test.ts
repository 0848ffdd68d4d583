/** Compacting and restoring on disks that fail, that are full, and in processes that are killed. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { LedgerError } from "../../../src/base/error.ts";
import { restoreDay } from "../../../src/log/compact/restore.ts";
import { sealParts } from "../../../src/log/seal/seal.ts";
import { openLedger } from "../../../src/mod.ts";
import {
  IS_FULL,
  IS_PLAIN,
  ledger,
  memoryFolder,
  startLedger,
  tempFolder,
  testWorld,
  writePart,
} from "../../harness.ts";
import { GOOD_LINE } from "../../log/cases.ts";
import {
  compactAll,
  filesOfDays,
  laterWorld,
  linesOfDays,
  namesOfDay,
  recordsOf,
} from "../../log/upkeep.ts";
import { DAY, NOON_MS, patience, seededTest, spin } from "./crash.ts";
import { failAtEach, type FaultyDisk } from "../faults/faults.ts";
import { smallDisk, testWith } from "../power/power.ts";

const DATE = DAY.slice(4);
/** The files of a day that is compacted, and of one that is restored. */
const NAMES = {
  compacted: ["_sealed.json", "part-000001.parquet", "part-000002.w.parquet"],
  restored: ["_sealed.json", "part-000001.jsonl", "part-000002.w.jsonl"],
};
const KILLS = IS_FULL ? 50 : IS_PLAIN ? 4 : 10;

function lineOf(event_id: string): string {
  return GOOD_LINE.replace('"e1"', `"${event_id}"`).replace(/\d{13}/, String(NOON_MS)) + "\n";
}

/** Two parts of a day, one with a line that is no event. */
function writeParts(dir: string, lines = 20): void {
  const make = (name: string) => Array.from({ length: lines }, (_, n) => lineOf(`${name}-${n}`));
  writePart(dir, { day: DATE, number: 1, writer: "" }, [...make("a"), "no event\n"]);
  writePart(dir, { day: DATE, number: 2, writer: "w" }, make("b"));
}

async function findingsOf(dir: string) {
  await using opened = await openLedger({ dir });
  const { findings } = await opened.verify({ deep: true });
  return findings.filter(({ kind }) => kind !== "corrupt");
}

/** Fails unless a log has these records, however its parts are held. */
async function assertReads(dir: string, records: unknown[][], what: string): Promise<void> {
  assertEquals(await recordsOf(dir), records, what);
}

/** What is tried on a disk that fails: from one form of a day to the other. */
const ATTEMPTS = {
  compact: {
    from: "restored",
    to: "compacted",
    run: (dir: string, world = laterWorld()) => compactAll(dir, { world }),
  },
  restore: {
    from: "compacted",
    to: "restored",
    run: (dir: string, world = laterWorld()) => restoreDay(world, dir, DATE),
  },
} as const;

for (const [what, { from, to, run }] of Object.entries(ATTEMPTS)) {
  Deno.test({
    name: `${what}, whichever file operation fails: nothing lost or doubled, and again ends it`,
    sanitizeResources: true,
    fn: async () => {
      using model = memoryFolder();
      writeParts(model.path);
      await sealParts(laterWorld(), model.path);
      const records = await recordsOf(model.path);
      const lines = linesOfDays(model.path);
      await failAtEach(async (disk: FaultyDisk) => {
        using folder = memoryFolder();
        const dir = folder.path;
        writeParts(dir);
        await sealParts(laterWorld(), dir);
        if (from === "compacted") await compactAll(dir);
        const faulty = laterWorld({ files: disk.world.files });
        let error: unknown;
        await run(dir, faulty).catch((thrown) => error = thrown);
        if (error !== undefined) assert(error instanceof LedgerError, `${error}`);
        else if (!disk.was_reached) assertEquals(namesOfDay(dir, DATE), NAMES[to]);
        await assertReads(dir, records, "after the failure");
        disk.heal();
        await run(dir, faulty);
        assertEquals(namesOfDay(dir, DATE), NAMES[to]);
        await assertReads(dir, records, "done again");
        assertEquals(await findingsOf(dir), []);
        await restoreDay(laterWorld(), dir, DATE);
        assertEquals(linesOfDays(dir), lines);
      });
    },
  });
}

Deno.test("what compact and restore put in place is durable before anything is removed", async () => {
  using folder = memoryFolder();
  const dir = folder.path;
  writeParts(dir);
  const events: string[] = [];
  const { systemFiles } = await import("../../../src/base/files/system_files.ts");
  const files = systemFiles((operation, path) => {
    const name = path.slice(path.lastIndexOf("/") + 1).replace(/\.[^.]*\.tmp$/, ".tmp");
    if (/^part-000001|_sealed|^day=/.test(name)) events.push(`${operation} ${name}`);
  });
  const order = (wanted: string[]) => {
    let at = 0;
    for (const event of wanted) {
      at = events.indexOf(event, at) + 1;
      assert(at > 0, `${event} is missing, or too early, in ${events.join("; ")}`);
    }
  };
  await compactAll(dir, { world: laterWorld({ files }) });
  order([
    ...["sync part-000001.jsonl", "rename _sealed.json", `sync folder ${DAY}`],
    ...["sync part-000001.parquet.tmp", "link part-000001.parquet", `sync folder ${DAY}`],
    ...["sync _sealed.json.tmp", "rename _sealed.json", `sync folder ${DAY}`],
    ...["remove part-000001.jsonl", `sync folder ${DAY}`],
  ]);
  events.length = 0;
  await restoreDay(laterWorld({ files }), dir, DATE);
  order([
    ...["sync part-000001.jsonl.tmp", "link part-000001.jsonl", `sync folder ${DAY}`],
    ...["sync _sealed.json.tmp", "rename _sealed.json", `sync folder ${DAY}`],
    ...["remove part-000001.parquet", `sync folder ${DAY}`],
  ]);
});

seededTest(
  `${KILLS} times a process that compacts or restores is killed: the log reads the same, and again ends it`,
  async (random) => {
    using folder = tempFolder();
    const dir = join(folder.path, "data", "ledger");
    writeParts(dir, 30_000);
    await sealParts(laterWorld(), dir);
    const records = await recordsOf(dir);
    const lines = linesOfDays(dir);
    const interrupted = { compact: 0, restore: 0 };
    let longest_ms = 1_500;
    // Until some were interrupted, however slow the machine.
    for (let kill = 0; kill < KILLS || interrupted.compact < 4 && kill < 5 * KILLS; kill++) {
      const is_compacted = namesOfDay(dir, DATE).some((name) => name.endsWith(".parquet"));
      const what = is_compacted && random.below(2) === 0 ? "restore" : "compact";
      const args = what === "compact"
        ? ["compact", "--before", "2026-06-01", "--all"]
        : ["restore", DATE];
      const left = temporaryIn(dir);
      const started = performance.now();
      const as_shipped = { cwd: folder.path, is_shipped: true, signal: patience() };
      const child = startLedger([...args, "--dir", dir], as_shipped);
      // Its first file under a temporary name tells that it is at work; or it is killed at any time.
      const is_awaited = random.below(4) > 0;
      const kill_ms = started + random.below(longest_ms);
      let has_ended = false;
      const output = child.output().finally(() => has_ended = true);
      const isTime = () =>
        is_awaited
          ? temporaryIn(dir).some((name) => !left.includes(name))
          : performance.now() > kill_ms;
      while (!isTime() && !has_ended) await new Promise((resolve) => setImmediate(resolve));
      spin(random.below(120));
      try {
        child.kill("SIGKILL");
      } catch {
        // It had ended by then.
      }
      const { signal } = await output;
      if (signal === null) longest_ms = Math.max(100, performance.now() - started);
      else if (namesOfDay(dir, DATE).length > 3) interrupted[what]++;
      if (kill % 5 === 0) await assertReads(dir, records, `kill ${kill} (${what})`);
      // Sometimes it is done again, and sometimes the next one finds what was left.
      if (random.below(3) > 0) continue;
      const again = await ledger([...args, "--dir", dir], as_shipped);
      assertEquals(again.code, 0, again.stderr);
      const to = what === "compact" ? "compacted" : "restored";
      assertEquals(namesOfDay(dir, DATE), NAMES[to], `kill ${kill} (${what})`);
      assertEquals(await findingsOf(dir), []);
    }
    assert(interrupted.compact > 3, Deno.inspect(interrupted));
    await compactAll(dir);
    assertEquals(namesOfDay(dir, DATE), NAMES.compacted);
    await assertReads(dir, records, "compacted");
    await restoreDay(laterWorld(), dir, DATE);
    assertEquals(namesOfDay(dir, DATE), NAMES.restored);
    assertEquals(linesOfDays(dir), lines);
    assertEquals([...Deno.readDirSync(join(dir, "events"))].map(({ name }) => name).sort(), [
      ...[".chain.lock", ".schema.lock", "_chain.jsonl", "_schema.json", DAY],
    ]);
  },
);

function temporaryIn(dir: string): string[] {
  return [...Deno.readDirSync(join(dir, "events", DAY))].map(({ name }) => name)
    .filter((name) => name.endsWith(".tmp"));
}

testWith(
  "mount",
  "a disk without room for the Parquet file keeps the lines, and says so",
  async () => {
    using disk = smallDisk(6_291_456);
    const dir = join(disk.path, "ledger");
    // Nothing that would compress.
    const noise = () => crypto.getRandomValues(new Uint8Array(60_000)).toBase64();
    writePart(
      dir,
      { day: DATE, number: 1, writer: "" },
      Array.from(
        { length: 30 },
        (_, n) => lineOf(`e${n}`).replace("}", `,"noise":"${noise()}"}`),
      ),
    );
    await sealParts(laterWorld(), dir);
    const before = filesOfDays(dir);
    const records = await recordsOf(dir);
    const reserve = join(disk.path, "reserve");
    Deno.writeFileSync(reserve, new Uint8Array(2_500_000));
    const args = ["compact", "--before", "2026-06-01", "--all", "--dir", dir];
    const refused = await ledger(args, { cwd: disk.path });
    assertEquals([refused.code, refused.stdout], [1, ""], refused.stderr);
    assertStringIncludes(refused.stderr, "free some space");
    assertEquals(filesOfDays(dir), before);
    Deno.removeSync(reserve);
    const done = await ledger(args, { cwd: disk.path });
    assertEquals(done.code, 0, done.stderr);
    assertEquals(await recordsOf(dir), records);
    // And there is no room for the lines again.
    Deno.writeFileSync(reserve, new Uint8Array(2_500_000));
    const compacted = filesOfDays(dir);
    const again = await ledger(["restore", DATE, "--dir", dir], { cwd: disk.path });
    assertEquals([again.code, again.stdout], [1, ""], again.stderr);
    assertEquals(filesOfDays(dir), compacted);
    assertEquals(await recordsOf(dir), records);
  },
);

Deno.test("two who compact at once, and one who restores, leave each part whole", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  writeParts(dir, 2_000);
  await sealParts(laterWorld(), dir);
  const records = await recordsOf(dir);
  for (let round = 0; round < 5; round++) {
    const worlds = [testWorld(), testWorld()];
    await Promise.all([
      ...worlds.map(() => compactAll(dir)),
      restoreDay(laterWorld(), dir, DATE),
      recordsOf(dir).then((found) => assertEquals(found, records)),
    ]);
    await assertReads(dir, records, `round ${round}`);
  }
  await compactAll(dir);
  assertEquals(namesOfDay(dir, DATE), NAMES.compacted);
});
