/** Command lines out of help, run as they stand. */
import { openLedger } from "../../src/mod.ts";
import { patience } from "../crash/kills/crash.ts";
import { addressOf } from "../fleet/fleets.ts";
import { STRICT_KEYS, StrictStore } from "../fleet/strict_store.ts";
import { exists } from "../runs/repositories.ts";

/** Lines that go on until they are stopped: they work, once they have said their first word. */
const ENDLESS = /ledger watch(?!.*--once)|--follow|--every/;

/** A port that another program on this machine may have: a free one serves as well. */
const PORT = /127\.0\.0\.1:\d+/;

/** Lines that talk to a fleet's store: one in this process, with what earlier lines left in it. */
const OF_FLEET = /ledger (fleet|ship|watch --ship|query --fleet)/;
const STORES = new Map<string, Pick<StrictStore, "buckets" | "port">>();

/** Runs a line beside the store that its folder's lines talk to. */
async function withFleet<T>(
  line: string,
  cwd: string,
  path: string,
  body: (port: number) => Promise<T>,
): Promise<T> {
  if (!OF_FLEET.test(line)) return await body(0);
  await using store = new StrictStore(STORES.get(cwd));
  STORES.set(cwd, { buckets: store.buckets, port: store.port });
  const at = addressOf(store).join(" ");
  const emit = "ledger emit run.started --run-id r1";
  const before = [
    ...exists(`${cwd}/data/ledger/events`) ? [] : [emit],
    ...exists(`${cwd}/data/ledger/fleet/cache`) || /fleet (init|join)/.test(line) ? [] : [
      `ledger fleet init ${at}`,
      `ledger fleet join ${at} --as research-1`,
      "ledger ship --once",
      "ledger fleet pull",
    ],
    // A line that goes on has something to say of what is new.
    ...ENDLESS.test(line) ? [emit] : [],
  ];
  if (before.length > 0) {
    const { code, stderr } = await inBash(before.join(" && "), cwd, path).output();
    if (code !== 0) throw new Error(new TextDecoder().decode(stderr));
  }
  return await body(store.port);
}

function inBash(line: string, cwd: string, path: string): Deno.Command {
  return new Deno.Command("bash", {
    args: ["--norc", "-o", "pipefail", "-c", line],
    cwd,
    env: { PATH: path, NO_COLOR: "1", ...STRICT_KEYS },
    stdout: "piped",
    stderr: "piped",
    signal: patience(),
  });
}

/** Runs a line in bash; undefined when it worked, else what it said. */
export async function runExample(
  line: string,
  cwd: string,
  path: string,
): Promise<string | undefined> {
  for (const [said, prepare] of PREPARATIONS) if (said.test(line)) await prepare(cwd);
  return await withFleet(line, cwd, path, (port) => {
    return runLine(line.replace(PORT, `127.0.0.1:${port}`), cwd, path);
  });
}

async function runLine(line: string, cwd: string, path: string): Promise<string | undefined> {
  const child = inBash(line, cwd, path).spawn();
  let is_stopped = !ENDLESS.test(line);
  const stop = () => {
    if (!is_stopped) child.kill("SIGTERM");
    is_stopped = true;
  };
  const read = async (stream: ReadableStream<Uint8Array>) => {
    let said = "";
    for await (const words of stream.pipeThrough(new TextDecoderStream())) {
      said += words;
      stop();
    }
    return said;
  };
  const [said, told] = await Promise.all([read(child.stderr), read(child.stdout)]);
  const { code } = await child.status;
  if (code === 0 && is_stopped && !said.includes("error:")) return undefined;
  return `${line}\n  exit ${code}: ${said}${told}`;
}

/** What has to be there before a line that says this is run: a day that never was cannot be restored. */
const PREPARATIONS: readonly (readonly [said: RegExp, prepare: (cwd: string) => Promise<void>])[] =
  [
    [/baseline_results/, (work) => putLegacyDatabase(work, 0)],
    [/--except optimizer.islands_f/, (work) => putLegacyDatabase(work, 1)],
    [/ledger (restore|retain)/, putOldRun],
    [/boxes\/node7/, putBox],
    [/ --where /, putRanked],
    [/ --input /, putPrices],
    [/runs attach/, putFiles],
  ];

/** A run of the day that examples name, which has ended: the days of others are not archived. */
async function putOldRun(work: string): Promise<void> {
  await using ledger = await openLedger({ dir: `${work}/data/ledger` });
  const timestamp_ms = Date.parse("2026-01-23T13:18:39.945Z");
  await ledger.emitRunStarted({ run_id: "old", event_id: "old", timestamp_ms });
  await ledger.emitRunFailed({ run_id: "old", event_id: "old-end", timestamp_ms, error: "died" });
}

/** Runs with metrics, for lines that choose among runs by them. */
async function putRanked(work: string): Promise<void> {
  await using ledger = await openLedger({ dir: `${work}/data/ledger` });
  for (const sharpe of [1.5, 2]) {
    const [run_id, config] = [`ranked-${sharpe}`, { stop_loss_bps: 100 * sharpe }];
    const created = { run_id, run_type: "policy", config, data_fingerprint: "prices" };
    await ledger.emitRunCreated({ ...created, event_id: `${run_id} created` });
    const summary = { sharpe, avg_return_bps: 10 * sharpe, trades_count: 120 };
    await ledger.emitRunCompleted({ run_id, summary, artifact_paths: {}, event_id: run_id });
  }
}

/** Files that a run reads. */
function putPrices(work: string): Promise<void> {
  Deno.mkdirSync(`${work}/prices`, { recursive: true });
  const text = "ts_ms,close\n1769174319945,101.5\n1769174379945,101.7\n";
  Deno.writeTextFileSync(`${work}/prices/2026-01.csv`, text);
  return Promise.resolve();
}

/** Files to attach. */
function putFiles(work: string): Promise<void> {
  for (const name of ["equity.png", "model.onnx"]) Deno.writeTextFileSync(`${work}/${name}`, name);
  return Promise.resolve();
}

/** Another box, for lines that take in what it has. */
function putBox(work: string): Promise<void> {
  const events = `${work}/boxes/node7/data/ledger/events/day=2026-01-23`;
  Deno.mkdirSync(events, { recursive: true });
  Deno.mkdirSync(`${work}/boxes/node7/runs`, { recursive: true });
  const event = { event_id: "n7", event_type: "test.event", timestamp_ms: 1769174319945 };
  Deno.writeTextFileSync(`${events}/part-000001.jsonl`, `${JSON.stringify(event)}\n`);
  return Promise.resolve();
}

/** The database of the first system, which some examples compare with and take over. */
async function putLegacyDatabase(work: string, islands: number): Promise<void> {
  const path = `${work}/data/baseline_results.duckdb`;
  Deno.mkdirSync(`${work}/data`, { recursive: true });
  try {
    Deno.removeSync(path);
  } catch {
    // The first example that wants it, or one that moved it away.
  }
  const { DuckDBInstance } = await import("@duckdb/node-api");
  const instance = await DuckDBInstance.create(path);
  const connection = await instance.connect();
  await connection.run(`create schema optimizer;
    create table optimizer.runs_d (run_id varchar, run_type varchar, created_at timestamp);
    create table optimizer.islands_f as select 'i1' as island_id from range(${islands})`);
  connection.closeSync();
  instance.closeSync();
}
