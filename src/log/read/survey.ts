/** Survey: sizes, line counts, the newest event, torn tails, recent runs; no line is validated. */
import { blocksOfFile, readFully, withOpenFile } from "../../base/files/durable.ts";
import { asLedgerError } from "../../base/error.ts";
import { DAY_MS } from "../../base/format.ts";
import type { Files } from "../../base/files/seam.ts";
import {
  event_bytes_max,
  findings_shown_max,
  part_looks_max,
  recent_events_bytes,
  recent_parts_max,
  recent_tail_bytes,
} from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import { BadLine, validate } from "../event/validate.ts";
import type { LedgerEvent } from "../event/event.ts";
import { linesOf } from "../../base/files/lines.ts";
import { LogCursor } from "./cursor.ts";
import { openPart } from "./part_file.ts";
import { listDays, type PartExtent, partNamesOf, partsOfDay } from "./parts.ts";
import { readSealed, sealedName, type SealedPart } from "../format/seal_manifest.ts";
import { dayOf, ledgerPaths, parseDayName, partPath } from "../format/layout.ts";

interface DaySurvey {
  day: string;
  parts: number;
  sealed: number;
  /** Whole lines; verify says whether each is an event. */
  events: number;
  /** Of the lines as they were written. */
  bytes: number;
  /** What they take on the disk: less, where parts are compacted. */
  stored_bytes: number;
}

interface TornTail {
  part: string;
  offset: number;
  size_bytes: number;
}

/** An event whose time is more than a day ahead of the clock. */
interface AheadEvent {
  part: string;
  event_id: string;
  event_type: string;
  timestamp_ms: number;
}

export interface LogSurvey {
  days: DaySurvey[];
  parts: number;
  events: number;
  bytes: number;
  stored_bytes: number;
  /** The newest that is not ahead. */
  newest?: LedgerEvent;
  /** How many events are ahead, and the first of them. */
  ahead: number;
  ahead_events: AheadEvent[];
  torn: TornTail[];
}

const NEWLINE = 10;

/** Reads every part once; of a sealed one, only what was noted of it. */
export async function surveyLog(world: World, root: string): Promise<LogSurvey> {
  const survey: LogSurvey = {
    days: [],
    ...{ parts: 0, events: 0, bytes: 0, stored_bytes: 0 },
    ...{ ahead: 0, ahead_events: [], torn: [] },
  };
  const all_ends: PartEnd[] = [];
  for (const day of listDays(world.files, root)) {
    const { of_day, ends, torn } = await surveyDay(world, root, day);
    all_ends.push(...ends);
    survey.torn.push(...torn);
    survey.days.push(of_day);
    for (const count of ["parts", "events", "bytes", "stored_bytes"] as const) {
      survey[count] += of_day[count];
    }
  }
  await noteTimes(world, root, survey, all_ends);
  return survey;
}

async function surveyDay(world: World, root: string, day: string) {
  for (let look = 1;; look++) {
    try {
      return await lookAtDay(world, root, day);
    } catch (error) {
      if (asLedgerError(error)?.code !== "not_found" || look === part_looks_max) throw error;
    }
  }
}

async function lookAtDay(world: World, root: string, day: string) {
  const of_day: DaySurvey = { day, parts: 0, sealed: 0, events: 0, bytes: 0, stored_bytes: 0 };
  const ends: PartEnd[] = [];
  const torn: TornTail[] = [];
  const extents = await partsOfDay(world.files, root, day);
  // Afterwards: what is sealed meanwhile needs no counting, and what was compacted cannot be.
  const sealed = readSealed(world.files, root, day);
  for (const extent of extents) {
    const record = sealed[sealedName(extent.part)];
    const { lines, end } = countLines(world.files, extent, record);
    if (!record && end < extent.size_bytes) {
      torn.push({ part: extent.label, offset: end, size_bytes: extent.size_bytes - end });
    }
    ends.push({ extent, record, end });
    of_day.events += lines;
    of_day.parts++;
    of_day.sealed += record ? 1 : 0;
    of_day.bytes += extent.size_bytes;
    of_day.stored_bytes += extent.compacted?.bytes ?? extent.size_bytes;
  }
  return { of_day, ends, torn };
}

interface PartEnd {
  extent: PartExtent;
  record: SealedPart | undefined;
  end: number;
}

/**
 * Notes the newest of the events that stand last in their parts, and all that are ahead: mostly there is no
 * day in which such an event can be, and then no other line is read.
 */
