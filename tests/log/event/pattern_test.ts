/** Patterns give the verdict of the engine's own regular expressions, and take no longer than a text is long. */
import { IS_FULL } from "../../harness.ts";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { pattern_states_max } from "../../../src/base/limits.ts";
import { compilePattern, UnusablePattern } from "../../../src/log/event/pattern.ts";
import { seededTest } from "../../crash/kills/crash.ts";
import { type Random } from "../../laws/random.ts";

const ATOMS = [
  "a",
  "b",
  "ab",
  "é",
  "😀",
  "-",
  " ",
  ".",
  "^",
  "$",
  "\\b",
  "\\B",
  "\\d",
  "\\D",
  "\\w",
  "\\W",
  "\\s",
  "\\S",
  "\\.",
  "\\\\",
  "\\]",
  "\\u0061",
  "\\u{1f600}",
  "\\ud83d\\ude00",
  "\\x62",
  "\\t",
  "\\cJ",
  "\\0",
  "\\p{Lu}",
  "\\P{L}",
  "[ab]",
  "[^ab]",
  "[a-c\\d]",
  "[\\]\\-]",
  "[^\\s\\S]",
  "[]",
  "[^]",
  "[😀é]",
];
const QUANTIFIERS = ["*", "+", "?", "*?", "+?", "??", "{0}", "{2}", "{1,}", "{0,2}", "{2,3}?"];
const LETTERS = [
  "a",
  "b",
  "c",
  "A",
  "1",
  "_",
  "-",
  ".",
  " ",
  "\n",
  "\t",
  "\0",
  "]",
  "\\",
  "é",
  "😀",
];

function oneOf<T>(random: Random, things: readonly T[]): T {
  return things[random.below(things.length)];
}

function randomPattern(random: Random, depth: number): string {
  const count = random.below(4);
  let pattern = "";
  for (let at = 0; at < count; at++) {
    const inner = depth > 0 ? randomPattern(random, depth - 1) : "a";
    const kind = random.below(6);
    const atom = kind === 0
      ? `(${inner})`
      : kind === 1
      ? `(?:${inner}|${randomPattern(random, 0)})`
      : kind === 2
      ? `(?<n${random.below(1e9)}>${inner})`
      : oneOf(random, ATOMS);
    const is_repeatable = !["^", "$", "\\b", "\\B"].includes(atom);
    pattern += atom + (is_repeatable && random.below(3) === 0 ? oneOf(random, QUANTIFIERS) : "");
  }
  return random.below(6) === 0 ? `${pattern}|${randomPattern(random, 0)}` : pattern;
}

function randomText(random: Random): string {
  return Array.from({ length: random.below(9) }, () => oneOf(random, LETTERS)).join("");
}

seededTest("on the subset, the verdict is that of RegExp", (random) => {
  const patterns = IS_FULL ? 100_000 : 3_000;
  const matched = [0, 0];
  for (let at = 0; at < patterns; at++) {
    const source = randomPattern(random, 2);
    const [ours, theirs] = [compilePattern(source), new RegExp(source, "u")];
    for (let texts = 0; texts < 8; texts++) {
      // V8 finds \B between the halves of a pair too, where the specification has no place.
      const text = source.includes("\\B")
        ? randomText(random).replaceAll("😀", "é")
        : randomText(random);
      const expected = theirs.test(text);
      matched[Number(expected)]++;
      assertEquals(ours.test(text), expected, `/${source}/u on ${JSON.stringify(text)}`);
    }
  }
  assert(Math.min(...matched) > patterns / 10, "both verdicts have to come up");
  return Promise.resolve();
});

/** Patterns over which an engine that backtracks takes time that is a power of the length, or worse. */
const SLOW_ELSEWHERE = [
  "^(a+)+$",
  "^(a|a)*$",
  "^(a|aa)+$",
  "a*a*a*a*b",
  "^(?:a?){50}a{50}$",
  "(?:a*)*(?:a*)*b",
  "^(([a-z])+.)+[A-Z]([a-z])+$",
  "(x+x+)+y",
  "^(?:(?:a{1,30}){1,30})b$",
  "\\s+$",
];

Deno.test("a text is gone through once, whatever the pattern: twice its length, twice the steps", () => {
  for (const source of SLOW_ELSEWHERE) {
    const stepsOf = (length: number) => {
      const pattern = compilePattern(source);
      pattern.test(
        (source.includes("x") ? "x" : source.includes("s") ? " " : "a").repeat(length) + "!",
      );
      return pattern.steps;
    };
    const [short, long] = [stepsOf(5_000), stepsOf(10_000)];
    assert(long <= 2.1 * short, `${source}: ${short} steps, then ${long}`);
    // Each state is come to once for each character, and left once.
    assert(long <= 10_002 * 2 * (pattern_states_max + 1), `${source}: ${long} steps`);
  }
});

Deno.test("a pattern that no automaton can follow is refused with the reason", () => {
  const refused: [string, string][] = [
    ["(a)\\1", '"\\\\1" refers back to a group'],
    ["(?<x>a)\\k<x>", '"\\\\k" refers back to a group'],
    ["a(?=b)", '"(?=" looks ahead or behind'],
    ["a(?!b)", '"(?!" looks ahead or behind'],
    ["(?<=a)b", '"(?<=" looks ahead or behind'],
    ["(?<!a)b", '"(?<!" looks ahead or behind'],
    ["(?i:a)b", '"(?" changes how the rest is read'],
    ["a{5000}", "written out, it has 10000 states"],
    ["((a{100}){100}){100}", "and a pattern has at most 2000"],
    ["((((a{1000000}){1000000}){1000000}){1000000}){1000000}", "states, and a pattern has at most"],
    [`(?:${"a{999999999}".repeat(3)}){999999999}`, "states, and a pattern has at most"],
    ["(?:){1000000000}", "states, and a pattern has at most"],
    [`${"(".repeat(200)}a${")".repeat(200)}`, "its groups nest more than 100 deep"],
  ];
  for (const [source, reason] of refused) {
    const error = assertThrows(() => compilePattern(source), UnusablePattern);
    assertStringIncludes(error.message, reason, source);
    assert(error.is_expression, source);
  }
  for (const source of ["(", "a{2,1}", "[b-a]", "\\", "**", "\\u{110000}", "(?<a>x)(?<a>y)"]) {
    const error = assertThrows(() => compilePattern(source), UnusablePattern);
    assert(!error.is_expression, source);
  }
});

Deno.test("patterns of real types are taken", () => {
  const taken: [string, string, string][] = [
    ["^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", "123e4567-e89b-12d3-a456-426614174000", "123"],
    ["^[1-9A-HJ-NP-Za-km-z]{32,44}$", "So11111111111111111111111111111111111111112", "0x"],
    ["^(?:long|short)$", "short", "shorts"],
    ["^[A-Z]{3,10}/[A-Z]{3,10}$", "SOL/USDC", "SOL-USDC"],
    ["^.{1,200}$", "x", ""],
    ["^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d+)?Z$", "2026-01-23T12:00:00.5Z", "noon"],
  ];
  for (const [source, right, wrong] of taken) {
    assert(compilePattern(source).test(right), source);
    assert(!compilePattern(source).test(wrong), source);
  }
});

Deno.test("a text that would take too many steps is not begun with", () => {
  const pattern = compilePattern("^(?:a{1,30}){1,30}b");
  assert(!pattern.isTooLong("a".repeat(10_000)));
  const text = "a".repeat(8_000_000);
  assert(pattern.isTooLong(text));
  assertThrows(() => pattern.test(text), RangeError);
  assertEquals(pattern.steps, 0);
});
