/**
 * Registered artifact types: what a ledger's registry says of them, made into definitions like those of
 * the built-in types, and the rules by which the registry takes them.
 */
import { LedgerError, quoted } from "../../base/error.ts";
import { artifact_columns_max } from "../../base/limits.ts";
import { nearest } from "../../base/nearest.ts";
import {
  applyStep,
  type CustomType,
  isVersioned,
  type MigrationStep,
  type TypeSection,
} from "../../log/mod.ts";
import {
  type ArtifactColumn,
  type ArtifactDefinition,
  columnOf,
  isArtifactType,
  OWN_KINDS,
  type ValueKind,
} from "./definitions.ts";
import { storedAs } from "./row_checker.ts";
import { ArtifactTypes } from "./types.ts";

type JsonObject = Record<string, unknown>;

/** A description that is no artifact type; the message says where and why. */
class UnusableType extends Error {}

/** A type's name is that of its view, and of its file. */
const TYPE_NAME = /^[a-z][a-z0-9_]{0,62}$/;
/** Tables and views of the catalog, and names that it may need. */
const RESERVED_NAME = /^(?:runs?|catalog|backtest|compacted|open_runs|alert|index)(?:_|$)/;
const COLUMN_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/;
const MEMBERS = ["description", "columns", "key", "order", "is_open", "is_single_row"] as const;
const COLUMN_MEMBERS = ["kind", "required", "description", "unit", "bounds", "usual"] as const;
const BOUNDS = ["min", "max", "above", "below"] as const;
const NUMERIC: readonly ValueKind[] = ["whole", "time", "number"];

/** The artifact types of a registry, beside the built-in ones. */
export function artifactTypesOf(registered: ReadonlyMap<string, CustomType>): ArtifactTypes {
  const usable = new Map<string, ArtifactDefinition>();
  const unusable = new Map<string, string>();
  for (const [name, type] of registered) {
    const made = tryDefinition(name, type);
    if (typeof made === "string") unusable.set(name, made);
    else usable.set(name, made);
  }
  return new ArtifactTypes(usable, unusable);
}

/** The definition of a registered type; of one that a later version may have put there, why it has none. */
function tryDefinition(name: string, type: CustomType): ArtifactDefinition | string {
  try {
    ARTIFACT_SECTION.checkName(name);
    if (!isVersioned(type)) return "it has no version or no usable migrations";
    return definitionOf(name, type);
  } catch (error) {
    if (error instanceof UnusableType || error instanceof LedgerError) return error.message;
    throw error;
  }
}

/** The definition that a description makes. Throws where it makes none. */
function definitionOf(
  type: string,
  { version, description, schema, migrations }: CustomType,
): ArtifactDefinition {
  checkMembers("it", schema, MEMBERS);
  const columns = columnsOf(schema.columns);
  const names = columns.map(({ name }) => name);
  const [key, order] = (["key", "order"] as const).map((member) =>
    namesOf(member, schema[member], names)
  );
  return {
    type,
    version,
    migrations,
    path: `artifacts/${type}.parquet`,
    summary: description ?? textOf("its description", schema.description) ?? "",
    is_single_row: flagOf("is_single_row", schema.is_single_row),
    is_open: flagOf("is_open", schema.is_open),
    takes_objects: false,
    ...(key ? { key } : {}),
    ...(order ? { order } : {}),
    columns: [
      columnOf("run_id", "run_id", { description: "the run that this row belongs to" }),
      ...columns.map((column) =>
        // What identifies a row or gives it its place is there.
        key?.includes(column.name) || order?.includes(column.name)
          ? { ...column, nullable: false }
          : column
      ),
    ],
  };
}

function columnsOf(given: unknown): ArtifactColumn[] {
  if (!isPlain(given) || Object.keys(given).length === 0) {
    throw new UnusableType(
      `its columns are ${shownOf(given)}; they have to be an object: ` +
        `{"ts_ms": {"kind": "time", "required": true}, …}`,
    );
  }
  const names = Object.keys(given);
  if (names.length > artifact_columns_max) {
    throw new UnusableType(`it has ${names.length} columns; ${artifact_columns_max} can be`);
  }
  const seen = new Set(["run_id"]);
  return names.map((name) => {
    if (name.toLowerCase() === "run_id") {
      throw new UnusableType("its column run_id is there by itself: leave it out");
    }
    if (!COLUMN_NAME.test(name)) {
      throw new UnusableType(
        `${quoted(name)} is no column's name: letters, digits and "_", ` +
          `up to 63, and no digit first`,
      );
    }
    if (seen.has(name.toLowerCase())) throw new UnusableType(`it has two columns ${quoted(name)}`);
    seen.add(name.toLowerCase());
    return columnFrom(name, given[name]);
  });
}

