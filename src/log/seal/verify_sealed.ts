/**
 * Sealed parts against their seal manifest: is each file the bytes that were sealed, and each Parquet
 * file the lines? Lines were validated when they were sealed; while no byte changes, that holds.
 */
import { join } from "@std/path";
import { asLedgerError } from "../../base/error.ts";
import { withOpenFile } from "../../base/files/durable.ts";
import type { World } from "../../base/world.ts";
import { type Checksum, findChange } from "../format/checksum.ts";
import { dayFolder, parquetName, type PartId, partLabel } from "../format/layout.ts";
import { readSealed, type SealedPart, type SealedParts } from "../format/seal_manifest.ts";
import { type PartExtent, partsOfDay } from "../read/parts.ts";

export interface Finding {
  kind:
    | "torn"
    | "corrupt"
    | "wrong_fields"
    | "wrong_day"
    | "not_a_part"
    | "unfinished"
    | "changed"
    | "removed"
    | "chain"
    /** Of a write-ahead file of traces. */
    | "corrupt_trace";
  /** `day=2026-01-23/part-000001.jsonl`, or another file of the log. */
  part: string;
  offset: number;
  size_bytes: number;
  reason: string;
  /** Where its bytes are kept safe, once they are. */
  quarantined_as?: string;
}

export function found(kind: Finding["kind"], part: string, reason: string): Finding {
  return { kind, part, offset: 0, size_bytes: 0, reason };
}

/** The manifest of a day, or the finding that it cannot be read. */
export function sealedOrFinding(
  world: World,
  root: string,
  day: string,
): { sealed: SealedParts; finding?: Finding } {
  try {
    return { sealed: readSealed(world.files, root, day) };
  } catch (error) {
    const problem = asLedgerError(error);
    if (!problem) throw error;
    return { sealed: {}, finding: found("chain", `day=${day}/_sealed.json`, problem.message) };
  }
}

/** The parts of a day, or the finding that they are damaged. */
export async function partsOrFinding(
  world: World,
  root: string,
  day: string,
): Promise<{ extents: PartExtent[]; finding?: Finding }> {
  try {
    return { extents: await partsOfDay(world.files, root, day) };
  } catch (error) {
    return { extents: [], finding: found("changed", `day=${day}`, damageOf(error).message) };
  }
}

function damageOf(error: unknown): Error {
  const problem = asLedgerError(error);
  if (problem?.code !== "damaged") throw error;
  return problem;
}

/** What is not as it was sealed: of the file of a part, and of a Parquet file beside its lines. */
interface SealedChanges {
  change?: Finding;
  kept?: Finding;
}

/** Compares a sealed part with what was sealed; reads the lines of a Parquet file only if asked to. */
export async function changesOf(
  world: World,
  root: string,
  { label, path, part, compacted }: PartExtent,
  record: SealedPart,
  read_lines: boolean,
): Promise<SealedChanges> {
  if (compacted) {
    return { change: await changeOfPacked(world, part, path, record, compacted, read_lines) };
  }
  const change = changeOfFile(world, label, path, record);
  if (!record.compacted) return { change };
  const name = parquetName(part);
  const beside = join(dayFolder(root, part.day), name);
  const kept = world.files.facts(beside)
    ? await changeOfPacked(world, part, beside, record, record.compacted, read_lines)
    : world.files.facts(path)
    ? found("removed", `day=${part.day}/${name}`, "compacted, and its file is gone")
    // The whole day has left meanwhile: what the chain says of it is looked at in the end.
    : undefined;
  return { change, kept };
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
): Promise<Finding | undefined> {
  const label = `day=${part.day}/${parquetName(part)}`;
  const change = changeOfFile(world, label, path, compacted);
  if (change) return change;
  const { linesDigest, packedOf } = await import("../codec/unpacking.ts");
  try {
    const packed = withOpenFile(world.files, path, packedOf);
    if (packed.part !== partLabel(part) || packed.sha256 !== sha256) {
      return found("changed", label, `it holds ${packed.part}, or other lines than were sealed`);
    }
    if (!read_lines || withOpenFile(world.files, path, linesDigest) === sha256) return undefined;
    return found("changed", label, "its lines are not those that were sealed");
  } catch (error) {
    return found("changed", label, damageOf(error).message);
  }
}

function changeOfFile(
  world: World,
  part: string,
  path: string,
  proof: Checksum,
): Finding | undefined {
  return withOpenFile(world.files, path, (file) => {
    const change = findChange(file, proof);
    if (!change) return undefined;
    const size_bytes = Math.max(0, Math.min(proof.bytes, file.facts().size_bytes) - change.offset);
    return { kind: "changed", part, size_bytes, ...change };
  });
}

export function labelled(day: string, sealed: SealedParts): [string, SealedPart][] {
  return Object.entries(sealed).map(([name, record]) => [`day=${day}/${name}`, record]);
}
