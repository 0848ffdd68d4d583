/** The digests by which seals are bound to what they vouch for. Writers of events never load this. */
import { createHash } from "node:crypto";
import { type PartId, partLabel } from "./layout.ts";
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
  const facts = [lines, last_line_at, last_line_hash, blocks, of_flaws ?? null];
  return createHash("sha256").update(JSON.stringify(facts)).digest("hex");
}

/** The digest by which a part is chained to the one that was sealed before it. */
export function sealOf(part: PartId, previous: string, content: SealedContent): string {
  const { events, bytes, sha256, first_ms, last_ms, sealed_at_ms, notes_sha256 } = content;
  const of_lines = [events, bytes, sha256, first_ms, last_ms, notes_sha256];
  const facts = [previous, partLabel(part), ...of_lines, sealed_at_ms];
  return createHash("sha256").update(JSON.stringify(facts)).digest("hex");
}
