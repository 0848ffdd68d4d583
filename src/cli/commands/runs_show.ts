import { join } from "@std/path";
import { asLedgerError } from "../../base/error.ts";
import { readFully, withOpenFile } from "../../base/files/durable.ts";
import { DAY_MS, shellWord, shortDigest } from "../../base/format.ts";
import { run_inputs_shown, run_log_lines_shown, run_log_tail_bytes } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import { codeOf } from "../../runs/manifest/code_facts.ts";
import { claimText } from "../../ledger/claims.ts";
import type { KnownRun } from "../../ledger/known_run.ts";
import type { Ledger } from "../../ledger/ledger.ts";
import type { LogRecord } from "../../log/mod.ts";
import { findingsOf, inputsOf } from "../../runs/manifest/manifest.ts";
import { attachedFiles } from "../../runs/manifest/attached.ts";
import { lookAtMetrics, type MetricFigures, type MetricsLook } from "../../runs/metrics/read.ts";
import { METRICS, METRICS_PATHS } from "../../runs/metrics/segments.ts";
import { defineCommand, runWord } from "../command.ts";
import { asIs, runsFlags, toggle } from "../flags.ts";
import { freshen, openForRuns } from "../open.ts";
import {
  ago,
  bytesColumn,
  type Column,
  countColumn,
  counted,
  humanBytes,
  humanDuration,
  paintFor,
  plain,
  print,
  printJson,
  printRows,
  say,
  typedPath,
  utc,
} from "../output.ts";

const BAR_COLUMNS = 30;

export default defineCommand({
  name: "runs show",
  summary: "everything about one run",
  description:
    "Prints what a run's manifest and the log say of it, what it read, its artifacts and attached " +
    "files and whether they " +
    "are on the disk, how long its phases took, the end of what it printed, and its events. The " +
    "run may still be running, and it may have no folder.",
  examples: {
    "ledger runs show demo-1": "a run, by its id or the beginning of it",
    "ledger runs show demo-1 --json": "the same, as JSON",
  },
  positionals: [runWord()],
  flags: {
    "no-events": toggle("leave out its events in the log"),
    "as-is": asIs(),
    ...runsFlags(),
  },
  run: async ({ world, flags, words: [run_id] }) => {
    await using ledger = openForRuns(world, flags);
    await freshen(world, ledger, flags, "log", "runs");
    const run = await ledger.runs.look(run_id, (notice) => say(world, notice));
    const { directory, manifest, logged_artifacts: _, ...facts } = run;
    const look = await metricsOf(world, run);
    const artifacts = artifactsOf(world, run, look);
    const metrics = look?.figures ?? [];
    const files = filesOf(world, run);
    const logs = logsOf(world, run);
    const events = flags["no-events"] ? [] : await eventsOf(ledger, run);
    if (flags.json) {
      const folder = directory?.folder ?? null;
      const shown = events.map((record) => record.event);
      return printJson(world, {
        folder,
        ...facts,
        manifest: manifest ?? null,
        artifacts,
        metrics,
        files,
        logs,
        events: shown,
      });
    }
    printFacts(world, run);
    printInputs(world, run);
    if (artifacts.length > 0) printArtifacts(world, run, artifacts);
    if (metrics.length > 0) printMetrics(world, metrics);
    printFindings(world, run);
    if (files.length > 0) printFiles(world, run, files);
    printTiming(world, run);
    for (const log of logs) printLog(world, log);
    if (!flags["no-events"]) printEvents(world, events);
  },
});

