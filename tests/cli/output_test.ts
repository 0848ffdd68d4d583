import { assertEquals } from "@std/assert";
import {
  ago,
  counted,
  humanBytes,
  humanCount,
  paintFor,
  print,
  printRows,
  rowFormat,
  RowPrinter,
  say,
  utc,
} from "../../src/cli/output.ts";
import { ROW_FORMATS, type RowFormat } from "../../src/cli/flags.ts";
import { runIn, tempFolder, testWorld, writePart } from "../harness.ts";
import { CASE_DAY } from "../log/cases.ts";

const COLUMNS = [{ field: "name" }, { field: "n", title: "count", right: true }, { field: "more" }];
const ROWS = [
  { name: "a", n: 1, more: { x: [1, "|"] } },
  { name: 'say "hi", you', n: 1000, more: null },
  { name: "two\nlines", n: 0, more: undefined },
];

function printed(rows: readonly Record<string, unknown>[], format: RowFormat): string {
  const world = testWorld();
  printRows(world, rows, COLUMNS, format);
  return world.printed.stdout;
}

Deno.test("rows are printed as a table with aligned columns and no line breaks in cells", () => {
  assertEquals(
    printed(ROWS, "table"),
    [
      "name           count  more",
      'a                  1  {"x":[1,"|"]}',
      'say "hi", you   1000',
      "two lines          0",
      "",
    ].join("\n"),
  );
});

Deno.test("rows are printed as CSV that a spreadsheet reads back", () => {
  assertEquals(
    printed(ROWS, "csv"),
    'name,n,more\na,1,"{""x"":[1,""|""]}"\n"say ""hi"", you",1000,\n"two\nlines",0,\n',
  );
});

Deno.test("rows are printed as a Markdown table whose cells cannot break it", () => {
  assertEquals(
    printed(ROWS, "markdown"),
    [
      "| name | count | more |",
      "| --- | --: | --- |",
      String.raw`| a | 1 | {"x":[1,"\|"]} |`,
      '| say "hi", you | 1000 |  |',
      "| two lines | 0 |  |",
      "",
    ].join("\n"),
  );
});

Deno.test("rows are printed as one JSON document, or as one a line", () => {
  assertEquals(JSON.parse(printed(ROWS, "json")), JSON.parse(JSON.stringify(ROWS)));
  const lines = printed(ROWS, "ndjson").split("\n");
  assertEquals(lines.pop(), "");
  assertEquals(lines.map((line) => JSON.parse(line)), JSON.parse(JSON.stringify(ROWS)));
});

Deno.test("no rows are still a whole document", () => {
  assertEquals(JSON.parse(printed([], "json")), []);
  assertEquals(printed([], "ndjson"), "");
  assertEquals(printed([], "table"), "name  count  more\n");
});

Deno.test("rows printed one at a time look like rows printed together", () => {
  for (const format of ROW_FORMATS) {
    const world = testWorld();
    const printer = new RowPrinter(world, COLUMNS, format);
    for (const row of ROWS) printer.print(row);
    printer.end();
    assertEquals(world.printed.stdout, printed(ROWS, format), format);
  }
});

Deno.test("a format that is asked for wins over --json, and that over the default", () => {
  assertEquals(rowFormat({ format: "csv", json: true }), "csv");
  assertEquals(rowFormat({ json: true }, "ndjson"), "json");
  assertEquals(rowFormat({ json: false }, "ndjson"), "ndjson");
  assertEquals(rowFormat({ json: false }), "table");
});

Deno.test("colours show on a terminal only, unless they are forced or not wanted", () => {
  const painted = (vars: Record<string, string>, is_terminal: boolean) => {
    const world = testWorld({ vars });
    const output = { write: () => {}, is_terminal, columns: 80 };
    return paintFor(world, output).red("x") !== "x";
  };
  const table: [Record<string, string>, boolean, boolean][] = [
    [{ TERM: "xterm" }, true, true],
    [{ TERM: "xterm" }, false, false],
    [{ NO_COLOR: "1", TERM: "xterm" }, true, false],
    // It is unknown what such a terminal makes of colours.
    [{}, true, false],
    [{ FORCE_COLOR: "1" }, false, true],
    [{ FORCE_COLOR: "0", TERM: "xterm" }, true, false],
    [{ NO_COLOR: "1", FORCE_COLOR: "1" }, true, false],
    [{ TERM: "dumb" }, true, false],
  ];
  for (const [vars, is_terminal, colours] of table) {
    assertEquals(painted(vars, is_terminal), colours, JSON.stringify([vars, is_terminal]));
  }
});

