/**
 * Regular grammar of NDJSON: lines with the same keys in the same order, each value of its column's kind,
 * are a regular language, and an automaton of DuckDB's holds every line against it. What fits is read by
 * DuckDB as JSON.parse reads it; any other line, right or wrong, is for our own parser to judge.
 */
import { input_row_bytes_max } from "../../base/limits.ts";
import { literal } from "../../duckdb/connection.ts";
import { patternOf } from "../../duckdb/sandbox.ts";
import type { InputTable } from "./columnar.ts";
import type { ArtifactColumn, ArtifactDefinition, ValueKind } from "./definitions.ts";

/** Escapes of halves of a character, and of the character 0, are looked at one by one elsewhere. */
const ESCAPED = String.raw`\\(?:["\\/bfnrt]|u(?:00[1-9a-fA-F][0-9a-fA-F]|000[1-9a-fA-F]|` +
  String.raw`0[1-9a-fA-F][0-9a-fA-F]{2}|[1-9a-cA-CefEF][0-9a-fA-F]{3}|[dD][0-7][0-9a-fA-F]{2}))`;
const TEXT = String.raw`"(?:[^"\\\x00-\x1f]|${ESCAPED})*"`;
const DIGITS = "[1-9][0-9]{0,17}";
const WHOLE = `(?:0|-?${DIGITS})`;
const EXPONENT = "[eE][+-]?[0-9]{1,3}";
const NUMBER = String
  .raw`(?:${WHOLE}|-?(?:0|${DIGITS})(?:\.[0-9]{1,30}(?:${EXPONENT})?|${EXPONENT}))`;

/** How a value of each kind is written, and how DuckDB takes it. Objects have no regular grammar. */
const WRITTEN: Readonly<Partial<Record<ValueKind, [grammar: string, type: string]>>> = {
  run_id: [TEXT, "VARCHAR"],
  text: [TEXT, "VARCHAR"],
  level: [TEXT, "VARCHAR"],
  whole: [WHOLE, "BIGINT"],
  time: [WHOLE, "BIGINT"],
  number: [NUMBER, "DOUBLE"],
  flag: ["(?:true|false)", "BOOLEAN"],
};

const BLANK = String.raw`[ \t\r]*`;

/** An input of lines. */
interface LinesTable extends InputTable {
  /** SQL of how many lines are rows (`fit`), and how many are neither rows nor blank (`other`). */
  counted: string;
}

/** A file of lines as a table; undefined where its first line has not the keys of some columns. */
export function ndjsonTable(
  path: string,
  head: Uint8Array,
  { columns }: ArtifactDefinition,
): LinesTable | undefined {
  const [first] = new TextDecoder().decode(head).trimStart().split("\n", 1);
  const known = new Map(columns.map((column) => [column.name, column]));
  const found = keysOf(first).map((key) => known.get(key));
  if (found.length === 0 || !found.every(isPlain)) return undefined;
  const members = found.map(({ name, kind }) => {
    return `"${name}"${BLANK}:${BLANK}(?:null|${WRITTEN[kind]![0]})${BLANK}`;
  });
  const line = literal(`${BLANK}\\{${BLANK}${members.join(`,${BLANK}`)}\\}${BLANK}`);
  const file = literal(patternOf(path));
  const types = found.map(({ name, kind }) => `${literal(name)}: '${WRITTEN[kind]![1]}'`);
  const lines = `read_csv(${file}, auto_detect = false, header = false, delim = '\u0001',
    quote = '', escape = '', comment = '', new_line = '\\n', strict_mode = false,
    max_line_size = ${input_row_bytes_max}, compression = 'none', columns = {'line': 'VARCHAR'})`;
  return {
    sql: `(select ${found.map(({ name }, at) => `"${name}" as c${at}`).join(", ")}
      from read_json(${file}, format = 'newline_delimited', auto_detect = false,
      maximum_object_size = ${input_row_bytes_max}, compression = 'uncompressed',
      columns = {${types.join(", ")}}))`,
    columns: found.map(({ name, kind }, at) => ({ name, type: WRITTEN[kind]![1], sql: `c${at}` })),
    counted: `select count_if(fits) as fit, count_if(not fits and not is_blank) as other from (
      select regexp_full_match(coalesce(line, ''), ${line}) as fits,
        regexp_full_match(coalesce(line, ''), '${BLANK}') as is_blank from ${lines})`,
  };
}

function keysOf(line: string): string[] {
  try {
    return Object.keys(JSON.parse(line));
  } catch {
    return [];
  }
}

function isPlain(column: ArtifactColumn | undefined): column is ArtifactColumn {
  return column !== undefined && /^\w+$/.test(column.name) && WRITTEN[column.kind] !== undefined;
}
