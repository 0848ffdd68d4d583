import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { LedgerError } from "../../src/base/error.ts";
import {
  filter_chars_max,
  filter_conditions_max,
  filter_depth_max,
} from "../../src/base/limits.ts";
import { parseFilter } from "../../src/filter/parse.ts";
import { predicateOf } from "../../src/filter/predicate.ts";
import { fieldsShown, parseColumns, parseSort, rowShown } from "../../src/filter/selection.ts";

const NOW_MS = Date.UTC(2026, 0, 23, 12);

/** A run as the listing has it. */
const RUN = {
  run_id: "sweep-7",
  run_type: "policy",
  status: "completed",
  created_at_ms: Date.UTC(2026, 0, 22, 18),
  completed_at_ms: null,
  total_ms: 4200,
  artifacts: 3,
  git_branch: "main",
  git_commit: "a1b2c3",
  git_dirty: false,
  params: {
    stop_loss_bps: 350,
    policy: { kind: "fixed" },
    "a.b": 1,
    label: "300",
    "on-call": true,
  },
  summary: { sharpe: 1.5, trades_count: 120, grade: "B", notes: null },
  timing: { simulate_ms: 90_000, total_ms: 4200 },
  dataset: { from: "2026-01-01", to: "2026-01-31T00:00:00Z" },
  tags: ["best", "q1"],
};

function holds(text: string): boolean | undefined {
  return predicateOf(parseFilter(text, NOW_MS))(RUN);
}

function refusal(text: string, parse: (text: string) => unknown): LedgerError {
  return assertThrows(() => parse(text), LedgerError, undefined, text);
}

const inFilter = (text: string) => parseFilter(text, NOW_MS);

Deno.test("a filter compares names with values, and joins comparisons with and, or and not", () => {
  const taken = [
    "params.stop_loss_bps > 300 and (summary.sharpe > 2 or timing.total_ms < 5000) and status = 'completed'",
    "trades_count >= 100",
    "NOT sharpe < 1 AND sharpe IN (1, 1.5)",
    "sharpe <> 2 and sharpe != 2 and sharpe == 1.5 and 1 < sharpe",
    "run_id like 'sweep-%' and run_id not like 'sweep-_0' and grade like '_'",
    "notes is null and params.nothing is null and params.policy is not null",
    "completed_at is null and completed_at = null and created_at != null",
    "params.policy.kind = 'fixed' and parameters.policy.\"kind\" = 'fixed'",
    'params.a.b = 1 and params."a.b" = 1 and params."on-call" = true and params."on-call"',
    "git.branch = 'main' and git.commit like 'a1%' and not git.dirty and git_dirty = false",
    "'best' in tags and 'worst' not in tags",
    "sharpe between 1 and 2 and sharpe not between 2 and 3",
    'trades_count > params."a.b"',
    "true and not false",
  ];
  for (const text of taken) assertEquals(holds(text), true, text);
  const not_taken = [
    "status = 'failed' or sharpe < 0 and true",
    "(status = 'completed' or true) and sharpe < 0",
    "not ('best' in tags)",
  ];
  for (const text of not_taken) assertEquals(holds(text), false, text);
});

Deno.test("a number never matches text, and what is not there matches neither a comparison nor its opposite", () => {
  const unknown = [
    "params.label > 200",
    "params.label = 300",
    "params.label != 300",
    "not params.label = 300",
    "params.label in (300, 301)",
    "params.stop_loss_bps = '350'",
    "params.nothing > 1",
    "not params.nothing > 1",
    "notes like '%'",
    "params.policy > 1",
  ];
  for (const text of unknown) assertEquals(holds(text), undefined, text);
  for (const text of ["params.label > '2'", "params.label in (300, '300')"]) {
    assertEquals(holds(text), true, text);
  }
});

Deno.test("lengths of time and dates mean in a filter what they mean in flags", () => {
  const taken = [
    "created_at > 1d and created_at < 2h",
    "created_at = 2026-01-22 and created_at in (2026-01-21, 2026-01-22)",
    "created_at <= 2026-01-22 and created_at >= 2026-01-22 and not created_at > 2026-01-22",
    "created_at < 2026-01-23 and created_at != 2026-01-23",
    "created_at = 2026-01-22T18:00:00Z and created_at = '2026-01-22 18:00'",
    "created_at between 2026-01-22 and 2026-01-22",
    "total_ms > 4s and timing.simulate_ms = 90s and timing.simulate_ms < 2m",
    "dataset.from = 2026-01-01 and dataset.to > 2026-01-30",
    `created_at = ${RUN.created_at_ms} and created_at_ms = ${RUN.created_at_ms}`,
  ];
  for (const text of taken) assertEquals(holds(text), true, text);
});

