/**
 * The registry of a ledger, `events/_schema.json`: custom event types, their versions, and how an
 * event of an older version is read as a newer one (upcasting). The log itself is never rewritten.
 *
 * The registry has a say when an event is emitted and when one is shown; it has none in whether a
 * line is a record.
 */
import { LedgerError, quoted } from "../base/error.ts";
import { makeFolderDurably, replaceFile } from "../base/durable.ts";
import { takeFileLock } from "../base/file_lock.ts";
import { lock_wait_ms } from "../base/limits.ts";
import { uniqueName, type World } from "../base/world.ts";
import { EVENT_TYPES, isBuiltIn, isOfKind, type LedgerEvent } from "./event.ts";
import { type Check, compileSchema, type JsonSchema, UnusableSchema } from "./json_schema.ts";
import { ledgerPaths } from "./layout.ts";

/** The version of the registry's own form. A log with a newer one is refused by name. */
export const REGISTRY_VERSION = 1;

/** One declared step from a version of a type to the next. */
export type MigrationStep =
  | { rename: string; to: string }
  | { default: string; value: unknown }
  | { drop: string };

/** How events of `version - 1` become events of `version`. */
export interface Migration {
  version: number;
  steps: MigrationStep[];
}

/** A custom event type. */
export interface CustomType {
  version: number;
  description?: string;
  schema: JsonSchema;
  migrations: Migration[];
}

interface RegistryFile {
  registry_version: number;
  event_types: Record<string, CustomType>;
  [other: string]: unknown;
}

/** The field that says which version of its type an event was written in; absent means 1. */
export const VERSION_FIELD = "event_version";

