import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { run } from "../../src/cli/run.ts";
import { reconcile, recordLab, takeDemoFolder } from "../../src/demo/lab.ts";
import { type Lab, LAB_RUNS, planLab } from "../../src/demo/plan.ts";
import { showLab } from "../../src/demo/tour.ts";
import { eventId } from "../../src/demo/strategy.ts";
import { type JsonObject, Ledger, type LedgerEvent, RunDirectory } from "../../src/mod.ts";
import {
  installShim,
  linesOnDisk,
  memoryFolder,
  PROJECT,
  startLedger,
  tempFolder,
  type TestWorld,
  testWorld,
} from "../harness.ts";

const BEGINS_MS = Date.UTC(2026, 0, 23, 23, 59, 59);
const POLICY_RUNS = LAB_RUNS.filter(({ policy, is_killed }) => policy && !is_killed)
  .map(({ run_id }) => run_id);

/** A lab that is recorded, and what a test asks of it. */
interface Recorded extends AsyncDisposable {
  path: string;
  lab: Lab;
  world: TestWorld;
  ledger: Ledger;
  acknowledged: string[];
  events: LedgerEvent[];
}

/** A lab of a test's own, which may change it. */
async function recorded(seed: number): Promise<Recorded> {
  const folder = tempFolder();
  const lab = planLab(seed, BEGINS_MS);
  const acknowledged = await recordLab(testWorld({ vars: varsFor(folder.path) }), lab);
  return await opened(folder.path, lab, acknowledged, () => folder[Symbol.dispose]());
}

let shared: { path: string; lab: Lab; acknowledged: string[] } | undefined;
const SHARED_SEED = 1;

/** One lab for all tests that only ask it something. */
async function sharedLab(): Promise<Recorded> {
  if (!shared) {
    const folder = tempFolder();
    addEventListener("unload", () => folder[Symbol.dispose]());
    const lab = planLab(SHARED_SEED, BEGINS_MS);
    const acknowledged = await recordLab(testWorld({ vars: varsFor(folder.path) }), lab);
    shared = { path: folder.path, lab, acknowledged };
  }
  return await opened(shared.path, shared.lab, shared.acknowledged);
}

async function opened(
  path: string,
  lab: Lab,
  acknowledged: string[],
  dispose = () => {},
): Promise<Recorded> {
  const world = testWorld({ vars: varsFor(path) });
  const ledger = new Ledger({ world });
  const events: LedgerEvent[] = [];
  for await (const record of ledger.read()) if (record.kind === "event") events.push(record.event);
  return {
    ...{ path, lab, world, ledger, acknowledged, events },
    async [Symbol.asyncDispose]() {
      await ledger.close();
      dispose();
    },
  };
}

function varsFor(path: string): Record<string, string> {
  return { LEDGER_DIR: join(path, "data/ledger"), LEDGER_RUNS_DIR: join(path, "runs") };
}

/** The rows of an artifact of a run, in the order in which they were written. */
async function rowsOf(ledger: Ledger, artifact: string, run_id: string): Promise<JsonObject[]> {
  return await ledger.query(`select * from ${artifact} where run_id = '${run_id}'`, {
    db: "catalog",
  });
}

function of(events: readonly LedgerEvent[], run_id: string, event_type: string): LedgerEvent[] {
  return events.filter((event) => event.run_id === run_id && event.event_type === event_type);
}

function sum(values: readonly unknown[]): number {
  return values.reduce<number>((total, value) => total + (value as number), 0);
}

function assertNear(actual: unknown, expected: number, tolerance: number): void {
  const distance = Math.abs((actual as number) - expected);
  assert(distance <= tolerance, `${actual} is not within ${tolerance} of ${expected}`);
}

