/**
 * Taking whole days out of the log. What goes is sealed, and in an archive where one is wanted; then the
 * chain says, durably, that it is away; then the day's folder loses its name, in one go, so that no
 * reader ever finds half a day; then its files go. Cut off anywhere, the day is whole in the log, or it
 * is away and the chain says so, and doing it again ends it.
 *
 * Writers are kept out by their locks meanwhile, and one that is new to the day by the common lock, under
 * which it makes its own. An event that comes later opens the day again, with a number that was never
 * given; such a day goes again, with its new parts, into an archive of their own.
 */
import { join } from "@std/path";
import { LedgerError } from "../../base/error.ts";
import { uniqueName, type World } from "../../base/world.ts";
import {
  type Chain,
  chainPath,
  readChain,
  sealedEntry,
  type TakenOutEntry,
} from "../format/chain.ts";
import { addToChain } from "../seal/chain_end.ts";
import { compactDays } from "../compact/compact.ts";
import { isArchiveOf, writeDayArchive } from "./day_archive.ts";
import { dayFolder, ledgerPaths, parsePartName, tempName } from "../format/layout.ts";
import { readSealed, sealedName, type SealedParts } from "../format/seal_manifest.ts";
import { countLines } from "../read/survey.ts";
import { finishDays, FolderLocks } from "../seal/unfinished_days.ts";
import {
  chainProblem,
  changeOfKept,
  changeOfPart,
  partsOrFinding,
  sealedOrFinding,
} from "../seal/verify_sealed.ts";

/** A part that is to go. */
interface InspectedPart {
  label: string;
  /** Whole lines. */
  lines: number;
  /** Where the last of them ends. */
  end: number;
  is_sealed: boolean;
}

/** What a day has, for those who want it gone. */
export interface DayInspection {
  parts: InspectedPart[];
  /** The sealed ones of them. */
  sealed: SealedParts;
  /** Set when something stands here that the chain says is away: how it went. */
  already_away?: TakenOutEntry;
  /** Why nothing of it may go: a part is not what it was sealed as. */
  damage?: string;
}

/** Proves the sealed parts of a day, and counts what is not sealed yet. */
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
    const { lines, end } = record
      ? { lines: record.lines, end: record.bytes }
      : countLines(world.files, extent);
    if (end === 0) continue;
    inspected.parts.push({ label, lines, end, is_sealed: record !== undefined });
    if (!record) continue;
    inspected.sealed[sealedName(extent.part)] = record;
    const change = await changeOfPart(world, extent, record, false) ??
      (extent.compacted ? undefined : await changeOfKept(world, root, extent.part, record, false));
    if (change) inspected.damage ??= `${change.part}: ${change.reason}`;
  }
  inspected.damage ??= missingOf(day, chain, inspected);
  return inspected;
}

/** What the chain says is here, and is not, or is another. */
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

/** Says no where the chain itself is damaged: what is away, and what is not, stands nowhere else. */
export function checkChain(root: string, chain: Chain): void {
  const problem = chain.damage[0]
    ? `at byte ${chain.damage[0].offset}, ${chain.damage[0].reason}`
    : chainProblem(chain);
  if (!problem) return;
  throw new LedgerError({
    code: "damaged",
    message: `cannot take days out of the log, or back: the chain is damaged: ${problem}`,
    where: { path: chainPath(root) },
    hint: "see what is wrong with: ledger verify --deep; then take that file from a copy",
  });
}

/** How a day is taken out. */
interface ArchiveOrder {
  /** Where its archive goes; without one, it is deleted. */
  archive?: string;
  /** Whether indexes drop its rows too. */
  forget: boolean;
  /** Whether a part is indexed up to there. */
  is_indexed: (label: string, end: number) => boolean;
}

/** Takes a day out; returns why it stays, where it does. The caller holds the lock of the chain. */
export async function archiveDay(
  world: World,
  root: string,
  day: string,
  { archive, forget, is_indexed }: ArchiveOrder,
): Promise<string | undefined> {
  const leavingOf = (away: Chain["away"]) =>
    Object.fromEntries(
      Object.entries(readSealed(world.files, root, day))
        .filter(([name]) => !away.has(`day=${day}/${name}`)),
    );
  const leaving = leavingOf(readChain(world, root).away);
  const has_leaving = Object.keys(leaving).length > 0;
  if (has_leaving && archive !== undefined) await archiveParts(world, root, day, leaving, archive);
  const locks = new FolderLocks(world, dayFolder(root, day));
  try {
    await locks.take();
    if (hasUnsealed(world, root, day)) return "events of it came just now";
    const not_indexed = Object.entries(leaving)
      .find(([name, { bytes }]) => !is_indexed(`day=${day}/${name}`, bytes));
    if (not_indexed) return `${not_indexed[0]} is not wholly indexed`;
    if (has_leaving) {
      const parts = Object.keys(leaving);
      const went = archive === undefined ? {} : { archive };
      const at_ms = world.now_ms();
      await addToChain(world, root, [{ kind: "taken_out", day, parts, at_ms, ...went, forget }]);
    }
    const { events } = ledgerPaths(root);
    world.files.rename(
      dayFolder(root, day),
      join(events, tempName("gone", day, uniqueName(world))),
    );
    world.files.syncFolder(events);
  } finally {
    locks.close();
  }
  await finishDays(world, root);
}

async function archiveParts(
  world: World,
  root: string,
  day: string,
  leaving: SealedParts,
  archive: string,
): Promise<void> {
  if (world.files.facts(archive)) {
    // Whoever was killed before the chain knew of it left a whole one.
    if (isArchiveOf(world, archive, day, leaving)) return;
    throw new LedgerError({
      code: "invalid",
      message: `cannot archive ${day} as ${archive}: another archive has that name`,
      where: { path: archive },
      hint: "nothing was changed; repeat it, and another name is found",
    });
  }
  await compactDays(world, root, [day]);
  const compacted = readSealed(world.files, root, day);
  const parts = Object.fromEntries(Object.keys(leaving).map((name) => [name, compacted[name]]));
  writeDayArchive(world, root, day, parts, archive);
}

/** Whether lines stand in a day that no seal covers. */
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
  const steps = new Map<TakenOutEntry, string[]>();
  for (const [label, step] of readChain(world, root).away) {
    if (step.day !== day || step.forget) continue;
    steps.set(step, [...steps.get(step) ?? [], label.slice(`day=${day}/`.length)]);
  }
  const at_ms = world.now_ms();
  await addToChain(
    world,
    root,
    [...steps].map(([{ archive }, parts]) => ({
      kind: "taken_out",
      day,
      parts,
      at_ms,
      ...(archive === undefined ? {} : { archive }),
      forget: true,
    })),
  );
}
