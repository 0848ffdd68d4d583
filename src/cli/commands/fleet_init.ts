import { defineCommand } from "../command.ts";
import { toggle } from "../flags.ts";
import { fleetFlags, fleetWord, openFleet } from "../fleet.ts";
import { print, printJson, printRows, say } from "../output.ts";

export default defineCommand({
  name: "fleet init",
  summary: "make a bucket of an object store a fleet",
  description:
    "Tries whether the store keeps what a fleet stands on (create-only PUTs, one winner " +
    "of a race, digests, listings, clocks), refuses it by the name of what it does not keep, and " +
    "writes fleet.json into the bucket. Makes the bucket where it is missing and the keys allow " +
    "it. Of a fleet that is there it changes nothing.",
  examples: {
    "ledger fleet init s3://lab/fleet --endpoint http://127.0.0.1:7480": "a store on this machine",
    "ledger fleet init s3://lab/fleet --print-policy": "which rights box, fold job and reader need",
  },
  positionals: [fleetWord(true)],
  flags: {
    "print-policy": toggle("print the policies of a box, a fold job and a reader, and do nothing"),
    ...fleetFlags(),
  },
  network: "reaches",
  run: async ({ world, flags, words: [url] }) => {
    if (flags["print-policy"]) {
      const { policiesOf } = await import("../../fleet/policy.ts");
      const policies = policiesOf(url);
      if (flags.json) return printJson(world, policies);
      return print(world, JSON.stringify(policies, undefined, 2));
    }
    using fleet = await openFleet(world, flags, url);
    const report = await fleet.init();
    if (flags.json) return printJson(world, report);
    if (report.has_made_bucket) say(world, `made the bucket ${fleet.store.address.bucket}`);
    printRows(
      world,
      report.probe.map(({ name, found }) => ({ name, found })),
      [{ field: "name" }, { field: "found" }],
    );
    const { fleet_id, created_at } = report.record;
    print(
      world,
      report.is_old
        ? `${url} is fleet ${fleet_id} since ${created_at}: nothing was changed`
        : `${url} is fleet ${fleet_id}`,
    );
  },
});
