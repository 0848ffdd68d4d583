/**
 * Read-through freshness: before a command answers from an index, one look says whether log or runs are
 * ahead of it. What is quick is brought up to date first; of the rest the caller learns how far behind
 * the answer is. Nothing waits for another indexer, and nothing fails here: what is there is answered.
 */
import { join } from "@std/path";
import { asLedgerError, type LedgerError } from "../base/error.ts";
import { counted, humanBytes } from "../base/format.ts";
import { fresh_sync_ms_max, lock_probe_ms } from "../base/limits.ts";
import type { World } from "../base/world.ts";
import type { SyncOptions } from "../index/sync.ts";
import { ledgerPaths } from "../log/mod.ts";
import type { LedgerRuns } from "./runs.ts";

/** What an answer is made of: the index of the log, the catalog of runs, their alerts. */
export type AnswerSource = "log" | "runs" | "alerts";

/** What an answer lacks. */
export interface AnswerLag {
  source: AnswerSource;
  /** `this answer lacks 12 MB of the log` */
  message: string;
  /** Why it was not brought up to date; absent where that takes too long for a question. */
  reason?: string;
  /** What mends it. */
  command: "ledger rebuild" | "ledger runs sync" | "ledger runs sync --alerts";
}

/** What of a ledger this needs. */
interface IndexedLedger {
  readonly dir: string;
  readonly runs: LedgerRuns;
  exists(): boolean;
  sync(options: SyncOptions): Promise<unknown>;
}

const CHANGED = "another program has written to the index, or it was copied here";

interface Source {
  look: () => Promise<{ message: string; cost_ms: number; reason?: string } | undefined>;
  sync: (onNotice?: (message: string) => void) => Promise<unknown>;
  command: AnswerLag["command"];
}

/**
 * Brings up to date what an answer will be made of, where that is quick; returns what it lacks still. With
 * a limit below zero nothing is quick: then this is a look.
 */
export async function freshen(
  world: World,
  ledger: IndexedLedger,
  wanted: readonly AnswerSource[],
  onNotice?: (message: string) => void,
  quick_ms_max = fresh_sync_ms_max,
): Promise<AnswerLag[]> {
  const lags: AnswerLag[] = [];
  for (const source of wanted) {
    const { look, sync, command } = sourcesOf(world, ledger)[source];
    try {
      const found = await look();
      if (!found) continue;
      const { message, cost_ms, reason: decided } = found;
      const is_quick = cost_ms <= quick_ms_max;
      const problem = is_quick ? await problemOf(sync(onNotice)) : undefined;
      const reason = decided ?? (cost_ms === Infinity ? CHANGED : problem?.message);
      if (!is_quick || problem) lags.push({ source, message, reason, command });
    } catch (error) {
      const problem = asLedgerError(error);
      if (!problem) throw error;
      const message = `whether this answer lacks something of the ${source} cannot be told`;
      lags.push({ source, message, reason: problem.message, command });
    }
  }
  return lags;
}

function sourcesOf(world: World, ledger: IndexedLedger): Record<AnswerSource, Source> {
  const pathOf = (name: string) => join(ledgerPaths(ledger.dir).index, `${name}.duckdb`);
  return {
    log: {
      look: async () => {
        if (!ledger.exists()) return undefined;
        const { lagOfIndex } = await import("../index/watermark.ts");
        const lag = lagOfIndex(world, ledger.dir);
        if (!lag) return undefined;
        const { behind_bytes, cost_ms } = lag;
        const message = behind_bytes === undefined
          ? "this answer may lack something of the log"
          : behind_bytes === 0
          ? "this answer does not take note of what has left the log, or come back"
          : `this answer lacks ${humanBytes(behind_bytes)} of the log`;
        return { message, cost_ms };
      },
      sync: (onNotice) => ledger.sync({ lock_wait_ms: lock_probe_ms, onNotice }),
      command: "ledger rebuild",
    },
    runs: {
      look: async () => {
        const { runs } = ledger;
        if (!runs.exists()) return undefined;
        const { lagOfCatalog } = await import("../runs/catalog/watermark.ts");
        const lag = lagOfCatalog(world, runs.dir, pathOf("catalog"));
        if (!lag) return undefined;
        const { changes, cost_ms, reason } = lag;
        const message = changes === undefined
          ? "this answer may lack changes of runs"
          : `this answer may lack up to ${counted(changes, "change")} of runs`;
        return { message, cost_ms, reason };
      },
      sync: async (onNotice) => {
        const { unread } = await ledger.runs.sync({ lock_wait_ms: lock_probe_ms, onNotice });
        for (const { run_path, reason } of unread) onNotice?.(`${run_path}: ${reason}`);
      },
      command: "ledger runs sync",
    },
    alerts: {
      look: async () => {
        const { lagOfAlerts } = await import("../runs/catalog/watermark.ts");
        const cost_ms = lagOfAlerts(world, pathOf("catalog"), pathOf("alerts"));
        if (cost_ms === undefined) return undefined;
        return { message: "this answer may lack alerts of the latest runs", cost_ms };
      },
      sync: async (onNotice) => {
        const options = { lock_wait_ms: lock_probe_ms, onNotice };
        const { problems } = await ledger.runs.syncAlerts(options);
        for (const { path, problem } of problems) onNotice?.(`not those of ${path}: ${problem}`);
      },
      command: "ledger runs sync --alerts",
    },
  };
}

/** What of the world kept it from being done; a bug is thrown on. */
async function problemOf(work: Promise<unknown>): Promise<LedgerError | undefined> {
  try {
    await work;
  } catch (error) {
    const problem = asLedgerError(error);
    if (!problem) throw error;
    return problem;
  }
}
