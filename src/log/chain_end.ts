/**
 * The end of the chain, before somebody adds to it: what whoever was killed left out is added; where
 * more than that is missing, nobody seals on top of it.
 */
import { LedgerError } from "../base/error.ts";
import type { World } from "../base/world.ts";
import {
  addStep,
  appendSteps,
  type Chain,
  chainPath,
  endOfChain,
  readChain,
  type SealedStep,
  stepOf,
} from "./chain.ts";
import { listDays } from "./parts.ts";
import { readSealed } from "./sealed.ts";

/** Whether the chain is not as long as it should be. */
export function lacksSteps(world: World, root: string): boolean {
  const chain = readChain(world, root);
  return chain.damage.length > 0 || chain.end < chain.size_bytes ||
    unknownTo(world, root, chain).length > 0;
}

/**
 * The chain with all that was sealed. One step may be missing, of somebody who was killed too early to
 * add it. Where the whole chain is gone, it is made again from the records of the days, and that is told.
 */
export function completeChain(
  world: World,
  root: string,
  onNotice?: (message: string) => void,
): Chain {
  const chain = readChain(world, root);
  if (chain.damage.length > 0) throw damagedChain(root, chain);
  const unknown = unknownTo(world, root, chain);
  if (unknown.length === 0) return chain;
  const is_gone = chain.size_bytes === 0 && unknown.length > 1;
  if (unknown.length > 1 && !is_gone) throw shortChain(root, chain, unknown);
  for (const step of unknown) {
    const { number, seal } = endOfChain(chain);
    if (step.number !== number + 1 || step.previous !== seal) throw brokenChain(root, number, step);
    addStep(chain, step);
  }
  appendSteps(world, root, unknown);
  if (is_gone) {
    onNotice?.(
      `${chainPath(root)} was gone, and was made again from the records of ${unknown.length} ` +
        `parts: hold its last seal against the one that you noted (${unknown.at(-1)!.seal})`,
    );
  }
  return chain;
}

/** What the records of the days say was sealed, and the chain does not; in order. */
function unknownTo(world: World, root: string, chain: Chain): SealedStep[] {
  const known = new Set(chain.seals.map(({ seal }) => seal));
  return listDays(world.files, root)
    .flatMap((day) =>
      Object.entries(readSealed(world.files, root, day))
        .map(([name, sealed]) => stepOf(`day=${day}/${name}`, sealed))
    )
    .filter(({ seal }) => !known.has(seal))
    .sort((a, b) => a.number - b.number);
}

const WAYS_OUT =
  "see what is wrong with: ledger verify --deep; then take that file from a copy, or " +
  "move it away: it is made again from the records of the days";

function damagedChain(root: string, { damage: [{ offset, reason }] }: Chain): LedgerError {
  return new LedgerError({
    code: "damaged",
    message: `cannot seal: the chain of sealed parts is damaged (${reason})`,
    where: { path: chainPath(root), offset },
    hint: WAYS_OUT,
  });
}

function shortChain(root: string, chain: Chain, unknown: SealedStep[]): LedgerError {
  return new LedgerError({
    code: "damaged",
    message: `cannot seal: the chain ends with number ${endOfChain(chain).number}, and ` +
      `${unknown.length} parts that are sealed are not in it, the first of them ${unknown[0].part}`,
    where: { path: chainPath(root) },
    hint: WAYS_OUT,
  });
}

function brokenChain(root: string, number: number, step: SealedStep): LedgerError {
  return new LedgerError({
    code: "damaged",
    message: `cannot seal: the chain ends with number ${number}, and ${step.part} is sealed as ` +
      `number ${step.number} after another`,
    where: { path: chainPath(root) },
    hint: "see what is wrong with: ledger verify --deep; then take that file from a copy",
  });
}
