import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type Ledger, openLedger } from "../../../src/mod.ts";
import { runIn, tempFolder, testWorld, writePart } from "../../harness.ts";
import { CASE_DAY, GOOD_LINE } from "../../log/cases.ts";

const NOON_MS = Date.parse("2026-01-23T12:00:00Z");
const DAY_MS = 86_400_000;

/** Six events on three days: each noon one of run a, and an hour later one of run b. */
async function sixEvents(dir: string): Promise<Ledger> {
  const ledger = await openLedger({ dir });
  for (const day of [-2, -1, 0]) {
    const timestamp_ms = NOON_MS + day * DAY_MS;
    await ledger.emitRunStarted({ run_id: "a", timestamp_ms, event_id: `a${day}`, note: "x|y" });
    await ledger.emitRunFailed({
      run_id: "b",
      error: 'said "no"',
      timestamp_ms: timestamp_ms + 3_600_000,
      event_id: `b${day}`,
    });
  }
  return ledger;
}

async function idsOf(dir: string, args: string[]): Promise<string[]> {
  const different = { now_ms: () => NOON_MS + 2 * 3_600_000 };
  const { code, stdout, stderr } = await runIn(dir, ["log", ...args], different);
  assertEquals([code, stderr], [0, ""], args.join(" "));
  return stdout.split("\n").filter(Boolean).map((line) => JSON.parse(line).event_id);
}

Deno.test("events are picked by time, day, type and run, and from the end", async () => {
  using folder = tempFolder();
  await using _ledger = await sixEvents(folder.path);
  const table: [string[], string[]][] = [
    [[], ["a-2", "b-2", "a-1", "b-1", "a0", "b0"]],
    [["--since", "2026-01-22"], ["a-1", "b-1", "a0", "b0"]],
    [["--since-date", "2026-01-23"], ["a0", "b0"]],
    [["--since", "2h"], ["a0", "b0"]],
    [["--since", "90m"], ["b0"]],
    [["--since", "999999999w"], ["a-2", "b-2", "a-1", "b-1", "a0", "b0"]],
    [["--until", "2026-01-22"], ["a-2", "b-2"]],
    [["--since", "2026-01-22T12:30:00Z", "--until", "2026-01-23T12:30:00Z"], ["b-1", "a0"]],
    [["--day", "2026-01-22"], ["a-1", "b-1"]],
    [["--day", "2020-01-01"], []],
    [["--type", "run.failed"], ["b-2", "b-1", "b0"]],
    [["--type", "run.failed,run.started", "--day", "2026-01-22"], ["a-1", "b-1"]],
    [["--type", "run.failed", "--type", "run.started", "-n", "2"], ["a0", "b0"]],
    [["--run-id", "a"], ["a-2", "a-1", "a0"]],
    [["-n", "1"], ["b0"]],
    [["-n", "3"], ["b-1", "a0", "b0"]],
    [["-n", "0"], []],
    [["-n", "99"], ["a-2", "b-2", "a-1", "b-1", "a0", "b0"]],
    [["--run-id", "a", "--last", "2"], ["a-1", "a0"]],
  ];
  for (const [args, expected] of table) {
    assertEquals(await idsOf(folder.path, args), expected, args.join(" "));
  }
});

Deno.test("each format prints the same events", async () => {
  using folder = tempFolder();
  await using _ledger = await sixEvents(folder.path);
  const printed = async (...args: string[]) =>
    (await runIn(folder.path, ["log", "--day", "2026-01-23", ...args], { columns: 100 })).stdout;
  const ndjson = (await printed("--format", "ndjson")).trim().split("\n").map((one) =>
    JSON.parse(one)
  );
  assertEquals(ndjson.map(({ event_id }) => event_id), ["a0", "b0"]);
  assertEquals(JSON.parse(await printed("--format", "json")), ndjson);
  assertEquals(JSON.parse(await printed("--json")), ndjson);
  assertEquals(
    await printed("--format", "csv"),
    "event_id,event_type,timestamp_ms,run_id,payload\n" +
      `a0,run.started,${NOON_MS},a,"{""note"":""x|y""}"\n` +
      `b0,run.failed,${NOON_MS + 3_600_000},b,"{""error"":""said \\""no\\""""}"\n`,
  );
  assertEquals(
    (await printed("--format", "markdown")).split("\n").slice(0, 3),
    [
      "| event_id | event_type | timestamp_ms | run_id | payload |",
      "| --- | --- | --- | --- | --- |",
      String.raw`| a0 | run.started | ${NOON_MS} | a | {"note":"x\|y"} |`,
    ],
  );
  const table = (await printed("--format", "table")).split("\n");
  assertMatch(table[0], /^2026-01-23 12:00:00\.000Z\s+run\.started\s+a\s+\{"note":"x\|y"\}$/);
  assertEquals(table.length, 3);
});

Deno.test("lines are printed as they stand, to the last digit", async () => {
  using folder = tempFolder();
  const exact = GOOD_LINE.replace("}", `, "x":1.50 ,"n":12345678901234567890,"z":-0,"2":1,"1":2}`);
  writePart(folder.path, { day: CASE_DAY, number: 1, writer: "" }, [`${exact}\n`]);
  assertEquals((await runIn(folder.path, ["log"])).stdout, `${exact}\n`);
});

