/** Event ids that stand in more than one day of `events`: a merge settles what repeats within a day, and no more. */
import { asLedgerError } from "../../base/error.ts";
import { repeated_ids_shown_max } from "../../base/limits.ts";
import type { ObjectStore } from "../store.ts";
import { openTable } from "./checkpoint.ts";
import type { JobFolder } from "./job_folder.ts";
import { lakeTable } from "./lake.ts";
import { isMerged } from "./merge.ts";
import { loadFile } from "./settle.ts";

/** What the table `events` says of its ids. */
export interface RepeatedIds {
  rows: number;
  /** Ids that more than one day has, */
  count: number;
  /** and the first of them. */
  first: { event_id: string; places: string[] }[];
  /** Days with files that no merge has settled yet. */
  unsettled_days: string[];
  /** Files that cannot be read. */
  problems: string[];
}

/** Reads the ids of all events. */
export async function repeatedIds(store: ObjectStore, job: JobFolder): Promise<RepeatedIds> {
  const events = await openTable(store, lakeTable("events"), job.path);
  const files = [...events.snapshot.files.values()];
  const unsettled = files.filter((file) => !isMerged(file)).map(({ log_day }) => log_day);
  const problems: string[] = [];
  return await job.withDatabase(async (database, folder) => {
    await database.run(
      `create table ids (event_id varchar, log_day varchar, box varchar, log_part varchar,
         log_offset bigint)`,
    );
    for (const file of files) {
      try {
        // A file that was merged meanwhile is read as what it became, by the next verification.
        await loadFile(
          database,
          folder,
          events,
          file,
          `insert into ids select event_id, log_day, box, log_part, log_offset from loaded`,
        );
      } catch (error) {
        const problem = asLedgerError(error);
        if (problem?.code !== "damaged") throw error;
        problems.push(problem.message);
      }
    }
    await database.run(
      `create table repeated as select event_id from ids group by event_id
         having count(distinct log_day) > 1`,
    );
    const first = await database.rows<{ event_id: string; places: string }>(
      `select event_id, to_json(list(box || ' ' || log_day || '/' || log_part || ' ' || log_offset
           order by log_day, log_part, box, log_offset))::varchar as places
         from ids semi join (from repeated order by event_id limit ${repeated_ids_shown_max})
         using (event_id) group by event_id order by event_id`,
    );
    const [rows, count] = await Promise.all(
      ["ids", "repeated"].map((name) => database.value(`select count(*) from ${name}`)),
    );
    return {
      rows: Number(rows),
      count: Number(count),
      first: first.map(({ event_id, places }) => ({ event_id, places: JSON.parse(places) })),
      unsettled_days: [...new Set(unsettled)].sort(),
      problems,
    };
  });
}
