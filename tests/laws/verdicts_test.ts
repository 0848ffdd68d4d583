/** The table's quick yes or no, and zod's explanation of a no, are one verdict. */
import { assertEquals } from "@std/assert";
import {
  type BuiltInType,
  EVENT_TYPES,
  fieldsAreRight,
  fieldsOf,
  type LedgerEvent,
} from "../../src/log/event/event.ts";
import { fieldProblems, schemaOf } from "../../src/log/event/schemas.ts";
import { type Random, withSeed } from "./random.ts";

const ROUNDS = 5_000;
const TYPES = Object.keys(EVENT_TYPES) as BuiltInType[];

/** What may stand where something else was asked for. */
const STRANGE = [
  ...[undefined, null, true, "", " ", ".", "..", "a/b", "a\\b", "r\u0000", "r\n", "r".repeat(201)],
  ...[0, -0, 1, -1, 0.5, -0.5, NaN, Infinity, -Infinity, 2 ** 53, 2 ** 53 - 1, 1e400, 5e-324],
  ...[[], ["a"], [""], ["a", 1], {}, { a: 1 }, Object.create(null), 10n],
];

function rightValue(random: Random, kind: string): unknown {
  switch (kind) {
    case "run_id":
      return random.pick(["r", "ns:run-1", "läuft 😀", "r".repeat(200), "...", "__proto__"]);
    case "object":
      return random.object();
    case "count":
      return random.pick([0, 7, Number.MAX_SAFE_INTEGER]);
    case "duration":
      return random.pick([0, 0.5, 1e300, -0]);
    case "direction":
      return random.pick(["higher", "lower"]);
    case "optional_run_id":
      return random.pick([null, "r", undefined]);
    case "optional_name":
      return random.pick([null, "c", undefined]);
    case "optional_names":
      return random.pick([null, [], ["c", "漢"], undefined]);
    case "optional_text":
      return random.pick([null, "", "c", undefined]);
    case "optional_flag":
      return random.pick([null, true, false, undefined]);
    default:
      return random.pick(["a", " ", "\u0000", "漢"]);
  }
}

/** An event of a type: often right, often with a field that is missing, wrong, or only inherited. */
function randomEvent(random: Random, type: BuiltInType): LedgerEvent {
  const prototype = random.chance(0.1) ? { run_id: "inherited", config: {} } : Object.prototype;
  const event: LedgerEvent = Object.create(prototype);
  Object.assign(event, { event_id: "e", event_type: type, timestamp_ms: 1 });
  const wrong = random.chance(0.5) ? random.below(3) : 0;
  const fields = fieldsOf(type);
  const broken = new Set(random.times(wrong, () => random.pick(fields)[0]));
  for (const [field, kind] of fields) {
    if (!broken.has(field)) event[field] = rightValue(random, kind);
    else if (random.chance(0.8)) event[field] = random.pick(STRANGE);
  }
  if (random.chance(0.3)) Object.assign(event, random.object());
  if (random.chance(0.1)) Object.defineProperty(event, "__proto__", { value: 1, enumerable: true });
  return event;
}

Deno.test("the table and zod agree on every event", () =>
  withSeed((random) => {
    const verdicts = { right: 0, wrong: 0 };
    for (let round = 0; round < ROUNDS; round++) {
      const type = random.pick(TYPES);
      const event = randomEvent(random, type);
      const by_table = fieldsAreRight(event, type);
      const shown = Deno.inspect(event, { depth: 3 });
      assertEquals(fieldProblems(event, type).length === 0, by_table, shown);
      const own = Object.fromEntries(Object.entries(event));
      assertEquals(schemaOf(type).safeParse(own).success, by_table, shown);
      verdicts[by_table ? "right" : "wrong"]++;
    }
    // A generator that makes only one kind would make this law worth nothing.
    assertEquals(
      Math.min(verdicts.right, verdicts.wrong) > ROUNDS / 5,
      true,
      Deno.inspect(verdicts),
    );
  }));

Deno.test("each strange value in each field gets one verdict", () => {
  for (const type of TYPES) {
    for (const [field] of fieldsOf(type)) {
      for (const value of STRANGE) {
        const event: LedgerEvent = { event_id: "e", event_type: type, timestamp_ms: 1 };
        for (const [name, kind] of fieldsOf(type)) {
          if (!kind.startsWith("optional")) {
            event[name] = kind === "object"
              ? {}
              : kind === "count" || kind === "duration"
              ? 1
              : kind === "direction"
              ? "higher"
              : "x";
          }
        }
        event[field] = value;
        const shown = `${type} ${field} ${Deno.inspect(value)}`;
        assertEquals(fieldProblems(event, type).length === 0, fieldsAreRight(event, type), shown);
      }
    }
  }
});
