/**
 * Schema on read: the rows of artifacts' files as something to select from, each column of the type that
 * its definition has, whatever a file stored it as. The first system typed a column by its first row: a
 * null made it text, a whole number an int64; and one such file would make the column text for all runs.
 * Files of an earlier version of their type are read as its present one.
 */
import { quoted } from "../../base/error.ts";
import { type Database, literal } from "../../duckdb/connection.ts";
import { identifier } from "../../duckdb/sandbox.ts";
import type { ParquetColumnType } from "../../parquet/mod.ts";
import { type ArtifactDefinition, VERSION_KEY } from "../artifacts/definitions.ts";
import type { Misfit } from "../artifacts/stored_type.ts";

/** What DuckDB calls the types of Parquet columns. */
const DUCKDB_TYPE: Readonly<Record<ParquetColumnType, string>> = {
  int64: "BIGINT",
  double: "DOUBLE",
  boolean: "BOOLEAN",
  utf8: "VARCHAR",
};

/** Values that are null or rounded once they have their column's type, and the file that has them. */
export interface FileMisfit extends Misfit {
  path: string;
}

/** Something to select from, and what in it is not as its file has it. */
interface TypedRows {
  sql: string;
  misfits: FileMisfit[];
}

/** Files as one table, columns matched by name, typed as the files have them. */
export function rowsOfFiles(
  { columns }: ArtifactDefinition,
  paths: readonly string[],
  options = "",
): string {
  // Alerts do not say whose they are; the name of their folder does.
  const hive = columns.some(({ name }) => name === "run_id")
    ? "hive_partitioning = false"
    : "hive_partitioning = true, hive_types = {'run_id': varchar}";
  return readParquet(paths, `${hive}${options}`);
}

/** Compacted files say in each row whose it is, where they lie means nothing. */
export function rowsOfCompacted(paths: readonly string[], options = ""): string {
  return readParquet(paths, `hive_partitioning = false${options}`);
}

function readParquet(paths: readonly string[], options: string): string {
  return `read_parquet(${listOf(paths)}, union_by_name = true, ${options})`;
}

function listOf(paths: readonly string[]): string {
  return `[${paths.map(literal).join(", ")}]`;
}

/** The types of the columns that files have, by their names in small letters. */
type StoredTypes = ReadonlyMap<string, string>;

/** Files of one schema, as far as a definition cares about it. */
interface FileGroup {
  paths: string[];
  /** The projections, one after the other, that make their rows those of the present version. */
  upcast: readonly string[];
  /** Their columns after those. */
  stored: StoredTypes;
}

/** What reads files, with further options of DuckDB's reader. */
export type RowsOf = (paths: readonly string[], options?: string) => string;

function rowsOfGroup({ paths, upcast }: FileGroup, rowsOf: RowsOf, options?: string): string {
  return upcast.reduce(
    (rows, projection) => `(select ${projection} from ${rows})`,
    rowsOf(paths, options),
  );
}

/** The types that columns are to have, by name: those of the definition first. */
type WantedTypes = Map<string, ParquetColumnType>;

/** The rows of files, typed. Only files that store a column as another type are looked into. */
export async function typedRows(
  database: Database,
  definition: ArtifactDefinition,
  paths: readonly string[],
  rowsOf: RowsOf = (paths, options) => rowsOfFiles(definition, paths, options),
): Promise<TypedRows> {
  const files = await groupsOf(database, definition, paths);
  const wanted: WantedTypes = new Map(definition.columns.map(({ name, type }) => [name, type]));
  if (definition.is_open) {
    const fixed = namesInSmall(definition);
    for (const [name, types] of mixedColumns(files, fixed)) {
      const texts = files.filter(({ stored }) => stored.get(name) === "VARCHAR")
        .map((group) => `select ${identifier(name)} from ${rowsOfGroup(group, rowsOf)}`);
      const source = `(${texts.join(" union all ")})`;
      for (const type of types) {
        if (wanted.has(name) || await isMisread(database, source, name, type)) continue;
        wanted.set(name, type);
      }
    }
  }
  const misfits: FileMisfit[] = [];
  const groups = mergedGroups(files, [...wanted.keys()]);
  for (const group of groups) misfits.push(...await misfitsOf(database, group, wanted, rowsOf));
  const selects = groups.map((group) => {
    const columns = columnList(definition, group.stored, wanted);
    return `select ${columns} from ${rowsOfGroup(group, rowsOf)}`;
  });
  return { sql: `(${selects.join(" union all by name ")})`, misfits };
}

