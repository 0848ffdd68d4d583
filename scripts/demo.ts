/**
 * The main job end to end, in a folder that stays: three runs emit at once from processes of their
 * own, one of them is killed half-way, and the log tells what happened.
 */
import { join } from "@std/path";
import { openLedger } from "../src/mod.ts";

const MAIN = new URL("../main.ts", import.meta.url).pathname;
const TRIALS = 400;
/** So many that it cannot have ended by the time it is killed. */
const TRIALS_OF_KILLED = 200_000;

const folder = Deno.makeTempDirSync({ prefix: "ledger-demo-" });
const dir = join(folder, "data/ledger");

/** A simulated policy run as NDJSON, the same for the same seed. */
function* policyRun(
  run_id: string,
  stop_loss_bps: number,
  seed: number,
  trials = TRIALS,
): Generator<string> {
  const random = randomFrom(seed);
  const event = (event_type: string, fields: Record<string, unknown>) =>
    JSON.stringify({ event_type, run_id, ...fields }) + "\n";
  yield event("run.created", {
    run_type: "policy",
    config: { stop_loss_bps },
    data_fingerprint: "demo-prices-2026-01",
  });
  yield event("run.started", {});
  yield event("phase.started", { phase_name: "simulate", phase_order: 0 });
  let total_bps = 0;
  for (let trial = 1; trial <= trials; trial++) {
    // A price that wanders for an hour, left when it has lost too much.
    let return_bps = 0;
    for (let minute = 0; minute < 60 && return_bps > -stop_loss_bps; minute++) {
      return_bps += (random() - 0.49) * 90;
    }
    total_bps += return_bps;
    yield event("trial.recorded", {
      trial_id: `${run_id}-${trial}`,
      params: { stop_loss_bps, entry: trial },
      metrics: { return_bps: Math.round(return_bps * 100) / 100 },
    });
  }
  const avg_return_bps = Math.round(total_bps / trials * 100) / 100;
  const output_summary = { trials };
  yield event("phase.completed", { phase_name: "simulate", duration_ms: 60, output_summary });
  yield event("run.completed", { summary: { avg_return_bps }, artifact_paths: {} });
}

function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = Math.imul(state ^ (state >>> 15), state | 1);
    state ^= state + Math.imul(state ^ (state >>> 7), state | 61);
    return ((state ^ (state >>> 14)) >>> 0) / 4294967296;
  };
}

function start(...args: string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-all", MAIN, ...args],
    cwd: folder,
    env: { LEDGER_DIR: dir },
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
}

/** Sends a run to `ledger emit --stdin --ack`; returns how many events were acknowledged. */
async function record(lines: Iterable<string>, kill_after_acks = Infinity): Promise<number> {
  const child = start("emit", "--stdin", "--ack");
  const sending = send(child.stdin, lines);
  let acknowledged = 0;
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    acknowledged += text.split("\n").length - 1;
    if (acknowledged >= kill_after_acks) child.kill("SIGKILL");
  }
  await sending;
  await child.status;
  return acknowledged;
}

async function send(stdin: WritableStream<Uint8Array>, lines: Iterable<string>): Promise<void> {
  const writer = stdin.getWriter();
  const encoder = new TextEncoder();
  try {
    for (const line of lines) await writer.write(encoder.encode(line));
    await writer.close();
  } catch {
    // The receiver was killed; that is the point of one of them.
  }
}

async function show(...args: string[]): Promise<void> {
  console.log(`\n$ ledger ${args.join(" ")}`);
  const child = start(...args);
  await child.stdin.close();
  const { stdout } = await child.output();
  console.log(new TextDecoder().decode(stdout).trimEnd());
}

console.log(`A lab in ${folder}: three policies run at once, each in a process of its own.`);
console.log("The third is killed (SIGKILL) while it is writing.");
const acknowledged = await Promise.all([
  record(policyRun("tight-stop", 100, 1)),
  record(policyRun("wide-stop", 800, 2)),
  record(policyRun("killed", 300, 3, TRIALS_OF_KILLED), 100),
]);
console.log(`Acknowledged: ${acknowledged.join(", ")} events.`);

await show("status");
await show("log", "--type", "run.created,run.completed", "--format", "table");
await show("verify");

await using ledger = await openLedger({ dir });
const recorded = new Map<string, number>();
for await (const record of ledger.read()) {
  if (record.kind !== "event") continue;
  const run_id = String(record.event.run_id);
  recorded.set(run_id, (recorded.get(run_id) ?? 0) + 1);
}
const lost = ["tight-stop", "wide-stop", "killed"]
  .some((run_id, index) => (recorded.get(run_id) ?? 0) < acknowledged[index]);
console.log(
  lost
    ? "\nAn acknowledged event is missing."
    : "\nEvery acknowledged event is in the log; `killed` has no run.completed, so it is known to " +
      "have died.",
);
console.log(`To look around: cd ${folder} && cat data/ledger/events/day=*/part-000001.jsonl`);
Deno.exit(lost ? 1 : 0);
