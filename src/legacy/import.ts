/** Migration: the rows of a legacy database become events of the log; twice changes nothing. */
import { LedgerError } from "../base/error.ts";
import type { Database } from "../duckdb/connection.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { isOfKind } from "../log/mod.ts";
import { BEFORE_CUTOVER_MS, eventsOf, type ImpliedEvent, isNeverStarted } from "./events.ts";
import { LoggedRuns } from "./logged.ts";
import { type LegacyBatch, legacyBatches, type LegacyRow } from "./rows.ts";
import { type NotUnderstood, readLegacySchema } from "./tables.ts";

/** A row that cannot become an event. */
export interface RefusedRow {
  table: string;
  run_id: string | null;
  id: string | null;
  reason: string;
}

/** What an import did, and what it could not do. */
export interface LegacyImport {
  /** Events appended this time. */
  imported: number;
  refused: RefusedRow[];
  /** Phases that never started: no event says that. */
  never_started: number;
  not_understood: NotUnderstood[];
}

/** Appends what the log lacks, the runs of a batch at a time. */
export async function importRows(ledger: Ledger, database: Database): Promise<LegacyImport> {
  const schema = await readLegacySchema(database);
  const not_understood = await schema.notUnderstood(database);
  const report: LegacyImport = { imported: 0, refused: [], never_started: 0, not_understood };
  for await (const batch of legacyBatches(database, schema)) {
    const logged = await LoggedRuns.read(ledger, database, batch.run_ids);
    const lacking = lackingEvents(batch, logged, report);
    lacking.sort((a, b) => a.event.at_ms - b.event.at_ms);
    await append(ledger, lacking, report);
  }
  return report;
}

interface Lacking {
  row: LegacyRow;
  event: ImpliedEvent;
}

/** What the log says already is not said again; a row that stands there twice is said once. */
function lackingEvents(
  { rows }: LegacyBatch,
  logged: LoggedRuns,
  report: LegacyImport,
): Lacking[] {
  const lacking = new Map<string, Lacking>();
  const created_at = new Map<string | null, number>();
  for (const row of rows) {
    if (isNeverStarted(row)) {
      report.never_started++;
      continue;
    }
    const reason = whyNoEvent(row);
    if (reason !== undefined) {
      report.refused.push(refusal(row, reason));
      continue;
    }
    const is_run = row.table.name === "runs_d";
    const implied = eventsOf(row, created_at.get(row.run_id) ?? BEFORE_CUTOVER_MS);
    if (is_run) created_at.set(row.run_id, implied.begin!.at_ms);
    const found = logged.of(row, implied);
    for (const on of ["begin", "end"] as const) {
      const event = implied[on];
      if (!event || logged.has(event.event_id) || lacking.has(event.event_id)) continue;
      const is_said = is_run ? logged.saysOfRun(row.run_id!, on) : found[on] !== undefined;
      if (!is_said) lacking.set(event.event_id, { row, event });
    }
  }
  return [...lacking.values()];
}

function whyNoEvent({ run_id, key, table }: LegacyRow): string | undefined {
  if (run_id === null) return "it has no run_id";
  if (!isOfKind("run_id", run_id)) {
    return "its run_id is none: a run id has no slash, backslash or control character";
  }
  return key === null || key === "" ? `it has no ${table.key}` : undefined;
}

function refusal({ table, run_id, key }: LegacyRow, reason: string): RefusedRow {
  return { table: `optimizer.${table.name}`, run_id, id: key, reason };
}

async function append(
  ledger: Ledger,
  lacking: readonly Lacking[],
  report: LegacyImport,
): Promise<void> {
  const lines: string[] = [];
  for (const { row, event: { line } } of lacking) {
    try {
      await ledger.check(line);
      lines.push(line);
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      report.refused.push(refusal(row, error.message.replace(/^cannot emit [^:]*: /, "")));
    }
  }
  await ledger.emitLines(lines);
  report.imported += lines.length;
}
