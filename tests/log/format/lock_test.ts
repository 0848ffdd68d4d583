import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { LedgerError } from "../../../src/base/error.ts";
import type { OpenMode } from "../../../src/base/files/seam.ts";
import { systemFiles } from "../../../src/base/files/system_files.ts";
import { DayLock } from "../../../src/log/format/lock.ts";
import { LogCursor } from "../../../src/log/read/cursor.ts";
import { systemError, tempFolder, testWorld, writePart } from "../../harness.ts";
import { CASE_DAY, GOOD_LINE } from "../cases.ts";

Deno.test("a lock that another holds is waited for, and then it is busy", async () => {
  using folder = tempFolder();
  const path = join(folder.path, "day", ".lock");
  let waits = 0;
  const holder = new DayLock(testWorld(), path, false, 0);
  const other = new DayLock(testWorld(), path, false, 0, () => waits++);
  await holder.take();
  const error = await assertRejects(() => other.take(), LedgerError);
  assertEquals([error.code, error.where?.path, waits], ["busy", path, 1]);
  holder.release();
  // The wait that was given up still gets its turn, and gives it back at once.
  const next = new DayLock(testWorld(), path, false, 10_000);
  await next.take();
  next.close();
  holder.close();
});

Deno.test("a lock whose name was taken away protects nothing, and is taken anew", async () => {
  using folder = tempFolder();
  const day = join(folder.path, "day");
  const path = join(day, ".lock");
  const lock = new DayLock(testWorld(), path, false, 0);
  await lock.take();
  lock.release();
  Deno.renameSync(day, join(folder.path, "moved"));
  await lock.take();
  const other = new DayLock(testWorld(), path, false, 0);
  await assertRejects(() => other.take(), LedgerError, "another process has held its lock");
  lock.close();
  const waiting = new DayLock(testWorld(), path, false, 10_000);
  await waiting.take();
  waiting.close();
});

Deno.test("a lock is had at once where it is free, open and has its name, and nowhere else", async () => {
  using folder = tempFolder();
  const path = join(folder.path, "day", ".lock");
  const lock = new DayLock(testWorld(), path, false, 0);
  const other = new DayLock(testWorld(), path, false, 0);
  const hadAtOnce = (taken: DayLock, names_are_unchanged = false) => {
    const had = taken.takeSoon(() => names_are_unchanged);
    if (had) taken.release();
    return had;
  };
  assertEquals(hadAtOnce(lock), false, "it has not been opened");
  await lock.take();
  assertEquals(hadAtOnce(other), false, "it has not been opened either");
  lock.release();
  await other.take();
  assertEquals(hadAtOnce(lock), false, "another holds it");
  other.release();
  assertEquals([hadAtOnce(lock), hadAtOnce(other)], [true, true]);
  Deno.removeSync(path);
  assertEquals(hadAtOnce(lock, true), true, "the caller says that its name is there");
  assertEquals(hadAtOnce(lock), false, "its name is gone");
  await lock.take();
  await assertRejects(() => new DayLock(testWorld(), path, false, 0).take(), LedgerError);
  lock.close();
  other.close();
});

Deno.test("a lock that is had after a moment was waited for, once", async () => {
  using folder = tempFolder();
  const files = systemFiles();
  let is_held = false;
  const world = testWorld({
    files: {
      ...files,
      open(path: string, mode: OpenMode) {
        const file = files.open(path, mode);
        return Object.assign(Object.create(file), {
          tryLock: (exclusive: boolean) => !is_held && file.tryLock(exclusive),
          lockSoon: (exclusive: boolean) => file.tryLock(exclusive),
        });
      },
    },
  });
  let waits = 0;
  const lock = new DayLock(world, join(folder.path, "day", ".lock"), false, 0, () => waits++);
  await lock.take();
  lock.release();
  assertEquals([lock.takeSoon(() => true), waits], [true, 0]);
  lock.release();
  is_held = true;
  assertEquals([lock.takeSoon(() => true), waits], [true, 1]);
  lock.close();
});

Deno.test("a folder that goes while its lock is opened is made again", async () => {
  using folder = tempFolder();
  const day = join(folder.path, "day");
  const system = systemFiles();
  let times = 0;
  const files = {
    ...system,
    open(path: string, mode: OpenMode) {
      if (mode === "lock" && ++times < 3) Deno.renameSync(day, join(folder.path, `gone-${times}`));
      return system.open(path, mode);
    },
  };
  const lock = new DayLock(testWorld({ files }), join(day, ".lock"), false, 0);
  await lock.take();
  assertEquals([times, system.facts(join(day, ".lock"))?.is_file], [3, true]);
  lock.close();
});

/** A file system that has no flock, as some network folders have none. */
function filesWithoutLocks() {
  return systemFiles((operation) => {
    if (operation === "lock") throw systemError("ENOLCK", "No locks available");
  });
}

Deno.test("without locks a shared day is refused with the way out, and a private one works", async () => {
  using folder = tempFolder();
  const world = testWorld({ files: filesWithoutLocks() });
  const shared = new DayLock(world, join(folder.path, ".lock"), false, 0);
  const error = await assertRejects(() => shared.take(), LedgerError, "No locks available");
  assertEquals(error.hint?.includes("--writer NAME"), true);
  shared.close();
  const own = new DayLock(world, join(folder.path, ".w.lock"), true, 0);
  await own.take();
  own.release();
  own.close();
});

Deno.test({
  name: "a reader without locks reads all the same, and leaves no file open",
  // Makes the runner fail this test when a file stays open.
  sanitizeResources: true,
  async fn() {
    using folder = tempFolder();
    const part = writePart(folder.path, { day: CASE_DAY, number: 1, writer: "" }, [
      `${GOOD_LINE}\n`,
    ]);
    Deno.writeTextFileSync(join(part, "..", ".lock"), "");
    const world = testWorld({ files: filesWithoutLocks() });
    const records = await Array.fromAsync(new LogCursor(world, folder.path).pass());
    assertEquals(records.map(({ kind }) => kind), ["event"]);
  },
});
