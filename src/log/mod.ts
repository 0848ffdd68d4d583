/**
 * The log, and the contract it keeps. This header is the design record; below is where other rooms come in.
 *
 * FORMAT. `events/day=YYYY-MM-DD/part-NNNNNN.jsonl`: one event a line, UTF-8 JSON, each line ended by a
 * newline. The day is the UTC day of the event's `timestamp_ms`. A part that would grow past 100 MB is left
 * and the next number is opened. `part-NNNNNN.W.jsonl` is private to writer W.
 *
 * APPENDING. Take the day's flock (and check that it still is the day's lock); move a torn tail to
 * `_quarantine/`; write all whole lines in one write; release the lock; fdatasync; acknowledge. A private
 * writer has a lock of its own, whose file is made under the day's: so a process that holds the day's lock
 * and those that are there knows that no writer is at work in the day. That is how a day leaves the log.
 *
 * DURABILITY. An event is acknowledged only when its newline is durable. The lock is released before the
 * sync, so that others write meanwhile: a sync covers every byte written to the file before it, by any
 * process. A part that holds bytes has a durable name, because its folders are synced before its first byte,
 * under the lock. With durability "os" the sync is left out, and the acknowledgement says so.
 *
 * WHAT A READER MAY SEE. Lines that are whole but not durable yet: a power cut may take some of them back.
 * Never part of a write: sizes are read under a shared lock, and a failed write is cut back before the lock
 * is released.
 *
 * FAILURES. A write that fails (disk full, quota) leaves the part as it was; nothing of it is acknowledged. A
 * sync that fails is "durability unknown": the lines stay (others may have appended since), and an event's id
 * makes it harmless to emit it again. A killed writer leaves at most one torn tail, never acknowledged.
 *
 * DAMAGE. Torn: a part does not end in a newline. The next writer, or `verify --repair`, moves the tail to
 * quarantine. Corrupt: a whole line that is no record. It is reported with its offset, read around, copied to
 * quarantine by repair, and left where it is: offsets never move.
 *
 * ORDER. (day, part number, writer, byte offset) is the order of the log. Timestamps are not: lines of
 * different processes stand in the order in which they got the lock, and a backdated event goes to the part
 * that is open now. Within one process, events of one day stand in the order they were emitted.
 *
 * THE YEARS. A part that takes no more lines is sealed: its digest goes into `_sealed.json` and the chain. It
 * may then be compacted, and give the same bytes; whole days may be archived and imported again.
 * `_chain.jsonl` says which parts there ever were, and which of them are away.
 *
 * IDENTITY. `event_id` says which event a line is. The same id twice is the same event emitted twice: both
 * lines stay, the first in log order counts. That makes it safe to emit again after any error. Generated ids,
 * `{timestamp_ms}_{8 hex}`, count up within an open ledger and do not repeat there.
 */
export { type Acknowledgement, type Durability } from "./write/writer.ts";
export type { WriterCounters } from "./write/day_appender.ts";
export {
  DIRECTIONS,
  EVENT_TYPE_SUMMARIES,
  EVENT_TYPES,
  fieldsAreRight,
  isBuiltIn,
  isOfKind,
  type LedgerEvent,
  requiredFields,
  TYPES_ABOUT_RUNS,
} from "./event/event.ts";
export { closingQuote, isTimestamp, nestingDepth } from "./event/validate.ts";
export {
  checkWriterName,
  dayFolder,
  dayOf,
  ledgerPaths,
  parsePartLabel,
  type PartId,
  partStem,
  writerNameFrom,
} from "./format/layout.ts";
export { type Chain, chainPath, readChain, type TakenOutEntry } from "./format/chain.ts";
export { lineHash } from "./format/line_blocks.ts";
export {
  concurrentlyRemoved,
  type OpenPart,
  openPart,
  wasConcurrentlyRemoved,
} from "./read/part_file.ts";
export { listDays, noLedger, type PartExtent, partNamesOf, partsOfDay } from "./read/parts.ts";
export {
  type DamageRecord,
  type EventRecord,
  LogCursor,
  type LogRecord,
  type ReadFilter,
  recordsOfLines,
} from "./read/cursor.ts";
export { ChangeNotices, followLog } from "./read/follow.ts";
export {
  applyStep,
  type CustomType,
  isVersioned,
  type MigrationStep,
  readRegistry,
  type Registry,
} from "./event/registry.ts";
export {
  adoptTypes,
  migrateType,
  type NewTypes,
  newTypesOf,
  registerType,
  type TypeSection,
} from "./seal/registry_change.ts";
export { chainLockPath } from "./format/chain.ts";
export type { CompactOptions, CompactPlan, CompactReport } from "./compact/compact.ts";
export type { RestoredPart } from "./compact/restore.ts";
export type { NewlySealed, SealOptions } from "./seal/seal.ts";
export type { ImportedDay } from "./archive/import_day.ts";
export { type LogSurvey, recentDays, recentEvents, recentRunIds } from "./read/survey.ts";
export { type LineAnswer, type StreamOptions, type StreamReport } from "./write/stream.ts";
export { chainProblem } from "./seal/verify_chain.ts";
export type { Finding, VerifyOptions, VerifyReport } from "./seal/verify.ts";