Deno.test("a demo's summaries, equity, trials and fills all follow from its trades", async () => {
  await using lab = await sharedLab();
  const { ledger, events } = lab;
  await ledger.runs.sync();
  for (const run_id of POLICY_RUNS) {
    const trades = await rowsOf(ledger, "trades", run_id);
    const [row] = await rowsOf(ledger, "summary", run_id);
    const [{ summary }] = of(events, run_id, "run.completed") as { summary?: JsonObject }[];
    const returns_bps = trades.map(({ realized_return_bps }) => realized_return_bps);
    assert(trades.length > 200, "a few hundred calls");
    for (const [name, value] of Object.entries(row)) assertEquals(summary![name], value, name);
    assertEquals([row.trades_count, row.calls_processed], [trades.length, trades.length]);
    assertNear(row.avg_return_bps, sum(returns_bps) / trades.length, 0.005);
    assertNear(summary!.total_return_bps, sum(returns_bps), 0.001);
    assertNear(row.stop_out_rate, sum(trades.map((t) => Number(t.stop_out))) / trades.length, 5e-5);
    const end_usd = 10_000 + sum(returns_bps) / 100;
    assertNear(summary!.equity_end_usd, end_usd, 1e-4);
    const curve = await rowsOf(ledger, "features", run_id);
    assertEquals(curve.map(({ call_id }) => call_id), trades.map(({ call_id }) => call_id));
    assertEquals(curve.at(-1)!.equity_usd, summary!.equity_end_usd);
    for (const trade of trades) {
      const { entry_px, exit_px, realized_return_bps } = trade as Record<string, number>;
      assertNear(realized_return_bps, (exit_px / entry_px - 1) * 10_000, 0.005);
    }
    const trials = of(events, run_id, "trial.recorded");
    assertEquals(
      trials.map(({ trial_id, metrics }) => [trial_id, (metrics as JsonObject).return_bps]),
      trades.map(({ call_id, realized_return_bps }) => [call_id, realized_return_bps]),
    );
    await assertTraceAgrees(ledger, run_id, trades, summary!);
  }
});

async function assertTraceAgrees(
  { traces }: Ledger,
  run_id: string,
  trades: readonly JsonObject[],
  summary: JsonObject,
): Promise<void> {
  const events = await traces.query({ correlation_id: run_id });
  const by_id = new Map(events.map((event) => [event.event_id, event]));
  const fills = events.filter(({ event_type }) => event_type === "FILL");
  assertEquals(fills.length, 2 * trades.length);
  for (const trade of trades) {
    for (const [step, side] of [["bought", "entry"], ["sold", "exit"]]) {
      const fill = by_id.get(eventId(run_id, trade.call_id as string, step))!;
      assertEquals(
        [fill.timestamp / 1000, fill.data.price],
        [trade[`${side}_ts_ms`], trade[`${side}_px`]],
      );
    }
  }
  const booked = events.filter(({ event_type }) => event_type === "PORTFOLIO")
    .toSorted((a, b) => a.sequence_number - b.sequence_number);
  assertNear(booked.at(-1)!.data.equity_usd, summary.equity_end_usd as number, 0.01);
  const [{ call_id }] = trades;
  const { path, end } = await traces.path(eventId(run_id, call_id as string, "sold"));
  const [origin, ...steps] = path;
  assertEquals([end, origin.event_type, origin.timestamp / 1000], [
    "root",
    "SIGNAL",
    trades[0].entry_ts_ms,
  ]);
  assertEquals(
    steps.map(({ event_type }) => event_type).filter((type) => type === "FILL").length,
    2,
  );
  for (const { created_at, emitted_at, received_at, processed_at } of events) {
    assert(created_at! <= emitted_at! && emitted_at! < received_at!);
    assert(received_at! < processed_at!);
  }
}

