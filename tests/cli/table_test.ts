import { assert, assertEquals } from "@std/assert";
import { columnsOf, padEnd, padStart, shortened, wrapped } from "../../src/base/text_width.ts";
import { type Column, printTable } from "../../src/cli/table.ts";
import { testWorld } from "../harness.ts";

const COLUMNS: readonly Column[] = [
  { field: "run_id" },
  { field: "trades", right: true },
  { field: "why" },
];
const ROWS = [
  {
    run_id: "a-run-with-a-very-long-name",
    trades: 1234567,
    why: "it ran out of candles on the way",
  },
  { run_id: "b", trades: 2, why: "" },
];

function drawn(
  columns: number,
  rows: readonly Record<string, unknown>[] = ROWS,
  is_terminal = true,
) {
  const world = testWorld({ columns, is_terminal, vars: { NO_COLOR: "1" } });
  printTable(world, rows, COLUMNS);
  return world.printed.stdout.trimEnd().split("\n");
}

Deno.test("a table that fits its terminal is shown whole", () => {
  assertEquals(drawn(80), [
    "run_id                        trades  why",
    "a-run-with-a-very-long-name  1234567  it ran out of candles on the way",
    "b                                  2",
  ]);
});

Deno.test("on a narrow terminal the widest texts are shortened, ids of runs and numbers never", () => {
  assertEquals(drawn(50), [
    "run_id                        trades  why",
    "a-run-with-a-very-long-name  1234567  it ran out …",
    "b                                  2",
  ]);
  for (let columns = 45; columns < 90; columns++) {
    const lines = drawn(columns);
    assert(lines.every((line) => columnsOf(line) <= columns), `${columns}: ${lines[1]}`);
    assert(lines[1].startsWith("a-run-with-a-very-long-name  1234567  it "), lines[1]);
  }
});

Deno.test("numbers and times among texts are not shortened either", () => {
  const world = testWorld({ columns: 50, is_terminal: true, vars: { NO_COLOR: "1" } });
  printTable(world, [
    { name: "x".repeat(40), why: "2026-01-23 13:18:39.945Z" },
    { name: "y", why: "12 min ago" },
  ], [{ field: "name" }, { field: "why" }]);
  const [, first, second] = world.printed.stdout.split("\n");
  assert(/^xxxxxxxx+… {2}2026-01-23 13:18:39.945Z$/.test(first), first);
  assert(second.endsWith("12 min ago"), second);
});

Deno.test("where even that is too wide, each row is told on lines of its own", () => {
  assertEquals(drawn(22), [
    "run_id  a-run-with-a-very-long-name",
    "trades  1234567",
    "why     it ran out of candles on the way",
    "",
    "run_id  b",
    "trades  2",
    "why",
  ]);
  assertEquals(drawn(10, []), ["run_id  trades  why"]);
});

Deno.test("where room is short, columns without a value go first, then those that may be missed, named on standard error", () => {
  const columns: Column[] = [
    { field: "run_id" },
    { field: "branch", optional: true },
    { field: "sharpe", right: true },
    { field: "commit", optional: true },
    { field: "on_disk", title: "on disk", optional: true },
  ];
  const rows = [{
    run_id: "sweep-2026-01-23-a-0001",
    sharpe: 1 / 3,
    commit: "a1b2c3d4",
    on_disk: 1,
  }];
  const at = (columns_max: number) => {
    const world = testWorld({ columns: columns_max, is_terminal: true, vars: { NO_COLOR: "1" } });
    printTable(world, rows, columns);
    return [...world.printed.stdout.trimEnd().split("\n"), world.printed.stderr];
  };
  assertEquals(at(80), [
    "run_id                   branch    sharpe  commit    on disk",
    "sweep-2026-01-23-a-0001          0.333333  a1b2c3d4  1",
    "",
  ]);
  assertEquals(at(55), [
    "run_id                     sharpe  commit    on disk",
    "sweep-2026-01-23-a-0001  0.333333  a1b2c3d4  1",
    "",
  ]);
  assertEquals(at(35), [
    "run_id                     sharpe",
    "sweep-2026-01-23-a-0001  0.333333",
    "no room for commit, on disk;\n--format csv prints all\n",
  ]);
  assertEquals(at(20)[0], "run_id   sweep-2026-01-23-a-0001");
});

