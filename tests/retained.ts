/** What the tests of retaining share: a ledger of some old days, and the ways to look at it. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import type { World } from "../src/base/world.ts";
import { Ledger } from "../src/ledger/ledger.ts";
import type { Finding } from "../src/log/mod.ts";
import type { RetainedDay, RetainRequest } from "../src/ledger/retain.ts";
import { sync } from "./index/indexes.ts";
import { runIn, testWorld } from "./harness.ts";

/** The first of the old days. */
export const FIRST_MS = Date.UTC(2026, 0, 20, 12);
const DAY_MS = 86_400_000;
/** When retaining happens: long after all of them. */
export const NOW_MS = FIRST_MS + 60 * DAY_MS;
/** The old days. */
export const OLD_DAYS = ["2026-01-20", "2026-01-21", "2026-01-22"];

/** The noon of a day, by its number from 0. */
export function noonOf(day: number): number {
  return FIRST_MS + day * DAY_MS;
}

/** A world at that time. */
export function laterWorld(different: Partial<Omit<World, "stdin">> = {}): World {
  return testWorld({ now_ms: () => NOW_MS, ...different });
}

/** Appends a run's whole life to a day. */
export async function emitRun(
  ledger: Ledger,
  run_id: string,
  day: number,
  until: "started" | "completed" = "completed",
): Promise<void> {
  const at = (ms: number) => ({
    run_id,
    event_id: `${run_id}-${ms}`,
    timestamp_ms: noonOf(day) + ms,
  });
  await ledger.emitRunCreated({ ...at(0), run_type: "policy", config: {}, data_fingerprint: "f" });
  await ledger.emitRunStarted(at(1));
  await ledger.emitTrialRecorded({
    ...at(2),
    trial_id: "t",
    params: { a: 1.5 },
    metrics: { b: 2 },
  });
  if (until === "completed") {
    await ledger.emitRunCompleted({ ...at(3), summary: { ok: true }, artifact_paths: {} });
  }
}

/** Appends runs to the old days and to one that stays, in parts that rotate. */
export async function fillLedger(dir: string): Promise<void> {
  await using ledger = new Ledger({ dir, world: testWorld(), part_bytes_max: 600 });
  for (let day = 0; day < OLD_DAYS.length; day++) {
    for (const name of ["a", "b"]) await emitRun(ledger, `${name}${day}`, day);
  }
  await emitRun(ledger, "new", 59);
}

/** The folder of the archives. */
export function archiveIn(dir: string): string {
  return join(dir, "archive");
}

/** Takes the old days out, or plans to. */
export function retainIn(
  dir: string,
  request: Partial<RetainRequest> = {},
  world: World = laterWorld(),
): Promise<RetainedDay[]> {
  const ledger = new Ledger({ dir, world });
  return ledger.upkeep.retain({ days: 30, archive: archiveIn(dir), ...request });
}

/** Brings an archive back. */
export function importIn(dir: string, path: string, world: World = laterWorld()) {
  return new Ledger({ dir, world }).upkeep.importArchive(path);
}

/** Runs a command line at that time. */
export function runLater(dir: string, args: string[]) {
  return runIn(dir, args, { now_ms: () => NOW_MS });
}

/** The events of the log, in its order: place and line. */
export async function linesOf(dir: string): Promise<string[]> {
  const lines: string[] = [];
  for await (const record of new Ledger({ dir, world: testWorld() }).read()) {
    if (record.kind !== "event") throw new Error(`${record.label} is damaged: ${record.reason}`);
    lines.push(`${record.label}@${record.offset} ${record.text}`);
  }
  return lines;
}

/** The same of those days only. */
export function linesOfDays(lines: readonly string[], days: readonly string[]): string[] {
  return lines.filter((line) => days.some((day) => line.startsWith(`day=${day}/`)));
}

/** Fails unless everything is as it was sealed; files that were begun may be left by who was killed. */
export async function assertWhole(dir: string, but?: "but for what was begun"): Promise<void> {
  const { findings } = await new Ledger({ dir, world: testWorld() }).verify({ deep: true });
  const is_begun = ({ kind, part, reason }: Finding) =>
    (kind === "not_a_part" && part.endsWith(".tmp")) || kind === "unfinished" ||
    (kind === "chain" && /ledger seal (adds|mends) it$/.test(reason));
  assertEquals(findings.filter((finding) => !(but && is_begun(finding))), []);
}

/** The digests of all tables of an index that is built from nothing. */
export async function digestsAnew(dir: string) {
  return (await sync(dir, { full: true })).tables;
}

/** The names in the folder of the days, but for locks. */
export function namesInEvents(dir: string): string[] {
  return [...Deno.readDirSync(join(dir, "events"))].map(({ name }) => name)
    .filter((name) => !name.startsWith(".")).sort();
}
