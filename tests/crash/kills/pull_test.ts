/** A pull that is cut off anywhere: nothing is lost or doubled, and doing it again ends it. */
import { assert, assertEquals } from "@std/assert";
import { dirname, join } from "@std/path";
import { LedgerError } from "../../../src/base/error.ts";
import { Ledger } from "../../../src/ledger/ledger.ts";
import type { PullReport } from "../../../src/ledger/pull.ts";
import { assertHoldsAllOf, Box, boxes, boxesOnDisk } from "../../boxes.ts";
import { IS_FULL, IS_PLAIN, ledger, startLedger } from "../../harness.ts";
import { manifestOf } from "../../runs/runs.ts";
import { patience, repeated, seededTest, spin } from "./crash.ts";
import { type Random } from "../../laws/random.ts";
import { FAILURES, FaultyDisk, operationsToFail } from "../faults/faults.ts";
import { Snapshot } from "../snapshot.ts";

const KILLS = IS_FULL ? 40 : IS_PLAIN ? 4 : 8;
const RUNS = ["2026-01/run_id=r1", "2026-01/run_id=r2"];

function putRun(box: Box, path: string, completed_at: string): void {
  const folder = join(box.runs_dir, path);
  Deno.mkdirSync(join(folder, "logs"), { recursive: true });
  Deno.writeTextFileSync(join(folder, "logs", "stdout.txt"), completed_at);
  const manifest = JSON.stringify(manifestOf(path.slice(-2), { completed_at }));
  Deno.writeTextFileSync(join(folder, "run.json"), manifest);
  Deno.writeTextFileSync(join(folder, "_SUCCESS"), "");
}

/** Two boxes of which one has pulled from the other before: there is something new of every kind. */
async function prepare(a: Box, b: Box): Promise<void> {
  await a.emit(1);
  await b.emit(2);
  putRun(b, RUNS[0], "2026-01-17T16:00:00Z");
  await a.pull(b);
  for (const path of RUNS) putRun(b, path, "2026-01-18T16:00:00Z");
  await b.emit(3);
  await b.emit(2, { day: "2026-01-24", writer: "w" });
  Deno.writeTextFileSync(b.part(), '{"event_id":"torn', { append: true });
  await using theirs = b.open();
  await theirs.registerType("risk.breached", { type: "object" });
  await theirs.putArtifact("r1", "summary", "{}").then(({ acknowledgement }) => {
    b.emitted.add(acknowledgement.event_id);
  });
}

function copyFolder(from: string, to: string): void {
  Deno.mkdirSync(to, { recursive: true });
  for (const { name, isDirectory } of Deno.readDirSync(from)) {
    if (isDirectory) copyFolder(join(from, name), join(to, name));
    else Deno.copyFileSync(join(from, name), join(to, name));
  }
}

async function pullOn(disk: FaultyDisk, a: Box, b: Box): Promise<PullReport | undefined> {
  try {
    await using ledger = new Ledger({
      dir: a.ledger_dir,
      runs_dir: a.runs_dir,
      world: { ...disk.world, hostname: () => a.name },
    });
    return await ledger.upkeep.pull({ from: b.dir, as: b.name, lock_wait_ms: 1 });
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    return undefined;
  }
}

/** Fails unless the one box has everything of the other, once. */
async function assertPulled(a: Box, b: Box): Promise<void> {
  await assertHoldsAllOf(a, b);
  assertEquals((await a.ids()).sort(), [...a.emitted, ...b.emitted].sort());
  for (const path of RUNS) {
    for (const name of ["run.json", "logs/stdout.txt", "_SUCCESS"]) {
      const [here, there] = [a, b].map(({ runs_dir }) => join(runs_dir, path, name));
      assertEquals(Deno.readTextFileSync(here), Deno.readTextFileSync(there));
    }
  }
  await using own = a.open();
  assertEquals([...own.registry.types.keys()], ["risk.breached"]);
  assertEquals((await own.verify({ deep: true })).findings, []);
}

/** Fails where lines of either pull were never synced. */
function assertPartsAreDurable({ trace }: FaultyDisk): void {
  const last = new Map(trace.map(({ operation, path }, at) => [`${operation} ${path}`, at]));
  const parts = new Set(trace.map(({ path }) => path).filter((path) => path.endsWith(".jsonl")));
  const unsynced = [...parts].filter((path) =>
    (last.get(`sync ${path}`) ?? -1) < (last.get(`write ${path}`) ?? -1)
  );
  assertEquals(unsynced, []);
}

