/**
 * Is the log whole? Reads every line that is not sealed, says what is torn or corrupt and where; with
 * `repair` takes the damage out of the way (see `repair.ts`); with `deep` also asks what single lines
 * cannot show. Of sealed parts it proves that no byte has changed (see `verify_sealed.ts`).
 */
import { asLedgerError, LedgerError } from "../../base/error.ts";
import type { Files } from "../../base/files/seam.ts";
import { CONTROL_CHARACTER } from "../../base/format.ts";
import type { World } from "../../base/world.ts";
import { type Chain, chainPath, readChain, withChainLock } from "../format/chain.ts";
import { isBuiltIn } from "../event/event.ts";
import { type DamageRecord, diagnosticsOf, type EventRecord, LogCursor } from "../read/cursor.ts";
import { IdHashes } from "./id_hashes.ts";
import { ledgerPaths, parsePartLabel } from "../format/layout.ts";
import { concurrentlyRemoved, openPart } from "../read/part_file.ts";
import { type PartExtent, partsOfDay, unrecognizedFiles } from "../read/parts.ts";
import type { Registry } from "../event/registry.ts";
import { chainNotes, NOT_BOUND, registryFindings } from "./verify_registry.ts";
import { isInQuarantine, quarantine, repairTornTail } from "../format/torn_tail.ts";
import {
  readSealed,
  sealedName,
  type SealedPart,
  type SealedParts,
} from "../format/seal_manifest.ts";
import {
  chainAtRest,
  changeOfKept,
  changeOfPart,
  labelled,
  partsOrFinding,
  removedParts,
  sealedOrFinding,
  type SealFinding,
  verifyChain,
} from "./verify_sealed.ts";
import { finishDays, unfinishedDays } from "./unfinished_days.ts";

/** How thoroughly, and whether to mend. */
export interface VerifyOptions {
  repair?: boolean;
  /** Also what single lines cannot show, and the chain of the sealed parts. */
  deep?: boolean;
  /** Judge the lines of sealed parts again too, which their digests make needless. */
  lines?: boolean;
  /** Told after each day. */
  onDay?: (day: string) => void;
  /** Told how many bytes have been read, and of how many. */
  onProgress?: (done_bytes: number, total_bytes: number) => void;
}

/** One thing that is not as it should be. */
export interface Finding {
  kind:
    | "torn"
    | "corrupt"
    | "wrong_fields"
    | "wrong_day"
    | "not_a_part"
    | "unfinished"
    | SealFinding["kind"]
    /** Of a write-ahead file of traces. */
    | "corrupt_trace";
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
  /** Of the lines as they were written. */
  bytes: number;
  /** Parts that are sealed and are what they were, and the bytes of their lines. */
  proven: { parts: number; bytes: number };
  /** The last seal of the chain: noted elsewhere, it proves all that is sealed. */
  head?: { number: number; seal: string };
  /** Parts that the chain says were taken out, and how many of them went into archives. */
  away?: { parts: number; archived: number };
  /** Events that were read and have the id of an earlier one: the log keeps both, the index one. */
  duplicates?: number;
  /** Events that were read whose id has control characters: valid history, no longer emitted. */
  ids_with_control_characters?: number;
  /** Events of types that are neither built in nor registered: valid history. */
  unknown_type_events: number;
  /** What is as it should be, and worth knowing: entries of later versions, a registry not bound yet. */
  notes: string[];
  /** What wants attention. Empty when the log is whole, or when repair has made it so. */
  findings: Finding[];
  /** Damage that is in quarantine, so that nothing more can be done about it. */
  settled: Finding[];
}

const NEWLINE_BYTES = 1;

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
    proven: { parts: 0, bytes: 0 },
    unknown_type_events: 0,
    notes: [],
    findings: [],
    settled: [],
  };
  for (const name of unrecognizedFiles(world.files, root)) {
    const reason = "not the name of a part: nothing reads it";
    report.findings.push({ kind: "not_a_part", part: name, offset: 0, size_bytes: 0, reason });
  }
  if (options.repair && (await unfinishedDays(world, root)).length > 0) {
    await withChainLock(world, root, () => finishDays(world, root));
  }
  for (const name of await unfinishedDays(world, root)) {
    const reason = "a day that was on its way when somebody was killed, nobody reads it: `ledger " +
      "seal` puts back what is in no archive, and removes the rest";
    report.findings.push({ kind: "unfinished", part: name, offset: 0, size_bytes: 0, reason });
  }
  await new Verification(world, root, registry, options, report).run();
  return report;
}

/** What is not as it was. */
interface Changes {
  change?: SealFinding;
  kept?: SealFinding;
}

