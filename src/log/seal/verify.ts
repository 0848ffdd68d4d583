/**
 * Verify: is the log whole? Validates every line that is not sealed and reports torn and corrupt ones by
 * file and offset; compares sealed parts with their manifest (`verify_sealed.ts`); with `deep` checks
 * the hash chain (`verify_chain.ts`); with `repair` moves damage into quarantine.
 */
import { asLedgerError } from "../../base/error.ts";
import type { Files } from "../../base/files/seam.ts";
import { CONTROL_CHARACTER } from "../../base/format.ts";
import type { World } from "../../base/world.ts";
import { isBuiltIn } from "../event/event.ts";
import type { Registry } from "../event/registry.ts";
import { type Chain, chainPath, readChain, withChainLock } from "../format/chain.ts";
import { ledgerPaths, parsePartLabel } from "../format/layout.ts";
import { isInQuarantine, quarantine, repairTornTail } from "../format/quarantine.ts";
import {
  readSealed,
  sealedName,
  type SealedPart,
  type SealedParts,
} from "../format/seal_manifest.ts";
import { type PartExtent, partsOfDay, unrecognizedFiles } from "../read/parts.ts";
import { type DamageRecord, diagnosticsOf, type EventRecord, LogCursor } from "../read/cursor.ts";
import { concurrentlyRemoved, openPart } from "../read/part_file.ts";
import { finishDays, unfinishedDays } from "./unfinished_days.ts";
import {
  chainAtRest,
  chainNotes,
  NOT_BOUND,
  registryFindings,
  removedParts,
  verifyChain,
} from "./verify_chain.ts";
import {
  changesOf,
  type Finding,
  found,
  labelled,
  partsOrFinding,
  sealedOrFinding,
} from "./verify_sealed.ts";

export type { Finding } from "./verify_sealed.ts";

export interface VerifyOptions {
  repair?: boolean;
  /** Also what single lines cannot show, and the chain of the sealed parts. */
  deep?: boolean;
  /** Validate the lines of sealed parts again too, which their digests make needless. */
  lines?: boolean;
  onDay?: (day: string) => void;
  /** Told how many bytes have been read, and of how many. */
  onProgress?: (done_bytes: number, total_bytes: number) => void;
}

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

export async function verifyLog(
  world: World,
  root: string,
  registry: Registry,
  options: VerifyOptions = {},
): Promise<VerifyReport> {
  const findings = unrecognizedFiles(world.files, root).map((name) =>
    found("not_a_part", name, "not the name of a part: nothing reads it")
  );
  if (options.repair && (await unfinishedDays(world, root)).length > 0) {
    await withChainLock(world, root, () => finishDays(world, root));
  }
  for (const name of await unfinishedDays(world, root)) {
    const reason =
      "a day whose archiving or import was cut off; no reader reads it: `ledger seal` " +
      "puts back what is in no archive, and removes the rest";
    findings.push(found("unfinished", name, reason));
  }
  return await new Verification(world, root, registry, options, findings).run();
}

class Verification {
  readonly #cursor: LogCursor;
  readonly report: VerifyReport;
  readonly #ids?: IdHashes;
  readonly #records = new Map<string, SealedPart>();
  readonly #present = new Set<string>();
  #done_bytes = 0;
  #total_bytes = 0;

  constructor(
    readonly world: World,
    readonly root: string,
    readonly registry: Registry,
    readonly options: VerifyOptions,
    findings: Finding[],
  ) {
    this.#cursor = new LogCursor(world, root);
    if (options.deep) this.#ids = new IdHashes();
    this.report = {
      days: 0,
      parts: 0,
      events: 0,
      bytes: 0,
      proven: { parts: 0, bytes: 0 },
      unknown_type_events: 0,
      notes: [],
      findings,
      settled: [],
    };
  }

  async run(): Promise<VerifyReport> {
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
    return report;
  }

