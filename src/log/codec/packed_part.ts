/** What a compacted part is as a Parquet file: its columns, and what it says of itself. */
import type { PackedColumn } from "../../parquet/packed.ts";
import { type Slot, SLOTS } from "./line_template.ts";

/** A column of a compacted part. */
export type ColumnName = Slot | "log_offset" | "shape" | "is_trial" | "line";

/** All of them. */
export const COLUMNS: readonly (PackedColumn & { name: ColumnName })[] = [
  { name: "log_offset", type: "int64", nullable: false },
  ...SLOTS.map((name) => ({
    name,
    type: name === "timestamp_ms" ? "int64" as const : "utf8" as const,
    nullable: true,
  })),
  // Which of the file's shapes the line has.
  { name: "shape", type: "int32", nullable: true },
  // Whether the columns say all that an index has to know: a trial with all its fields right.
  { name: "is_trial", type: "boolean", nullable: false },
  // The line itself, where it has no shape.
  { name: "line", type: "bytes", nullable: true },
];

/** What the file says of itself. */
export const KEYS = {
  /** The shapes of its lines, by their numbers. */
  shapes: "ledger.shapes",
  /** Where in the part each row group begins. */
  groups: "ledger.group_offsets",
  /** Which part it holds, and what its lines were sealed as. */
  part: "ledger.part",
  part_sha256: "ledger.part_sha256",
  version: "ledger.compacted_version",
} as const;
/** The version of all this. */
export const PACKED_VERSION = "1";

/** Places among the columns of a line. */
export const TIMESTAMP = SLOTS.indexOf("timestamp_ms");
export const REST = SLOTS.indexOf("rest");
