/** Databases for the tests of the door: made through it, opened through it, spoilt behind its back. */
import { join } from "@std/path";
import { type Database, type DoorOptions, openDatabase } from "../../src/duckdb/door.ts";
import { testWorld } from "../harness.ts";

/** Opens a database whose SQL may touch one folder. */
export function openIn(
  folder: string,
  name: string,
  access: "read" | "write",
  different: Partial<DoorOptions> = {},
): Promise<Database> {
  return openDatabase(testWorld(), {
    path: join(folder, name),
    access,
    folders: [folder],
    temp_folder: join(folder, "spill"),
    ...different,
  });
}

/** Makes a database with a table `t` of ten thousand rows; returns its path. */
export async function makeDatabase(folder: string, name: string): Promise<string> {
  await using database = await openIn(folder, name, "write");
  await database.run("create table t as select range as n, 'x' || range as name from range(10000)");
  await database.run("checkpoint");
  return join(folder, name);
}

/** What a database's file begins with; without it, it does not open. */
export const HEAD_BYTES = 12_288;
/** After its head a file consists of blocks, and those of a table are read when it is asked for. */
export const BLOCK_BYTES = 262_144;

/** Flips bits between two offsets, here and there; by default everywhere but in the head. */
export function rot(path: string, from = HEAD_BYTES, to = Infinity): void {
  const bytes = Deno.readFileSync(path);
  for (let at = from; at < Math.min(to, bytes.length); at += 1_000) bytes[at] ^= 0x55;
  Deno.writeFileSync(path, bytes);
}
