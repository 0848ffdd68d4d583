/**
 * The chain's digests: by them each entry is bound to the one before, and a part to what is noted of it.
 * Of an entry of format 2 every field counts but the digest itself; of one that 0.1 wrote, those that 0.1
 * listed. Writers of events never load this.
 */
import { textDigest } from "../../base/files/checksum.ts";
import { canonicalJson } from "../../base/json.ts";
import {
  addEntry,
  appendEntries,
  type Chain,
  CHAIN_FORMAT,
  type ChainEntry,
  endOfChain,
  type EntryLink,
  fieldsOfEntry,
  type NewEntry,
} from "./chain.ts";
import type { SealedNotes } from "./seal_manifest.ts";
import type { World } from "../../base/world.ts";

export function notesDigest(notes: SealedNotes): string {
  const { lines, last_line_at, last_line_hash, flaws, blocks } = notes;
  const of_flaws = flaws?.map(({ kind, offset, size_bytes, reason }) => {
    return [kind, offset, size_bytes, reason];
  });
  return digestOfFacts([lines, last_line_at, last_line_hash, blocks, of_flaws ?? null]);
}

export function entryDigest(entry: ChainEntry): string {
  const { format, seal: _itself, ...fields } = fieldsOfEntry(entry);
  if (format !== undefined) return textDigest(canonicalJson({ format, ...fields }));
  switch (entry.kind) {
    case "sealed": {
      const { previous, part, events, bytes, sha256, first_ms, last_ms, sealed_at_ms } = entry;
      const of_lines = [events, bytes, sha256, first_ms, last_ms, entry.notes_sha256];
      return digestOfFacts([previous, part, ...of_lines, sealed_at_ms]);
    }
    case "taken_out":
    case "returned": {
      const { previous, kind, day, parts, at_ms } = entry;
      const went = entry.kind === "taken_out" ? [entry.archive ?? null, entry.forget] : [];
      return digestOfFacts([previous, kind, day, parts, at_ms, ...went]);
    }
  }
  throw new Error(`0.1 has no entry of kind ${entry.kind}`);
}

function digestOfFacts(facts: unknown[]): string {
  return textDigest(JSON.stringify(facts));
}

/** Links new entries to the end of a chain that is complete, and adds them durably. */
export function extendChain(
  world: World,
  root: string,
  chain: Chain,
  added: readonly NewEntry[],
): void {
  let end: Pick<EntryLink, "number" | "seal"> = endOfChain(chain);
  const entries = added.map((entry): ChainEntry => {
    const link = { format: CHAIN_FORMAT, number: end.number + 1, previous: end.seal } as const;
    const linked = { ...entry, ...link, seal: "" };
    return end = { ...linked, seal: entryDigest(linked) };
  });
  appendEntries(world, root, entries);
  for (const entry of entries) addEntry(chain, entry);
}
