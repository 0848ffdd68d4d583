/**
 * The digests by which seals are bound to what they vouch for. Of a step of format 2, every field but the
 * seal itself; of a step that 0.1 wrote, the fields that 0.1 listed. Writers of events never load this.
 */
import { digestOf, textDigest } from "../../base/files/checksum.ts";
import { canonicalJson } from "../../base/json.ts";
import {
  addEntry,
  appendEntries,
  type Chain,
  CHAIN_FORMAT,
  type ChainEntry,
  endOfChain,
  fieldsOfEntry,
  type Link,
  type NewEntry,
  type Returned,
  type SealedEntry,
  type TakenOut,
} from "./chain.ts";
import type { SealedNotes } from "./seal_manifest.ts";
import type { World } from "../../base/world.ts";

/** The digest of what is noted of a part's lines. */
export function notesDigest(notes: SealedNotes): string {
  const { lines, last_line_at, last_line_hash, flaws, blocks } = notes;
  const of_flaws = flaws?.map(({ kind, offset, size_bytes, reason }) => [
    kind,
    offset,
    size_bytes,
    reason,
  ]);
  return digestOfFacts([lines, last_line_at, last_line_hash, blocks, of_flaws ?? null]);
}

/** The seal that a step of the chain has to have. */
export function entryDigest(step: ChainEntry): string {
  const { format, seal: _itself, ...fields } = fieldsOfEntry(step);
  if (format !== undefined) return textDigest(canonicalJson({ format, ...fields }));
  if (step.kind === "sealed") return sealOfPart(step);
  if (step.kind === "taken_out" || step.kind === "returned") return sealOfPassage(step);
  throw new Error(`0.1 has no step of kind ${step.kind}`);
}

/** As 0.1 chained a part to what came before. */
function sealOfPart(step: SealedEntry): string {
  const { previous, part, events, bytes, sha256, first_ms, last_ms, sealed_at_ms } = step;
  const of_lines = [events, bytes, sha256, first_ms, last_ms, step.notes_sha256];
  return digestOfFacts([previous, part, ...of_lines, sealed_at_ms]);
}

/** As 0.1 chained that parts left, or came back. */
function sealOfPassage(step: (TakenOut | Returned) & { previous: string }): string {
  const { previous, kind, day, parts, at_ms } = step;
  const went = step.kind === "taken_out" ? [step.archive ?? null, step.forget] : [];
  return digestOfFacts([previous, kind, day, parts, at_ms, ...went]);
}

function digestOfFacts(facts: unknown[]): string {
  return digestOf([new TextEncoder().encode(JSON.stringify(facts))]);
}

/** Links entries to the end of a chain that is complete, and adds them durably. */
export function extendChain(
  world: World,
  root: string,
  chain: Chain,
  entries: readonly NewEntry[],
): void {
  let end: Pick<Link, "number" | "seal"> = endOfChain(chain);
  const steps = entries.map((entry): ChainEntry => {
    const link = { format: CHAIN_FORMAT, number: end.number + 1, previous: end.seal } as const;
    const step = { ...entry, ...link, seal: "" };
    return end = { ...step, seal: entryDigest(step) };
  });
  appendEntries(world, root, steps);
  for (const step of steps) addEntry(chain, step);
}
