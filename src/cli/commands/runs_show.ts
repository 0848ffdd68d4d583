import { join } from "@std/path";
import { DAY_MS } from "../../base/format.ts";
import { asLedgerError } from "../../base/error.ts";
import type { World } from "../../base/world.ts";
import type { Ledger } from "../../ledger/ledger.ts";
import type { LogRecord } from "../../log/mod.ts";
import { manifestTime, type RunManifest } from "../../runs/manifest/manifest.ts";
import { defineCommand } from "../command.ts";
import { runsFlags, toggle } from "../flags.ts";
import { openFor } from "../open.ts";
import {
  ago,
  bytesColumn,
  countColumn,
  counted,
  humanDuration,
  paintFor,
  plain,
  print,
  printJson,
  printRows,
  utc,
} from "../output.ts";

const BAR_COLUMNS = 30;

export default defineCommand({
  name: "runs show",
  summary: "everything about one run",
  description: "Prints a run's manifest, its artifacts and whether they are on the disk, how " +
    "long its steps took, and its events in the log. The run may still be running.",
  examples: {
    "ledger runs show demo-1": "a run, by its id or the beginning of it",
    "ledger runs show demo-1 --json": "the same, as JSON",
  },
  positionals: [{ name: "ID", summary: "the run's id, or the beginning of it", required: true }],
  flags: { "no-events": toggle("leave out its events in the log"), ...runsFlags() },
  run: async ({ world, flags, words: [run_id] }) => {
    await using ledger = openFor(world, flags);
    const run = await ledger.runs.find(run_id).catch((error) => notThere(ledger, run_id, error));
    const manifest = run.readManifest();
    const state = await run.state();
    const artifacts = Object.entries(manifest.artifacts).map(([artifact_type, entry]) => {
      const facts = world.files.facts(join(run.folder, entry.path));
      const bytes = entry.bytes ?? facts?.size_bytes;
      return { artifact_type, rows: entry.rows, bytes, path: entry.path, is_there: !!facts };
    });
    const events = flags["no-events"] ? [] : await eventsOf(ledger, manifest);
    if (flags.json) {
      const shown = events.map((record) => record.event);
      const { folder } = run;
      return printJson(world, { folder, state, manifest, artifacts, events: shown });
    }
    printManifest(world, manifest, state, run.folder);
    if (artifacts.length > 0) printArtifacts(world, artifacts);
    printTiming(world, manifest.timing ?? {});
    if (!flags["no-events"]) printEvents(world, events);
  },
});

/** A run that is not on the disk may be in the catalog. */
async function notThere(ledger: Ledger, run_id: string, error: unknown): Promise<never> {
  const problem = asLedgerError(error);
  if (problem?.code !== "not_found") throw error;
  const known = await ledger.runs.query({ run_id, limit: 1 }).catch(() => []);
  if (known.length === 0 || known[0].presence === "present") throw problem;
  const { presence, run_id: id } = known[0];
  const { literal } = await import("../../duckdb/connection.ts");
  const asked = `ledger query --db catalog "select * from backtest_runs_catalog where run_id = ` +
    `${literal(id)}"`;
  throw problem.with({
    message: `${problem.message}: the catalog has it as ${presence}`,
    hint: `to see its row in the catalog: ${asked}`,
  });
}

type EventRecord = Extract<LogRecord, { kind: "event" }>;

/** A run's events in the log: only the days that it can have lasted are read. */
async function eventsOf(ledger: Ledger, manifest: RunManifest): Promise<EventRecord[]> {
  if (!ledger.exists()) return [];
  const events: EventRecord[] = [];
  const since_ms = manifestTime(manifest.created_at) - DAY_MS;
  const until_ms = manifest.completed_at ? manifestTime(manifest.completed_at) + DAY_MS : undefined;
  for await (const record of ledger.read({ run_id: manifest.run_id, since_ms, until_ms })) {
    if (record.kind === "event") events.push(record);
  }
  return events;
}