Deno.test("a demo's phases, manifests and events tell the same times", async () => {
  await using lab = await sharedLab();
  const { events, ledger } = lab;
  await ledger.sync();
  for (const { run_id, is_killed } of LAB_RUNS) {
    const manifest = (await ledger.runs.find(run_id)).readManifest();
    const started = of(events, run_id, "phase.started");
    assertEquals(started.map(({ phase_name }) => phase_name), ["plan", "coverage", "execution"]);
    const completed = of(events, run_id, "phase.completed");
    assertEquals(completed.length, is_killed ? 2 : 3);
    for (const [index, { phase_name, duration_ms, timestamp_ms }] of completed.entries()) {
      assertEquals(timestamp_ms - started[index].timestamp_ms, duration_ms);
      if (!is_killed) assertEquals(manifest.timing![`${phase_name}_ms`], duration_ms);
    }
    if (is_killed) continue;
    const [end] = of(events, run_id, "run.completed");
    const [begin] = of(events, run_id, "run.created");
    assertEquals(manifest.timing!.total_ms, end.timestamp_ms - begin.timestamp_ms);
    assert(manifest.timing!.total_ms >= sum(completed.map(({ duration_ms }) => duration_ms)));
    const rows = await ledger.runPhases(run_id);
    assertEquals(
      rows.map(({ phase_name, duration_ms }) => [phase_name, duration_ms]),
      completed.map(({ phase_name, duration_ms }) => [phase_name, duration_ms]),
    );
  }
});

Deno.test("a demo's baseline counts the calls that there are prices for", async () => {
  await using lab = await sharedLab();
  const { ledger, events, lab: { market } } = lab;
  await ledger.runs.sync();
  const [baseline] = of(events, "baseline", "baseline.completed");
  const paths = await rowsOf(ledger, "paths", "baseline");
  const errors = await rowsOf(ledger, "errors", "baseline");
  assertEquals(baseline.alerts_total, market.calls.length);
  assertEquals([baseline.alerts_ok, paths.length], [market.ticks.size, market.ticks.size]);
  assertEquals(paths.length + errors.length, market.calls.length);
  assert(errors.length > 0, "a lab in which nothing is missing teaches nothing");
  for (const { hit_2x, t_2x_ms, peak_multiple, dd_bps } of paths as Record<string, number>[]) {
    assertEquals([Boolean(hit_2x), t_2x_ms !== null], [peak_multiple >= 2, peak_multiple >= 2]);
    assert(dd_bps >= 0 && dd_bps < 10_000 && peak_multiple >= 1);
  }
});

Deno.test("every event that a demo's writers were promised is in the log once, and they wrote at once", async () => {
  await using lab = await sharedLab();
  const { ledger, acknowledged, events } = lab;
  const { missing, repeated, ...counts } = await reconcile(ledger, acknowledged);
  assertEquals([missing, repeated], [[], []]);
  assertEquals(counts, { events: events.length, acknowledged: events.length });
  const changes = events.filter(({ run_id }, at) => at > 0 && run_id !== events[at - 1].run_id);
  assert(changes.length > 2 * LAB_RUNS.length, `only ${changes.length} changes of writer`);
  const report = await ledger.verify({ deep: true });
  assertEquals([report.findings, report.duplicates], [[], 0]);
  assertEquals(report.days, 2, "this lab works past midnight");
});

Deno.test("what is missing or doubled in a log is found", async () => {
  await using lab = await recorded(5);
  const { ledger, acknowledged, events } = lab;
  await ledger.emit(events[0] as unknown as JsonObject);
  const { missing, repeated } = await reconcile(ledger, [...acknowledged, "promised"]);
  assertEquals([missing, repeated], [["promised"], [events[0].event_id]]);
});

Deno.test("of a demo's runs, the killed one is crashed, and its critical trace events are there", async () => {
  await using lab = await sharedLab();
  const { ledger, events } = lab;
  for (const { run_id, is_killed } of LAB_RUNS) {
    const directory: RunDirectory = await ledger.runs.find(run_id);
    assertEquals(await directory.state(), is_killed ? "crashed" : "completed");
    const traced = await ledger.traces.query({ correlation_id: run_id, event_types: ["FILL"] });
    assertEquals(traced.length, 2 * of(events, run_id, "trial.recorded").length, run_id);
  }
});

