/** What doctor asks of the machine: folders, disk, locks, clock, space, and the native library. */
import { join } from "@std/path";
import { DAY_MS, humanBytes } from "../base/format.ts";
import { beginReplacement, writeFully } from "../base/files/durable.ts";
import type { FileSystemFacts, OpenFile } from "../base/files/seam.ts";
import { answeredWithin } from "../base/files/attended_wait.ts";
import {
  clock_jump_ms,
  clock_skew_ms,
  days_until_full_min,
  free_bytes_min,
  lock_probe_ms,
} from "../base/limits.ts";
import { uniqueName, type World } from "../base/world.ts";
import { type Check, troubleMet } from "./check.ts";
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

/** Whether files can be made in a folder, found out by making one. */
export function checkFolder(world: World, name: string, folder: string): Check {
  const { files } = world;
  if (!files.facts(folder)) {
    return { name, ok: true, found: `${folder} is not there yet: the first write makes it` };
  }
  try {
    beginReplacement(files, join(folder, ".doctor"), uniqueName(world)).abandon();
    return { name, ok: true, found: `${folder} can be written` };
  } catch (error) {
    return troubleMet(name, error);
  }
}

/** Whether the kind of disk keeps what is promised, and its locks count for everybody. */
export function checkFileSystem(facts: FileSystemFacts | undefined): Check {
  const name = "file system";
  if (!facts) return { name, ok: true, found: "cannot be asked here" };
  const kind = FILE_SYSTEMS.get(facts.type) ?? `of kind 0x${facts.type.toString(16)}`;
  if (ON_A_NETWORK.has(kind)) {
    return {
      name,
      ok: false,
      found: `${kind}: locks of other machines may not be seen here`,
      fix: OWN_PARTS,
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
  const name = "locks";
  const holder = world.files.open(path, "lock");
  try {
    if (!holder.tryLock(true)) await holder.lock(true, lock_probe_ms);
    if (await keepsOthersOut(world, path, holder)) {
      return { name, ok: true, found: "a held lock keeps others out, and comes free" };
    }
    return {
      name,
      ok: false,
      found: "a lock that is held was given to another",
      fix: OWN_PARTS,
    };
  } finally {
    holder.close();
  }
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

/** Whether the log is ahead of the clock. */
export function checkClock(world: World, survey: LogSurvey | undefined): Check {
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
export function checkSpace(
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

/** Whether the unpacked library is what the executable was built with. */
export async function checkLibrary(world: World): Promise<Check> {
  const name = "DuckDB library";
  const { checkNativeDigest } = await import("../duckdb/native.ts");
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
