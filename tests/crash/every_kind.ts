/** A lab that holds every kind of file that the program writes, made by its own commands. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { writePart } from "../harness.ts";

/** What a command ended with. */
export interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a command line of the program in the lab, with this on its standard input. */
export type RunCommand = (args: string[], stdin?: string) => Promise<Ended>;

/** The days of the lab; the first ends in an archive, the second as Parquet, the others as lines. */
export const LAB_DAYS = ["2020-01-23", "2026-01-24", "2026-01-25", "2026-01-26"] as const;
const FIRST_MS = Date.UTC(2026, 0, 23, 12);
const SCHEMA = '{"type":"object","required":["level"],"properties":{"level":{"type":"string"}}}';

/** A whole run's events, as lines. */
export function linesOfRun(run_id: string, at_ms: number): string {
  const events: Record<string, unknown>[] = [
    { event_type: "run.created", run_type: "policy", config: { x: 1 }, data_fingerprint: "fp" },
    { event_type: "run.started" },
    { event_type: "phase.started", phase_name: "load", phase_order: 1 },
    { event_type: "phase.completed", phase_name: "load", duration_ms: 5, output_summary: {} },
    { event_type: "trial.recorded", trial_id: "t", params: { a: 1.5 }, metrics: { b: 2 } },
    { event_type: "run.completed", summary: { ok: true }, artifact_paths: {} },
  ];
  return events.map((event, n) =>
    JSON.stringify({ ...event, run_id, event_id: `${run_id}-${n}`, timestamp_ms: at_ms + n }) + "\n"
  ).join("");
}

/** Traced events: a signal, its order, its fill. */
export function tracedLines(correlation_id: string, ids: readonly string[]): string {
  const types = ["SIGNAL", "ORDER", "FILL"];
  return ids.map((event_id, n) =>
    JSON.stringify({
      ...{ event_id, correlation_id, event_type: types[n % types.length] },
      causation_id: n === 0 ? "" : ids[n - 1],
      source_container: "source",
      timestamp: FIRST_MS * 1_000 + n,
      created_at: FIRST_MS * 1_000 + n,
      processed_at: FIRST_MS * 1_000 + n + 900,
      data: { n },
    }) + "\n"
  ).join("");
}

const METRICS = '{"name":"loss","step":1,"value":0.5}\n{"name":"loss","step":2,"value":0.25}\n';
const TRADES =
  "call_id,entry_ts_ms,entry_px,exit_ts_ms,exit_px,exit_reason,realized_return_bps,stop_out," +
  "max_adverse_excursion_bps,time_exposed_ms,tail_capture\n" +
  "c1,1704067260000,1.0,1704070860000,1.5,target,5000,false,120,3600000,0.5\n";
const PRICES = "ts_ms,close\n1704067260000,1.0\n1704070860000,1.5\n";
const ALERTS = "call_id,mint,caller_name,chain,alert_ts_ms,created_at\n" +
  "c1,m1,ann,sol,1704067200000,2024-01-01\n";

/** Makes the lab in the folder that the commands run in. */
export async function makeLab(folder: string, run: RunCommand): Promise<void> {
  const must = async (args: string[], stdin?: string) => {
    const { code, stderr } = await run(args, stdin);
    assertEquals(code, 0, `ledger ${args.join(" ")}: ${stderr}`);
  };
  for (const [n, day] of LAB_DAYS.entries()) {
    await must(["emit", "--stdin"], linesOfRun(`run-${n}`, noonOf(day)));
  }
  await must(["emit", "--stdin", "--writer", "w1"], linesOfRun("run-w", noonOf(LAB_DAYS[2])));
  await must(["schema", "register", "risk.breached", "-"], SCHEMA);
  await must(["schema", "migrate", "risk.breached", "--rename", "level=severity"]);
  // Two other boxes: the lines of the first are taken in, those of the second are not yet.
  for (const name of ["box", "box-2"]) {
    const there = join(folder, name, "data", "ledger");
    const part = { day: LAB_DAYS[3], number: 1, writer: "" };
    writePart(there, part, [linesOfRun(`run-${name}`, noonOf(LAB_DAYS[3]))]);
  }
  await must(["pull", "box", "--as", "box1"]);
  await must(["seal"]);
  await must(["compact", "--before", LAB_DAYS[2], "--all"]);
  await must(["rebuild"]);
  await must(["retain", "--days", "2000", "--archive", ARCHIVES]);
  // A part that is still open, behind the sealed one.
  await must(["emit", "--stdin"], linesOfRun("run-open", noonOf(LAB_DAYS[3])));
  await must(["trace", "ingest", "-"], tracedLines("c1", ["s1", "o1", "f1"]));
  await must(["trace", "compact"]);
  await must(["trace", "ingest", "-"], tracedLines("c2", ["s2", "o2", "f2"]));
  Deno.writeTextFileSync(join(folder, "prices.csv"), PRICES);
  for (const run_id of ["done-1", "failed-1", "running-1"]) {
    const read = run_id === "failed-1" ? [] : ["--input", "prices.csv"];
    await must(["runs", "create", "--run-type", "policy", "--run-id", run_id, "--no-git", ...read]);
    await must(["runs", "write", run_id, "alerts"], ALERTS);
    await must(["runs", "write", run_id, "trades"], TRADES);
    await must(["runs", "write", run_id, "metrics"], METRICS);
    await must(["runs", "log", run_id, "stdout"], "a line\n");
    await must(["runs", "attach", run_id, "-", "--as", "plots/a.svg"], "<svg/>");
  }
  await must(["runs", "finish", "done-1"]);
  await must(["runs", "finish", "failed-1", "--status", "failed", "--error", "no candles"]);
  await must(["artifacts", "put", "done-1", "trades", "-"], TRADES);
  await must(["artifacts", "put", "done-1", "summary", "-"], '{"a":1}');
  await must(["artifacts", "put", "done-1", "config", "-"], '{"b":2}');
  await must(["rebuild"]);
  await must(["runs", "sync"]);
  await must(["runs", "compact", "--month", monthOf(folder)]);
}

/** Where the lab's archives are. */
export const ARCHIVES = "data/ledger/archive";

/** The noon of a day. */
export function noonOf(day: string): number {
  return Date.parse(`${day}T12:00:00Z`);
}

/** The month in which the lab's runs were made. */
export function monthOf(folder: string): string {
  const months = Array.from(Deno.readDirSync(join(folder, "runs")), ({ name }) => name);
  return months.filter((name) => /^\d{4}-\d\d$/.test(name)).sort()[0];
}
