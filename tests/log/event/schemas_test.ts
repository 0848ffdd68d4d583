import { assertEquals, assertMatch } from "@std/assert";
import { type BuiltInType, EVENT_TYPES, requiredFields } from "../../../src/log/event/event.ts";
import { fieldProblems, jsonSchemaOf } from "../../../src/log/event/schemas.ts";

const TYPES = Object.keys(EVENT_TYPES) as BuiltInType[];

Deno.test("a type's JSON Schema asks for its fields and lets others pass", () => {
  for (const type of TYPES) {
    const schema = jsonSchemaOf(type) as {
      required: string[];
      properties: Record<string, { description?: string }>;
      additionalProperties: unknown;
    };
    assertEquals(schema.required.toSorted(), requiredFields(type).toSorted(), type);
    assertEquals(schema.additionalProperties, {}, type);
    for (const [field, { description }] of Object.entries(schema.properties)) {
      assertMatch(description ?? "", /^(a |true)/, `${type} ${field}`);
    }
  }
});

Deno.test("each wrong field is told once, with what it is and what it has to be", () => {
  const event = { run_type: "", config: [], data_fingerprint: 5, correlation_id: "" };
  assertEquals(fieldProblems(event, "run.created"), [
    'correlation_id is ""; it has to be a string that is not empty, or null',
    "run_id is missing; it has to be a run id: 1 to 200 characters, no slash, backslash or " +
    'control character, not "." or ".."',
    'run_type is ""; it has to be a string that is not empty',
    "config is []; it has to be a JSON object",
    "data_fingerprint is 5; it has to be a string",
  ]);
});

Deno.test("numbers that JSON does not have are told as what they are", () => {
  const problems = (duration_ms: unknown) =>
    fieldProblems(
      { run_id: "r", phase_name: "p", output_summary: {}, duration_ms },
      "phase.completed",
    );
  const rule = "it has to be a number of milliseconds, 0 or more";
  assertEquals(problems(NaN), [`duration_ms is NaN; ${rule}`]);
  assertEquals(problems(Infinity), [`duration_ms is Infinity; ${rule}`]);
  assertEquals(problems(-1), [`duration_ms is -1; ${rule}`]);
  assertEquals(problems(0.5), []);
});
