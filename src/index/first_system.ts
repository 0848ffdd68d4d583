/**
 * Recognition: the first system kept its own `runs.duckdb` where this index is. It is known by its tables,
 * never answered from, and never overwritten: the builder renames it, whole, to a name of its own.
 */
import { asLedgerError, LedgerError } from "../base/error.ts";
import { type Database, openDatabase } from "../duckdb/connection.ts";
import type { SnapshotStore } from "../duckdb/snapshot_swap.ts";

/** How many names are tried for files that are set aside. */
const NAMES_MAX = 1_000;

const IS_OF_FIRST_SYSTEM = `
select count(*) filter (table_name = 'runs_d') > 0
  and count(*) filter (table_name = 'index_facts') = 0
from duckdb_tables() where database_name = $1`;

/** Renames the live file if the first system made it. The caller holds the index's lock. */
export async function setFirstSystemAside(
  store: SnapshotStore,
  onNotice: (message: string) => void = () => {},
): Promise<void> {
  const { world, path, work_folder } = store;
  const { files } = world;
  if (!files.linkFacts(path)?.is_file || store.isAsPublished()) return;
  try {
    await using database = await openDatabase(world, {
      path,
      access: "read",
      folders: [],
      temp_folder: work_folder,
    });
    if (!await isOfFirstSystem(database)) return;
  } catch (error) {
    // What cannot be opened is set aside under another name, or replaced, by the build itself.
    if (asLedgerError(error)) return;
    throw error;
  }
  const named = freeName(store);
  // What it had not taken in yet belongs to it.
  if (files.linkFacts(`${path}.wal`)) files.rename(`${path}.wal`, `${named}.wal`);
  files.rename(path, named);
  files.syncFolder(store.folder);
  onNotice(`${path} was made by the first system: it is kept as ${named}, and an index is built`);
}

function freeName({ world: { files }, path }: SnapshotStore): string {
  for (let n = 1; n < NAMES_MAX; n++) {
    const named = `${path}.first-system${n === 1 ? "" : `-${n}`}`;
    if (!files.linkFacts(named)) return named;
  }
  throw new LedgerError({
    code: "invalid",
    message:
      `cannot set ${path} aside: all names up to ${path}.first-system-${NAMES_MAX} are taken`,
    where: { path },
    hint: "the first system builds its index there again and again: give it another place",
  });
}

async function isOfFirstSystem(database: Database, name = "runs"): Promise<boolean> {
  return await database.value<boolean>(IS_OF_FIRST_SYSTEM, [name]);
}

/** Refuses to answer from a file that the first system made, in a database that has it open as `runs`. */
export async function refuseFirstSystem(database: Database, path: string): Promise<void> {
  if (!await isOfFirstSystem(database)) return;
  throw new LedgerError({
    code: "invalid",
    message: `${path} was made by the first system: it is no index of this log`,
    where: { path },
    hint: "to keep it under another name and build an index: ledger rebuild",
  });
}
