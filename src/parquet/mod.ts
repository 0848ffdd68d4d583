/**
 * Rows <-> Parquet files. The contract of this room:
 *
 * - **Whole or not at all.** A file is written under a temporary name, synced, renamed, its folder
 *   synced. After an error the target is what it was, and no temporary file is left. (One exception
 *   is not ours to make: when the very last step, the folder's sync, fails, the new file stands there
 *   whole, the error says so, and a power cut may bring back the old one.)
 * - **Bounded memory.** Rows are kept until a row group is full (`row_group_rows_max` rows, or
 *   `row_group_bytes_max` of values), then encoded and written; a reader holds one row group at a time.
 *   So memory depends on the size of a row group, never on the number of rows.
 * - **Exact.** Types are written: `int64`, `double`, `boolean`, `utf8`, and for answers times. What is written is what
 *   is read, here and by DuckDB: every digit of an int64, minus zero, NaN and the infinities, nulls,
 *   any text. What a column cannot hold exactly is refused, never rounded: a number past 2^53 in an
 *   int64 column (its digits are lost already; a bigint is fine), half a character in a text.
 * - **Foreign files are read.** Whatever hyparquet decodes comes out as plain values: whole numbers as
 *   numbers, or as bigints past 2^53; decimals as the nearest number; times as ISO 8601 text with all
 *   their digits (one without a zone is taken for UTC); dates as `YYYY-MM-DD`; JSON as its text; lists
 *   and structs as arrays and objects; bytes that are not marked as text as bytes.
 * - **Damage is not misuse.** A file that is not Parquet, was cut short, or does not decode is
 *   `damaged`; one that uses what we have no code for (a codec, encryption) is `invalid`.
 *
 * hyparquet and hyparquet-writer are loaded with this module: import it only where Parquet is needed.
 *
 * @module
 */
export type { ParquetColumn, ParquetColumnType, Row } from "./columns.ts";
export { type ParquetFacts, parquetFacts, type ParquetField, type ParquetFile } from "./footer.ts";
export { inspectParquet } from "./inspect.ts";
export { lastTexts, readParquet } from "./read.ts";
export { parquetStatistics } from "./statistics.ts";
export {
  commitStaged,
  type ParquetCodec,
  type ParquetOptions,
  type ParquetWritten,
  printParquet,
  type StagedParquet,
  stageParquet,
  writeParquet,
} from "./write.ts";
