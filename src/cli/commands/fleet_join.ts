import { defineCommand } from "../command.ts";
import { required, text, toggle } from "../flags.ts";
import { fleetFlags, fleetWord, openFleet } from "../fleet.ts";
import { print, printJson } from "../output.ts";

export default defineCommand({
  name: "fleet join",
  summary: "claim a name for this box in a fleet",
  description: "Claims the name, once and for all, and remembers fleet and name in fleet.json of " +
    "the ledger's folder; no secret is in it. A box whose disk was lost or restored joins under " +
    "a new name. Joined again under its name, a box has the flags that are given then. To send what is in the log: ledger ship.",
  examples: {
    "ledger fleet join s3://lab/fleet --endpoint http://127.0.0.1:7480 --as research-1":
      "this box is research-1 from now on",
    "ledger fleet join s3://lab/fleet --as research-1 --json":
      "again, of a fleet that is remembered: the same claim",
  },
  positionals: [fleetWord(true)],
  flags: {
    "as": required(
      text("NAME", "the name of this box: letters, digits, dot, dash, underscore"),
      "as which box? For example: --as research-1",
    ),
    "with-code": toggle("patches of runs leave this box too"),
    "with-files": toggle("attached files of runs leave this box too"),
    ...fleetFlags(),
  },
  network: "reaches",
  run: async ({ world, flags, words: [url] }) => {
    using fleet = await openFleet(world, flags, url);
    const joined = await fleet.join(flags.as, {
      with_code: flags["with-code"],
      with_files: flags["with-files"],
    });
    if (flags.json) return printJson(world, { path: fleet.home.path, ...joined });
    print(world, `this box is ${joined.name} (${joined.box_id}), remembered in ${fleet.home.path}`);
    const { with_code, with_files } = joined;
    const too = [...with_code ? ["patches"] : [], ...with_files ? ["attached files"] : []];
    if (too.length > 0) print(world, `${too.join(" and ")} of runs leave this box too`);
  },
});
