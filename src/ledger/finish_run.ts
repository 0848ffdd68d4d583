/** The end of a run: in its manifest where it has a folder, else by an event. */
import { LedgerError, quoted } from "../base/error.ts";
import { ledgerPaths, LogCursor, TYPES_ABOUT_RUNS } from "../log/mod.ts";
import type { RunDirectory } from "../runs/directory/directory.ts";
import type { RunEnd } from "../runs/directory/run_lifecycle.ts";
import type { Finding } from "../runs/manifest/manifest.ts";
import {
  hasNoFolder,
  type KnownRun,
  type LocatedRun,
  lookAt,
  type RunsOfLedger,
} from "./known_run.ts";

/** How a run ends: with an error, it failed. */
export interface RunEnding extends RunEnd {
  error?: string;
}

/** A run that has ended. */
export interface FinishedRun {
  run_id: string;
  folder: string | null;
  status: string;
  total_ms: number;
  /** What is unusual about its artifacts' values, if anything is. */
  findings?: Finding[];
}

/** Ends a run. The same end told twice has the same ids, and counts once. */
export async function finishRun(
  runs: RunsOfLedger,
  { run_id, directory }: LocatedRun,
  { error, ...end }: RunEnding,
  events = true,
): Promise<FinishedRun> {
  if (directory) {
    const manifest = error === undefined
      ? await directory.markSuccess(end)
      : await directory.markFailed(error, { ended_ms: await diedAt(runs, directory), ...end });
    const total_ms = manifest.timing?.total_ms ?? 0;
    const { status } = manifest;
    const { findingsOf } = await import("../runs/manifest/manifest.ts");
    const findings = findingsOf(manifest);
    const noted = findings.length > 0 ? { findings } : {};
    return { run_id, folder: directory.folder, status, total_ms, ...noted };
  }
  const run = await lookAt(runs, { run_id });
  if (run.presence !== null) throw hasNoFolder(run, runs.dir);
  if (!events) {
    throw new LedgerError({
      code: "usage",
      message: `cannot finish run ${quoted(run_id)} without events: it has no folder`,
      hint: "leave --no-events out",
    });
  }
  if (run.state === "completed" || run.state === "failed") {
    throw new LedgerError({
      code: "invalid",
      message: `cannot finish run ${quoted(run_id)}: it has ended already (${run.state})`,
      hint: "a run ends once; begin a new one",
    });
  }
  return { run_id, folder: null, ...await emitEnd(runs, run, error, end) };
}

/** Of a run whose owner is gone, the last sign of life: it ended then, whenever that is said. */
async function diedAt(
  { world, ledger_dir, dir }: RunsOfLedger,
  run: RunDirectory,
): Promise<number | undefined> {
  const manifest = run.readManifest();
  const { stateOfOpen } = await import("../runs/manifest/liveness_lock.ts");
  const { manifestTime } = await import("../runs/manifest/manifest.ts");
  const { state, last_written_ms } = await stateOfOpen(world, dir, run.path, manifest);
  if (state !== "crashed") return undefined;
  let last_ms = last_written_ms;
  if (world.files.facts(ledgerPaths(ledger_dir).events)) {
    const told = { run_id: run.run_id, since_ms: manifestTime(manifest.created_at) };
    for await (const record of new LogCursor(world, ledger_dir, told).pass()) {
      if (record.kind !== "event" || TYPES_ABOUT_RUNS.includes(record.event.event_type)) continue;
      last_ms = Math.max(last_ms, record.event.timestamp_ms);
    }
  }
  return last_ms;
}

async function emitEnd(
  { world, events }: RunsOfLedger,
  { run_id, created_at_ms, started_at_ms, timing: known, logged_artifacts }: KnownRun,
  error: string | undefined,
  { timing = {}, summary = {} }: RunEnd,
): Promise<Pick<FinishedRun, "status" | "total_ms">> {
  const emit = (event_type: string, fields: Record<string, unknown>, of = "") =>
    events.emit({ event_id: `${run_id}:${event_type}${of}`, run_id, event_type, ...fields });
  const steps = Object.entries(timing).filter(([name]) => name !== "total_ms");
  for (const [name, duration_ms] of steps) {
    const phase_name = name.replace(/_ms$/, "");
    const phase = { phase_name, duration_ms, output_summary: {} };
    await emit("phase.completed", phase, `:${phase_name}`);
  }
  const artifact_paths = Object.fromEntries(
    logged_artifacts.map(({ artifact_type, artifact_path }) => [artifact_type, artifact_path]),
  );
  await (error === undefined
    ? emit("run.completed", { summary, artifact_paths })
    : emit("run.failed", { error }));
  const phases = Object.entries({ ...known, ...timing }).filter(([name]) => name !== "total_ms");
  const total_ms = timing.total_ms ??
    (phases.length > 0
      ? phases.reduce((sum, [, ms]) => sum + ms, 0)
      : Math.max(0, world.now_ms() - (started_at_ms ?? created_at_ms ?? world.now_ms())));
  return { status: error === undefined ? "completed" : "failed", total_ms };
}
