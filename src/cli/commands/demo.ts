import { EXIT_OK } from "../exit_code.ts";
import { defineCommand } from "../command.ts";
import { count } from "../flags.ts";
import { paintFor, print } from "../output.ts";

export default defineCommand({
  name: "demo",
  summary: "create a small lab in this folder, and tour it",
  description: "Records a made-up lab in the current folder: three policies and a baseline over " +
    "a few hundred calls, all writing at once, and a run that dies half-way. Then runs the " +
    "commands that show what happened, each as you would type it. The folder must hold no " +
    "ledger; the lab stays for you to explore. The seed determines prices, results and " +
    "durations.",
  examples: {
    "mkdir lab && cd lab && ledger demo": "a lab, and a tour of it",
    "mkdir lab-7 && cd lab-7 && ledger demo --seed 7": "another market",
  },
  flags: { "seed": count("determines everything random (default: 1)") },
  run: async ({ world, run, flags }) => {
    const { recordLab, refuseIfNotEmpty } = await import("../../demo/lab.ts");
    const { LAB_BEGAN_BEFORE_MS, planLab } = await import("../../demo/plan.ts");
    const { INTRODUCTION, showLab, whatNext } = await import("../../demo/tour.ts");
    refuseIfNotEmpty(world);
    const { bold, cyan } = paintFor(world, world.stdout);
    const look = { print: (text: string) => print(world, text), command: cyan, words: bold };
    look.print(INTRODUCTION);
    look.print(
      "This program may not start others, so all five write from this process, and the\n" +
        "one that dies lets go of its run as a killed process would. (From source, `deno\n" +
        "task demo` kills a real one.)",
    );
    const seed = flags.seed ?? 1;
    const lab = planLab(seed, world.now_ms() - LAB_BEGAN_BEFORE_MS);
    const code = await showLab(world, run, look, await recordLab(world, lab));
    if (code === EXIT_OK) await whatNext(world, look);
    return code;
  },
});
