import { assertEquals, assertMatch } from "@std/assert";
import { openLedger } from "../../../src/mod.ts";
import { runIn, tempFolder, writePart } from "../../harness.ts";
import { CASE_DAY, GOOD_LINE } from "../../log/cases.ts";

const PART = { day: CASE_DAY, number: 1, writer: "" };

Deno.test("a whole log is said to be whole, exit 0", async () => {
  using folder = tempFolder();
  await using ledger = await openLedger({ dir: folder.path });
  await ledger.emitRunStarted({ run_id: "r" });
  const { code, stdout, stderr } = await runIn(folder.path, ["verify"]);
  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /^1 event in 1 part of 1 day, \d+ B: whole\n$/);
});

Deno.test("damage is listed with its place, exit 3, and repair settles it", async () => {
  using folder = tempFolder();
  writePart(folder.path, PART, [`${GOOD_LINE}\n`, "bad\n", "{torn"]);
  const found = await runIn(folder.path, ["verify"]);
  assertEquals(found.code, 3);
  const lines = found.stdout.split("\n");
  assertMatch(
    lines[0],
    /^corrupt {2}day=2026-01-23\/part-000001\.jsonl at byte 88 \(3 bytes\): not JSON/,
  );
  assertMatch(lines[1], /^torn {2}day=2026-01-23\/part-000001\.jsonl at byte 92 \(5 bytes\): /);
  assertMatch(lines[2], /^1 event in 1 part of 1 day, 97 B: 2 findings$/);
  assertMatch(found.stderr, /ledger verify --repair/);

  const repaired = await runIn(folder.path, ["verify", "--repair"]);
  assertEquals(repaired.code, 0);
  assertMatch(repaired.stdout, /-> .*_quarantine\/day=2026-01-23\.part-000001\.at-88\.corrupt\n/);
  assertMatch(repaired.stdout, /92 B: whole \(2 in quarantine\)\n/);
  const after = await runIn(folder.path, ["verify"]);
  assertEquals(after.code, 0);
  assertMatch(after.stdout, /whole \(1 in quarantine\)\n/);
});

Deno.test("--deep tells of wrong fields, wrong days, duplicates and unknown types", async () => {
  using folder = tempFolder();
  const stranger = GOOD_LINE.replace("run.started", "test.event");
  const wrong = GOOD_LINE.replace('"r1"', "5").replace("1769174319945", "0");
  writePart(folder.path, PART, [GOOD_LINE, stranger, wrong].map((line) => `${line}\n`));
  const { code, stdout } = await runIn(folder.path, ["verify", "--deep"]);
  assertEquals(code, 3);
  assertMatch(stdout, /^wrong_fields {2}.*not the fields of run\.started/m);
  assertMatch(stdout, /^wrong_day {2}.*its time is of 1970-01-01/m);
  assertMatch(stdout, /1 event of types that are not registered\n/);
  assertMatch(stdout, /2 events emitted more than once\n/);
  assertEquals((await runIn(folder.path, ["verify"])).code, 0);
});

Deno.test("twenty findings are listed, all of them are in the JSON", async () => {
  using folder = tempFolder();
  writePart(folder.path, PART, Array.from({ length: 30 }, (_, n) => `bad ${n}\n`));
  const { stdout } = await runIn(folder.path, ["verify"]);
  assertEquals(stdout.split("\n").filter((line) => line.startsWith("corrupt")).length, 20);
  assertMatch(stdout, /… and 10 more; all of them: --json\n/);
  const { findings } = JSON.parse((await runIn(folder.path, ["verify", "--json"])).stdout);
  assertEquals(findings.length, 30);
});
