/**
 * Crash recovery of archiving and import: days on their way out of the log, or back, are folders beside
 * the days that no reader reads. One that outlives its process is finished here. Nothing in it is lost,
 * and nothing in the log gives way to it: what the chain says is away goes; all else gets a name in its
 * day that no other part has.
 */
import { join } from "@std/path";
import { giveFreeName, makeFolderDurably } from "../../base/files/durable.ts";
import { lock_wait_ms } from "../../base/limits.ts";
import { holderOf } from "../../base/files/file_lock.ts";
import type { World } from "../../base/world.ts";
import { type Chain, chainLockPath, readChain } from "../format/chain.ts";
import { nextPartNumber } from "../write/part_number.ts";
import {
  dayFolder,
  dayLockName,
  ledgerPaths,
  parseLockName,
  parsePartName,
  parseTempName,
  type PartName,
  partPath,
} from "../format/layout.ts";
import { DayLock } from "../format/lock.ts";
import { goneFolders } from "../read/parts.ts";
import { readSealed, readSealedIn, sealedName, writeSealed } from "../format/seal_manifest.ts";

/** The locks of all writers of a folder: their holder knows that no writer writes there, or begins to. */
export class FolderLocks {
  readonly #locks: DayLock[] = [];

  constructor(readonly world: World, readonly folder: string) {}

  async take(): Promise<void> {
    // The common one first: without it no other comes into being, so that the list is whole.
    await this.#takeOf("");
    const names = (this.world.files.list(this.folder) ?? []).map(({ name }) => name);
    const writers = new Set(
      names.map((name) => parseLockName(name) ?? parsePartName(name)?.writer),
    );
    for (const writer of [...writers].sort()) if (writer) await this.#takeOf(writer);
  }

  async #takeOf(writer: string): Promise<void> {
    const path = join(this.folder, dayLockName(writer));
    const lock = new DayLock(this.world, path, false, lock_wait_ms);
    this.#locks.push(lock);
    await lock.take();
  }

  [Symbol.dispose](): void {
    for (const lock of this.#locks) lock.close();
  }
}

/** Finishes them all. The caller holds the lock of the chain. */
export async function finishDays(world: World, root: string): Promise<void> {
  const { events } = ledgerPaths(root);
  for (const { day, path } of goneFolders(world.files, root)) {
    {
      using locks = new FolderLocks(world, path);
      await locks.take();
      if (putBack(world, root, day, path)) world.files.remove(path);
    }
    world.files.syncFolder(events);
  }
  for (const { name } of world.files.list(events) ?? []) {
    // An import has its archive still, and the chain does not say that the day is back.
    if (parseTempName("back", name)) world.files.remove(join(events, name));
  }
}

/** The folders that outlived their process: while the lock of the chain is held, one is at work. */
export async function unfinishedDays(world: World, root: string): Promise<string[]> {
  const named = () =>
    (world.files.list(ledgerPaths(root).events) ?? []).map(({ name }) => name)
      .filter((name) => parseTempName("gone", name) ?? parseTempName("back", name));
  const before = named();
  if (before.length === 0 || await holderOf(world, chainLockPath(root))) return [];
  const now = new Set(named());
  return before.filter((name) => now.has(name)).sort();
}

/** Puts back what is not away; false where something of it has to stay. */
function putBack(world: World, root: string, day: string, from: string): boolean {
  const { files } = world;
  const { away } = readChain(world, root);
  const staying = partsToPutBack(world, day, from, away);
  if (staying.length === 0) return true;
  const folder = dayFolder(root, day);
  makeFolderDurably(files, folder);
  const records = Object.entries(readSealedIn(files, from))
    .filter(([name]) => !away.has(`day=${day}/${name}`));
  if (records.length > 0) {
    const here = readSealed(files, root, day);
    writeSealed(world, root, day, { ...Object.fromEntries(records), ...here });
  }
  const sealed = new Set(records.map(([name]) => name));
  let all_are_back = true;
  for (const { name, part } of staying) {
    const path = join(from, name);
    const target = join(folder, name);
    if (giveFreeName(files, path, target)) continue;
    // A process that was killed may have left the file with both names.
    if (files.facts(target)?.identity === files.facts(path)?.identity) continue;
    // What is sealed has its number for good.
    const is_final = part.format === "parquet" || sealed.has(name);
    if (is_final) all_are_back = false;
    else putBackAnew(world, root, day, path, part.writer);
  }
  files.syncFolder(folder);
  return all_are_back;
}

function partsToPutBack(
  { files }: World,
  day: string,
  from: string,
  away: Chain["away"],
): { name: string; part: PartName }[] {
  return (files.list(from) ?? []).flatMap(({ name }) => {
    const part = parsePartName(name);
    const stays = part && !away.has(`day=${day}/${sealedName(part)}`) &&
      (files.facts(join(from, name))?.size_bytes ?? 0) > 0;
    return stays ? [{ name, part }] : [];
  });
}

/** Another part has its name: it gets a part number that was never given. */
function putBackAnew(world: World, root: string, day: string, path: string, writer: string): void {
  const { files } = world;
  for (let is_back = false; !is_back;) {
    const number = nextPartNumber(files, root, day);
    is_back = giveFreeName(files, path, partPath(root, { day, number, writer }));
  }
}
