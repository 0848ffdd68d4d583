/** Replication of another box's `artifacts/runs/{run_id}/`, which stands beside its log. */
import { dirname, join } from "@std/path";
import { fileDigest } from "../../base/files/checksum.ts";
import { beginReplacement, makeFolderDurably } from "../../base/files/durable.ts";
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
  for (const file of await atSource(() => artifactFiles(theirs, from, options.onFinding))) {
    try {
      const taken = await pullFile(world, theirs, own, from, file, options);
      if (taken === "same") report.same++;
      else if (taken) report.taken.push(taken);
    } catch (error) {
      options.onFinding(findingOf(error, `artifacts/runs/${file.path}`));
    }
  }
  return report;
}

function artifactFiles(
  world: World,
  folder: string,
  onFinding: ArtifactsPullOptions["onFinding"],
): FileToCopy[] {
  const onOther = (path: string, reason: string) => {
    onFinding({ what: escaped(`artifacts/runs/${path}`), reason });
  };
  return (world.files.list(folder) ?? [])
    .filter(({ name, is_folder }) => is_folder && isOfKind("run_id", name))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap(({ name }) => filesToCopy(world.files, folder, name, onOther));
}

async function pullFile(
  world: World,
  theirs: World,
  own: string,
  from: string,
  { path, size_bytes, modified_ms }: FileToCopy,
  { dry_run, seen, onFinding }: ArtifactsPullOptions,
): Promise<PulledFile | "same" | undefined> {
  const [source, target] = [join(from, path), join(own, path)];
  const fingerprint = `${size_bytes} ${modified_ms}`;
  const there = world.files.facts(target);
  if (there) {
    const is_same = there.size_bytes === size_bytes && (seen.get(path) === fingerprint ||
      fileDigest(world.files, target) === await atSource(() => fileDigest(theirs.files, source)));
    if (is_same) {
      // The process that put it there may have failed before its name was durable.
      if (!dry_run && seen.get(path) !== fingerprint) world.files.syncFolder(dirname(target));
      seen.set(path, fingerprint);
      return "same";
    }
    const reason = "another file stands here under this name: it was not taken";
    onFinding({ what: escaped(`artifacts/runs/${path}`), reason });
    return undefined;
  }
  if (!dry_run) {
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
  seen.set(path, fingerprint);
  return { path, bytes: size_bytes };
}
