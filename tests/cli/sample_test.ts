/** A ledger of the first system, read where it lies by every command that only reads. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { ledger, PROJECT } from "../harness.ts";

const SAMPLE = join(PROJECT, "fixtures", "first_system", "ledger");

/** Every file below a folder with its bytes' digest and its time. */
async function stateOf(folder: string): Promise<string[]> {
  const state: string[] = [];
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = join(folder, name);
    if (isDirectory) state.push(path, ...await stateOf(path));
    else {
      const digest = await crypto.subtle.digest("SHA-256", Deno.readFileSync(path));
      state.push(
        `${path} ${new Uint8Array(digest).toHex()} ${Deno.statSync(path).mtime?.getTime()}`,
      );
    }
  }
  return state.sort();
}

Deno.test("a ledger of the first system is read whole, and nothing in it is written", async () => {
  const before = await stateOf(SAMPLE);
  // Without any permission to write, and with the folder named in both ways.
  const permissions = ["--allow-read", "--allow-env", "--allow-sys"];
  const read = async (...args: string[]) => {
    const options = { cwd: PROJECT, permissions };
    const by_flag = await ledger([...args, "--dir", SAMPLE], options);
    const by_env = await ledger(args, { ...options, env: { LEDGER_DIR: SAMPLE } });
    assertEquals(by_flag.stdout, by_env.stdout);
    assertEquals([by_flag.code, by_env.code], [0, 0], by_flag.stderr);
    return by_flag.stdout;
  };

  const lines = (await read("log")).trim().split("\n");
  const types = lines.map((line) => JSON.parse(line).event_type);
  assertEquals(types.toSorted(), [
    "run.completed",
    "run.created",
    "run.created",
    "run.created",
    "run.started",
    "test.event",
  ]);
  const on_disk = Deno.readTextFileSync(
    join(SAMPLE, "events", "day=2026-01-23", "part-000001.jsonl"),
  );
  assertEquals(`${lines.join("\n")}\n`, on_disk);

  const report = JSON.parse(await read("verify", "--deep", "--json"));
  assertEquals([report.findings, report.events, report.unknown_type_events], [[], 6, 1]);
  const status = JSON.parse(await read("status", "--json"));
  assertEquals([status.events, status.parts, status.torn], [6, 1, []]);
  assertEquals((await read("schema", "list")).includes("run.created"), true);
  assertEquals(await stateOf(SAMPLE), before);
});
