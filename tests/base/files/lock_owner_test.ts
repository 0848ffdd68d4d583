/**
 * Locks where the system can only wait for them, as in the executable: a wait in vain goes on after
 * its waiter has given up. Each file has one owner, and no lock stays with a waiter that has gone.
 */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { systemFiles } from "../../../src/base/files/system_files.ts";
import { lock_wait_ms } from "../../../src/base/limits.ts";
import { holderOf, takeSignedLock } from "../../../src/base/files/file_lock.ts";
import { chainLockPath } from "../../../src/log/format/chain.ts";
import { DayLock } from "../../../src/log/format/lock.ts";
import { spin } from "../../crash/kills/crash.ts";
import { IS_FULL, runIn, tempFolder, testWorld } from "../../harness.ts";

/** 500 with LEDGER_TEST_FULL. */
const LOOKS = IS_FULL ? 500 : 10;

/** Takes away what the runtime of the executable does not have either; at the end, waits for all waits. */
function withoutTries(): AsyncDisposable {
  const prototype = Deno.FsFile.prototype;
  const { tryLockSync, lock } = Object.getOwnPropertyDescriptors(prototype);
  const waits: Promise<void>[] = [];
  Reflect.deleteProperty(prototype, "tryLockSync");
  prototype.lock = function (exclusive) {
    const wait = lock.value!.call(this, exclusive);
    waits.push(wait);
    return wait;
  };
  return {
    async [Symbol.asyncDispose]() {
      await Promise.allSettled(waits);
      Object.defineProperties(prototype, { tryLockSync, lock });
    },
  };
}

function lockTest(name: string, fn: (folder: string) => Promise<void>): void {
  // Makes the runner fail a test that leaves a file open, or a wait.
  Deno.test({
    name,
    sanitizeResources: true,
    sanitizeOps: true,
    fn: async () => {
      using folder = tempFolder();
      await using _without = withoutTries();
      await fn(folder.path);
    },
  });
}

lockTest("a lock that comes when its waiter has given up is given back at once", async (folder) => {
  const files = systemFiles();
  const path = join(folder, "lock");
  const holder = files.open(path, "lock");
  assert(await holder.lock(true, lock_wait_ms));
  const waiter = files.open(path, "lock");
  assertEquals(await waiter.lock(true, 5), false);
  waiter.close();
  holder.close();
  const next = files.open(path, "lock");
  assert(await next.lock(true, lock_wait_ms));
  next.close();
});

lockTest(
  "a lock that is granted while its writer's thread is busy is had, though the time was over",
  async (folder) => {
    const files = systemFiles();
    const granted = Promise.withResolvers<void>();
    const world = testWorld({
      files: {
        ...files,
        open: (path, mode) =>
          Object.assign(files.open(path, mode), {
            tryLock: () => false,
            lockSoon: () => false,
            lockInLine: () => granted.promise,
          }),
      },
    });
    const lock = new DayLock(world, join(folder, "day", ".lock"), false, 10);
    const taken = lock.take();
    // Timers go off in the order of their times: first the writer's, then the one that grants.
    setTimeout(granted.resolve, 12);
    spin(30);
    await taken;
    lock.close();
  },
);

lockTest(
  "two writers of one thread have their turns, though it was busy for longer than they wait",
  async (folder) => {
    const path = join(folder, "day", ".lock");
    const wait_ms = 300;
    const first = new DayLock(testWorld(), path, false, wait_ms);
    const second = new DayLock(testWorld(), path, false, wait_ms);
    // The first has it from the system, and does not know yet, when the thread gets busy.
    const one = first.take().then(() => first.release());
    const other = second.take().then(() => second.release());
    spin(2 * wait_ms);
    await Promise.all([one, other]);
    first.close();
    second.close();
  },
);

lockTest(`doctor runs ${LOOKS} times beside those who seal and index`, async (folder) => {
  const world = testWorld();
  const emit = ["emit", "run.started", "--run-id", "r"];
  assertEquals((await runIn(folder, emit)).code, 0);
  assertEquals((await runIn(folder, ["rebuild"])).code, 0);
  const me = `process ${world.pid} on ${world.hostname()}`;
  const paths = [join(folder, "index", ".lock"), chainLockPath(folder)];
  for (let time = 0; time < LOOKS; time++) {
    const taken = await Promise.all(paths.map((path) => takeSignedLock(world, path, lock_wait_ms)));
    const release = () => taken.forEach((each) => "lock" in each && each.lock.close());
    const examined = runIn(folder, ["doctor", "--json"]);
    // Held all the time, doctor gives up, and is given the locks when it has gone.
    if (time % 2 > 0) await examined;
    else for (let turns = world.random_uint32() % 20; turns > 0; turns--) await world.turn();
    release();
    const { code, stdout, stderr } = await examined;
    assertEquals([stderr, code === 0 || code === 3], ["", true], `the ${time + 1}. time`);
    if (time % 2 > 0) assertEquals(stdout.split(me).length, 3, stdout);
  }
  for (const path of paths) assertEquals(await holderOf(world, path), undefined);
});
