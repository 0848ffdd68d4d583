/**
 * Registry of a ledger, `events/_schema.json`: custom event types, their versions, and how an event of an
 * older version is read as a newer one (upcasting on read). It decides what may be emitted and how events
 * are shown, never whether a line is a record. `registry_change.ts` adds types. Types of artifacts stand in
 * it too, in the same form; what they say is up to the runs.
 */
import { LedgerError, newerFormat, quoted } from "../../base/error.ts";
import { standOf } from "../../base/files/seam.ts";
import { type_name_chars_max } from "../../base/limits.ts";
import { EVENT_TYPES, isBuiltIn, isObject, type LedgerEvent } from "./event.ts";
import type { World } from "../../base/world.ts";
import {
  type Check,
  compileSchema,
  type JsonSchema,
  RefusedPattern,
  UnusableSchema,
} from "./json_schema.ts";
import { ledgerPaths } from "../format/layout.ts";

/** The version of the registry's own format. A newer one is refused by name. */
export const REGISTRY_VERSION = 2;

export type MigrationStep =
  | { rename: string; to: string }
  | { default: string; value: unknown }
  | { drop: string };

/** The step to a version, for what was written in an earlier one. */
export interface Migration {
  version: number;
  steps: MigrationStep[];
}

export interface CustomType {
  version: number;
  description?: string;
  schema: JsonSchema;
  migrations: Migration[];
}

/** What the file holds; unknown fields are kept. */
export interface RegistryFile {
  registry_version: number;
  event_types: Record<string, CustomType>;
  artifact_types?: Record<string, CustomType>;
  [other: string]: unknown;
}

/** The field that says which version of its type an event was written in; absent means 1. */
export const VERSION_FIELD = "event_version";

export class Registry {
  readonly #checks = new Map<string, Check>();

  constructor(
    readonly types: ReadonlyMap<string, CustomType> = new Map(),
    /** Types of the first system that its registry does not describe by a schema: kept in the file alone. */
    readonly unregistered: readonly string[] = [],
    /** Types of artifacts, as they stand there: one that is not usable harms no event. */
    readonly artifacts: ReadonlyMap<string, CustomType> = new Map(),
  ) {}

  names(): string[] {
    return [...Object.keys(EVENT_TYPES), ...this.types.keys()];
  }

  knows(event_type: string): boolean {
    return isBuiltIn(event_type) || this.types.has(event_type);
  }

  /** The version that new events of a type get; 1 needs no mark in the event. */
  versionOf(event_type: string): number {
    return this.types.get(event_type)?.version ?? 1;
  }

  problemOf(event: LedgerEvent): string | undefined {
    const type = this.types.get(event.event_type);
    if (!type) return undefined;
    let check = this.#checks.get(event.event_type);
    if (!check) this.#checks.set(event.event_type, check = checkOf(event.event_type, type));
    return check(isClosed(type.schema) ? withoutOwnFields(event, type.schema) : event, "");
  }

  /** The types of which no event is emitted, each with the reason. */
  refused(): { name: string; reason: string }[] {
    return [...this.types].flatMap(([name, { schema }]) => {
      const reason = refusedPatternOf(schema);
      return reason === undefined ? [] : [{ name, reason }];
    });
  }

  /** The event as its type's present version has it; the same object where that is no other. */
  upcast(event: LedgerEvent): LedgerEvent {
    const type = this.types.get(event.event_type);
    if (!type || type.version === 1) return event;
    const written_in = versionOfEvent(event);
    if (written_in >= type.version) return event;
    const upcast: LedgerEvent = { ...event };
    for (const { version, steps } of type.migrations) {
      if (version > written_in) steps.forEach((step) => applyStep(upcast, step));
    }
    upcast[VERSION_FIELD] = type.version;
    return upcast;
  }
}

/** Reads the registry of one ledger again when its file has changed. */
export class RegistryReader {
  #fingerprint = "";

  constructor(readonly world: World, readonly root: string) {}

  read(): Registry {
    // Before it is read: a change in between is then seen the next time.
    this.#fingerprint = this.#fingerprintNow();
    return readRegistry(this.world, this.root);
  }

  readIfChanged(): Registry | undefined {
    return this.#fingerprintNow() === this.#fingerprint ? undefined : this.read();
  }

  #fingerprintNow(): string {
    const facts = this.world.files.facts(ledgerPaths(this.root).schema);
    return facts ? standOf(facts) : "";
  }
}

