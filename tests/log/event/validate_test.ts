import { assert, assertEquals, assertInstanceOf, assertMatch } from "@std/assert";
import {
  BadLine,
  isTimestamp,
  nestingDepth,
  parseObject,
  validate,
} from "../../../src/log/event/validate.ts";
import {
  EVENT_TYPE_SUMMARIES,
  EVENT_TYPES,
  fieldsAreRight,
  fieldsOf,
  isBuiltIn,
  isOfKind,
} from "../../../src/log/event/event.ts";
import { timestamp_ms_max } from "../../../src/base/limits.ts";
import { GOOD_LINE, LINE_CASES, textOf } from "../cases.ts";

Deno.test("validate() gives each line of the table its verdict, every time it is asked", () => {
  for (const line of LINE_CASES) {
    const text = textOf(line);
    if (text === undefined) continue;
    const verdict = validate(text, line.bytes.length);
    assertEquals(verdict instanceof BadLine, line.corrupt !== undefined, line.name);
    if (verdict instanceof BadLine) assertMatch(verdict.reason, line.corrupt!, line.name);
    // The depth of one case is too much for a structural comparison.
    if (line.bytes.length < 10_000) assertEquals(validate(text, line.bytes.length), verdict);
  }
});

Deno.test("validate() gives the event with all its fields, own ones only", () => {
  const event = validate(GOOD_LINE.replace("}", `,"__proto__":{"x":1},"n":null}`), 100);
  assert(!(event instanceof BadLine));
  assertEquals(Object.keys(event), [
    "event_id",
    "event_type",
    "timestamp_ms",
    "run_id",
    "__proto__",
    "n",
  ]);
  assertEquals(Object.getPrototypeOf(event), Object.prototype);
  assertEquals(event.x, undefined);
});

Deno.test("validate() goes by the size it is told, not by the text's characters", () => {
  assertInstanceOf(validate(GOOD_LINE, 8 * 1024 * 1024 + 1), BadLine);
  assert(!(validate(GOOD_LINE, 8 * 1024 * 1024) instanceof BadLine));
});

Deno.test("parseObject() survives 100,000 levels of objects", () => {
  const deep = `${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`;
  assert(!(parseObject(deep) instanceof BadLine));
  assertInstanceOf(parseObject(deep.slice(0, -1)), BadLine);
});

Deno.test("parseObject() refuses half a character that is not escaped", () => {
  for (const half of ["\ud800", "\udc00", "\udc00\ud800"]) {
    const verdict = parseObject(`{"a":"${half}"}`);
    assertInstanceOf(verdict, BadLine);
    assertMatch(verdict.reason, /lone surrogate/);
  }
  assert(!(parseObject(`{"a":"\ud83d\ude00"}`) instanceof BadLine));
});

Deno.test("nestingDepth() counts levels outside of strings", () => {
  for (
    const [text, depth] of [
      ["1", 0],
      ["{}", 1],
      ["[[],[[]]]", 3],
      [`{"a":"[[[{{{"}`, 1],
      [String.raw`{"a":"\"[["}`, 1],
      [String.raw`{"a":"\\","b":[{}]}`, 3],
    ] as const
  ) assertEquals(nestingDepth(text), depth, text);
});

Deno.test("isTimestamp() takes whole milliseconds from 1970 to the end of year 9999", () => {
  for (const right of [0, -0, 1, 1769174319945, timestamp_ms_max]) {
    assert(isTimestamp(right), String(right));
  }
  for (
    const wrong of [-1, 0.5, timestamp_ms_max + 1, NaN, Infinity, "1", 1n, null, undefined, [1]]
  ) assert(!isTimestamp(wrong), String(wrong));
  assertEquals(new Date(timestamp_ms_max).toISOString(), "9999-12-31T23:59:59.999Z");
});

const KINDS = {
  run_id: {
    right: ["r1", "ns:run-2026.01", "..r", "...", "läuft", "r 1", "r".repeat(200)],
    wrong: ["", ".", "..", "a/b", "a\\b", "a\u0000", "a\n", "\u007f", "r".repeat(201), 5, null],
  },
  name: { right: ["a", " ", "\u0000"], wrong: ["", 5, null, undefined, ["a"], {}] },
  text: { right: ["", "a"], wrong: [5, null, undefined, []] },
  object: {
    right: [{}, { a: 1 }, Object.create(null)],
    wrong: [null, [], "", 1, undefined, () => {}],
  },
  count: {
    right: [0, -0, 1, Number.MAX_SAFE_INTEGER],
    wrong: [-1, 0.5, 2 ** 53, NaN, Infinity, "1", null, undefined, 1n],
  },
  duration: {
    right: [0, -0, 0.5, 1e300, Number.MAX_VALUE],
    wrong: [-0.1, NaN, Infinity, -Infinity, "1", null, undefined],
  },
  direction: { right: ["higher", "lower"], wrong: ["Higher", "", "up", 1, null, undefined] },
  optional_run_id: { right: [undefined, null, "r1"], wrong: ["", "a/b", 5, false] },
  optional_names: { right: [undefined, null, [], ["a", "b"]], wrong: ["a", [""], ["a", 1], {}] },
  optional_text: { right: [undefined, null, "", "a"], wrong: [5, false, {}, []] },
  optional_flag: { right: [undefined, null, true, false], wrong: ["true", 0, {}, []] },
  optional_name: { right: [undefined, null, "a"], wrong: ["", 5, false, {}, []] },
} as const;

Deno.test("isOfKind() knows each kind by its right and its wrong values", () => {
  for (const [kind, { right, wrong }] of Object.entries(KINDS)) {
    for (const value of right) {
      assert(isOfKind(kind as keyof typeof KINDS, value), `${kind} ${Deno.inspect(value)}`);
    }
    for (const value of wrong) {
      assert(!isOfKind(kind as keyof typeof KINDS, value), `${kind} ${Deno.inspect(value)}`);
    }
  }
});

Deno.test("fieldsAreRight() looks at what the event itself holds, never at its prototype", () => {
  const identity = { event_id: "e", event_type: "run.started", timestamp_ms: 1 };
  assert(fieldsAreRight({ ...identity, run_id: "r" }, "run.started"));
  assert(!fieldsAreRight(identity, "run.started"));
  const inherits = Object.assign(Object.create({ run_id: "r" }), identity);
  assert(!fieldsAreRight(inherits, "run.started"));
  const inherits_wrong = Object.assign(Object.create({ causation_id: 5 }), identity, {
    run_id: "r",
  });
  assert(fieldsAreRight(inherits_wrong, "run.started"));
});

Deno.test("every built-in type has a summary and the common fields", () => {
  assertEquals(Object.keys(EVENT_TYPE_SUMMARIES), Object.keys(EVENT_TYPES));
  for (const type of Object.keys(EVENT_TYPES)) {
    assert(isBuiltIn(type));
    const fields = fieldsOf(type).map(([field]) => field);
    assert(fields.includes("correlation_id") && fields.includes("causation_id"), type);
  }
  for (const stranger of ["toString", "__proto__", "", "run", "RUN.STARTED"]) {
    assert(!isBuiltIn(stranger), stranger);
  }
});
