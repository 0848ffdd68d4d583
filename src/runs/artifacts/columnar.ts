/**
 * Columnar ingestion: DuckDB reads an input by columns, casts each to the kind that the artifact type
 * asks for, and writes the file, in one statement. Checks are in it: where a value does not fit, the
 * statement fails, and the row is looked for then.
 */
import { resolve } from "@std/path";
import { fileDigest } from "../../base/files/checksum.ts";
import { beginReplacement, removeQuietly } from "../../base/files/durable.ts";
import { type FileFacts, standOf } from "../../base/files/seam.ts";
import { parallel_bytes_min, row_group_rows_max } from "../../base/limits.ts";
import { asLedgerError } from "../../base/error.ts";
import { uniqueName, type World } from "../../base/world.ts";
import { type Database, literal, openDatabase } from "../../duckdb/connection.ts";
import { identifier, patternOf } from "../../duckdb/sandbox.ts";
import type { ParquetOptions, StagedParquet } from "../../parquet/mod.ts";
import { inputError, type RowContext } from "./batch.ts";
import { castOf, type GivenColumn } from "./casts.ts";
import type { Finding } from "../manifest/manifest.ts";
import type { ValueKind } from "./definitions.ts";
import { checksOf } from "./checks.ts";
import { checkStored } from "./stored_checks.ts";

/** An input as a table of DuckDB. */
export interface InputTable {
  /** What stands behind FROM. */
  sql: string;
  /** What it has, in its order. */
  columns: readonly GivenColumn[];
}

/** A column that is stored, and what it is made from; where there is nothing, it is null. */
export interface PlannedColumn {
  name: string;
  kind: ValueKind;
  nullable: boolean;
  given?: GivenColumn;
}

/** Whether rows may be without a value of the column: the id of their run is filled in. */
export function mayLack({ kind, nullable }: Pick<PlannedColumn, "kind" | "nullable">): boolean {
  return nullable || kind === "run_id";
}

/** A database that may touch these files, and nothing else. */
export function openWithFiles(
  world: World,
  paths: readonly string[],
  temp_folder: string,
  threads?: number,
): Promise<Database> {
  return openDatabase(world, {
    path: ":memory:",
    access: "write",
    folders: [],
    paths: paths.flatMap((path) => [path, patternOf(path)]),
    temp_folder,
    threads,
    keeps_order: true,
  });
}

/** Of a file that is written to meanwhile, some rows would be of before and some of after. */
export function refuseIfChanged(
  { files }: World,
  path: string,
  before: FileFacts,
  context: RowContext,
): void {
  const after = files.facts(path);
  if (after && standOf(after) === standOf(before)) return;
  const words = `${context.source ?? "the input"} has changed while it was read`;
  throw inputError(context, words, "repeat it when its writer is done").with({ code: "io" });
}

/** A database that reads one input, writes one file, and touches nothing else. */
export class ColumnarStage implements AsyncDisposable {
  readonly #replacement;
  readonly #spill: string;
  readonly #before: FileFacts;
  #database?: Database;

  constructor(readonly world: World, readonly target: string, readonly path: string) {
    const unique = uniqueName(world);
    this.#before = world.files.facts(path)!;
    this.#spill = resolve(world.cwd(), `${target}.${unique}.spill.tmp`);
    // Last, since what fails after it would leave it.
    this.#replacement = beginReplacement(world.files, target, unique);
  }

  get #staged(): string {
    return resolve(this.world.cwd(), this.#replacement.file.path);
  }