/** The artifacts of its manifest, and those that only the log tells of. */
function artifactsOf(
  world: World,
  { directory, manifest, logged_artifacts }: KnownRun,
  metrics: MetricsLook | undefined,
) {
  const in_folder = Object.entries(manifest?.artifacts ?? {}).map(([artifact_type, entry]) => {
    const facts = directory && world.files.facts(join(directory.folder, entry.path));
    const { rows, path } = entry;
    return {
      artifact_type,
      rows,
      bytes: entry.bytes ?? facts?.size_bytes,
      path,
      is_there: !!facts,
    };
  });
  const logged = logged_artifacts.filter(({ artifact_type }) => !manifest?.artifacts[artifact_type])
    .map(({ artifact_type, artifact_path: path, size_bytes: bytes }) => {
      return { artifact_type, rows: undefined, bytes, path, is_there: isThere(world, path) };
    });
  // They become an artifact when the run ends.
  const waiting = metrics && !manifest?.artifacts.metrics
    ? [{ artifact_type: METRICS, ...metrics, path: METRICS_PATHS.segments, is_there: true }]
      .map(({ figures: _, ...artifact }) => artifact)
    : [];
  return [...in_folder, ...waiting, ...logged];
}

/** Its metrics so far; what is damaged of them keeps nothing else from being shown. */
async function metricsOf(world: World, { directory }: KnownRun): Promise<MetricsLook | undefined> {
  if (!directory) return undefined;
  try {
    const look = await lookAtMetrics(world, directory.folder, (problem) => say(world, problem));
    if (look && !look.figures) {
      const many = `${counted(look.rows, "point")} of metrics are too many to go through here`;
      say(world, `its ${many}: ledger query --db catalog asks the table ${METRICS}`);
    }
    return look;
  } catch (error) {
    const problem = asLedgerError(error);
    if (!problem) throw error;
    say(world, `its metrics are left out: ${problem.message}`);
  }
}

/** The files that were attached to it. */
function filesOf(world: World, { directory, manifest }: KnownRun) {
  return attachedFiles(manifest).map((file) => {
    return { ...file, is_there: !!directory && isThere(world, join(directory.folder, file.path)) };
  });
}

/** An event may name any path, also one that leads nowhere. */
function isThere(world: World, path: string): boolean {
  try {
    return world.files.facts(path) !== undefined;
  } catch (error) {
    if (!asLedgerError(error)) throw error;
    return false;
  }
}

interface ShownLog {
  stream: string;
  path: string;
  bytes?: number;
  /** Its last lines. */
  tail?: string;
}

/** What it printed, as far as its manifest says where: the end of the errors is often the reason. */
function logsOf(world: World, { directory, manifest }: KnownRun): ShownLog[] {
  return Object.entries(manifest?.logs ?? {}).flatMap(([stream, path]): ShownLog[] => {
    if (typeof path !== "string") return [];
    const log = { stream, path };
    // A manifest may come from anywhere: only what lies in the run's folder is read.
    if (!directory || path.startsWith("/") || path.split("/").includes("..")) return [log];
    try {
      return [{ ...log, ...tailOf(world, join(directory.folder, path)) }];
    } catch (error) {
      if (!asLedgerError(error)) throw error;
      return [log];
    }
  });
}

function tailOf(world: World, path: string): { bytes: number; tail: string } {
  return withOpenFile(world.files, path, (file) => {
    const { size_bytes: bytes } = file.facts();
    const length = Math.min(bytes, run_log_tail_bytes);
    const read = readFully(file, new Uint8Array(length), bytes - length);
    const lines = new TextDecoder().decode(read).trimEnd().split("\n");
    // The first may be half of one.
    const whole = length < bytes && lines.length > 1 ? lines.slice(1) : lines;
    return { bytes, tail: whole.slice(-run_log_lines_shown).join("\n") };
  });
}

function printLog(world: World, { stream, path, bytes, tail }: ShownLog): void {
  const { bold, dim } = paintFor(world, world.stdout);
  const size = bytes === undefined ? "not there" : humanBytes(bytes);
  print(world, `\n  ${bold(plain(stream))}  ${plain(path)}  ${size}`);
  for (const line of (tail ?? "").split("\n").filter((line) => line !== "")) {
    print(world, dim(`    ${plain(line)}`));
  }
}

type EventRecord = Extract<LogRecord, { kind: "event" }>;

