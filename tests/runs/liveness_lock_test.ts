import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { LedgerError } from "../../src/base/error.ts";
import type { Files, OpenFile } from "../../src/base/files/seam.ts";
import { systemFiles } from "../../src/base/files/system_files.ts";
import type { World } from "../../src/base/world.ts";
import { livenessOf, takeRunLock } from "../../src/runs/manifest/liveness_lock.ts";
import { filesInVain } from "./runs.ts";
import { failingFiles, systemError, tempFolder, testWorld } from "../harness.ts";

/** A system that cannot try locks, only wait for them; counts who waits in line, and what is open. */
function withoutTries(): {
  hasty: World;
  patient: World;
  counts: { waiting: number; open: number; waits: number };
} {
  const counts = { waiting: 0, open: 0, waits: 0 };
  const system = systemFiles();
  const open = (path: string, mode: Parameters<Files["open"]>[1]): OpenFile => {
    const file = system.open(path, mode);
    counts.open++;
    return new Proxy(file, {
      get(target, name) {
        if (name === "can_try_lock") return false;
        if (name === "tryLock") return () => false;
        if (name === "close" || name === Symbol.dispose) {
          return () => {
            counts.open--;
            target.close();
          };
        }
        if (name === "lockInLine") {
          return async (exclusive: boolean) => {
            counts.waiting++;
            counts.waits++;
            await target.lockInLine(exclusive).finally(() => counts.waiting--);
          };
        }
        const value = Reflect.get(target, name, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  };
  const files = { ...system, open };
  return {
    // For a lock that is held: however long a look waits, it is in vain.
    hasty: testWorld({ files, pause: () => Promise.resolve() }),
    // For one that is free: it is had sooner or later.
    patient: testWorld({ files, pause: () => new Promise(() => {}) }),
    counts,
  };
}

Deno.test("a run is held while its owner has it, free after that, and before that never owned", async () => {
  using folder = tempFolder();
  const path = join(folder.path, "run");
  const world = testWorld();
  assertEquals(await livenessOf(world, path), "never");
  const owner = await takeRunLock(world, path);
  for (let look = 0; look < 3; look++) assertEquals(await livenessOf(world, path), "held");
  owner.close();
  for (let look = 0; look < 3; look++) assertEquals(await livenessOf(world, path), "free");
  // Looks have left no lock behind.
  (await takeRunLock(world, path)).close();
});

Deno.test("where locks can be tried, looking at one that is held does not wait", async () => {
  using folder = tempFolder();
  let locks = 0;
  const files = systemFiles((operation) => void (operation === "lock" && locks++));
  const world = testWorld({ files, pause: () => Promise.reject(new Error("it has waited")) });
  const owner = await takeRunLock(testWorld(), folder.path);
  for (let look = 0; look < 3; look++) assertEquals(await livenessOf(world, folder.path), "held");
  assertEquals(locks, 3);
  owner.close();
});

Deno.test("where locks cannot be tried, one wait in line serves all looks, and ends with the owner", async () => {
  using folder = tempFolder();
  const { hasty, patient, counts } = withoutTries();
  const owner = await takeRunLock(testWorld(), folder.path);
  for (let look = 0; look < 4; look++) assertEquals(await livenessOf(hasty, folder.path), "held");
  assertEquals(counts, { waiting: 1, open: 1, waits: 1 });
  owner.close();
  while (counts.open > 0) await hasty.turn();
  assertEquals(await livenessOf(patient, folder.path), "free");
  assertEquals([counts.waiting, counts.open], [0, 0]);
  (await takeRunLock(testWorld(), folder.path)).close();
});

Deno.test("a run that another owns is not owned by two", async () => {
  using folder = tempFolder();
  const owner = await takeRunLock(testWorld(), folder.path);
  const given_up = testWorld({ files: filesInVain(/\.lock$/) });
  const error = await assertRejects(() => takeRunLock(given_up, folder.path), LedgerError);
  assertEquals(error.code, "busy");
  assertEquals(await livenessOf(testWorld(), folder.path), "held");
  owner.close();
});

Deno.test({
  name: "a look, or a taking, that fails leaves no file open",
  sanitizeResources: true,
  fn: async () => {
    using folder = tempFolder();
    (await takeRunLock(testWorld(), folder.path)).close();
    for (const act of [livenessOf, takeRunLock]) {
      for (let k = 1;; k++) {
        const { files, failed } = failingFiles(k, () => systemError("EIO", "it failed"));
        const got = await act(testWorld({ files }), folder.path).catch((error: Error) => error);
        if (failed() === undefined) {
          if (typeof got === "object" && "close" in got) got.close();
          break;
        }
        assertEquals(got instanceof LedgerError, true, failed());
      }
    }
  },
});