class Verification {
  readonly #cursor: LogCursor;
  readonly #ids?: IdHashes;
  readonly #records = new Map<string, SealedPart>();
  readonly #present = new Set<string>();
  /** Of whole parts. */
  #done_bytes = 0;
  #total_bytes = 0;

  constructor(
    readonly world: World,
    readonly root: string,
    readonly registry: Registry,
    readonly options: VerifyOptions,
    readonly report: VerifyReport,
  ) {
    this.#cursor = new LogCursor(world, root);
    if (options.deep) this.#ids = new IdHashes();
  }

  async run(): Promise<void> {
    const { world, root, options, report } = this;
    const days = this.#cursor.days();
    if (options.onProgress) this.#total_bytes = await bytesOfDays(world.files, root, days);
    for (const day of days) {
      const { sealed, finding } = sealedOrFinding(world, root, day);
      if (finding) report.findings.push(finding);
      for (const [label, record] of labelled(day, sealed)) this.#records.set(label, record);
      await this.#verifyDay(day, sealed);
      report.days++;
      options.onDay?.(day);
    }
    await this.#verifyChain();
    if (this.#ids) report.duplicates = this.#ids.countDuplicates();
  }

  async #verifyChain(): Promise<void> {
    const { world, root, report, options } = this;
    // Where nothing was ever sealed there is no lock to take, and looking should make none.
    if (this.#records.size === 0 && !world.files.facts(chainPath(root))) {
      if (options.deep && world.files.facts(ledgerPaths(root).schema)) report.notes.push(NOT_BOUND);
      return;
    }
    const { chain, is_still } = options.deep
      ? await chainAtRest(world, root)
      : { chain: readChain(world, root), is_still: false };
    await this.#lookAgain(chain);
    report.findings.push(...removedParts(this.#records, this.#present, chain.away));
    const last = chain.entries.at(-1);
    if (last) report.head = { number: last.number, seal: last.seal };
    const away = [...chain.away.values()];
    const archived = away.filter(({ archive }) => archive !== undefined).length;
    if (away.length > 0) report.away = { parts: away.length, archived };
    if (!options.deep) return;
    report.findings.push(...verifyChain(chain, this.#records, this.#present, is_still));
    report.findings.push(...registryFindings(world, root, chain, is_still));
    report.notes.push(...chainNotes(chain));
  }

  /** What was sealed, or came back, since its day was looked at is not missing: its day knows it now. */
  async #lookAgain({ seals, away }: Chain): Promise<void> {
    const { world, root } = this;
    const missed = seals.filter(({ part }) =>
      !away.has(part) && !(this.#records.has(part) && this.#present.has(part))
    );
    for (const day of new Set(missed.map(({ part }) => parsePartLabel(part)!.day))) {
      const { sealed } = sealedOrFinding(world, root, day);
      for (const [label, record] of labelled(day, sealed)) this.#records.set(label, record);
      const { extents } = await partsOrFinding(world, root, day);
      for (const { label } of extents) this.#present.add(label);
    }
  }

  async #verifyDay(day: string, sealed: SealedParts): Promise<void> {
    const { world, root, options, report } = this;
    const { extents, finding } = await partsOrFinding(world, root, day);
    if (finding) report.findings.push(finding);
    for (const extent of extents) {
      report.parts++;
      report.bytes += extent.size_bytes;
      this.#present.add(extent.label);
      const record = sealed[sealedName(extent.part)];
      if (!record) await this.#verifyLines(extent);
      else await this.#verifySealed(extent, record);
      this.#done_bytes += extent.size_bytes;
      options.onProgress?.(this.#done_bytes, this.#total_bytes);
      await world.turn();
    }
  }

  async #verifySealed(extent: PartExtent, record: SealedPart): Promise<void> {
    const { report, options: { lines = false } } = this;
    const looked = await this.#changesOf(extent, record);
    const now = looked === "whole" ? undefined : await this.#movedTo(extent, record);
    if (now) return await this.#verifySealed(now.extent, now.record);
    if (looked instanceof LedgerError) {
      throw looked.code === "not_found" ? concurrentlyRemoved(extent.label) : looked;
    }
    const { change, kept } = looked === "whole" ? {} as Changes : looked;
    for (const finding of [change, kept]) if (finding) report.findings.push(finding);
    if (!change) {
      report.proven.parts++;
      report.proven.bytes += record.bytes;
    }
    // What is left of a part that was changed is worth a look; of a Parquet file there is none.
    if (change && extent.compacted) return;
    if (change || lines || !record.flaws) return await this.#verifyLines(extent, !change);
    report.events += record.events;
    for (const flaw of record.flaws) {
      if (flaw.kind !== "corrupt") {
        if (this.options.deep) report.findings.push({ part: extent.label, ...flaw });
      } else {
        const { part, label } = extent;
        await this.#takeDamage({ ...flaw, kind: "corrupt", part, label }, extent);
      }
    }
  }

  /** What is not as it was of a part's file, and of one that stands beside it. */
  async #changesOf(
    extent: PartExtent,
    record: SealedPart,
  ): Promise<Changes | LedgerError | "whole"> {
    const { world, root, options: { lines = false } } = this;
    try {
      const change = await changeOfPart(world, extent, record, lines);
      const kept = extent.compacted
        ? undefined
        : await changeOfKept(world, root, extent.part, record, lines);
      return change || kept ? { change, kept } : "whole";
    } catch (error) {
      const problem = asLedgerError(error);
      if (problem?.code !== "not_found") throw error;
      return problem;
    }
  }

  /** Where a part is, and what is noted of it, when it was compacted or restored meanwhile. */
  async #movedTo(
    { path, label, part }: PartExtent,
    record: SealedPart,
  ): Promise<{ extent: PartExtent; record: SealedPart } | undefined> {
    const { world: { files }, root } = this;
    const extents = await partsOfDay(files, root, part.day);
    const extent = extents.find((each) => each.label === label);
    const now = readSealed(files, root, part.day)[sealedName(part)];
    if (!extent || !now) return undefined;
    const is_same = extent.path === path && JSON.stringify(now) === JSON.stringify(record);
    return is_same ? undefined : { extent, record: now };
  }

  /** Judges every line. */
  async #verifyLines(extent: PartExtent, may_repair = true): Promise<void> {
    const { report, registry, options } = this;
    let read_bytes = this.#done_bytes;
    for await (const batch of this.#cursor.batchesOfPart(extent)) {
      for (const record of batch) {
        read_bytes += record.size_bytes + NEWLINE_BYTES;
        if (record.kind === "event") {
          report.events++;
          countType(report, registry, record);
          countId(report, record);
          this.#ids?.add(record.event.event_id);
          if (options.deep) report.findings.push(...deepFindings(record, registry));
        } else await this.#takeDamage(record, extent, may_repair);
      }
      options.onProgress?.(read_bytes, this.#total_bytes);
    }
  }

  async #takeDamage(
    record: DamageRecord,
    extent: PartExtent,
    may_repair = true,
  ): Promise<void> {
    const { world, root, report } = this;
    // A sealed part that was changed is for a copy to mend: nothing more is done to it.
    const repair = may_repair && this.options.repair;
    const { kind, part, label, offset, size_bytes, reason } = record;
    const finding: Finding = { kind, part: label, offset, size_bytes, reason };
    if (kind === "torn") {
      if (repair) {
        finding.quarantined_as = await repairTornTail(world, root, part);
        report.bytes -= size_bytes;
      }
    } else {
      const bytes = await bytesOf(world, extent, record);
      if (repair) finding.quarantined_as = quarantine(world, root, part, offset, "corrupt", bytes);
      else if (isInQuarantine(world.files, root, part, offset, bytes)) {
        finding.quarantined_as = "in quarantine since an earlier repair";
      }
    }
    (finding.quarantined_as ? report.settled : report.findings).push(finding);
  }
}

