/** Recipes for what runs by itself: cron, systemd. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { recipeText } from "../../../scripts/recipes.ts";
import { Daemon } from "../../daemon.ts";
import { tempFolder } from "../../harness.ts";
import { placedIn, putRecipe, recipeTest, runScript } from "./recipes.ts";

/** Runs what a line of a crontab runs; five fields before it say when. */
async function runFromCrontab(name: string, folder: string): Promise<void> {
  const [first] = recipeText(name).split(" cd ");
  assertEquals(first.split(" ").length, 5, "five fields say when");
  const script = putRecipe(
    name,
    join(folder, "cron.sh"),
    (text) => placedIn(folder)(text).slice(first.length),
  );
  const { code, stderr } = await runScript(folder, "sh", [script]);
  assertEquals(code, 0, stderr);
}

recipeTest("cron", "bash", async () => {
  using folder = tempFolder();
  const { path } = folder;
  const emit = "ledger emit run.started --run-id cron-1";
  assertEquals((await runScript(path, "sh", ["-c", emit])).code, 0);
  await runFromCrontab("cron", path);
  assertStringIncludes(Deno.readTextFileSync(join(path, "ledger-index.log")), "1 new event");
  assert(Deno.statSync(join(path, "data/ledger/index/runs.duckdb")).isFile);
});

recipeTest("runs-cron", "bash", async () => {
  using folder = tempFolder();
  const { path } = folder;
  const create = "ledger runs create --run-type policy --run-id r1 --no-git && " +
    "ledger runs finish r1";
  assertEquals((await runScript(path, "sh", ["-c", create])).code, 0);
  await runFromCrontab("runs-cron", path);
  const said = Deno.readTextFileSync(join(path, "ledger-catalog.log"));
  assertStringIncludes(said, "Registered 1 run");
});

/** The units, by the names under which they are installed. */
const UNITS: Readonly<Record<string, string>> = {
  "systemd": "ledger.service",
  "systemd-health": "ledger-health.service",
  "systemd-health-timer": "ledger-health.timer",
  "runs-systemd": "ledger-runs.service",
  "runs-systemd-timer": "ledger-runs.timer",
};

for (const [name, unit] of Object.entries(UNITS)) {
  recipeTest(name, "systemd-analyze", async () => {
    using folder = tempFolder();
    const { path } = folder;
    // A timer is of the service that has its name: that has to be there too.
    for (const [other, unit] of Object.entries(UNITS)) {
      putRecipe(other, join(path, unit), placedIn(path));
      Deno.chmodSync(join(path, unit), 0o644);
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

Deno.test("the check of the systemd-health recipe restarts the service only when it has to", async () => {
  using folder = tempFolder();
  const { path } = folder;
  const told = join(path, "told");
  Deno.writeTextFileSync(join(path, "systemctl"), `#!/bin/sh\necho "$@" >> "${told}"\n`, {
    mode: 0o755,
  });
  const daemon = await Daemon.answering(path);
  const check = shellCommandOf("systemd-health")
    .replace("http://127.0.0.1:9184", () => daemon.address);
  const healthy = await runScript(path, "sh", ["-c", check]);
  assertEquals(healthy.code, 0, healthy.stderr);
  assertEquals([...Deno.readDirSync(path)].some(({ name }) => name === "told"), false);
  await daemon.endWell();
  assertEquals((await runScript(path, "sh", ["-c", check])).code, 0);
  assertEquals(Deno.readTextFileSync(told), "restart ledger\n");
});
