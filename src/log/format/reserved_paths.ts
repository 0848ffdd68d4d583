/**
 * Reserved paths: where a ledger and its runs keep their own files. An output or an archive may lie beside
 * them, never among them: what is there gets replaced or emptied. Folders are compared by identity, whichever
 * way their names lead there.
 */
import { basename, dirname, join, resolve } from "@std/path";
import { asLedgerError, LedgerError } from "../../base/error.ts";
import { beginReplacement } from "../../base/files/durable.ts";
import { uniqueName, type World } from "../../base/world.ts";
import { readChain } from "./chain.ts";
import { ledgerPaths, parseDayName } from "./layout.ts";

interface LedgerPlaces {
  dir: string;
  runs_dir?: string;
}

interface Folder {
  /** Without links; also where it is not there yet. */
  path: string;
  identity?: string;
}

/** What a build of a database makes beside it, and empties. */
const BUILDING = ".ledger-building";

/** Throws where an output would lie among the ledger's own files. */
export function checkMayWrite(world: World, path: string, places: LedgerPlaces): void {
  const above = foldersFrom(world, dirname(resolve(world.cwd(), path)));
  // A report may lie beside the runs; what lies deeper is a run's.
  const { runs_dir } = places;
  const in_runs = runs_dir !== undefined && isAmong(world, above.slice(1), runs_dir);
  const place = reservedAmong(world, above, places) ?? (in_runs ? runs_dir : undefined);
  if (place === undefined) return;
  throw new LedgerError({
    code: "usage",
    message: `cannot write ${path}: ${place} holds the ledger's own files, and theirs alone`,
    hint: `nothing was changed; take a place beside it: ${join(places.dir, basename(path))}`,
  });
}

/** Throws where a folder may hold no archives, or cannot be written: as archiving itself would. */
export function checkMayArchiveIn(world: World, folder: string, places: LedgerPlaces): void {
  const at = resolve(world.cwd(), folder);
  const above = foldersFrom(world, at);
  const place = reservedAmong(world, above, places) ??
    above.find(({ path }) => basename(path) === BUILDING)?.path;
  if (place !== undefined) {
    throw notThere(folder, `${place} holds the ledger's own files, and theirs alone`, places);
  }
  const { files } = world;
  let there = at;
  while (!files.linkFacts(there)) there = dirname(there);
  // A link that leads nowhere is none either.
  if (!files.facts(there)?.is_folder) throw notThere(folder, `${there} is no folder`, places);
  files.checkScope(at);
  const nearest = above.find(({ identity }) => identity !== undefined)!.path;
  if (nearest !== above[0].path && !isInScope(world, nearest)) return;
  beginReplacement(files, join(nearest, ".ledger"), uniqueName(world)).abandon();
}

/** Whether the chain says that a day's archive has this name, or is this file. */
export function isNamedArchive(world: World, path: string, { dir }: LedgerPlaces): boolean {
  const at = resolve(world.cwd(), path);
  const identity = world.files.facts(at)?.identity;
  const archives = new Set(
    readChain(world, dir).entries.flatMap((entry) =>
      entry.kind === "taken_out" && entry.archive !== undefined
        ? [resolve(world.cwd(), entry.archive)]
        : []
    ),
  );
  if (archives.has(at)) return true;
  if (identity === undefined) return false;
  return [...archives].some((archive) => world.files.facts(archive)?.identity === identity);
}

const RECORDS = new Set(["run.json", "_SUCCESS", "_archived.ndjson"]);

/** Whether a file is a record of some ledger or run, this one or another. */
export function isRecord(world: World, path: string): boolean {
  const at = withoutLinks(world, resolve(world.cwd(), path));
  const folder = basename(dirname(at));
  const in_day = parseDayName(folder) !== undefined;
  const in_events = folder === "events" && /^[._]/.test(basename(at));
  return in_day || in_events || folder.startsWith("run_id=") || RECORDS.has(basename(at));
}

function reservedAmong(
  world: World,
  folders: readonly Folder[],
  { dir, runs_dir }: LedgerPlaces,
): string | undefined {
  const { events, index, traces, run_artifacts } = ledgerPaths(dir);
  const own = [events, index, traces, dirname(run_artifacts), join(dir, ".native")];
  const months = runs_dir === undefined ? [] : (world.files.list(runs_dir) ?? [])
    .filter(({ name }) => /^\d{4}-\d{2}$/.test(name)).map(({ name }) => join(runs_dir, name));
  return [...own, ...months].find((folder) => isAmong(world, folders, folder));
}

function isAmong(world: World, folders: readonly Folder[], wanted: string): boolean {
  const [{ path, identity }] = foldersFrom(world, resolve(world.cwd(), wanted));
  return folders.some((folder) =>
    folder.path === path || identity !== undefined && folder.identity === identity
  );
}

function foldersFrom(world: World, folder: string): Folder[] {
  const folders: Folder[] = [];
  for (let at = withoutLinks(world, folder); folders.at(-1)?.path !== at; at = dirname(at)) {
    folders.push({ path: at, identity: world.files.facts(at)?.identity });
  }
  return folders;
}

/** Where a path really leads, or will lead when it is made. */
function withoutLinks({ files }: World, path: string): string {
  let there = path;
  while (!files.facts(there) && dirname(there) !== there) there = dirname(there);
  return join(files.realPath(there), path.slice(there.length));
}

function isInScope(world: World, path: string): boolean {
  try {
    world.files.checkScope(path);
    return true;
  } catch (error) {
    if (asLedgerError(error)?.code !== "outside_scope") throw error;
    return false;
  }
}

function notThere(folder: string, reason: string, { dir }: LedgerPlaces): LedgerError {
  return new LedgerError({
    code: "usage",
    message: `cannot archive in ${folder}: ${reason}`,
    hint: `nothing was changed; take a folder beside it: --archive ${join(dir, "archive")}`,
  });
}
