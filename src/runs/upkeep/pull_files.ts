/** The files of another box, and how their bytes come here. */
import { join } from "@std/path";
import { stretchesOf, writeFully } from "../../base/files/durable.ts";
import type { Files, OpenFile } from "../../base/files/seam.ts";
import { kindOf } from "../../base/files/outside.ts";
import type { World } from "../../base/world.ts";
import { atSourceNow, ofSource } from "../../log/pull/source.ts";
import { entriesBelow } from "./files_below.ts";
import { RUN_FILES } from "../manifest/layout.ts";

/** A file to copy, below the folder. */
export interface FileToCopy {
  path: string;
  size_bytes: number;
  modified_ms: number;
}

const LOCKS: ReadonlySet<string> = new Set([RUN_FILES.owner_lock, RUN_FILES.manifest_lock]);

/**
 * All files below a folder, or a folder in it, that say something: no locks, nothing half-written. What
 * is no file, but a link or a pipe, is told to `onOther` by its path.
 */
export function filesToCopy(
  files: Files,
  folder: string,
  below?: string,
  onOther: (path: string, reason: string) => void = () => {},
): FileToCopy[] {
  return entriesBelow(files, folder, below)
    .filter(({ name }) => !LOCKS.has(name) && !name.endsWith(".tmp"))
    .flatMap(({ path, is_file }) => {
      const facts = files.linkFacts(join(folder, path));
      if (!facts) return [];
      if (!is_file || !facts.is_file) {
        onOther(path, `it is ${kindOf(facts)}: it was not taken`);
        return [];
      }
      const { size_bytes, modified_ms } = facts;
      return [{ path, size_bytes, modified_ms }];
    });
}

/** Writes what a file of the other box holds. */
export function copyInto(theirs: World, from: string, target: OpenFile): void {
  const source = atSourceNow(() => theirs.files.open(from, "read"));
  try {
    for (const bytes of ofSource(stretchesOf(source))) writeFully(target, bytes);
  } finally {
    source.close();
  }
}