  async #verifyChain(): Promise<void> {
    const { world, root, options: { deep }, report } = this;
    // Where nothing was ever sealed there is no lock to take, and looking should make none.
    if (this.#records.size === 0 && !world.files.facts(chainPath(root))) {
      if (deep && world.files.facts(ledgerPaths(root).schema)) report.notes.push(NOT_BOUND);
      return;
    }
    const { chain, is_still } = deep
      ? await chainAtRest(world, root)
      : { chain: readChain(world, root), is_still: false };
    await this.#lookAgain(chain);
    report.findings.push(...removedParts(this.#records, this.#present, chain.away));
    const last = chain.entries.at(-1);
    if (last) report.head = { number: last.number, seal: last.seal };
    const away = [...chain.away.values()];
    const archived = away.filter(({ archive }) => archive !== undefined).length;
    if (away.length > 0) report.away = { parts: away.length, archived };
    if (!deep) return;
    report.findings.push(...verifyChain(chain, this.#records, this.#present, is_still));
    report.findings.push(...registryFindings(world, root, chain, is_still));
    report.notes.push(...chainNotes(chain));
  }

  /** What was sealed or imported since its day was read is not missing: its manifest knows it now. */
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
    const { world, root, options: { lines = false, deep }, report } = this;
    const changes = await changesOf(world, root, extent, record, lines).catch((error) => {
      if (asLedgerError(error)?.code !== "not_found") throw error;
    });
    if (!changes || changes.change || changes.kept) {
      const now = await this.#movedTo(extent, record);
      if (now) return await this.#verifySealed(now.extent, now.record);
      if (!changes) throw concurrentlyRemoved(extent.label);
    }
    const { change, kept } = changes;
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
      if (flaw.kind === "corrupt") {
        const { part, label } = extent;
        await this.#takeDamage({ ...flaw, kind: "corrupt", part, label }, extent);
      } else if (deep) report.findings.push({ part: extent.label, ...flaw });
    }
  }

  /** Where a part is, and what is noted of it, when it was compacted or restored meanwhile. */
  async #movedTo(
    { path, label, part }: PartExtent,
    record: SealedPart,
  ): Promise<{ extent: PartExtent; record: SealedPart } | undefined> {
    const { world: { files }, root } = this;
    const extent = (await partsOfDay(files, root, part.day)).find((each) => each.label === label);
    const now = readSealed(files, root, part.day)[sealedName(part)];
    if (!extent || !now) return undefined;
    const is_same = extent.path === path && JSON.stringify(now) === JSON.stringify(record);
    return is_same ? undefined : { extent, record: now };
  }

  async #verifyLines(extent: PartExtent, may_repair = true): Promise<void> {
    const { options } = this;
    let read_bytes = this.#done_bytes;
    for await (const batch of this.#cursor.batchesOfPart(extent)) {
      for (const record of batch) {
        read_bytes += record.size_bytes + NEWLINE_BYTES;
        if (record.kind === "event") this.#takeEvent(record);
        else await this.#takeDamage(record, extent, may_repair);
      }
      options.onProgress?.(read_bytes, this.#total_bytes);
    }
  }

  #takeEvent(record: EventRecord): void {
    const { registry, options, report } = this;
    const { event, label, offset, size_bytes } = record;
    const { event_id, event_type } = event;
    report.events++;
    if (!isBuiltIn(event_type) && !registry.types.has(event_type)) report.unknown_type_events++;
    if (CONTROL_CHARACTER.test(event_id)) {
      report.ids_with_control_characters = (report.ids_with_control_characters ?? 0) + 1;
    }
    if (!options.deep) return;
    this.#ids?.add(event_id);
    for (const flaw of diagnosticsOf(record)) report.findings.push({ part: label, ...flaw });
    const problem = registry.problemOf(registry.upcast(event));
    if (!problem) return;
    const reason = `not as ${event_type} is registered: ${problem}`;
    report.findings.push({ kind: "wrong_fields", part: label, offset, size_bytes, reason });
  }

  async #takeDamage(record: DamageRecord, extent: PartExtent, may_repair = true): Promise<void> {
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
    return sorted.reduce((sum, hash, at) => sum + Number(at > 0 && hash === sorted[at - 1]), 0);
  }
}

/** 53 bits of a text's hash, which a number holds exactly; to tell texts apart, not a proof. */
function hash53(text: string): number {
  let high = 0xdeadbeef;
  let low = 0x41c6ce57;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    high = Math.imul(high ^ code, 2654435761);
    low = Math.imul(low ^ code, 1597334677);
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
  return (low >>> 0) * 2097152 + ((high >>> 0) >>> 11);
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

async function bytesOf(world: World, extent: PartExtent, { offset, size_bytes }: DamageRecord) {
  using part = await openPart(world, extent);
  return part.bytesBetween(offset, offset + size_bytes);
}
