/**
 * Schema compiler: the subset of JSON Schema that custom event types are described in, as a check that says
 * the first thing that is wrong. It loads no library, and refuses an unknown keyword when a type is
 * registered instead of ignoring it when an event comes.
 */
import { quoted } from "../../base/error.ts";
import { isObject } from "./event.ts";
import { compilePattern, type Pattern, UnusablePattern } from "./pattern.ts";

/** A schema in the subset; `SCHEMA_KEYWORDS` lists what it may say. */
export type JsonSchema = Record<string, unknown>;

const TYPES = ["object", "array", "string", "number", "integer", "boolean", "null"] as const;
type TypeName = (typeof TYPES)[number];

export const SCHEMA_KEYWORDS =
  ("type enum const properties required additionalProperties items minItems maxItems minLength " +
    "maxLength pattern minimum maximum exclusiveMinimum exclusiveMaximum").split(" ");

/** The keywords that may stand there for people to read. */
const SCHEMA_ANNOTATIONS = "$schema $id $comment title description default examples deprecated"
  .split(" ");

export type Check = (value: unknown, path: string) => string | undefined;

/** A schema that is not in the subset; the message says where and why. */
export class UnusableSchema extends Error {}

/**
 * A schema with a regular expression that could take forever. Registries of earlier versions hold such:
 * they are read, and no event is emitted by them.
 */
export class RefusedPattern extends UnusableSchema {}

export function compileSchema(schema: unknown, place = "the schema"): Check {
  if (!isObject(schema)) {
    throw new UnusableSchema(`${place} is ${quoted(schema)}; it has to be a JSON object`);
  }
  for (const keyword of Object.keys(schema)) {
    if (!SCHEMA_KEYWORDS.includes(keyword) && !SCHEMA_ANNOTATIONS.includes(keyword)) {
      throw new UnusableSchema(
        `${place} uses the keyword ${quoted(keyword)}; known are ${SCHEMA_KEYWORDS.join(", ")}`,
      );
    }
  }
  const checks = [
    typeCheck(schema, place),
    valueCheck(schema, place),
    objectCheck(schema, place),
    arrayCheck(schema, place),
    stringCheck(schema, place),
    numberCheck(schema, place),
  ].filter((check) => check !== undefined);
  return (value, path) => {
    for (const check of checks) {
      const problem = check(value, path);
      if (problem) return problem;
    }
  };
}

function typeCheck(schema: JsonSchema, place: string): Check | undefined {
  if (schema.type === undefined) return undefined;
  const types = (Array.isArray(schema.type) ? schema.type : [schema.type]) as TypeName[];
  for (const type of types) {
    if (!TYPES.includes(type)) {
      throw new UnusableSchema(
        `${place} has the type ${quoted(type)}; known are ${TYPES.join(", ")}`,
      );
    }
  }
  const words = types.map((type) => /^[aio]/.test(type) ? `an ${type}` : `a ${type}`).join(" or ");
  return (value, path) =>
    types.some((type) => isOfType(value, type))
      ? undefined
      : `${path} is ${shownOrMissing(value)}; it has to be ${words}`;
}

function valueCheck(schema: JsonSchema, place: string): Check | undefined {
  if (schema.enum !== undefined && !Array.isArray(schema.enum)) {
    throw new UnusableSchema(`${place} has an enum that is not a list`);
  }
  const allowed = "const" in schema ? [schema.const] : schema.enum as unknown[] | undefined;
  if (!allowed) return undefined;
  const texts = allowed.map((value) => JSON.stringify(value));
  return (value, path) =>
    texts.includes(JSON.stringify(value))
      ? undefined
      : `${path} is ${shownOrMissing(value)}; it has to be ${texts.join(" or ")}`;
}

