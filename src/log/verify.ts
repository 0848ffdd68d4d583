/**
 * Is the log whole? Reads every line, says what is torn or corrupt and where; with `repair` takes the
 * damage out of the way (see `repair.ts`); with `deep` also asks what single lines cannot show.
 */
import { join } from "@std/path";
import { readFully } from "../base/durable.ts";
import type { Files, OpenFile } from "../base/files.ts";
import { lock_wait_ms } from "../base/limits.ts";
import type { World } from "../base/world.ts";
import { fieldsAreRight, isBuiltIn } from "./event.ts";
import {
  dayFolder,
  dayLockName,
  dayOf,
  ledgerPaths,
  parseDayName,
  parsePartName,
  type PartId,
  partPath,
} from "./layout.ts";
import { hash53 } from "./hash.ts";
import { DayLock } from "./lock.ts";
import { partsOfDay } from "./parts.ts";
import { type DamageRecord, type EventRecord, LogCursor } from "./read.ts";
import type { Registry } from "./registry.ts";
import { endOfLastLine, isInQuarantine, moveTornTail, quarantine } from "./repair.ts";

/** How thoroughly, and whether to mend. */
export interface VerifyOptions {
  repair?: boolean;
  deep?: boolean;
  /** Told after each day. */
  onDay?: (day: string) => void;
}

/** One thing that is not as it should be. */
export interface Finding {
  kind: "torn" | "corrupt" | "wrong_fields" | "wrong_day" | "not_a_part";
  /** `day=2026-01-23/part-000001.jsonl`, or the name of what is not a part. */
  part: string;
  offset: number;
  size_bytes: number;
  reason: string;
  /** Where its bytes are kept safe, once they are. */
  quarantined_as?: string;
}

/** What verify found. */
export interface VerifyReport {
  days: number;
  parts: number;
  events: number;
  bytes: number;
  /** Events that share their id with an earlier one: kept in the log, counted once in the index. */
  duplicates?: number;
  /** Events of types that are neither built in nor registered: valid history. */
  unknown_type_events: number;
  /** What wants attention. Empty when the log is whole, or when repair has made it so. */
  findings: Finding[];
  /** Damage that is in quarantine, so that nothing more can be done about it. */
  settled: Finding[];
}

/** Reads the whole log and reports. */
export async function verifyLog(
  world: World,
  root: string,
  registry: Registry,
  options: VerifyOptions = {},
): Promise<VerifyReport> {
  const report: VerifyReport = {
    days: 0,
    parts: 0,
    events: 0,
    bytes: 0,
    unknown_type_events: 0,
    findings: [],
    settled: [],
  };
  for (const name of namesNobodyReads(world.files, root)) {
    const reason = "not the name of a part: nothing reads it";
    report.findings.push({ kind: "not_a_part", part: name, offset: 0, size_bytes: 0, reason });
  }
  const ids = options.deep ? new IdHashes() : undefined;
  const cursor = new LogCursor(world, root);
  for (const day of cursor.days()) {
    for await (const batch of cursor.batches([day])) {
      for (const record of batch) {
        if (record.kind === "event") {
          report.events++;
          countType(report, registry, record);
          ids?.add(record.event.event_id);
          if (options.deep) report.findings.push(...deepFindings(record, registry));
        } else await takeDamage(world, root, record, report, options.repair ?? false);
      }
    }
    for (const { size_bytes } of await partsOfDay(world.files, root, day)) {
      report.parts++;
      report.bytes += size_bytes;
    }
    report.days++;
    options.onDay?.(day);
  }
  if (ids) report.duplicates = ids.countDuplicates();
  return report;
}

/** A part under a wrong name would be lost without a word, since readers go by names. */
function namesNobodyReads(files: Files, root: string): string[] {
  const { events } = ledgerPaths(root);
  const strange: string[] = [];
  for (const { name, is_folder } of files.list(events) ?? []) {
    const day = is_folder ? parseDayName(name) : undefined;
    if (day === undefined) {
      if (!/^[._]/.test(name)) strange.push(name);
      continue;
    }
    for (const entry of files.list(dayFolder(root, day)) ?? []) {
      const known = entry.is_file && parsePartName(entry.name) !== undefined;
      if (!known && !/^[._]/.test(entry.name)) strange.push(`${name}/${entry.name}`);
    }
  }
  return strange.sort();
}

