/** Opening a ledger's fleet: what a program that uses the library calls. Loads the store's client then. */
import type { Ledger } from "../ledger/ledger.ts";
import type { Fleet, FleetOptions } from "./fleet.ts";

/** Opens the fleet of a ledger's box, or one by its address. Dispose of it when done. */
export async function openFleet(ledger: Ledger, options?: FleetOptions): Promise<Fleet> {
  const { Fleet } = await import("./fleet.ts");
  return Fleet.open(ledger.world, ledger.dir, { runs_dir: ledger.runs.dir, ...options });
}
