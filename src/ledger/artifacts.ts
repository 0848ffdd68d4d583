/** A run's artifacts under `artifacts/runs/{run_id}/` of a ledger, each with an event in the log. */
import { join } from "@std/path";
import { makeFolderDurably, replaceFile } from "../base/files/durable.ts";
import { LedgerError, quoted } from "../base/error.ts";
import { input_text_bytes_max } from "../base/limits.ts";
import { humanBytes } from "../base/format.ts";
import { uniqueName, type World } from "../base/world.ts";
import type { Emitters } from "./event_log.ts";
import { type Acknowledgement, isOfKind, ledgerPaths } from "../log/mod.ts";
import type { ArtifactSource } from "../runs/artifacts/input.ts";

/** What `putArtifact` stores as JSON; trades are stored by `putTrades`. */
export const ARTIFACT_KINDS = ["summary", "config"] as const;
/** A kind of artifact that is a JSON object. */
export type ArtifactKind = (typeof ARTIFACT_KINDS)[number];

/** The ledger that artifacts are stored in. */
interface ArtifactLedger extends Pick<Emitters, "emitArtifactCreated"> {
  readonly dir: string;
}

/** Stores a summary or configuration as it is given. */
export async function putArtifact(
  world: World,
  ledger: ArtifactLedger,
  run_id: string,
  kind: ArtifactKind,
  json: string,
): Promise<{ path: string; acknowledgement: Acknowledgement }> {
  checkArtifactOwner(run_id);
  checkJsonObject(json, kind);
  const path = pathOf(world, ledger, run_id, `${kind}.json`);
  const bytes = new TextEncoder().encode(json.endsWith("\n") ? json : `${json}\n`);
  replaceFile(world.files, path, bytes, uniqueName(world));
  const acknowledgement = await tell(ledger, run_id, kind, `${kind}.json`, bytes.length);
  return { path, acknowledgement };
}

/** Stores trades as Parquet, every row checked. */
export async function putTrades(
  world: World,
  ledger: ArtifactLedger,
  run_id: string,
  source: ArtifactSource,
): Promise<{ path: string; rows: number; acknowledgement: Acknowledgement }> {
  checkArtifactOwner(run_id);
  const { writeArtifactFile } = await import("../runs/artifacts/file.ts");
  const { artifactDefinition } = await import("../runs/artifacts/definitions.ts");
  const target = pathOf(world, ledger, run_id, "trades.parquet");
  const definition = artifactDefinition("trades");
  const written = await writeArtifactFile(world, { definition, run_id, target, source });
  const { rows, bytes } = written;
  const acknowledgement = await tell(ledger, run_id, "trades", "trades.parquet", bytes);
  return { path: target, rows, acknowledgement };
}

/** Where an artifact goes; its folder is made. */
function pathOf(world: World, ledger: ArtifactLedger, run_id: string, name: string): string {
  const folder = join(ledgerPaths(ledger.dir).run_artifacts, run_id);
  makeFolderDurably(world.files, folder);
  return join(folder, name);
}

function tell(
  ledger: ArtifactLedger,
  run_id: string,
  artifact_type: string,
  name: string,
  size_bytes: number,
): Promise<Acknowledgement> {
  const artifact_path = `artifacts/runs/${run_id}/${name}`;
  return ledger.emitArtifactCreated({ run_id, artifact_type, artifact_path, size_bytes });
}

function checkArtifactOwner(run_id: string): void {
  if (isOfKind("run_id", run_id)) return;
  throw new LedgerError({
    code: "invalid",
    message: `cannot store an artifact of run ${quoted(run_id)}: that is not a run id`,
    hint: "a run id names a folder: no slash, backslash or control character",
  });
}

function checkJsonObject(json: string, kind: string): void {
  if (json.length > input_text_bytes_max) {
    throw new LedgerError({
      code: "invalid",
      message: `cannot store this ${kind}: it is longer than ${humanBytes(input_text_bytes_max)}`,
      hint: "nothing was stored; keep what is larger in a file of its own, and its path here",
    });
  }
  let reason = "it is not a JSON object";
  try {
    if (isOfKind("object", JSON.parse(json))) return;
  } catch (error) {
    reason = (error as Error).message;
  }
  throw new LedgerError({
    code: "invalid",
    message: `cannot store this ${kind}: ${reason}`,
    hint: `a ${kind} is one JSON object; nothing was stored`,
  });
}
