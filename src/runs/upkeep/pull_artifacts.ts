/** Replication of another box's `artifacts/runs/{run_id}/`, which stands beside its log. */
import { dirname, join } from "@std/path";
import { fileDigest } from "../../base/files/checksum.ts";
import { beginReplacement, makeFolderDurably } from "../../base/files/durable.ts";
import type { Files } from "../../base/files/seam.ts";
import { escaped } from "../../base/format.ts";
import { uniqueName, type World } from "../../base/world.ts";
import { isOfKind } from "../../log/mod.ts";
import { atSource, findingOf, type PullFinding } from "../../log/pull/source.ts";
import { copyInto, filesToCopy, type FileToCopy } from "./run_files.ts";

/** A file that was taken. */
interface PulledFile {
  /** Below the folder of artifacts: `{run_id}/summary.json`. */
  path: string;
  bytes: number;
}

/** What pulling artifacts did. */
export interface ArtifactsPullReport {
  taken: PulledFile[];
  same: number;
}

/** How to pull artifacts. */
interface ArtifactsPullOptions {
  dry_run?: boolean;
  /** Fingerprints of files that were the same here; it is brought up to date. */
  seen: Map<string, string>;
  onFinding: (finding: PullFinding) => void;
}

/** Pulls files of artifacts. One that is here and says something else stays as it is. */
export async function pullArtifacts(
  world: World,
  theirs: World,
  own: string,
  from: string,
  options: ArtifactsPullOptions,
): Promise<ArtifactsPullReport> {
  const report: ArtifactsPullReport = { taken: [], same: 0 };
  const { dry_run, seen } = options;
  const find = (path: string, reason: string) =>
    options.onFinding({ what: escaped(`artifacts/runs/${path}`), reason });
  const pull = async ({ path, size_bytes, modified_ms }: FileToCopy): Promise<void> => {
    const [source, target] = [join(from, path), join(own, path)];
    const fingerprint = `${size_bytes} ${modified_ms}`;
    const there = world.files.facts(target);
    if (!there) {
      if (!dry_run) copyFile(world, theirs, source, target);
      report.taken.push({ path, bytes: size_bytes });
    } else {
      const is_same = there.size_bytes === size_bytes && (seen.get(path) === fingerprint ||
        fileDigest(world.files, target) === await atSource(() => fileDigest(theirs.files, source)));
      if (!is_same) {
        return find(path, "a different file has this name here: not taken");
      }
      // The process that put it there may have failed before its name was durable.
      if (!dry_run && seen.get(path) !== fingerprint) world.files.syncFolder(dirname(target));
      report.same++;
    }
    seen.set(path, fingerprint);
  };
  for (const file of await atSource(() => artifactFiles(theirs.files, from, find))) {
    try {
      await pull(file);
    } catch (error) {
      options.onFinding(findingOf(error, `artifacts/runs/${file.path}`));
    }
  }
  return report;
}

function artifactFiles(
  files: Files,
  folder: string,
  onOther: (path: string, reason: string) => void,
): FileToCopy[] {
  return (files.list(folder) ?? [])
    .filter(({ name, is_folder }) => is_folder && isOfKind("run_id", name))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap(({ name }) => filesToCopy(files, folder, name, onOther));
}

function copyFile(world: World, theirs: World, source: string, target: string): void {
  makeFolderDurably(world.files, dirname(target));
  const replacement = beginReplacement(world.files, target, uniqueName(world));
  try {
    copyInto(theirs, source, replacement.file);
    replacement.putInPlace();
  } catch (error) {
    replacement.abandon();
    throw error;
  }
}
