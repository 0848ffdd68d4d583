/** Control loop of the shipper: what the log gets new is sent at intervals, or sooner where it is much. */
import { asLedgerError, type LedgerError } from "../base/error.ts";
import { segment_bytes_max, segment_flush_ms, ship_look_ms } from "../base/limits.ts";
import type { World } from "../base/world.ts";
import { shippingLag } from "../log/pull/shipping_lag.ts";
import type { Fleet } from "./fleet.ts";
import type { ShipReport } from "./ship.ts";
import { backOff, isUnreachable } from "./store.ts";

interface LoopOptions {
  signal: AbortSignal;
  step: () => Promise<void>;
  /** Whether what it met may pass. Default: the store does not answer. */
  isPassing?: (error: LedgerError) => boolean;
  /** Called with the first trouble of a row. */
  onTrouble: (error: LedgerError) => void;
}

/** Does a step again and again until it is stopped; what may pass is waited for. */
export async function untilStopped(
  world: World,
  { signal, step, isPassing = isUnreachable, onTrouble }: LoopOptions,
): Promise<void> {
  for (let tries = 0; !signal.aborted;) {
    try {
      await step();
      tries = 0;
    } catch (error) {
      if (signal.aborted) return;
      const trouble = asLedgerError(error);
      if (!trouble || !isPassing(trouble)) throw error;
      if (tries++ === 0) onTrouble(trouble);
      await backOff(world, tries, signal);
    }
  }
}

interface FollowOptions {
  signal: AbortSignal;
  /** Whether it waits from the beginning for what may pass; else only once it has shipped well. */
  is_patient?: boolean;
  onShip: (report: ShipReport) => void;
  onTrouble: (error: LedgerError) => void;
}

/**
 * Ships until it is stopped. Once it has gone well, whatever a store or a key file has may pass, keys that have
 * expired too; a fork never does, and is thrown.
 */
export async function keepShipping(
  fleet: Fleet,
  { signal, is_patient = false, onShip, onTrouble }: FollowOptions,
): Promise<void> {
  const { world, home } = fleet;
  await untilStopped(world, {
    signal,
    onTrouble,
    isPassing: (error) => error.code !== "forked" && (is_patient || isUnreachable(error)),
    step: async () => {
      onShip(await fleet.ship({ signal }));
      is_patient = true;
      const until_ms = world.elapsed_ms() + segment_flush_ms;
      while (!signal.aborted && world.elapsed_ms() < until_ms) {
        await world.pause(ship_look_ms, signal);
        if ((await shippingLag(world, home.ledger_dir)).bytes >= segment_bytes_max) break;
      }
    },
  });
}
