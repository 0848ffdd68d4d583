/**
 * Whether this machine, these folders and this ledger are fit: each question is answered by looking,
 * not by what a setting says. A finding comes with what to do about it.
 */
import { dirname, join, resolve } from "@std/path";
import { DAY_MS } from "./base/day.ts";
import { buildFacts } from "./base/build.ts";
import { asLedgerError } from "./base/error.ts";
import { beginReplacement, writeFully } from "./base/durable.ts";
import type { FileSystemFacts } from "./base/files.ts";
import {
  clock_jump_ms,
  clock_skew_ms,
  days_until_full_min,
  free_bytes_min,
  owner_look_ms,
} from "./base/limits.ts";
import { holderOf } from "./base/signed_lock.ts";
import { humanBytes } from "./base/words.ts";
import { uniqueName, type World } from "./base/world.ts";
import type { Ledger } from "./ledger.ts";
import { chainLockPath, ledgerPaths, type LogSurvey } from "./log/mod.ts";

/** The answer to one question. */
export interface Check {
  name: string;
  ok: boolean;
  found: string;
  /** What to do about it. */
  fix?: string;
}

const FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0xef53, "ext4"],
  [0x58465342, "xfs"],
  [0x9123683e, "btrfs"],
  [0x2fc12fc1, "zfs"],
  [0xf2f52010, "f2fs"],
  [0x794c7630, "overlayfs"],
  [0x01021994, "tmpfs"],
  [0x858458f6, "ramfs"],
  [0x6969, "NFS"],
  [0xff534d42, "CIFS"],
  [0xfe534d42, "SMB"],
  [0x65735546, "FUSE"],
  [0x01021997, "9p"],
  [0x0bd00bd0, "Lustre"],
  [0x00c36400, "Ceph"],
  [0x47504653, "GPFS"],
  [0x19830326, "BeeGFS"],
  [0x5346414f, "AFS"],
]);
const IN_MEMORY = new Set(["tmpfs", "ramfs"]);
const ON_A_NETWORK = new Set([
  ...["NFS", "CIFS", "SMB", "FUSE", "9p", "Lustre", "Ceph", "GPFS", "BeeGFS", "AFS"],
]);

/** Looks at everything; the order is that of what rests on what. */
export async function examine(world: World, ledger: Ledger): Promise<Check[]> {
  const folder = existingAbove(world, resolve(world.cwd(), ledger.dir));
  const survey = ledger.exists() ? await ledger.survey() : undefined;
  const file_system = world.files.fileSystem(folder);
  return [
    checkFolder(world, "ledger folder", ledger.dir),
    checkFolder(world, "runs folder", ledger.runs.dir),
    checkFileSystem(file_system),
    ...await checkPromises(world, ledger.dir),
    checkClock(world, survey),
    checkSpace(world, file_system, survey),
    await checkLibrary(world),
    checkLog(survey),
    await checkIndex(world, ledger, survey),
    await checkBuilder(world, ledger),
    await checkKeeper(world, ledger),
    await checkRuns(world, ledger),
  ];
}

/** The folder itself, or the nearest one above it that is there. */
function existingAbove(world: World, folder: string): string {
  let there = folder;
  while (!world.files.facts(there) && dirname(there) !== there) there = dirname(there);
  return there;
}

/** Whether files can be made in a folder, found out by making one. */
function checkFolder(world: World, name: string, folder: string): Check {
  const { files } = world;
  if (!files.facts(folder)) {
    return { name, ok: true, found: `${folder} is not there yet: the first write makes it` };
  }
  try {
    beginReplacement(files, join(folder, ".doctor"), uniqueName(world)).abandon();
    return { name, ok: true, found: `${folder} can be written` };
  } catch (error) {
    const problem = asLedgerError(error);
    if (!problem) throw error;
    return { name, ok: false, found: problem.message, fix: problem.hint };
  }
}

