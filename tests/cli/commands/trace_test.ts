/** Traces on the command line: from NDJSON to answers, and what is said when there are none. */
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { join } from "@std/path";
import { LedgerError } from "../../../src/base/error.ts";
import { openLedger } from "../../../src/mod.ts";
import { runIn, tempFolder } from "../../harness.ts";

const T0 = 1_704_067_200_000_000;

function line(event_id: string, event_type: string, causation_id = "", fields = {}): string {
  const event = { event_id, event_type, correlation_id: "bt1", causation_id, created_at: T0 };
  return JSON.stringify({ ...event, ...fields }) + "\n";
}

const CHAIN = line("s", "SIGNAL", "", { processed_at: T0 + 4_000 }) +
  line("o", "ORDER", "s", { created_at: T0 + 5_000, processed_at: T0 + 6_000 }) +
  line("f", "FILL", "o", { created_at: T0 + 9_000, processed_at: T0 + 8_000 }) +
  line("lost", "BAR", "nowhere");

async function ask(dir: string, words: string[], stdin = "") {
  return await runIn(dir, ["trace", ...words], { stdin });
}

async function answered(dir: string, words: string[], stdin = ""): Promise<string> {
  const { code, stdout, stderr } = await ask(dir, words, stdin);
  assertEquals(code, 0, stderr);
  return stdout;
}

Deno.test("what was ingested is found by correlation, type, source, id and time, in every format", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  assertStringIncludes(await answered(dir, ["ingest"], CHAIN), "4 events");
  assertEquals(await answered(dir, ["ingest"], CHAIN), "0 events, 4 stored before\n");
  const ids = async (...words: string[]) =>
    (JSON.parse(await answered(dir, ["query", "--json", ...words])) as { event_id: string }[])
      .map(({ event_id }) => event_id).sort();
  for (const compacted of [false, true]) {
    if (compacted) await answered(dir, ["compact"]);
    assertEquals(await ids(), ["f", "lost", "o", "s"]);
    assertEquals(await ids("--type", "FILL", "--type", "ORDER"), ["f", "o"]);
    assertEquals(await ids("--correlation", "other"), []);
    assertEquals(await ids("--event-id", "s"), ["s"]);
    assertEquals(await ids("--source", "unknown", "--limit", "2").then((all) => all.length), 2);
    assertEquals(await ids("--until", "2023-01-01"), []);
    assertEquals(await ids("--until", "2024-01-01T00:00:00.005001Z", "--type", "ORDER"), ["o"]);
    assertEquals(await ids("--since", "2024-01-01", "--until", "2024-01-02"), [
      "f",
      "lost",
      "o",
      "s",
    ]);
  }
  const csv = await answered(dir, ["query", "--format", "csv", "--type", "SIGNAL"]);
  assertEquals(csv.split("\n").length, 3);
  assertStringIncludes(csv, `s,SIGNAL,${T0},bt1`);
});

Deno.test("a path tells each step, and where it is cut or runs in a circle", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  await answered(dir, ["ingest"], CHAIN + line("a", "X", "b") + line("b", "X", "a"));
  const { path, end, runs } = JSON.parse(await answered(dir, ["path", "f", "--json"]));
  assertEquals(path.map((step: Record<string, unknown>) => [step.event_id, step.hop_ms]), [
    ["s", null],
    ["o", 5],
    ["f", 4],
  ]);
  assertEquals([end, runs], ["root", []]);
  const cut = await ask(dir, ["path", "lost"]);
  assertStringIncludes(
    cut.stderr,
    `its cause "nowhere" was not traced`,
  );
  const circle = await ask(dir, ["path", "a"]);
  assertStringIncludes(circle.stderr, "form a cycle");
  assertEquals([circle.code, (await ask(dir, ["path", "a", "--json"])).code], [3, 3]);
  const absent = await ask(dir, ["path", "zzz"]);
  assertEquals(absent.code, 1);
  assertStringIncludes(absent.stderr, `"zzz"`);
});

const PAID =
  line("s", "SIGNAL", "", { timestamp: T0 - 60_000_000, data: { strength: 0.7, symbol: "SOL" } }) +
  line("o", "ORDER", "s", {
    timestamp: T0 - 60_000_000,
    created_at: T0 + 4_100,
    data: { note: ["x"], venue: "dex", quantity: 12, symbol: "SOL", nothing: null },
  }) +
  line("f", "FILL", "o", { timestamp: T0, data: { id: "\u0000", price: 101.5, rate: 0.123456789 } })
    .replace('"\\u0000"', "9007199254740993");

