/** Pictures that were attached to runs: as many as a page has room for, each compared with its manifest. */
import { Buffer } from "node:buffer";
import { join } from "@std/path";
import { asLedgerError } from "../../base/error.ts";
import { digestOf } from "../../base/files/checksum.ts";
import { humanBytes } from "../../base/format.ts";
import {
  report_picture_bytes_max,
  report_pictures_bytes_max,
  report_pictures_max,
} from "../../base/limits.ts";
import { type AttachedFile, attachedFiles, differenceOf } from "../../runs/manifest/attached.ts";
import { ManifestFile } from "../../runs/manifest/manifest.ts";
import {
  type Found,
  type PicturesData,
  type ReportPicture,
  type ReportRun,
  there,
} from "./data.ts";
import { RUN_PATHS } from "./queries.ts";
import { rowsOf, type Sources } from "./sources.ts";

/** What every browser draws, and never runs, as an image. */
const PICTURES: ReadonlySet<string> = new Set([
  ...["image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml"],
]);

/** The pictures of some runs, in the order of these. */
export async function gatherPictures(
  sources: Sources,
  runs: readonly ReportRun[],
): Promise<Found<PicturesData>> {
  const { states } = sources;
  if (states.kind !== "there") return there({ pictures: [], pictures_total: 0, unread: [] });
  const ids = JSON.stringify(runs.map(({ run_id }) => run_id));
  const rows = await rowsOf<{ run_id: string; run_path: string }>(states.value, RUN_PATHS, [ids]);
  const paths = new Map(rows.map(({ run_id, run_path }) => [run_id, run_path]));
  const pictures: ReportPicture[] = [];
  const unread: PicturesData["unread"] = [];
  let pictures_total = 0;
  let left_bytes = report_pictures_bytes_max;
  for (const { run_id, status } of runs) {
    const folder = paths.has(run_id)
      ? join(sources.ledger.runs.dir, paths.get(run_id)!)
      : undefined;
    for (const file of folder ? picturesOf(sources, folder, run_id, unread) : []) {
      if (pictures_total++ >= report_pictures_max) continue;
      const looked = lookAtPicture(sources, join(folder!, file.path), file, left_bytes);
      if (looked.base64 !== undefined) left_bytes -= file.bytes;
      const { name, media_type, bytes, sha256 } = file;
      pictures.push({ run_id, status, name, media_type, bytes, sha256, ...looked });
    }
  }
  return there({ pictures, pictures_total, unread });
}

/** A manifest that cannot be read gives no pictures: the page says so, unless all of the run is away. */
function picturesOf(
  { world }: Sources,
  folder: string,
  run_id: string,
  unread: PicturesData["unread"],
): AttachedFile[] {
  try {
    const manifest = new ManifestFile(world, folder, run_id).read();
    return attachedFiles(manifest).filter(({ media_type }) => PICTURES.has(media_type));
  } catch (error) {
    const problem = asLedgerError(error);
    if (!problem) throw error;
    if (world.files.facts(folder)) unread.push({ run_id, problem });
    return [];
  }
}

function lookAtPicture(
  { world: { files } }: Sources,
  path: string,
  file: AttachedFile,
  left_bytes: number,
): Pick<ReportPicture, "base64" | "problem"> {
  try {
    const problem = differenceOf(files, path, file, true);
    if (problem) return { problem };
    const bytes_max = Math.min(left_bytes, report_picture_bytes_max);
    if (file.bytes > bytes_max) {
      return { problem: `it has ${humanBytes(file.bytes)}, which is too much for this page` };
    }
    const bytes = files.readBytes(path);
    // A file may change between two looks.
    if (digestOf([bytes]) !== file.sha256) return { problem: "it changes while it is read" };
    return { base64: Buffer.from(bytes).toString("base64") };
  } catch (error) {
    const problem = asLedgerError(error);
    if (!problem) throw error;
    return { problem: problem.message };
  }
}
