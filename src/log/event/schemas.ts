/**
 * The built-in event types as zod schemas and JSON Schema, derived from the table in `event.ts`.
 * Loaded only to explain why fields are wrong or to print a schema: zod costs a process 15 ms.
 */
// The same zod as the command line's: another would keep in every start what only this needs.
import * as z from "zod/mini";
import {
  type BuiltInType,
  DIRECTIONS,
  type FieldKind,
  fieldsOf,
  hasOneOf,
  ONE_OF_FIELDS,
  RUN_ID_PATTERN,
} from "./event.ts";
import { quoted } from "../../base/error.ts";
import { run_id_chars_max } from "../../base/limits.ts";

type Said = { error: string };

/** Each kind in words, and as a schema that says no in those words. */
const KINDS: Readonly<Record<FieldKind, readonly [string, (said: Said) => z.ZodMiniType]>> = {
  run_id: [
    `a run id: 1 to ${run_id_chars_max} characters, no slash, backslash or control character, ` +
    `not "." or ".."`,
    (said) => z.string(said).check(z.regex(RUN_ID_PATTERN, said)),
  ],
  name: ["a string that is not empty", (said) => z.string(said).check(z.minLength(1, said))],
  text: ["a string", (said) => z.string(said)],
  object: ["a JSON object", (said) => z.record(z.string(), z.unknown(), said)],
  count: ["a whole number, 0 or more", (said) => z.int(said).check(z.minimum(0, said))],
  duration: [
    "a number of milliseconds, 0 or more",
    (said) => z.number(said).check(z.minimum(0, said)),
  ],
  direction: [`a direction: ${DIRECTIONS.join(" or ")}`, (said) => z.enum(DIRECTIONS, said)],
  optional_run_id: [
    "a run id, or null",
    (said) => z.nullish(z.string(said).check(z.regex(RUN_ID_PATTERN, said))),
  ],
  optional_name: [
    "a string that is not empty, or null",
    (said) => z.nullish(z.string(said).check(z.minLength(1, said))),
  ],
  optional_names: [
    "a list of strings that are not empty, or null",
    (said) => z.nullish(z.array(z.string(said).check(z.minLength(1, said)), said)),
  ],
  optional_text: ["a string, or null", (said) => z.nullish(z.string(said))],
  optional_flag: ["true, false or null", (said) => z.nullish(z.boolean(said))],
};

export function schemaOf(type: BuiltInType): z.ZodMiniType {
  const fields = fieldsOf(type).map(([field, kind]) => {
    const [description, schema] = KINDS[kind];
    return [field, schema({ error: description }).register(z.globalRegistry, { description })];
  });
  const [one, ...others] = ONE_OF_FIELDS[type] ?? [];
  const error = `there, or ${others.join(" or ")}`;
  return z.looseObject(Object.fromEntries(fields)).check(
    z.refine((event) => hasOneOf(event, type), { error, path: [one] }),
  );
}

/** Every field of an event that is wrong for its type, each in a sentence. Empty when all is right. */
export function fieldProblems(event: Record<string, unknown>, type: BuiltInType): string[] {
  // A copy: a field counts only when the event itself holds it.
  const result = schemaOf(type).safeParse({ ...event });
  if (result.success) return [];
  const problems = new Map<string, string>();
  for (const issue of result.error.issues) {
    const field = String(issue.path[0]);
    const found = Object.hasOwn(event, field)
      ? `${field} is ${quoted(event[field])}`
      : `${field} is missing`;
    problems.set(field, `${found}; it has to be ${issue.message}`);
  }
  return [...problems.values()];
}

export function jsonSchemaOf(type: BuiltInType): Record<string, unknown> {
  return z.toJSONSchema(schemaOf(type), { io: "input" }) as Record<string, unknown>;
}
