/** A folder of finished runs for the benches of the catalog: manifests as `runs finish` writes them. */
import { join } from "@std/path";
import { DAY_MS } from "../../src/base/format.ts";

const MONTHS = 10;
const FIRST_MS = Date.UTC(2025, 0, 1);
const MONTH_MS = 30 * DAY_MS;
const ARTIFACTS: readonly [type: string, path: string][] = [
  ["alerts", "inputs/alerts.parquet"],
  ["paths", "truth/paths.parquet"],
  ["trades", "policy/trades.parquet"],
  ["summary", "results/summary.parquet"],
  ["frontier", "results/frontier.parquet"],
];

/** Writes so many complete runs below a folder's `runs`; returns the paths of their manifests. */
export function writeRuns(folder: string, count: number): string[] {
  const manifests: string[] = [];
  const parquet_magic = new TextEncoder().encode("PAR1");
  for (let run = 0; run < count; run++) {
    const created_ms = FIRST_MS + run % MONTHS * MONTH_MS + run * 1000;
    const run_id = `bench-${String(run).padStart(6, "0")}`;
    const month = new Date(created_ms).toISOString().slice(0, 7);
    const path = join(folder, "runs", month, `run_id=${run_id}`);
    for (const name of ["inputs", "truth", "policy", "results"]) {
      Deno.mkdirSync(join(path, name), { recursive: true });
    }
    // Neither the sync nor a ranking opens an artifact; that they are there is looked at.
    for (const [, file] of ARTIFACTS) Deno.writeFileSync(join(path, file), parquet_magic);
    manifests.push(join(path, "run.json"));
    const text = JSON.stringify(manifestOf(run, run_id, created_ms), undefined, 2);
    Deno.writeTextFileSync(manifests[run], `${text}\n`);
    Deno.writeTextFileSync(join(path, "_SUCCESS"), "");
  }
  return manifests;
}

function manifestOf(run: number, run_id: string, created_ms: number) {
  const at = (after_ms: number) => new Date(created_ms + after_ms).toISOString();
  return {
    run_id,
    run_type: run % 3 === 0 ? "path-only" : "policy",
    created_at: at(0),
    started_at: at(6),
    status: "completed",
    git_commit: "0123456789abcdef0123456789abcdef01234567",
    git_branch: "main",
    git_dirty: false,
    dataset: { from: "2025-01-01", to: "2025-01-31", interval: "5m", calls_count: 500 },
    data_fingerprint: "f".repeat(64),
    parameters: { policy: { kind: "fixed_stop", stop_loss_bps: 100 + run % 900 }, window: "1h" },
    schema_version: { manifest: "1.0.0", artifacts: "1.0.0" },
    artifacts: Object.fromEntries(
      ARTIFACTS.map(([type, path]) => [
        type,
        { rows: 500, path, bytes: 4, sha256: "a".repeat(64) },
      ]),
    ),
    completed_at: at(2000),
    timing: { plan_ms: 10, coverage_ms: 20, slice_ms: 30, execution_ms: 1900, total_ms: 2000 },
    summary: {
      run_id,
      calls_processed: 500,
      calls_excluded: 3,
      trades_count: 497,
      avg_return_bps: Math.sin(run) * 100,
      median_return_bps: Math.cos(run) * 80,
      stop_out_rate: (run % 100) / 100,
      avg_max_adverse_excursion_bps: 42.5,
      avg_time_exposed_ms: 360000,
      avg_tail_capture: null,
      median_tail_capture: null,
    },
  };
}
