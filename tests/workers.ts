/** Processes of the tests' own that work on a ledger until their input ends. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { patience, Running } from "./crash/kills/crash.ts";
import { PROJECT } from "./harness.ts";

/** Starts a script of the tests in a role. */
export function startWorker(script: string, role: string, dir: string): Running {
  const command = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--allow-all", "--no-check", "--config", `${PROJECT}deno.json`],
      ...[join(PROJECT, "tests", script), role, dir],
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    signal: patience(),
  });
  return new Running(command.spawn());
}

/** Ends a worker in good order; fails with what it said if it had not gone well. */
export async function finish(worker: Running): Promise<string[]> {
  await worker.child.stdin.close().catch(() => {});
  const { code, lines, stderr } = await worker.end();
  assertEquals(code, 0, stderr);
  return lines;
}
