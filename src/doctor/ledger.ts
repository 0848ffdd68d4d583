/** What doctor asks of the ledger: its log, its index, which processes work on it, and its runs. */
import { join } from "@std/path";
import { type LedgerError, placeText } from "../base/error.ts";
import { holderOf } from "../base/files/file_lock.ts";
import { counted, firstNames, humanBytes, runCountsText } from "../base/format.ts";
import type { World } from "../base/world.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { chainLockPath, ledgerPaths, type LogSurvey } from "../log/mod.ts";
import { bad, type Check, good, troubleMet } from "./check.ts";

export function checkLog(survey: LogSurvey | undefined): Check {
  if (!survey) return good("log", "nothing was emitted yet");
  const { events, parts } = survey;
  const found = `${counted(events, "event")} in ${counted(parts, "part")}`;
  if (survey.torn.length === 0) return good("log", found);
  const torn = survey.torn.map(({ part }) => part).join(", ");
  const fix = "the next writer takes care of it, or now: ledger verify --repair";
  return bad("log", `${found}; torn at its end: ${torn}`, fix);
}

export async function checkTraces(ledger: Ledger): Promise<Check> {
  const name = "traces";
  try {
    const { events, unchecked, damage } = await ledger.traces.checkWaiting();
    const waiting = `${counted(events, "event")} in write-ahead files` +
      (unchecked > 0 ? `, ${counted(unchecked, "record")} of them without a checksum` : "");
    if (damage.length === 0) return good(name, waiting);
    const [{ path, offset, reason }] = damage;
    const such = `${placeText({ path, offset })}: ${reason}`;
    const found = `${waiting}; ${counted(damage.length, "damaged place")}, such as ${such}`;
    return bad(name, found, "set it aside, keeping every byte: ledger trace compact");
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
  if (!survey || survey.events === 0) return good(name, "nothing to index yet");
  if (!world.files.facts(join(ledgerPaths(ledger.dir).index, "runs.duckdb"))) {
    return bad(name, "there is none", "make it: ledger rebuild");
  }
  try {
    const sql =
      "select coalesce(sum(indexed_to), 0) as bytes from index_parts where not is_archived";
    const [row] = await ledger.query(sql);
    const behind_bytes = survey.bytes - Number(row.bytes) -
      survey.torn.reduce((sum, { size_bytes }) => sum + size_bytes, 0);
    if (behind_bytes <= 0) return good(name, "up to date");
    const fix = "bring it up to date: ledger rebuild; keep it so: ledger watch";
    return bad(name, `${humanBytes(behind_bytes)} behind the log`, fix);
  } catch (error) {
    const trouble = troubleMet(name, error);
    return { ...trouble, fix: trouble.fix ?? "ledger rebuild --full" };
  }
}

export async function checkBuilder(world: World, ledger: Ledger): Promise<Check> {
  const holder = await holderOf(world, join(ledgerPaths(ledger.dir).index, ".lock"));
  // Not a fault: it may be at work. Whether it is stuck, the index's own line tells.
  return good("builder", holder ? `${holder} is building an index` : "no rebuild is running");
}

/** Which process seals, compacts or archives, and what a killed one left half-way. */
export async function checkKeeper(world: World, ledger: Ledger): Promise<Check> {
  const name = "keeper";
  const holder = await holderOf(world, chainLockPath(ledger.dir));
  if (holder) return good(name, `${holder} is sealing, compacting or archiving`);
  const { unfinishedDays } = await import("../log/seal/unfinished_days.ts");
  const left = await unfinishedDays(world, ledger.dir);
  if (left.length === 0) return good(name, "no sealing or compacting is running");
  const found = `a process was killed while days left the log, or came back: ${left.join(", ")}`;
  return bad(name, found, "finish it: ledger seal");
}

export async function checkTypes({ registry, runs }: Ledger): Promise<Check> {
  const name = "event types";
  const refused = registry.refused();
  const found = counted(registry.types.size + registry.artifacts.size, "registered type");
  const [unusable] = (await runs.artifactTypes()).unusable;
  if (unusable) {
    const [type, reason] = unusable;
    const fix = "use the version of this program that registered it, or restore the registry";
    return bad(name, `${found}; no artifact ${type} is written or read as one: ${reason}`, fix);
  }
  if (refused.length === 0) return good(name, found);
  const types = refused.map(({ name, reason }) => `${name} (${reason})`).join(", ");
  const fix = `give it another schema: ledger schema migrate ${refused[0].name} --schema FILE`;
  return bad(name, `${found}; of these no event is emitted: ${types}`, fix);
}

export async function checkRuns(
  world: World,
  { runs: { dir }, runs }: Ledger,
  { ok: may_load }: Pick<Check, "ok">,
): Promise<Check> {
  const name = "runs";
  let unread: LedgerError | undefined;
  const counts = may_load ? await runs.counts((problem) => unread = problem) : undefined;
  if (unread) return troubleMet(name, unread);
  const there = counts && runCountsText(counts);
  const dead = counts ? await deadInLog(runs) : [];
  if (!runs.exists() && dead.length === 0) return good(name, there ?? "none yet");
  const { classifyRun, scanRuns } = await import("../runs/manifest/scan.ts");
  const { stateOfOpen } = await import("../runs/manifest/liveness_lock.ts");
  const { staleTempFiles } = await import("../runs/upkeep/run_files.ts");
  const unreadable: string[] = [];
  const half_written: string[] = [];
  const scanned = scanRuns(world, dir);
  for (const run of scanned) {
    const classified = classifyRun(world, dir, run);
    const left = await staleTempFiles(world, join(dir, run.path), classified);
    half_written.push(...left.map((path) => `${run.path}/${path}`));
    if (classified.kind === "unusable") unreadable.push(run.path);
    if (classified.kind !== "open") continue;
    const { state } = await stateOfOpen(world, dir, run.path, classified.manifest);
    if (state !== "running" && state !== "pending") {
      dead.push(`${classified.manifest.run_id} (${state})`);
    }
  }
  const findings = ([
    [dead, "died", `say that they failed: ledger runs finish ID --status failed --error "died"`],
    [unreadable, "without a readable run.json", "why: ledger runs sync"],
    [
      half_written,
      "left half-written by killed programs",
      "see: ledger runs verify --all; then remove these files",
    ],
  ] as const).filter(([runs]) => runs.length > 0);
  if (findings.length === 0) {
    return good(name, `${there ?? counted(scanned.length, "folder")}; no process of theirs died`);
  }
  const found = findings.map(([runs, what]) => `${runs.length} ${what}: ${firstNames(runs)}`);
  return bad(name, found.join("; "), findings[0][2]);
}

/** The runs without a folder of which the log has heard nothing for long. */
async function deadInLog(runs: Ledger["runs"]): Promise<string[]> {
  const stale = await runs.query({ status: "stale" });
  return stale.filter(({ source }) => source === "log").map(({ run_id }) => `${run_id} (stale)`);
}
