/**
 * Are the sealed parts what they were, are all there, and in their places? The verdict on their lines
 * was given when they were sealed; while no byte has changed, it stands.
 */
import { join } from "@std/path";
import { asLedgerError } from "../base/error.ts";
import type { World } from "../base/world.ts";
import { type Chain, type SealedStep, stepOf } from "./chain.ts";
import { dayFolder, parquetName, parsePartLabel, type PartId } from "./layout.ts";
import type { PartExtent } from "./parts.ts";
import { changeIn } from "./proof.ts";
import { type FileProof, readSealed, type SealedPart, type SealedParts, sealOf } from "./sealed.ts";

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

/** Whether the file that holds a sealed part is what it was. */
export function changeOfPart(
  world: World,
  extent: PartExtent,
  record: SealedPart,
): SealFinding | undefined {
  const { label, compacted } = extent;
  if (compacted) {
    const file = `day=${extent.part.day}/${parquetName(extent.part)}`;
    return changeOfFile(world, file, extent.path, compacted);
  }
  return changeOfFile(world, label, extent.path, record);
}

/** A Parquet file that stands beside lines which were kept. */
export function changeOfKept(
  world: World,
  root: string,
  part: PartId,
  record: SealedPart,
): SealFinding | undefined {
  const name = parquetName(part);
  const path = join(dayFolder(root, part.day), name);
  const label = `day=${part.day}/${name}`;
  if (!record.compacted) return undefined;
  if (!world.files.facts(path)) return found("removed", label, "compacted, and its file is gone");
  return changeOfFile(world, label, path, record.compacted);
}

function changeOfFile(
  world: World,
  part: string,
  path: string,
  proof: FileProof,
): SealFinding | undefined {
  const file = world.files.open(path, "read");
  try {
    const change = changeIn(file, proof);
    if (!change) return undefined;
    const size_bytes = Math.max(0, Math.min(proof.bytes, file.facts().size_bytes) - change.offset);
    return { kind: "changed", part, size_bytes, ...change };
  } finally {
    file.close();
  }
}

/** What is wrong with the chain, and with what it says is there. The first finding comes first. */
export function verifyChain(
  chain: Chain,
  records: ReadonlyMap<string, SealedPart>,
  present: ReadonlySet<string>,
): SealFinding[] {
  const findings = chain.damage.map(({ offset, reason }): SealFinding => ({
    kind: "chain",
    part: CHAIN_FILE,
    offset,
    size_bytes: 1,
    reason,
  }));
  let number = 0;
  let previous = "";
  for (const step of chain.seals) {
    const broken = linkProblem(step, number, previous);
    if (broken) findings.push(found("chain", step.part, broken));
    number = step.number;
    previous = step.seal;
    if (chain.away.has(step.part)) continue;
    const record = records.get(step.part);
    if (!present.has(step.part)) {
      findings.push(found("removed", step.part, `sealed as number ${step.number}, and gone`));
    } else if (!record) {
      findings.push(found("chain", step.part, "sealed, and _sealed.json does not know it"));
    } else if (JSON.stringify(stepOf(step.part, record)) !== JSON.stringify(step)) {
      const reason = "_sealed.json says other things of it than the chain does";
      findings.push(found("chain", step.part, reason));
    }
  }
  for (const label of awayUnsealed(chain)) findings.push(found("chain", label, NEVER_SEALED));
  findings.push(...beyondChain(chain, records, number, previous));
  return findings;
}

const CHAIN_FILE = "_chain.jsonl";

function linkProblem(step: SealedStep, number: number, previous: string): string | undefined {
  if (step.number !== number + 1) {
    return `number ${step.number} of the chain comes after number ${number}`;
  }
  if (step.previous !== previous) return "it does not follow on the seal before it";
  const part = parsePartLabel(step.part)!;
  return sealOf(part, step.previous, step) === step.seal ? undefined : "its seal does not fit it";
}

/** What is wrong with the links of a chain, if anything is. */
export function chainProblem(chain: Chain): string | undefined {
  let number = 0;
  let previous = "";
  for (const step of chain.seals) {
    const broken = linkProblem(step, number, previous);
    if (broken) return `${step.part}: ${broken}`;
    number = step.number;
    previous = step.seal;
  }
  const [never_sealed] = awayUnsealed(chain);
  return never_sealed && `${never_sealed}: ${NEVER_SEALED}`;
}

const NEVER_SEALED = "taken out, and never sealed";

/** Only what is sealed is taken out: where the chain says otherwise, a line of it is missing. */
function awayUnsealed({ seals, away }: Chain): string[] {
  const sealed = new Set(seals.map(({ part }) => part));
  return [...away.keys()].filter((label) => !sealed.has(label));
}

/** Whoever seals may have been killed before the last one was added; more than that is damage. */
function beyondChain(
  chain: Chain,
  records: ReadonlyMap<string, SealedPart>,
  number: number,
  previous: string,
): SealFinding[] {
  const known = new Set(chain.seals.map(({ part }) => part));
  const findings: SealFinding[] = [];
  for (const [label, record] of records) {
    if (known.has(label)) continue;
    if (record.number === number + 1 && record.previous === previous) continue;
    findings.push(found("chain", label, `sealed as number ${record.number}, not in the chain`));
  }
  return findings;
}

function found(kind: SealFinding["kind"], part: string, reason: string): SealFinding {
  return { kind, part, offset: 0, size_bytes: 0, reason };
}

/** The records of all days by the label of their part. */
export function labelled(day: string, sealed: SealedParts): [string, SealedPart][] {
  return Object.entries(sealed).map(([name, record]) => [`day=${day}/${name}`, record]);
}
