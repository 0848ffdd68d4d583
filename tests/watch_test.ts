/** The daemon as a real process: what it answers, what it survives, how it ends. */
import { assert, assertEquals } from "@std/assert";
import { dirname, join } from "@std/path";
import { Daemon, untilHealth } from "./daemon.ts";
import { runIn, tempFolder, writePart } from "./harness.ts";
import { line } from "./index/indexes.ts";

const PART = { day: "2026-01-23", number: 1, writer: "" };

function emitArgs(id: string): string[] {
  const at = String(Date.UTC(2026, 0, 23));
  return ["emit", "run.started", "--run-id", id, "--event-id", id, "--timestamp-ms", at];
}

Deno.test("while the indexer is held up the lag grows and health is 503, and then 200 again", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  assertEquals((await runIn(dir, emitArgs("a"))).code, 0);
  const daemon = await Daemon.answering(dir, ["--unhealthy-after", "0"]);
  await untilHealth(daemon.address, (status, state) => status === 200 && state.events === 1);
  {
    using lock = Deno.openSync(join(dir, "index", ".lock"), { read: true, write: true });
    lock.lockSync(true);
    assertEquals((await runIn(dir, emitArgs("b"))).code, 0);
    let first_lag: number | undefined;
    await untilHealth(daemon.address, (status, state) => {
      if (status !== 503) return false;
      assert(state.lag_bytes > 0);
      first_lag ??= state.lag_seconds;
      return state.lag_seconds > first_lag;
    });
  }
  await untilHealth(daemon.address, (status, state) => status === 200 && state.events === 2);
  const metrics = await (await fetch(`${daemon.address}/metrics`)).text();
  for (const text of metrics.trimEnd().split("\n")) {
    assert(
      /^(# (HELP|TYPE) ledger_\w+ .+|ledger_\w+(\{version="[^"]+"\})? -?\d+(\.\d+)?)$/.test(text),
      text,
    );
  }
  assert(!metrics.includes("run_id"));
  assertEquals(
    (await fetch(`${daemon.address}/else`).then((r) => r.text())).includes("healthz"),
    true,
  );
  await daemon.endWell();
});

Deno.test("a daemon goes on through a damaged index, a corrupt line and a day that vanishes", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  assertEquals((await runIn(dir, emitArgs("a"))).code, 0);
  const daemon = await Daemon.answering(dir);
  const until = (events: number) =>
    untilHealth(daemon.address, (_, state) => state.events === events && state.lag_bytes === 0);
  await until(1);
  Deno.writeTextFileSync(join(dir, "index", "runs.duckdb"), "garbage");
  assertEquals((await runIn(dir, emitArgs("b"))).code, 0);
  await until(2);
  const part = join(dir, "events", "day=2026-01-23", "part-000001.jsonl");
  Deno.writeTextFileSync(part, "no event\n", { append: true });
  await untilHealth(daemon.address, (_, state) => state.rejected === 1);
  Deno.removeSync(dirname(part), { recursive: true });
  const event = { event_id: "c", event_type: "run.started", timestamp_ms: 1, run_id: "c" };
  writePart(dir, { ...PART, day: "2026-01-24" }, [line(event)]);
  await until(1);
  await daemon.endWell();
});
