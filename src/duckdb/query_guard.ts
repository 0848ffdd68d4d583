/**
 * Query guard: an allow-list over DuckDB's own parse tree of a caller's SQL. Nothing is bound before it has
 * passed, since binding alone runs what some functions do. The tree names each function as DuckDB will
 * look it up, whatever the spelling; a kind of node that is on no list is refused too.
 */
import { asLedgerError, LedgerError, quoted } from "../base/error.ts";
import { nearest } from "../base/nearest.ts";
import type { Database } from "./connection.ts";
import {
  allowedFunctions,
  type CallPlace,
  isAllowedFunction,
  PRAGMAS,
  reasonOfRefusal,
} from "./sandbox.ts";

export interface GuardedQuery {
  sql: string;
  kind: "select" | "explain";
}

/** Refuses what is no query; returns what to run for the rest, which is what was checked. */
export async function guardQuery(database: Database, sql: string): Promise<GuardedQuery> {
  const asked = await parseQuery(database, sql);
  if (asked.kind === "select" && asked.statements.length === 0) {
    throw noQuery("there is no statement in it");
  }
  await checkTree(database, asked.statements);
  const { length } = asked.statements;
  if (length === 1) return asked;
  throw noQuery(
    `there are ${length} statements in it, and an answer is of one`,
    "run one after the other, or join them: select … union all select …",
  );
}

/** The tables that a query names, in small letters. What is no query names none. */
export async function namedTables(database: Database, sql: string): Promise<Set<string>> {
  const named = new Set<string>();
  try {
    for (const node of (await parseQuery(database, sql)).statements) collectTables(node, [], named);
  } catch (error) {
    // What is wrong with it is said when it is run.
    if (!asLedgerError(error)) throw error;
  }
  return named;
}

/** The parse tree of a query, and what to run for it. Nothing of it was checked. */
async function parseQuery(
  database: Database,
  sql: string,
): Promise<GuardedQuery & { statements: unknown[] }> {
  // DuckDB's two parsers of texts need not agree on where such a text ends.
  if (sql.includes("\0")) throw noQuery("there is a NUL character in it");
  const tree = await parse(database, sql);
  if (tree.kind === "tree") return { sql, kind: "select", statements: tree.statements };
  if (tree.kind === "wrong") throw await syntaxError(database, sql, tree.message);
  const [, pragma, values] = PRAGMA.exec(sql) ?? [];
  if (pragma !== undefined) return await parseQuery(database, queryOfPragma(pragma, values));
  const explained = sql.replace(EXPLAIN, "");
  const inner = explained === sql || /^\s*\(/.test(explained)
    ? undefined
    : await parse(database, explained);
  if (inner?.kind !== "tree" || inner.statements.length !== 1) throw noSelect(sql);
  return { sql, kind: "explain", statements: inner.statements };
}

/** Gathers the names of tables below a node; `hidden` are those that a WITH around it defines. */
function collectTables(node: unknown, hidden: readonly string[], named: Set<string>): void {
  if (typeof node !== "object" || node === null) return;
  const { type, table_name, schema_name, cte_map, cte_name, ...members } = node as TreeNode;
  if (type === "TABLE_FUNCTION") {
    // `pragma_table_info('trades')` names its table as a text.
    const { children = [] } = members.function as { children?: { value?: { value: unknown } }[] };
    for (const { value } of children) named.add(String(value?.value).toLowerCase());
  }
  const inside = typeof cte_name === "string" ? [...hidden, cte_name.toLowerCase()] : [...hidden];
  if (type === "BASE_TABLE" && typeof table_name === "string") {
    const name = table_name.toLowerCase();
    if (schema_name !== undefined || !hidden.includes(name)) named.add(name);
  }
  const ctes = (cte_map as { map?: { key: string; value: unknown }[] } | undefined)?.map ?? [];
  for (const { key, value } of ctes) {
    collectTables(value, inside, named);
    inside.push(key.toLowerCase());
  }
  for (const member of Object.values(members)) collectTables(member, inside, named);
}

/**
 * Refuses a database whose own views and macros call what a query may not: a name that is allowed may
 * be one of theirs. An index that this program published has none; one that came from elsewhere may.
 */
export async function guardDefinitions(database: Database): Promise<void> {
  const stored = `where database_name not in ('system', 'temp')`;
  const [macro] = await database.rows<{ function_name: string }>(
    `select function_name from duckdb_functions() ${stored} limit 1`,
  );
  if (macro) throw foreign(database, `the macro ${macro.function_name} is defined in it`);
  const views = await database.rows<{ view_name: string; sql: string }>(
    `select view_name, sql from duckdb_views() ${stored}`,
  );
  for (const { view_name, sql } of views) {
    const [, body] = VIEW.exec(sql) ?? [];
    const tree = body === undefined ? undefined : await parse(database, body);
    if (tree?.kind !== "tree" || tree.statements.length !== 1) {
      throw foreign(database, `its view ${quoted(view_name)} is not one that this program makes`);
    }
    try {
      await checkTree(database, tree.statements);
    } catch (error) {
      throw foreign(database, `its view ${view_name}: ${(error as Error).message}`, error);
    }
  }
}

/**
 * How DuckDB writes a view down. Names are words, quoted or not: where any other one ends could be
 * mistaken, and `"x AS select 1; --"` is a name too.
 */
const NAME = `(?:\\w+|"\\w+")`;
const VIEW = new RegExp(
  `^CREATE VIEW ${NAME}(?:\\.${NAME}){0,2}(?: \\(${NAME}(?:, ${NAME})*\\))? AS ([^]*);$`,
);

const PRAGMA = /^\s*pragma\s+(\w+)\s*(\(.*\))?[\s;]*$/is;

/**
 * The head of an EXPLAIN. No comment may stand in it: where a comment ends is DuckDB's to say, and
 * what we take for the explained statement has to be what DuckDB takes for it.
 */
const EXPLAIN = /^\s*explain(\s+analyze\b|\s*\([\w\s,]*\))?/i;

type Parsed =
  | { kind: "tree"; statements: unknown[] }
  /** It parses, and is not made of SELECT statements alone. */
  | { kind: "other" }
  | { kind: "wrong"; message: string };

/** What DuckDB's parser makes of a text. Nothing of it is looked up, bound or run. */
async function parse(database: Database, sql: string): Promise<Parsed> {
  const json = await database.value<string>(
    `select json_serialize_sql($1::varchar, skip_null := true, skip_empty := true,
       skip_default := true)`,
    [sql],
  );
  // DuckDB writes down constants that JSON has not; which number it is does not matter here.
  const valid = json.replace(
    /"(?:[^"\\]|\\.)*"|-?(?:Infinity|NaN)/g,
    (found) => found.startsWith('"') ? found : "null",
  );
  const { error, error_type, error_message: message, statements } = JSON.parse(valid);
  if (!error) return { kind: "tree", statements: statements ?? [] };
  return error_type === "not implemented" ? { kind: "other" } : { kind: "wrong", message };
}

