/** Is the registry the one that the chain binds, and what does the chain hold that this version does not know? */
import { quoted } from "../../base/error.ts";
import type { World } from "../../base/world.ts";
import { type Chain, RESERVED_KINDS } from "../format/chain.ts";
import { boundRegistry, registryState } from "../event/registry_binding.ts";
import type { SealFinding } from "./verify_sealed.ts";

/** Said of a ledger that 0.1 wrote, or where nothing was sealed yet. */
export const NOT_BOUND = "registry not bound yet: the next seal or schema register binds it";

/** What is wrong with the registry. `is_still` says that no process changes it just now. */
export function registryFindings(
  world: World,
  root: string,
  chain: Chain,
  is_still: boolean,
): SealFinding[] {
  const bound = boundRegistry(chain);
  const state = registryState(world, root, chain);
  if (!bound || state === "bound" || state === "unbound") return [];
  const found = (kind: SealFinding["kind"], reason: string): SealFinding[] => [
    { kind, part: "_schema.json", offset: 0, size_bytes: 0, reason },
  ];
  const its_step = `number ${bound.number} of the chain`;
  switch (state) {
    case "interrupted":
      // Where the lock could not be had, its process may be about to finish it.
      if (!is_still) return [];
      return found(
        "chain",
        `${its_step} changes it, and its process was killed: ledger seal ends it`,
      );
    case "changed":
      return found("changed", `it is not the registry that ${its_step} binds`);
    case "removed":
      return found("removed", `${its_step} binds it, and it is gone`);
  }
}

/** What a reader of the chain should know, and is no finding. */
export function chainNotes(chain: Chain): string[] {
  const notes = boundRegistry(chain) ? [] : [NOT_BOUND];
  const kinds = new Map<string, number>();
  for (const step of chain.entries) {
    if (step.kind !== "other") continue;
    const kind = String(step.entry.kind);
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  for (const [kind, count] of kinds) {
    const whose = RESERVED_KINDS.includes(kind)
      ? "of a later version"
      : "that this version does not know";
    notes.push(`${count} of the chain's entries have the kind ${quoted(kind)}, ${whose}: proven`);
  }
  return notes;
}
