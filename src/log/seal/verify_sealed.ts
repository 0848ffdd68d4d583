/**
 * Are the sealed parts what they were, are all there, and in their places? The verdict on their lines
 * was given when they were sealed; while no byte has changed, it stands.
 */
import { join } from "@std/path";
import { withOpenFile } from "../../base/files/durable.ts";
import { asLedgerError, quoted } from "../../base/error.ts";
import { read_lock_wait_ms } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import {
  type Chain,
  type ChainEntry,
  endOfChain,
  fieldsOfEntry,
  type Link,
  readChain,
  sealedEntry,
  withChainLock,
} from "../format/chain.ts";
import { dayFolder, parquetName, type PartId, partLabel } from "../format/layout.ts";
import { type PartExtent, partsOfDay } from "../read/parts.ts";
import { type Checksum, findChange } from "../format/checksum.ts";
import { readSealed, type SealedPart, type SealedParts } from "../format/seal_manifest.ts";
import { entryDigest, notesDigest } from "../format/chain_digest.ts";

/** Something that is not as it was sealed. */
export interface SealFinding {
  kind: "changed" | "removed" | "chain";
  /** `day=2026-01-23/part-000001.jsonl`, or another file of the log. */
  part: string;
  offset: number;
  size_bytes: number;
  reason: string;
}

/** The records of a day, or the finding that they cannot be read. */
export function sealedOrFinding(
  world: World,
  root: string,
  day: string,
): { sealed: SealedParts; finding?: SealFinding } {
  try {
    return { sealed: readSealed(world.files, root, day) };
  } catch (error) {
    const problem = asLedgerError(error);
    if (!problem) throw error;
    const part = `day=${day}/_sealed.json`;
    return { sealed: {}, finding: found("chain", part, problem.message) };
  }
}

/** The parts of a day, or the finding that they cannot be told. */
export async function partsOrFinding(
  world: World,
  root: string,
  day: string,
): Promise<{ extents: PartExtent[]; finding?: SealFinding }> {
  try {
    return { extents: await partsOfDay(world.files, root, day) };
  } catch (error) {
    const problem = asLedgerError(error);
    if (problem?.code !== "damaged") throw error;
    return { extents: [], finding: found("changed", `day=${day}`, problem.message) };
  }
}

/**
 * The chain, and whether nobody changes it meanwhile. On a disk that cannot be written to, and where
 * somebody seals for long, that is not known.
 */
export async function chainAtRest(
  world: World,
  root: string,
): Promise<{ chain: Chain; is_still: boolean }> {
  try {
    const read = () => Promise.resolve(readChain(world, root));
    const chain = await withChainLock(world, root, read, read_lock_wait_ms);
    return { chain, is_still: true };
  } catch (error) {
    if (!asLedgerError(error)) throw error;
    return { chain: readChain(world, root), is_still: false };
  }
}

/** Whether the file that holds a sealed part is what it was, and holds that part. */
export async function changeOfPart(
  world: World,
  extent: PartExtent,
  record: SealedPart,
  read_lines: boolean,
): Promise<SealFinding | undefined> {
  const { label, compacted, path } = extent;
  if (!compacted) return changeOfFile(world, label, path, record);
  return await changeOfPacked(world, extent.part, path, record, compacted, read_lines);
}

/**
 * A Parquet file that is what was written may still stand in another's place, together with what was
 * noted of it: it says itself whose lines it holds. Asked to read them, it has to give every byte.
 */
