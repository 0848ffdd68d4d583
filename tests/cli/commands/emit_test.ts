import { assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { openLedger } from "../../../src/mod.ts";
import { linesOnDisk, runIn, tempFolder } from "../../harness.ts";

/** Emits and gives what then stands in the log. */
async function emitted(
  args: string[],
  different: Parameters<typeof runIn>[2] = {},
): Promise<{ event: Record<string, unknown>; line: string; stdout: string }> {
  using folder = tempFolder();
  const { code, stdout, stderr } = await runIn(folder.path, ["emit", ...args], different);
  assertEquals([code, stderr], [0, ""], args.join(" "));
  const [line] = linesOnDisk(folder.path);
  return { event: JSON.parse(line), line, stdout };
}

Deno.test("each field flag becomes the field of its name, of its kind", async () => {
  const table: [string, string[], Record<string, unknown>][] = [
    ["run.created", [
      ...["--run-id", "r1", "--run-type", "policy", "--config", '{"a":[1]}'],
      ...["--data-fingerprint", "fp"],
    ], { run_id: "r1", run_type: "policy", config: { a: [1] }, data_fingerprint: "fp" }],
    ["run.completed", ["--run-id", "r1", "--summary", '{"n":1}', "--artifact-paths", '{"t":"x"}'], {
      run_id: "r1",
      summary: { n: 1 },
      artifact_paths: { t: "x" },
    }],
    ["run.failed", ["--run-id", "r1", "--error", "out of memory"], { error: "out of memory" }],
    ["phase.started", ["--run-id", "r1", "--phase-name", "load", "--phase-order", "0"], {
      phase_name: "load",
      phase_order: 0,
    }],
    ["phase.completed", [
      ...["--run-id", "r1", "--phase-name", "load", "--duration-ms", "12.5"],
      ...["--output-summary", "{}"],
    ], { duration_ms: 12.5, output_summary: {} }],
    ["trial.recorded", [
      "--run-id",
      "r1",
      "--trial-id",
      "7",
      "--params",
      '{"x":1}',
      "--metrics",
      "{}",
    ], {
      trial_id: "7",
      params: { x: 1 },
      metrics: {},
    }],
    ["baseline.completed", [
      ...["--run-id", "r1", "--alerts-total", "10", "--alerts-ok", "9", "--artifact-path", "p"],
    ], { alerts_total: 10, alerts_ok: 9, artifact_path: "p" }],
    ["artifact.created", [
      ...["--run-id", "r1", "--artifact-type", "trades", "--artifact-path", "p"],
      ...["--size-bytes", "5"],
    ], { artifact_type: "trades", artifact_path: "p", size_bytes: 5 }],
    ["trace.published", ["--correlation-id", "c1", "--metrics", '{"p99":3}'], {
      correlation_id: "c1",
      metrics: { p99: 3 },
    }],
    ["run.annotated", [
      ...["--run-id", "r1", "--tags", '["a"]', "--tags-removed", '["b"]', "--note", "n"],
      ...["--name", "best", "--pin", "true", "--group", "g"],
    ], { tags: ["a"], tags_removed: ["b"], note: "n", name: "best", pin: true, group: "g" }],
    ["run.linked", [
      ...["--run-id", "r1", "--to-run-id", "r2", "--kind", "retry-of", "--removed", "false"],
    ], { run_id: "r1", to_run_id: "r2", kind: "retry-of", removed: false }],
    ["artifact.used", [
      ...["--run-id", "r1", "--used-run-id", "r2", "--artifact-type", "trades", "--sha256", "ab"],
    ], { run_id: "r1", used_run_id: "r2", artifact_type: "trades", sha256: "ab" }],
    ["run.started", [
      ...["--run-id", "r1", "--event-id", "e1", "--timestamp-ms", "1769174319945"],
      ...["--causation-id", "k"],
    ], { event_id: "e1", timestamp_ms: 1769174319945, causation_id: "k" }],
  ];
  for (const [type, args, expected] of table) {
    const { event } = await emitted([type, ...args]);
    const fields = Object.fromEntries(Object.keys(expected).map((key) => [key, event[key]]));
    assertEquals([event.event_type, fields], [type, expected]);
  }
});

Deno.test("the type may stand as a word or after --event-type, and the id is printed", async () => {
  const { stdout, event } = await emitted(["--event-type", "run.started", "--run-id", "r1"]);
  assertEquals(stdout, `${event.event_id}\n`);
  assertMatch(String(event.event_id), /^\d{13}_[0-9a-f]{8}$/);
});

Deno.test("numbers and JSON reach the log as they were typed, to the last digit", async () => {
  const config = '{"x": 1.50, "n":12345678901234567890, "z":-0, "2":1,"1":2}';
  const { line } = await emitted([
    ...["run.created", "--run-id", "r1", "--run-type", "t", "--data-fingerprint", "f"],
    ...["--config", config, "--timestamp-ms", "1769174319945.0"],
  ]);
  assertEquals(line.includes(`"config":${config}`), true, line);
  assertEquals(line.includes('"timestamp_ms":1769174319945.0'), true, line);
});

Deno.test("further fields come by --event-data, beside the flags or without any", async () => {
  const { event } = await emitted([
    ...["run.started", "--run-id", "r1", "--event-data", ' {"note":"x","deep":{"a":1}} '],
  ]);
  assertEquals([event.note, event.deep], ["x", { a: 1 }]);
  const all = await emitted(["run.started", "--event-data", '{"run_id":"r1","event_id":"e"}']);
  assertEquals([all.event.run_id, all.event.event_id], ["r1", "e"]);
  assertEquals(
    (await emitted(["run.started", "--run-id", "r", "--event-data", "{ }"])).event.run_id,
    "r",
  );
});

Deno.test("LEDGER_RUN_ID stands in for --run-id, and gives way to what is said", async () => {
  const vars = { LEDGER_RUN_ID: "from-env" };
  assertEquals((await emitted(["run.started"], { vars })).event.run_id, "from-env");
  const by_flag = await emitted(["run.started", "--run-id", "r1"], { vars });
  assertEquals(by_flag.event.run_id, "r1");
  const by_data = await emitted(["run.started", "--event-data", '{"run_id":"r2"}'], { vars });
  assertEquals(by_data.event.run_id, "r2");
  const without = await emitted(["trace.published", "--correlation-id", "c", "--metrics", "{}"], {
    vars,
  });
  assertEquals(without.event.run_id, undefined);
});

Deno.test("--json prints the acknowledgement", async () => {
  const { stdout, event } = await emitted([
    "run.started",
    "--run-id",
    "r1",
    "--json",
    "--durability",
    "os",
  ]);
  const day = new Date(event.timestamp_ms as number).toISOString().slice(0, 10);
  assertEquals(JSON.parse(stdout), {
    event_id: event.event_id,
    part: `day=${day}/part-000001.jsonl`,
    offset: 0,
    durability: "os",
  });
});

Deno.test("--dry-run prints the line that would be written and writes nothing", async () => {
  using folder = tempFolder();
  const dry = await runIn(folder.path, ["emit", "run.started", "--run-id", "r1", "--dry-run"]);
  assertEquals([dry.code, dry.stderr], [0, "valid; nothing was written\n"]);
  assertEquals(JSON.parse(dry.stdout).run_id, "r1");
  const stdin = '{"event_type":"run.started","run_id":"r"}\n';
  const stream = await runIn(folder.path, ["emit", "--stdin", "--dry-run"], { stdin });
  assertEquals([stream.code, stream.stderr], [0, "1 event valid; nothing was written\n"]);
  const wrong = await runIn(folder.path, ["emit", "run.started", "--dry-run"]);
  assertEquals(wrong.code, 2);
  assertEquals([...Deno.readDirSync(folder.path)], []);
});

Deno.test("--writer and LEDGER_WRITER write to parts of one's own", async () => {
  using folder = tempFolder();
  const args = ["emit", "run.started", "--run-id", "r", "--json"];
  const by_flag = await runIn(folder.path, [...args, "--writer", "w1"]);
  assertMatch(JSON.parse(by_flag.stdout).part, /part-000001\.w1\.jsonl$/);
  const by_env = await runIn(folder.path, args, { vars: { LEDGER_WRITER: "w2" } });
  assertMatch(JSON.parse(by_env.stdout).part, /part-000002\.w2\.jsonl$/);
});

Deno.test("a stream tells how many are durable, and prints ids when asked to", async () => {
  using folder = tempFolder();
  const stdin = ["a", "b"].map((id) =>
    `{"event_id":"${id}","event_type":"run.started","run_id":"r"}`
  )
    .join("\n");
  const plain = await runIn(folder.path, ["emit", "--stdin"], { stdin });
  assertEquals([plain.code, plain.stdout, plain.stderr], [0, "", "2 events durable\n"]);
  const acked = await runIn(folder.path, ["emit", "--stdin", "--ack"], { stdin });
  assertEquals(acked.stdout, "a\nb\n");
  const os = await runIn(folder.path, ["emit", "--stdin", "--durability", "os"], { stdin });
  assertEquals(os.stderr, "2 events written\n");
  const json = await runIn(folder.path, ["emit", "--stdin", "--json"], { stdin });
  const { lines, valid, durable, bad, durability } = JSON.parse(json.stdout);
  assertEquals([lines, valid, durable, bad, durability], [2, 2, 2, 0, "fsync"]);
});

Deno.test("a skipped line is told with its number, and the exit code says that there was one", async () => {
  using folder = tempFolder();
  const good = '{"event_type":"run.started","run_id":"r"}';
  const { code, stderr } = await runIn(folder.path, ["emit", "--stdin", "--on-error", "skip"], {
    stdin: `${good}\nbad\n${good}\n`,
  });
  assertEquals(code, 3);
  assertMatch(stderr, /^standard input:2: cannot emit this event: not JSON/);
  assertMatch(stderr, /2 events durable, 1 bad line skipped\n$/);
  assertEquals(linesOnDisk(folder.path).length, 2);
});

Deno.test("a type that is registered meanwhile may be emitted at once", async () => {
  using folder = tempFolder();
  await using ledger = await openLedger({ dir: folder.path });
  const args = ["emit", "risk.breached", "--event-data", '{"level":"low"}'];
  assertEquals((await runIn(folder.path, args)).code, 2);
  await ledger.registerType("risk.breached", { required: ["level"] });
  assertEquals((await runIn(folder.path, args)).code, 0);
  assertEquals(Array.from(Deno.readDirSync(join(folder.path, "events"))).length > 1, true);
});