function columnFrom(name: string, given: unknown): ArtifactColumn {
  const place = `its column ${quoted(name)}`;
  checkMembers(place, given, COLUMN_MEMBERS);
  const { kind, required, description, unit, bounds, usual } = given;
  if (!(OWN_KINDS as readonly unknown[]).includes(kind)) {
    const meant = typeof kind === "string" ? nearest(kind, OWN_KINDS) : undefined;
    throw new UnusableType(
      `${place} has the kind ${shownOf(kind)}; kinds are ` +
        `${OWN_KINDS.join(", ")}${meant ? `: is ${quoted(meant)} meant?` : ""}`,
    );
  }
  const is_required = flagOf(`required of ${place}`, required);
  const in_unit = textOf(`the unit of ${place}`, unit);
  return columnOf(name, `${kind as ValueKind}${is_required ? "" : "?"}`, {
    description: textOf(`the description of ${place}`, description) ?? "",
    ...(in_unit === undefined ? {} : { unit: in_unit }),
    ...boundsOf("bounds", place, kind as ValueKind, bounds),
    ...boundsOf("usual", place, kind as ValueKind, usual),
  });
}

function boundsOf(member: "bounds" | "usual", place: string, kind: ValueKind, given: unknown) {
  if (given === undefined) return {};
  const what = `the ${member} of ${place}`;
  if (!NUMERIC.includes(kind)) {
    throw new UnusableType(
      `${place} has ${member}, and its kind is ${kind}: only ` +
        `${NUMERIC.join(", ")} have them`,
    );
  }
  checkMembers(what, given, BOUNDS);
  for (const side of BOUNDS) {
    if (given[side] === undefined || Number.isFinite(given[side])) continue;
    throw new UnusableType(`${what} have ${side} ${shownOf(given[side])}; it has to be a number`);
  }
  const { min = -Infinity, max = Infinity, above = -Infinity, below = Infinity } = given as Record<
    string,
    number
  >;
  if (min > max || above >= below || above >= max || min >= below) {
    throw new UnusableType(`${what} hold no value: ${JSON.stringify(given)}`);
  }
  return { [member]: given };
}

/** The names of columns that a key or an order is made of. */
function namesOf(member: string, given: unknown, columns: readonly string[]) {
  if (given === undefined) return undefined;
  if (!Array.isArray(given) || given.length === 0) {
    throw new UnusableType(`its ${member} is ${shownOf(given)}; it has to be a list of columns`);
  }
  for (const [at, name] of given.entries()) {
    if (given.indexOf(name) < at) {
      throw new UnusableType(`its ${member} names ${quoted(name)} twice`);
    }
    if (columns.includes(name)) continue;
    const meant = typeof name === "string" ? nearest(name, columns) : undefined;
    throw new UnusableType(
      `its ${member} names ${shownOf(name)}, which is no column` +
        (meant ? `: is ${quoted(meant)} meant?` : ""),
    );
  }
  return given as string[];
}

function checkMembers(
  place: string,
  given: unknown,
  members: readonly string[],
): asserts given is JsonObject {
  if (!isPlain(given)) {
    throw new UnusableType(
      `${place} is ${shownOf(given)}; it has to be an object with ` +
        members.join(", "),
    );
  }
  for (const member of Object.keys(given)) {
    if (members.includes(member)) continue;
    const meant = nearest(member, members);
    throw new UnusableType(
      `${place} has ${quoted(member)}; it can have ${members.join(", ")}` +
        (meant ? `: is ${quoted(meant)} meant?` : ""),
    );
  }
}

function flagOf(what: string, given: unknown): boolean {
  if (given === undefined || typeof given === "boolean") return given ?? false;
  throw new UnusableType(`${what} is ${shownOf(given)}; it has to be true or false`);
}

