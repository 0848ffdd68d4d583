/** Two versions on one ledger: from the first entry of format 2 on, 0.1.0 keeps away from it. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { readyChain } from "../../src/log/seal/chain_recovery.ts";
import { tempFolder, testWorld } from "../harness.ts";
import { runProgram } from "./binary.ts";
import { oldBinary, oldVersionTest } from "./old_version.ts";

/** A day that is over, and a part of it that is due. */
const NOON_MS = Date.UTC(2026, 0, 23, 12);

function emitArgs(event_id: string, day = 0): string[] {
  const timestamp_ms = NOON_MS + day * 86_400_000;
  const words = ["emit", "run.started", "--run-id", "r", "--event-id", event_id];
  return [...words, "--timestamp-ms", String(timestamp_ms)];
}

/** Waits until something is so, looking at every turn of the event loop. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await Deno.stat(".");
}

/** Whether a process has a file of this name open. */
function hasOpen(pid: number, name: string): boolean {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)].some((fd) => {
    try {
      return Deno.readLinkSync(`/proc/${pid}/fd/${fd.name}`).endsWith(`/${name}`);
    } catch {
      return false;
    }
  });
}

oldVersionTest(
  "0.1.0 refuses a ledger of this version by name, and stops sealing where it is at work",
  async (at) => {
    using built = tempFolder();
    const old = await oldBinary(built.path);
    const env = { HOME: at.folder, PATH: Deno.env.get("PATH")! };
    const runOld = (args: string[]) => runProgram(old, args, at.folder, env);
    assertEquals((await runOld(emitArgs("one"))).code, 0);
    assertEquals((await runOld(["seal"])).code, 0);
    // At work before the ledger is taken over: it has read the registry, and waits for the chain's lock.
    const dir = join(at.folder, "data", "ledger");
    assertEquals((await runOld(emitArgs("two", 1))).code, 0);
    const chain = join(dir, "events", "_chain.jsonl");
    using lock = Deno.openSync(join(dir, "events", ".chain.lock"), { read: true, write: true });
    lock.lockSync(true);
    const sealing = new Deno.Command(old, {
      args: ["seal"],
      cwd: at.folder,
      clearEnv: true,
      env,
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    await until(() => hasOpen(sealing.pid, ".chain.lock"));
    await readyChain(testWorld(), dir);
    const before = Deno.readTextFileSync(chain);
    assertStringIncludes(before, '"kind":"registry"');
    lock.unlockSync();
    const { code, stderr } = await sealing.output();
    assertEquals(code, 1);
    assertStringIncludes(
      new TextDecoder().decode(stderr),
      "cannot seal: the chain of sealed parts is damaged",
    );
    assertEquals(Deno.readTextFileSync(chain), before);
    for (const args of [emitArgs("three"), ["log"], ["seal"], ["verify", "--deep"], ["status"]]) {
      const { code, stderr } = await runOld(args);
      assertEquals(code, 1, args.join(" "));
      assertStringIncludes(
        stderr,
        "its registry is of version 2, and this program knows version 1",
      );
    }
    assertEquals((await at.ledger(["seal"])).code, 0);
    const verified = await at.ledger(["verify", "--deep", "--json"]);
    assertEquals(verified.code, 0, verified.stdout);
    assertEquals(JSON.parse(verified.stdout).proven.parts, 2);
  },
);