function objectCheck(schema: JsonSchema, place: string): Check | undefined {
  const { properties = {}, required = [], additionalProperties = true } = schema;
  if (!isObject(properties)) throw new UnusableSchema(`${place} has properties that are no object`);
  if (!Array.isArray(required) || required.some((name) => typeof name !== "string")) {
    throw new UnusableSchema(`${place} has a "required" that is not a list of names`);
  }
  const known = new Map(
    Object.entries(properties).map(([name, property]) =>
      [name, compileSchema(property, `${place} at ${quoted(name)}`)] as const
    ),
  );
  const others = typeof additionalProperties === "boolean"
    ? undefined
    : compileSchema(additionalProperties, `${place} at "additionalProperties"`);
  return (value, path) => {
    if (!isObject(value)) return undefined;
    for (const name of required as string[]) {
      if (!Object.hasOwn(value, name)) return `${inside(path, name)} is missing`;
    }
    for (const [name, member] of Object.entries(value)) {
      const check = known.get(name) ?? others;
      if (!check && additionalProperties === false) {
        return `${inside(path, name)} is not a field of this type`;
      }
      const problem = check?.(member, inside(path, name));
      if (problem) return problem;
    }
  };
}

function arrayCheck(schema: JsonSchema, place: string): Check | undefined {
  const min = limit(schema, "minItems", place);
  const max = limit(schema, "maxItems", place);
  const item = schema.items === undefined
    ? undefined
    : compileSchema(schema.items, `${place} at "items"`);
  return (value, path) => {
    if (!Array.isArray(value)) return undefined;
    if (min !== undefined && value.length < min) return `${path} has fewer than ${min} items`;
    if (max !== undefined && value.length > max) return `${path} has more than ${max} items`;
    for (let index = 0; item && index < value.length; index++) {
      const problem = item(value[index], `${path}[${index}]`);
      if (problem) return problem;
    }
  };
}

function stringCheck(schema: JsonSchema, place: string): Check | undefined {
  const min = limit(schema, "minLength", place);
  const max = limit(schema, "maxLength", place);
  const pattern = schema.pattern === undefined ? undefined : patternOf(schema.pattern, place);
  return (value, path) => {
    if (typeof value !== "string") return undefined;
    const length = [...value].length;
    if (min !== undefined && length < min) {
      return `${path} is ${quoted(value)}; shorter than ${min} characters`;
    }
    if (max !== undefined && length > max) {
      return `${path} is ${quoted(value)}; longer than ${max} characters`;
    }
    if (pattern?.isTooLong(value)) {
      return `${path} is too long to be matched with ${pattern.text}: it has ${length} characters`;
    }
    if (pattern && !pattern.test(value)) {
      return `${path} is ${quoted(value)}; it has to match ${pattern.text}`;
    }
  };
}

function numberCheck(schema: JsonSchema, place: string): Check | undefined {
  const min = limit(schema, "minimum", place);
  const max = limit(schema, "maximum", place);
  const above = limit(schema, "exclusiveMinimum", place);
  const below = limit(schema, "exclusiveMaximum", place);
  return (value, path) => {
    if (typeof value !== "number") return undefined;
    const wrong = min !== undefined && value < min
      ? `at least ${min}`
      : max !== undefined && value > max
      ? `at most ${max}`
      : above !== undefined && value <= above
      ? `more than ${above}`
      : below !== undefined && value >= below
      ? `less than ${below}`
      : undefined;
    return wrong && `${path} is ${value}; it has to be ${wrong}`;
  };
}

function limit(schema: JsonSchema, keyword: string, place: string): number | undefined {
  const value = schema[keyword];
  if (value === undefined || (typeof value === "number" && Number.isFinite(value))) return value;
  throw new UnusableSchema(`${place} has ${keyword} ${quoted(value)}; it has to be a number`);
}

function patternOf(pattern: unknown, place: string): Pattern {
  const shown = `${place} has the pattern ${quoted(pattern)}`;
  if (typeof pattern !== "string") throw new UnusableSchema(`${shown}: no regular expression`);
  try {
    return compilePattern(pattern);
  } catch (error) {
    if (!(error instanceof UnusablePattern)) throw error;
    if (!error.is_expression) throw new UnusableSchema(`${shown}: no regular expression`);
    throw new RefusedPattern(`${shown}: ${error.message}`);
  }
}

function isOfType(value: unknown, type: TypeName): boolean {
  if (type === "object") return isObject(value);
  if (type === "array") return Array.isArray(value);
  if (type === "integer") return Number.isInteger(value);
  // deno-lint-ignore valid-typeof
  return type === "null" ? value === null : typeof value === type;
}

function inside(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

function shownOrMissing(value: unknown): string {
  return value === undefined ? "missing" : quoted(value);
}
