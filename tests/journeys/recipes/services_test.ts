/** Recipes for what runs by itself: cron, systemd. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { Daemon } from "../../daemon.ts";
import { tempFolder } from "../../harness.ts";
import { placedIn, putRecipe, recipeTest, recipeText, runScript } from "./recipes.ts";

/** Runs what a line of a crontab runs; five fields before it say when. */
async function runFromCrontab(name: string, folder: string): Promise<void> {
  const [, when, command] = /^([^#]*?) (cd .*)$/m.exec(recipeText(name))!;
  assertEquals(when.split(" ").length, 5, "five fields say when");
  const script = putRecipe(name, join(folder, "cron.sh"), () => placedIn(folder)(command));
  const { code, stderr } = await runScript(folder, "sh", [script]);
  assertEquals(code, 0, stderr);
}

recipeTest("index.crontab", "bash", async () => {
  using folder = tempFolder();
  const { path } = folder;
  const emit = "ledger emit run.started --run-id cron-1";
  assertEquals((await runScript(path, "sh", ["-c", emit])).code, 0);
  await runFromCrontab("index.crontab", path);
  assertStringIncludes(Deno.readTextFileSync(join(path, "ledger-index.log")), "1 new event");
  assert(Deno.statSync(join(path, "data/ledger/index/runs.duckdb")).isFile);
});

recipeTest("catalog.crontab", "bash", async () => {
  using folder = tempFolder();
  const { path } = folder;
  const create = "ledger runs create --run-type policy --run-id r1 --no-git && " +
    "ledger runs finish r1";
  assertEquals((await runScript(path, "sh", ["-c", create])).code, 0);
  await runFromCrontab("catalog.crontab", path);
  const said = Deno.readTextFileSync(join(path, "ledger-catalog.log"));
  assertStringIncludes(said, "Registered 1 run");
});

/** The units; they are installed under their own names. */
const UNITS = [
  "ledger.service",
  "ledger-health.service",
  "ledger-health.timer",
  "ledger-runs.service",
  "ledger-runs.timer",
];

for (const unit of UNITS) {
  recipeTest(unit, "systemd-analyze", async () => {
    using folder = tempFolder();
    const { path } = folder;
    // A timer is of the service that has its name: that has to be there too.
    for (const other of UNITS) {
      putRecipe(other, join(path, other), placedIn(path));
      Deno.chmodSync(join(path, other), 0o644);
    }
    const args = ["verify", join(path, unit)];
    const { code, stderr } = await runScript(path, "systemd-analyze", args);
    const about_us = stderr.split("\n").filter((line) => line.includes("ledger"));
    assertEquals([code, about_us], [0, []], stderr);
  });
}

/** The command of a unit, taken apart as systemd does where it has the form `/bin/sh -c '…'`. */
function shellCommandOf(name: string): string {
  const [, command] = /^ExecStart=\/bin\/sh -c '(.*)'$/m.exec(recipeText(name))!;
  return command;
}

Deno.test("the check of the ledger-health.service recipe restarts the service only when it has to", async () => {
  using folder = tempFolder();
  const { path } = folder;
  const told = join(path, "told");
  Deno.writeTextFileSync(join(path, "systemctl"), `#!/bin/sh\necho "$@" >> "${told}"\n`, {
    mode: 0o755,
  });
  const daemon = await Daemon.answering(path);
  const check = shellCommandOf("ledger-health.service")
    .replace("http://127.0.0.1:9184", () => daemon.address);
  const healthy = await runScript(path, "sh", ["-c", check]);
  assertEquals(healthy.code, 0, healthy.stderr);
  assertEquals([...Deno.readDirSync(path)].some(({ name }) => name === "told"), false);
  await daemon.endWell();
  assertEquals((await runScript(path, "sh", ["-c", check])).code, 0);
  assertEquals(Deno.readTextFileSync(told), "restart ledger\n");
});
