import { assertEquals, assertStringIncludes } from "@std/assert";
import { typedTime } from "../../src/base/format.ts";
import { runIn } from "../harness.ts";

const NOW_MS = Date.parse("2026-01-23T12:00:00Z");

function iso(text: string): string {
  return new Date(typedTime(text)!.ms(NOW_MS)).toISOString();
}

Deno.test("a day is its first millisecond in UTC", () => {
  assertEquals(iso("2026-01-23"), "2026-01-23T00:00:00.000Z");
  assertEquals(iso("1970-01-01"), "1970-01-01T00:00:00.000Z");
});

Deno.test("a time is UTC unless it says otherwise", () => {
  assertEquals(iso("2026-01-23T10:30"), "2026-01-23T10:30:00.000Z");
  assertEquals(iso("2026-01-23 10:30:15"), "2026-01-23T10:30:15.000Z");
  assertEquals(iso("2026-01-23T10:30:15.250Z"), "2026-01-23T10:30:15.250Z");
  assertEquals(iso("2026-01-23T10:30:00+02:00"), "2026-01-23T08:30:00.000Z");
  assertEquals(iso("2026-01-23T10:30:00-0530"), "2026-01-23T16:00:00.000Z");
});

Deno.test("a time in microseconds keeps them all", () => {
  const us = (text: string) => typedTime(text)!.us(NOW_MS) - Date.UTC(2026, 0, 23) * 1000;
  assertEquals(us("2026-01-23T00:00:00.000020Z"), 20);
  assertEquals(us("2026-01-23T00:00:00.1239Z"), 123_900);
  assertEquals(us("2026-01-23T02:00:00.999999999+02:00"), 999_999);
  assertEquals(us("2026-01-23T00:00:00.25"), 250_000);
  assertEquals(us("2026-01-23"), 0);
});

Deno.test("a while ago is counted from now", () => {
  assertEquals(iso("30s"), "2026-01-23T11:59:30.000Z");
  assertEquals(iso("5m"), "2026-01-23T11:55:00.000Z");
  assertEquals(iso("2h"), "2026-01-23T10:00:00.000Z");
  assertEquals(iso("7d"), "2026-01-16T12:00:00.000Z");
  assertEquals(iso("1w"), "2026-01-16T12:00:00.000Z");
});

Deno.test("longer ago than the calendar goes back is as far as it goes", () => {
  assertEquals(typedTime("999999999w")!.ms(NOW_MS), 0);
});

Deno.test("what is no time is refused with what one looks like", async () => {
  const texts = [
    "",
    "yesterday",
    "2026-02-30",
    "2026-1-1",
    "2h ago",
    "-2h",
    "2026-01-23T25:00",
    "2M",
  ];
  for (const text of texts) {
    assertEquals(typedTime(text), undefined, text);
    const { code, stderr } = await runIn("nowhere", ["log", `--until=${text}`]);
    assertEquals(code, 2);
    assertStringIncludes(stderr, `--until is "${text}"; it has to be a day`);
  }
});

Deno.test("a day is checked by the calendar", async () => {
  const { stderr: of_leap_year } = await runIn("nowhere", ["log", "--day", "2024-02-29"]);
  assertEquals(of_leap_year.includes("--day"), false);
  const { code, stderr } = await runIn("nowhere", ["log", "--day", "2025-02-29"]);
  assertEquals(code, 2);
  assertStringIncludes(stderr, '--day is "2025-02-29"; it has to be a day, such as 2026-01-23');
});
