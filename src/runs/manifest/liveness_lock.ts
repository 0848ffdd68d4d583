/**
 * Liveness lock: whether the process that owns a run still lives, and so what became of a run that has
 * not ended. Process ids of another host, or of another day, say nothing; a lock that is held says it
 * all, since the system lets go of it when its holder dies.
 */
import { join } from "@std/path";
import { asLedgerError, LedgerError } from "../../base/error.ts";
import { makeFolderDurably, openOwn } from "../../base/files/durable.ts";
import { takeFileLock } from "../../base/files/file_lock.ts";
import type { OpenFile } from "../../base/files/seam.ts";
import { lock_probe_ms, lock_wait_ms, stale_after_ms } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import { EVIDENCE_FOLDER, RUN_FILES } from "./layout.ts";
import { manifestTime, type RunManifest } from "./manifest.ts";

/** Held: the owner lives. Free: it had the lock, and is gone. Never: the run had no owner. */
type Liveness = "held" | "free" | "never";

/** Takes a run for this process; closing the file, or dying, gives it up. */
export async function takeRunLock(world: World, folder: string): Promise<OpenFile> {
  makeFolderDurably(world.files, folder);
  const path = join(folder, RUN_FILES.owner_lock);
  // A process that looks at the lock has it for a moment: an owner waits that long.
  const lock = await takeFileLock(world.files, path, lock_wait_ms);
  if (lock) return lock;
  throw new LedgerError({
    code: "busy",
    message: `cannot own ${folder}: another process owns it`,
    where: { path },
    hint: `a run has one owner; to see which: fuser -v ${path}`,
  });
}

/** Waits in line by path: where a lock cannot be tried, each look would begin another. */
const waits = new WeakMap<World, Map<string, Promise<void>>>();

/** Looks whether a run has an owner that lives. */
export async function livenessOf(world: World, folder: string): Promise<Liveness> {
  const path = join(folder, RUN_FILES.owner_lock);
  const waiting = waits.get(world) ?? new Map<string, Promise<void>>();
  waits.set(world, waiting);
  if (waiting.has(path)) return "held";
  const lock = openIfThere(world, path);
  if (!lock) return "never";
  let is_free: boolean;
  try {
    is_free = lock.tryLock(false);
  } catch (error) {
    lock.close();
    throw error;
  }
  if (is_free || lock.can_try_lock) {
    lock.close();
    return is_free ? "free" : "held";
  }
  const wait = lock.lockInLine(false).finally(() => {
    lock.close();
    waiting.delete(path);
  });
  waiting.set(path, wait);
  let is_over = false;
  // A wait that fails is over too.
  const over = wait.catch(() => {}).then(() => void (is_over = true));
  const late = new AbortController();
  await Promise.race([over, world.pause(lock_probe_ms, late.signal)]);
  late.abort();
  // An answer that came while this thread was busy arrives in the next turn.
  if (!is_over) await world.turn();
  return is_over ? "free" : "held";
}

function openIfThere(world: World, path: string): OpenFile | undefined {
  try {
    return openOwn(world.files, path);
  } catch (error) {
    if (asLedgerError(error)?.code === "not_found") return undefined;
    throw error;
  }
}

/** The state of an unfinished run, and why it is taken for that. */
export interface OpenFacts {
  state: "pending" | "running" | "crashed" | "stale" | "unfinished";
  last_written_ms: number;
  reason: string;
}

/** The state of an unfinished run right now. */
export async function stateOfOpen(
  world: World,
  runs_dir: string,
  path: string,
  manifest: RunManifest,
  stale_after = stale_after_ms,
): Promise<OpenFacts> {
  const folder = join(runs_dir, path);
  const last_written_ms = lastWritten(world, folder, manifest);
  const facts = (state: OpenFacts["state"], reason: string) => ({ state, last_written_ms, reason });
  if (manifest.status === "completed") {
    const reason = "run.json says completed, but there is no _SUCCESS: finish it again";
    return facts("unfinished", reason);
  }
  if (world.files.facts(join(folder, RUN_FILES.success))) {
    return facts("unfinished", `there is a _SUCCESS, but run.json says ${manifest.status}`);
  }
  const liveness = await livenessOf(world, folder);
  if (liveness === "free") return facts("crashed", "the program that owned it is gone");
  if (liveness === "never" && world.now_ms() - last_written_ms >= stale_after) {
    const since = new Date(last_written_ms).toISOString().slice(0, 16).replace("T", " ");
    return facts("stale", `it has no owner, and nothing was written to it since ${since} UTC`);
  }
  return manifest.status === "pending"
    ? facts("pending", "it has not begun")
    : facts("running", "it has not ended");
}

/**
 * When a run was last written to. For the manifest that is what it says itself: a copy is as new as the
 * copying, and a run that was copied here does not run.
 */
function lastWritten(world: World, folder: string, manifest: RunManifest): number {
  const { created_at, started_at, completed_at } = manifest;
  const times = [created_at, started_at, completed_at].map((time) => time ? manifestTime(time) : 0);
  return Math.round(Math.max(...times, newestFile(world, folder)));
}

const NOT_RESULTS: ReadonlySet<string> = new Set([
  RUN_FILES.manifest,
  RUN_FILES.owner_lock,
  RUN_FILES.manifest_lock,
  EVIDENCE_FOLDER,
]);

function newestFile(world: World, folder: string): number {
  const times = (world.files.list(folder) ?? []).filter(({ name }) => !NOT_RESULTS.has(name))
    .map(({ name, is_folder }) => {
      const path = join(folder, name);
      // A link may lead nowhere, or in a circle.
      return is_folder ? newestFile(world, path) : world.files.linkFacts(path)?.modified_ms ?? 0;
    });
  return Math.max(0, ...times);
}
