import { shellWord } from "../../base/format.ts";
import type { World } from "../../base/world.ts";
import { EXIT_OK } from "../exit_code.ts";
import { defineCommand } from "../command.ts";
import { count, type Folders, runsFlags } from "../flags.ts";
import { openFor } from "../open.ts";
import { paintFor, print, printJson, say } from "../output.ts";

export default defineCommand({
  name: "demo",
  summary: "create a small lab in this folder, and tour it",
  description: "Records a made-up lab in the current folder: three policies and a baseline over " +
    "a few hundred calls, all writing at once, and a run that dies half-way. Then runs the " +
    "commands that show what happened, each as you would type it. The folder must hold no " +
    "ledger; the lab stays for you to explore. A demo that was stopped is begun anew. The seed determines prices, results and " +
    "durations.",
  examples: {
    "mkdir lab && cd lab && ledger demo": "a lab, and a tour of it",
    "mkdir lab-7 && cd lab-7 && ledger demo --seed 7": "another market",
  },
  flags: { "seed": count("determines everything random (default: 1)"), ...runsFlags() },
  run: async ({ world: outside, run, flags }) => {
    const { checkLab, recordLab, takeDemoFolder } = await import("../../demo/lab.ts");
    const { LAB_BEGAN_BEFORE_MS, LAB_RUNS, planLab } = await import("../../demo/plan.ts");
    const { INTRODUCTION, showLab, whatNext } = await import("../../demo/tour.ts");
    const { "dir": dir, "runs-dir": runs_dir } = flags;
    const world = withFolders(outside, flags);
    using folder = await takeDemoFolder(world);
    if (folder.was_unfinished) say(world, "a demo that was stopped had left its lab here: removed");
    const seed = flags.seed ?? 1;
    const lab = planLab(seed, world.now_ms() - LAB_BEGAN_BEFORE_MS);
    if (flags.json) {
      const acknowledged = await recordLab(world, lab);
      await using ledger = openFor(world, flags);
      await ledger.sync();
      await ledger.runs.sync();
      const events = await checkLab(ledger, acknowledged);
      folder.finish();
      const runs = LAB_RUNS.map(({ run_id }) => run_id);
      const { dir, runs: { dir: runs_dir } } = ledger;
      return printJson(world, {
        ...{ seed, dir, runs_dir, runs, events, acknowledged: acknowledged.length },
      });
    }
    const { bold, cyan } = paintFor(world, world.stdout);
    const named = Object.entries({ "--dir": dir, "--runs-dir": runs_dir })
      .flatMap(([name, value]) => value === undefined ? [] : ` ${name} ${shellWord(value)}`).join(
        "",
      );
    const look = {
      print: (text: string) => print(world, text),
      command: (line: string) => cyan(line.replace(/\bledger\b/, `ledger${named}`)),
      words: bold,
    };
    look.print(INTRODUCTION);
    look.print(
      "This program may not start others, so all five write from this process, and the\n" +
        "one that dies lets go of its run as a killed process would. (From source, `deno\n" +
        "task demo` kills a real one.)",
    );
    const code = await showLab(world, run, look, await recordLab(world, lab));
    if (code !== EXIT_OK) return code;
    await whatNext(world, look);
    folder.finish();
  },
});

/** What the demo starts finds its lab by the environment. */
function withFolders(world: World, { "dir": dir, "runs-dir": runs_dir }: Folders): World {
  const vars: Record<string, string | undefined> = { LEDGER_DIR: dir, LEDGER_RUNS_DIR: runs_dir };
  return { ...world, env: (name) => vars[name] ?? world.env(name) };
}