function checkOf(name: string, { schema }: CustomType): Check {
  const reason = refusedPatternOf(schema);
  if (reason === undefined) return compileSchema(schema);
  const problem = `${reason}; give the type another schema: ledger schema migrate ${name} ` +
    `--schema FILE`;
  return () => problem;
}

/** Why no event is emitted by a schema that stands in a registry; undefined when events are. */
export function refusedPatternOf(schema: unknown): string | undefined {
  try {
    compileSchema(schema);
  } catch (error) {
    if (error instanceof RefusedPattern) return error.message;
    throw error;
  }
}

function isClosed({ additionalProperties }: JsonSchema): boolean {
  return additionalProperties !== undefined && additionalProperties !== true;
}

/** Without the fields that every event may have and the schema does not name. */
function withoutOwnFields(event: LedgerEvent, { properties }: JsonSchema): Record<string, unknown> {
  const named = (properties ?? {}) as Record<string, unknown>;
  return Object.fromEntries(
    Object.entries(event)
      .filter(([field]) => Object.hasOwn(named, field) || !OWN_FIELDS.includes(field)),
  );
}

/** The fields that every event has, each as it may be. */
const FIXED_SAMPLES = { event_id: "an id", event_type: "a.type", timestamp_ms: 1 };
export const FIXED_FIELDS: readonly string[] = Object.keys(FIXED_SAMPLES);
const OWN_FIELDS = [...FIXED_FIELDS, VERSION_FIELD, "correlation_id", "causation_id"];

/** Throws where a schema can be met by no event. */
function checkCanBeMet({ type, properties = {} }: JsonSchema): void {
  if (type !== undefined && ![type].flat().includes("object")) {
    throw new UnusableSchema(`its type is ${quoted(type)}, and an event is an object`);
  }
  for (const [field, sample] of Object.entries(FIXED_SAMPLES)) {
    const kind = (properties as Record<string, JsonSchema | undefined>)[field]?.type;
    const problem = kind !== undefined && compileSchema({ type: kind })(sample, field);
    if (problem) throw new UnusableSchema(`no event meets it: ${problem}`);
  }
}

function versionOfEvent(event: Record<string, unknown>): number {
  const version = event[VERSION_FIELD];
  return Number.isSafeInteger(version) && (version as number) > 0 ? version as number : 1;
}

export function applyStep(event: Record<string, unknown>, step: MigrationStep): void {
  if ("rename" in step) {
    if (!Object.hasOwn(event, step.rename) || Object.hasOwn(event, step.to)) return;
    event[step.to] = event[step.rename];
    delete event[step.rename];
  } else if ("default" in step) {
    if (!Object.hasOwn(event, step.default)) event[step.default] = step.value;
  } else delete event[step.drop];
}

export function readRegistry(world: World, root: string): Registry {
  const file = readRegistryFile(world, root);
  const unregistered = Object.keys(firstSystemTypes(file))
    .filter((name) => !isBuiltIn(name) && !Object.hasOwn(file.event_types, name));
  const artifacts = isObject(file.artifact_types) ? file.artifact_types : {};
  const mapOf = (types: Record<string, CustomType>) => new Map(Object.entries(types));
  return new Registry(mapOf(file.event_types), unregistered, mapOf(artifacts));
}

/**
 * Returns a schema that events can be checked by, or throws why not. One that stands in a registry already
 * is accepted even if no event can meet it: it must not lock its ledger.
 */
export function checkSchema(name: string, schema: unknown, age: "new" | "known"): JsonSchema {
  try {
    compileSchema(schema);
    if (age === "new") checkCanBeMet(schema as JsonSchema);
    return schema as JsonSchema;
  } catch (error) {
    // A schema that nests too deep for the stack is as unusable as any other.
    if (!(error instanceof UnusableSchema) && !(error instanceof RangeError)) throw error;
    if (age === "known" && error instanceof RefusedPattern) return schema as JsonSchema;
    const reason = error instanceof UnusableSchema ? error.message : "it nests too deep";
    throw new LedgerError({
      code: "invalid",
      message: `cannot use this schema for ${quoted(name)}: ${reason}`,
      hint:
        "the schema describes the whole event: ledger schema show run.created prints an example",
      cause: error,
    });
  }
}

