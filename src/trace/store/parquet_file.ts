/** Parquet files of traced events: their columns, their rows, and the notes in their footers. */
import { LedgerError } from "../../base/error.ts";
import type { World } from "../../base/world.ts";
import { parquetFacts } from "../../parquet/footer.ts";
import type { ParquetColumn, ParquetColumnType, Row } from "../../parquet/mod.ts";
import {
  dataText,
  parseData,
  TRACED_FIELD_NAMES,
  TRACED_FIELDS,
  type TracedEvent,
  type TracedField,
} from "../event/event.ts";

const COLUMN_TYPES: Record<typeof TRACED_FIELDS[TracedField], ParquetColumnType> = {
  name: "utf8",
  text: "utf8",
  time: "int64",
  stamp: "int64",
  count: "int64",
  object: "utf8",
};

/** The columns of a file of traced events; data stands there as its JSON text. */
export const TRACED_COLUMNS: readonly ParquetColumn[] = TRACED_FIELD_NAMES.map((name) => ({
  name,
  type: COLUMN_TYPES[TRACED_FIELDS[name]],
  nullable: TRACED_FIELDS[name] === "stamp",
}));

/** The notes in a file's footer. */
export const TRACE_KEYS = {
  version: "ledger.trace_version",
  /** The write-ahead file that it was made from. */
  segment: "ledger.trace_segment",
  /** The names of the files that it replaces, as a JSON array. */
  sources: "ledger.trace_sources",
} as const;

/** The version of the form that such files have. */
export const TRACE_FILE_VERSION = "1.0";

/** An event as a row. */
export function rowOf(event: TracedEvent): Row {
  return { ...event, data: dataText(event.data) };
}

/** The order of a file: one correlation's events lie together, in the order in which they happened. */
export function compareForFile(a: TracedEvent, b: TracedEvent): number {
  if (a.correlation_id !== b.correlation_id) return a.correlation_id < b.correlation_id ? -1 : 1;
  return a.timestamp - b.timestamp || a.sequence_number - b.sequence_number;
}

/** The values of a row in the order of the columns, as DuckDB hands them over, as an event. */
export function eventOfValues(values: readonly unknown[]): TracedEvent {
  return {
    event_id: values[0] as string,
    event_type: values[1] as string,
    timestamp: Number(values[2]),
    correlation_id: values[3] as string,
    causation_id: values[4] as string,
    source_container: values[5] as string,
    destination: values[6] as string,
    created_at: numberOrNull(values[7]),
    emitted_at: numberOrNull(values[8]),
    received_at: numberOrNull(values[9]),
    processed_at: numberOrNull(values[10]),
    data: parseData(values[11] as string),
    version: values[12] as string,
    sequence_number: Number(values[13]),
    partition_key: values[14] as string,
  };
}

function numberOrNull(value: unknown): number | null {
  return value === null ? null : Number(value);
}

/**
 * Compaction sources: the names of the files in its folder that a merged file replaces. Its own footer
 * says so, hence there is no moment at which both count, or neither: it counts from its rename on.
 */
export function compactionSources(world: World, path: string): string[] {
  const text = parquetFacts(world, path).key_values[TRACE_KEYS.sources];
  try {
    const sources = JSON.parse(text ?? "");
    if (Array.isArray(sources)) return sources.map(String);
  } catch {
    // The error below says what it means.
  }
  throw new LedgerError({
    code: "damaged",
    message: `cannot tell which files ${path} replaces: its footer does not say`,
    where: { path },
    hint: "move it away if it is not ours; its sources count again then",
  });
}