Deno.test("a path shows what each event held, and the market's time apart from the program's", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  await answered(dir, ["ingest"], PAID);
  for (const compacted of [false, true]) {
    if (compacted) await answered(dir, ["compact"]);
    const [heading, ...rows] = (await answered(dir, ["path", "f"])).trimEnd().split("\n");
    assertStringIncludes(heading, "market time");
    assertStringIncludes(heading, "wall time");
    assertEquals(rows.map((row) => row.split(/ {2,}/).slice(-1)[0].trim()), [
      "symbol=SOL strength=0.7",
      'symbol=SOL quantity=12 note=["x"] venue=dex',
      "price=101.5 id=9007199254740993 rate=0.123457",
    ]);
    assertMatch(rows[1], /2023-12-31 23:59:00.000Z {2}2024-01-01 00:00:00.004Z +4.1 ms/);
    const json = await answered(dir, ["path", "f", "--json"]);
    assertStringIncludes(json, '"data":{"id":9007199254740993,"price":101.5,"rate":0.123456789}');
    assertEquals(JSON.parse(json).path[1].data.note, ["x"]);
  }
});

Deno.test("a path and latencies come in every format, JSON with all that is known", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  await answered(
    dir,
    ["ingest"],
    PAID + CHAIN.replaceAll("bt1", "bt2").replaceAll(/"([sof])"/g, '"$12"'),
  );
  const path = (format: string) => answered(dir, ["path", "f", "--format", format]);
  assertEquals(await path("json"), await answered(dir, ["path", "f", "--json"]));
  assertEquals(await path("table"), await answered(dir, ["path", "f"]));
  const steps = JSON.parse(await path("json")).path;
  const lines = (await path("ndjson")).trimEnd().split("\n");
  assertEquals(lines.length, 3);
  assertEquals(lines.map((line) => JSON.parse(line)), steps);
  const [heading, first] = (await path("csv")).split("\n");
  assertEquals(heading.split(",").slice(0, 4), ["step", "event_id", "event_type", "timestamp"]);
  assertStringIncludes(first, `1,s,SIGNAL,${T0 - 60_000_000},bt1`);
  assertStringIncludes(await path("markdown"), "| step | event_id |");

  const latency = (format: string) => answered(dir, ["latency", "bt2", "--format", format]);
  assertEquals(await latency("json"), await answered(dir, ["latency", "bt2", "--json"]));
  const { types, hops } = JSON.parse(await latency("json"));
  const rows = (await latency("ndjson")).trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(rows.map(({ from, to }) => [from, to]), [
    ...Object.keys(types).map((type) => [null, type]),
    ...hops.map(({ from, to }: { from: string; to: string }) => [from, to]),
  ]);
  const signal = rows.find(({ to }) => to === "SIGNAL");
  assertEquals([signal.mean_ms, signal.count, signal.missing], [4, 1, 0]);
  const hop = rows.find(({ from, to }) => from === "SIGNAL" && to === "ORDER");
  assertEquals([hop.mean_ms, hop.queued_mean_ms], [5, null]);
  assertStringIncludes(
    (await latency("csv")).split("\n")[0],
    "from,to,count,mean_ms,median_ms,p90_ms,p95_ms,p99_ms,max_ms,queued_mean_ms,work_mean_ms,",
  );
});

Deno.test("a path leads on to the run of the log, and begins at the log's event that caused it", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  const emit = (...words: string[]) => runIn(dir, ["emit", ...words]);
  await emit("run.started", "--run-id", "r'1", "--event-id", "e1", "--correlation-id", "bt1");
  await emit(
    ...["artifact.created", "--run-id", "r'1", "--artifact-type", "trades"],
    ...["--artifact-path", "runs/x", "--size-bytes", "1"],
  );
  await answered(dir, ["ingest"], line("s", "SIGNAL", "e1") + line("f", "FILL", "s"));
  assertEquals(JSON.parse(await answered(dir, ["path", "f", "--json", "--as-is"])).runs, []);
  const found = JSON.parse(await answered(dir, ["path", "f", "--json"]));
  assertEquals(found.runs, [{
    run_id: "r'1",
    status: "running",
    artifacts: [{ artifact_type: "trades", artifact_path: "runs/x" }],
  }]);
  assertEquals(found.logged_cause.event_type, "run.started");
  const told = await answered(dir, ["path", "f"]);
  assertStringIncludes(told, "began with run.started of run r'1");
  assertStringIncludes(told, "runs/x");
});

