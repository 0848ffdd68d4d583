/** `--sort` and `--columns`: the order of rows, and what is shown of each, in the names of filters. */
import { leavesOf } from "../base/json.ts";
import { checkHasValue } from "./compare.ts";
import { fieldOf, GIT_COLUMNS, PLAIN_COLUMNS } from "./names.ts";
import { TokenReader } from "./parse.ts";
import { valueAt } from "./predicate.ts";
import { problemAt, type Source } from "./problem.ts";
import { type Bind, valueSql } from "./sql.ts";
import type { Token } from "./tokens.ts";
import type { Field, ValueType } from "./tree.ts";

/** The field that rows are ranked by; any name is one of the summary's that none of the listing is. */
export function metricField(name: string): Field {
  const segments = name.split(".").map((text) => ({ text, is_quoted: false }));
  const source: Source = { name: "by", text: name };
  const span = { from: 0, to: name.length };
  const field = fieldOf(segments, span);
  if (field === undefined) throw problemAt(source, span, `${name} is no column`);
  checkHasValue(source, field);
  return field;
}

/** What rows are ordered by. */
export interface SortKey {
  field: Field;
  direction: "asc" | "desc";
}

/** Reads an order: `-summary.sharpe`, `created_at:asc`, several between commas. Times begin with the latest. */
export function parseSort(text: string): SortKey[] {
  const reader = new TokenReader({ name: "sort", text });
  return listed(reader, () => {
    const is_reversed = reader.takeIf("-");
    const token = nameOf(reader);
    const field = reader.field(token);
    checkHasValue(reader.source, field);
    const fallback = field.type === "time" || is_reversed ? "desc" : "asc";
    if (!reader.takeIf(":")) return { field, direction: fallback };
    const word = reader.take();
    const direction = word.text.toLowerCase();
    if (!is_reversed && (direction === "asc" || direction === "desc")) return { field, direction };
    const hint = `say ${token.text}:asc or ${token.text}:desc`;
    throw problemAt(reader.source, word, `${word.text || "nothing"} is no direction`, hint);
  });
}

/** The order as SQL has it; what has no value comes last. */
export function sortSql(keys: readonly SortKey[], bind: Bind): string {
  return keys.flatMap(({ field, direction }) => {
    const types: ValueType[] = field.type === "json" ? ["number", "text", "boolean"] : [field.type];
    return types.map((type) => `${valueSql(field, type, bind)} ${direction} nulls last`);
  }).join(", ");
}

/** A column that is shown: a field, or all that a row has below a name. */
export type Shown = Field | { all_of: string };

/** Reads a list of columns: `run_id,params.*,summary.sharpe`. */
export function parseColumns(text: string): Shown[] {
  const reader = new TokenReader({ name: "columns", text });
  return listed(reader, () => {
    const token = nameOf(reader);
    if (!token.is_all) return [reader.field(token)];
    const [root, more] = token.segments.map((segment) => segment.text);
    const names = root === undefined ? PLAIN_COLUMNS : root === "git" ? GIT_COLUMNS : undefined;
    if (names) {
      return names.map((name) =>
        reader.field({ ...token, is_all: false, segments: segmentsOf(name) })
      );
    }
    const field = reader.field({ ...token, is_all: false });
    if (field.type !== "json" || field.is_bare || more !== undefined) {
      const hint = "there are params.*, summary.*, timing.*, dataset.*, git.* and *";
      throw problemAt(reader.source, token, `${token.text} stands for nothing`, hint);
    }
    return [{ all_of: field.column }];
  }).flat();
}

/** Reads the names of values that rows are told apart by: `group`, `params.x,params.y`. */
export function parseKeys(source: Source): Field[] {
  const reader = new TokenReader(source);
  return listed(reader, () => {
    const field = reader.field(nameOf(reader));
    checkHasValue(source, field);
    return field;
  });
}

/** The fields of columns, in the order of their names where a name stands for all that rows have. */
export function fieldsShown(
  shown: readonly Shown[],
  rows: readonly Record<string, unknown>[],
): Field[] {
  return shown.flatMap((each) => {
    if ("column" in each) return [each];
    const ways = rows.flatMap((row) => leavesOf(row[each.all_of]).map(([way]) => way));
    const by_name = Map.groupBy(ways, (way) => [each.all_of, ...way].join("."));
    return [...by_name].sort(([a], [b]) => a < b ? -1 : 1).map(([name, found]): Field => {
      const span = { from: 0, to: 0 };
      // The same name may be one with a dot in it, or two.
      const ways = [...new Map(found.map((way) => [JSON.stringify(way), way])).values()];
      return { name, span, column: each.all_of, type: "json", ways, is_bare: false };
    });
  });
}

/** What a field is called in data formats. */
export function keyOf({ name, column, type }: Field): string {
  return type === "time" ? `${column}_ms` : name;
}

/** A row as it is shown. */
export function rowShown(
  fields: readonly Field[],
  row: Record<string, unknown>,
): Record<string, unknown> {
  return Object.fromEntries(fields.map((field) => [keyOf(field), valueAt(field, row) ?? null]));
}

function segmentsOf(name: string): Token["segments"] {
  return [{ text: name, is_quoted: false }];
}

function listed<Item>(reader: TokenReader, read: () => Item): Item[] {
  const items: Item[] = [];
  do items.push(read()); while (reader.takeIf(","));
  if (reader.isAtEnd()) return items;
  const { text } = reader.next;
  throw problemAt(reader.source, reader.next, `${text} stands where a comma or the end has to`);
}

function nameOf(reader: TokenReader): Token {
  const { source, next } = reader;
  if (next.kind === "name") return reader.take();
  const found = next.text === "" ? "nothing" : next.text;
  throw problemAt(source, next, `${found} stands where a name has to`, EXAMPLES[source.name]);
}

const EXAMPLES: Readonly<Partial<Record<Source["name"], string>>> = {
  sort: "for example: created_at, -summary.sharpe, total_ms:desc",
  columns: "for example: run_id,params.*,summary.sharpe",
};
