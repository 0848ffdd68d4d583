/** Steps that are added to the chain beside sealed parts: what left or came back, which registry counts. */
import type { World } from "../../base/world.ts";
import {
  addStep,
  appendSteps,
  type Chain,
  CHAIN_FORMAT,
  type ChainEntry,
  type ChainStep,
  endOfChain,
  type Link,
} from "./chain.ts";
import { sealOfStep } from "./seal_digest.ts";

/** Links entries to the end of a chain that is complete, and adds them durably. */
export function appendEntries(
  world: World,
  root: string,
  chain: Chain,
  entries: readonly ChainEntry[],
): void {
  let end: Pick<Link, "number" | "seal"> = endOfChain(chain);
  const steps = entries.map((entry): ChainStep => {
    const link = { format: CHAIN_FORMAT, number: end.number + 1, previous: end.seal } as const;
    const step = { ...entry, ...link, seal: "" };
    return end = { ...step, seal: sealOfStep(step) };
  });
  appendSteps(world, root, steps);
  for (const step of steps) addStep(chain, step);
}
