/** How a run begins: what it says of itself, and whether it may. Until the log has heard of it, it is pending. */
import { join } from "@std/path";
import { textDigest } from "../../base/digest.ts";
import { asLedgerError, LedgerError, quoted } from "../../base/error.ts";
import type { World } from "../../base/world.ts";
import { listMonths, runPath } from "../manifest/layout.ts";
import {
  manifestText,
  RUN_TYPES,
  type RunManifest,
  type RunType,
  SCHEMA_VERSION,
} from "../manifest/manifest.ts";
import { ManifestFile } from "../manifest/manifest_file.ts";
import { getGitProvenance } from "../evidence/provenance.ts";

/** A run that begins. */
export interface NewRun {
  run_type: RunType;
  /** Default: a fresh UUID. */
  run_id?: string;
  dataset?: RunManifest["dataset"];
  parameters?: Record<string, unknown>;
  /** Default: the digest of the dataset, as JSON. */
  data_fingerprint?: string;
  /** Whether this program is the run, and its death the run's. */
  owned?: boolean;
  /** Whether git is asked for the state of the code. Default: it is. */
  git?: boolean;
  /** Facts of the manifest beside these. */
  extra?: Record<string, unknown>;
}

/** Throws when there are no runs of such a type. */
export function checkRunType(type: string): void {
  if ((RUN_TYPES as readonly string[]).includes(type)) return;
  throw new LedgerError({
    code: "invalid",
    message: `cannot create a run of type ${quoted(type)}`,
    hint: `types are ${RUN_TYPES.join(", ")}`,
  });
}

/** Where a run is whose creation was interrupted; throws when there is one that has begun. */
export function begunBefore(world: World, runs_dir: string, run_id: string): string | undefined {
  for (const month of listMonths(world.files, runs_dir)) {
    const path = runPath(month, run_id);
    const there = new ManifestFile(world, join(runs_dir, path), run_id);
    // A folder without a manifest is of somebody who was killed as he made it: nothing is lost in it.
    if (!there.exists()) continue;
    if (there.read().status !== "pending") throw existsAlready(run_id, there.folder);
    return path;
  }
  return undefined;
}

/** The manifest of a run that begins. */
export async function newManifest(
  world: World,
  run: NewRun,
  run_id: string,
  now: string,
): Promise<RunManifest> {
  const dataset = run.dataset ?? {};
  return {
    run_id,
    run_type: run.run_type,
    created_at: now,
    started_at: now,
    status: "running",
    ...(run.git === false ? {} : await getGitProvenance(world)),
    dataset,
    data_fingerprint: run.data_fingerprint ?? textDigest(JSON.stringify(dataset)),
    parameters: run.parameters ?? {},
    schema_version: { ...SCHEMA_VERSION },
    artifacts: {},
    ...(run.owned ? { owner: { host: world.hostname(), pid: world.pid } } : {}),
    ...run.extra,
  };
}

/** What is wrong with a run that begins is wrong before anything is written. */
export function checkBeginning(manifest: RunManifest, path: string): void {
  try {
    manifestText(manifest, path);
  } catch (error) {
    const problem = asLedgerError(error);
    if (!problem) throw error;
    const tried = `cannot create run ${quoted(manifest.run_id)}`;
    throw problem.with({
      message: problem.message.replace(`cannot write ${path}`, () => tried),
      hint: "nothing was made; correct it and repeat",
    });
  }
}

/** Throws unless a run that is there has begun in the same way, and not gone on from there. */
export function refuseOtherBeginning(there: RunManifest, begun: RunManifest, folder: string): void {
  const said = ({ run_type, dataset, data_fingerprint, parameters }: RunManifest) =>
    JSON.stringify([run_type, dataset, data_fingerprint, parameters]);
  if (there.status === "pending" && said(there) === said(begun)) return;
  throw existsAlready(there.run_id, folder);
}

function existsAlready(run_id: string, folder: string): LedgerError {
  return new LedgerError({
    code: "invalid",
    message: `cannot create run ${quoted(run_id)}: there is one already`,
    where: { path: folder },
    hint: "give another --run-id, or none: then it gets a fresh one",
  });
}