Deno.test("a path may end in an event of the log, and lead through nothing but the log", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  const emit = (...words: string[]) => runIn(dir, ["emit", ...words]);
  await answered(dir, ["ingest"], CHAIN);
  await emit("run.started", "--run-id", "r1", "--event-id", "e1", "--correlation-id", "bt1");
  await emit(
    ...["run.failed", "--run-id", "r1", "--error", "x", "--event-id", "e2"],
    ...["--causation-id", "f", "--correlation-id", "bt1"],
  );
  await emit(
    "run.failed",
    "--run-id",
    "r1",
    "--error",
    "x",
    "--event-id",
    "e3",
    "--causation-id",
    "e1",
  );
  assertEquals((await ask(dir, ["path", "e2", "--as-is"])).code, 1, "nothing is indexed yet");
  const through = JSON.parse(await answered(dir, ["path", "e2", "--json"]));
  assertEquals(through.path.map((step: Record<string, unknown>) => step.event_id), ["s", "o", "f"]);
  assertEquals([through.logged_event.event_id, through.runs[0].run_id], ["e2", "r1"]);
  assertStringIncludes(
    await answered(dir, ["path", "e2"]),
    "led to run.failed of run r1 in the log (e2)",
  );
  const told = await answered(dir, ["path", "e3"]);
  assertEquals(
    told,
    "led to run.failed of run r1 in the log (e3)\n\nbegan with run.started of run r1 in the log (e1)\n",
  );
  assertEquals((await ask(dir, ["path", "e4"])).code, 1);
});

Deno.test("a tree is drawn below each root, and what is amiss is said apart from it", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  await answered(dir, ["ingest"], CHAIN + line("o2", "ORDER", "s") + line("f2", "FILL", "o2"));
  const { stdout, stderr } = await ask(dir, ["tree", "bt1"]);
  const names = stdout.trimEnd().split("\n").map((line) => line.replace(/ {2}\d.*$/, ""));
  assertEquals(names, [
    "SIGNAL s",
    "├─ ORDER o2",
    "│  └─ FILL f2",
    "└─ ORDER o",
    "   └─ FILL f",
    "BAR lost",
  ]);
  assertStringIncludes(stderr, `"lost" (caused by "nowhere", which was not traced)`);
  assertEquals((await ask(dir, ["tree", "none"])).code, 1);
  const rows = JSON.parse(await answered(dir, ["tree", "o2", "--json"]));
  assertEquals(rows.map((row: Record<string, unknown>) => [row.event_id, row.depth]), [
    ["o2", 0],
    ["f2", 1],
  ]);
});

Deno.test("a tree names a cause that lies in another correlation, and what is amiss in itself alone", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  const other = { correlation_id: "bt2" };
  const twice = Array.from({ length: 5 }, (_, at) => line(`t${at}`, "X").repeat(2)).join("");
  await answered(dir, ["ingest"], CHAIN + line("far", "ORDER", "s", other));
  {
    await using ledger = await openLedger({ dir });
    await using tracer = await ledger.traces.open();
    for (const event of twice.trim().split("\n")) tracer.trace(JSON.parse(event));
  }
  const said = async (...words: string[]) => (await ask(dir, ["tree", ...words])).stderr;
  for (const format of [[], ["--json"]]) {
    assertStringIncludes(
      await said("bt2", ...format),
      `"far" (caused by "s", an event of "bt1")`,
    );
    assertEquals(await said("s", ...format), "");
    const all = await said("bt1", ...format);
    assertStringIncludes(all, `"lost" (caused by "nowhere", which was not traced)`);
    assertStringIncludes(all, "and 2 more ids that several events share");
  }
});

Deno.test("a chain of a thousand is drawn without running off the page, and its path has all data", async () => {
  using folder = tempFolder();
  const lines = Array.from(
    { length: 1000 },
    (_, at) =>
      line(`e${at}`, "STEP", at === 0 ? "" : `e${at - 1}`, { timestamp: T0 + at, data: { at } }),
  );
  await answered(folder.path, ["ingest"], lines.join(""));
  const drawn = (await answered(folder.path, ["tree", "bt1"])).trimEnd().split("\n");
  assertEquals(drawn.length, 1000);
  assert(Math.max(...drawn.map((line) => line.length)) < 200);
  assertStringIncludes(drawn[999], "(999)");
  await answered(folder.path, ["compact"]);
  const { path } = JSON.parse(await answered(folder.path, ["path", "e999", "--json"]));
  assertEquals(path.map(({ data }: { data: { at: number } }) => data.at), [...Array(1000).keys()]);
});