function textOf(what: string, given: unknown): string | undefined {
  if (given === undefined || (typeof given === "string" && given.isWellFormed())) return given;
  throw new UnusableType(`${what} is ${shownOf(given)}; it has to be a text`);
}

function isPlain(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function shownOf(value: unknown): string {
  return value === undefined ? "missing" : quoted(value);
}

function refused(name: string, reason: string, hint: string): LedgerError {
  const message = `cannot use this schema for ${quoted(name)}: ${reason}`;
  return new LedgerError({ code: "invalid", message, hint });
}

const SCHEMA_HINT = "ledger schema register --help shows one; ledger runs schema lists the types";

/** How the registry takes types of artifacts. */
export const ARTIFACT_SECTION: TypeSection = {
  section: "artifact_types",
  flag: " --artifact",
  field: "column",
  kept_fields: ["run_id"],
  kept_hint: "run_id says whose a row is, and stays as it is",
  checkName(name) {
    const is_built_in = isArtifactType(name);
    if (!is_built_in && TYPE_NAME.test(name) && !RESERVED_NAME.test(name)) return;
    const reason = is_built_in
      ? "it is a built-in type of artifacts"
      : RESERVED_NAME.test(name)
      ? "the catalog has such names for itself"
      : `an artifact type's name is small letters, digits and "_", up to 63, a letter first`;
    throw new LedgerError({
      code: "invalid",
      message: `cannot register ${quoted(name)}: ${reason}`,
      hint: is_built_in ? `its columns: ledger runs schema ${name}` : "such as option_greeks",
    });
  },
  checkSchema(name, schema) {
    try {
      const type = { version: 1, schema: schema as JsonObject, migrations: [] };
      definitionOf(name, type);
      return type.schema;
    } catch (error) {
      if (error instanceof UnusableType) throw refused(name, error.message, SCHEMA_HINT);
      throw error;
    }
  },
  checkSteps(name, steps, before, after) {
    const kinds = new Map(columnsOf(after.columns).map((column) => [column.name, column.kind]));
    const there = { ...before.columns as JsonObject };
    for (const step of steps) {
      if ("rename" in step && Object.hasOwn(there, step.rename) && Object.hasOwn(there, step.to)) {
        const reason =
          `${quoted(step.rename)} cannot be named ${quoted(step.to)}: there is such a ` +
          "column";
        throw refused(name, reason, "drop that one first, in a migration of its own");
      }
      applyStep(there, step);
      if (!("default" in step) || step.value === null) continue;
      const kind = kinds.get(step.default);
      if (kind === undefined || storedAs(kind, step.value) !== undefined) continue;
      throw refused(
        name,
        `the default of its column ${quoted(step.default)} is ${quoted(step.value)}, and the ` +
          `column is of kind ${kind}`,
        "give a value of that kind, or null",
      );
    }
  },
  problemOf(name, type) {
    const made = tryDefinition(name, type);
    return typeof made === "string" ? made : undefined;
  },
  fieldsOf: ({ columns }) => Object.keys(columns as JsonObject),
  hasOthers: ({ is_open }) => is_open === true,
  schemaAfter,
};

/** The schema that new rows have when nothing else is said: the old one with the steps applied. */
function schemaAfter(schema: JsonObject, steps: readonly MigrationStep[]): JsonObject {
  const after: JsonObject = { ...schema };
  for (const step of steps) {
    const columns = { ...after.columns as JsonObject };
    if ("rename" in step && Object.hasOwn(columns, step.rename)) {
      const renamed = (name: string) => name === step.rename ? step.to : name;
      after.columns = Object.fromEntries(
        Object.entries(columns).map(([name, column]) => [renamed(name), column]),
      );
      for (const member of ["key", "order"]) {
        const names = after[member] as string[] | undefined;
        if (names) after[member] = names.map(renamed);
      }
      continue;
    }
    const added = "default" in step &&
      { default: step.default, value: { kind: kindOf(step.value) } };
    applyStep(columns, added || step);
    after.columns = columns;
  }
  return after;
}

/** The kind of a column of which only a value is known. */
function kindOf(value: unknown): ValueKind {
  if (typeof value === "number") return "number";
  if (typeof value === "boolean") return "flag";
  return isPlain(value) ? "object" : "text";
}
