/**
 * Storing an artifact of a run: every row is checked while its file is staged; then, under the manifest's
 * lock, the file gets its place, the manifest names it, and the log hears of it.
 */
import { dirname, join, relative } from "@std/path";
import { makeFolderDurably } from "../../base/files/durable.ts";
import type { ArtifactSource } from "../artifacts/input.ts";
import { type ArtifactTypes, BUILT_IN_TYPES } from "../artifacts/types.ts";
import {
  type ArtifactEntry,
  type Finding,
  noteFindings,
  type RunManifest,
  type StoredArtifact,
} from "../manifest/manifest.ts";
import { abandonUnnamed, placeFiles, type StagedFile } from "../manifest/waiting.ts";
import type { RunToChange } from "./attach.ts";
import type { RunEventPublisher } from "./run_lifecycle.ts";

/** An artifact that was written. */
export interface WrittenArtifact extends ArtifactEntry {
  bytes: number;
  /** Absent of metrics: the file that it will be of is made when the run ends. */
  sha256?: string;
  /** How many rows it took the place of, if there was one before. */
  replaced_rows?: number;
  /** What is odd of its values. */
  findings?: readonly Finding[];
  /** What was left out of the input. */
  notes?: readonly string[];
}

export type NotedArtifact = [
  type: string,
  entry: StoredArtifact,
  summary?: Record<string, unknown>,
  findings?: readonly Finding[],
];

/** The lists of an object that are not empty. */
export function ifAny<Lists extends Record<string, readonly unknown[]>>(
  lists: Lists,
): Partial<Lists> {
  const there = Object.entries(lists).filter(([, { length }]) => length > 0);
  return Object.fromEntries(there) as Partial<Lists>;
}

/** What storing needs of a run. */
export interface RunToStore extends RunToChange {
  log: RunEventPublisher;
  artifactTypes?: () => ArtifactTypes;
}

/** Stores an artifact; one of the same type that is there is replaced. */
export async function storeArtifact(
  run: RunToStore,
  type: string,
  source: ArtifactSource,
  { codec }: { codec?: "snappy" | "zstd" },
): Promise<WrittenArtifact> {
  const { world, folder, manifest: file } = run;
  const { run_type } = run.refuseIfEnded();
  const { stageArtifactFile, readFirstRow } = await import("../artifacts/file.ts");
  const definition = (run.artifactTypes?.() ?? BUILT_IN_TYPES).of(type, run_type);
  const { path } = definition;
  const target = join(folder, path);
  makeFolderDurably(world.files, dirname(target));
  const artifact = { definition, run_id: file.run_id, target, source, codec };
  const staged = await stageArtifactFile(world, artifact).catch((error) => {
    // The end of a run takes away what is not stored yet.
    run.refuseIfEnded();
    throw error;
  });
  const { written: { rows, bytes, sha256 }, findings, notes } = staged;
  const entry = { rows, path, bytes, sha256 };
  try {
    // Others may write the same artifact, or finish the run: file and manifest change together.
    return await run.change(async () => {
      const manifest = run.refuseIfEnded();
      const before = manifest.artifacts[type];
      const summary = type === "summary" ? await readFirstRow(world, staged.path) : undefined;
      await noteStored(run, manifest, staged, type, entry, summary, findings);
      return {
        ...entry,
        ...(before ? { replaced_rows: before.rows } : {}),
        ...ifAny({ findings, notes }),
      };
    });
  } catch (error) {
    abandonUnnamed(file, staged);
    throw error;
  }
}

/**
 * Notes an artifact. Where the manifest names a file at its path, a staged one keeps its temporary name
 * until the manifest names that.
 */
export async function noteStored(
  { world, folder, manifest: file, log }: RunToStore,
  manifest: RunManifest,
  staged: StagedFile | undefined,
  ...[type, entry, summary, findings = []]: NotedArtifact
): Promise<void> {
  placeFiles(world, manifest, file);
  const waits = staged &&
    Object.values(manifest.artifacts).some(({ path }) => path === entry.path);
  if (waits) world.files.syncFolder(dirname(staged.path));
  else staged?.commit();
  const path = waits ? relative(folder, staged.path) : entry.path;
  manifest.artifacts[type] = { ...entry, path };
  if (summary) manifest.summary = summary;
  noteFindings(manifest, findings, ({ artifact }) => artifact === type);
  file.write(manifest);
  placeFiles(world, manifest, file);
  await log.stored(type, entry);
}
