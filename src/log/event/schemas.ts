/**
 * The built-in event types as zod schemas and JSON Schema, derived from the table in `event.ts`.
 * Loaded only to explain why fields are wrong or to print a schema: zod costs a process 15 ms.
 */
// The same zod as the command line's: another would keep in every start what only this needs.
import * as z from "zod/mini";
import { type BuiltInType, type FieldKind, fieldsOf, RUN_ID_PATTERN } from "./event.ts";
import { quoted } from "../../base/error.ts";
import { run_id_chars_max } from "../../base/limits.ts";

const KIND_IN_WORDS: Readonly<Record<FieldKind, string>> = {
  run_id:
    `a run id: 1 to ${run_id_chars_max} characters, no slash, backslash or control character, not "." or ".."`,
  name: "a string that is not empty",
  text: "a string",
  object: "a JSON object",
  count: "a whole number, 0 or more",
  duration: "a number of milliseconds, 0 or more",
  optional_name: "a string that is not empty, or null",
};

function schemaOfKind(kind: FieldKind): z.ZodMiniType {
  const error = KIND_IN_WORDS[kind];
  switch (kind) {
    case "run_id":
      return z.string({ error }).check(z.regex(RUN_ID_PATTERN, { error }));
    case "name":
      return z.string({ error }).check(z.minLength(1, { error }));
    case "text":
      return z.string({ error });
    case "object":
      return z.record(z.string(), z.unknown(), { error });
    case "count":
      return z.int({ error }).check(z.minimum(0, { error }));
    case "duration":
      return z.number({ error }).check(z.minimum(0, { error }));
    case "optional_name":
      return z.nullish(z.string({ error }).check(z.minLength(1, { error })));
  }
}

/** The zod schema of a built-in type. Unknown fields pass. */
export function schemaOf(type: BuiltInType): z.ZodMiniType {
  const shape = fieldsOf(type).map(([field, kind]) =>
    [field, described(schemaOfKind(kind), KIND_IN_WORDS[kind])] as const
  );
  return z.looseObject(Object.fromEntries(shape));
}

function described(schema: z.ZodMiniType, description: string): z.ZodMiniType {
  return schema.register(z.globalRegistry, { description });
}

/** Every field of an event that is wrong for its type, each in a sentence. Empty when all is right. */
export function fieldProblems(event: Record<string, unknown>, type: BuiltInType): string[] {
  const result = schemaOf(type).safeParse(Object.fromEntries(Object.entries(event)));
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

/** The JSON Schema of a built-in type. */
export function jsonSchemaOf(type: BuiltInType): Record<string, unknown> {
  return z.toJSONSchema(schemaOf(type), { io: "input" }) as Record<string, unknown>;
}
