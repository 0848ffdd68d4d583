import * as z from "zod/mini";
import { EXIT_OK } from "../../base/error.ts";
import type { World } from "../../base/world.ts";
import type { TourLook } from "../../demo/tour.ts";
import { defineCommand } from "../command.ts";
import { count } from "../flags.ts";
import { paintFor, print } from "../output.ts";

export default defineCommand({
  name: "demo",
  summary: "a small lab in this folder, and a tour through it",
  description: "Records a made-up lab where it is started: three policies and a baseline over a " +
    "few hundred calls, all writing at once, and a run that dies half-way. Then it runs the " +
    "commands that tell what happened, each shown as it would be typed. The folder has to be empty " +
    "of a ledger, and the lab stays for you to explore. Everything follows from the seed: prices, " +
    "results, and the time that work took.",
  examples: [
    { line: "mkdir lab && cd lab && ledger demo", shows: "a lab, and a tour through it" },
    { line: "mkdir lab-7 && cd lab-7 && ledger demo --seed 7", shows: "another market" },
  ],
  flags: z.strictObject({
    "seed": count({ description: "what everything follows from (default: 1)" }),
  }),
  run: async ({ world, run, flags }) => {
    const { recordLab, refuseIfNotEmpty } = await import("../../demo/lab.ts");
    const { LAB_BEGAN_BEFORE_MS, planLab } = await import("../../demo/plan.ts");
    const { INTRODUCTION, showLab, whatNext } = await import("../../demo/tour.ts");
    refuseIfNotEmpty(world);
    const look = lookOn(world);
    look.print(INTRODUCTION);
    look.print(
      "This program may start no others: so all five write from this one, and the one\n" +
        "that dies lets go of its run as a killed process would. (From source, `deno task\n" +
        "demo` kills a real one.)",
    );
    const seed = flags.seed ?? 1;
    const lab = planLab(seed, world.now_ms() - LAB_BEGAN_BEFORE_MS);
    const code = await showLab(world, run, look, await recordLab(world, lab));
    if (code === EXIT_OK) await whatNext(world, look);
    return code;
  },
});

function lookOn(world: World): TourLook {
  const { bold, cyan } = paintFor(world, world.stdout);
  return { print: (text) => print(world, text), command: cyan, words: bold };
}
