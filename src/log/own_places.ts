/**
 * Where a ledger, and the runs beside it, keep their own files. What somebody names as an output may lie
 * beside them and never among them: a slip of the hand must not write over the log.
 */
import { basename, dirname, join, resolve } from "@std/path";
import { LedgerError } from "../base/error.ts";
import type { World } from "../base/world.ts";
import { ledgerPaths } from "./layout.ts";

/** The folders of which nobody else may write. */
export interface OwnPlaces {
  dir: string;
  runs_dir?: string;
}

/** The folder of ours that a file would lie in; undefined when it is none of them. */
function ownPlaceOf(world: World, path: string, places: OwnPlaces): string | undefined {
  const { events, index, traces, run_artifacts } = ledgerPaths(places.dir);
  const own = [events, index, traces, dirname(run_artifacts), join(places.dir, ".native")];
  const folders = foldersAbove(resolve(world.cwd(), path));
  const found = own.find((folder) => folders.some((above) => isSame(world, above, folder)));
  if (found !== undefined || places.runs_dir === undefined) return found;
  // A report may lie beside the runs; what lies deeper is a run's.
  const { runs_dir } = places;
  return folders.slice(1).some((above) => isSame(world, above, runs_dir)) ? runs_dir : undefined;
}

function foldersAbove(path: string): string[] {
  const folders: string[] = [];
  for (let at = dirname(path); folders.at(-1) !== at; at = dirname(at)) folders.push(at);
  return folders;
}

/** Whether two names are of one folder, also by way of a link. */
function isSame(world: World, one: string, other: string): boolean {
  if (one === resolve(world.cwd(), other)) return true;
  const { files } = world;
  const identity = files.facts(one)?.identity;
  return identity !== undefined && identity === files.facts(other)?.identity;
}

/** Says no where an output would lie among our own files. */
export function checkIsNotOurs(world: World, path: string, places: OwnPlaces): void {
  const place = ownPlaceOf(world, path, places);
  if (place === undefined) return;
  throw new LedgerError({
    code: "usage",
    message: `cannot write ${path}: ${place} holds the ledger's own files, and theirs alone`,
    hint: `nothing was changed; take a place beside it: ${join(places.dir, basename(path))}`,
  });
}