function countType(report: VerifyReport, registry: Registry, { event }: EventRecord): void {
  const { event_type } = event;
  if (!isBuiltIn(event_type) && !registry.types.has(event_type)) report.unknown_type_events++;
}

function deepFindings(record: EventRecord, registry: Registry): Finding[] {
  const { event, part, label, offset, size_bytes } = record;
  const findings: Finding[] = [];
  const found = (kind: Finding["kind"], reason: string) =>
    findings.push({ kind, part: label, offset, size_bytes, reason });
  if (isBuiltIn(event.event_type) && !fieldsAreRight(event, event.event_type)) {
    found("wrong_fields", `not the fields of ${event.event_type}: left out of its table`);
  }
  const problem = registry.problemOf(registry.upcast(event));
  if (problem) found("wrong_fields", `not as ${event.event_type} is registered: ${problem}`);
  const day = dayOf(event.timestamp_ms);
  if (day !== part.day) found("wrong_day", `its time is of ${day}: --since and --day miss it`);
  return findings;
}

async function takeDamage(
  world: World,
  root: string,
  record: DamageRecord,
  report: VerifyReport,
  repair: boolean,
): Promise<void> {
  const { kind, part, label, offset, size_bytes, reason } = record;
  const finding: Finding = { kind, part: label, offset, size_bytes, reason };
  if (kind === "torn") {
    if (repair) finding.quarantined_as = await repairTornTail(world, root, part);
  } else {
    const bytes = bytesOf(world, root, record);
    if (repair) finding.quarantined_as = quarantine(world, root, part, offset, "corrupt", bytes);
    else if (isInQuarantine(world.files, root, part, offset, bytes)) {
      finding.quarantined_as = "in quarantine since an earlier repair";
    }
  }
  (finding.quarantined_as ? report.settled : report.findings).push(finding);
}

function bytesOf(world: World, root: string, { part, offset, size_bytes }: DamageRecord) {
  return withPart(
    world,
    root,
    part,
    "read",
    (file) => readFully(file, new Uint8Array(size_bytes), offset),
  );
}

/** Looks again under the lock: what looked torn may have been repaired by a writer meanwhile. */
async function repairTornTail(world: World, root: string, part: PartId): Promise<string> {
  const path = join(dayFolder(root, part.day), dayLockName(part.writer));
  const lock = new DayLock(world, path, part.writer !== "", lock_wait_ms);
  await lock.take();
  try {
    return withPart(world, root, part, "append", (file) => {
      const { size_bytes } = file.facts();
      if (endOfLastLine(file, size_bytes) === size_bytes) return "repaired by a writer meanwhile";
      return moveTornTail(world, root, part, file, size_bytes).quarantined_as;
    });
  } finally {
    lock.close();
  }
}

function withPart<T>(
  world: World,
  root: string,
  part: PartId,
  mode: "read" | "append",
  body: (file: OpenFile) => T,
): T {
  const file = world.files.open(partPath(root, part), mode);
  try {
    return body(file);
  } finally {
    file.close();
  }
}

/** Counts equal ids in 8 bytes each: by a 53-bit hash, so that ten million ids fit into memory. */
class IdHashes {
  #hashes = new Float64Array(1024);
  #count = 0;

  add(id: string): void {
    if (this.#count === this.#hashes.length) {
      const larger = new Float64Array(this.#count * 2);
      larger.set(this.#hashes);
      this.#hashes = larger;
    }
    this.#hashes[this.#count++] = hash53(id);
  }

  countDuplicates(): number {
    const sorted = this.#hashes.subarray(0, this.#count).sort();
    let duplicates = 0;
    for (let at = 1; at < sorted.length; at++) if (sorted[at] === sorted[at - 1]) duplicates++;
    return duplicates;
  }
}
