/** The lines about a fleet that the README shows, typed as they stand there. */
import { assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { splitCommandLine } from "../../scripts/console.ts";
import { run } from "../../src/cli/run.ts";
import { Ledger } from "../../src/ledger/ledger.ts";
import { PROJECT, tempFolder, testWorld } from "../harness.ts";
import { STRICT_KEYS, StrictStore } from "./strict_store.ts";

Deno.test("the README's lines make a fleet of a box with a run, and answer for it", async () => {
  const readme = Deno.readTextFileSync(join(PROJECT, "README.md"));
  const [[, block], ...others] = readme.matchAll(/```shell\n([^]*?)\n```/g);
  assertEquals(others, []);
  await using strict = new StrictStore();
  using folder = tempFolder();
  const dir = join(folder.path, "ledger");
  await using ledger = new Ledger({ dir });
  await ledger.emit({ event_type: "run.started", run_id: "r1" });
  const vars = { ...STRICT_KEYS, LEDGER_DIR: dir, LEDGER_RUNS_DIR: join(folder.path, "runs") };
  const commands = block.split("\n").flatMap((line) => line.split(/ +# /)[0].split(" && "));
  const printed: string[] = [];
  for (const command of commands) {
    const here = command.replace(/https:\/\/\S+/, strict.endpoint);
    const [program, ...args] = splitCommandLine(here);
    const world = testWorld({ vars });
    assertEquals([program, await run(args, world)], ["ledger", 0], here + world.printed.stderr);
    printed.push(world.printed.stdout);
  }
  assertMatch(printed.at(-1)!, /^box +count_star\(\)\nresearch-1 +1\n$/);
});