Deno.test("an error about a filter points at the place, and says what would do", () => {
  const cases: [text: string, column: number, message: string, hint: string][] = [
    ["a = 1 andd b = 2", 7, "andd stands where and, or, or the end has to", "did you mean and?"],
    ["status = completed", 10, "completed is no column", "single quotes: 'completed'"],
    ['status = "completed"', 10, '"completed" is no column', "single quotes: 'completed'"],
    ["sharpe > 1 and status = 5", 25, "status holds text, and 5 is none", "'5'"],
    ["created_at > 'soon'", 14, "created_at holds a time, and 'soon' is none", "2026-01-23"],
    ["total_ms > '5'", 12, "total_ms holds a number, and '5' is none", "no quotes"],
    ["git_dirty = 'no'", 13, "git_dirty holds true or false", "not git_dirty"],
    ["params.x > true", 12, "true and false have no order", "="],
    ["params.horizon > 5s", 18, "says no unit", "'5s'"],
    ["created_at > 2026-02-30", 14, "2026-02-30 is no day of the calendar", ""],
    ["x > 5x", 5, "5x is no number and no length of time", "7d"],
    ["x = 'it''s", 5, "the text has no closing '", ""],
    ['params."x = 1', 8, 'the name has no closing "', ""],
    ["x > null", 5, "null equals nothing", "is null"],
    ["x in (1, null)", 10, "null equals nothing", "is null"],
    ["params > 3", 1, "params holds many values", "params.NAME"],
    ["tags = 'best'", 1, "tags is a list", "'best' in tags"],
    ["'best' in status", 11, "status is no list", "tags"],
    ["git.author = 'me'", 1, "git.author is no column", "git.branch, git.commit, git.dirty"],
    ["1 < 2", 1, "no name is there", "params.NAME"],
    ["x like 'a\\'", 8, "ends in a backslash", "\\\\"],
    ["x && y", 3, "&& stands where", "say and"],
    ["x = 1 || y = 2", 7, "|| stands where", "say or"],
    ["status", 7, "the text ends", ""],
    ["x is 5", 6, "5 stands where null has to", ""],
    ["(x = 1", 7, "the text ends, and ) has to follow", ""],
    ["x = 1)", 6, ") stands where", ""],
    ["", 1, "there is nothing", "for example"],
  ];
  for (const [text, column, message, hint] of cases) {
    const error = refusal(text, inFilter);
    assertEquals(
      [error.code, error.detail?.column],
      ["invalid", column],
      `${text}: ${error.message}`,
    );
    assertStringIncludes(error.message, `cannot read where at column ${column}: `, text);
    assertStringIncludes(error.message, message, text);
    assertStringIncludes(error.hint ?? "", hint, text);
    const [, shown, caret] = error.message.split("\n");
    assertEquals(caret.indexOf("^"), column + 1, text);
    assertEquals(shown.trimEnd(), `  ${text}`.trimEnd(), text);
  }
});

Deno.test("the caret stands under its place also after wide letters, breaks and much text", () => {
  const lines = (text: string) => refusal(text, inFilter).message.split("\n").slice(1);
  assertEquals(lines("漢字 =\n= 1"), ["  漢字 = = 1", "         ^"]);
  const [shown, caret] = lines(`${"x = 1 and ".repeat(50)}y ? 2${" or x = 1".repeat(50)}`);
  assertEquals(shown[caret.indexOf("^")], "?");
  assertEquals(shown.length < 80 && caret.length < 80, true, shown);
});

