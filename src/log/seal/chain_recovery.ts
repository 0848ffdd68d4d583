/**
 * Recovery of the hash chain before an append: the step that a killed process left out is added; where
 * more than that is missing, nothing is sealed on top of it.
 */
import { LedgerError } from "../../base/error.ts";
import type { World } from "../../base/world.ts";
import {
  addEntry,
  appendEntries,
  type Chain,
  type ChainEntry,
  chainPath,
  endOfChain,
  type NewEntry,
  parseEntry,
  readChain,
  type SealedEntry,
  sealedEntry,
} from "../format/chain.ts";
import { extendChain } from "../format/chain_digest.ts";
import { ledgerPaths } from "../format/layout.ts";
import { listDays } from "../read/parts.ts";
import { isSettled, registryProblem, settleRegistry } from "../event/registry_binding.ts";
import { readSealed, type SealedPart } from "../format/seal_manifest.ts";
import { labelled } from "./verify_sealed.ts";

/** Whether the chain is not as long as it should be, or the registry not settled. */
export function lacksSteps(world: World, root: string): boolean {
  const chain = readChain(world, root);
  const hasRegistry = () => world.files.facts(ledgerPaths(root).schema) !== undefined;
  if (chain.entries.length === 0 && chain.size_bytes === 0 && !hasRegistry()) return false;
  return chain.damage.length > 0 || chain.end < chain.size_bytes ||
    !isSettled(world, root, chain) || unknownTo(world, root, chain).length > 0;
}

/** Adds to the chain, durably, what left or came back. The caller holds its lock. */
export async function addToChain(
  world: World,
  root: string,
  entries: readonly NewEntry[],
): Promise<void> {
  if (entries.length > 0) extendChain(world, root, await readyChain(world, root), entries);
}

/** The chain, complete and with the registry settled: steps of format 2 may be added to it. */
export async function readyChain(
  world: World,
  root: string,
  onNotice?: (message: string) => void,
): Promise<Chain> {
  const chain = completeChain(world, root, onNotice);
  const state = await settleRegistry(world, root, chain);
  if (state === "changed" || state === "removed") {
    onNotice?.(`${registryProblem(root, state)}; see: ledger verify --deep`);
  }
  return chain;
}

/**
 * The chain with all that was sealed. One step may be missing, where a process was killed before it
 * added it. Where the whole chain is gone, it is made again from the manifests, with a notice.
 */
function completeChain(world: World, root: string, onNotice?: (message: string) => void): Chain {
  const chain = readChain(world, root);
  const [damage] = chain.damage;
  if (damage) {
    throw cannotSeal(
      root,
      `the chain of sealed parts is damaged (${damage.reason})`,
      damage.offset,
    );
  }
  const unknown = unknownTo(world, root, chain);
  if (unknown.length === 0) return chain;
  const is_gone = chain.size_bytes === 0 &&
    (unknown.length > 1 || unknown[0].format !== undefined);
  if (unknown.length > 1 && !is_gone) {
    throw cannotSeal(
      root,
      `the chain ends with number ${
        endOfChain(chain).number
      }, and ${unknown.length} parts that are ` +
        `sealed are not in it, the first of them ${unknown[0].part}`,
    );
  }
  const added = is_gone ? withStepsBetween(world, root, unknown) : unknown;
  for (const step of added) {
    const { number, seal } = endOfChain(chain);
    if (step.number !== number + 1 || step.previous !== seal) {
      const what = step.kind === "sealed"
        ? `${step.part} is sealed`
        : "what came before a part stands";
      const reason = `the chain ends with number ${number}, and ${what} as number ${step.number} ` +
        "after another";
      throw cannotSeal(root, reason).with({ hint: FROM_COPY });
    }
    addEntry(chain, step);
  }
  appendEntries(world, root, added);
  if (is_gone) {
    onNotice?.(
      `${chainPath(root)} was gone, and was made again from the records of ${unknown.length} ` +
        `parts: compare its last digest with the one that you saved (${unknown.at(-1)!.seal})`,
    );
  }
  return chain;
}

/** What the manifests say was sealed, and the chain does not; in order. */
function unknownTo(world: World, root: string, chain: Chain): SealedEntry[] {
  const known = new Set(chain.seals.map(({ seal }) => seal));
  return recordsOf(world, root)
    .map(([label, record]) => sealedEntry(label, record))
    .filter(({ seal }) => !known.has(seal))
    .sort((a, b) => a.number - b.number);
}

/** The steps of sealed parts, each behind the steps since the part before it. */
function withStepsBetween(
  world: World,
  root: string,
  sealed: readonly SealedEntry[],
): ChainEntry[] {
  const records = new Map(recordsOf(world, root));
  return sealed.flatMap((step) => {
    const between = records.get(step.part)?.after?.map(parseEntry) ?? [];
    return [...between.filter((each) => each !== undefined), step];
  });
}

function recordsOf(world: World, root: string): [string, SealedPart][] {
  return listDays(world.files, root)
    .flatMap((day) => labelled(day, readSealed(world.files, root, day)));
}

const FROM_COPY =
  "see what is wrong with: ledger verify --deep; then restore that file from a backup";

function cannotSeal(root: string, reason: string, offset?: number): LedgerError {
  return new LedgerError({
    code: "damaged",
    message: `cannot seal: ${reason}`,
    where: { path: chainPath(root), ...(offset === undefined ? {} : { offset }) },
    hint: `${FROM_COPY}, or move it away: it is made again from the records of the days`,
  });
}
