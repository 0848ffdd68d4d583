/** Where things are in a ledger folder: names <-> (day, part, writer). No other file builds or parses a name. */
import { join } from "@std/path";
import { DAY_MS, isDay } from "../../base/format.ts";
import { LedgerError, quoted } from "../../base/error.ts";
import { writer_chars_max } from "../../base/limits.ts";

/** A part of the log: a day, a number, and the writer it is private to ("" when it is shared). */
export interface PartId {
  day: string;
  number: number;
  writer: string;
}

/** A file in a day's folder that holds, or held, a part. */
export interface PartName {
  number: number;
  writer: string;
  format: "jsonl" | "parquet";
}

export function ledgerPaths(root: string) {
  const events = join(root, "events");
  return {
    root,
    events,
    schema: join(events, "_schema.json"),
    schema_lock: join(events, ".schema.lock"),
    quarantine: join(events, "_quarantine"),
    run_artifacts: join(root, "artifacts", "runs"),
    index: join(root, "index"),
    traces: join(root, "traces"),
    /** What was pulled of a fleet; it is no log. */
    fleet_cache: join(root, "fleet", "cache"),
    fleet_index: join(root, "fleet", "cache", "index", "fleet.duckdb"),
  };
}

export function dayFolder(root: string, day: string): string {
  return join(root, "events", `day=${day}`);
}

export const SEALED_NAME = "_sealed.json";

/** The lock that is taken to change a part of the day; a private writer has its own. */
export function dayLockName(writer: string): string {
  return writer === "" ? ".lock" : `.${writer}.lock`;
}

/** The writer whose lock a file name stands for; undefined when it is no lock. */
export function parseLockName(name: string): string | undefined {
  return /^\.(?:(.+)\.)?lock$/.exec(name)?.slice(1).map((writer) => writer ?? "")[0];
}

/** A folder beside the days for what is on its way out of the log, or back. No reader opens it. */
export function tempName(way: "gone" | "back", day: string, unique: string): string {
  return `_${way}-day=${day}.${unique}`;
}

export function parseTempName(way: "gone" | "back", name: string): string | undefined {
  const day = new RegExp(`^_${way}-day=([^.]+)\\.`).exec(name)?.[1];
  return day !== undefined && isDay(day) ? day : undefined;
}

/** `part-000001`, or `part-000001.W` for writer W. */
export function partStem(part: Omit<PartId, "day">): string {
  const stem = `part-${String(part.number).padStart(6, "0")}`;
  return part.writer === "" ? stem : `${stem}.${part.writer}`;
}

export function partPath(root: string, part: PartId): string {
  return join(dayFolder(root, part.day), `${partStem(part)}.jsonl`);
}

export function parquetName(part: Omit<PartId, "day">): string {
  return `${partStem(part)}.parquet`;
}

/** `day=2026-01-23/part-000001.jsonl`, as messages name a part. */
export function partLabel(part: PartId): string {
  return `day=${part.day}/${partStem(part)}.jsonl`;
}

const PART_NAME = /^part-(\d{6,15})(?:\.([A-Za-z0-9][A-Za-z0-9._-]*))?\.(jsonl|parquet)$/;
const DAY_NAME = /^day=(\d{4}-\d{2}-\d{2})$/;

export function parsePartName(name: string): PartName | undefined {
  const match = PART_NAME.exec(name);
  if (!match) return undefined;
  const [, digits, writer = "", format] = match;
  return { number: Number(digits), writer, format: format as PartName["format"] };
}

export function parseDayName(name: string): string | undefined {
  const day = DAY_NAME.exec(name)?.[1];
  return day !== undefined && isDay(day) ? day : undefined;
}

let cached_day_number = -1;
let cached_day = "";

export function dayOf(timestamp_ms: number): string {
  const day_number = Math.floor(timestamp_ms / DAY_MS);
  if (day_number !== cached_day_number) {
    cached_day = new Date(day_number * DAY_MS).toISOString().slice(0, 10);
    cached_day_number = day_number;
  }
  return cached_day;
}

export function comparePartNames(a: Omit<PartId, "day">, b: Omit<PartId, "day">): number {
  return a.number - b.number || (a.writer < b.writer ? -1 : a.writer > b.writer ? 1 : 0);
}

const WRITER_NAME = /^[A-Za-z0-9][A-Za-z0-9_-]*$/;

export function parsePartLabel(label: string): PartId | undefined {
  const [folder, file = "", ...more] = label.split("/");
  const day = parseDayName(folder);
  const name = parsePartName(file);
  if (!day || !name || more.length > 0) return undefined;
  return { day, number: name.number, writer: name.writer };
}

export function checkWriterName(writer: string): string {
  if (WRITER_NAME.test(writer) && writer.length <= writer_chars_max) return writer;
  throw new LedgerError({
    code: "invalid",
    message: `cannot write as ${quoted(writer)}: a writer's name has 1 to ${writer_chars_max} ` +
      `letters, digits, "-" or "_", and begins with a letter or digit`,
    hint: "a host name and a task number make a good one, such as node7-42",
  });
}

/** The writer's name that comes nearest to a text, such as a host's full name; undefined when none does. */
export function writerNameFrom(text: string): string | undefined {
  const name = text.replaceAll(/[^A-Za-z0-9_-]+/g, "-").replace(/^[_-]+/, "");
  return name.slice(0, writer_chars_max).replace(/-+$/, "") || undefined;
}

export function quarantineName(part: PartId, offset: number, kind: "torn" | "corrupt"): string {
  return `day=${part.day}.${partStem(part)}.at-${offset}.${kind}`;
}
