/**
 * The hash chain against the seal manifests and the registry: does each step follow on the one before,
 * is every part here that it says is here, and does it bind the registry that stands there?
 */
import { asLedgerError, quoted } from "../../base/error.ts";
import { read_lock_wait_ms } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";
import { boundRegistry, registryState } from "../event/registry_binding.ts";
import {
  type Chain,
  type ChainEntry,
  endOfChain,
  type EntryLink,
  fieldsOfEntry,
  readChain,
  RESERVED_KINDS,
  sealedEntry,
  withChainLock,
} from "../format/chain.ts";
import { entryDigest, notesDigest } from "../format/chain_digest.ts";
import type { SealedPart } from "../format/seal_manifest.ts";
import { type Finding, found } from "./verify_sealed.ts";

const CHAIN_FILE = "_chain.jsonl";
const SEAL_ADDS_IT = "if a process was killed while sealing, ledger seal adds it";
const NEVER_SEALED = "taken out, and never sealed";

/** A ledger that 0.1 wrote, or where nothing was sealed yet. */
export const NOT_BOUND = "registry not bound yet: the next seal or schema register binds it";

type Records = ReadonlyMap<string, SealedPart>;

/**
 * The chain, and whether no process changes it meanwhile. On a read-only disk, and while another
 * process seals for long, that is not known.
 */
export async function chainAtRest(
  world: World,
  root: string,
): Promise<{ chain: Chain; is_still: boolean }> {
  const read = () => readChain(world, root);
  try {
    return { chain: await withChainLock(world, root, read, read_lock_wait_ms), is_still: true };
  } catch (error) {
    if (!asLedgerError(error)) throw error;
    return { chain: read(), is_still: false };
  }
}

/**
 * The sealed parts that the manifests of their days say are here, and are not. Those of a day that is
 * being imported, or whose import was killed, are away until the chain says otherwise.
 */
export function removedParts(
  records: Records,
  present: ReadonlySet<string>,
  away: Chain["away"],
): Finding[] {
  return [...records]
    .filter(([label]) => !present.has(label) && !away.has(label))
    .map(([label, { number }]) => found("removed", label, `sealed as number ${number}, and gone`));
}

/**
 * What is wrong with the chain, and with what it says is there; the first place comes first. `is_still`
 * says that no process seals now: a step that is missing will not come by itself.
 */
export function verifyChain(
  chain: Chain,
  records: Records,
  present: ReadonlySet<string>,
  is_still: boolean,
): Finding[] {
  const { end, size_bytes } = chain;
  const findings = chain.damage.map(({ offset, reason }): Finding => (
    { kind: "chain", part: CHAIN_FILE, offset, size_bytes: 1, reason }
  ));
  if (is_still && end < size_bytes) {
    const torn = found("chain", CHAIN_FILE, "its last line has no end: ledger seal mends it");
    findings.push({ ...torn, offset: end, size_bytes: size_bytes - end });
  }
  let after: unknown[] = [];
  for (const [step, broken] of linksOf(chain)) {
    if (broken) findings.push(found("chain", placeOf(step), broken));
    const between = JSON.stringify(after);
    after = step.kind === "sealed" ? [] : [...after, fieldsOfEntry(step)];
    if (step.kind !== "sealed" || chain.away.has(step.part)) continue;
    const record = records.get(step.part);
    if (!present.has(step.part)) {
      // Where the day's manifest knows it, `removedParts` has found it.
      if (record) continue;
      findings.push(found("removed", step.part, `sealed as number ${step.number}, and gone`));
    } else {
      const reason = mismatch(step, record, between);
      if (reason) findings.push(found("chain", step.part, reason));
    }
  }
  for (const label of awayUnsealed(chain)) findings.push(found("chain", label, NEVER_SEALED));
  findings.push(...beyondChain(chain, records, is_still ? undefined : endOfChain(chain)));
  return findings;
}