/** A run's events in the log: only the days that it can have lasted are read. */
async function eventsOf(
  ledger: Ledger,
  { run_id, created_at_ms, completed_at_ms }: KnownRun,
): Promise<EventRecord[]> {
  if (!ledger.exists()) return [];
  const events: EventRecord[] = [];
  const since_ms = created_at_ms === null ? undefined : created_at_ms - DAY_MS;
  const until_ms = completed_at_ms === null ? undefined : completed_at_ms + DAY_MS;
  for await (const record of ledger.read({ run_id, since_ms, until_ms })) {
    if (record.kind === "event") events.push(record);
  }
  return events;
}

function printFacts(world: World, run: KnownRun): void {
  const { bold, red, green, yellow } = paintFor(world, world.stdout);
  const { state, directory, manifest, presence, archive } = run;
  const paint = state === "completed" ? green : state === "failed" ? red : yellow;
  const { dataset = {}, git_commit, git_branch, git_dirty, owner, schema_version } = manifest ?? {};
  const head = [bold(plain(run.run_id)), plain(run.run_type ?? ""), paint(state)];
  if (run.name) head.splice(1, 0, bold(plain(run.name)));
  print(world, head.filter((word) => word !== "").join("  "));
  const { changed, untracked, files, patch, filters = [], argv = [] } = codeOf(manifest ?? {});
  const code = [
    git_branch,
    git_commit && shortDigest(git_commit),
    git_dirty && !changed && !untracked ? "with changes" : undefined,
    changed && counted(changed, "changed file"),
    untracked && counted(untracked, "untracked file"),
    patch?.masked_lines && `${counted(patch.masked_lines, "line")} masked`,
    files?.left_out && `${counted(files.left_out, "file")} not kept`,
    filters.length > 0 && `git runs ${counted(filters.length, "filter")}: ${filters.join(", ")}`,
  ];
  const range = [dataset.from, dataset.to].filter(Boolean).join(" to ");
  const calls = dataset.calls_count == null ? "" : counted(dataset.calls_count, "call");
  const versions = Object.entries(schema_version ?? {}).map(([of, version]) => `${of} ${version}`);
  const facts: [string, string | undefined | null][] = [
    ["folder", directory?.folder ?? folderText(presence, archive)],
    ["created", timeText(world, run.created_at_ms)],
    ["started", timeText(world, run.started_at_ms)],
    [state === "failed" ? "failed" : "completed", timeText(world, run.completed_at_ms)],
    ["error", run.error],
    ["code", code.filter(Boolean).join(", ")],
    ["command", argv.map((word) => shellWord(word)).join(" ")],
    ["dataset", [range, dataset.interval, calls].filter(Boolean).join(", ")],
    ["data", run.data_fingerprint],
    ["owner", owner && `process ${owner.pid} on ${owner.host}`],
    ["schema", versions.join(", ")],
    ["parameters", memberText(run.parameters)],
    ["summary", memberText(run.summary)],
    ["group", run.group],
    ["tags", run.tags.join(", ")],
    ["pinned", run.pin ? "yes" : undefined],
    ...run.links.map(({ run_id, kind, to_run_id }): [string, string] =>
      run_id === run.run_id ? [kind, to_run_id] : ["linked", `${run_id} is ${kind} ${to_run_id}`]
    ),
    ["trials", run.trials > 0 ? String(run.trials) : undefined],
  ];
  for (const [name, value] of facts) {
    if (value) print(world, `  ${plain(name).padEnd(10)} ${plain(value)}`);
  }
  for (const claim of run.claims) {
    print(world, `  ${"claimed".padEnd(10)} ${plain(claimText(claim))}`);
    print(world, `  ${"".padEnd(10)} ${plain(claim.order.reason)}`);
  }
  for (const { noted_at_ms, note } of run.notes) {
    print(world, `  ${"note".padEnd(10)} ${utc(noted_at_ms)}  ${plain(note)}`);
  }
}

function folderText(presence: string | null, archive: string | null): string {
  if (presence === null) return "none: it was only emitted";
  if (presence === "present") return "not there any more; the catalog remembers it";
  return archive ? `archived in ${archive}` : `${presence}; the catalog remembers it`;
}