Deno.test("a seed gives the same lab again, and another seed another", async () => {
  await using one = await sharedLab();
  await using again = await recorded(SHARED_SEED);
  const linesOf = ({ path }: Recorded) =>
    linesOnDisk(join(path, "data/ledger")).map((line) => line.replaceAll(path, "")).sort();
  assertEquals(linesOf(one), linesOf(again));
  const filesOf = async ({ ledger }: Recorded) => {
    const found = await Promise.all(LAB_RUNS.map(({ run_id }) => ledger.runs.find(run_id)));
    return found.map((run) =>
      Object.entries(run.readManifest().artifacts).map(([type, { sha256 }]) => [type, sha256])
    );
  };
  assertEquals(await filesOf(one), await filesOf(again));
  const tracesOf = async ({ ledger }: Recorded) => await ledger.traces.query({});
  assertEquals(await tracesOf(one), await tracesOf(again));
  assertNotEquals(planLab(8, BEGINS_MS).market.fingerprint, one.lab.market.fingerprint);
});

/** A folder in which a demo was stopped, by the signal of Ctrl-C, when it had begun. */
async function stoppedDemo(path: string): Promise<void> {
  const child = startLedger(["demo"], { cwd: path });
  const output = child.stdout.getReader();
  assertEquals((await output.read()).done, false);
  child.kill("SIGINT");
  assertEquals((await child.status).code, 130);
  await Promise.all([output.cancel(), child.stderr.cancel()]);
  assert([...Deno.readDirSync(join(path, "data/ledger"))].length > 0, "it has left something");
}