/** How the manifest contradicts a part's step, if it does; `between` are the steps since the last part. */
function mismatch(
  step: ChainEntry & { kind: "sealed" },
  record: SealedPart | undefined,
  between: string,
): string | undefined {
  if (!record) return "sealed, and _sealed.json does not know it";
  if (JSON.stringify(sealedEntry(step.part, record)) !== JSON.stringify(step)) {
    return "_sealed.json says other things of it than the chain does";
  }
  if (notesDigest(record) !== record.notes_sha256) {
    return "_sealed.json says other things of its lines than when it was sealed";
  }
  if (step.format && JSON.stringify(record.after ?? []) !== between) {
    return "_sealed.json says that other entries came before it than the chain does";
  }
}

/** Each step of the chain, with what is wrong with its link to the one before. */
function* linksOf({ entries }: Chain): Generator<[ChainEntry, string | undefined]> {
  let before: Pick<EntryLink, "number" | "seal" | "format"> = { number: 0, seal: "" };
  for (const step of entries) {
    yield [step, linkProblem(step, before)];
    before = step;
  }
}

function linkProblem(
  step: ChainEntry,
  { number, seal, format }: Pick<EntryLink, "number" | "seal" | "format">,
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
      return `${CHAIN_FILE}, kind ${quoted(step.fields.kind)}`;
  }
}

export function chainProblem(chain: Chain): string | undefined {
  for (const [step, broken] of linksOf(chain)) if (broken) return `${placeOf(step)}: ${broken}`;
  const [never_sealed] = awayUnsealed(chain);
  return never_sealed && `${never_sealed}: ${NEVER_SEALED}`;
}

/** Only what is sealed is taken out: where the chain says otherwise, a line of it is missing. */
function awayUnsealed({ seals, away }: Chain): string[] {
  const sealed = new Set(seals.map(({ part }) => part));
  return [...away.keys()].filter((label) => !sealed.has(label));
}

/** What is sealed and not in the chain; but for the one that a process which seals is about to add. */
function beyondChain(
  chain: Chain,
  records: Records,
  end: { number: number; seal: string } | undefined,
): Finding[] {
  const known = new Set(chain.seals.map(({ part }) => part));
  return [...records]
    .filter(([label, { number, previous }]) =>
      !known.has(label) && !(number === end?.number! + 1 && previous === end?.seal)
    )
    .sort(([, a], [, b]) => a.number - b.number)
    .map(([label, { number }]) =>
      found("chain", label, `sealed as number ${number}, and not in the chain: ${SEAL_ADDS_IT}`)
    );
}

/** What is wrong with the registry. `is_still` says that no process changes it now. */
export function registryFindings(
  world: World,
  root: string,
  chain: Chain,
  is_still: boolean,
): Finding[] {
  const bound = boundRegistry(chain);
  if (!bound) return [];
  const its_step = `number ${bound.number} of the chain`;
  const of = (kind: Finding["kind"], reason: string) => [found(kind, "_schema.json", reason)];
  switch (registryState(world, root, chain)) {
    case "interrupted":
      // Where the lock could not be had, its process may be about to finish it.
      return is_still
        ? of("chain", `${its_step} changes it, and its process was killed: ledger seal ends it`)
        : [];
    case "changed":
      return of("changed", `it is not the registry that ${its_step} binds`);
    case "removed":
      return of("removed", `${its_step} binds it, and it is gone`);
    default:
      return [];
  }
}

/** What a reader of the chain should know, and is no finding. */
export function chainNotes(chain: Chain): string[] {
  const kinds = new Map<string, number>();
  for (const step of chain.entries) {
    if (step.kind !== "other") continue;
    const kind = String(step.fields.kind);
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  const others = [...kinds].map(([kind, count]) => {
    const whose = RESERVED_KINDS.includes(kind)
      ? "of a later version"
      : "that this version does not know";
    return `${count} of the chain's entries have the kind ${quoted(kind)}, ${whose}: proven`;
  });
  return boundRegistry(chain) ? others : [NOT_BOUND, ...others];
}
