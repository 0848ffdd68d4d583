/** What the tests of the fleet share: a store to talk to, and a world that has keys. */
import { parseAddress } from "../../src/fleet/address.ts";
import { KeySource } from "../../src/fleet/keys.ts";
import { ObjectStore } from "../../src/fleet/store.ts";
import { systemWorld, type World } from "../../src/base/world.ts";
import { STRICT_KEYS, type StrictStore } from "./strict_store.ts";

/** The real one, with these variables alone and without waiting. */
export function fleetWorld(
  vars: Readonly<Record<string, string>> = STRICT_KEYS,
  changes: Partial<World> = {},
): World {
  return {
    ...systemWorld(),
    env: (name) => vars[name],
    pause: () => Promise.resolve(),
    ...changes,
  };
}

/** A client of the fleet `s3://lab/fleet`. */
export function openStore(strict: StrictStore, world: World = fleetWorld()): ObjectStore {
  return new ObjectStore(
    world,
    parseAddress("s3://lab/fleet", strict.endpoint),
    new KeySource(world),
  );
}