Deno.test("sizes, counts and times are told as people read them", () => {
  const bytes = [0, 999, 1000, 9_949, 9_950, 999_499, 999_500, 1_500_000_000, 5e15].map(humanBytes);
  assertEquals(bytes, [
    "0 B",
    "999 B",
    "1.0 kB",
    "9.9 kB",
    "10 kB",
    "999 kB",
    "1.0 MB",
    "1.5 GB",
    "5000 TB",
  ]);
  assertEquals([0, 999, 1000, 1234567].map(humanCount), ["0", "999", "1,000", "1,234,567"]);
  assertEquals([0, 1, 2].map((n) => counted(n, "event")), ["0 events", "1 event", "2 events"]);
  assertEquals(counted(2, "day", "nights"), "2 nights");
  assertEquals(utc(0), "1970-01-01 00:00:00.000Z");
  const now_ms = 1_769_174_319_945;
  const agos = [-1, 0, 59, 60, 3599, 3600, 172_799, 172_800].map((s) =>
    ago(now_ms - s * 1000, now_ms)
  );
  assertEquals(agos, [
    "in the future",
    "0 s ago",
    "59 s ago",
    "1 min ago",
    "59 min ago",
    "1 h ago",
    "47 h ago",
    "2 days ago",
  ]);
});

/** Clears the screen, rings, and begins a colour; in seven bits and in eight. */
const HOSTILE = "\u001b[2J\u0007\u009b31m\u007f\r\u2028x";
// deno-lint-ignore no-control-regex
const STEERS = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029]/;

Deno.test("nothing that is printed to a terminal steers it, but for our colours; a pipe gets every byte", () => {
  const shown = testWorld({ is_terminal: true, vars: { TERM: "xterm" } });
  const { bold } = paintFor(shown, shown.stdout);
  print(shown, bold(HOSTILE));
  say(shown, HOSTILE);
  new RowPrinter(shown, COLUMNS, "json").print({ name: HOSTILE });
  const { stdout, stderr } = shown.printed;
  assertEquals(
    stdout.startsWith("\u001b[1m\\u001b[2J\\u0007\\u009b31m\\u007f\\u000d\\u2028x\u001b[22m\n"),
    true,
  );
  assertEquals(
    STEERS.test(stdout.replaceAll("\u001b[1m", "").replaceAll("\u001b[22m", "") + stderr),
    false,
  );
  const piped = testWorld();
  print(piped, HOSTILE);
  assertEquals(piped.printed.stdout, `${HOSTILE}\n`);
});

Deno.test("ids of an old log, whatever they hold, do nothing to a terminal", async () => {
  using folder = tempFolder();
  const event = {
    event_id: HOSTILE,
    event_type: HOSTILE,
    run_id: HOSTILE,
    correlation_id: HOSTILE,
    causation_id: HOSTILE,
    timestamp_ms: 1_769_174_319_945,
  };
  const line = JSON.stringify(event);
  writePart(folder.path, { day: CASE_DAY, number: 1, writer: "" }, [`${line}\n`]);
  const traced = { ...event, event_type: `T${HOSTILE}`, created_at: 1_769_174_319_945_000 };
  const lines = [traced, { ...traced, event_id: "e2", causation_id: "none" }];
  await runIn(folder.path, ["trace", "ingest"], {
    stdin: lines.map((each) => `${JSON.stringify(each)}\n`).join(""),
  });
  const commands = [
    ["log"],
    ["log", "--format", "ndjson"],
    ["log", "--format", "csv"],
    ["status"],
    ["verify"],
    ["query", "select 1", "--format", "csv"],
    ["trace", "query"],
    ["trace", "query", "--format", "json"],
    ["trace", "tree", HOSTILE],
    ["trace", "path", HOSTILE],
    ["trace", "path", "e2"],
    ["trace", "latency", HOSTILE],
    ["trace", "sample"],
    ["trace", "stats"],
    ["trace", "tree", `no${HOSTILE}`],
  ];
  for (const args of commands) {
    const { stdout, stderr } = await runIn(folder.path, args, {
      is_terminal: true,
      vars: { TERM: "xterm", NO_COLOR: "1" },
    });
    assertEquals(STEERS.test(stdout + stderr), false, JSON.stringify([args, stdout, stderr]));
  }
  const { stdout } = await runIn(folder.path, ["log", "--format", "ndjson"]);
  assertEquals(stdout, `${line}\n`);
});