async function changeOfPacked(
  world: World,
  part: PartId,
  path: string,
  { sha256 }: SealedPart,
  compacted: Checksum,
  read_lines: boolean,
): Promise<SealFinding | undefined> {
  const label = `day=${part.day}/${parquetName(part)}`;
  const change = changeOfFile(world, label, path, compacted);
  if (change) return change;
  const { linesDigest, packedOf } = await import("../codec/unpacking.ts");
  try {
    const packed = withOpenFile(world.files, path, packedOf);
    if (packed.part !== partLabel(part) || packed.sha256 !== sha256) {
      return found("changed", label, `it holds ${packed.part}, or other lines than were sealed`);
    }
    if (!read_lines) return undefined;
    if (withOpenFile(world.files, path, linesDigest) === sha256) return undefined;
    return found("changed", label, "its lines are not those that were sealed");
  } catch (error) {
    const problem = asLedgerError(error);
    if (problem?.code !== "damaged") throw error;
    return found("changed", label, problem.message);
  }
}

/** A Parquet file that stands beside lines which were kept. */
export async function changeOfKept(
  world: World,
  root: string,
  part: PartId,
  record: SealedPart,
  read_lines: boolean,
): Promise<SealFinding | undefined> {
  const name = parquetName(part);
  const path = join(dayFolder(root, part.day), name);
  if (!record.compacted) return undefined;
  if (!world.files.facts(path)) {
    return found("removed", `day=${part.day}/${name}`, "compacted, and its file is gone");
  }
  return await changeOfPacked(world, part, path, record, record.compacted, read_lines);
}

function changeOfFile(
  world: World,
  part: string,
  path: string,
  proof: Checksum,
): SealFinding | undefined {
  return withOpenFile(world.files, path, (file) => {
    const change = findChange(file, proof);
    if (!change) return undefined;
    const size_bytes = Math.max(0, Math.min(proof.bytes, file.facts().size_bytes) - change.offset);
    return { kind: "changed", part, size_bytes, ...change };
  });
}

/**
 * The sealed parts of which the days' own records say that they should be there. Those of a day that is
 * on its way back, or was when somebody was killed, are away until the chain says otherwise.
 */
export function removedParts(
  records: ReadonlyMap<string, SealedPart>,
  present: ReadonlySet<string>,
  away: Chain["away"],
): SealFinding[] {
  return [...records]
    .filter(([label]) => !present.has(label) && !away.has(label))
    .map(([label, { number }]) => found("removed", label, `sealed as number ${number}, and gone`));
}

/**
 * What is wrong with the chain, and with what it says is there; the first place comes first. `is_still`
 * says that nobody seals just now: then a step that is not there yet never will be by itself.
 */
export function verifyChain(
  chain: Chain,
  records: ReadonlyMap<string, SealedPart>,
  present: ReadonlySet<string>,
  is_still: boolean,
): SealFinding[] {
  const findings = chain.damage.map(({ offset, reason }): SealFinding => ({
    kind: "chain",
    part: CHAIN_FILE,
    offset,
    size_bytes: 1,
    reason,
  }));
  if (is_still && chain.end < chain.size_bytes) findings.push(tornChain(chain));
  let after: unknown[] = [];
  for (const [step, broken] of linksOf(chain)) {
    if (broken) findings.push(found("chain", placeOf(step), broken));
    const between = JSON.stringify(after);
    after = step.kind === "sealed" ? [] : [...after, fieldsOfEntry(step)];
    if (step.kind !== "sealed" || chain.away.has(step.part)) continue;
    const record = records.get(step.part);
    if (!present.has(step.part)) {
      const reason = `sealed as number ${step.number}, and gone`;
      // Where the day's record knows it, it is told already.
      if (!record) findings.push(found("removed", step.part, reason));
    } else if (!record) {
      findings.push(found("chain", step.part, "sealed, and _sealed.json does not know it"));
    } else if (JSON.stringify(sealedEntry(step.part, record)) !== JSON.stringify(step)) {
      const reason = "_sealed.json says other things of it than the chain does";
      findings.push(found("chain", step.part, reason));
    } else if (notesDigest(record) !== record.notes_sha256) {
      const reason = "_sealed.json says other things of its lines than when it was sealed";
      findings.push(found("chain", step.part, reason));
    } else if (step.format && JSON.stringify(record.after ?? []) !== between) {
      const reason = "_sealed.json says that other entries came before it than the chain does";
      findings.push(found("chain", step.part, reason));
    }
  }
  for (const label of awayUnsealed(chain)) findings.push(found("chain", label, NEVER_SEALED));
  findings.push(...beyondChain(chain, records, is_still ? undefined : endOfChain(chain)));
  return findings;
}

