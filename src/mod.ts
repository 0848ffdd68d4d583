/**
 * The library door of ledger: what a program imports to record its runs.
 *
 * ```ts
 * import { openLedger } from "./mod.ts";
 *
 * const dir = await Deno.makeTempDir();
 * await using ledger = await openLedger({ dir });
 * const { event_id } = await ledger.emitRunStarted({ run_id: "run-1" });
 *
 * for await (const record of ledger.read({ run_id: "run-1" })) {
 *   if (record.kind !== "event" || record.event.event_id !== event_id) throw new Error("lost");
 * }
 * ```
 *
 * @module
 */
export { type ErrorCode, type ErrorPlace, LedgerError } from "./base/error.ts";
export { type EmitterOptions, EventEmitter, getEventEmitter } from "./legacy/emitter.ts";
export {
  type CommonFields,
  Emitters,
  EventLog,
  type JsonObject,
  type OpenOptions,
} from "./ledger/event_log.ts";
export { Ledger, openLedger } from "./ledger/ledger.ts";
export { ARTIFACT_KINDS, type ArtifactKind } from "./ledger/artifacts.ts";
export type { AnswerLag, AnswerSource } from "./ledger/fresh.ts";
export type { AttachedDatabase, IndexOptions, QueryOptions } from "./ledger/open_index.ts";
export type { BoundValue, Database } from "./duckdb/connection.ts";
export { openFleet } from "./fleet/open.ts";
export type { Fleet, FleetOptions, FleetRecord, InitReport } from "./fleet/fleet.ts";
export type { BoxStatus, FleetVerification, VerifyBoxesOptions } from "./fleet/boxes.ts";
export type { ChainFinding } from "./fleet/chain.ts";
export type { Engine } from "./fleet/engines.ts";
export type { FoldReport } from "./fleet/fold.ts";
export type { FleetPullReport, PullOptions } from "./fleet/pull/pull.ts";
export type { RepairReport, ShipOptions, ShipReport } from "./fleet/ship.ts";
export { legacyDatabase } from "./legacy/attach.ts";
export type { LegacyComparison, LegacyDifference, LegacyTableReport } from "./legacy/compare.ts";
export type { LegacyImport, RefusedRow } from "./legacy/import.ts";
export { compareLegacy, importLegacy, judgeLegacy, type LegacyVerdict } from "./legacy/legacy.ts";
export type { SyncOptions, SyncReport } from "./index/sync.ts";
export type { TableDigest } from "./index/load_transaction.ts";
export {
  type Acknowledgement,
  type CustomType,
  type DamageRecord,
  type Durability,
  type Finding,
  type LedgerEvent,
  type LineAnswer,
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
export type {
  ParquetCodec,
  ParquetColumn,
  ParquetColumnType,
  ParquetFacts,
  ParquetField,
  ParquetFile,
  ParquetOptions,
  ParquetWritten,
} from "./parquet/mod.ts";
export {
  ARTIFACT_SCHEMA_VERSION,
  ARTIFACT_TYPES,
  type ArtifactColumn,
  type ArtifactDefinition,
  artifactDefinition,
  type ArtifactType,
  type ColumnBounds,
  isArtifactType,
  type ValueKind,
} from "./runs/artifacts/definitions.ts";
export type { ArtifactRow } from "./runs/artifacts/artifact_row.ts";
export type { ArtifactTypes } from "./runs/artifacts/types.ts";
export type { ArtifactSource, InputFormat } from "./runs/artifacts/input.ts";
export type { ArtifactToWrite } from "./runs/artifacts/file.ts";
export type { RetainedDay, RetainRequest } from "./ledger/retain.ts";
export type { ImportedDay } from "./log/mod.ts";
export {
  type CodeRequest,
  getGitProvenance,
  type GitProvenance,
} from "./runs/evidence/provenance.ts";
export { type Rerun, rerunScript } from "./runs/evidence/rerun.ts";
export { type CodeFacts, codeOf } from "./runs/manifest/code_facts.ts";
export {
  type ArtifactPlace,
  type CatalogStats,
  getArtifactPath,
  getCatalogStats,
  queryRuns,
  type RunCounts,
  type RunListing,
  type RunRow,
} from "./runs/catalog/queries.ts";
export type { RunFilter, SoughtInput } from "./runs/catalog/run_filter.ts";
export type { ComparedRun, ComparedValue, DiffRow, Directions } from "./runs/catalog/diff.ts";
export type { RunsToCompare } from "./runs/catalog/compare.ts";
export type { Leaderboard, Ranking } from "./runs/catalog/rank.ts";
export type { NewRun, RunEnd } from "./runs/directory/run_lifecycle.ts";
export { RunDirectory } from "./runs/directory/directory.ts";
export type { AttachOptions, FileSource, NewFile } from "./runs/directory/attach.ts";
export type { AttachedFile } from "./runs/manifest/attached.ts";
export type { MetricPlace } from "./runs/metrics/log.ts";
export type { MetricSeries } from "./runs/metrics/points.ts";
export type { ReadMetricsOptions } from "./runs/metrics/read.ts";
export type { CorruptBytes } from "./base/files/records.ts";
export type {
  ArtifactEntry,
  Finding as ValueFinding,
  RunInput,
  RunManifest,
  RunStatus,
  RunType,
} from "./runs/manifest/manifest.ts";
export type { CatalogSyncOptions, CatalogSyncReport } from "./runs/catalog/catalog.ts";
export type { SkippedRun } from "./runs/catalog/change.ts";
export type { ReportOptions } from "./report/gather/data.ts";
export { makeReport, type Report } from "./report/report.ts";
export type { PullReport, PullRequest, PullSource } from "./ledger/pull.ts";
export type { PullFinding } from "./log/pull/source.ts";
export type { LedgerRuns, LocateOptions, RunsToVerify, TellOptions } from "./ledger/runs.ts";
export type { NotedArtifact, WrittenArtifact } from "./runs/directory/store_artifact.ts";
export type { FinishedRun, RunEnding } from "./ledger/finish_run.ts";
export type { KnownRun } from "./ledger/known_run.ts";
export type { RunsReport } from "./runs/upkeep/verify.ts";
export type { PrunedMonth, PruneRequest } from "./runs/upkeep/prune.ts";
export type { ArtifactUse, RunLink, SaidOfRun } from "./ledger/annotations.ts";
export type { LineageRun, Relation as LineageRelation, RunLineage } from "./ledger/run_lineage.ts";
export type { GroupQuestion, GroupStatistics } from "./runs/catalog/group_statistics.ts";
export type { Claim, Claimed, ClaimOrder, LoggedClaim } from "./ledger/claims.ts";
export type { RunAnnotation } from "./runs/manifest/annotation.ts";
export type { LedgerTraces, TraceOptions } from "./ledger/traces.ts";
export {
  BusMessage,
  type Container,
  currentEvent,
  type EventBus,
  type Handler,
  type Publication,
  TracedEventBus,
} from "./trace/record/bus.ts";
export {
  CRITICAL_TYPES,
  latencyMs,
  queueTimeMs,
  type TracedData,
  type TracedEvent,
} from "./trace/event/event.ts";
export type { NewTracedEvent } from "./trace/event/complete.ts";
export type { CompactTracesReport } from "./trace/store/compact.ts";
export type { FlushReport } from "./trace/store/flush.ts";
export type { TraceDamage } from "./trace/store/wal_read.ts";
export type { TraceFilter } from "./trace/event/filter.ts";
export type { TraceStats, TypeStats } from "./trace/ask/stats.ts";
export type { TypeDurations } from "./trace/ask/type_latency.ts";
export type { IngestOptions, IngestReport } from "./trace/record/ingest.ts";
export {
  analyzeLatency,
  type DurationSummary,
  type HopLatency,
  type LatencyEvent,
  type LatencyReport,
  type LeftOutStamps,
  type TypeLatency,
} from "./trace/ask/latency.ts";
export {
  type CausationPath,
  type Crossing,
  findCausationPath,
  Lineage,
  type LineageEvent,
  type LineageProblems,
  type PathEnd,
  type RepeatedId,
  type TreeLine,
} from "./trace/ask/lineage.ts";
export { type SampleEvent, sampleEvents, type SampleOptions } from "./trace/ask/sampler.ts";
export {
  type TraceCounters,
  type TraceDurability,
  TraceStore,
  type TraceStoreOptions,
} from "./trace/store/store.ts";
export {
  type TracedSurroundings,
  Tracer,
  type TracerOptions,
  TraceSpan,
} from "./trace/record/tracer.ts";
export type { LaterStamps, WalEntry, WalOptions } from "./trace/store/wal.ts";