/** The columns of an artifact of which there is no file: a query still has them. */
export function noRows({ columns }: ArtifactDefinition): string {
  const list = columns.map(({ name, type }) => nullAs(name, type));
  if (!columns.some(({ name }) => name === "run_id")) list.push(nullAs("run_id", "utf8"));
  return `select ${list.join(", ")} where false`;
}

/** Whether columns, by their names, have the types that a definition has. */
export function isTyped(definition: ArtifactDefinition, stored: StoredTypes): boolean {
  const { columns, is_open, migrations } = definition;
  // Of which version a file is, its columns do not say.
  if (migrations && migrations.length > 0) return false;
  const fixed = namesInSmall(definition);
  // Where text and numbers meet, it is text that comes out: an open column may be such a mixture.
  const may_be_mixed = is_open &&
    [...stored].some(([name, type]) => type === "VARCHAR" && !fixed.has(name));
  return !may_be_mixed &&
    columns.every(({ name, type }) => typeIn(stored, name) === DUCKDB_TYPE[type]);
}

function namesInSmall({ columns }: ArtifactDefinition): Set<string> {
  return new Set(columns.map(({ name }) => name.toLowerCase()));
}

function typeIn(stored: StoredTypes, name: string): string | undefined {
  return stored.get(name.toLowerCase());
}

/** The files, by what they say their columns are, and the version of their type. */
async function groupsOf(
  database: Database,
  definition: ArtifactDefinition,
  paths: readonly string[],
): Promise<FileGroup[]> {
  const versions = await versionsOf(database, definition, paths);
  const rows = await database.rows<{ files: string; elements: string }>(
    `with numbered as (select *, row_number() over () as place from parquet_schema(${
      listOf(paths)
    })),
       by_file as (
         select file_name, cast(to_json(list([name, duckdb_type, num_children::varchar]
           order by place)) as varchar) as elements
         from numbered group by file_name)
     select cast(to_json(list(file_name order by file_name)) as varchar) as files, elements
     from by_file group by elements order by files`,
  );
  return rows.flatMap(({ files, elements }) => {
    const by_version = Map.groupBy<number, string>(
      JSON.parse(files),
      (path) => versions.get(path) ?? 1,
    );
    return [...by_version].map(([version, paths]) => {
      return { paths, ...upcast(definition, version, topLevel(JSON.parse(elements))) };
    });
  });
}

/** The versions in which files were written; of a type that has one alone, none is asked. */
async function versionsOf(
  database: Database,
  { migrations = [] }: ArtifactDefinition,
  paths: readonly string[],
): Promise<Map<string, number>> {
  if (migrations.length === 0) return new Map();
  const rows = await database.rows<{ file_name: string; version: number }>(
    `select file_name, try_cast(decode(value) as integer) as version
     from parquet_kv_metadata(${listOf(paths)}) where key = cast($1 as blob)`,
    [VERSION_KEY],
  );
  return new Map(rows.map(({ file_name, version }) => [file_name, version]));
}

