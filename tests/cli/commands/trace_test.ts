import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { runIn, tempFolder } from "../../harness.ts";

const START_US = 1_769_178_600_000_000;

function event(event_id: string, causation_id = "", more: Record<string, unknown> = {}) {
  const created_at = START_US + Number(event_id.slice(1)) * 1_000;
  return { event_id, event_type: "BAR", causation_id, correlation_id: "run", created_at, ...more };
}

async function ingest(dir: string, events: readonly unknown[], args: string[] = []) {
  const stdin = events.map((each) => typeof each === "string" ? each : JSON.stringify(each));
  return await runIn(dir, ["trace", "ingest", "-", ...args], { stdin: stdin.join("\n") });
}

Deno.test("a chain is shown from its origin, with the time of each hop", async () => {
  using folder = tempFolder();
  await ingest(folder.path, [event("e0"), event("e2", "e0"), event("e5", "e2")]);
  const { code, stdout } = await runIn(folder.path, ["trace", "path", "e5", "--json"]);
  assertEquals(code, 0);
  const { path, end } = JSON.parse(stdout);
  assertEquals(end, "root");
  assertEquals(path.map((step: Record<string, unknown>) => [step.event_id, step.hop_ms]), [
    ["e0", null],
    ["e2", 2],
    ["e5", 3],
  ]);
});

Deno.test("a chain without its origin, and one in a circle, say so and end with findings", async () => {
  using folder = tempFolder();
  const events = [event("e1", "lost"), event("e2", "e1"), event("e3", "e4"), event("e4", "e3")];
  await ingest(folder.path, events);
  const missing = await runIn(folder.path, ["trace", "path", "e2"]);
  assertEquals(missing.code, 3);
  assertStringIncludes(missing.stderr, 'there is no event "lost"');
  const circle = await runIn(folder.path, ["trace", "path", "e3"]);
  assertEquals(circle.code, 3);
  assertMatch(circle.stderr, /circle: e[34] -> e[34]/);
  const tree = await runIn(folder.path, ["trace", "tree", "run"]);
  assertEquals(tree.code, 0);
  assertStringIncludes(tree.stderr, "a circle");
  assertEquals(tree.stdout.trimEnd().split("\n").length, 4);
});

Deno.test("a cause in another correlation is followed and told", async () => {
  using folder = tempFolder();
  await ingest(folder.path, [event("e0", "", { correlation_id: "other" }), event("e1", "e0")]);
  const { code, stdout, stderr } = await runIn(folder.path, ["trace", "path", "e1"]);
  assertEquals([code, stdout.trimEnd().split("\n").length], [0, 3]);
  assertStringIncludes(stderr, "correlation other");
});

Deno.test("what is left out of latency is counted", async () => {
  using folder = tempFolder();
  await ingest(folder.path, [
    event("e0", "", { processed_at: START_US + 2_000 }),
    event("e1"),
    event("e2", "", { processed_at: START_US }),
  ]);
  const { stdout, stderr } = await runIn(folder.path, ["trace", "latency", "run"]);
  assertMatch(stdout, /^BAR +1 +2\.000/m);
  assertStringIncludes(stdout, "≤ 2 ms");
  assertEquals(stderr, "left out: 1 with a stamp missing, 0 below zero, 1 out of order\n");
});

Deno.test("a sample goes into another ledger as it came out", async () => {
  using folder = tempFolder();
  const events = Array.from(
    { length: 200 },
    (_, n) => event(`e${n}`, "", n === 100 ? { event_type: "FILL" } : {}),
  );
  await ingest(folder.path, events);
  const sampled = await runIn(folder.path, ["trace", "sample", "--rate", "0"]);
  assertEquals(sampled.stderr, "11 of 200 events\n");
  const copy = `${folder.path}/copy`;
  await ingest(copy, sampled.stdout.trimEnd().split("\n"));
  const again = await runIn(copy, ["trace", "sample", "--rate", "1"]);
  assertEquals(again.stdout, sampled.stdout);
});

Deno.test("a query is filtered, and printed in the form that is asked for", async () => {
  using folder = tempFolder();
  await ingest(folder.path, [event("e0", "", { event_type: "FILL" }), event("e1"), event("e2")]);
  const query = async (...args: string[]) =>
    (await runIn(folder.path, ["trace", "query", ...args])).stdout;
  assertEquals((await query("--type", "BAR", "-n", "1")).match(/"event_id":"\w+"/g), [
    '"event_id":"e1"',
  ]);
  assertEquals(JSON.parse(await query("--json", "--event-id", "e2")).length, 1);
  assertEquals((await query("--format", "csv")).split("\n").length, 5);
  assertEquals(await query("--correlation", "none"), "");
  assertEquals(await query("--since", "2026-01-24"), "");
  assertMatch(await query("--format", "table"), /^time .*\n.*e0/);
});

Deno.test("a bad line is told with its place; told to skip it, the command ends with findings", async () => {
  using folder = tempFolder();
  const stopped = await ingest(folder.path, [event("e0"), { event_typ: "BAR" }]);
  assertEquals(stopped.code, 2);
  assertStringIncludes(stopped.stderr, "event_type is missing. 1 event is kept");
  assertStringIncludes(stopped.stderr, "standard input:2");
  const skipped = await ingest(folder.path, ["{", event("e1")], ["--on-error", "skip"]);
  assertEquals(skipped.code, 3);
  assertStringIncludes(skipped.stderr, "1 event durable, 1 bad line skipped");
});

Deno.test("what is not there is said, with what to do next", async () => {
  using folder = tempFolder();
  for (const command of ["path", "tree", "latency"]) {
    const { code, stderr } = await runIn(folder.path, ["trace", command, "nobody"]);
    assertEquals(code, 1);
    assertStringIncludes(stderr, "trace query --limit 10");
  }
  assertEquals((await runIn(folder.path, ["trace", "query"])).code, 0);
  assertEquals((await runIn(folder.path, ["trace", "stats"])).code, 0);
});
