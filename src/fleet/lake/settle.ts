/**
 * Settlement of repeated ids: of the rows of a day's `events` that have one id, one counts, and the table
 * `duplicates` names the others, each with the one that counts. Rows are only ever added there: a row that counts
 * goes on to count. A day is settled before its files are merged; a file that a merge made holds settled rows.
 */
import { basename, join } from "@std/path";
import { literal } from "../../duckdb/sandbox.ts";
import type { Database } from "../../duckdb/connection.ts";
import type { OpenTable } from "./checkpoint.ts";
import { fetchDataFiles, putDataFiles } from "./data_files.ts";
import type { JobFolder } from "./job_folder.ts";
import { isMerged } from "./merge.ts";
import type { DataFile } from "./table.ts";

/** Settles a day. Returns how many rows were found not to count; undefined where another job did so meanwhile. */
export async function settleDay(
  job: JobFolder,
  events: OpenTable,
  duplicates: OpenTable,
  log_day: string,
): Promise<number | undefined> {
  const { table, snapshot } = duplicates;
  const app = `day=${log_day}`;
  const before = snapshot.watermarks.get(app);
  return await job.withDatabase(async (database, folder) => {
    await database.run(
      `create table candidates (event_id varchar, box varchar, log_part varchar, log_offset bigint,
         is_settled boolean);
       create table known (event_id varchar, box varchar, log_part varchar, log_offset bigint,
         counts_box varchar, counts_log_part varchar, counts_log_offset bigint)`,
    );
    const of_day = filesOf(events, log_day);
    const loads = [
      ...of_day.filter((file) => !isMerged(file)).map((file) => [events, file, FRESH] as const),
      // Settled rows matter where one of the others has their id.
      ...of_day.filter(isMerged).map((file) => [events, file, SETTLED] as const),
      ...filesOf(duplicates, log_day).map((file) => [duplicates, file, KNOWN] as const),
    ];
    for (const [from, file, sql] of loads) {
      if (!await loadFile(database, folder, from, file, sql)) return undefined;
    }
    await database.run(COPIES);
    const count = Number(await database.value("select count(*) from copies"));
    if (count === 0) return 0;
    const relation = `(select *, ${literal(log_day)} as log_day,
      date ${literal(log_day)} as counts_log_day from copies)`;
    const is_done = await table.commitWhile(snapshot, {
      add: await putDataFiles(table.store, database, table.table, relation, folder),
      // Two jobs that settle a day at once: the second begins anew, from what the first found.
      watermarks: new Map([[app, (before ?? 0) + 1]]),
      is_data_change: true,
      operation: "WRITE",
    }, () => snapshot.watermarks.get(app) === before);
    return is_done ? count : undefined;
  });
}

const PLACE = "event_id, box, log_part, log_offset";
const FRESH = `insert into candidates select ${PLACE}, false from loaded`;
const SETTLED = `insert into candidates select ${PLACE}, true from loaded
  semi join (select event_id from candidates where not is_settled) using (event_id)`;
const KNOWN = `insert into known
  select ${PLACE}, counts_box, counts_log_part, counts_log_offset from loaded`;

/** A row that counts already goes first, then a settled one, then the first in (part, box, offset). */
const COPIES = `
  create table copies as
  with unsettled as (
    select * from candidates anti join known using (${PLACE})
  ), repeated as (
    select * from unsettled
    semi join (select event_id from unsettled group by event_id having count(*) > 1) using (event_id)
  ), ranked as (
    select r.*, row_number() over (
      partition by event_id
      order by k.event_id is null, not is_settled, r.log_part, r.box, r.log_offset) as place
    from repeated r left join (
      select distinct event_id, counts_box as box, counts_log_part as log_part,
        counts_log_offset as log_offset from known
    ) k using (${PLACE})
  )
  select copy.event_id, copy.box, copy.log_part, copy.log_offset, kept.box as counts_box,
    kept.log_part as counts_log_part, kept.log_offset as counts_log_offset
  from ranked copy join ranked kept using (event_id)
  where copy.place > 1 and kept.place = 1`;

function filesOf({ snapshot }: OpenTable, log_day: string): DataFile[] {
  return snapshot.files.values().filter((file) => file.log_day === log_day).toArray();
}

/** Runs a statement on the rows of one file, `loaded`; false where it is no part of its table any more. */
export async function loadFile(
  database: Database,
  folder: string,
  { table, snapshot }: OpenTable,
  file: DataFile,
  sql: string,
): Promise<boolean> {
  const relation = await fetchDataFiles(table, snapshot, [file], folder);
  if (relation === undefined) return false;
  await database.run(`create or replace temp view loaded as from ${relation}; ${sql}`);
  table.store.world.files.remove(join(folder, basename(file.path)));
  return true;
}
