import { assertEquals } from "@std/assert";
import { linesOf, utf8Length } from "../../../src/base/files/lines.ts";

const encoder = new TextEncoder();

function lines(bytes: Uint8Array, start = 0) {
  return Array.from(
    linesOf(bytes, start),
    ({ offset, size_bytes, text }) => [offset, size_bytes, text] as const,
  );
}

Deno.test("linesOf() gives each line its bytes' place, counted from the block's start", () => {
  assertEquals(lines(encoder.encode("ab\n\nc\n"), 100), [[100, 2, "ab"], [103, 0, ""], [
    104,
    1,
    "c",
  ]]);
  assertEquals(lines(new Uint8Array()), []);
});

Deno.test("linesOf() counts bytes, not characters", () => {
  assertEquals(lines(encoder.encode("é\n漢😀\nx\n")), [[0, 2, "é"], [3, 7, "漢😀"], [11, 1, "x"]]);
});

Deno.test("linesOf() finds the line whose bytes are no UTF-8, and keeps the others", () => {
  const bytes = new Uint8Array([0xc3, 0xa9, 10, 0xff, 10, 65, 10]);
  assertEquals(lines(bytes), [[0, 2, "é"], [3, 1, undefined], [5, 1, "A"]]);
});

Deno.test("linesOf() does not let a character reach over a newline", () => {
  // The first half of a two-byte character, a newline, and what would be its second half.
  assertEquals(lines(new Uint8Array([0xc3, 10, 0xa9, 10])), [[0, 1, undefined], [2, 1, undefined]]);
});

Deno.test("linesOf() keeps a byte order mark and other line breaks", () => {
  assertEquals(lines(encoder.encode("\uFEFFa\n")), [[0, 4, "\uFEFFa"]]);
  assertEquals(lines(encoder.encode("a\r\nb\u2028c\n")), [[0, 2, "a\r"], [3, 5, "b\u2028c"]]);
});

Deno.test("utf8Length() is what encoding would take", () => {
  for (
    const text of [
      "",
      "abc",
      "\u007f\u0080",
      "\u07ff\u0800",
      "漢字",
      "😀😀a",
      "\uffff",
      "é".repeat(999),
    ]
  ) {
    assertEquals(utf8Length(text), encoder.encode(text).length, JSON.stringify(text));
  }
});
