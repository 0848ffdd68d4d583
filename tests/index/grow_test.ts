/** However a log grew, its index is the one that a build from nothing gives. */
import { IS_FULL, IS_PLAIN } from "../harness.ts";
import { withSeed } from "../laws/random.ts";
import { assertLikeBuiltAnew, ledgerFolder, sync } from "./indexes.ts";
import { assertLikeModel } from "./model.ts";
import { RandomLog } from "./random_log.ts";

const LANES = IS_FULL ? 3 : 1;
const LEDGERS_OF_A_LANE = IS_FULL ? 20 : IS_PLAIN ? 1 : 4;
const INCREMENTS = 5;
/** Lines of more than a megabyte take their time, so only one log of each lane has them. */
const LEDGER_WITH_LONG_LINES = 3;

for (let lane = 0; lane < LANES; lane++) {
  const increments = LEDGERS_OF_A_LANE * INCREMENTS;
  Deno.test(`after ${increments} random increments the index is as built anew (${lane})`, () =>
    withSeed(async (random) => {
      for (let ledger = 0; ledger < LEDGERS_OF_A_LANE; ledger++) {
        using folder = ledgerFolder();
        const log = new RandomLog(random, folder.path);
        for (let step = 0; step <= INCREMENTS; step++) {
          log.step();
          if (ledger === LEDGER_WITH_LONG_LINES && step % 2 === 0) log.appendLong();
          const is_looked_at = step === INCREMENTS || IS_FULL;
          const live = await sync(folder.path, { count: is_looked_at });
          if (is_looked_at) await assertLikeBuiltAnew(folder.path, live);
        }
        await assertLikeModel(folder.path);
      }
    }, lane));
}
