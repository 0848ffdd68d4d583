/** The tables of a fleet in a store in this process. */
import { openTable } from "../../src/fleet/lake/checkpoint.ts";
import { lakeTable } from "../../src/fleet/lake/lake.ts";
import type { TableSnapshot } from "../../src/fleet/lake/table.ts";
import { type FleetLab, openStore } from "./fleets.ts";
import { assertTablesAreUnion, type Rows, rowsOfTable as readRows } from "./tables.ts";

/** A table as its log says it is. */
export async function snapshotOf(
  { strict, folder }: FleetLab,
  name: string,
): Promise<TableSnapshot> {
  using store = openStore(strict);
  return (await openTable(store, lakeTable(name), folder)).snapshot;
}

/** The rows of a table, read from the files that its log says are its own. */
export async function rowsOfTable({ strict, folder }: FleetLab, name: string): Promise<Rows> {
  using store = openStore(strict);
  return await readRows(store, name, folder);
}

/** Fails unless the tables of events hold each row of each box once, and nothing else. */
export async function assertIsUnion({ strict, boxes, folder }: FleetLab): Promise<void> {
  using store = openStore(strict);
  await assertTablesAreUnion(store, boxes, folder);
}