function tornChain({ end, size_bytes }: Chain): SealFinding {
  const reason = "its last line has no end: ledger seal mends it";
  return { kind: "chain", part: CHAIN_FILE, offset: end, size_bytes: size_bytes - end, reason };
}

const CHAIN_FILE = "_chain.jsonl";

/** Each step of the chain, with what is wrong with its link to the one before. */
function* linksOf({ entries }: Chain): Generator<[ChainEntry, string | undefined]> {
  let before: Pick<Link, "number" | "seal" | "format"> = { number: 0, seal: "" };
  for (const step of entries) {
    yield [step, linkProblem(step, before)];
    before = step;
  }
}

function linkProblem(
  step: ChainEntry,
  { number, seal, format }: Pick<Link, "number" | "seal" | "format">,
): string | undefined {
  if (step.number !== number + 1) {
    return `number ${step.number} of the chain comes after number ${number}`;
  }
  if (step.previous !== seal) return "it does not follow on the seal before it";
  if (!step.format && format) return "0.1 wrote it, after a later version had taken the chain over";
  if (step.format && !format && step.kind !== "registry") {
    return "no step before it binds the registry";
  }
  return entryDigest(step) === step.seal ? undefined : "its seal does not fit it";
}

function placeOf(step: ChainEntry): string {
  switch (step.kind) {
    case "sealed":
      return step.part;
    case "taken_out":
      return `day=${step.day}, taken out`;
    case "returned":
      return `day=${step.day}, brought back`;
    case "registry":
      return "_schema.json";
    case "other":
      return `${CHAIN_FILE}, kind ${quoted(step.entry.kind)}`;
  }
}

/** What is wrong with the links of a chain, if anything is. */
export function chainProblem(chain: Chain): string | undefined {
  for (const [step, broken] of linksOf(chain)) if (broken) return `${placeOf(step)}: ${broken}`;
  const [never_sealed] = awayUnsealed(chain);
  return never_sealed && `${never_sealed}: ${NEVER_SEALED}`;
}

const NEVER_SEALED = "taken out, and never sealed";

/** Only what is sealed is taken out: where the chain says otherwise, a line of it is missing. */
function awayUnsealed({ seals, away }: Chain): string[] {
  const sealed = new Set(seals.map(({ part }) => part));
  return [...away.keys()].filter((label) => !sealed.has(label));
}

/** What is sealed and not in the chain; but for the one that somebody who seals is about to add. */
function beyondChain(
  chain: Chain,
  records: ReadonlyMap<string, SealedPart>,
  end: { number: number; seal: string } | undefined,
): SealFinding[] {
  const known = new Set(chain.seals.map(({ part }) => part));
  return [...records]
    .filter(([label, { number, previous }]) =>
      !known.has(label) && !(number === end?.number! + 1 && previous === end?.seal)
    )
    .sort(([, a], [, b]) => a.number - b.number)
    .map(([label, { number }]) => {
      const reason = `sealed as number ${number}, and not in the chain; when somebody was killed ` +
        "while sealing: ledger seal adds it";
      return found("chain", label, reason);
    });
}

function found(kind: SealFinding["kind"], part: string, reason: string): SealFinding {
  return { kind, part, offset: 0, size_bytes: 0, reason };
}

/** The records of all days by the label of their part. */
export function labelled(day: string, sealed: SealedParts): [string, SealedPart][] {
  return Object.entries(sealed).map(([name, record]) => [`day=${day}/${name}`, record]);
}
