/**
 * Sealing closes parts for good: when a part has rotated, or when its day is over by a grace period; a
 * late event opens a new part. The part's digest goes into the day's manifest and into the hash chain, so
 * that nothing sealed can change, vanish or change places unseen.
 *
 * The order: the part is synced; its record is put into `_sealed.json`, durably, under the writers' lock
 * of that part; the step is added to the chain. A process that is killed between the last two leaves a
 * step that the next seal adds.
 */
import { join } from "@std/path";
import { endOfLastLine } from "../../base/files/lines.ts";
import { DAY_MS, startOfDay } from "../../base/format.ts";
import { asLedgerError, LedgerError } from "../../base/error.ts";
import { readFully, withOpenFile } from "../../base/files/durable.ts";
import { flaws_max, lock_wait_ms, seal_grace_ms } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import {
  addEntry,
  appendEntries,
  type Chain,
  CHAIN_FORMAT,
  endOfChain,
  fieldsOfEntry,
  type SealedEntry,
  sealedEntry,
  withChainLock,
} from "../format/chain.ts";
import { lacksSteps, readyChain } from "./chain_recovery.ts";
import { acceptRegistry } from "../event/registry_binding.ts";
import { diagnosticsOf, LogCursor } from "../read/cursor.ts";
import { dayFolder, ledgerPaths, type PartId, partLabel } from "../format/layout.ts";
import { lockOfWriter } from "../format/lock.ts";
import { goneFolders, listDays, type PartExtent, partNamesOf, partsOfDay } from "../read/parts.ts";
import { checksumOf } from "../format/checksum.ts";
import { lineHash } from "../format/line_blocks.ts";
import { moveTornTail } from "../format/quarantine.ts";
import {
  type LineDiagnostic,
  readSealed,
  sealedName,
  type SealedPart,
  type SealedParts,
  sealedPath,
  writeSealed,
} from "../format/seal_manifest.ts";
import { entryDigest, notesDigest } from "../format/chain_digest.ts";
import { finishDays } from "./unfinished_days.ts";

export interface SealOptions {
  /** How long after its end a day counts as over. */
  grace_ms?: number;
  before_day?: string;
  /** Only parts that no writer wrote to for so long. */
  quiet_ms?: number;
  lock_wait_ms?: number;
  /** Binds the registry as it stands, after it was changed by other hands than ours. */
  accept_registry?: boolean;
  onNotice?: (message: string) => void;
}

export interface NewlySealed {
  part: string;
  events: number;
  bytes: number;
  seal: string;
}

export async function sealParts(
  world: World,
  root: string,
  options: SealOptions = {},
): Promise<NewlySealed[]> {
  const is_due = options.accept_registry || !dueDays(world, root, options).next().done ||
    lacksSteps(world, root) || goneFolders(world.files, root).length > 0;
  if (!is_due) return [];
  const seal = () => sealDueParts(world, root, options);
  return await withChainLock(world, root, seal, options.lock_wait_ms);
}

/** The days concerned with parts that are due. Without the lock a hint only: mostly there are none. */
function* dueDays(world: World, root: string, options: SealOptions): Generator<[string, string[]]> {
  const { before_day = "9999-99-99" } = options;
  for (const day of listDays(world.files, root)) {
    const names = day < before_day ? dueNames(world, root, day, options) : [];
    if (names.length > 0) yield [day, names];
  }
}

/** The same for a caller that holds the lock of the chain. */
export async function sealDueParts(
  world: World,
  root: string,
  options: SealOptions,
): Promise<NewlySealed[]> {
  const sealed: NewlySealed[] = [];
  await finishDays(world, root);
  const { accept_registry, onNotice } = options;
  const chain = await readyChain(world, root, accept_registry ? undefined : onNotice);
  if (accept_registry) {
    acceptRegistry(world, root, chain);
    onNotice?.(`${ledgerPaths(root).schema} is bound into the chain as it stands`);
  }
  const sealer = new Sealer(world, root, chain, options);
  for (const [day, due] of dueDays(world, root, options)) {
    for (const extent of await partsOfDay(world.files, root, day)) {
      const done = due.includes(sealedName(extent.part)) && await sealer.seal(extent);
      if (done) sealed.push(done);
    }
  }
  return sealed;
}

export function isOver(world: World, day: string, grace_ms = seal_grace_ms): boolean {
  return world.now_ms() >= startOfDay(day) + DAY_MS + grace_ms;
}

/** The parts of a day that no line should go to any more, and that are not sealed yet. */
export function dueNames(world: World, root: string, day: string, options: SealOptions): string[] {
  const is_over = isOver(world, day, options.grace_ms);
  const sealed = readSealed(world.files, root, day);
  const names = partNamesOf(world.files, root, day, "jsonl")
    .filter((name) => !sealed[sealedName(name)]);
  const { quiet_ms = 0 } = options;
  const isQuiet = (name: string) => {
    const facts = quiet_ms === 0 ? undefined : world.files.facts(join(dayFolder(root, day), name));
    return !facts || world.now_ms() - facts.modified_ms >= quiet_ms;
  };
  return names
    .filter(({ writer, number }) =>
      is_over || names.some((other) => other.writer === writer && other.number > number)
    )
    .map(sealedName)
    .filter(isQuiet);
}

/** Seals one part after another, and binds each to the one before. */
class Sealer {
  constructor(
    readonly world: World,
    readonly root: string,
    readonly chain: Chain,
    readonly options: SealOptions,
  ) {}

