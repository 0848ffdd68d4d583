import { assertEquals, assertThrows } from "@std/assert";
import {
  compileSchema,
  type JsonSchema,
  SCHEMA_KEYWORDS,
  UnusableSchema,
} from "../../../src/log/event/json_schema.ts";

/** Keyword -> a schema, values it takes, and values it refuses with what it says. */
const RULES: [JsonSchema, right: unknown[], wrong: [unknown, string][]][] = [
  [{ type: "object" }, [{}, { a: 1 }], [
    [[], "it is []; it has to be an object"],
    [null, "it is null; it has to be an object"],
  ]],
  [{ type: "array" }, [[], [1]], [[{}, "it is {}; it has to be an array"]]],
  [{ type: "string" }, [""], [[1, "it is 1; it has to be a string"]]],
  [{ type: "number" }, [1, 0.5, -1e300], [["1", 'it is "1"; it has to be a number']]],
  [{ type: "integer" }, [1, -1, 1e15], [[0.5, "it is 0.5; it has to be an integer"]]],
  [{ type: "boolean" }, [true, false], [[0, "it is 0; it has to be a boolean"]]],
  [{ type: "null" }, [null], [[0, "it is 0; it has to be a null"]]],
  [{ type: ["string", "null"] }, ["", null], [[1, "it is 1; it has to be a string or a null"]]],
  [{ enum: ["low", 1, null] }, ["low", 1, null], [
    ["LOW", 'it is "LOW"; it has to be "low" or 1 or null'],
  ]],
  [{ const: { a: 1 } }, [{ a: 1 }], [[{ a: 2 }, 'it is {"a":2}; it has to be {"a":1}']]],
  [{ const: null }, [null], [[0, "it is 0; it has to be null"]]],
  [{ properties: { a: { type: "string" } } }, [{}, { a: "x", b: 1 }, 5], [
    [{ a: 1 }, "it.a is 1; it has to be a string"],
  ]],
  [{ required: ["a"] }, [{ a: null }, "no object"], [[{ b: 1 }, "it.a is missing"]]],
  [{ required: ["toString"] }, [{ toString: 1 }], [[{}, "it.toString is missing"]]],
  [{ properties: { a: {} }, additionalProperties: false }, [{}, { a: 1 }], [
    [{ a: 1, b: 2 }, "it.b is not a field of this type"],
  ]],
  [{ additionalProperties: { type: "number" } }, [{ a: 1 }], [
    [{ a: "1" }, 'it.a is "1"; it has to be a number'],
  ]],
  [{ items: { type: "string" } }, [[], ["a"], 5], [[
    ["a", 1],
    "it[1] is 1; it has to be a string",
  ]]],
  [{ minItems: 1 }, [[1], {}], [[[], "it has fewer than 1 items"]]],
  [{ maxItems: 1 }, [[1], {}], [[[1, 2], "it has more than 1 items"]]],
  [{ minLength: 2 }, ["ab", "😀😀", 5], [["😀", 'it is "😀"; shorter than 2 characters']]],
  [{ maxLength: 1 }, ["a", "😀"], [["ab", 'it is "ab"; longer than 1 characters']]],
  [{ pattern: "^\\d+$" }, ["12", 5], [["1x", 'it is "1x"; it has to match /^\\d+$/u']]],
  [{ minimum: 1 }, [1, 2, "0"], [[0.9, "it is 0.9; it has to be at least 1"]]],
  [{ maximum: 1 }, [1, 0], [[1.1, "it is 1.1; it has to be at most 1"]]],
  [{ exclusiveMinimum: 1 }, [1.1], [[1, "it is 1; it has to be more than 1"]]],
  [{ exclusiveMaximum: 1 }, [0.9], [[1, "it is 1; it has to be less than 1"]]],
];

Deno.test("each keyword takes and refuses what JSON Schema says, in a sentence", () => {
  for (const [schema, right, wrong] of RULES) {
    const check = compileSchema(schema);
    const shown = JSON.stringify(schema);
    for (const value of right) {
      assertEquals(check(value, "it"), undefined, `${shown} ${JSON.stringify(value)}`);
    }
    for (const [value, problem] of wrong) assertEquals(check(value, "it"), problem, shown);
  }
});

Deno.test("the table of rules has every keyword", () => {
  const tried = new Set(RULES.flatMap(([schema]) => Object.keys(schema)));
  assertEquals([...SCHEMA_KEYWORDS].filter((keyword) => !tried.has(keyword)), []);
});

Deno.test("a problem deep inside is named by its path", () => {
  const schema = {
    properties: { legs: { items: { properties: { px: { type: "number" } }, required: ["px"] } } },
  };
  const check = compileSchema(schema);
  assertEquals(check({ legs: [{ px: 1 }, {}] }, ""), "legs[1].px is missing");
  assertEquals(
    check({ legs: [{ px: "1" }] }, ""),
    'legs[0].px is "1"; it has to be a number',
  );
});

Deno.test("annotations are for people and change nothing", () => {
  const check = compileSchema({
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "t",
    description: "d",
    examples: [1],
    default: "x",
    type: "string",
  });
  assertEquals(check("a", "it"), undefined);
  assertEquals(check(1, "it"), "it is 1; it has to be a string");
});

Deno.test("a schema outside of the subset is refused, never half used", () => {
  const unusable: [unknown, string][] = [
    [5, "the schema is 5; it has to be a JSON object"],
    [null, "the schema is null"],
    [[], "the schema is []"],
    [true, "the schema is true"],
    [{ anyOf: [] }, 'the schema uses the keyword "anyOf"; known are type, enum'],
    [{ $ref: "#" }, 'the keyword "$ref"'],
    [{ properties: { a: { format: "uri" } } }, 'the schema at "a" uses the keyword "format"'],
    [{ items: { items: { not: {} } } }, 'the schema at "items" at "items" uses the keyword "not"'],
    [{ additionalProperties: { not: {} } }, 'at "additionalProperties" uses the keyword "not"'],
    [{ additionalProperties: 5 }, 'the schema at "additionalProperties" is 5'],
    [{ type: "date" }, 'the type "date"; known are object, array'],
    [{ type: ["string", "date"] }, 'the type "date"'],
    [{ enum: "low" }, "has an enum that is not a list"],
    [{ properties: [] }, "has properties that are no object"],
    [{ required: "a" }, 'has a "required" that is not a list of names'],
    [{ required: [1] }, 'has a "required" that is not a list of names'],
    [{ minimum: "1" }, 'has minimum "1"; it has to be a number'],
    [{ maxItems: Infinity }, "has maxItems Infinity"],
    [{ pattern: "(" }, 'has the pattern "(": no regular expression'],
    [{ pattern: 5 }, "has the pattern 5"],
  ];
  for (const [schema, message] of unusable) {
    assertThrows(() => compileSchema(schema), UnusableSchema, message);
  }
});
