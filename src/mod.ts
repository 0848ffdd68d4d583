/**
 * The library door of ledger: what a program imports to record its runs.
 *
 * ```ts
 * import { openLedger } from "./src/mod.ts";
 *
 * await using ledger = await openLedger({ dir: "data/ledger" });
 * await ledger.emitRunStarted({ run_id: "run-1" });
 * ```
 *
 * @module
 */
export { type ErrorCode, type ErrorPlace, LedgerError } from "./base/error.ts";
export { EventEmitter, getEventEmitter } from "./emitter.ts";
export {
  ARTIFACT_KINDS,
  type ArtifactKind,
  type CommonFields,
  type JsonObject,
  Ledger,
  openLedger,
  type OpenOptions,
} from "./ledger.ts";
export {
  type Acknowledgement,
  type CustomType,
  type DamageRecord,
  type Durability,
  type Finding,
  type LedgerEvent,
  LogCursor,
  type LogRecord,
  type LogSurvey,
  type MigrationStep,
  type ReadFilter,
  type Registry,
  type StreamOptions,
  type StreamReport,
  type VerifyOptions,
  type VerifyReport,
  type WriterCounters,
} from "./log/mod.ts";