  /** Seals a part; undefined when it holds nothing, or is written to right now. */
  async seal(extent: PartExtent): Promise<NewlySealed | undefined> {
    const { world, root } = this;
    const { part } = extent;
    using lock = lockOfWriter(world, root, part, this.options.lock_wait_ms ?? lock_wait_ms);
    using file = world.files.open(extent.path, "append");
    try {
      // Nearly always no writer comes here any more: so the part is read first, and checked again
      // under the lock, which stops writers for a moment only.
      const content = await this.#contentOf(extent);
      await lock.take();
      const { size_bytes } = file.facts();
      if (endOfLastLine(file, size_bytes) < size_bytes) {
        const moved = moveTornTail(world, root, part, file, size_bytes);
        this.options.onNotice?.(
          `${extent.path} ended in a torn line; its bytes are kept in ${moved.quarantined_as}`,
        );
      }
      if (!content || file.facts().size_bytes !== content.bytes) return undefined;
      file.sync();
      const known = this.#stepOf(extent);
      const record = known
        ? { ...recordAgain(root, extent, known, content), ...this.#after(known.number) }
        : this.#recordOf(part, content);
      const of_day: SealedParts = readSealed(world.files, root, part.day);
      writeSealed(world, root, part.day, { ...of_day, [sealedName(part)]: record });
      lock.release();
      if (known) return undefined;
      const step = sealedEntry(partLabel(part), record);
      appendEntries(world, root, [step]);
      addEntry(this.chain, step);
      return { part: extent.label, events: record.events, bytes: record.bytes, seal: record.seal };
    } catch (error) {
      throw asLedgerError(error)?.with({
        message: `cannot seal ${extent.label}: ${asLedgerError(error)!.message}`,
      }) ?? error;
    }
  }

  /** The part's step in the chain, where it has one: then it is the day's record that was lost. */
  #stepOf({ label }: PartExtent): SealedEntry | undefined {
    const { chain } = this;
    return chain.seals.findLast((step) => step.part === label && !chain.away.has(step.part));
  }

  #recordOf(part: PartId, content: NotedContent): SealedPart {
    const { number, seal: previous } = endOfChain(this.chain);
    const link = { format: CHAIN_FORMAT, number: number + 1, previous, seal: "" } as const;
    const record = { ...link, ...content, sealed_at_ms: this.world.now_ms() };
    const seal = entryDigest(sealedEntry(partLabel(part), record));
    return { ...record, seal, ...this.#after(record.number) };
  }

  /** The steps between a part that is sealed as this number and the part sealed before it. */
  #after(number: number): Pick<SealedPart, "after"> {
    const before = this.chain.entries.filter((step) => step.number < number);
    const last_part = before.findLastIndex(({ kind }) => kind === "sealed");
    const after = before.slice(last_part + 1).map(fieldsOfEntry);
    return after.length > 0 ? { after } : {};
  }

  async #contentOf(extent: PartExtent): Promise<NotedContent | undefined> {
    const { world, root } = this;
    const content = await summarize(world, root, extent);
    if (content.bytes === 0) return undefined;
    return withOpenFile(world.files, extent.path, (file) => {
      const last_line = new Uint8Array(content.bytes - content.last_line_at);
      const last_line_hash = lineHash(readFully(file, last_line, content.last_line_at));
      const noted = { ...content, last_line_hash, ...checksumOf(file, content.bytes) };
      return { ...noted, notes_sha256: notesDigest(noted) };
    });
  }
}

/** All that is noted of a part when it is sealed, but for its place in the chain. */
type NotedContent = Omit<
  SealedPart,
  "format" | "number" | "previous" | "seal" | "sealed_at_ms" | "after"
>;

/** The record of a part that was sealed before, from what the chain says and what the part holds. */
function recordAgain(
  root: string,
  { part, path, label }: PartExtent,
  { format, number, previous, seal, sealed_at_ms }: SealedEntry,
  content: NotedContent,
): SealedPart {
  const link = { ...(format ? { format } : {}), number, previous, seal };
  const record = { ...link, ...content, sealed_at_ms };
  if (entryDigest(sealedEntry(label, record)) === seal) return record;
  throw new LedgerError({
    code: "damaged",
    message: `it was sealed before, as number ${number}, and is not what it was then`,
    where: { path },
    hint: `restore ${label} and ${sealedPath(root, part.day)} from a backup`,
  });
}

async function summarize(world: World, root: string, extent: PartExtent) {
  let events = 0, lines = 0, bytes = 0, last_line_at = 0;
  let first_ms: number | null = null, last_ms: number | null = null;
  let flaws: LineDiagnostic[] | undefined = [];
  for await (const batch of new LogCursor(world, root).batchesOfPart(extent)) {
    for (const record of batch) {
      if (record.kind === "torn") continue;
      lines++;
      last_line_at = record.offset;
      bytes = record.offset + record.size_bytes + 1;
      for (const flaw of diagnosticsOf(record)) flaws?.push(flaw);
      if (flaws && flaws.length > flaws_max) flaws = undefined;
      if (record.kind !== "event") continue;
      events++;
      const { timestamp_ms } = record.event;
      first_ms = Math.min(first_ms ?? timestamp_ms, timestamp_ms);
      last_ms = Math.max(last_ms ?? timestamp_ms, timestamp_ms);
    }
    await world.turn();
  }
  return { events, lines, bytes, last_line_at, first_ms, last_ms, flaws };
}