Deno.test("latency counts what it leaves out, and its histogram counts every event once", async () => {
  using folder = tempFolder();
  await answered(folder.path, ["ingest"], CHAIN);
  const { types, histogram } = JSON.parse(
    await answered(folder.path, ["latency", "bt1", "--json"]),
  );
  assertEquals(types.SIGNAL.latency.mean_ms, 4);
  assertEquals(types.FILL.left_out.out_of_order, 1);
  assertEquals(types.BAR.left_out.missing, 1);
  const counted = histogram.reduce((sum: number, bar: { count: number }) => sum + bar.count, 0);
  assertEquals(counted, 2);
  assertEquals((await ask(folder.path, ["latency", "none"])).code, 1);
});

Deno.test("what latency leaves out is in no bar, and what a hop leaves out is said", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  const emitted_before = { created_at: T0 + 100, emitted_at: T0 + 90, processed_at: T0 + 200 };
  const negative = { timestamp: T0, created_at: -5, processed_at: 10 };
  await answered(
    dir,
    ["ingest"],
    line("a", "A", "", emitted_before) + line("b", "B", "a", { ...negative }),
  );
  const { types, histogram } = JSON.parse(await answered(dir, ["latency", "bt1", "--json"]));
  assertEquals([types.A.latency, types.B.latency, histogram], [null, null, []]);
  const { stderr } = await ask(dir, ["latency", "bt1"]);
  assertStringIncludes(stderr, "A → B: timestamps left out: 1 negative");
});

Deno.test("a bad line stops the stream or is passed over, with its number, and the rest is kept", async () => {
  using folder = tempFolder();
  const bad = `${line("1", "A")}{"event_type":\n${line("2", "A")}{"event_typ":"A"}\n`;
  const stopped = await ask(folder.path, ["ingest"], bad);
  assertEquals(stopped.code, 2);
  assertStringIncludes(stopped.stderr, "1 event is kept");
  const skipped = await ask(folder.path, ["ingest", "--on-error", "skip", "--json"], bad);
  assertEquals(skipped.code, 3);
  assertEquals(JSON.parse(skipped.stdout), { lines: 4, events: 1, duplicates: 1, bad: 2 });
  assertStringIncludes(skipped.stderr, "line 2 skipped");
  assertStringIncludes(skipped.stderr, "is it event_type?");
  const misspelt = await ask(folder.path, ["ingest"], `{"event_typ":"A"}`);
  assertStringIncludes(misspelt.stderr, "is it event_type? 0 events are kept");
  const missing = await ask(folder.path, ["ingest", "no/such/file"]);
  assertEquals(missing.code, 1);
  assertStringIncludes(missing.stderr, "no/such/file");
});

Deno.test("a sample and an export go to standard output, or whole into a file", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  await answered(dir, ["ingest"], CHAIN);
  const sample = await answered(dir, ["sample", "--rate", "0"]);
  using other = tempFolder();
  assertStringIncludes(await answered(other.path, ["ingest"], sample), "4 events");
  assertEquals(
    await answered(other.path, ["query", "--format", "ndjson"]),
    await answered(dir, ["query", "--format", "ndjson"]),
  );
  const out = join(dir, "trace.json");
  assertEquals(await answered(dir, ["export", "bt1", "--to", "chrome", "--out", out]), "");
  assertEquals(
    Deno.readTextFileSync(out),
    await answered(dir, ["export", "bt1", "--to", "chrome"]),
  );
  assertEquals((await ask(dir, ["export", "bt1"])).code, 2);
  assertEquals((await ask(dir, ["export", "none", "--to", "chrome"])).code, 1);
  assertEquals((await ask(dir, ["sample", "--rate", "2"])).code, 2);
  const refused = await ask(dir, ["export", "--to", "chrome", "--out", join(dir, "no", "x")]);
  assertEquals(refused.code, 1);
  assertStringIncludes(refused.stderr, `mkdir -p ${join(dir, "no")}`);
});