function checkFileSystem(facts: FileSystemFacts | undefined): Check {
  const name = "file system";
  if (!facts) return { name, ok: true, found: "cannot be asked here" };
  const kind = FILE_SYSTEMS.get(facts.type) ?? `of kind 0x${facts.type.toString(16)}`;
  if (ON_A_NETWORK.has(kind)) {
    return {
      name,
      ok: false,
      found: `${kind}: locks of other machines may not be seen here`,
      fix: "give every process its own part: ledger emit --writer NAME, or LEDGER_WRITER",
    };
  }
  if (IN_MEMORY.has(kind)) {
    return {
      name,
      ok: false,
      found: `${kind}: what is acknowledged here is gone when the machine restarts`,
      fix: "keep the ledger on a disk: LEDGER_DIR, or a build with --ledger DIR",
    };
  }
  return { name, ok: true, found: kind };
}

/** Whether locks lock and syncs sync, on this disk, now. */
async function checkPromises(world: World, dir: string): Promise<Check[]> {
  const { files } = world;
  if (!files.facts(dir)) return [];
  const path = join(dir, `.doctor.${uniqueName(world)}`);
  try {
    return [await checkLocks(world, path), checkSyncs(world, path)];
  } catch (error) {
    const problem = asLedgerError(error);
    if (!problem) throw error;
    return [{ name: "locks and syncs", ok: false, found: problem.message, fix: problem.hint }];
  } finally {
    if (files.facts(path)) files.remove(path);
  }
}

async function checkLocks(world: World, path: string): Promise<Check> {
  const name = "locks";
  const holder = world.files.open(path, "lock");
  try {
    if (!holder.tryLock(true)) await holder.lock(true, owner_look_ms);
    const other = world.files.open(path, "lock");
    if (other.tryLock(true)) {
      other.close();
      return {
        name,
        ok: false,
        found: "a lock that is held was given to another",
        fix: "give every process its own part: ledger emit --writer NAME, or LEDGER_WRITER",
      };
    }
    const waiting = other.lockInLine(true).finally(() => other.close());
    const was_kept_out = await Promise.race([
      waiting.then(() => false),
      world.pause(owner_look_ms).then(() => true),
    ]);
    holder.unlock();
    await waiting;
    return was_kept_out
      ? { name, ok: true, found: "a held lock keeps others out, and comes free" }
      : {
        name,
        ok: false,
        found: "a lock that is held was given to another",
        fix: "give every process its own part: ledger emit --writer NAME, or LEDGER_WRITER",
      };
  } finally {
    holder.close();
  }
}

function checkSyncs(world: World, path: string): Check {
  const file = world.files.open(path, "append");
  try {
    const durations_ms: number[] = [];
    for (let time = 0; time < 5; time++) {
      const started_ms = world.elapsed_ms();
      writeFully(file, new TextEncoder().encode("\n"));
      file.syncData();
      durations_ms.push(world.elapsed_ms() - started_ms);
    }
    const [, , median_ms] = durations_ms.sort((a, b) => a - b);
    const skew_ms = Math.abs(file.facts().modified_ms - world.now_ms());
    if (skew_ms > clock_skew_ms) {
      return {
        name: "syncs",
        ok: false,
        found: `the disk's clock and this machine's differ by ${Math.round(skew_ms / 1000)} s`,
        fix: "set both by NTP: events of several machines are ordered by day",
      };
    }
    return { name: "syncs", ok: true, found: `a write is durable in ${median_ms.toFixed(2)} ms` };
  } finally {
    file.close();
  }
}

function checkClock(world: World, survey: LogSurvey | undefined): Check {
  const name = "clock";
  const now_ms = world.now_ms();
  const ahead_ms = (survey?.newest?.timestamp_ms ?? 0) - now_ms;
  if (ahead_ms > clock_jump_ms) {
    return {
      name,
      ok: false,
      found: `the newest event is ${Math.round(ahead_ms / 1000)} s in the future`,
      fix: "set the clock (timedatectl), or look who emits with times of its own: ledger log -n 1",
    };
  }
  return { name, ok: true, found: new Date(now_ms).toISOString() };
}

