/** A killed indexer: the live index always opens, and the next sync is right. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { assertLikeBuiltAnew, rowsOf, sync } from "../../index/indexes.ts";
import { LineMaker } from "../../index/lines.ts";
import { IS_FULL, PROJECT, tempFolder, writePart } from "../../harness.ts";
import { patience, Running, seededTest, spin } from "./crash.ts";
import { Random } from "../../laws/random.ts";

const KILLS = IS_FULL ? 100 : 6;
/** A ledger serves for some of the kills; between them it grows. */
const KILLS_OF_A_LEDGER = IS_FULL ? 20 : 6;
const LINES = 100;
const NOON_MS = Date.UTC(2026, 0, 23, 12);

function startIndexer(dir: string): Running {
  const script = join(PROJECT, "tests", "index", "workers.ts");
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-all", "--no-check", "--config", `${PROJECT}deno.json`, script]
      .concat("build", dir),
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    signal: patience(),
  });
  return new Running(command.spawn());
}

seededTest(
  `${KILLS} times an indexer is killed: the index opens, and the next sync is right`,
  async (random: Random) => {
    for (let killed = 0; killed < KILLS; killed += KILLS_OF_A_LEDGER) {
      using folder = tempFolder();
      const dir = folder.path;
      const maker = new LineMaker(new Random(random.below(2 ** 32)), [NOON_MS]);
      for (let number = 1; number <= KILLS_OF_A_LEDGER; number++) {
        const lines = Array.from({ length: LINES }, () => [maker.line(), "\n"]).flat();
        writePart(dir, { day: "2026-01-23", number, writer: "" }, lines);
        if (number === 1) await sync(dir);
        const indexer = startIndexer(dir);
        await indexer.nextLine();
        spin(random.below(100_000) / 1_000);
        indexer.child.kill("SIGKILL");
        assertEquals((await indexer.end()).signal, "SIGKILL");
        await rowsOf(dir, "select count(*) from latest_runs");
        // An increment copies over what was left half-built; a build from nothing would go on in it.
        const live = await sync(dir, { full: number % 2 === 0 });
        if (number % 5 === 0) await assertLikeBuiltAnew(dir, live);
      }
    }
  },
);

Deno.test("what a killed indexer left is in no other's way, whatever its process number was", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  const maker = new LineMaker(new Random(1), [NOON_MS]);
  writePart(dir, { day: "2026-01-23", number: 1, writer: "" }, [maker.line(), "\n"]);
  await sync(dir);
  // In a container, each process may well have the number of the one before it.
  const left = join(dir, "index", `runs.duckdb.published.${Deno.pid}.tmp`);
  Deno.writeTextFileSync(left, "begun");
  assertEquals((await sync(dir, { full: true })).kind, "full");
  assertEquals(Deno.readTextFileSync(left), "begun");
});