Deno.test("a sample and an export as JSON are objects, beside a file what is in it, and so are errors", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  await answered(dir, ["ingest"], CHAIN);
  const parsed = async (...words: string[]) =>
    JSON.parse(await answered(dir, [...words, "--json"]));
  const sample = await parsed("sample", "--rate", "1");
  assertEquals(sample.map(({ event_id }: { event_id: string }) => event_id).sort(), [
    ...["f", "lost", "o", "s"],
  ]);
  const out = join(dir, "sample.ndjson");
  assertEquals(await parsed("sample", "--rate", "1", "--out", out), {
    path: out,
    events: 4,
    of_events: 4,
  });
  assertEquals(Deno.readTextFileSync(out).trimEnd().split("\n").length, 4);
  assertEquals(
    await parsed("export", "bt1", "--to", "chrome"),
    JSON.parse(await answered(dir, ["export", "bt1", "--to", "chrome"])),
  );
  const path = join(dir, "trace.json");
  assertEquals(await parsed("export", "bt1", "--to", "otlp-json", "--out", path), {
    path,
    format: "otlp-json",
    events: 4,
  });
  for (const words of [["sample", "--correlation", "no"], ["export", "no", "--to", "chrome"]]) {
    const { code, stdout, stderr } = await ask(dir, [...words, "--json"]);
    assertEquals([code, JSON.parse(stdout || stderr).error.code], [1, "not_found"]);
  }
});

Deno.test("what is published is in the index, and the last word counts", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  await answered(dir, ["ingest"], CHAIN);
  await runIn(dir, ["emit", "run.started", "--run-id", "r1"]);
  await answered(dir, ["publish", "bt1", "--run-id", "r1", "--metrics", '{"sharpe_ratio":1.5}']);
  await answered(dir, ["publish", "bt1", "--run-id", "r1", "--metrics", '{"sharpe_ratio":0.5}']);
  await runIn(dir, ["rebuild"]);
  const sql = `select sharpe_ratio, event_count, (select count(*) from
    backtest_analytics.event_latencies) as types from backtest_analytics.backtest_runs`;
  const { stdout } = await runIn(dir, ["query", sql, "--json"]);
  assertEquals(JSON.parse(stdout), [{ sharpe_ratio: 0.5, event_count: 4, types: 2 }]);
});

Deno.test("only a run that the log or a folder knows is published, whether the index knows it or not", async () => {
  using folder = tempFolder();
  const dir = join(folder.path, "ledger");
  const runs_dir = join(folder.path, "runs");
  await answered(dir, ["ingest"], CHAIN);
  const publish = (run_id: string) =>
    ask(dir, ["publish", "bt1", "--run-id", run_id, "--runs-dir", runs_dir]);
  const inLog = async () => (await runIn(dir, ["log", "--type", "trace.published"])).stdout;
  const refused = async (run_id: string, hint: string) => {
    const { code, stdout, stderr } = await publish(run_id);
    assertEquals([code, stdout], [1, ""]);
    assertStringIncludes(
      stderr,
      `there is no run "${run_id}": neither the log nor a folder knows it`,
    );
    assertStringIncludes(stderr, hint);
  };
  await refused("r1", "nothing was written");
  assertEquals(await inLog(), "");
  await runIn(dir, ["emit", "run.started", "--run-id", "emitted-1"]);
  assertEquals((await publish("emitted-1")).code, 0);
  await refused("emitted", "nothing was written");
  await runIn(dir, ["rebuild"]);
  await refused("emitted", "did you mean emitted-1?");
  await refused("emitted-2", "did you mean emitted-1?");
  const create = ["runs", "create", "--run-type", "policy", "--run-id", "kept", "--no-events"];
  assertEquals((await runIn(dir, [...create, "--runs-dir", runs_dir])).code, 0);
  assertEquals((await publish("kept")).code, 0);
  await using ledger = await openLedger({ dir, runs_dir });
  await assertRejects(() => ledger.traces.publish("bt1", { run_id: "typo" }), LedgerError, "typo");
  assertEquals((await inLog()).trim().split("\n").length, 2);
});

Deno.test("a folder without a ledger, and a correlation without events, are said to be that", async () => {
  using folder = tempFolder();
  const dir = join(folder.path, "mistyped");
  for (
    const words of [["query"], ["stats"], ["sample"], ["path", "f"], ["tree", "bt1"], [
      "latency",
      "bt1",
    ], ["export", "--to", "chrome"]]
  ) {
    const { code, stderr } = await ask(dir, words);
    assertEquals(code, 1, words[0]);
    assertStringIncludes(stderr, `there is no ledger at ${dir}`);
  }
  assertEquals(await answered(folder.path, ["query", "--json"]), "[\n]\n");
  await answered(folder.path, ["ingest"], CHAIN);
  for (const words of [["sample", "--correlation", "bt0"], ["publish", "bt0"]]) {
    const { code, stderr } = await ask(folder.path, words);
    assertEquals(code, 1, words[0]);
    assertStringIncludes(stderr, 'no events of a correlation "bt0"');
  }
  assertEquals((await runIn(folder.path, ["log"])).stdout, "");
});
