/**
 * Schema registry changes: types are registered, adopted from another ledger, or get another version.
 * One process at a time, and nothing that is known is forgotten. Types of events and of artifacts change
 * alike; what is particular to each is its `TypeSection`.
 */
import { LedgerError, quoted } from "../../base/error.ts";
import { makeFolderDurably } from "../../base/files/durable.ts";
import { nesting_max, type_name_chars_max } from "../../base/limits.ts";
import { nearest } from "../../base/nearest.ts";
import type { World } from "../../base/world.ts";
import { withChainLock } from "../format/chain.ts";
import { isBuiltIn, isObject } from "../event/event.ts";
import { nestingDepth } from "../event/validate.ts";
import type { JsonSchema } from "../event/json_schema.ts";
import { ledgerPaths } from "../format/layout.ts";
import {
  applyStep,
  checkSchema,
  type CustomType,
  FIXED_FIELDS,
  isTypeName,
  isVersioned,
  type MigrationStep,
  readRegistryFile,
  refusedPatternOf,
  type RegistryFile,
  VERSION_FIELD,
} from "../event/registry.ts";

/** Fields that say which event it is, and of what: no migration may touch them. */
const KEPT_FIELDS = [...FIXED_FIELDS, "run_id", VERSION_FIELD];

/** What is particular to one kind of registered types. */
export interface TypeSection {
  section: "event_types" | "artifact_types";
  /** How commands name it: ` --artifact`. */
  flag: string;
  /** What a migration step is about; those that no step may touch, and why. */
  field: string;
  kept_fields: readonly string[];
  kept_hint: string;
  /** Throws unless a type of one's own may have this name. */
  checkName(name: string): void;
  /** Returns a schema that is usable, or throws why not. */
  checkSchema(name: string, schema: unknown): JsonSchema;
  /** Throws where a step does not fit the schemas before and after. */
  checkSteps?(
    name: string,
    steps: readonly MigrationStep[],
    before: JsonSchema,
    after: JsonSchema,
  ): void;
  /** Why a type that another ledger has is not taken over. */
  problemOf(name: string, type: CustomType): string | undefined;
  fieldsOf(schema: JsonSchema): readonly string[];
  /** Whether there may be fields that a schema does not name. */
  hasOthers(schema: JsonSchema): boolean;
  schemaAfter(schema: JsonSchema, steps: readonly MigrationStep[]): JsonSchema;
}

const OF_EVENTS: TypeSection = {
  section: "event_types",
  flag: "",
  field: "field",
  kept_fields: KEPT_FIELDS,
  kept_hint: `${KEPT_FIELDS.join(", ")} identify an event and stay as they are`,
  checkName: checkTypeName,
  checkSchema: (name, schema) => checkSchema(name, schema, "new"),
  problemOf: (_, { schema }) => refusedPatternOf(schema),
  fieldsOf: ({ properties = {}, required = [] }) => [
    ...Object.keys(properties as object),
    ...required as string[],
  ],
  hasOthers: () => true,
  schemaAfter,
};

/** Registers a custom type. Registering the same again changes nothing. */
export async function registerType(
  world: World,
  root: string,
  name: string,
  schema: unknown,
  description?: string,
  of = OF_EVENTS,
): Promise<{ type: CustomType; changed: boolean }> {
  of.checkName(name);
  const usable = of.checkSchema(name, schema);
  return await changeRegistry(world, root, (file) => {
    const types = typesOf(file, of);
    const known = knownType(types, name);
    if (!known) {
      const described = description ? { description } : {};
      const type: CustomType = { version: 1, ...described, schema: usable, migrations: [] };
      types[name] = type;
      return { type, changed: true };
    }
    if (isSame(known.schema, usable)) return { type: known, changed: false };
    throw refused(
      "register",
      name,
      `it is registered with another schema (version ${known.version})`,
      `to change it, declare how old events are read: ledger schema migrate${of.flag} ${name} --help`,
    );
  });
}

/** The types of a section, to be changed in place. */
function typesOf(file: RegistryFile, { section }: TypeSection): Record<string, CustomType> {
  const types: unknown = file[section] ??= {};
  if (isObject(types)) return types as Record<string, CustomType>;
  throw new LedgerError({
    code: "damaged",
    message: `cannot change the registry: its ${section} are ${quoted(types)}`,
    hint: "restore the file from a backup",
  });
}

