/** The object store of the fleet's benches: a real Ceph on this machine, three replicas on its disk. */
import { join } from "@std/path";
import { Fleet } from "../../src/fleet/fleet.ts";
import { systemWorld } from "../../src/base/world.ts";
import { LeftOut } from "./bench.ts";

/** A store that runs, and a fleet in it. */
export interface BenchStore extends AsyncDisposable {
  fleet: Fleet;
  endpoint: string;
  keys: Readonly<Record<string, string>>;
}

/** Starts it, with its data in a folder. */
export async function startStore(folder: string): Promise<BenchStore> {
  const { Ceph, HAS_CEPH } = await import("../../tests/fleet/ceph.ts");
  if (!HAS_CEPH) throw new LeftOut("there is no Ceph (ceph-mon, ceph-osd, radosgw)");
  const of_ceph = join(folder, "ceph");
  Deno.mkdirSync(of_ceph);
  const ceph = await Ceph.start({ folder: of_ceph, osds: 3 });
  const { endpoint, keys } = ceph;
  const world = { ...systemWorld(), env: (name: string) => (keys as Record<string, string>)[name] };
  const fleet = Fleet.open(world, join(folder, "job"), { url: "s3://bench/fleet", endpoint });
  await fleet.init();
  return {
    fleet,
    endpoint,
    keys,
    async [Symbol.asyncDispose]() {
      fleet[Symbol.dispose]();
      await ceph[Symbol.asyncDispose]();
    },
  };
}
