/**
 * Replacement in two steps: a file that takes the place of another waits under its temporary name, and the
 * manifest names that until the file has its own. So at each step a manifest names bytes that are there,
 * and the next process that changes the run ends what a killed one began.
 */
import { dirname, join } from "@std/path";
import { asLedgerError } from "../../base/error.ts";
import { removeQuietly, syncFile, targetOfTemporary } from "../../base/files/durable.ts";
import type { Files } from "../../base/files/seam.ts";
import { uniqueName, type World } from "../../base/world.ts";
import { attachedFiles, noteFile, pathOfFile } from "./attached.ts";
import { entriesBelow } from "./layout.ts";
import type { ManifestFile, RunManifest } from "./manifest.ts";

/** A durable file under its temporary name. */
export interface StagedFile {
  path: string;
  /** Puts it in its place, where no manifest names another. */
  commit(): void;
  abandon(): void;
}

/** A file that a manifest names by its temporary name. Both paths are below the run's folder. */
interface WaitingFile {
  path: string;
  target: string;
  /** Names it in a manifest by its own name. */
  note(manifest: RunManifest): void;
}

/** Files that wait for their own names: artifacts, and what was attached. */
export function waitingFiles({ artifacts, files }: RunManifest): WaitingFile[] {
  const stored = Object.entries(artifacts).flatMap(([type, entry]) => {
    const target = targetOfTemporary(entry.path);
    if (target === undefined) return [];
    const note = (manifest: RunManifest) => {
      manifest.artifacts[type] = { ...entry, path: target };
    };
    return [{ path: entry.path, target, note }];
  });
  const attached = attachedFiles({ files }).flatMap(({ name, path, ...entry }) => {
    const target = pathOfFile(name);
    const note = (manifest: RunManifest) => noteFile(manifest, name, entry);
    return path === target ? [] : [{ path, target, note }];
  });
  return [...stored, ...attached];
}

/** Whether a manifest names a file that waits, or cannot be asked. */
function mayName(file: ManifestFile, path: string): boolean {
  try {
    return waitingFiles(file.read()).some((waiting) => join(file.folder, waiting.path) === path);
  } catch (error) {
    if (!asLedgerError(error)) throw error;
    return true;
  }
}

/** Gives up a file, unless a manifest names it. */
export function abandonUnnamed(
  file: ManifestFile,
  { path, abandon }: Pick<StagedFile, "path" | "abandon">,
): void {
  if (!mayName(file, path)) abandon();
}

/** Gives files that wait their own names; the manifest names the first until the second is durable. */
export function placeFiles(world: World, manifest: RunManifest, file: ManifestFile): void {
  const { files } = world;
  for (const { path, target: below, note } of waitingFiles(manifest)) {
    const [waiting, target] = [join(file.folder, path), join(file.folder, below)];
    const facts = files.facts(waiting);
    if (!facts) continue;
    // Renaming one name of a file to another of the same file does nothing, and leaves both.
    if (files.facts(target)?.identity !== facts.identity) {
      const second = `${target}.${uniqueName(world)}.tmp`;
      giveSecondName(files, waiting, second);
      files.rename(second, target);
    }
    files.syncFolder(dirname(target));
    note(manifest);
    file.write(manifest);
    removeQuietly(files, waiting);
    // A name that a power cut brings back would look half-written.
    files.syncFolder(dirname(waiting));
  }
}

/** Removes what killed processes left half-written in a run that ends: nothing of it can be stored any more. */
export function removeHalfWritten({ files }: World, { folder }: ManifestFile): void {
  for (const { path } of entriesBelow(files, folder)) {
    if (targetOfTemporary(path) !== undefined) removeQuietly(files, join(folder, path));
  }
}

/** A second name for a file; where the file system has none, a copy. */
function giveSecondName(files: Files, from: string, to: string): void {
  try {
    files.link(from, to);
  } catch (error) {
    if (!asLedgerError(error)) throw error;
    files.copy(from, to);
    syncFile(files, to);
  }
}
