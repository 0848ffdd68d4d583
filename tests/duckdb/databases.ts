/** Databases for the tests of connections: made by one, opened by one, damaged past it. */
import { assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { systemFiles } from "../../src/base/files/system_files.ts";
import {
  type ConnectionOptions,
  type Database,
  openDatabase,
} from "../../src/duckdb/connection.ts";
import { testWorld } from "../harness.ts";

/** Opens a database whose SQL may touch one folder. */
export function openIn(
  folder: string,
  name: string,
  access: "read" | "write",
  different: Partial<ConnectionOptions> = {},
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

/** Changes a database as another program with such a connection would. */
export async function change(path: string, sql: string): Promise<void> {
  await using database = await openDatabase(testWorld(), {
    path,
    access: "write",
    folders: [],
    temp_folder: `${path}.tmp`,
  });
  await database.run(sql);
  await database.run("checkpoint");
}

/** Makes what stands there pass for what was published: only a look into it can tell. */
export function passForPublished(path: string): void {
  const facts = systemFiles().facts(path)!;
  const stamp = `${facts.identity} ${facts.size_bytes} ${facts.modified_ms}\n`;
  Deno.writeTextFileSync(`${path}.published`, stamp);
}

/** Something that a live file may be found as, and how it comes to that. */
export interface Damage {
  what: string;
  damage(path: string): void | Promise<void>;
}

/** What may have become of a live file; `to_other_version` is the SQL that makes it one of another version. */
export function damages(to_other_version: string): Damage[] {
  const of_content: Record<string, Damage["damage"]> = {
    "truncated to half": (path) => Deno.truncateSync(path, Deno.statSync(path).size >> 1),
    "truncated within its head": (path) => Deno.truncateSync(path, 100),
    "of zero bytes": (path) => Deno.truncateSync(path, 0),
    "garbage": (path) => Deno.writeTextFileSync(path, "garbage ".repeat(10_000)),
    "rotten in places": (path) => rot(path),
    "of another version": (path) => change(path, to_other_version),
  };
  const of_kind: Record<string, Damage["damage"]> = {
    "a folder": (path) => {
      Deno.removeSync(path);
      Deno.mkdirSync(join(path, "with", "something"), { recursive: true });
    },
    "a link to nowhere": (path) => {
      Deno.removeSync(path);
      Deno.symlinkSync("/nowhere", path);
    },
  };
  const all = Object.entries({ ...of_content, ...of_kind })
    .map(([what, damage]) => ({ what: `${what} (as the damage left it)`, damage }));
  const published = Object.entries(of_content).map(([what, damage]) => ({
    what: `${what} (as if it had been published so)`,
    damage: async (path: string) => {
      await damage(path);
      passForPublished(path);
    },
  }));
  return [...all, ...published];
}

/** Fails unless a command went well, said in one line why it built something anew, and kept the old file. */
export function assertSetAside(
  path: string,
  name: string,
  { code, stderr }: { code: number; stderr: string },
): void {
  assertEquals(code, 0, stderr);
  assertEquals(stderr.trimEnd().split("\n").length, 1, stderr);
  assertMatch(
    stderr,
    new RegExp(`^building ${name} anew: .*; the old file is kept as .*aside$`, "m"),
  );
  Deno.lstatSync(`${path}.set-aside`);
}
