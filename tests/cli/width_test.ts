import { assertEquals } from "@std/assert";
import { columnsOf, padEnd, padStart, shortened, wrapped } from "../../src/cli/width.ts";

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
