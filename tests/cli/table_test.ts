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

Deno.test("on a narrow terminal the widest texts are shortened, and numbers never", () => {
  assertEquals(drawn(50), [
    "run_id                trades  why",
    "a-run-with-a-very-…  1234567  it ran out of candl…",
    "b                          2",
  ]);
  for (let columns = 30; columns < 90; columns++) {
    const lines = drawn(columns);
    assert(lines.every((line) => columnsOf(line) <= columns), `${columns}: ${lines[1]}`);
    assert(lines[1].includes("1234567"), lines[1]);
  }
});

Deno.test("numbers and times among texts are not shortened either", () => {
  const rows = [{ run_id: "x".repeat(40), trades: 1, why: "2026-01-23 13:18:39.945Z" }, {
    run_id: "y",
    trades: 1,
    why: "12 min ago",
  }];
  const [, first, second] = drawn(50, rows);
  assertEquals([first.endsWith("2026-01-23 13:18:39.945Z"), second.endsWith("12 min ago")], [
    true,
    true,
  ]);
  assert(first.startsWith("xxxxxxxx") && first.includes("…"), first);
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

Deno.test("nothing is shortened where nobody looks at it, however narrow that is", () => {
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
