/** Programs that embed the library, started as a user starts them, and what they record. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { openLedger, type RunDirectory } from "../../src/mod.ts";
import { linesOnDisk, PROJECT, tempFolder } from "../harness.ts";

async function backtest(cwd: string, ...words: string[]) {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--allow-all",
      "--check",
      join(PROJECT, "fixtures/embedding/backtest.ts"),
      ...words,
    ],
    cwd,
    env: { NO_COLOR: "1" },
  }).output();
  const ledger = await openLedger({
    dir: join(cwd, "data/ledger"),
    runs_dir: join(cwd, "runs"),
  });
  const events = linesOnDisk(ledger.dir).map((line) => JSON.parse(line));
  const run: RunDirectory = await ledger.runs.find(events[0].run_id);
  return { code, stderr: new TextDecoder().decode(stderr), ledger, events, run };
}

Deno.test("a program that embeds the library leaves a log, a run and a trace that agree", async () => {
  using folder = tempFolder();
  const { code, stderr, ledger, events, run } = await backtest(folder.path);
  assertEquals(code, 0, stderr);
  assertEquals(events.map(({ event_type }) => event_type), [
    "run.created",
    "run.started",
    "phase.started",
    "phase.completed",
    "artifact.created",
    "artifact.created",
    "run.completed",
  ]);
  assertEquals(await run.state(), "completed");
  assertEquals((await ledger.runs.verify({ deep: true })).findings, []);
  await ledger.runs.sync();
  const trades = await ledger.query("select * from trades", { db: "catalog" });
  assert(trades.length >= 3);
  assertEquals(events[3].output_summary, { trades: trades.length });
  assertEquals(events.at(-1).summary.trades_count, trades.length);
  const fills = await ledger.traces.query({ correlation_id: run.run_id, event_types: ["FILL"] });
  const sold = fills.filter(({ data }) => data.side === "sell");
  assertEquals(
    sold.map(({ timestamp, data }) => [timestamp / 1000, data.price]),
    trades.map(({ exit_ts_ms, exit_px }) => [exit_ts_ms, exit_px]),
  );
  const { path, end } = await ledger.traces.path(sold.at(-1)!.event_id);
  assertEquals([end, ...path.map(({ event_type }) => event_type)], [
    "root",
    "SIGNAL",
    "ORDER",
    "FILL",
  ]);
});

Deno.test("a program that embeds the library, and fails, leaves a run that says why", async () => {
  using folder = tempFolder();
  const { code, stderr, events, run } = await backtest(folder.path, "5");
  assertEquals(code, 1);
  assertStringIncludes(stderr, "5 minutes of prices are not enough");
  assertEquals(events.at(-1).event_type, "run.failed");
  assertEquals(await run.state(), "failed");
  assertEquals(run.readManifest().error, "5 minutes of prices are not enough");
});

Deno.test("the program that the README shows runs from a folder beside the clone", async () => {
  using folder = tempFolder();
  const readme = Deno.readTextFileSync(join(PROJECT, "README.md"));
  const [[, program], ...others] = [...readme.matchAll(/```ts\n([^]*?)```/g)];
  assertEquals(others, []);
  assert(program.split("\n").length <= 21);
  Deno.symlinkSync(PROJECT, join(folder.path, "ledger"));
  Deno.writeTextFileSync(join(folder.path, "sweep.ts"), program);
  const command = /^\/\/ deno (run .*)$/m.exec(program)![1].split(" ");
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: command,
    cwd: folder.path,
    env: { NO_COLOR: "1" },
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  assertStringIncludes(new TextDecoder().decode(stdout), 'status: "completed"');
  const types = linesOnDisk(join(folder.path, "data/ledger"))
    .map((line) => JSON.parse(line).event_type);
  const trial = "trial.recorded";
  assertEquals(types, ["run.created", "run.started", trial, trial, trial, "run.completed"]);
});
