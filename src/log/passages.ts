/** Parts that leave the log, or come back: what the chain is told of it. */
import type { World } from "../base/world.ts";
import {
  addStep,
  appendSteps,
  type ChainStep,
  endOfChain,
  readChain,
  type Returned,
  type TakenOut,
} from "./chain.ts";
import { sealOfPassage } from "./seal_digest.ts";

/** Adds to the chain, durably, what left or came back. The caller holds its lock. */
export function appendPassages(
  world: World,
  root: string,
  passages: readonly (TakenOut | Returned)[],
): void {
  const chain = readChain(world, root);
  const steps = passages.map((passage): ChainStep => {
    const { number, seal: previous } = endOfChain(chain);
    const seal = sealOfPassage(previous, passage);
    const step = { ...passage, number: number + 1, previous, seal };
    addStep(chain, step);
    return step;
  });
  appendSteps(world, root, steps);
}