const CLASSES = new Set(
  `BETWEEN CASE CAST COLLATE COLUMN_REF COMPARISON CONJUNCTION CONSTANT DEFAULT FUNCTION LAMBDA
   LAMBDA_REF OPERATOR PARAMETER POSITIONAL_REFERENCE STAR SUBQUERY TYPE WINDOW`.split(/\s+/),
);

/** Kinds of all else: queries, what they select from, how they are ordered and cut, types. */
const TYPES = new Set(
  `CTE_NODE RECURSIVE_CTE_NODE SELECT_NODE SET_OPERATION_NODE
   BASE_TABLE COLUMN_DATA CTE EMPTY EXPRESSION_LIST JOIN PIVOT SHOW_REF SUBQUERY TABLE_FUNCTION
   DISTINCT_MODIFIER LIMIT_MODIFIER LIMIT_PERCENT_MODIFIER ORDER_MODIFIER
   ASCENDING DESCENDING ORDER_DEFAULT
   AGGREGATE_STATE_TYPE_INFO ANY_TYPE_INFO ARRAY_TYPE_INFO DECIMAL_TYPE_INFO ENUM_TYPE_INFO
   GENERIC_TYPE_INFO GEO_TYPE_INFO INTEGER_LITERAL_TYPE_INFO LIST_TYPE_INFO STRING_TYPE_INFO
   STRUCT_TYPE_INFO TEMPLATE_TYPE_INFO UNBOUND_TYPE_INFO`.split(/\s+/),
);

type TreeNode = Record<string, unknown>;