function timeText(world: World, time_ms: number | null): string | undefined {
  if (time_ms === null) return undefined;
  return world.stdout.is_terminal
    ? `${utc(time_ms)} (${ago(time_ms, world.now_ms())})`
    : utc(time_ms);
}

function memberText(members: Record<string, unknown>): string {
  return Object.entries(members).filter(([name]) => name !== "run_id")
    .map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(" ");
}

const onDisk = ({ archive }: KnownRun): Column => ({
  field: "is_there",
  title: "on disk",
  show: (there) => there ? "yes" : archive ? "archived" : "missing",
});

/** What it read. */
function printInputs(world: World, { manifest }: KnownRun): void {
  const inputs = manifest ? inputsOf(manifest) : [];
  if (inputs.length === 0) return;
  const showUtc = (ms: unknown) => typeof ms === "number" ? utc(ms) : "";
  print(world, "");
  printRows(world, inputs.slice(0, run_inputs_shown), [
    { field: "path", title: "input", show: (path) => plain(typedPath(world, String(path))) },
    countColumn("rows"),
    bytesColumn("bytes", "size"),
    { field: "from_ms", title: "from", show: showUtc, optional: true },
    { field: "to_ms", title: "to", show: showUtc, optional: true },
    { field: "sha256", show: (digest) => shortDigest(String(digest)) },
  ]);
  const others = inputs.length - run_inputs_shown;
  if (others > 0) print(world, `  and ${counted(others, "more input")}; all of them: --json`);
}

function printArtifacts(world: World, run: KnownRun, artifacts: Record<string, unknown>[]): void {
  print(world, "");
  printRows(world, artifacts, [
    { field: "artifact_type", title: "artifact" },
    countColumn("rows"),
    bytesColumn("bytes", "size"),
    onDisk(run),
    { field: "path" },
  ]);
}

function printFiles(world: World, run: KnownRun, files: Record<string, unknown>[]): void {
  print(world, "");
  printRows(world, files, [
    { field: "name", title: "file" },
    { field: "kind" },
    { field: "media_type", title: "type" },
    bytesColumn("bytes", "size"),
    onDisk(run),
    { field: "path" },
  ]);
}

function printFindings(world: World, { manifest }: KnownRun): void {
  const findings = manifest ? findingsOf(manifest) : [];
  if (findings.length > 0) print(world, "");
  const { yellow } = paintFor(world, world.stdout);
  for (const { kind, artifact, message } of findings) {
    print(world, `  ${yellow(kind)}  ${plain(artifact)}: ${plain(message)}`);
  }
}

function printMetrics(world: World, metrics: readonly MetricFigures[]): void {
  print(world, "");
  printRows(world, metrics.map((each): Record<string, unknown> => ({ ...each })), [
    { field: "name", title: "metric" },
    countColumn("points"),
    countColumn("last_step", "last step"),
    { field: "last" },
    { field: "min" },
    { field: "max" },
  ]);
}

function printTiming(world: World, { timing, phases }: KnownRun): void {
  const steps = Object.entries(timing).filter(([, ms]) => typeof ms === "number");
  const unfinished = phases.filter(({ duration_ms }) => duration_ms === null);
  if (steps.length + unfinished.length === 0) return;
  const longest_ms = Math.max(...steps.map(([, ms]) => ms));
  const { cyan } = paintFor(world, world.stdout);
  print(world, "");
  for (const [step, ms] of steps) {
    const name = plain(step).replace(/_ms$/, "").padEnd(12);
    const columns = longest_ms === 0 ? 0 : Math.round(ms / longest_ms * BAR_COLUMNS);
    const bar = cyan("█".repeat(ms > 0 ? Math.max(1, columns) : 0));
    print(world, `  ${name} ${humanDuration(ms).padStart(11)}  ${bar}`.trimEnd());
  }
  for (const { phase_name } of unfinished) {
    print(world, `  ${plain(phase_name).padEnd(12)} not completed`);
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
