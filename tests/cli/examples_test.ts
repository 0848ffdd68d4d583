/** Help is true: each example of each command is run as it stands, one after the other. */
import { assertEquals } from "@std/assert";
import { COMMANDS, loadCommand } from "../../src/cli/commands.ts";
import { installShim, tempFolder } from "../harness.ts";

/** Examples that go on until they are stopped: they are, once they have said their first word. */
const ENDLESS = /ledger watch(?!.*--once)|--follow/;

/** A port that somebody on this machine may have: a free one serves as well. */
const PORT = /127\.0\.0\.1:\d+/;

/** The database of the first system, which some examples compare with and take over. */
async function putLegacyDatabase(work: string): Promise<void> {
  const path = `${work}/data/baseline_results.duckdb`;
  try {
    Deno.removeSync(path);
  } catch {
    // The first example that wants it, or one that moved it away.
  }
  const { DuckDBInstance } = await import("@duckdb/node-api");
  const instance = await DuckDBInstance.create(path);
  const connection = await instance.connect();
  await connection.run(`create schema optimizer;
    create table optimizer.runs_d (run_id varchar, run_type varchar, created_at_ms bigint)`);
  connection.closeSync();
  instance.closeSync();
}

/** Another box, for examples that take in what it has. */
function putBox(work: string): void {
  const events = `${work}/boxes/node7/data/ledger/events/day=2026-01-23`;
  Deno.mkdirSync(events, { recursive: true });
  Deno.mkdirSync(`${work}/boxes/node7/runs`, { recursive: true });
  const event = { event_id: "n7", event_type: "run.started", timestamp_ms: 1769174319945 };
  Deno.writeTextFileSync(
    `${events}/part-000001.jsonl`,
    JSON.stringify({ ...event, run_id: "r7" }) + "\n",
  );
}

async function runExample(line: string, cwd: string, path: string): Promise<string | undefined> {
  const child = new Deno.Command("bash", {
    args: ["--norc", "-o", "pipefail", "-c", line.replace(PORT, "127.0.0.1:0")],
    cwd,
    env: { PATH: path, NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const decoder = new TextDecoder();
  let said = "";
  if (ENDLESS.test(line)) {
    const words = child.stderr.getReader();
    said += decoder.decode((await words.read()).value);
    child.kill("SIGTERM");
    words.releaseLock();
  }
  const { code, stderr } = await child.output();
  said += decoder.decode(stderr);
  return code === 0 && !said.includes("error:") ? undefined : `${line}\n  exit ${code}: ${said}`;
}

Deno.test("every example in every command's help works, in a folder that was empty before", async () => {
  using folder = tempFolder();
  const shim = `${folder.path}/bin`;
  const work = `${folder.path}/work`;
  for (const path of [shim, work]) Deno.mkdirSync(path);
  const path = `${installShim(shim)}:${Deno.env.get("PATH")}`;
  const failed: string[] = [];
  for (const name of Object.values(COMMANDS).flatMap((group) => Object.keys(group))) {
    for (const { line } of (await loadCommand(name)!).examples) {
      if (line.includes("baseline_results")) await putLegacyDatabase(work);
      if (line.includes("boxes/node7")) putBox(work);
      const failure = await runExample(line, work, path);
      if (failure) failed.push(failure);
    }
  }
  assertEquals(failed, []);
});
