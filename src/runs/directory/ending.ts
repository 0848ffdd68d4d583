/** How a run ends: what its manifest says of it then. */
import { LedgerError } from "../../base/error.ts";
import { artifactDefinition } from "../artifacts/definitions.ts";
import { manifestTime, type RunManifest } from "../manifest/manifest.ts";

/** How a run ends. */
export interface RunEnd {
  /** `plan_ms`, `execution_ms`, …; `total_ms` is the time since the start unless it is given. */
  timing?: Record<string, number>;
  /** What the run came to. Default: the row of its summary artifact. */
  summary?: Record<string, unknown>;
}

/** Notes in a manifest when the run ended, how long it took, and what it came to. */
export function noteEnd(
  manifest: RunManifest,
  { timing, summary }: RunEnd,
  now_ms: number,
): void {
  // Told again after an interruption, the run ended when it was first told.
  manifest.completed_at ??= new Date(now_ms).toISOString();
  const started_ms = manifestTime(manifest.started_at ?? manifest.created_at);
  const total_ms = Math.max(0, manifestTime(manifest.completed_at) - started_ms);
  manifest.timing = { total_ms, ...manifest.timing, ...timing };
  manifest.started_at ??= manifest.created_at;
  if (summary) manifest.summary = { ...manifest.summary, ...summary };
}

/** Metrics stand beside the summary's row; one that is in it cannot have a second value. */
export function refuseOtherSummary(
  manifest: RunManifest,
  given: Record<string, unknown> = {},
): void {
  if (!manifest.artifacts.summary) return;
  for (const { name } of artifactDefinition("summary").columns) {
    if (given[name] === undefined) continue;
    const [stored, other] = [manifest.summary?.[name], given[name]].map((value) =>
      JSON.stringify(value)
    );
    if (stored === undefined || stored === other || Number(stored) === Number(other)) continue;
    throw new LedgerError({
      code: "invalid",
      message:
        `cannot finish run ${manifest.run_id}: its summary is given with ${name} ${other}, ` +
        `and its summary artifact has ${stored}`,
      hint: "leave it out, or correct the artifact first: ledger runs write ID summary",
    });
  }
}