/** The migrations from a version on, as projections, and the columns as they are then. */
function upcast(
  { migrations = [] }: ArtifactDefinition,
  written_in: number,
  stored: StoredTypes,
): Pick<FileGroup, "upcast" | "stored"> {
  const columns = new Map(stored);
  const projections: string[] = [];
  const steps = migrations.filter(({ version }) => version > written_in)
    .flatMap(({ steps }) => steps);
  for (const step of steps) {
    if ("rename" in step) {
      const type = typeIn(columns, step.rename);
      if (type === undefined || typeIn(columns, step.to) !== undefined) continue;
      columns.set(step.to.toLowerCase(), type);
      columns.delete(step.rename.toLowerCase());
      projections.push(`* rename (${identifier(step.rename)} as ${identifier(step.to)})`);
    } else if ("drop" in step) {
      if (!columns.delete(step.drop.toLowerCase())) continue;
      projections.push(`* exclude (${identifier(step.drop)})`);
    } else if (typeIn(columns, step.default) === undefined) {
      const { sql, type } = constant(step.value);
      columns.set(step.default.toLowerCase(), type);
      projections.push(`*, ${sql} as ${identifier(step.default)}`);
    }
  }
  return { upcast: projections, stored: columns };
}

/** A value that older rows have in a column. */
function constant(value: unknown): { sql: string; type: string } {
  if (value === null) return { sql: "cast(null as varchar)", type: "VARCHAR" };
  const type = typeof value === "boolean"
    ? "BOOLEAN"
    : typeof value !== "number"
    ? "VARCHAR"
    : Number.isSafeInteger(value)
    ? "BIGINT"
    : "DOUBLE";
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return { sql: `cast(${literal(text)} as ${type})`, type };
}

type SchemaElement = [name: string, type: string | null, children: string | null];

/** The columns of a schema that is listed depth first: what is within a column is none. */
function topLevel(elements: readonly SchemaElement[]): Map<string, string> {
  const columns = new Map<string, string>();
  const behind = (at: number): number => {
    let next = at + 1;
    for (let child = Number(elements[at][2] ?? 0); child > 0; child--) next = behind(next);
    return next;
  };
  for (let at = 1; at < elements.length; at = behind(at)) {
    const [name, type, children] = elements[at];
    columns.set(name.toLowerCase(), Number(children ?? 0) > 0 ? NESTED : type ?? NESTED);
  }
  return columns;
}

const NESTED = "nested";
const WHOLE = /^U?(?:TINY|SMALL|BIG|HUGE)?INT(?:EGER)?$/;
const NUMBER = /^(?:FLOAT|DOUBLE|DECIMAL\(.*\))$/;

/** Open columns that are text in some files, and numbers or flags in others; and what they may be. */
function mixedColumns(
  files: readonly FileGroup[],
  fixed: ReadonlySet<string>,
): [name: string, types: ParquetColumnType[]][] {
  const found = new Map<string, Set<string>>();
  for (const [name, type] of files.flatMap(({ stored }) => [...stored])) {
    if (!fixed.has(name)) found.getOrInsertComputed(name, () => new Set()).add(type);
  }
  return [...found].flatMap(([name, stored]): [string, ParquetColumnType[]][] => {
    if (!stored.delete("VARCHAR") || stored.size === 0) return [];
    const types = [...stored];
    if (types.every((type) => type === "BOOLEAN")) return [[name, ["boolean"]]];
    if (types.every((type) => WHOLE.test(type))) return [[name, ["int64", "double"]]];
    return types.every((type) => WHOLE.test(type) || NUMBER.test(type)) ? [[name, ["double"]]] : [];
  });
}

/** Whether a text of an open column says something else than a value of the type. */
async function isMisread(
  database: Database,
  source: string,
  name: string,
  type: ParquetColumnType,
): Promise<boolean> {
  const column = identifier(name);
  // With zeros in front, it is rather a name.
  return await database.value<boolean>(
    `select exists (select 1 from ${source}
       where ${isMisfit(column, type)} or regexp_matches(${column}, '^[-+]?0[0-9]|^[+]|\\s'))`,
  );
}

