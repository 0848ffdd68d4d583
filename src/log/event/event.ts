/**
 * What an event is: the built-in types are one table, from field to kind. The check here walks that table;
 * the schemas in `schemas.ts` are derived from it. Whether a line is a record is another question, and
 * `validate.ts` answers it; an event with wrong fields stays an event, left out of its type's table.
 */
import { run_id_chars_max } from "../../base/limits.ts";

/** An event: an id, a type, a time, and the fields of its type. Extra fields are kept. */
export interface LedgerEvent {
  event_id: string;
  event_type: string;
  timestamp_ms: number;
  [field: string]: unknown;
}

export type FieldKind =
  | "run_id"
  | "name"
  | "text"
  | "object"
  | "count"
  | "duration"
  | "direction"
  | "optional_run_id"
  | "optional_name"
  | "optional_names"
  | "optional_text"
  | "optional_flag";

const COMMON_FIELDS = {
  correlation_id: "optional_name",
  causation_id: "optional_name",
} as const satisfies Record<string, FieldKind>;

export const EVENT_TYPES = {
  "run.created": { run_id: "run_id", run_type: "name", config: "object", data_fingerprint: "text" },
  "run.started": { run_id: "run_id" },
  "run.completed": { run_id: "run_id", summary: "object", artifact_paths: "object" },
  "run.failed": { run_id: "run_id", error: "text" },
  "phase.started": { run_id: "run_id", phase_name: "name", phase_order: "count" },
  "phase.completed": {
    run_id: "run_id",
    phase_name: "name",
    duration_ms: "duration",
    output_summary: "object",
  },
  "trial.recorded": { run_id: "run_id", trial_id: "name", params: "object", metrics: "object" },
  "baseline.completed": {
    run_id: "run_id",
    alerts_total: "count",
    alerts_ok: "count",
    artifact_path: "name",
  },
  "artifact.created": {
    run_id: "run_id",
    artifact_type: "name",
    artifact_path: "name",
    size_bytes: "count",
  },
  "artifact.used": {
    run_id: "run_id",
    used_run_id: "run_id",
    artifact_type: "name",
    sha256: "text",
  },
  "run.annotated": {
    run_id: "run_id",
    tags: "optional_names",
    tags_removed: "optional_names",
    note: "optional_text",
    name: "optional_text",
    pin: "optional_flag",
    group: "optional_text",
  },
  "run.claimed": {
    run_id: "optional_run_id",
    group: "optional_name",
    hypothesis: "name",
    metric: "name",
    direction: "direction",
    trials_planned: "count",
    holdout: "optional_name",
    falsified_if: "optional_name",
  },
  "run.linked": {
    run_id: "run_id",
    to_run_id: "run_id",
    kind: "name",
    removed: "optional_flag",
  },
  "trace.published": { correlation_id: "name", metrics: "object" },
} as const satisfies Record<string, Record<string, FieldKind>>;

export type BuiltInType = keyof typeof EVENT_TYPES;

export const EVENT_TYPE_SUMMARIES: Readonly<Record<BuiltInType, string>> = {
  "run.created": "a run exists: its configuration and the fingerprint of its data",
  "run.started": "a run began to execute",
  "run.completed": "a run ended well: its summary and its artifacts",
  "run.failed": "a run ended with an error",
  "phase.started": "a phase of a run began",
  "phase.completed": "a phase of a run ended: how long it took and what came out",
  "trial.recorded": "one trial of an optimization: parameters tried, metrics found",
  "baseline.completed": "a baseline run ended: how many alerts it covered",
  "artifact.created": "a file with results was stored",
  "artifact.used": "a run read an artifact of another run",
  "run.annotated": "what people say of a run: tags, a note, a name, a pin, its group",
  "run.claimed": "what a run, or a group of runs, is to show: said before its trials",
  "run.linked": "a run stands in a relation to another, such as retry-of",
  "trace.published": "the metrics of a traced run were published",
};

