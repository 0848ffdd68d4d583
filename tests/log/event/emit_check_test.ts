import { assert, assertEquals, assertMatch } from "@std/assert";
import { LedgerError } from "../../../src/base/error.ts";
import { nesting_max } from "../../../src/base/limits.ts";
import {
  type CheckedEvent,
  EmitCheck,
  type ReadyEvent,
} from "../../../src/log/event/emit_check.ts";
import { BadLine, validate } from "../../../src/log/event/validate.ts";
import { Registry } from "../../../src/log/event/registry.ts";
import { testWorld } from "../../harness.ts";
import { GOOD_LINE } from "../cases.ts";

const NOW_MS = 1_769_174_319_945;

function checkWith(types: ConstructorParameters<typeof Registry>[0] = new Map()): EmitCheck {
  const world = testWorld({ now_ms: () => NOW_MS, random_uint32: () => 0xffff_fffe });
  return new EmitCheck(world, new Registry(types));
}

function ready(result: CheckedEvent): ReadyEvent {
  assert(result.ok, "refused");
  return result;
}

async function refusal(result: CheckedEvent): Promise<LedgerError> {
  assert(!result.ok, `accepted: ${JSON.stringify(result)}`);
  const error = await result.explain();
  assertEquals(error.code, "invalid");
  return error;
}

const STARTED = { event_type: "run.started", run_id: "r1" };

Deno.test("what is missing is added at the end, and the rest stays byte for byte", () => {
  const text = `{ "run_id" : "r1",  "x":1.50,"event_type":"run.started" }`;
  const { line, event_id, timestamp_ms, untouched } = ready(checkWith().fromLine(text));
  assertEquals(
    line,
    `{ "run_id" : "r1",  "x":1.50,"event_type":"run.started","timestamp_ms":${NOW_MS},` +
      `"event_id":"${NOW_MS}_ffffffff"}`,
  );
  assertEquals([event_id, timestamp_ms, untouched], [`${NOW_MS}_ffffffff`, NOW_MS, false]);
});

Deno.test("a line that needs nothing is the one that was given", () => {
  const { line, untouched } = ready(checkWith().fromLine(GOOD_LINE));
  assertEquals([line, untouched], [GOOD_LINE, true]);
  const spaced = ready(checkWith().fromLine(` ${GOOD_LINE}\r`));
  assertEquals([spaced.line, spaced.untouched], [GOOD_LINE, false]);
});

Deno.test("line breaks between the words become blanks, so that a line stays a line", () => {
  const pretty = JSON.stringify(JSON.parse(GOOD_LINE), null, 2).replaceAll("\n", "\r\n");
  const { line } = ready(checkWith().fromLine(pretty));
  assert(!/[\r\n]/.test(line));
  assertEquals(JSON.parse(line), JSON.parse(GOOD_LINE));
});

Deno.test("ids count up from a random start, over the end, and never repeat", () => {
  const check = checkWith();
  const ids = [1, 2, 3].map(() => ready(check.fromFields(STARTED)).event_id.split("_")[1]);
  assertEquals(ids, ["ffffffff", "00000000", "00000001"]);
});

Deno.test("an id follows the time that was given, not the clock", () => {
  const { event_id } = ready(
    checkWith().fromFields({ ...STARTED, timestamp_ms: 1_700_000_000_000 }),
  );
  assertEquals(event_id, "1700000000000_ffffffff");
});

Deno.test("a time in seconds is refused with the milliseconds it would be", async () => {
  const error = await refusal(checkWith().fromFields({ ...STARTED, timestamp_ms: 1_769_174_319 }));
  assertMatch(error.message, /1769174319, which is 1970-01-21T.* looks like seconds/);
  assertEquals(error.hint, "in milliseconds it is 1769174319000");
  ready(checkWith().fromFields({ ...STARTED, timestamp_ms: 100_000_000_000 }));
  await refusal(checkWith().fromFields({ ...STARTED, timestamp_ms: 99_999_999_999 }));
});

Deno.test("hints name the likely mistake with a time", async () => {
  const hint = async (timestamp_ms: unknown) =>
    (await refusal(checkWith().fromFields({ ...STARTED, timestamp_ms }))).hint;
  assertEquals(await hint("1769174319945"), "write it as a number, without quotes");
  assertEquals(
    await hint(1_769_174_319_945_000),
    "microseconds or nanoseconds? Divide by 1000 or 1000000",
  );
});

Deno.test("what JSON cannot hold is refused with its path, not turned into null", async () => {
  const lost: [unknown, RegExp][] = [
    [{ duration: NaN }, /x\.duration is NaN or infinite/],
    [[1, [Infinity]], /x\.1\.0 is NaN or infinite/],
    [-Infinity, /x is NaN or infinite/],
    [10n, /BigInt/],
  ];
  for (const [x, message] of lost) {
    assertMatch((await refusal(checkWith().fromFields({ ...STARTED, x }))).message, message);
  }
  const circular: Record<string, unknown> = { ...STARTED };
  circular.self = circular;
  assertMatch((await refusal(checkWith().fromFields(circular))).message, /circular/);
  ready(checkWith().fromFields({ ...STARTED, x: [null, "null", "NaN"] }));
});

Deno.test("what is no object is refused", async () => {
  for (const thing of [undefined, null, 5, "text", [], () => {}]) {
    await refusal(checkWith().fromFields(thing as unknown as Record<string, unknown>));
  }
});

Deno.test("fields of the prototype are not the event's", async () => {
  const inherits = Object.create(STARTED) as Record<string, unknown>;
  assertMatch((await refusal(checkWith().fromFields(inherits))).message, /event_type is missing/);
});

