/**
 * Retention: whole days leave the log. What goes is sealed, and in an archive where one is wanted; then
 * the chain says, durably, that it is away; then the day's folder is renamed, so that no reader ever
 * finds half a day; then its files go. Cut off anywhere, the day is whole in the log, or it is away and
 * the chain says so, and doing it again ends it.
 *
 * Locks keep writers out meanwhile; a writer that is new to the day needs the common lock to make its
 * own. A later event opens the day again, with a part number that was never given; such a day goes
 * again, with its new parts, into an archive of their own.
 */
import { join } from "@std/path";
import { LedgerError } from "../../base/error.ts";
import { uniqueName, type World } from "../../base/world.ts";
import {
  type Chain,
  chainPath,
  readChain,
  sealedEntry,
  type TakenOut,
  type TakenOutEntry,
} from "../format/chain.ts";
import { addToChain } from "../seal/chain_recovery.ts";
import { compactDay } from "../compact/compact.ts";
import { isArchiveOf, writeDayArchive } from "./archive_file.ts";
import { dayFolder, ledgerPaths, parsePartName, tempName } from "../format/layout.ts";
import { readSealed, sealedName, type SealedParts } from "../format/seal_manifest.ts";
import { countLines } from "../read/survey.ts";
import { finishDays, FolderLocks } from "../seal/unfinished_days.ts";
import { chainProblem } from "../seal/verify_chain.ts";
import { changesOf, partsOrFinding, sealedOrFinding } from "../seal/verify_sealed.ts";

export interface DayInspection {
  /** With their whole lines, and where the last of them ends. */
  parts: { label: string; lines: number; end: number; is_sealed: boolean }[];
  sealed: SealedParts;
  /** How something went that is here although the chain says it is away. */
  already_away?: TakenOutEntry;
  /** Why nothing of it may go: a part is not what it was sealed as. */
  damage?: string;
}

/** Verifies the sealed parts of a day, and counts what is not sealed yet. */
export async function inspectDay(
  world: World,
  root: string,
  day: string,
  chain: Chain,
): Promise<DayInspection> {
  const inspected: DayInspection = { parts: [], sealed: {} };
  const { sealed, finding } = sealedOrFinding(world, root, day);
  if (finding) return { ...inspected, damage: `${finding.part}: ${finding.reason}` };
  const { extents, finding: of_parts } = await partsOrFinding(world, root, day);
  if (of_parts) return { ...inspected, damage: of_parts.reason };
  for (const name of Object.keys(sealed)) {
    inspected.already_away ??= chain.away.get(`day=${day}/${name}`);
  }
  for (const extent of extents) {
    const { label } = extent;
    const away = chain.away.get(label);
    inspected.already_away ??= away;
    if (away) continue;
    const record = sealed[sealedName(extent.part)];
    const { lines, end } = countLines(world.files, extent, record);
    if (end === 0) continue;
    inspected.parts.push({ label, lines, end, is_sealed: record !== undefined });
    if (!record) continue;
    inspected.sealed[sealedName(extent.part)] = record;
    const { change, kept } = await changesOf(world, root, extent, record, false);
    const changed = change ?? kept;
    if (changed) inspected.damage ??= `${changed.part}: ${changed.reason}`;
  }
  inspected.damage ??= missingOf(day, chain, inspected);
  return inspected;
}

/** What the chain says is here, and is not, or differs. */
function missingOf(day: string, chain: Chain, { sealed }: DayInspection): string | undefined {
  for (const step of chain.seals) {
    if (!step.part.startsWith(`day=${day}/`) || chain.away.has(step.part)) continue;
    const record = sealed[step.part.slice(`day=${day}/`.length)];
    if (!record) return `${step.part}: sealed as number ${step.number}, and gone`;
    if (JSON.stringify(sealedEntry(step.part, record)) !== JSON.stringify(step)) {
      return `${step.part}: _sealed.json says other things of it than the chain does`;
    }
  }
}