function knownType(types: Record<string, CustomType>, name: string): CustomType | undefined {
  return Object.hasOwn(types, name) ? types[name] : undefined;
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function refused(what: string, name: string, reason: string, hint: string): LedgerError {
  const message = `cannot ${what} ${quoted(name)}: ${reason}`;
  return new LedgerError({ code: "invalid", message, hint });
}

/** What of another ledger's types this one does not know, or knows otherwise. */
export interface NewTypes {
  unknown: Map<string, CustomType>;
  different: { name: string; reason: string }[];
}

/** Compares the types of another ledger's registry with those of this one. */
export function newTypesOf(
  own: ReadonlyMap<string, CustomType>,
  other: ReadonlyMap<string, CustomType>,
  of = OF_EVENTS,
): NewTypes {
  const unknown: NewTypes["unknown"] = new Map();
  const different: NewTypes["different"] = [];
  for (const [name, type] of other) {
    const known = own.get(name);
    if (known) {
      const reason = differenceOf(known, type, `ledger schema migrate${of.flag} ${name}`);
      if (reason) different.push({ name, reason });
      continue;
    }
    try {
      of.checkName(name);
      const taken = knownFieldsOf(type);
      const reason = of.problemOf(name, taken) ?? whyNotWritable(taken);
      if (reason === undefined) unknown.set(name, taken);
      else different.push({ name, reason: `${reason}: not registered` });
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      different.push({ name, reason: error.message });
    }
  }
  return { unknown, different };
}

/** What of a type that others registered is taken over: nothing that this program does not know. */
function knownFieldsOf({ version, description, schema, migrations }: CustomType): CustomType {
  const is_text = typeof description === "string" && description !== "";
  return { version, ...(is_text ? { description } : {}), schema, migrations };
}

function whyNotWritable(type: CustomType): string | undefined {
  const reason = `it nests more than ${nesting_max} levels deep`;
  try {
    return nestingDepth(JSON.stringify(type)) > nesting_max ? reason : undefined;
  } catch (error) {
    if (error instanceof RangeError) return reason;
    throw error;
  }
}

function differenceOf(own: CustomType, other: CustomType, command: string): string | undefined {
  if (own.version !== other.version) {
    const where = other.version > own.version ? "here" : "there";
    return `it is of version ${other.version} there, and of version ${own.version} here: repeat ` +
      `its migrations ${where}: ${command}`;
  }
  if (!isSame(own.schema, other.schema)) return "it has another schema there";
  return isSame(own.migrations, other.migrations) ? undefined : "its migrations are others there";
}

/** Registers types as another ledger has them, with their versions. None that is known is changed. */
export async function adoptTypes(
  world: World,
  root: string,
  types: ReadonlyMap<string, CustomType>,
  of = OF_EVENTS,
): Promise<void> {
  await changeRegistry(world, root, (file) => {
    const own = typesOf(file, of);
    for (const [name, type] of types) {
      if (!Object.hasOwn(own, name)) own[name] = type;
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
  of = OF_EVENTS,
): Promise<CustomType> {
  if (steps.length === 0 && schema === undefined) {
    const hint = "give at least one of --rename OLD=NEW, --default FIELD=JSON, --drop FIELD, " +
      "--schema FILE";
    throw refused("migrate", name, "no step was given, nor another schema", hint)
      .with({ code: "usage" });
  }
  for (const step of steps) checkStep(name, step, of);
  return await changeRegistry(world, root, (file) => {
    const types = typesOf(file, of);
    const known = knownType(types, name);
    if (!known) throw notRegistered(name, Object.keys(types), of);
    if (!isVersioned(known)) {
      throw refused("migrate", name, "it has no usable version", "see: ledger doctor");
    }
    checkNamesFields(name, known.schema, steps, of);
    const version = known.version + 1;
    const after = of.checkSchema(name, schema ?? of.schemaAfter(known.schema, steps));
    of.checkSteps?.(name, steps, known.schema, after);
    known.schema = after;
    known.version = version;
    known.migrations = [...known.migrations, { version, steps }];
    return known;
  });
}

function notRegistered(
  name: string,
  registered: string[],
  { section, flag }: TypeSection,
): LedgerError {
  if (section === "event_types" && isBuiltIn(name)) {
    return refused("migrate", name, "it is a built-in type", "only custom types have versions");
  }
  const hint = registered.length > 0
    ? `registered are: ${registered.join(", ")}`
    : `register it first: ledger schema register${flag} ${name} SCHEMA.json`;
  return refused("migrate", name, "no such type is registered", hint);
}

function checkTypeName(name: string): void {
  if (isBuiltIn(name)) {
    const hint = "extra fields are kept on built-in types, without registering anything";
    throw refused("register", name, "it is a built-in type", hint);
  }
  if (isTypeName(name)) return;
  const reason = `a type's name is words of letters, digits, "_" or "-", joined by dots, up to ` +
    `${type_name_chars_max} characters`;
  throw refused("register", name, reason, "such as risk.breached");
}

function checkStep(name: string, step: MigrationStep, of: TypeSection): void {
  const touched = "rename" in step ? [step.rename, step.to] : Object.values(step).slice(0, 1);
  for (const field of touched as string[]) {
    if (field !== "" && !of.kept_fields.includes(field)) continue;
    throw refused("migrate", name, `a step may not touch ${quoted(field)}`, of.kept_hint);
  }
}

/**
 * Steps are for good: one that is a slip of the hand away from a field that there is, is refused, and so is
 * any other one about a field that there cannot be.
 */
function checkNamesFields(
  name: string,
  schema: JsonSchema,
  steps: readonly MigrationStep[],
  of: TypeSection,
): void {
  const there = Object.fromEntries(of.fieldsOf(schema).map((field) => [field, true]));
  for (const step of steps) {
    const field = "rename" in step ? step.rename : "drop" in step ? step.drop : undefined;
    if (field !== undefined && !Object.hasOwn(there, field)) {
      const meant = nearest(field, Object.keys(there));
      if (meant === undefined && of.hasOthers(schema)) continue;
      const hint = meant
        ? `did you mean ${meant}? Nothing was changed`
        : `it has ${Object.keys(there).join(", ")}; nothing was changed`;
      throw refused("migrate", name, `its schema has no ${of.field} ${quoted(field)}`, hint);
    }
    applyStep(there, step);
  }
}

/** The schema that new events have when nothing else is said: the old one with the steps applied. */
function schemaAfter(schema: JsonSchema, steps: readonly MigrationStep[]): JsonSchema {
  const properties = { ...(schema.properties as Record<string, unknown> | undefined) };
  let required = [...((schema.required as string[] | undefined) ?? [])];
  for (const step of steps) {
    applyStep(properties, "default" in step ? { default: step.default, value: {} } : step);
    if ("rename" in step) required = required.map((f) => (f === step.rename ? step.to : f));
    if ("drop" in step) required = required.filter((field) => field !== step.drop);
  }
  return { ...schema, properties, required };
}

async function changeRegistry<T>(
  world: World,
  root: string,
  change: (file: RegistryFile) => T,
): Promise<T> {
  const { events } = ledgerPaths(root);
  makeFolderDurably(world.files, events);
  // Writers of events load this module, and neither the chain's end nor digests.
  const { readyChain } = await import("./chain_recovery.ts");
  const { registryChanged, registryState, replaceRegistry } = await import(
    "../event/registry_binding.ts"
  );
  return await withChainLock(world, root, async () => {
    // A change that is refused leaves the ledger as it is: it is tried on a copy first.
    change(readRegistryFile(world, root));
    const chain = await readyChain(world, root);
    const state = registryState(world, root, chain);
    if (state === "changed" || state === "removed") throw registryChanged(root, state);
    const file = readRegistryFile(world, root);
    const before = JSON.stringify(file);
    const result = change(file);
    if (JSON.stringify(file) !== before) replaceRegistry(world, root, chain, file);
    // It may stand there from an attempt that failed before its name was durable.
    else world.files.syncFolder(events);
    return result;
  });
}