Deno.test("old events are shown as their type's present version, unless --raw is said", async () => {
  using folder = tempFolder();
  await using ledger = await openLedger({ dir: folder.path });
  await ledger.registerType("a.b", {});
  await ledger.emit({ event_type: "a.b", level: 1, event_id: "e" });
  await ledger.migrateType("a.b", [{ rename: "level", to: "severity" }]);
  const shown = JSON.parse((await runIn(folder.path, ["log"])).stdout);
  assertEquals([shown.level, shown.severity, shown.event_version], [undefined, 1, 2]);
  const raw = JSON.parse((await runIn(folder.path, ["log", "--raw"])).stdout);
  assertEquals([raw.level, raw.severity], [1, undefined]);
});

Deno.test("damage is told on standard error, at most ten times, and stops nothing", async () => {
  using folder = tempFolder();
  const bad = Array.from({ length: 14 }, (_, n) => `bad ${n}\n`);
  writePart(folder.path, { day: CASE_DAY, number: 1, writer: "" }, [
    ...bad,
    `${GOOD_LINE}\n`,
    "{torn",
  ]);
  const { code, stdout, stderr } = await runIn(folder.path, ["log"]);
  assertEquals([code, stdout], [0, `${GOOD_LINE}\n`]);
  const told = stderr.trimEnd().split("\n");
  assertMatch(
    told[0],
    /^day=2026-01-23\/part-000001\.jsonl at byte 0: corrupt \(5 bytes\): not JSON/,
  );
  assertEquals(told.slice(10), ["… and 5 more", "15 damaged lines; see: ledger verify"]);
});

Deno.test("following shows the last events first, then what comes, until interrupted", async () => {
  using folder = tempFolder();
  await using ledger = await sixEvents(folder.path);
  let interrupt: (signal: "SIGINT") => void = () => {};
  const printed: string[] = [];
  const stdout = {
    write(text: string | Uint8Array) {
      printed.push(...String(text).trim().split("\n").map((line) => JSON.parse(line).event_id));
      if (printed.at(-1) === "b0") {
        ledger.emitRunStarted({ run_id: "a", event_id: "new", timestamp_ms: NOON_MS });
      } else if (printed.at(-1) === "new") interrupt("SIGINT");
    },
    is_terminal: false,
    columns: 80,
  };
  const { code } = await runIn(folder.path, ["log", "--follow", "-n", "2"], {
    stdout,
    onInterrupt: (callback) => {
      interrupt = callback;
      return () => {};
    },
  });
  assertEquals([code, printed], [130, ["a0", "b0", "new"]]);
});

Deno.test("a table is for terminals, and fits them", async () => {
  using folder = tempFolder();
  await using ledger = await openLedger({ dir: folder.path });
  await ledger.emitRunStarted({ run_id: "r", note: "x".repeat(500) });
  const lines: string[] = [];
  const stdout = {
    write: (text: string | Uint8Array) => void lines.push(...String(text).trimEnd().split("\n")),
    is_terminal: true,
    columns: 90,
  };
  const { code } = await runIn(folder.path, ["log"], { stdout, vars: { NO_COLOR: "1" } });
  assertEquals([code, lines.length, lines[0].length], [0, 1, 90]);
  assertEquals(testWorld().stdout.is_terminal, false);
});

const EXACT =
  '"params":{"order_id":9007199254740993,"px":1.50,"lim":1e400,"long":0.12345678901234567890}';

Deno.test("numbers are shown as they are written, in every format", async () => {
  using folder = tempFolder();
  writePart(folder.path, { day: CASE_DAY, number: 1, writer: "" }, [
    GOOD_LINE.replace(/\}$/, `,${EXACT}}\n`),
  ]);
  const unquoted = (text: string) => text.replaceAll('""', '"');
  for (const format of ["ndjson", "json", "csv", "table", "markdown"]) {
    const { stdout } = await runIn(folder.path, ["log", "--format", format]);
    assertStringIncludes(unquoted(stdout), EXACT, format);
  }
});

Deno.test("numbers of an event that is read as a newer version are shown as they are written", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  await runIn(dir, ["schema", "register", "desk.note", "-"], { stdin: '{"type":"object"}' });
  await runIn(dir, ["emit", "desk.note", "--event-data", `{${EXACT}}`]);
  await runIn(dir, ["schema", "migrate", "desk.note", "--default", 'desk="main"']);
  const { stdout } = await runIn(dir, ["log"]);
  assertStringIncludes(stdout, EXACT);
  const { event_version, desk } = JSON.parse(stdout);
  assertEquals([event_version, desk], [2, "main"]);
});

Deno.test("where nothing is found, a table has its heading, and an unknown type or run is told", async () => {
  using folder = tempFolder();
  await using _ledger = await sixEvents(folder.path);
  const log = (...args: string[]) => runIn(folder.path, ["log", ...args]);
  const csv = await log("--run-id", "nobody", "--format", "csv");
  assertEquals(csv.stdout, "event_id,event_type,timestamp_ms,run_id,payload\n");
  assertMatch(csv.stderr, /^no events of run nobody/);
  assertMatch((await log("--run-id", "nobody", "--format", "markdown")).stdout, /^\| event_id/);
  const mistyped = await log("--type", "run.startd");
  assertEquals([mistyped.code, mistyped.stdout], [0, ""]);
  assertEquals(mistyped.stderr, "no events of type run.startd; did you mean run.started?\n");
  assertEquals((await log("--type", "run.created")).stderr, "");
});