async function failAt(disk: FaultyDisk, template: string, folder: string): Promise<void> {
  copyFolder(template, folder);
  const [a, b] = ["a", "b"].map((name) => new Box(name, join(folder, name)));
  for (const [box, count] of [[a, 1], [b, 7]] as const) {
    for (let n = 1; n <= count; n++) box.emitted.add(`${box.name}-${n}`);
  }
  b.emitted.add((await b.ids()).at(-1)!).add((await b.ids()).find((id) => !id.startsWith("b-"))!);
  const their_files = b.files();
  const { paths } = new Snapshot(folder);
  const existing = new Set([...paths, folder, dirname(folder), "/"]);

  const report = await pullOn(disk, a, b);
  assertEquals(repeated(await a.ids()), []);
  assert(Deno.statSync(join(a.runs_dir, "2026-01")).isDirectory);
  if (report?.findings.length === 0) {
    disk.assertAllDurable(existing);
    await assertPulled(a, b);
  }
  if (!disk.was_reached) assertEquals(report?.findings, []);

  disk.heal();
  const healed_at = disk.trace.length;
  assertEquals((await pullOn(disk, a, b))?.findings, []);
  disk.assertAllDurable(existing, healed_at);
  assertPartsAreDurable(disk);
  await assertPulled(a, b);
  assertEquals([...Deno.readDirSync(join(a.runs_dir, "2026-01"))].length, 2, "left behind");
  const last = await pullOn(disk, a, b);
  assertEquals([last?.log.taken, last?.runs.taken, last?.artifacts.taken], [[], [], []]);
  assertEquals(b.files(), their_files, "the other box was changed");
}

for (const [name, failure] of Object.entries(FAILURES)) {
  Deno.test({
    name: `a pull, whichever file operation fails (${name}): the next one ends it`,
    sanitizeResources: true,
    fn: async () => {
      using lab = boxes("a", "b");
      const template = join(lab.path, "template");
      await prepare(new Box("a", join(template, "a")), new Box("b", join(template, "b")));
      let injected = 0;
      for (const k of operationsToFail()) {
        const disk = new FaultyDisk(failure, k);
        const folder = join(lab.path, `${k}`);
        try {
          await failAt(disk, template, folder);
        } catch (cause) {
          const at = `${name} at operation ${k} (${disk.failed ?? "none failed"})`;
          throw new Error(`${at}: ${(cause as Error).message}`, { cause });
        }
        Deno.removeSync(folder, { recursive: true });
        if (disk.failed) injected++;
        if (!disk.was_reached) break;
      }
      assert(injected > 0, "nothing has failed");
    },
  });
}

seededTest(
  `${KILLS} times a pull is killed: nothing is lost, nothing is there twice`,
  async (random: Random) => {
    using lab = boxesOnDisk("a", "b");
    const [a, b] = lab.all;
    await a.emit(1);
    const args = ["pull", b.dir, "--as", b.name, "--dir", a.ledger_dir, "--runs-dir", a.runs_dir];
    for (let kill = 0; kill < KILLS; kill++) {
      await b.emit(3_000, { ballast: 500, day: `2026-01-${20 + random.below(4)}` });
      const child = startLedger(args, { cwd: a.dir, is_shipped: true, signal: patience() });
      // Its first word comes right before it takes anything.
      const words = child.stderr.getReader();
      await words.read();
      spin(random.below(30_000) / 1_000);
      try {
        child.kill("SIGKILL");
      } catch {
        // It was quicker.
      }
      words.releaseLock();
      await Promise.all([child.stderr.cancel(), child.stdout.cancel(), child.status]);
      const there = await a.ids();
      assertEquals(repeated(there), [], "doubled");
    }
    const { code, stderr } = await ledger(args, { cwd: a.dir, is_shipped: true });
    assertEquals(code, 0, stderr);
    await assertHoldsAllOf(a, b);
    assertEquals((await a.ids()).sort(), [...a.emitted, ...b.emitted].sort());
    await using own = a.open();
    assertEquals((await own.verify({ deep: true })).findings, []);
  },
);