/** Throws where the chain is damaged: only it says what is away. */
export function checkChain(root: string, chain: Chain): void {
  const problem = chain.damage[0]
    ? `at byte ${chain.damage[0].offset}, ${chain.damage[0].reason}`
    : chainProblem(chain);
  if (!problem) return;
  throw new LedgerError({
    code: "damaged",
    message: `cannot take days out of the log, or back: the chain is damaged: ${problem}`,
    where: { path: chainPath(root) },
    hint: "see what is wrong with: ledger verify --deep; then restore that file from a backup",
  });
}

interface ArchiveOrder {
  /** Where its archive goes; without one, it is deleted. */
  archive?: string;
  forget: boolean;
  /** Why a part of so many bytes may not go; undefined where it may. */
  whyStays: (label: string, end: number) => string | undefined;
}

/** Archives a day; returns why it stays, where it does. The caller holds the lock of the chain. */
export async function archiveDay(
  world: World,
  root: string,
  day: string,
  { archive, forget, whyStays }: ArchiveOrder,
): Promise<string | undefined> {
  const { away } = readChain(world, root);
  const leaving = Object.fromEntries(
    Object.entries(readSealed(world.files, root, day))
      .filter(([name]) => !away.has(`day=${day}/${name}`)),
  );
  const parts = Object.keys(leaving);
  if (parts.length > 0 && archive !== undefined) {
    await archiveParts(world, root, day, leaving, archive);
  }
  {
    using locks = new FolderLocks(world, dayFolder(root, day));
    await locks.take();
    if (hasUnsealed(world, root, day)) return "events of it came just now";
    for (const [name, { bytes }] of Object.entries(leaving)) {
      const reason = whyStays(`day=${day}/${name}`, bytes);
      if (reason !== undefined) return reason;
    }
    if (parts.length > 0) {
      await addToChain(world, root, [takenOut(world, day, parts, archive, forget)]);
    }
    const { events } = ledgerPaths(root);
    const gone = join(events, tempName("gone", day, uniqueName(world)));
    world.files.rename(dayFolder(root, day), gone);
    world.files.syncFolder(events);
  }
  await finishDays(world, root);
}

function takenOut(
  world: World,
  day: string,
  parts: string[],
  archive: string | undefined,
  forget: boolean,
): TakenOut {
  const went = archive === undefined ? {} : { archive };
  return { kind: "taken_out", day, parts, at_ms: world.now_ms(), ...went, forget };
}

async function archiveParts(
  world: World,
  root: string,
  day: string,
  leaving: SealedParts,
  archive: string,
): Promise<void> {
  if (world.files.facts(archive)) {
    // A process that was killed before the chain knew of it left a whole one.
    if (isArchiveOf(world, archive, day, leaving)) return;
    throw new LedgerError({
      code: "invalid",
      message: `cannot archive ${day} as ${archive}: another archive has that name`,
      where: { path: archive },
      hint: "nothing was changed; repeat it, and another name is found",
    });
  }
  await compactDay(world, root, day);
  const compacted = readSealed(world.files, root, day);
  const parts = Object.fromEntries(Object.keys(leaving).map((name) => [name, compacted[name]]));
  writeDayArchive(world, root, day, parts, archive);
}

function hasUnsealed(world: World, root: string, day: string): boolean {
  const sealed = readSealed(world.files, root, day);
  for (const { name } of world.files.list(dayFolder(root, day)) ?? []) {
    const part = parsePartName(name);
    if (part?.format !== "jsonl" || sealed[sealedName(part)]) continue;
    if ((world.files.facts(join(dayFolder(root, day), name))?.size_bytes ?? 0) > 0) return true;
  }
  return false;
}

/** Notes that indexes should drop the rows of parts that went earlier. The caller holds the lock. */
export async function forgetParts(world: World, root: string, day: string): Promise<void> {
  const entries_of = new Map<TakenOutEntry, string[]>();
  for (const [label, step] of readChain(world, root).away) {
    if (step.day !== day || step.forget) continue;
    entries_of.set(step, [...entries_of.get(step) ?? [], label.slice(`day=${day}/`.length)]);
  }
  const entries = [...entries_of].map(([{ archive }, parts]) =>
    takenOut(world, day, parts, archive, true)
  );
  await addToChain(world, root, entries);
}
