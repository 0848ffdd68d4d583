/**
 * The lab of `ledger demo` with a process for each run, in a folder that stays: five programs write to
 * one log at once, one of them is killed (SIGKILL) while it writes, and then comes the same tour. With
 * --fleet: three such labs on three boxes of a fleet.
 */
import { OutputClosed, systemWorld } from "../src/base/world.ts";
import { run } from "../src/cli/run.ts";
import { paintFor } from "../src/cli/print.ts";
import { LAB_BEGAN_BEFORE_MS, LAB_RUNS, type LabRun, labRun, planLab } from "../src/demo/plan.ts";
import { recordRun } from "../src/demo/record.ts";
import { INTRODUCTION, showLab, type TourLook, whatNext } from "../src/demo/tour.ts";

/** So many events of the run that is killed are acknowledged when the signal is sent. */
const KILLED_AFTER_EVENTS = 60;
/** What waits to be killed waits this long at most. */
const PATIENCE_MS = 60_000;

const world = systemWorld();
// The lab stands in a folder of its own, whatever this shell works with otherwise.
for (const name of ["DIR", "RUNS_DIR", "WRITER"]) Deno.env.delete(`LEDGER_${name}`);

const [order, ...words] = Deno.args;
if (order === "record") await recordOne(words);
else {
  Deno.exitCode = await demo(Deno.args).catch((error) => {
    // The reader has had enough (`deno task demo | head`).
    if (error instanceof OutputClosed) return 0;
    throw error;
  });
}

/** What each of the lab's programs does: records one run, and says each event that is durable. */
async function recordOne([run_id, seed, begins_ms]: string[]): Promise<void> {
  await recordRun(world, planLab(Number(seed), Number(begins_ms)), labRun(run_id), {
    onAcknowledged: (event_id) => world.stdout.write(`${event_id}\n`),
    onHalfWay: () => world.pause(PATIENCE_MS),
  });
}

async function demo(args: readonly string[]): Promise<number> {
  const is_fleet = args[0] === "--fleet";
  const [flag, seed_text = "1", ...rest] = is_fleet ? args.slice(1) : args;
  const seed = Number(seed_text);
  const is_known = flag === undefined || flag === "--seed" && rest.length === 0;
  if (!is_known || !Number.isSafeInteger(seed) || seed < 0) {
    console.error("usage: deno task demo [--fleet] [--seed N], with a whole number, 0 or more");
    return 2;
  }
  const folder = Deno.makeTempDirSync({ prefix: "ledger-demo-" });
  const look = lookOfTerminal();
  if (is_fleet) {
    const { demoFleet } = await import("./demo_fleet.ts");
    await demoFleet(world, look, folder, seed);
    return 0;
  }
  Deno.chdir(folder);
  look.print(INTRODUCTION);
  look.print(`Each run is a process of its own, in ${folder}.`);
  const begins_ms = world.now_ms() - LAB_BEGAN_BEFORE_MS;
  const acknowledged = await Promise.all(
    LAB_RUNS.map((run) => record(run, String(seed), String(begins_ms))),
  );
  const of_killed = acknowledged[LAB_RUNS.findIndex(({ is_killed }) => is_killed)].length;
  look.print(
    `The fifth was killed (SIGKILL) when ${of_killed} of its events had been acknowledged.`,
  );
  const code = await showLab(world, run, look, acknowledged.flat());
  if (code !== 0) return code;
  await whatNext(world, look);
  const main = new URL("../main.ts", import.meta.url).pathname;
  look.print(`\n${look.words("There, with the program from source:")}`);
  look.print(`  ${look.command(`cd ${folder}`)}`);
  look.print(`  ${look.command(`alias ledger='"${Deno.execPath()}" run -A --quiet "${main}"'`)}`);
  return 0;
}

/** Starts a process for a run, and kills the one that is to be killed; returns what it was promised. */
async function record({ run_id, is_killed }: LabRun, ...words: string[]): Promise<string[]> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", import.meta.filename!, "record", run_id, ...words],
    stdout: "piped",
  }).spawn();
  const acknowledged: string[] = [];
  let rest = "";
  let was_killed = false;
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    acknowledged.push(...lines);
    if (!is_killed || was_killed || acknowledged.length < KILLED_AFTER_EVENTS) continue;
    // Once: what it said before can still come, and who is dead cannot be killed again.
    child.kill("SIGKILL");
    was_killed = true;
  }
  const { signal, success } = await child.status;
  if (is_killed ? signal !== "SIGKILL" : !success) {
    throw new Error(`the process of ${run_id} did not end as it should`);
  }
  return acknowledged;
}

function lookOfTerminal(): TourLook {
  const { bold, cyan } = paintFor(world, world.stdout);
  return {
    print: (text) => world.stdout.write(`${text}\n`),
    command: cyan,
    words: bold,
  };
}