function printManifest(world: World, manifest: RunManifest, state: string, folder: string): void {
  const { bold, red, green, yellow } = paintFor(world, world.stdout);
  const paint = state === "completed" ? green : state === "failed" ? red : yellow;
  const { dataset, git_commit, git_branch, git_dirty } = manifest;
  print(world, `${bold(plain(manifest.run_id))}  ${plain(manifest.run_type)}  ${paint(state)}`);
  const code = [git_branch, git_commit?.slice(0, 12), git_dirty ? "with changes" : undefined];
  const range = [dataset.from, dataset.to].filter(Boolean).join(" to ");
  const calls = dataset.calls_count == null ? "" : counted(dataset.calls_count, "call");
  const facts: [string, string | undefined][] = [
    ["folder", folder],
    ["created", timeText(world, manifest.created_at)],
    ["completed", timeText(world, manifest.completed_at)],
    ["error", manifest.error],
    ["code", code.filter(Boolean).join(", ")],
    ["dataset", [range, dataset.interval, calls].filter(Boolean).join(", ")],
    ["data", manifest.data_fingerprint],
    ["owner", manifest.owner && `process ${manifest.owner.pid} on ${manifest.owner.host}`],
    ["parameters", memberText(manifest.parameters)],
    ["summary", memberText(manifest.summary)],
  ];
  for (const [name, value] of facts) {
    if (value) print(world, `  ${name.padEnd(10)} ${plain(value)}`);
  }
}

function timeText(world: World, time: string | undefined): string | undefined {
  if (!time) return undefined;
  const time_ms = manifestTime(time);
  return world.stdout.is_terminal
    ? `${utc(time_ms)} (${ago(time_ms, world.now_ms())})`
    : utc(time_ms);
}

function memberText(members: Record<string, unknown> | undefined): string {
  return Object.entries(members ?? {}).filter(([name]) => name !== "run_id")
    .map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(" ");
}

function printArtifacts(world: World, artifacts: Record<string, unknown>[]): void {
  print(world, "");
  printRows(world, artifacts, [
    { field: "artifact_type", title: "artifact" },
    countColumn("rows"),
    bytesColumn("bytes", "size"),
    { field: "is_there", title: "on disk", show: (there) => there ? "yes" : "missing" },
    { field: "path" },
  ]);
}

function printTiming(world: World, timing: Record<string, number>): void {
  const steps = Object.entries(timing).filter(([, ms]) => typeof ms === "number");
  if (steps.length === 0) return;
  const longest_ms = Math.max(...steps.map(([, ms]) => ms));
  const { cyan } = paintFor(world, world.stdout);
  print(world, "");
  for (const [step, ms] of steps) {
    const name = step.replace(/_ms$/, "").padEnd(12);
    const columns = longest_ms === 0 ? 0 : Math.round(ms / longest_ms * BAR_COLUMNS);
    const bar = cyan("█".repeat(ms > 0 ? Math.max(1, columns) : 0));
    print(world, `  ${name} ${humanDuration(ms).padStart(11)}  ${bar}`.trimEnd());
  }
}

function printEvents(world: World, events: readonly EventRecord[]): void {
  const { dim } = paintFor(world, world.stdout);
  const trials = events.filter(({ event }) => event.event_type === "trial.recorded").length;
  print(world, "");
  if (events.length === 0) return print(world, dim("  the log has no events of it"));
  for (const { event } of events) {
    if (event.event_type === "trial.recorded") continue;
    const { event_type, timestamp_ms, phase_name, artifact_type, error } = event;
    const about = [phase_name, artifact_type, error].filter((word) => typeof word === "string");
    print(world, `  ${utc(timestamp_ms)}  ${[event_type, ...about].join("  ")}`);
  }
  if (trials > 0) print(world, `  and ${counted(trials, "trial")}`);
}
