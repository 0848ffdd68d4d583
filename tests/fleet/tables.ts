/** Tables of a fleet beside the indexes of its boxes: their rows, to be compared. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { openDatabase } from "../../src/duckdb/connection.ts";
import { openTable } from "../../src/fleet/lake/checkpoint.ts";
import { lakeTable } from "../../src/fleet/lake/lake.ts";
import type { ObjectStore } from "../../src/fleet/store.ts";
import { Ledger } from "../../src/ledger/ledger.ts";

export type Rows = Record<string, unknown>[];

/** The rows of a table, read from the files that its log says are its own. */
export async function rowsOfTable(
  store: ObjectStore,
  name: string,
  folder: string,
): Promise<Rows> {
  const work_folder = join(folder, "read");
  Deno.mkdirSync(work_folder, { recursive: true });
  const { table, snapshot: { files } } = await openTable(store, lakeTable(name), work_folder);
  const rows: Rows = [];
  await using database = await openDatabase(store.world, {
    path: ":memory:",
    access: "write",
    folders: [work_folder],
    temp_folder: join(work_folder, "spill"),
  });
  for (const { path, log_day, stats } of files.values()) {
    const local = join(work_folder, path.replaceAll("/", "_"));
    Deno.writeFileSync(local, (await store.get(`${table.folder}${path}`))!);
    const found = await database.rows(`select *, '${log_day}' as log_day from '${local}'`);
    assertEquals(JSON.parse(stats).numRecords, found.length);
    for (const row of found) rows.push(row);
  }
  return ordered(rows);
}

/** The same rows, as the boxes' own indexes have them. */
async function rowsOfBoxes(boxes: readonly { dir: string; name: string }[], sql: string) {
  const rows: Rows = [];
  for (const box of boxes) {
    await using ledger = new Ledger({ dir: box.dir });
    if (!ledger.exists()) continue;
    await ledger.sync();
    await using index = await ledger.openIndex();
    for (const row of await index.rows(sql)) rows.push({ box: box.name, ...row });
  }
  return ordered(rows);
}

export function ordered(rows: Rows): Rows {
  const text = (row: Record<string, unknown>) =>
    JSON.stringify(
      Object.entries(row).sort(),
      (_, value) => typeof value === "bigint" ? String(value) : value,
    );
  return rows.map((row) => [text(row), row] as const)
    .sort(([one], [other]) => one < other ? -1 : 1)
    .map(([, row]) => Object.fromEntries(Object.entries(row).sort()));
}

const EVENTS = `select event_id, event_type, run_id, timestamp_ms, correlation_id, causation_id,
  log_part, log_offset, fields_ok, payload::varchar as payload, log_day from events`;
const TRIALS = `select run_id, trial_id, timestamp_ms as recorded_at_ms, params::varchar as params,
  metrics::varchar as metrics, event_id, log_part, log_offset, log_day from trial_events`;

/** Fails unless the tables of events hold each row of each box once, and nothing else. */
export async function assertTablesAreUnion(
  store: ObjectStore,
  boxes: readonly { dir: string; name: string }[],
  folder: string,
): Promise<void> {
  for (const [name, sql] of [["events", EVENTS], ["trials", TRIALS]] as const) {
    assertEquals(await rowsOfTable(store, name, folder), await rowsOfBoxes(boxes, sql));
  }
}
