/** What doctor asks of the ledger: its log, its index, who is at work on it, and its runs. */
import { join } from "@std/path";
import { holderOf } from "../base/files/file_lock.ts";
import { placeText } from "../base/error.ts";
import { counted, humanBytes } from "../base/format.ts";
import type { World } from "../base/world.ts";
import { type Check, troubleMet } from "./check.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { chainLockPath, ledgerPaths, type LogSurvey } from "../log/mod.ts";

/** Whether parts of the log end in torn lines. */
export function checkLog(survey: LogSurvey | undefined): Check {
  const name = "log";
  if (!survey) return { name, ok: true, found: "nothing was emitted yet" };
  const { events, parts } = survey;
  const found = `${events} event${events === 1 ? "" : "s"} in ${parts} part${
    parts === 1 ? "" : "s"
  }`;
  if (survey.torn.length === 0) return { name, ok: true, found };
  const torn = survey.torn.map(({ part }) => part).join(", ");
  return {
    name,
    ok: false,
    found: `${found}; torn at its end: ${torn}`,
    fix: "the next writer takes care of it, or now: ledger verify --repair",
  };
}

/** Whether write-ahead files of traces are what was written. */
export async function checkTraces(ledger: Ledger): Promise<Check> {
  const name = "traces";
  try {
    const { events, unchecked, damage } = await ledger.traces.checkWaiting();
    const waiting = `${counted(events, "event")} in write-ahead files` +
      (unchecked > 0 ? `, ${counted(unchecked, "record")} of them without a checksum` : "");
    if (damage.length === 0) return { name, ok: true, found: waiting };
    const [{ path, offset, reason }] = damage;
    return {
      name,
      ok: false,
      found: `${waiting}; ${counted(damage.length, "damaged place")}, such as ` +
        `${placeText({ path, offset })}: ${reason}`,
      fix: "set it aside, keeping every byte: ledger trace compact",
    };
  } catch (error) {
    return troubleMet(name, error);
  }
}

/** Whether there is an index, it can be read, and it holds all of the log. */
export async function checkIndex(
  world: World,
  ledger: Ledger,
  survey: LogSurvey | undefined,
): Promise<Check> {
  const name = "index";
  const path = join(ledgerPaths(ledger.dir).index, "runs.duckdb");
  if (!survey || survey.events === 0) return { name, ok: true, found: "nothing to index yet" };
  if (!world.files.facts(path)) {
    return { name, ok: false, found: "there is none", fix: "make it: ledger rebuild" };
  }
  try {
    const sql =
      "select coalesce(sum(indexed_to), 0) as bytes from index_parts where not is_archived";
    const [row] = await ledger.query(sql);
    const behind_bytes = survey.bytes - Number(row.bytes) -
      survey.torn.reduce((sum, { size_bytes }) => sum + size_bytes, 0);
    return behind_bytes > 0
      ? {
        name,
        ok: false,
        found: `${humanBytes(behind_bytes)} behind the log`,
        fix: "bring it up to date: ledger rebuild; keep it so: ledger watch",
      }
      : { name, ok: true, found: "up to date" };
  } catch (error) {
    const trouble = troubleMet(name, error);
    return { ...trouble, fix: trouble.fix ?? "ledger rebuild --full" };
  }
}

/** Who builds an index. */
export async function checkBuilder(world: World, ledger: Ledger): Promise<Check> {
  const name = "builder";
  const holder = await holderOf(world, join(ledgerPaths(ledger.dir).index, ".lock"));
  // Not a fault: it may be at work. Whether it is stuck, the index's own line tells.
  const found = holder ? `${holder} builds an index` : "nobody builds an index";
  return { name, ok: true, found };
}

/** Who seals, compacts or archives, and what was left half-way by one who was killed. */
export async function checkKeeper(world: World, ledger: Ledger): Promise<Check> {
  const name = "keeper";
  const holder = await holderOf(world, chainLockPath(ledger.dir));
  if (holder) return { name, ok: true, found: `${holder} seals, compacts or archives` };
  const { unfinishedDays } = await import("../log/seal/unfinished_days.ts");
  const left = await unfinishedDays(world, ledger.dir);
  if (left.length === 0) return { name, ok: true, found: "nobody seals or compacts" };
  const found = `a process was killed while days left the log, or came back: ${left.join(", ")}`;
  return { name, ok: false, found, fix: "finish it: ledger seal" };
}

/** Whether events of all registered types can be emitted. */
export function checkTypes({ registry }: Pick<Ledger, "registry">): Check {
  const name = "event types";
  const refused = registry.refused();
  const found = counted(registry.types.size, "registered type");
  if (refused.length === 0) return { name, ok: true, found };
  return {
    name,
    ok: false,
    found: `${found}; of these no event is emitted: ` +
      refused.map(({ name, reason }) => `${name} (${reason})`).join(", "),
    fix: `give it another schema: ledger schema migrate ${refused[0].name} --schema FILE`,
  };
}

/** Whether runs have died, or cannot be read. */
export async function checkRuns(world: World, ledger: Ledger): Promise<Check> {
  const name = "runs";
  if (!ledger.runs.exists()) return { name, ok: true, found: "none yet" };
  const { classifyRun, scanRuns } = await import("../runs/manifest/scan.ts");
  const { stateOfOpen } = await import("../runs/manifest/liveness_lock.ts");
  const { staleTempFiles } = await import("../runs/upkeep/run_files.ts");
  const dead: string[] = [];
  const unreadable: string[] = [];
  const half_written: string[] = [];
  const runs = scanRuns(world, ledger.runs.dir);
  for (const run of runs) {
    const classified = classifyRun(world, ledger.runs.dir, run);
    const folder = join(ledger.runs.dir, run.path);
    const left = await staleTempFiles(world, folder, classified.kind);
    half_written.push(...left.map((path) => `${run.path}/${path}`));
    if (classified.kind === "unusable") unreadable.push(run.path);
    if (classified.kind !== "open") continue;
    const { state } = await stateOfOpen(world, ledger.runs.dir, run.path, classified.manifest);
    if (state !== "running" && state !== "pending") {
      dead.push(`${classified.manifest.run_id} (${state})`);
    }
  }
  if (dead.length + unreadable.length + half_written.length === 0) {
    return { name, ok: true, found: `${runs.length}, none of them dead` };
  }
  const some = (names: string[]) => names.slice(0, 3).join(", ") + (names[3] ? ", …" : "");
  const found = [
    dead.length > 0 ? `${dead.length} died: ${some(dead)}` : "",
    unreadable.length > 0
      ? `${unreadable.length} without a readable run.json: ${some(unreadable)}`
      : "",
    half_written.length > 0
      ? `${half_written.length} left half-written by killed programs: ${some(half_written)}`
      : "",
  ].filter(Boolean).join("; ");
  return {
    name,
    ok: false,
    found,
    fix: dead.length > 0
      ? `say that they failed: ledger runs finish ID --status failed --error "died"`
      : unreadable.length > 0
      ? "why: ledger runs sync"
      : "see: ledger runs verify --all; then remove these files",
  };
}
