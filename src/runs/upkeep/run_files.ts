/** Walk of the files below a run's folder: all of them, those to copy, and those that a killed process left. */
import { join } from "@std/path";
import { blocksOfFile, writeFully } from "../../base/files/durable.ts";
import { kindOf } from "../../base/files/outside.ts";
import type { Files, OpenFile } from "../../base/files/seam.ts";
import { stale_temp_after_ms } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import { atSourceNow, ofSource } from "../../log/pull/source.ts";
import { entriesBelow, isReservedName } from "../manifest/layout.ts";
import { livenessOf } from "../manifest/liveness_lock.ts";
import type { RunClass } from "../manifest/scan.ts";
import { waitingFiles } from "../manifest/waiting.ts";

/** A file to copy, below the folder. */
export interface FileToCopy {
  path: string;
  size_bytes: number;
  modified_ms: number;
}

/**
 * All files below a folder, or a folder in it, that hold data: no locks, nothing half-written.
 * `onOther` gets the path of what is no file, but a link or a pipe.
 */
export function filesToCopy(
  files: Files,
  folder: string,
  below?: string,
  onOther: (path: string, reason: string) => void = () => {},
): FileToCopy[] {
  return entriesBelow(files, folder, below)
    .filter(({ name }) => !isReservedName(name))
    .flatMap(({ path, is_file }) => {
      const facts = files.linkFacts(join(folder, path));
      if (!facts) return [];
      const { size_bytes, modified_ms } = facts;
      if (is_file && facts.is_file) return [{ path, size_bytes, modified_ms }];
      onOther(path, `it is ${kindOf(facts)}: it was not taken`);
      return [];
    });
}

/** Copies the content of another box's file. */
export function copyInto(theirs: World, from: string, target: OpenFile): void {
  const source = atSourceNow(() => theirs.files.open(from, "read"));
  try {
    for (const bytes of ofSource(blocksOfFile(source))) writeFully(target, bytes);
  } finally {
    source.close();
  }
}

/**
 * Temporary files below a run's folder that no process will rename. One that may be in use is none, nor
 * is a file that waits for its own name.
 */
export async function staleTempFiles(
  world: World,
  folder: string,
  run: RunClass,
): Promise<string[]> {
  const waiting = run.kind === "unusable" ? [] : waitingFiles(run.manifest);
  const found = entriesBelow(world.files, folder).map(({ path }) => path)
    .filter((path) => path.endsWith(".tmp") && !waiting.some((file) => file.path === path));
  if (found.length === 0 || run.kind !== "open") return found;
  if (await livenessOf(world, folder) === "held") return [];
  return found.filter((path) => {
    const facts = world.files.linkFacts(join(folder, path));
    return facts && world.now_ms() - facts.modified_ms >= stale_temp_after_ms;
  });
}