/** Groups whose columns differ in nothing that is wanted become one. */
function mergedGroups(files: readonly FileGroup[], names: readonly string[]): FileGroup[] {
  const groups = new Map<string, FileGroup>();
  for (const { paths, upcast, stored } of files) {
    const key = JSON.stringify([upcast, names.map((name) => typeIn(stored, name) ?? null)]);
    groups.getOrInsertComputed(key, () => ({ paths: [], upcast, stored })).paths.push(...paths);
  }
  return [...groups.values()];
}

function columnList(
  { columns }: ArtifactDefinition,
  stored: StoredTypes,
  wanted: WantedTypes,
): string {
  const typed = (name: string) => castTo(identifier(name), wanted.get(name)!, typeIn(stored, name));
  const isThere = (name: string) => typeIn(stored, name) !== undefined;
  const fixed = columns.map(({ name }) =>
    isThere(name) ? `${typed(name)} as ${identifier(name)}` : nullAs(name, wanted.get(name)!)
  );
  const there = columns.filter(({ name }) => isThere(name)).map(({ name }) => identifier(name));
  const open = [...wanted.keys()].slice(columns.length).filter(isThere)
    .map((name) => `${typed(name)} as ${identifier(name)}`);
  const exclude = there.length > 0 ? ` exclude (${there.join(", ")})` : "";
  return `${fixed.join(", ")}, *${exclude}${
    open.length > 0 ? ` replace (${open.join(", ")})` : ""
  }`;
}

function castTo(column: string, type: ParquetColumnType, stored: string | undefined): string {
  if (stored === DUCKDB_TYPE[type]) return column;
  return stored === NESTED && type === "utf8"
    ? `cast(to_json(${column}) as varchar)`
    : `try_cast(${column} as ${DUCKDB_TYPE[type]})`;
}

function nullAs(name: string, type: ParquetColumnType): string {
  return `cast(null as ${DUCKDB_TYPE[type]}) as ${identifier(name)}`;
}

/** Whether a value is another one, or none, once it is cast. */
function isMisfit(column: string, type: ParquetColumnType): string {
  const cast = `try_cast(${column} as ${DUCKDB_TYPE[type]})`;
  const number = `try_cast(${column} as double)`;
  const other = {
    int64: ` or ${number} <> ${cast}::double`,
    // Digits that go on for longer than a double does.
    double: ` or (isinf(${cast}) and cast(${column} as varchar) not ilike '%inf%')`,
    boolean: ` or ${number} not in (0, 1)`,
    utf8: "",
  }[type];
  return `(${column} is not null and (${cast} is null${other}))`;
}

/** Any whole number is a number, and anything is a text. */
function alwaysFits(stored: string | undefined, type: ParquetColumnType): boolean {
  return stored === undefined || stored === DUCKDB_TYPE[type] || type === "utf8" ||
    (WHOLE.test(stored) && type === "double");
}

async function misfitsOf(
  database: Database,
  group: FileGroup,
  wanted: WantedTypes,
  rowsOf: RowsOf,
): Promise<FileMisfit[]> {
  const doubtful = [...wanted].filter(([name, type]) =>
    !alwaysFits(typeIn(group.stored, name), type)
  );
  if (doubtful.length === 0) return [];
  const counts = doubtful.map(([name, type], at) => {
    const misfit = isMisfit(identifier(name), type);
    return `count(*) filter (${misfit}) as count_${at},
      min(cast(${identifier(name)} as varchar)) filter (${misfit}) as example_${at}`;
  });
  const rows = await database.rows<Record<string, unknown>>(
    `select "read from", ${counts.join(", ")}
     from ${
      rowsOfGroup(group, rowsOf, ", filename = 'read from'")
    } group by "read from" order by "read from"`,
  );
  return rows.flatMap((row) =>
    doubtful.flatMap(([column, type], at): FileMisfit[] => {
      const values = Number(row[`count_${at}`]);
      if (values === 0) return [];
      const example = quoted(row[`example_${at}`]);
      return [{ path: String(row["read from"]), column, type, values, example }];
    })
  );
}
