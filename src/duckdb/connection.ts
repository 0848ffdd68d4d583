/**
 * Connection: the only way to open a database, so that every connection is in the sandbox. Statements run
 * here, and what DuckDB throws becomes an error of ours.
 */
import type {
  DuckDBAppender,
  DuckDBConnection,
  DuckDBInstance,
  DuckDBPreparedStatement,
  DuckDBResult,
  DuckDBValue,
  StatementType,
} from "@duckdb/node-api";
import { refuseWhatWaits } from "../base/files/durable.ts";
import type { LedgerError } from "../base/error.ts";
import { duckdb_memory_limit, duckdb_threads_max } from "../base/limits.ts";
import type { World } from "../base/world.ts";
import { translate } from "./errors.ts";
import { type DuckDBApi, loadDuckDB } from "./native.ts";
import { identifier, literal, SANDBOX_SETTINGS, sandboxStatements } from "./sandbox.ts";

export { literal };

export interface ConnectionOptions {
  /** A file, or `:memory:`. */
  path: string;
  access: "read" | "write";
  /** The folders that SQL may read and write; the database's own file needs none. */
  folders: readonly string[];
  /** Single files that it may read and write. */
  paths?: readonly string[];
  /** Where DuckDB puts what does not fit into memory. Inside one of the folders, if SQL names it. */
  temp_folder: string;
  threads?: number;
  /** Rows come out in the order of what they are read from; readers always have it so. */
  keeps_order?: boolean;
  /** Other databases, readable under a name; attached before the sandbox closes. */
  attached?: readonly { path: string; name: string }[];
}

export type BoundValue = string | number | bigint | boolean | null;

export interface Statement extends Disposable {
  /** DuckDB is at work on it when this returns, on threads of its own. */
  run(values: BoundValue[]): Promise<void>;
}

export class Database implements AsyncDisposable {
  constructor(
    readonly api: DuckDBApi,
    readonly path: string,
    readonly instance: DuckDBInstance,
    readonly connection: DuckDBConnection,
    readonly attached: readonly string[] = [],
  ) {}

  async run(sql: string, values: BoundValue[] = []): Promise<void> {
    await this.#translated(sql, () => this.connection.run(sql, bound(values)));
  }

  async rows<Row = Record<string, DuckDBValue>>(
    sql: string,
    values: BoundValue[] = [],
  ): Promise<Row[]> {
    return await this.#translated(sql, async () => {
      const reader = await this.connection.runAndReadAll(sql, bound(values));
      return reader.getRowObjects() as Row[];
    });
  }

  /** Runs one statement; its rows come in pieces. The caller handles errors while they come. */
  async stream(sql: string, values: BoundValue[] = []): Promise<DuckDBResult> {
    return await this.#translated(sql, () => this.connection.stream(sql, bound(values)));
  }

  /** Runs statements after a check of each one's kind; the rows of the last come in pieces. */
  async streamChecked(
    sql: string,
    values: BoundValue[],
    check: (kind: StatementType) => void,
  ): Promise<DuckDBResult> {
    return await this.#translated(sql, async () => {
      const extracted = await this.connection.extractStatements(sql);
      const prepared: DuckDBPreparedStatement[] = [];
      try {
        for (let n = 0; n < extracted.count; n++) prepared.push(await extracted.prepare(n));
        for (const { statementType } of prepared) check(statementType);
        for (const statement of prepared.slice(0, -1)) await statement.run();
        const last = prepared[prepared.length - 1];
        last.bind(bound(values));
        return await last.stream();
      } finally {
        for (const statement of prepared) statement.destroySync();
      }
    });
  }

  async value<Value = DuckDBValue>(sql: string, values: BoundValue[] = []): Promise<Value> {
    const [row] = await this.rows<Record<string, Value>>(sql, values);
    return Object.values(row)[0];
  }

  /** Prepares a statement that runs many times. It has to be closed before the database is. */
  async prepare(sql: string): Promise<Statement> {
    const prepared = await this.#translated(sql, () => this.connection.prepare(sql));
    return {
      run: (values) =>
        this.#translated(sql, async () => {
          prepared.bind(bound(values));
          await prepared.run();
        }),
      [Symbol.dispose]: () => prepared.destroySync(),
    };
  }

  /** Fills a temporary table without SQL, with rows that are many and in memory. */
  async append(table: string, fill: (appender: DuckDBAppender) => void): Promise<void> {
    await this.#translated(`append to ${table}`, async () => {
      const appender = await this.connection.createAppender(table, "main", "temp");
      fill(appender);
      appender.closeSync();
    });
  }

  /** Puts rows into a statement one after another; for the few that no file can carry. */
  async runForEach(sql: string, rows: Iterable<BoundValue[]>): Promise<void> {
    using statement = await this.prepare(sql);
    for (const row of rows) await statement.run(row);
  }

  close(): void {
    this.connection.closeSync();
    this.instance.closeSync();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve(this.close());
  }

  problem(error: unknown, sql: string): LedgerError {
    return translate(error, { path: this.path, beside: this.attached, sql });
  }

  async #translated<T>(sql: string, body: () => Promise<T>): Promise<T> {
    try {
      return await body();
    } catch (error) {
      throw this.problem(error, sql);
    }
  }
}

/** Opens a database and closes the sandbox around it. */
export async function openDatabase(world: World, options: ConnectionOptions): Promise<Database> {
  const { path, access, folders, paths = [], temp_folder, threads, attached = [] } = options;
  for (const each of [options, ...attached]) refuseWhatWaits(world.files, each.path);
  const { api } = await loadDuckDB(world);
  let instance: DuckDBInstance | undefined;
  let connection: DuckDBConnection | undefined;
  try {
    instance = await api.DuckDBInstance.create(path, {
      ...SANDBOX_SETTINGS,
      access_mode: access === "read" ? "READ_ONLY" : "READ_WRITE",
      threads: String(threads ?? duckdb_threads_max),
      memory_limit: duckdb_memory_limit,
      temp_directory: temp_folder,
      // A reader may count on the order of a table's rows; a builder need not keep it.
      preserve_insertion_order: String(access === "read" || options.keeps_order === true),
    });
    connection = await instance.connect();
    for (const each of attached) await attach(connection, each);
    await connection.run(sandboxStatements(folders, paths));
    return new Database(api, path, instance, connection, attached.map((each) => each.path));
  } catch (error) {
    // Either of them alone would keep the file open.
    connection?.closeSync();
    instance?.closeSync();
    throw translate(error, { path });
  }
}

async function attach(
  connection: DuckDBConnection,
  { path, name }: { path: string; name: string },
): Promise<void> {
  try {
    await connection.run(`attach ${literal(path)} as ${identifier(name)} (read_only)`);
  } catch (error) {
    throw translate(error, { path, is_foreign: true });
  }
}

/** Whole numbers go in as whole numbers: as doubles they would make doubles of what they meet. */
function bound(values: BoundValue[]): DuckDBValue[] {
  return values.map((value) =>
    typeof value === "number" && Number.isInteger(value) ? BigInt(value) : value
  );
}