export function readRegistryFile(world: World, root: string): RegistryFile {
  const path = ledgerPaths(root).schema;
  const empty: RegistryFile = { registry_version: REGISTRY_VERSION, event_types: {} };
  if (!world.files.facts(path)) return empty;
  let parsed: unknown;
  try {
    parsed = JSON.parse(world.files.readText(path));
  } catch (cause) {
    if (cause instanceof LedgerError) throw cause;
    throw damaged(path, (cause as Error).message, cause);
  }
  if (!isObject(parsed)) throw damaged(path, "it is not a registry");
  const file = parsed as Partial<RegistryFile> & { version?: unknown };
  // A registry that the earlier system wrote says `version`, as a number or as "1.0.0".
  const stated: unknown = file.registry_version ?? file.version ?? 1;
  const version = typeof stated === "object" ? NaN : Number.parseInt(String(stated), 10);
  if (version > REGISTRY_VERSION) {
    throw newerFormat(path, version, REGISTRY_VERSION).with({
      message: `cannot use this ledger: its registry is of version ${version}, and this program ` +
        `knows version ${REGISTRY_VERSION}`,
    });
  }
  const is_foreign = file.registry_version === undefined;
  const kept = is_foreign && file.event_types !== undefined
    ? { first_system: file.event_types }
    : {};
  const types = is_foreign ? typesOfFirstSystem({ ...file, ...kept }) : file.event_types;
  if (Number.isNaN(version) || !isObject(types)) {
    throw damaged(path, "it is not a registry");
  }
  for (const [name, type] of Object.entries(types)) {
    if (!isVersioned(type)) {
      throw damaged(path, `the type ${quoted(name)} has no version or no usable migrations`);
    }
    checkSchema(name, type.schema, "known");
  }
  return { ...file, ...kept, registry_version: REGISTRY_VERSION, event_types: types };
}

/** What a registry of the first system says of event types, wherever it says it; kept in the file for good. */
function firstSystemTypes(file: Record<string, unknown>): Record<string, unknown> {
  const named = [file.types, file.schemas, file.first_system].map((types) => {
    if (!Array.isArray(types)) return isObject(types) ? types : {};
    return Object.fromEntries(
      types.map((type) => isObject(type) ? [type.event_type ?? type.name, type] : [type, undefined])
        .filter(([name]) => typeof name === "string"),
    );
  });
  return Object.assign({}, ...named);
}

/** What stands beside a schema, where the definition is the schema itself. */
const BESIDE_SCHEMA = ["description", "version", "event_type", "name", "$schema", "$id", "title"];

/** Those that have a schema by which events can be checked. */
function typesOfFirstSystem(file: Record<string, unknown>): Record<string, CustomType> {
  const types: Record<string, CustomType> = {};
  for (const [name, given] of Object.entries(firstSystemTypes(file))) {
    if (isBuiltIn(name) || !isTypeName(name) || !isObject(given)) continue;
    const { description } = given;
    const itself = Object.fromEntries(
      Object.entries(given).filter(([member]) => !BESIDE_SCHEMA.includes(member)),
    );
    const required = given.required_fields ?? given.required;
    const schema = isObject(given.schema)
      ? given.schema
      : isObject(given.properties) || given.type === "object"
      ? itself
      : Array.isArray(required) && { type: "object", required };
    if (!schema) continue;
    try {
      const usable = checkSchema(name, schema, "new");
      const described = typeof description === "string" ? { description } : {};
      types[name] = { version: 1, ...described, schema: usable, migrations: [] };
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
    }
  }
  return types;
}

const TYPE_NAME = /^[A-Za-z][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*$/;

/** Whether a type of one's own may have this name. */
export function isTypeName(name: string): boolean {
  return TYPE_NAME.test(name) && name.length <= type_name_chars_max;
}

/** Whether a type has a version and usable migrations. */
export function isVersioned(type: CustomType | null): type is CustomType {
  return Number.isSafeInteger(type?.version) && areMigrations(type?.migrations);
}

function areMigrations(value: unknown): boolean {
  return Array.isArray(value) &&
    value.every((migration) =>
      Number.isSafeInteger(migration?.version) && Array.isArray(migration.steps) &&
      migration.steps.every((step: Record<string, unknown> | null) =>
        isObject(step) &&
        (typeof step.drop === "string" || typeof step.default === "string" ||
          (typeof step.rename === "string" && typeof step.to === "string"))
      )
    );
}

function damaged(path: string, reason: string, cause?: unknown): LedgerError {
  return new LedgerError({
    code: "damaged",
    message: `cannot read the registry of event types: ${reason}`,
    where: { path },
    hint: "restore the file from a backup, or move it away to go on without custom types",
    cause,
  });
}