/** Free space beside what a week of this log takes. */
function checkSpace(
  world: World,
  facts: FileSystemFacts | undefined,
  survey: LogSurvey | undefined,
): Check {
  const name = "space";
  if (!facts) return { name, ok: true, found: "cannot be asked here" };
  const week = new Date(world.now_ms() - 7 * DAY_MS).toISOString().slice(0, 10);
  const week_bytes = (survey?.days ?? []).filter(({ day }) => day > week)
    .reduce((sum, { bytes }) => sum + bytes, 0);
  const days = week_bytes === 0 ? Infinity : facts.free_bytes / (week_bytes / 7);
  const found = `${humanBytes(facts.free_bytes)} free` +
    (days < 3650 ? `, enough for ${Math.floor(days)} days at this week's rate` : "");
  if (days >= days_until_full_min && facts.free_bytes >= free_bytes_min) {
    return { name, ok: true, found };
  }
  return {
    name,
    ok: false,
    found,
    fix: "make room: ledger compact --before 30d, ledger retain --days 90 --archive DIR, ledger " +
      "runs prune --before YYYY-MM --archive DIR, or a larger disk",
  };
}

async function checkLibrary(world: World): Promise<Check> {
  const name = "DuckDB library";
  const { checkNativeDigest } = await import("./duckdb/native.ts");
  const check = checkNativeDigest(world);
  if (check === null) {
    return { name, ok: true, found: "from the npm package, since this runs from source" };
  }
  if (!world.files.facts(check.folder)) {
    return { name, ok: true, found: "not unpacked yet: the first query does it" };
  }
  return check.fault === null ? { name, ok: true, found: `as it was built, in ${check.folder}` } : {
    name,
    ok: false,
    found: `${check.folder}: ${check.fault}`,
    fix: `remove it; the next query unpacks it anew: rm -r ${check.folder}`,
  };
}

function checkLog(survey: LogSurvey | undefined): Check {
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

async function checkIndex(
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
    const problem = asLedgerError(error);
    if (!problem) throw error;
    return {
      name,
      ok: false,
      found: problem.message,
      fix: problem.hint ?? "ledger rebuild --full",
    };
  }
}

async function checkBuilder(world: World, ledger: Ledger): Promise<Check> {
  const name = "builder";
  const holder = await holderOf(world, join(ledgerPaths(ledger.dir).index, ".lock"));
  // Not a fault: it may be at work. Whether it is stuck, the index's own line tells.
  const found = holder ? `${holder} builds an index` : "nobody builds an index";
  return { name, ok: true, found };
}

async function checkKeeper(world: World, ledger: Ledger): Promise<Check> {
  const name = "keeper";
  const holder = await holderOf(world, chainLockPath(ledger.dir));
  const found = holder ? `${holder} seals, compacts or archives` : "nobody seals or compacts";
  return { name, ok: true, found };
}

async function checkRuns(world: World, ledger: Ledger): Promise<Check> {
  const name = "runs";
  if (!ledger.runs.exists()) return { name, ok: true, found: "none yet" };
  const { judgeRun, scanRuns, stateOfOpen } = await import("./runs/scan.ts");
  const dead: string[] = [];
  const unreadable: string[] = [];
  const glances = scanRuns(world, ledger.runs.dir);
  for (const glance of glances) {
    const verdict = judgeRun(world, ledger.runs.dir, glance);
    if (verdict.kind === "unusable") unreadable.push(glance.path);
    if (verdict.kind !== "open") continue;
    const { state } = await stateOfOpen(world, ledger.runs.dir, glance.path, verdict.manifest);
    if (state !== "running" && state !== "pending") {
      dead.push(`${verdict.manifest.run_id} (${state})`);
    }
  }
  if (dead.length === 0 && unreadable.length === 0) {
    return { name, ok: true, found: `${glances.length}, none of them dead` };
  }
  const some = (names: string[]) => names.slice(0, 3).join(", ") + (names[3] ? ", …" : "");
  const found = [
    dead.length > 0 ? `${dead.length} died: ${some(dead)}` : "",
    unreadable.length > 0
      ? `${unreadable.length} without a readable run.json: ${some(unreadable)}`
      : "",
  ].filter(Boolean).join("; ");
  return {
    name,
    ok: false,
    found,
    fix: dead.length > 0
      ? `say that they failed: ledger runs finish ID --status failed --error "died"`
      : "why: ledger runs sync",
  };
}

/** Which build this is, for those who ask for help. */
export function buildLine(): string {
  const { version, compiled, ledger_dir, runs_dir } = buildFacts();
  return compiled
    ? `ledger ${version}, which may write ${ledger_dir} and ${runs_dir}`
    : `ledger ${version}, from source`;
}