Deno.test("nesting is limited on both sides of the limit, whatever the event holds", async () => {
  const nested = (levels: number, leaf: unknown) => {
    let value = leaf;
    for (let level = 1; level < levels; level++) value = [value];
    return { ...STARTED, value };
  };
  for (const leaf of ["x", null, NaN]) {
    for (const levels of [nesting_max + 1, 100_000]) {
      const { message } = await refusal(checkWith().fromFields(nested(levels + 1, leaf)));
      assertMatch(message, /nests more than 500 levels deep/);
    }
  }
  ready(checkWith().fromFields(nested(nesting_max, null)));
  await refusal(checkWith().fromFields(nested(nesting_max, NaN)));
});

Deno.test("an unknown type is refused with the names it resembles", async () => {
  const error = await refusal(checkWith().fromFields({ event_type: "run.start", run_id: "r" }));
  assertEquals(
    error.message,
    'cannot emit an event of type "run.start": no such type is known',
  );
  assertEquals((error.detail?.similar as string[])[0], "run.started");
  assertMatch(error.hint!, /did you mean run\.started/);
});

Deno.test("an event of a registered type is checked by its schema, and marked with its version", async () => {
  const types = new Map([["risk.breached", {
    version: 2,
    schema: { required: ["severity"], properties: { severity: { enum: ["low", "high"] } } },
    migrations: [{ version: 2, steps: [{ rename: "level", to: "severity" }] }],
  }]]);
  const check = checkWith(types);
  const event = { event_type: "risk.breached", severity: "low" };
  assertEquals(JSON.parse(ready(check.fromFields(event)).line).event_version, 2);
  const old = { event_type: "risk.breached", level: "low", event_version: 1 };
  assertEquals(JSON.parse(ready(check.fromFields(old)).line).level, "low");
  const wrong = await refusal(check.fromFields({ ...event, severity: "LOW" }));
  assertMatch(wrong.message, /risk\.breached event: severity is "LOW"/);
  assertMatch(
    (await refusal(check.fromFields({ ...event, run_id: "a/b" }))).message,
    /a run id has/,
  );
});

Deno.test("a line over the limit is refused for its bytes, not its characters", async () => {
  const event = { ...STARTED, timestamp_ms: NOW_MS, event_id: "e", pad: "" };
  const empty = JSON.stringify(event).length;
  const room = 8 * 1024 * 1024 - empty;
  ready(checkWith().fromFields({ ...event, pad: "é".repeat(Math.floor(room / 2)) }));
  const error = await refusal(
    checkWith().fromFields({ ...event, pad: "é".repeat(Math.floor(room / 2) + 1) }),
  );
  assertMatch(error.message, /bytes long; an event has at most 8388608 bytes/);
  assertEquals(error.hint, "put the data into a file and its path here");
});

Deno.test("an id with a control character is refused, however it comes, and its message is one line", async () => {
  const check = checkWith();
  for (const code of [0, 9, 10, 13, 27, 127, 128, 0x9b, 0x9f, 0x2028, 0x2029]) {
    const event_id = `a${String.fromCharCode(code)}b`;
    const by_fields = await refusal(check.fromFields({ ...STARTED, event_id }));
    const by_line = await refusal(check.fromLine(JSON.stringify({ ...STARTED, event_id })));
    assertEquals(by_fields.message, by_line.message);
    assertMatch(
      by_line.message,
      /event_id is "a\\.*b"; it has the control character \\u00|2028|2029/,
    );
    // deno-lint-ignore no-control-regex
    assertEquals(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(by_line.message), false);
  }
  for (const event_id of ["ä", "a b", "\u00a0", "😀", "\u202a"]) {
    assertEquals(ready(check.fromFields({ ...STARTED, event_id })).event_id, event_id);
    assertEquals(
      ready(check.fromLine(JSON.stringify({ ...STARTED, event_id }))).event_id,
      event_id,
    );
  }
});

Deno.test("what a refusal quotes is one line of text, whatever the event holds", async () => {
  const hostile = "\u001b[2J\u009b\u007f\u2028\n";
  for (
    const event of [{ event_type: hostile }, { ...STARTED, run_id: hostile, event_id: hostile }]
  ) {
    const { message } = await refusal(checkWith().fromFields(event));
    // deno-lint-ignore no-control-regex
    assertEquals(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(message), false, message);
  }
});

Deno.test("the verdict on a line knows nothing of control characters in its id: history stays", () => {
  const line = JSON.stringify({ ...STARTED, event_id: "a\nb\u009b", timestamp_ms: NOW_MS });
  assert(!(validate(line, line.length) instanceof BadLine));
});

Deno.test("a refusal reads the registry once more, and only where one of its types may be meant", async () => {
  const types = new Map([["risk.breached", { version: 1, schema: {}, migrations: [] }]]);
  let looks = 0;
  const check = new EmitCheck(
    testWorld(),
    new Registry(),
    () => ++looks === 1 ? new Registry(types) : undefined,
  );
  const line = `{"event_type":"risk.breached","run_id":"r1"}`;
  assert(check.fromLine(line).ok, "its type was registered meanwhile");
  assertEquals(looks, 1);
  await refusal(check.fromFields({ event_type: "run.started" }));
  await refusal(check.fromLine("{"));
  assertEquals(looks, 1);
  const refused = check.fromFields({ event_type: "risk.none" });
  assertEquals(looks, 2);
  assertMatch((await refusal(refused)).message, /no such type is known/);
});
