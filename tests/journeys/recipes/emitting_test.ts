/** Recipes that emit events from programs of every kind. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { linesOnDisk, PROJECT, tempFolder } from "../../harness.ts";
import { RECIPES, recipeTest, recipeText, runScript, typesIn } from "./recipes.ts";

recipeTest("emit-shell.sh", "bash", async () => {
  for (const backtest_code of [0, 7]) {
    using folder = tempFolder();
    const { path } = folder;
    Deno.writeTextFileSync(join(path, "backtest.sh"), `#!/bin/sh\nexit ${backtest_code}\n`, {
      mode: 0o755,
    });
    const { code } = await runScript(path, "sh", [join(RECIPES, "emit-shell.sh")]);
    assertEquals(code, backtest_code);
    const last = backtest_code === 0 ? "run.completed" : "run.failed";
    assertEquals(typesIn(path), ["run.created", "run.started", last]);
  }
});

recipeTest("emit-python.py", "python3", async () => {
  using folder = tempFolder();
  const script = join(RECIPES, "emit-python.py");
  const { code, stderr } = await runScript(folder.path, "python3", [script]);
  assertEquals(code, 0, stderr);
  const trial = "trial.recorded";
  assertEquals(typesIn(folder.path), ["run.started", trial, trial, trial]);
});

Deno.test("the client class of the python recipe has thirty lines at most", () => {
  const [, from_class] = recipeText("emit-python.py").split(/(?=^class )/m);
  const [body] = from_class.split(/^(?=ledger = )/m);
  assertEquals(body.trimEnd().split("\n").length <= 30, true);
});

recipeTest("emit-python-once.py", "python3", async () => {
  using folder = tempFolder();
  const script = join(RECIPES, "emit-python-once.py");
  const { code, stdout, stderr } = await runScript(folder.path, "python3", [script]);
  assertEquals(code, 0, stderr);
  assertEquals(typesIn(folder.path), ["run.started", "run.completed"]);
  // What was wrong is said by field and value, and nothing of it was written.
  assertEquals(/summary is 117; it has to be a JSON object/.test(stdout), true, stdout);
});

recipeTest("emit-node.mjs", "node", async () => {
  using folder = tempFolder();
  const script = join(RECIPES, "emit-node.mjs");
  const { code, stderr } = await runScript(folder.path, "node", [script]);
  assertEquals(code, 0, stderr);
  assertEquals(typesIn(folder.path), ["run.started", "run.completed"]);
});

recipeTest("emit-typescript.ts", Deno.execPath(), async () => {
  using folder = tempFolder();
  const script = join(RECIPES, "emit-typescript.ts");
  const args = ["run", "--check", "--allow-all", `--config=${PROJECT}deno.json`, script];
  const { code, stderr } = await runScript(folder.path, Deno.execPath(), args);
  assertEquals(code, 0, stderr);
  const types = typesIn(folder.path);
  assertEquals(types.length, 102);
  assertEquals([types[0], types.at(-1)], ["run.started", "run.completed"]);
});

/** Tasks of one array job, all at once, as SLURM would start them. */
async function arrayJob(folder: string, tasks: number) {
  const script = join(RECIPES, "emit-slurm.sh");
  return await Promise.all(
    Array.from({ length: tasks }, (_, task) =>
      runScript(folder, "sh", [script], {
        LAB: folder,
        SLURM_ARRAY_JOB_ID: "7",
        SLURM_ARRAY_TASK_ID: String(task),
      })),
  );
}

recipeTest("emit-slurm.sh", "hostname", async () => {
  using folder = tempFolder();
  const { path } = folder;
  const fails_on_100 = '#!/bin/sh\n[ "$1" != 100 ] || exit 9\n';
  Deno.writeTextFileSync(join(path, "backtest.sh"), fails_on_100, { mode: 0o755 });
  const ended = await arrayJob(path, 4);
  assertEquals(ended.map(({ code }) => code), [0, 0, 9, 0], ended[0].stderr);
  const events = linesOnDisk(join(path, "data/ledger")).map((line) => JSON.parse(line));
  const lastOf = (task: number) => events.findLast(({ run_id }) => run_id === `sweep-7-${task}`);
  assertEquals([0, 1, 2, 3].map((task) => lastOf(task).event_type), [
    "run.completed",
    "run.completed",
    "run.failed",
    "run.completed",
  ]);
  assertEquals(lastOf(2).error, "exit code 9");
  const [day] = [...Deno.readDirSync(join(path, "data/ledger/events"))]
    .filter(({ name }) => name.startsWith("day="));
  const parts = [...Deno.readDirSync(join(path, "data/ledger/events", day.name))]
    .map(({ name }) => name).filter((name) => name.endsWith(".jsonl"));
  const tasks = parts.map((name) => /-(\d+)\.jsonl$/.exec(name)?.[1]).sort();
  assertEquals(tasks, ["0", "1", "2", "3"], "each task has a part of its own");
});

recipeTest("emit-slurm.sh, when its time is up,", "hostname", async () => {
  using folder = tempFolder();
  const { path } = folder;
  // What SLURM does to a job whose time is up: the script and what it started get the signal.
  const out_of_time = '#!/bin/sh\nkill -TERM "$PPID"\nexit 1\n';
  Deno.writeTextFileSync(join(path, "backtest.sh"), out_of_time, { mode: 0o755 });
  const [{ code }] = await arrayJob(path, 1);
  assertEquals(code, 143);
  assertEquals(typesIn(path), ["run.created", "run.started", "run.failed"]);
});
