/** What a log holds, at a glance: sizes, line counts, the newest event, torn tails. Judges nothing. */
import { readFully } from "../base/durable.ts";
import type { OpenFile } from "../base/files.ts";
import { event_bytes_max, read_bytes } from "../base/limits.ts";
import type { World } from "../base/world.ts";
import { BadLine, judge, type LedgerEvent } from "./event.ts";
import { linesOf } from "./lines.ts";
import { listDays, type PartExtent, partsOfDay } from "./parts.ts";
import { endOfLastLine } from "./repair.ts";

/** One day of a log. */
export interface DaySurvey {
  day: string;
  parts: number;
  /** Whole lines; whether each is an event is what verify tells. */
  events: number;
  bytes: number;
}

/** A part whose last line is not whole. */
export interface TornTail {
  part: string;
  offset: number;
  size_bytes: number;
}

/** A log at a glance. */
export interface LogSurvey {
  days: DaySurvey[];
  parts: number;
  events: number;
  bytes: number;
  newest?: LedgerEvent;
  torn: TornTail[];
}

const NEWLINE = 10;

/** Looks at every part once. */
export async function surveyLog(world: World, root: string): Promise<LogSurvey> {
  const survey: LogSurvey = { days: [], parts: 0, events: 0, bytes: 0, torn: [] };
  for (const day of listDays(world.files, root)) {
    const of_day: DaySurvey = { day, parts: 0, events: 0, bytes: 0 };
    for (const extent of await partsOfDay(world.files, root, day)) {
      const file = world.files.open(extent.path, "read");
      try {
        const { lines, end } = countLines(file, extent.size_bytes);
        if (end < extent.size_bytes) survey.torn.push(tornTail(extent, end));
        survey.newest = newerOf(survey.newest, lastEvent(file, end));
        of_day.events += lines;
      } finally {
        file.close();
      }
      of_day.parts++;
      of_day.bytes += extent.size_bytes;
    }
    survey.days.push(of_day);
    survey.parts += of_day.parts;
    survey.events += of_day.events;
    survey.bytes += of_day.bytes;
  }
  return survey;
}

function tornTail({ label, size_bytes }: PartExtent, end: number): TornTail {
  return { part: label, offset: end, size_bytes: size_bytes - end };
}

function countLines(file: OpenFile, size_bytes: number): { lines: number; end: number } {
  const buffer = new Uint8Array(Math.min(read_bytes, size_bytes));
  let lines = 0;
  let end = 0;
  for (let at = 0; at < size_bytes;) {
    const bytes = readFully(file, buffer.subarray(0, Math.min(buffer.length, size_bytes - at)), at);
    if (bytes.length === 0) break;
    for (
      let found = bytes.indexOf(NEWLINE);
      found >= 0;
      found = bytes.indexOf(NEWLINE, found + 1)
    ) {
      lines++;
      end = at + found + 1;
    }
    at += bytes.length;
  }
  return { lines, end };
}

/** The event in the last whole line of a part, when there is one. */
function lastEvent(file: OpenFile, end: number): LedgerEvent | undefined {
  if (end === 0) return undefined;
  const start = endOfLastLine(file, end - 1);
  if (end - 1 - start > event_bytes_max) return undefined;
  const bytes = readFully(file, new Uint8Array(end - start), start);
  const [line] = linesOf(bytes, start);
  const verdict = line?.text === undefined ? undefined : judge(line.text, line.size_bytes);
  return verdict instanceof BadLine ? undefined : verdict;
}

function newerOf(a: LedgerEvent | undefined, b: LedgerEvent | undefined) {
  if (!a || !b) return a ?? b;
  return b.timestamp_ms >= a.timestamp_ms ? b : a;
}
