/** Lines of a bundle of traces: which file of the box an event comes from, and the event, its data as JSON text. */
import { isOfKind, parseData, TRACED_FIELDS, type TracedField } from "../../trace/event/event.ts";
import { TRACED_COLUMNS } from "../../trace/store/parquet_file.ts";
import { notOf, textLines } from "./run_files.ts";

/** The columns of such lines, as DuckDB reads them. */
export const TRACE_LINE_COLUMNS: Readonly<Record<string, string>> = {
  file: "varchar",
  ...Object.fromEntries(
    TRACED_COLUMNS.map(({ name, type }) => [name, type === "int64" ? "bigint" : "varchar"]),
  ),
};

const FIELDS = Object.entries(TRACED_FIELDS) as [TracedField, typeof TRACED_FIELDS[TracedField]][];

/** The events of a bundle, each as its line; throws at what is no traced event. */
export function* tracesOfBundle(
  bytes: Uint8Array<ArrayBuffer>,
): Generator<{ line: string; file: string }> {
  for (const line of textLines(bytes)) yield { line, file: fileOf(line) };
}

function fileOf(line: string): string {
  try {
    const event: Record<string, unknown> = JSON.parse(line);
    const { file, data } = event;
    const is_event = FIELDS.every(([name, kind]) =>
      isOfKind(kind, name === "data" ? parseData(data as string) : event[name])
    );
    // Which box it is of is said by the chain.
    if (is_event && isOfKind("name", file) && !("box" in event)) return file as string;
  } catch {
    // Said below.
  }
  throw notOf("traced event", line);
}