export function isBuiltIn(event_type: unknown): event_type is BuiltInType {
  return typeof event_type === "string" && Object.hasOwn(EVENT_TYPES, event_type);
}

const FIELDS_OF_TYPE: ReadonlyMap<string, readonly (readonly [string, FieldKind])[]> = new Map(
  Object.entries(EVENT_TYPES).map(([type, fields]) => [
    type,
    Object.entries({ ...COMMON_FIELDS, ...fields }),
  ]),
);

/** The fields of a built-in type with their kinds, the common ones included. */
export function fieldsOf(type: BuiltInType): readonly (readonly [string, FieldKind])[] {
  return FIELDS_OF_TYPE.get(type)!;
}

/** What is said about a run, at any time: no sign that it lives. */
export const TYPES_ABOUT_RUNS: readonly string[] = [
  "artifact.used",
  "run.annotated",
  "run.claimed",
  "run.linked",
];

/** Fields of which an event of a type has one at least. */
export const ONE_OF_FIELDS: Readonly<Partial<Record<BuiltInType, readonly string[]>>> = {
  "run.claimed": ["run_id", "group"],
};

/** The directions in which a metric can be better. */
export const DIRECTIONS = ["higher", "lower"] as const;

/** Whether an event itself has one of the fields of which its type wants one. */
export function hasOneOf(event: Readonly<Record<string, unknown>>, type: BuiltInType): boolean {
  return ONE_OF_FIELDS[type]?.some((field) =>
    Object.hasOwn(event, field) && !isAbsent(event[field])
  ) ??
    true;
}

/** The fields that a built-in type asks for. */
export function requiredFields(type: BuiltInType): string[] {
  return Object.entries(EVENT_TYPES[type])
    .filter(([, kind]) => !kind.startsWith("optional")).map(([field]) => field);
}

/** What a run id looks like; also the text of the rule in schemas and in help. */
export const RUN_ID_PATTERN = new RegExp(
  `^(?!\\.{1,2}$)[^/\\\\\\u0000-\\u001f\\u007f]{1,${run_id_chars_max}}$`,
);

/** Whether a value is a JSON object: no list, not null. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isAbsent(value: unknown): value is undefined | null {
  return value === undefined || value === null;
}

export function isOfKind(kind: FieldKind, value: unknown): boolean {
  switch (kind) {
    case "run_id":
      // It names folders: no slashes, no control characters, not `.` or `..`.
      return typeof value === "string" && RUN_ID_PATTERN.test(value);
    case "name":
      return typeof value === "string" && value.length > 0;
    case "text":
      return typeof value === "string";
    case "object":
      return isObject(value);
    case "count":
      return Number.isSafeInteger(value) && (value as number) >= 0;
    case "duration":
      return typeof value === "number" && value >= 0 && value < Infinity;
    case "direction":
      return (DIRECTIONS as readonly unknown[]).includes(value);
    case "optional_run_id":
      return isAbsent(value) || isOfKind("run_id", value);
    case "optional_name":
      return isAbsent(value) || isOfKind("name", value);
    case "optional_names":
      return isAbsent(value) ||
        (Array.isArray(value) && value.every((each) => isOfKind("name", each)));
    case "optional_text":
      return isAbsent(value) || isOfKind("text", value);
    case "optional_flag":
      return isAbsent(value) || typeof value === "boolean";
  }
}

/**
 * Whether an event of a built-in type has the fields that its type asks for, each of its kind. A
 * field counts only when the event itself holds it, never when its prototype does.
 */
export function fieldsAreRight(event: LedgerEvent, type: BuiltInType): boolean {
  for (const [field, kind] of FIELDS_OF_TYPE.get(type)!) {
    if (!isOfKind(kind, Object.hasOwn(event, field) ? event[field] : undefined)) return false;
  }
  return hasOneOf(event, type);
}
