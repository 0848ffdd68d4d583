/** What doctor asks of the machine: folders, disk, locks, clock, space, and the native library. */
import { join } from "@std/path";
import { counted, DAY_MS, humanBytes, utc } from "../base/format.ts";
import { beginReplacement, writeFully } from "../base/files/durable.ts";
import type { FileSystemFacts, OpenFile } from "../base/files/seam.ts";
import { answeredWithin } from "../base/files/system_files.ts";
import {
  clock_jump_ms,
  clock_skew_ms,
  days_until_full_min,
  free_bytes_min,
  lock_probe_ms,
} from "../base/limits.ts";
import { uniqueName, type World } from "../base/world.ts";
import { bad, type Check, good, troubleMet } from "./check.ts";
import type { LogSurvey } from "../log/mod.ts";

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

/** What helps where locks cannot be relied on. */
const OWN_PARTS = "give every process its own part: ledger emit --writer NAME, or LEDGER_WRITER";

export function checkFolder(world: World, name: string, folder: string): Check {
  const { files } = world;
  if (!files.facts(folder)) {
    return good(name, `${folder} is not there yet: the first write makes it`);
  }
  try {
    beginReplacement(files, join(folder, ".doctor"), uniqueName(world)).abandon();
    return good(name, `${folder} can be written`);
  } catch (error) {
    return troubleMet(name, error);
  }
}

/** Whether the kind of disk keeps what is promised, and its locks count for every process. */
export function checkFileSystem(facts: FileSystemFacts | undefined): Check {
  const name = "file system";
  if (!facts) return good(name, "this system does not tell");
  const kind = FILE_SYSTEMS.get(facts.type) ?? `of kind 0x${facts.type.toString(16)}`;
  if (ON_A_NETWORK.has(kind)) {
    return bad(name, `${kind}: locks of other machines may not be seen here`, OWN_PARTS);
  }
  if (!IN_MEMORY.has(kind)) return good(name, kind);
  const found = `${kind}: what is acknowledged here is gone when the machine restarts`;
  return bad(name, found, "keep the ledger on a disk: LEDGER_DIR, or a build with --ledger DIR");
}

/** Whether locks lock and syncs sync, on this disk, now. */
export async function checkPromises(world: World, dir: string): Promise<Check[]> {
  const { files } = world;
  if (!files.facts(dir)) return [];
  const path = join(dir, `.doctor.${uniqueName(world)}`);
  try {
    return [await checkLocks(world, path), checkSyncs(world, path)];
  } catch (error) {
    return [troubleMet("locks and syncs", error)];
  } finally {
    if (files.facts(path)) files.remove(path);
  }
}

async function checkLocks(world: World, path: string): Promise<Check> {
  using holder = world.files.open(path, "lock");
  if (!holder.tryLock(true)) await holder.lock(true, lock_probe_ms);
  return await keepsOthersOut(world, path, holder)
    ? good("locks", "a held lock keeps others out, and comes free")
    : bad("locks", "a lock that is held was given to another", OWN_PARTS);
}

/** Whether another has to wait for a lock that is held; it is let go of. */
async function keepsOthersOut(world: World, path: string, holder: OpenFile): Promise<boolean> {
  const other = world.files.open(path, "lock");
  if (other.tryLock(true)) {
    other.close();
    return false;
  }
  const waiting = other.lockInLine(true).finally(() => other.close());
  const was_kept_out = !await answeredWithin(waiting, lock_probe_ms);
  holder.unlock();
  await waiting;
  return was_kept_out;
}

function checkSyncs(world: World, path: string): Check {
  using file = world.files.open(path, "append");
  const durations_ms: number[] = [];
  for (let time = 0; time < 5; time++) {
    const started_ms = world.elapsed_ms();
    writeFully(file, new TextEncoder().encode("\n"));
    file.syncData();
    durations_ms.push(world.elapsed_ms() - started_ms);
  }
  const [, , median_ms] = durations_ms.sort((a, b) => a - b);
  const skew_ms = Math.abs(file.facts().modified_ms - world.now_ms());
  if (skew_ms <= clock_skew_ms) {
    return good("syncs", `a write is durable in ${median_ms.toFixed(2)} ms`);
  }
  const found = `the disk's clock and this machine's differ by ${Math.round(skew_ms / 1000)} s`;
  return bad("syncs", found, "set both by NTP: events of several machines are ordered by day");
}

/** Whether the log is ahead of the clock: all of it, or single events. */
export function checkClock(world: World, survey: LogSurvey | undefined): Check {
  const now_ms = world.now_ms();
  const newest_ahead_ms = (survey?.newest?.timestamp_ms ?? 0) - now_ms;
  const found: string[] = [];
  if (newest_ahead_ms > clock_jump_ms) {
    found.push(`the newest event is ${Math.round(newest_ahead_ms / 1000)} s in the future`);
  }
  if (survey && survey.ahead > 0) {
    const [{ part, event_id, event_type, timestamp_ms }] = survey.ahead_events;
    const such = `${event_type} ${event_id}, ${utc(timestamp_ms)}, in ${part}`;
    found.push(`${counted(survey.ahead, "event")} more than a day ahead, such as ${such}`);
  }
  if (found.length === 0) return good("clock", new Date(now_ms).toISOString());
  const fix = "set the clock (timedatectl), or correct the program that sets its own times; " +
    "lines of the log stay as they are. See: ledger status";
  return bad("clock", found.join("; "), fix);
}

export function checkSpace(
  world: World,
  facts: FileSystemFacts | undefined,
  survey: LogSurvey | undefined,
): Check {
  const name = "space";
  if (!facts) return good(name, "this system does not tell");
  const week = new Date(world.now_ms() - 7 * DAY_MS).toISOString().slice(0, 10);
  const week_bytes = (survey?.days ?? []).filter(({ day }) => day > week)
    .reduce((sum, { bytes }) => sum + bytes, 0);
  const days = week_bytes === 0 ? Infinity : facts.free_bytes / (week_bytes / 7);
  const found = `${humanBytes(facts.free_bytes)} free` +
    (days < 3650 ? `, enough for ${Math.floor(days)} days at this week's rate` : "");
  if (days >= days_until_full_min && facts.free_bytes >= free_bytes_min) return good(name, found);
  const fix = "make room: ledger compact --before 30d, ledger retain --days 90 --archive DIR, " +
    "ledger runs prune --before YYYY-MM --archive DIR, or a larger disk";
  return bad(name, found, fix);
}

/** Whether the unpacked library is what the executable was built with. */
export async function checkLibrary(world: World): Promise<Check> {
  const name = "DuckDB library";
  const { checkNativeDigest } = await import("../duckdb/native.ts");
  const check = checkNativeDigest(world);
  if (check === null) return good(name, "from the npm package, since this runs from source");
  const { folder, fault } = check;
  if (!world.files.facts(folder)) return good(name, "not unpacked yet: the first query does it");
  if (fault === null) return good(name, `as it was built, in ${folder}`);
  return bad(
    name,
    `${folder}: ${fault}`,
    `remove it; the next query unpacks it anew: rm -r ${folder}`,
  );
}
