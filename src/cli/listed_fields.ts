/** Columns of a table for the fields that a caller asked for, or by which runs differ. */
import type { World } from "../base/world.ts";
import { keyOf } from "../filter/selection.ts";
import type { Field } from "../filter/tree.ts";
import type { RowFormat } from "./flags.ts";
import { type Column, showTime } from "./output.ts";

/** A column for each field: under its own name for people, under that of data for programs. */
export function listedFields(
  world: World,
  fields: readonly Field[],
  rows: readonly Record<string, unknown>[],
  format: RowFormat,
  optional = false,
): Column[] {
  const is_table = format === "table";
  return fields.map((field) => {
    const key = keyOf(field);
    const is_time = field.type === "time";
    const values = rows.map((row) => row[key] ?? undefined).filter((value) => value !== undefined);
    return {
      field: key,
      title: is_table ? titleOf(field, fields) : undefined,
      right: is_time || (values.length > 0 && values.every((value) => typeof value === "number")),
      optional,
      ...(is_time && is_table ? { show: showTime(world) } : {}),
    };
  });
}

/** The end of a name, where no other ends so. */
function titleOf(field: Field, fields: readonly Field[]): string {
  const end = endOf(field);
  return fields.filter((other) => endOf(other) === end).length === 1 ? end : field.name;
}

function endOf({ name, ways }: Field): string {
  return ways[0]?.at(-1) ?? name;
}
