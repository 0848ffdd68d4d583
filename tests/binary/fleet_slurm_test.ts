/** A job of SLURM that is killed: what it had acknowledged is in the store when its epilog has ended. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { until } from "../base/http/client.ts";
import { IS_FULL, tempFolder } from "../harness.ts";
import { joinByCommand, linesInStore, openStore } from "../fleet/fleets.ts";
import { HAS_SLURM, Slurm } from "../fleet/slurm.ts";
import { keysText, StrictStore } from "../fleet/strict_store.ts";
import { exists } from "../runs/repositories.ts";
import { binaryTest, PROJECT } from "./binary.ts";

const EPILOG = join(PROJECT, "fixtures/recipes/ship-slurm-epilog.sh");
const TRIAL =
  `{"event_type":"trial.recorded","run_id":"job","trial_id":"%s","params":{},"metrics":{}}\\n`;

if (IS_FULL && !HAS_SLURM) console.log("left out: a SLURM on loopback, since it is not installed");

function writeScript(path: string, ...lines: string[]): string {
  Deno.writeTextFileSync(path, ["#!/bin/sh", ...lines, ""].join("\n"), { mode: 0o755 });
  return path;
}

/** The ids that `emit --ack` has printed so far. */
function acknowledged(path: string): string[] {
  const text = exists(path) ? Deno.readTextFileSync(path) : "";
  return text.slice(0, text.lastIndexOf("\n") + 1).split("\n").filter(Boolean);
}

if (IS_FULL && HAS_SLURM) {
  binaryTest(
    "what a job of SLURM had acknowledged is in the store when its epilog has ended, however it was killed",
    async ({ binary, folder, ledger }) => {
      await using strict = new StrictStore();
      using scratch = tempFolder();
      const path = (name: string) => join(scratch.path, name);
      Deno.writeTextFileSync(path("keys"), keysText(), { mode: 0o600 });
      const run = (...words: string[]) => ledger(words);
      await joinByCommand(run, strict, "node", "--keys", path("keys"));
      Deno.mkdirSync(path("bin"));
      Deno.symlinkSync(binary, path("bin/ledger"));
      Deno.mkdirSync(path("slurm"));
      const epilog = writeScript(
        path("epilog"),
        `LAB='${folder}' PATH='${path("bin")}':/usr/bin:/bin exec sh '${EPILOG}'`,
      );
      await using slurm = await Slurm.start(path("slurm"), epilog);
      for (const signal of ["TERM", "KILL"]) {
        const told = path(`told-${signal}`);
        const script = writeScript(
          path(`job-${signal}`),
          `cd '${folder}'`,
          `trial=0; while trial=$((trial + 1)); do printf '${TRIAL}' $trial; done |`,
          `  '${binary}' emit --stdin --ack > '${told}'`,
        );
        const output = `--output=${path(`out-${signal}`)}`;
        const job = await slurm.run("sbatch", "--parsable", output, script);
        assertMatch(job, /^\d+$/);
        await until(() => acknowledged(told).length >= 100, "100 acknowledged events of the job");
        // The store is away when the epilog begins.
        let faults = 8;
        strict.options.faultOf = () => faults-- > 0 ? "503" : undefined;
        await slurm.run("scancel", "--full", `--signal=${signal}`, job);
        await slurm.ended(job);
        const sent = [...(await linesInStore(openStore(strict), "node")).values()].join("");
        const lost = acknowledged(told).filter((id) => !sent.includes(`"event_id":"${id}"`));
        assertEquals(lost, [], Deno.readTextFileSync(join(folder, "ship.log")));
        assert(faults < 0);
      }
      assertEquals(await slurm.nodeState(), "idle");
    },
  );
}