const TYPE_NAME = /^[A-Za-z][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*$/;
const TYPE_NAME_CHARS_MAX = 100;
/** Fields that identify an event: no migration may touch them. */
const FIXED_FIELDS = ["event_id", "event_type", "timestamp_ms", VERSION_FIELD];

/** What a ledger knows beyond the built-in types. */
export class Registry {
  readonly #checks = new Map<string, Check>();

  constructor(readonly types: ReadonlyMap<string, CustomType> = new Map()) {}

  /** All names that may be emitted. */
  names(): string[] {
    return [...Object.keys(EVENT_TYPES), ...this.types.keys()];
  }

  /** The version that new events of a type get; 1 needs no mark in the event. */
  versionOf(event_type: string): number {
    return this.types.get(event_type)?.version ?? 1;
  }

  /** The first thing that is wrong with an event of a custom type. */
  problemOf(event: LedgerEvent): string | undefined {
    const type = this.types.get(event.event_type);
    if (!type) return undefined;
    let check = this.#checks.get(event.event_type);
    if (!check) this.#checks.set(event.event_type, check = compileSchema(type.schema));
    return check(event, "");
  }

  /** The event as its type's present version has it; the same object when there is nothing to do. */
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

function versionOfEvent(event: Record<string, unknown>): number {
  const version = event[VERSION_FIELD];
  return Number.isSafeInteger(version) && (version as number) > 0 ? version as number : 1;
}

function applyStep(event: Record<string, unknown>, step: MigrationStep): void {
  if ("rename" in step) {
    if (!Object.hasOwn(event, step.rename) || Object.hasOwn(event, step.to)) return;
    event[step.to] = event[step.rename];
    delete event[step.rename];
  } else if ("default" in step) {
    if (!Object.hasOwn(event, step.default)) event[step.default] = step.value;
  } else delete event[step.drop];
}

/** Reads the registry of a ledger; an absent one is an empty one. */
export function readRegistry(world: World, root: string): Registry {
  return new Registry(new Map(Object.entries(readFile(world, root).event_types)));
}

/** Registers a custom type. Registering the same again changes nothing. */
export async function registerType(
  world: World,
  root: string,
  name: string,
  schema: unknown,
  description?: string,
): Promise<{ type: CustomType; changed: boolean }> {
  checkTypeName(name);
  const usable = checkSchema(name, schema);
  return await changeRegistry(world, root, (file) => {
    const known = Object.hasOwn(file.event_types, name) ? file.event_types[name] : undefined;
    const type: CustomType = {
      version: 1,
      ...(description ? { description } : {}),
      schema: usable,
      migrations: [],
    };
    if (!known) {
      file.event_types[name] = type;
      return { type, changed: true };
    }
    if (JSON.stringify(known.schema) === JSON.stringify(usable)) {
      return { type: known, changed: false };
    }
    throw new LedgerError({
      code: "invalid",
      message: `cannot register ${quoted(name)}: it is registered with another schema ` +
        `(version ${known.version})`,
      hint: `to change it, declare how old events are read: ledger schema migrate ${name} --help`,
    });
  });
}

/** What another ledger's registry has that this one does not know, or knows otherwise. */
export function newTypesOf(
  own: Registry,
  other: Registry,
): { unknown: Map<string, CustomType>; different: { name: string; reason: string }[] } {
  const unknown = new Map<string, CustomType>();
  const different: { name: string; reason: string }[] = [];
  for (const [name, type] of other.types) {
    const known = own.types.get(name);
    if (known) {
      const reason = differenceOf(known, type);
      if (reason) different.push({ name, reason });
      continue;
    }
    try {
      checkTypeName(name);
      unknown.set(name, type);
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      different.push({ name, reason: error.message });
    }
  }
  return { unknown, different };
}

function differenceOf(own: CustomType, other: CustomType): string | undefined {
  if (own.version !== other.version) {
    return `it is of version ${other.version} there, and of version ${own.version} here`;
  }
  if (JSON.stringify(own.schema) !== JSON.stringify(other.schema)) {
    return "it has another schema there";
  }
  const is_same = JSON.stringify(own.migrations) === JSON.stringify(other.migrations);
  return is_same ? undefined : "its migrations are others there";
}

/** Registers types as another ledger has them, with their versions. None that is known is changed. */
export async function adoptTypes(
  world: World,
  root: string,
  types: ReadonlyMap<string, CustomType>,
): Promise<void> {
  await changeRegistry(world, root, ({ event_types }) => {
    for (const [name, type] of types) {
      if (!Object.hasOwn(event_types, name)) event_types[name] = type;
    }
  });
}

/** Declares the next version of a custom type: steps for old events, and the schema of new ones. */
export async function migrateType(
  world: World,
  root: string,
  name: string,
  steps: MigrationStep[],
  schema?: unknown,
): Promise<CustomType> {
  if (steps.length === 0) {
    throw new LedgerError({
      code: "usage",
      message: `cannot migrate ${quoted(name)}: no step was given`,
      hint: "give at least one of --rename OLD=NEW, --default FIELD=JSON, --drop FIELD",
    });
  }
  for (const step of steps) checkStep(name, step);
  return await changeRegistry(world, root, (file) => {
    const known = Object.hasOwn(file.event_types, name) ? file.event_types[name] : undefined;
    if (!known) throw notRegistered(name, Object.keys(file.event_types));
    const version = known.version + 1;
    known.schema = checkSchema(name, schema ?? schemaAfter(known.schema, steps));
    known.version = version;
    known.migrations = [...known.migrations, { version, steps }];
    return known;
  });
}

function notRegistered(name: string, registered: string[]): LedgerError {
  if (isBuiltIn(name)) {
    return new LedgerError({
      code: "invalid",
      message: `cannot migrate ${quoted(name)}: it is a built-in type`,
      hint: "only custom types have versions",
    });
  }
  return new LedgerError({
    code: "invalid",
    message: `cannot migrate ${quoted(name)}: no such type is registered`,
    hint: registered.length > 0
      ? `registered are: ${registered.join(", ")}`
      : `register it first: ledger schema register ${name} SCHEMA.json`,
  });
}

function checkTypeName(name: string): void {
  if (isBuiltIn(name)) {
    throw new LedgerError({
      code: "invalid",
      message: `cannot register ${quoted(name)}: it is a built-in type`,
      hint: "extra fields are kept on built-in types, without registering anything",
    });
  }
  if (TYPE_NAME.test(name) && name.length <= TYPE_NAME_CHARS_MAX) return;
  throw new LedgerError({
    code: "invalid",
    message: `cannot register ${quoted(name)}: a type's name is words of letters, digits, "_" or ` +
      `"-", joined by dots, up to ${TYPE_NAME_CHARS_MAX} characters`,
    hint: "such as risk.breached",
  });
}

function checkSchema(name: string, schema: unknown): JsonSchema {
  try {
    compileSchema(schema);
    return schema as JsonSchema;
  } catch (error) {
    // A schema that nests too deep for the stack is told like any other that cannot be used.
    if (!(error instanceof UnusableSchema) && !(error instanceof RangeError)) throw error;
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

function checkStep(name: string, step: MigrationStep): void {
  const touched = "rename" in step ? [step.rename, step.to] : Object.values(step).slice(0, 1);
  for (const field of touched as string[]) {
    if (field !== "" && !FIXED_FIELDS.includes(field)) continue;
    throw new LedgerError({
      code: "invalid",
      message: `cannot migrate ${quoted(name)}: a step may not touch ${quoted(field)}`,
      hint: `${FIXED_FIELDS.join(", ")} identify an event and stay as they are`,
    });
  }
}

/** The schema that new events have when nothing else is said: the old one with the steps applied. */
function schemaAfter(schema: JsonSchema, steps: MigrationStep[]): JsonSchema {
  const properties = { ...(schema.properties as Record<string, unknown> | undefined) };
  let required = [...((schema.required as string[] | undefined) ?? [])];
  for (const step of steps) {
    applyStep(properties, "default" in step ? { default: step.default, value: {} } : step);
    if ("rename" in step) required = required.map((f) => (f === step.rename ? step.to : f));
    if ("drop" in step) required = required.filter((field) => field !== step.drop);
  }
  return { ...schema, properties, required };
}

function readFile(world: World, root: string): RegistryFile {
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
  if (!isOfKind("object", parsed)) throw damaged(path, "it is not a registry");
  const file = parsed as Partial<RegistryFile> & { version?: unknown };
  // A registry that the earlier system wrote says `version`, as a number or as "1.0.0".
  const version = Number.parseInt(String(file.registry_version ?? file.version ?? 1), 10);
  if (version > REGISTRY_VERSION) {
    throw new LedgerError({
      code: "newer_format",
      message: `cannot use this ledger: its registry is of version ${version}, and this program ` +
        `knows version ${REGISTRY_VERSION}`,
      where: { path },
      hint: "use a newer ledger executable; nothing was changed",
    });
  }
  const types = file.registry_version === undefined ? {} : file.event_types;
  if (Number.isNaN(version) || !isOfKind("object", types)) {
    throw damaged(path, "it is not a registry");
  }
  for (const [name, type] of Object.entries(types!)) {
    if (!Number.isSafeInteger(type?.version) || !areMigrations(type?.migrations)) {
      throw damaged(path, `the type ${quoted(name)} has no version or no usable migrations`);
    }
    checkSchema(name, type.schema);
  }
  return { ...file, registry_version: REGISTRY_VERSION, event_types: types! };
}

function areMigrations(value: unknown): boolean {
  return Array.isArray(value) &&
    value.every((migration) =>
      Number.isSafeInteger(migration?.version) && Array.isArray(migration.steps) &&
      migration.steps.every((step: Record<string, unknown> | null) =>
        isOfKind("object", step) &&
        (typeof step!.drop === "string" || typeof step!.default === "string" ||
          (typeof step!.rename === "string" && typeof step!.to === "string"))
      )
    );
}

function damaged(path: string, reason: string, cause?: unknown): LedgerError {
  return new LedgerError({
    code: "damaged",
    message: `cannot read the registry of event types: ${reason}`,
    where: { path },
    hint: "restore the file from a copy, or move it away to go on without custom types",
    cause,
  });
}

async function changeRegistry<T>(
  world: World,
  root: string,
  change: (file: RegistryFile) => T,
): Promise<T> {
  const paths = ledgerPaths(root);
  makeFolderDurably(world.files, paths.events);
  const lock = await takeFileLock(world.files, paths.schema_lock, lock_wait_ms);
  if (!lock) {
    throw new LedgerError({
      code: "busy",
      message: "cannot change the registry: another process holds its lock",
      where: { path: paths.schema_lock },
      hint: "nothing was changed; repeat it",
    });
  }
  try {
    const file = readFile(world, root);
    const before = JSON.stringify(file);
    const result = change(file);
    if (JSON.stringify(file) !== before) {
      const text = JSON.stringify(file, null, 2) + "\n";
      replaceFile(world.files, paths.schema, new TextEncoder().encode(text), uniqueName(world));
    } else {
      // It may stand there from an attempt that failed before its name was durable.
      world.files.syncFolder(paths.events);
    }
    return result;
  } finally {
    lock.close();
  }
}