Deno.test("what takes SQL is refused with the query that does it", () => {
  const cases: [text: string, condition: string][] = [
    ["abs(avg_return_bps) > 5", "run_summaries where abs(avg_return_bps) > 5"],
    ["trades_count::int > 5", "run_summaries where trades_count::int > 5"],
    ["trades_count + 1 > 5", "run_summaries where trades_count + 1 > 5"],
    ["trades_count -1 > 5", "run_summaries where trades_count -1 > 5"],
    ["run_id in (select 'a')", "run_summaries where run_id in (select 'a')"],
    ["run_id ilike 'A%'", "run_summaries where run_id ilike 'A%'"],
    ["case when x then 1 end = 1", "run_summaries where case when x then 1 end = 1"],
    ["count(*) > 0", "run_summaries where count(*) > 0"],
    ["x = 1 limit 1", "run_summaries where x = 1 limit 1"],
    [
      "abs(params.x) > 5 and total_ms > 1",
      "run_states where abs(cast(params->>'/x' as double)) > 5 and total_ms > 1",
    ],
    [
      "lower(params.policy.kind) = 'a'",
      "run_summaries where lower((parameters->>'/policy/kind')) = 'a'",
    ],
  ];
  for (const [text, condition] of cases) {
    const { code, hint } = refusal(text, inFilter);
    assertEquals([code, hint], [
      "invalid",
      `as SQL: ledger query --db catalog "select run_id from ${condition}"`,
    ]);
  }
  assertEquals(
    refusal("summary->>'$.sharpe' = '3'", inFilter).hint,
    "as SQL: ledger query --db catalog " +
      `'select run_id from run_summaries where summary->>'\\''$.sharpe'\\'' = '\\''3'\\'''`,
  );
});

Deno.test("a filter is bounded: its length, its depth, its comparisons", () => {
  const deep = (levels: number) => `${"(".repeat(levels)}x = 1${")".repeat(levels)}`;
  const many = (count: number) => Array(count).fill("x = 1").join(" and ");
  for (const text of [deep(filter_depth_max), many(filter_conditions_max)]) inFilter(text);
  const too_much = [
    deep(filter_depth_max + 1),
    `${"not ".repeat(filter_depth_max + 1)}x = 1`,
    deep(1000),
    many(filter_conditions_max + 1),
    `x = '${"a".repeat(filter_chars_max)}'`,
  ];
  for (const text of too_much) {
    assertStringIncludes(refusal(text, inFilter).message, " than ", text.slice(0, 20));
  }
});

Deno.test("an order names columns with a direction; times begin with the latest", () => {
  const read = (text: string) =>
    parseSort(text).map(({ field, direction }) => `${field.name} ${direction}`);
  assertEquals(read("created_at"), ["created_at desc"]);
  assertEquals(read("total_ms"), ["total_ms asc"]);
  assertEquals(read("-summary.sharpe, run_id:DESC,params.a.b:asc"), [
    "summary.sharpe desc",
    "run_id desc",
    "params.a.b asc",
  ]);
  const cases: [string, string][] = [
    ["total_ms:up", "up is no direction"],
    ["total_ms:", "nothing is no direction"],
    ["-total_ms:asc", "asc is no direction"],
    ["", "nothing stands where a name has to"],
    ["run_id; drop table x", "; stands where a comma or the end has to"],
    ["1", "1 stands where a name has to"],
    ["params", "params holds many values"],
    ["params.*", "params.* stands for many values"],
  ];
  for (const [text, message] of cases) {
    assertStringIncludes(refusal(text, parseSort).message, message, text);
  }
});

Deno.test("a list of columns shows each name, and below a star all that the rows have", () => {
  const rows = [RUN, { ...RUN, params: { lambda: 1, policy: {} } }];
  const shown = (text: string, row: Record<string, unknown> = RUN) =>
    rowShown(fieldsShown(parseColumns(text), rows), row);
  assertEquals(shown("run_id,params.*,sharpe"), {
    run_id: "sweep-7",
    "params.a.b": 1,
    "params.label": "300",
    "params.lambda": null,
    "params.on-call": true,
    "params.policy": { kind: "fixed" },
    "params.policy.kind": "fixed",
    "params.stop_loss_bps": 350,
    sharpe: 1.5,
  });
  assertEquals(shown("created_at, git.*, tags"), {
    created_at_ms: RUN.created_at_ms,
    git_branch: "main",
    git_commit: "a1b2c3",
    git_dirty: false,
    tags: ["best", "q1"],
  });
  assertEquals(Object.keys(shown("*")).length, 22);
  const cases: [string, string][] = [
    ["runs.*", "runs.* stands for nothing"],
    ["run_id,", "nothing stands where a name has to"],
    ["run_id params", "params stands where a comma or the end has to"],
    ["run_id = 1", "= stands where a comma or the end has to"],
  ];
  for (const [text, message] of cases) {
    assertStringIncludes(refusal(text, parseColumns).message, message, text);
  }
});
