import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { systemFiles } from "../../src/base/files.ts";
import { installShim, linesOnDisk, PROJECT, tempFolder } from "../harness.ts";

const README = Deno.readTextFileSync(join(PROJECT, "README.md"));

/** The code block of a recipe, as the README has it. */
function recipe(name: string): string {
  const block = new RegExp(`<!-- recipe: ${name} -->\\n+\`\`\`\\w+\\n([\\s\\S]*?)\\n\`\`\``).exec(
    README,
  );
  assert(block, `the README has no recipe named ${name}`);
  return block[1];
}

function isInstalled(program: string): boolean {
  try {
    return new Deno.Command(program, { args: ["--version"], stdout: "null", stderr: "null" })
      .outputSync().success;
  } catch {
    return false;
  }
}

function exists(path: string): boolean {
  return systemFiles().facts(path) !== undefined;
}

/** Runs a script in a folder where `ledger` is on the PATH; returns what the log then holds. */
async function runScript(folder: string, program: string, args: string[]) {
  installShim(folder);
  const { code, stderr } = await new Deno.Command(program, {
    args,
    cwd: folder,
    env: { PATH: `${folder}:${Deno.env.get("PATH")}` },
    stdout: "null",
    stderr: "piped",
  }).output();
  const dir = join(folder, "data/ledger");
  const types = exists(dir) ? linesOnDisk(dir).map((line) => JSON.parse(line).event_type) : [];
  return { code, stderr: new TextDecoder().decode(stderr), types };
}

function recipeTest(name: string, program: string, body: () => Promise<void>): void {
  const ignore = !isInstalled(program);
  if (ignore) console.log(`left out: the ${name} recipe, because ${program} is not installed`);
  Deno.test({ name: `the README's ${name} recipe does what it says`, ignore, fn: body });
}

recipeTest("shell", "bash", async () => {
  for (const backtest_code of [0, 7]) {
    using folder = tempFolder();
    const { path } = folder;
    Deno.writeTextFileSync(join(path, "backtest.sh"), `#!/bin/sh\nexit ${backtest_code}\n`, {
      mode: 0o755,
    });
    Deno.writeTextFileSync(join(path, "recipe.sh"), recipe("shell"));
    const { code, types } = await runScript(path, "sh", ["recipe.sh"]);
    assertEquals(code, backtest_code);
    const last = backtest_code === 0 ? "run.completed" : "run.failed";
    assertEquals(types, ["run.created", "run.started", last]);
  }
});

recipeTest("python", "python3", async () => {
  using folder = tempFolder();
  Deno.writeTextFileSync(join(folder.path, "recipe.py"), recipe("python"));
  const { code, stderr, types } = await runScript(folder.path, "python3", ["recipe.py"]);
  assertEquals(code, 0, stderr);
  assertEquals(types, ["run.started", "trial.recorded", "trial.recorded", "trial.recorded"]);
});

recipeTest("node", "node", async () => {
  using folder = tempFolder();
  Deno.writeTextFileSync(join(folder.path, "recipe.mjs"), recipe("node"));
  const { code, stderr, types } = await runScript(folder.path, "node", ["recipe.mjs"]);
  assertEquals(code, 0, stderr);
  assertEquals(types, ["run.started", "run.completed"]);
});

recipeTest("typescript", Deno.execPath(), async () => {
  using folder = tempFolder();
  const source = recipe("typescript").replace("./src/mod.ts", `file://${PROJECT}src/mod.ts`);
  Deno.writeTextFileSync(join(folder.path, "recipe.ts"), source);
  const config = `--config=${PROJECT}deno.json`;
  const args = ["run", "--check", "--allow-all", config, "recipe.ts"];
  const { code, stderr, types } = await runScript(folder.path, Deno.execPath(), args);
  assertEquals(code, 0, stderr);
  assertEquals(types.length, 102);
  assertEquals([types[0], types.at(-1)], ["run.started", "run.completed"]);
});

/** A recipe with the README's places replaced by those of this test. */
function placed(name: string, folder: string): string {
  return recipe(name).replaceAll("/srv/lab", folder)
    .replaceAll("/usr/local/bin/ledger", join(folder, "ledger"))
    .replace("User=lab\n", "");
}

recipeTest("cron", "bash", async () => {
  using folder = tempFolder();
  const { path } = folder;
  const [first] = recipe("cron").split(" cd ");
  assertEquals(first.split(" ").length, 5, "five fields say when");
  Deno.writeTextFileSync(join(path, "emit.sh"), "ledger emit run.started --run-id cron-1");
  assertEquals((await runScript(path, "sh", ["emit.sh"])).code, 0);
  Deno.writeTextFileSync(join(path, "cron.sh"), placed("cron", path).slice(first.length));
  const { code, stderr } = await runScript(path, "sh", ["cron.sh"]);
  assertEquals(code, 0, stderr);
  assert(Deno.readTextFileSync(join(path, "ledger-index.log")).includes("1 new event"));
  assert(Deno.statSync(join(path, "data/ledger/index/runs.duckdb")).isFile);
});

recipeTest("runs-cron", "bash", async () => {
  using folder = tempFolder();
  const { path } = folder;
  const [first] = recipe("runs-cron").split(" cd ");
  assertEquals(first.split(" ").length, 5, "five fields say when");
  const create =
    "ledger runs create --run-type policy --run-id r1 --no-git && ledger runs finish r1";
  Deno.writeTextFileSync(join(path, "run.sh"), create);
  assertEquals((await runScript(path, "sh", ["run.sh"])).code, 0);
  Deno.writeTextFileSync(join(path, "cron.sh"), placed("runs-cron", path).slice(first.length));
  const { code, stderr } = await runScript(path, "sh", ["cron.sh"]);
  assertEquals(code, 0, stderr);
  const said = Deno.readTextFileSync(join(path, "ledger-catalog.log"));
  assert(said.includes("Registered 1 run"), said);
});

for (const name of ["systemd", "systemd-health", "runs-systemd"]) {
  recipeTest(name, "systemd-analyze", async () => {
    using folder = tempFolder();
    const unit = join(folder.path, `${name}.service`);
    Deno.writeTextFileSync(unit, placed(name, folder.path) + "\n");
    const { code, stderr } = await runScript(folder.path, "systemd-analyze", ["verify", unit]);
    const about_us = stderr.split("\n").filter((line) => line.includes(name));
    assertEquals([code, about_us], [0, []], stderr);
  });
}
