import { assert, assertEquals, assertThrows } from "@std/assert";
import { LedgerError } from "../../../src/base/error.ts";
import { isDay } from "../../../src/base/format.ts";
import {
  checkWriterName,
  comparePartNames,
  dayLockName,
  dayOf,
  ledgerPaths,
  parseDayName,
  parsePartName,
  partLabel,
  partPath,
  partStem,
  quarantineName,
} from "../../../src/log/format/layout.ts";

Deno.test("a part's name is built and taken apart without loss", () => {
  for (const number of [1, 42, 999_999, 1_000_000, 123_456_789_012_345]) {
    for (const writer of ["", "w", "node7-42", "A_b"]) {
      const name = `${partStem({ number, writer })}.jsonl`;
      assertEquals(parsePartName(name), { number, writer, format: "jsonl" });
      const sealed = `${partStem({ number, writer })}.parquet`;
      assertEquals(parsePartName(sealed), { number, writer, format: "parquet" });
    }
  }
  assertEquals(partStem({ number: 7, writer: "" }), "part-000007");
  assertEquals(partStem({ number: 7, writer: "w1" }), "part-000007.w1");
});

Deno.test("names that are no parts are left alone", () => {
  for (
    const name of [
      "part-1.jsonl",
      "part-000001.jsonl.tmp",
      "part-000001.jsonl.12-ab.tmp",
      "part-000001.json",
      "part-000001..jsonl",
      "part-000001.-w.jsonl",
      "xpart-000001.jsonl",
      "part-000001.jsonl\n",
      "_sealed.json",
      ".lock",
      "",
    ]
  ) assertEquals(parsePartName(name), undefined, name);
});

Deno.test("the path and the label of a part name the same file", () => {
  const part = { day: "2026-01-23", number: 3, writer: "w" };
  assertEquals(partLabel(part), "day=2026-01-23/part-000003.w.jsonl");
  assertEquals(partPath("root", part), `root/events/${partLabel(part)}`);
  assertEquals(
    quarantineName(part, 99, "torn"),
    "day=2026-01-23.part-000003.w.at-99.torn",
  );
  assertEquals(ledgerPaths("root").schema, "root/events/_schema.json");
});

Deno.test("days are days of the calendar", () => {
  for (const day of ["1970-01-01", "2024-02-29", "9999-12-31", "0001-01-01"]) {
    assert(isDay(day), day);
    assertEquals(parseDayName(`day=${day}`), day);
  }
  for (
    const no_day of ["2026-02-29", "2026-13-01", "2026-00-10", "2026-1-1", "20260101", "", "today"]
  ) {
    assert(!isDay(no_day), no_day);
    assertEquals(parseDayName(`day=${no_day}`), undefined);
  }
  assertEquals(parseDayName("2026-01-01"), undefined);
  assertEquals(parseDayName("date=2026-01-01"), undefined);
});

Deno.test("an event's day is that of UTC, whichever order times come in", () => {
  const midnight = Date.parse("2026-01-24T00:00:00Z");
  assertEquals(dayOf(midnight), "2026-01-24");
  assertEquals(dayOf(midnight - 1), "2026-01-23");
  assertEquals(dayOf(midnight), "2026-01-24");
  assertEquals(dayOf(0), "1970-01-01");
  assertEquals(dayOf(-0), "1970-01-01");
  assertEquals(dayOf(253_402_300_799_999), "9999-12-31");
});

Deno.test("parts are ordered by number, then writer", () => {
  const names = [
    { number: 10, writer: "" },
    { number: 2, writer: "b" },
    { number: 2, writer: "" },
    { number: 2, writer: "a" },
  ];
  const sorted = names.sort(comparePartNames).map(({ number, writer }) => `${number}${writer}`);
  assertEquals(sorted, ["2", "2a", "2b", "10"]);
});

Deno.test("a private writer has a lock of its own", () => {
  assertEquals([dayLockName(""), dayLockName("w")], [".lock", ".w.lock"]);
});

Deno.test("a writer's name may stand in a file name", () => {
  for (const name of ["w", "node7-42", "A_b", "0", "w".repeat(64)]) {
    assertEquals(checkWriterName(name), name);
  }
  for (
    const name of ["", ".", "a.b", "../w", "a/b", "-w", "_w", "w w", "ü", "w".repeat(65), "w\n"]
  ) {
    assertThrows(() => checkWriterName(name), LedgerError, "cannot write as");
  }
});