/** How much there is to read. A day that cannot be listed is found out when its turn comes. */
async function bytesOfDays(files: Files, root: string, days: readonly string[]): Promise<number> {
  let bytes = 0;
  for (const day of days) {
    for (const { size_bytes } of await partsOfDay(files, root, day).catch(() => [])) {
      bytes += size_bytes;
    }
  }
  return bytes;
}

function countType(report: VerifyReport, registry: Registry, { event }: EventRecord): void {
  const { event_type } = event;
  if (!isBuiltIn(event_type) && !registry.types.has(event_type)) report.unknown_type_events++;
}

function countId(report: VerifyReport, { event }: EventRecord): void {
  if (!CONTROL_CHARACTER.test(event.event_id)) return;
  report.ids_with_control_characters = (report.ids_with_control_characters ?? 0) + 1;
}

function deepFindings(record: EventRecord, registry: Registry): Finding[] {
  const { event, label, offset, size_bytes } = record;
  const findings: Finding[] = diagnosticsOf(record).map((flaw) => ({ part: label, ...flaw }));
  const found = (kind: Finding["kind"], reason: string) =>
    findings.push({ kind, part: label, offset, size_bytes, reason });
  const problem = registry.problemOf(registry.upcast(event));
  if (problem) found("wrong_fields", `not as ${event.event_type} is registered: ${problem}`);
  return findings;
}

async function bytesOf(world: World, extent: PartExtent, { offset, size_bytes }: DamageRecord) {
  const part = await openPart(world, extent);
  try {
    return part.bytesBetween(offset, offset + size_bytes);
  } finally {
    part.close();
  }
}