Deno.test("ledger demo shows real commands with what they print, and what it proposes works; where one was stopped, the next begins anew", async () => {
  using folder = tempFolder();
  // Any command that asks DuckDB something leaves this; a demo may come after one.
  Deno.mkdirSync(join(folder.path, "data/ledger/.native/0-abc"), { recursive: true });
  await stoppedDemo(folder.path);
  const world = testWorld({ vars: varsFor(folder.path) });
  assertEquals(await run(["demo", "--seed", "9"], world), 0, world.printed.stderr);
  const { stdout, stderr } = world.printed;
  assertStringIncludes(stderr, "a demo that was stopped had left its lab here: removed\n");
  const commands = [...stdout.matchAll(/^\$ (ledger .*)$/gm)].map(([, line]) => line);
  const shown = ["log", "rebuild", "query", "runs query", "runs rank", "runs diff", "trace path"];
  for (const name of [...shown, "trace latency", "verify", "runs verify"]) {
    assert(commands.some((line) => line.startsWith(`ledger ${name}`)), name);
  }
  assertStringIncludes(stdout, "crashed");
  const proposed = [...stdout.matchAll(/^ {2}(ledger .*?) {2,}# /gm)].map(([, line]) => line);
  assertEquals(proposed.length, 6);
  installShim(folder.path);
  // Those that were shown have run; whether a shell takes them as they are echoed is to be seen.
  for (const line of [...commands.filter((line) => line.includes('"')), ...proposed]) {
    const { code, stdout: said, stderr } = await new Deno.Command("sh", {
      args: ["-c", line],
      cwd: folder.path,
      env: { PATH: `${folder.path}:${Deno.env.get("PATH")}`, NO_COLOR: "1" },
    }).output();
    const told = new TextDecoder();
    assert(code === 0 || line === "ledger doctor", `${line}\n${told.decode(stderr)}`);
    assert(said.length > 0, line);
  }
});

Deno.test("half a line that a killed writer left is told in the tour, and does not end it", async () => {
  await using lab = await recorded(11);
  const { world, acknowledged, path } = lab;
  const days = join(path, "data/ledger/events");
  const [day] = [...Deno.readDirSync(days)].map(({ name }) => name).filter((name) =>
    name.startsWith("day=")
  );
  const part = join(days, day, "part-000001.jsonl");
  Deno.writeTextFileSync(part, '{"event_type":"trial.rec', { append: true });
  const look = {
    print: (text: string) => world.stdout.write(`${text}\n`),
    command: (line: string) => line,
    words: (text: string) => text,
  };
  assertEquals(await showLab(world, run, look, acknowledged), 0, world.printed.stderr);
  assertStringIncludes(world.printed.stdout, `torn  day=`);
  assertStringIncludes(world.printed.stderr, "ledger verify --repair");
  assertStringIncludes(world.printed.stdout, `All ${acknowledged.length} acknowledged events are`);
});

Deno.test("ledger demo refuses a folder with a ledger or runs in it, and writes nothing", async () => {
  for (const there of ["data/ledger/events", "data/ledger/traces", "runs/2026-01"]) {
    using folder = tempFolder();
    Deno.mkdirSync(join(folder.path, there), { recursive: true });
    const world = testWorld({ vars: varsFor(folder.path) });
    assertEquals(await run(["demo"], world), 2);
    assertStringIncludes(world.printed.stderr, there.split("/").at(-1)!);
    assertStringIncludes(world.printed.stderr, "mkdir lab && cd lab && ledger demo");
    assertEquals([...Deno.readDirSync(join(folder.path, there))], []);
    assertEquals(world.printed.stdout, "");
  }
});

Deno.test("a demo leaves alone one that is at work, and what is not of a lab beside one that was stopped", async () => {
  using folder = tempFolder();
  const vars = varsFor(folder.path);
  {
    using first = await takeDemoFolder(testWorld({ vars }));
    assertEquals(first.was_unfinished, false);
    const world = testWorld({ vars });
    assertEquals(await run(["demo"], world), 75);
    assertStringIncludes(world.printed.stderr, "another demo is at work in");
  }
  await using ledger = new Ledger({ world: testWorld({ vars }) });
  await ledger.emitRunStarted({ run_id: "killed" });
  await ledger.emitRunStarted({ run_id: "my-run" });
  const world = testWorld({ vars });
  assertEquals(await run(["demo"], world), 2);
  assertStringIncludes(world.printed.stderr, "there is something in");
  assertStringIncludes(world.printed.stderr, "(my-run)");
  assertEquals(linesOnDisk(vars.LEDGER_DIR).length, 2, "nothing was taken away");
});

Deno.test("demo --json records the lab, in the folders that it is given, and is one object", async () => {
  using folder = memoryFolder();
  const { LEDGER_DIR, LEDGER_RUNS_DIR } = varsFor(folder.path);
  const world = testWorld({ vars: { LEDGER_DIR: "nowhere" } });
  const folders = ["--dir", LEDGER_DIR, "--runs-dir", LEDGER_RUNS_DIR];
  assertEquals(await run([...folders, "--json", "demo"], world), 0, world.printed.stderr);
  const told = JSON.parse(world.printed.stdout);
  assertEquals([told.seed, told.dir, told.runs_dir], [1, LEDGER_DIR, LEDGER_RUNS_DIR]);
  assertEquals(told.runs, LAB_RUNS.map(({ run_id }) => run_id));
  assertEquals(told.events, linesOnDisk(LEDGER_DIR).length);
  assertEquals(told.acknowledged, told.events);
});

Deno.test("deno task demo kills a real process, and its log still has all that was promised", async () => {
  using temporary = tempFolder();
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", join(PROJECT, "scripts/demo.ts"), "--seed", "10"],
    env: { TMPDIR: temporary.path, LEDGER_DIR: "/nowhere", NO_COLOR: "1" },
  }).output();
  const said = new TextDecoder().decode(stdout);
  assertEquals(code, 0, said + new TextDecoder().decode(stderr));
  const [, acknowledged] = /SIGKILL\) when (\d+) of its events/.exec(said)!;
  assert(Number(acknowledged) >= 60);
  assert(/^killed .* crashed /m.test(said), said);
  assert(/All \d+ acknowledged events are in the log/.test(said), said);
  const [lab] = [...Deno.readDirSync(temporary.path)].map(({ name }) => join(temporary.path, name));
  const lines = linesOnDisk(join(lab, "data/ledger")).map((line) => JSON.parse(line));
  const of_killed = lines.filter(({ run_id }) => run_id === "killed");
  assert(of_killed.length >= Number(acknowledged));
  assertEquals(of_killed.filter(({ event_type }) => event_type === "run.completed"), []);
});
