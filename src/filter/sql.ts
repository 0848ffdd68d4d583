/** Code generator: the tree of a filter -> a condition of SQL, in which every value is bound. */
import { jsonPointer } from "../base/json.ts";
import { type Condition, type Field, ISO_PATTERN, type Scalar, type ValueType } from "./tree.ts";

/** Binds a value; returns what stands for it: `$1`. */
export type Bind = (value: string | number | boolean) => string;

/** The condition, over the columns of the listing. */
export function filterSql(condition: Condition, bind: Bind): string {
  switch (condition.kind) {
    case "and":
    case "or": {
      const { kind, of } = condition;
      if (of.length === 0) return kind === "and" ? "true" : "false";
      return `(${of.map((each) => filterSql(each, bind)).join(` ${kind} `)})`;
    }
    case "first":
      return `coalesce(${condition.of.map((each) => filterSql(each, bind)).join(", ")})`;
    case "not":
      return `(not ${filterSql(condition.of, bind)})`;
    case "compare": {
      const { type, field, operator, to } = condition;
      const right = typeof to === "object" ? valueSql(to, type, bind) : scalarSql(to, type, bind);
      return `(${valueSql(field, type, bind)} ${operator} ${right})`;
    }
    case "in": {
      const { type, field, values } = condition;
      const list = values.map((value) => scalarSql(value, type, bind)).join(", ");
      return `(${valueSql(field, type, bind)} in (${list}))`;
    }
    case "like": {
      const { field, pattern } = condition;
      return `(${valueSql(field, "text", bind)} like ${bind(pattern)} escape '\\')`;
    }
    case "is_null": {
      const { field } = condition;
      if (field.type !== "json" || field.ways.length === 0) return `(${columnSql(field)} is null)`;
      return `(coalesce(json_type(${jsonSql(field, bind)}), 'NULL') = 'NULL')`;
    }
    case "has":
      return hasSql(condition.field, condition.value, bind);
  }
}

/** A field's value where it is of a type, else null. Times are in ms. */
export function valueSql(field: Field, type: ValueType, bind: Bind): string {
  if (field.type !== "json") {
    if (type === "time") return `epoch_ms(${columnSql(field)})`;
    return type === "number" ? `cast(${columnSql(field)} as double)` : columnSql(field);
  }
  const value = jsonSql(field, bind);
  const text = `case when json_type(${value}) = 'VARCHAR' then ${value}->>'$' end`;
  const number = `case when json_type(${value}) in ('BIGINT', 'UBIGINT', 'DOUBLE')
    then try_cast(${value} as double) end`;
  switch (type) {
    case "text":
      return `(${text})`;
    case "number":
      return `(${number})`;
    case "boolean":
      return `(case when json_type(${value}) = 'BOOLEAN' then cast(${value} as boolean) end)`;
    case "time": {
      const iso = `case when regexp_full_match(${text}, '${ISO_PATTERN}')
        then epoch_ms(try_cast(${text} as timestamp)) end`;
      if (field.unit_ms === undefined) return `(${iso})`;
      return `coalesce(${iso}, (${number}) * ${scalarSql(field.unit_ms, "number", bind)})`;
    }
  }
}

/** What rows are told apart by: the same text for the same value, null where nothing is there. */
export function keySql(field: Field, bind: Bind): string {
  if (field.type !== "json") return `cast(${columnSql(field)} as varchar)`;
  const json = jsonSql(field, bind);
  const number = valueSql(field, "number", bind);
  return `coalesce(cast(${number} as varchar), nullif(cast(${json} as varchar), 'null'))`;
}

/** A column as SQL names it: `group` is a word of its own there. */
export function columnSql({ column }: Pick<Field, "column">): string {
  return column === "group" ? `"${column}"` : column;
}

/** The JSON that a field leads to; null, in SQL or in JSON, where nothing is there. */
function jsonSql(field: Field, bind: Bind): string {
  const { ways } = field;
  const column = columnSql(field);
  if (ways.length === 0) return `to_json(${column})`;
  const [first, ...rest] = ways.map((way) => `json_extract(${column}, ${bind(jsonPointer(way))})`);
  if (rest.length === 0) return first;
  return `coalesce(nullif(${first}, 'null'::json), ${rest.join(", ")})`;
}

/** Numbers go in as their digits: one past 2^63 is no number that can be bound. */
function scalarSql(value: Scalar, type: ValueType, bind: Bind): string {
  const is_number = type === "number" || type === "time";
  return is_number ? `cast(${bind(String(value))} as double)` : bind(value);
}

function hasSql(field: Field, value: string | number, bind: Bind): string {
  const list = jsonSql(field, bind);
  const items = `case when json_type(${list}) = 'ARRAY' then cast(${list} as json[]) end`;
  const types = typeof value === "number" ? "('BIGINT', 'UBIGINT', 'DOUBLE')" : "('VARCHAR')";
  const item = typeof value === "number" ? "try_cast(item as double)" : "item->>'$'";
  const sought = scalarSql(value, typeof value === "number" ? "number" : "text", bind);
  return `coalesce(list_contains(list_transform(${items},
    lambda item: case when json_type(item) in ${types} then ${item} end), ${sought}), false)`;
}