  async database(): Promise<Database> {
    const paths = [this.path, this.#staged];
    const threads = this.#before.size_bytes < parallel_bytes_min ? 1 : undefined;
    return this.#database ??= await openWithFiles(this.world, paths, this.#spill, threads);
  }

  /** Writes the file, and makes it durable. Fails at a value that cannot be stored. */
  async write(
    context: RowContext,
    table: InputTable,
    columns: readonly PlannedColumn[],
    { codec = "snappy", key_values = {} }: ParquetOptions,
  ): Promise<StagedParquet & { findings: readonly Finding[] }> {
    const database = await this.database();
    const notes = Object.entries(key_values).map(([key, value]) =>
      `${literal(key)}: ${literal(value)}`
    );
    const path = this.#staged;
    await database.run("create sequence broken");
    const copy = (has_dictionaries: boolean) =>
      database.value<bigint>(
        `copy (${storedSql(table, columns, context, has_dictionaries)}) to ${literal(path)} (
          format parquet,
          compression ${codec}, row_group_size ${row_group_rows_max}, use_tmp_file false,
          ${has_dictionaries ? "" : "dictionary_size_limit 0,"}
          kv_metadata {${notes.join(", ")}})`,
      );
    const rows = await copy(true).catch((error) => {
      if (asLedgerError(error)?.message.includes(MINUS_ZERO)) return copy(false);
      throw error;
    });
    refuseIfChanged(this.world, this.path, this.#before, context);
    const has_broken = await database.value<bigint | null>(
      "select last_value from duckdb_sequences()",
    ) !== null;
    const findings = await checkStored(database, path, context, has_broken);
    const { files } = this.world;
    const { size_bytes: bytes } = this.#replacement.file.facts();
    this.#replacement.settle();
    const written = { rows: Number(rows), bytes, sha256: fileDigest(files, path) };
    const { putInPlace: commit, abandon } = this.#replacement;
    return { written, path: this.#replacement.file.path, findings, commit, abandon };
  }

  /** Nothing is stored. */
  abandon(): void {
    this.#replacement.abandon();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#database?.close();
    removeQuietly(this.world.files, this.#spill);
    return Promise.resolve();
  }
}

/** DuckDB's dictionaries take 0 and -0 for one value. */
const MINUS_ZERO = "minus zero";

/**
 * The SQL of the rows that are stored. It fails at a value that cannot be, and counts rows that break a
 * check in a sequence. Each value is made once, and then looked at: conditions that all rows fulfil cost
 * little, and leave the columns as they are.
 */
function storedSql(
  { sql }: InputTable,
  columns: readonly PlannedColumn[],
  { run_id, definition }: RowContext,
  has_dictionaries: boolean,
): string {
  const values: string[] = [];
  const fitting: string[] = [];
  const minus_zero: string[] = [];
  const stored = columns.map(({ name, kind, nullable, given }, at) => {
    const value = `v${at}`;
    if (given) {
      const cast = castOf(given, kind, run_id);
      values.push(`${cast.value} as ${value}`);
      const may_lack = mayLack({ kind, nullable }) ? `${cast.given} is null or ` : "";
      fitting.push(`(${may_lack}${cast.fits(value)})`);
      if (kind === "number" && has_dictionaries) {
        minus_zero.push(`${value} = 0 and signbit(${value})`);
      }
    }
    // Of an enum the dictionary is known, and no row has to be looked up in it.
    const filled = kind === "run_id"
      ? `${literal(run_id)}::enum(${literal(run_id)})`
      : given
      ? value
      : `null::${TYPE_OF[kind]}`;
    return `${filled} as ${identifier(name)}`;
  });
  const broken = checksOf(definition).filter(({ spans_rows }) => !spans_rows)
    .map((check) => check.sql(""));
  return `select * from (
      select ${stored.join(", ")} from (select ${["*", ...values].join(", ")} from ${sql})
      where case when ${["true", ...fitting].join(" and ")} then true else ${failure("refused")} end
        and case when ${["false", ...minus_zero].join(" or ")} then ${
    failure(MINUS_ZERO)
  } else true end
    ) where case when ${
    ["false", ...broken].join(" or ")
  } then nextval('broken') > 0 else true end`;
}

/** A condition that fails once it is asked for. */
function failure(message: string): string {
  return `error(${literal(message)})::boolean`;
}

const TYPE_OF: Readonly<Record<ValueKind, string>> = {
  ...{ run_id: "varchar", text: "varchar", level: "varchar", object: "varchar" },
  ...{ whole: "bigint", time: "bigint", number: "double", flag: "boolean" },
};
