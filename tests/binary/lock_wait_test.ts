/** Whom the executable takes for the holder of a lock, where it can only wait for one. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { lock_wait_ms } from "../../src/base/limits.ts";
import { patience } from "../crash/kills/crash.ts";
import { IS_FULL, linesOnDisk } from "../harness.ts";
import { binaryTest } from "./binary.ts";

/** Whether a process is in line for a file's lock. */
function isInLine(pid: number, path: string): boolean {
  const { ino } = Deno.statSync(path);
  return Deno.readTextFileSync("/proc/locks").split("\n")
    .some((line) => line.includes("->") && line.includes(` ${pid} `) && line.includes(`:${ino} `));
}

// It takes as long as a writer waits for a lock, so only the full run has the time.
if (Deno.build.os === "linux" && IS_FULL) {
  binaryTest(
    "a lock that came free while a writer was stopped is its own when it goes on",
    async (bench) => {
      const emit = ["emit", "run.started", "--run-id", "r", "--timestamp-ms", "1769174319945"];
      assertEquals((await bench.ledger(emit)).code, 0);
      const dir = join(bench.folder, "data", "ledger");
      const path = join(dir, "events", "day=2026-01-23", ".lock");
      using holder = Deno.openSync(path, { read: true, write: true });
      holder.lockSync(true);
      const child = new Deno.Command(bench.binary, {
        args: emit,
        cwd: bench.folder,
        stdout: "null",
        stderr: "piped",
        signal: patience(),
      }).spawn();
      while (!isInLine(child.pid, path)) await new Promise((resolve) => setImmediate(resolve));
      child.kill("SIGSTOP");
      // Time itself is what this is about.
      await new Promise((resolve) => setTimeout(resolve, lock_wait_ms + 500));
      holder.unlockSync();
      child.kill("SIGCONT");
      const { code, stderr } = await child.output();
      assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
      assertEquals(linesOnDisk(dir).length, 2);
    },
  );
}