async function checkTree(database: Database, statements: unknown[]): Promise<void> {
  const qualifiers = new Set<string>();
  const table_calls = new Set<unknown>();
  const left: unknown[] = [...statements];
  while (left.length > 0) {
    const node = left.pop();
    if (typeof node !== "object" || node === null) continue;
    if (!Array.isArray(node)) {
      const { type, function: call } = node as TreeNode;
      if (type === "TABLE_FUNCTION") table_calls.add(call);
      checkNode(node as TreeNode, table_calls.has(node) ? "table" : "value", qualifiers);
    }
    left.push(...Object.values(node));
  }
  if (qualifiers.size > 0) await refuseFilesByDots(database, qualifiers);
}

function checkNode(node: TreeNode, place: CallPlace, qualifiers: Set<string>): void {
  const { class: kind, type, function_name, table_name, schema_name, catalog_name } = node;
  const [of, known] = kind === undefined ? [type, TYPES] : [kind, CLASSES];
  if (typeof of === "string" && !known.has(of)) {
    throw noQuery(`${of} is not among what a query may be made of`);
  }
  if (typeof function_name === "string") checkFunction(function_name, place);
  if (typeof table_name !== "string") return;
  // DuckDB takes a table that it does not have for a file, and its ending for the function to read it.
  if (/[./]/.test(table_name)) {
    throw noQuery(
      `${quoted(table_name)} is no table`,
      "files are read by name of the function: from read_parquet('…'), read_csv, read_json",
    );
  }
  for (const qualifier of [schema_name, catalog_name]) {
    if (typeof qualifier === "string" && qualifier !== "") qualifiers.add(qualifier.toLowerCase());
  }
}

function checkFunction(name: string, place: CallPlace): void {
  if (isAllowedFunction(name, place)) return;
  const reason = reasonOfRefusal(name);
  if (reason !== undefined) throw noQuery(`a query may not call ${name.toLowerCase()}: ${reason}`);
  const near = nearest(name.toLowerCase(), allowedFunctions(place));
  throw noQuery(
    `${quoted(name)} is not among the functions that a query may call`,
    near && `did you mean ${near}?`,
  );
}

/** `from x.csv` is the file of that name, unless there is a schema or a database named x. */
async function refuseFilesByDots(database: Database, qualifiers: Set<string>): Promise<void> {
  const rows = await database.rows<{ name: string }>(
    `select distinct lower(unnest([database_name, schema_name])) as name from duckdb_schemas()`,
  );
  const known = rows.map(({ name }) => name);
  const unknown = [...qualifiers].find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const near = nearest(unknown, known);
  throw noQuery(`there is no schema ${quoted(unknown)}`, near && `did you mean ${near}?`);
}

function queryOfPragma(name: string, values = ""): string {
  const lower = name.toLowerCase();
  const query = Object.hasOwn(PRAGMAS, lower) ? PRAGMAS[lower] : undefined;
  if (query === undefined) {
    const reason = reasonOfRefusal(lower) ?? "it is not among those that only ask";
    throw noQuery(`a query may not say pragma ${lower}: ${reason}`);
  }
  // Views and SHOW take no values; functions do, though none were given.
  const is_function = query.startsWith("from ") && lower !== "database_list";
  return is_function ? `${query}${values || "()"}` : `${query}${values}`;
}

async function syntaxError(database: Database, sql: string, message: string): Promise<LedgerError> {
  try {
    await database.connection.extractStatements(sql);
    return noQuery(message);
  } catch (error) {
    return database.problem(error, sql);
  }
}

/** Names the first statement that is no query, as far as that shows without a parser. */
function noSelect(sql: string): LedgerError {
  const bare = sql.replaceAll(/'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[^]*?\*\//g, " ");
  const verbs = bare.split(";").map((text) => /\w+/.exec(text)?.[0].toUpperCase() ?? "");
  const verb = verbs.find((verb) => !["", "SELECT", "FROM", "WITH", "VALUES"].includes(verb));
  return noQuery(
    verb === "EXPLAIN"
      ? "EXPLAIN explains one SELECT here, and nothing else"
      : `${verb ?? "it"} is no query: queries only read an index: it is derived from the log`,
  );
}

function noQuery(reason: string, hint?: string): LedgerError {
  return new LedgerError({
    code: "invalid",
    message: `cannot run this: ${reason}`,
    hint: hint || "ledger query without SQL lists the tables, and queries to begin with",
  });
}

function foreign(database: Database, reason: string, cause?: unknown): LedgerError {
  return new LedgerError({
    code: "invalid",
    message: `cannot ask ${[database.path, ...database.attached].join(" or ")}: ${reason}`,
    where: { path: database.path },
    hint: "an index is made anew by: ledger rebuild --full, and ledger runs sync --full",
    cause,
  });
}