async function noteTimes(world: World, root: string, survey: LogSurvey, ends: PartEnd[]) {
  const ahead_from_ms = world.now_ms() + DAY_MS;
  const first_day_ahead = dayOf(ahead_from_ms);
  // From the end: then hardly any part that is sealed has to be opened.
  for (const { extent, record, end } of ends.toReversed()) {
    const { label, part: { day } } = extent;
    if (day < first_day_ahead && survey.newest && record) {
      if ((record.last_ms ?? -1) <= survey.newest.timestamp_ms) continue;
    }
    const events = day < first_day_ahead
      ? [await lastEvent(world, extent, end)]
      : eventsOf(world, root, extent);
    for await (const event of events) {
      if (!event) continue;
      const { event_id, event_type, timestamp_ms } = event;
      if (timestamp_ms > ahead_from_ms) {
        if (survey.ahead++ < findings_shown_max) {
          survey.ahead_events.push({ part: label, event_id, event_type, timestamp_ms });
        }
      } else if (!survey.newest || timestamp_ms > survey.newest.timestamp_ms) {
        survey.newest = event;
      }
    }
  }
}

async function* eventsOf(world: World, root: string, extent: PartExtent) {
  for await (const batch of new LogCursor(world, root).batchesOfPart(extent)) {
    for (const record of batch) {
      if (record.kind === "event") yield record.event;
    }
  }
}

/** The whole lines of a part, and where they end: of a sealed one by its record, else by a look. */
export function countLines(
  files: Files,
  { path, size_bytes }: PartExtent,
  sealed: SealedPart | undefined,
): { lines: number; end: number } {
  if (sealed) return { lines: sealed.lines, end: sealed.bytes };
  return withOpenFile(files, path, (file) => {
    let lines = 0, end = 0, at = 0;
    for (const bytes of blocksOfFile(file, size_bytes)) {
      let found = bytes.indexOf(NEWLINE);
      for (; found >= 0; found = bytes.indexOf(NEWLINE, found + 1)) {
        lines++;
        end = at + found + 1;
      }
      at += bytes.length;
    }
    return { lines, end };
  });
}

async function lastEvent(
  world: World,
  extent: PartExtent,
  end: number,
): Promise<LedgerEvent | undefined> {
  if (end === 0) return undefined;
  using part = await openPart(world, extent);
  const start = part.startOfLineBefore(end);
  if (end - 1 - start > event_bytes_max) return undefined;
  const [line] = linesOf(part.bytesBetween(start, end), start);
  const event = line?.text === undefined ? undefined : validate(line.text, line.size_bytes);
  return event instanceof BadLine ? undefined : event;
}

const RUN_ID = /"run_id":("(?:[^"\\]|\\.)*")/g;

export function recentRunIds(files: Files, root: string): string[] {
  const run_ids = new Set<string>();
  for (const path of newestParts(files, root)) {
    const of_part = [...endOf(files, path).matchAll(RUN_ID)].reverse();
    for (const [, text] of of_part) run_ids.add(JSON.parse(text));
  }
  return [...run_ids];
}

/** The last events of some types, those of the newest part first: all without an index. */
export function recentEvents(
  files: Files,
  root: string,
  types: readonly string[],
): LedgerEvent[] {
  return newestParts(files, root).flatMap((path) =>
    endOf(files, path, recent_events_bytes).split("\n").reverse()
      .filter((line) => types.some((type) => line.includes(`"${type}"`)))
      .map((line) => validate(line, line.length))
      .filter((event) => !(event instanceof BadLine) && types.includes(event.event_type))
  ) as LedgerEvent[];
}

export function recentDays(files: Files, root: string): string[] {
  return (files.list(ledgerPaths(root).events) ?? [])
    .flatMap(({ name }) => parseDayName(name) ?? []).sort().reverse();
}

function newestParts(files: Files, root: string): string[] {
  const paths: string[] = [];
  for (const day of recentDays(files, root)) {
    const names = partNamesOf(files, root, day, "jsonl").reverse();
    paths.push(...names.map((name) => partPath(root, { day, ...name })));
    if (paths.length >= recent_parts_max) break;
  }
  return paths.slice(0, recent_parts_max);
}

function endOf(files: Files, path: string, bytes_max = recent_tail_bytes): string {
  return withOpenFile(files, path, (file) => {
    const { size_bytes } = file.facts();
    const length = Math.min(bytes_max, size_bytes);
    return new TextDecoder().decode(readFully(file, new Uint8Array(length), size_bytes - length));
  });
}