Deno.test("a table rounds numbers to six digits, and no whole part away", () => {
  const values = [0.1 + 0.2, 1 / 3, -1234.56789, 123_456_789, 1_234_567.891, 1e-7 / 3, 1e21, -0.5];
  const world = testWorld();
  printTable(world, values.map((value) => ({ value })), [{ field: "value" }]);
  assertEquals(world.printed.stdout.trim().split(/\s+/).slice(1), [
    ...["0.3", "0.333333", "-1234.57", "123456789", "1234568", "3.33333e-8", "1e+21", "-0.5"],
  ]);
});

Deno.test("nothing is shortened that does not go to a terminal, however narrow that is", () => {
  assertEquals(drawn(10, ROWS, false), drawn(80));
});

Deno.test("rows that continue a table lie as the first ones did, on a terminal cut to fit", () => {
  const world = testWorld({ columns: 30, is_terminal: true, vars: { NO_COLOR: "1" } });
  const columns = [{ field: "name" }, { field: "n", right: true }];
  const layout = printTable(world, [{ name: "short", n: 1 }], columns);
  printTable(world, [{ name: "much longer than that", n: 22 }], columns, layout);
  assertEquals(world.printed.stdout, "name   n\nshort  1\nmuch…  22\n");
  const stacked = testWorld({ columns: 8, is_terminal: true, vars: { NO_COLOR: "1" } });
  const so_far = printTable(stacked, [{ name: "a", n: 1_000_000 }], columns);
  printTable(stacked, [{ name: "b", n: 2 }], columns, so_far);
  assertEquals(stacked.printed.stdout, "name  a\nn     1000000\n\nname  b\nn     2\n");
});

Deno.test("columns line up under letters that take two of them, and under accents that take none", () => {
  assertEquals(
    drawn(80, [{ run_id: "実行", trades: 1, why: "x" }, {
      run_id: "e\u0301🚀",
      trades: 2,
      why: "y",
    }]),
    [
      "run_id  trades  why",
      "実行         1  x",
      "e\u0301🚀          2  y",
    ],
  );
});

Deno.test("what a cell holds does nothing to the terminal", () => {
  const [, line] = drawn(80, [{ run_id: "a\u001b[31m\u0007\u009b2J\nb", trades: 1, why: "" }]);
  // deno-lint-ignore no-control-regex
  assertEquals(/[\u0000-\u001f\u007f-\u009f]/.test(line), false);
});

Deno.test("a text takes as many columns as a terminal gives it", () => {
  const texts = [
    "",
    "abc",
    "µs – …",
    "实行",
    "ｆｕｌｌ",
    "🚀",
    "e\u0301",
    "✓ █ └─",
    "한글",
    "a\u200bb",
  ];
  assertEquals(texts.map(columnsOf), [0, 3, 6, 4, 8, 2, 1, 6, 4, 2]);
});

Deno.test("a shortened text fits, says that it was longer, and never holds half a character", () => {
  assertEquals(shortened("abcdef", 6), "abcdef");
  assertEquals(shortened("abcdefg", 6), "abcde…");
  assertEquals(shortened("实行实行", 6), "实行…");
  assertEquals(shortened("🚀🚀🚀", 4), "🚀…");
  assertEquals(shortened("abc", 1), "…");
});

Deno.test("padding counts columns, not letters", () => {
  assertEquals([padEnd("实", 4), padStart("实", 4), padEnd("abc", 2)], ["实  ", "  实", "abc"]);
});

Deno.test("a paragraph is wrapped between words; a word that is too long keeps its line", () => {
  assertEquals(wrapped("one two three", 7), ["one two", "three"]);
  assertEquals(wrapped("a verylongword b", 5), ["a", "verylongword", "b"]);
});
