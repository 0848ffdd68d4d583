import { assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { LedgerError } from "../../src/base/error.ts";
import {
  dataText,
  latencyMs,
  newCorrelationId,
  parseData,
  queueTimeMs,
  TRACED_FIELD_NAMES,
  TRACED_FIELDS,
  tracedProblem,
} from "../../src/trace/event/event.ts";
import { completeTraced, parseTraced } from "../../src/trace/event/complete.ts";
import { partitionFolder } from "../../src/trace/event/files.ts";
import { tempFolder } from "../harness.ts";
import { NOON_US, traced } from "./events.ts";

const DEFAULTS = {
  eventId: (event_type: string) => `${event_type}_1`,
  now_us: () => NOON_US,
  nextSequence: () => 7,
};

Deno.test("an event that says only its type is completed", () => {
  assertEquals(completeTraced({ event_type: "BAR" }, DEFAULTS), {
    event_id: "BAR_1",
    event_type: "BAR",
    timestamp: NOON_US,
    correlation_id: "unknown",
    causation_id: "",
    source_container: "unknown",
    destination: "",
    created_at: null,
    emitted_at: null,
    received_at: null,
    processed_at: null,
    data: {},
    version: "1.0",
    sequence_number: 7,
    partition_key: "",
  });
});

Deno.test("an event's time is when it was created, where it does not say otherwise", () => {
  const created_at = NOON_US - 5;
  assertEquals(completeTraced({ event_type: "BAR", created_at }, DEFAULTS).timestamp, created_at);
});

Deno.test("latency and time in the queue follow from the stamps, and are unknown without them", () => {
  const stamps = { created_at: 10, emitted_at: 1_010, received_at: 3_510, processed_at: 10_010 };
  const event = traced({ event_type: "BAR", ...stamps });
  assertEquals([latencyMs(event), queueTimeMs(event)], [10, 2.5]);
  const open = traced({ event_type: "BAR", created_at: 10 });
  assertEquals([latencyMs(open), queueTimeMs(open)], [undefined, undefined]);
});

for (
  const [what, given, said] of [
    ["no type", {}, "event_type is missing"],
    ["an empty type", { event_type: "" }, 'event_type is ""'],
    ["a type that fits no folder", { event_type: "x".repeat(101) }, "names a folder"],
    ["a type that fits no folder once it is written there", { event_type: "日".repeat(28) }, "252"],
    ["a time in milliseconds", { timestamp: NOON_US / 1000 }, "microseconds"],
    ["a creation in milliseconds", { created_at: NOON_US / 1000 }, "created_at 1"],
    ["a creation in words, and no time", { created_at: "noon" }, 'created_at is "noon"'],
    ["a creation below zero, and no time", { created_at: -5 }, "created_at is -5"],
    ["an emission in seconds, and no time", { emitted_at: 1704067200 }, "emitted_at 1704067200 is"],
    ["half a microsecond", { timestamp: NOON_US + 0.5 }, "timestamp is"],
    ["a time past 2^53", { timestamp: 2 ** 53 }, "timestamp is"],
    ["a stamp that is no number", { received_at: "noon" }, 'received_at is "noon"'],
    ["data that is a list", { data: [1] }, "data is [1]"],
    ["half a character", { source_container: "\ud800" }, "source_container is"],
    ["a field that is misspelt", { corelation_id: "c" }, "is it correlation_id?"],
    ["a field of its own", { symbol: "SPY" }, "goes into data"],
    ["a name that every object has", { toString: 1 }, 'no field "toString"'],
  ] as const
) {
  Deno.test(`an event with ${what} is refused, and the message says so`, () => {
    const event = { ...(what === "no type" ? {} : { event_type: "BAR" }), ...given };
    const error = assertThrows(() => completeTraced(event, DEFAULTS), LedgerError);
    assertStringIncludes(error.message, said);
    assertEquals(error.code, "invalid");
  });
}

Deno.test("every field is held to its kind, and the message names the one that is wrong", () => {
  const half = "\ud800";
  const wrong: Record<string, unknown[]> = {
    name: [null, 1, "", half],
    text: [null, 1, half],
    time: [null, "1", -1, 0.5, NaN, 2 ** 53],
    stamp: ["1", 0.5, NaN, Infinity, 2 ** 53],
    count: [null, "1", -1, 0.5, 2 ** 53],
    object: [null, "{}", [1]],
  };
  const right: Record<string, unknown[]> = {
    name: ["x", "é", "日本"],
    text: ["", "x", "日本"],
    time: [NOON_US, Number.MAX_SAFE_INTEGER],
    stamp: [null, 0, -1, NOON_US],
    count: [0, 1],
    object: [{}, { a: [1] }],
  };
  for (const name of TRACED_FIELD_NAMES) {
    const kind = TRACED_FIELDS[name];
    for (const value of [undefined, true, ...wrong[kind]]) {
      const said = tracedProblem({ ...traced({ event_type: "BAR" }), [name]: value });
      assertStringIncludes(said ?? `${name}: nothing`, `${name} is `);
    }
    for (const value of right[kind]) {
      assertEquals(tracedProblem({ ...traced({ event_type: "BAR" }), [name]: value }), undefined);
    }
  }
});

Deno.test("what is derived may stand in an event that comes in", () => {
  completeTraced({ event_type: "BAR", latency_ms: 1, queue_time_ms: 2 }, DEFAULTS);
});

Deno.test("data keeps whole numbers past 2^53, as they come in and as bigints", () => {
  const text = '{"id":9007199254740993,"price":1.5}';
  const { data } = parseTraced(`{"event_type":"FILL","data":${text}}`) as {
    data: Record<string, unknown>;
  };
  assertEquals(dataText(data), text);
  assertEquals(dataText(parseData(text)), text);
  assertEquals(dataText({ id: 9007199254740993n }), '{"id":9007199254740993}');
});

Deno.test("data that JSON cannot write as an object is refused", () => {
  const circle: Record<string, unknown> = {};
  circle.self = circle;
  for (const data of [circle, new Date(0) as unknown as Record<string, unknown>]) {
    assertThrows(() => dataText(data), LedgerError, "data");
  }
});

Deno.test("a type may take all of a folder's name, and that folder can be made", () => {
  using folder = tempFolder();
  for (const event_type of ["x".repeat(100), " ".repeat(83), "日".repeat(27), "💹".repeat(20)]) {
    completeTraced({ event_type }, DEFAULTS);
    Deno.mkdirSync(partitionFolder(folder.path, { day: "2026-01-23", event_type }), {
      recursive: true,
    });
  }
});

Deno.test("a correlation id says when its run began", () => {
  const id = newCorrelationId(Date.UTC(2026, 0, 23, 9, 5, 7), 0xbeef);
  assertEquals(id, "backtest_20260123_090507_0000beef");
});

Deno.test("a line that is no JSON object is refused", () => {
  for (const line of ["", "{", "[]", "12345678901234567890", "null"]) {
    const error = assertThrows(() => parseTraced(line), LedgerError);
    assertMatch(error.message, /JSON/);
  }
});
