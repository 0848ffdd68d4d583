/** The digests by which seals are bound to what they vouch for. Writers of events never load this. */
import { digestOf } from "../base/digest.ts";
import type { ChainStep, Returned, TakenOut } from "./chain.ts";
import { parsePartLabel, type PartId, partLabel } from "./layout.ts";
import type { SealedContent, SealedNotes } from "./sealed.ts";

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

/** The digest by which a part is chained to what came before. */
export function sealOf(part: PartId, previous: string, content: SealedContent): string {
  const { events, bytes, sha256, first_ms, last_ms, sealed_at_ms, notes_sha256 } = content;
  const of_lines = [events, bytes, sha256, first_ms, last_ms, notes_sha256];
  return digestOfFacts([previous, partLabel(part), ...of_lines, sealed_at_ms]);
}

/** The digest by which it is chained that parts left, or came back. */
export function sealOfPassage(previous: string, passage: TakenOut | Returned): string {
  const { kind, day, parts, at_ms } = passage;
  const went = kind === "taken_out" ? [passage.archive ?? null, passage.forget] : [];
  return digestOfFacts([previous, kind, day, parts, at_ms, ...went]);
}

/** The seal that a step of the chain has to have. */
export function sealOfStep(step: ChainStep): string {
  return step.kind === "sealed"
    ? sealOf(parsePartLabel(step.part)!, step.previous, step)
    : sealOfPassage(step.previous, step);
}

function digestOfFacts(facts: unknown[]): string {
  return digestOf([new TextEncoder().encode(JSON.stringify(facts))]);
}
