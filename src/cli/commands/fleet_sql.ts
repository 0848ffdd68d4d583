import { defineCommand } from "../command.ts";
import { type Engine, ENGINES } from "../../fleet/engines.ts";
import { fleetFlags, fleetWord, openFleet } from "../fleet.ts";
import { print, printJson } from "../output.ts";

export default defineCommand({
  name: "fleet sql",
  summary: "print the lines with which an engine reads the tables",
  description:
    "Prints a script for Spark or Polars (Python), or for ClickHouse or DuckDB (SQL): it opens each " +
    "table of the fleet by its name, makes events_once of events without the copies that are listed in " +
    "duplicates, and asks one question. No key stands in it; the engine reads AWS_ACCESS_KEY_ID, " +
    "AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and AWS_REGION. Nothing is asked of the store.",
  examples: {
    "ledger fleet sql duckdb": "for the command line of DuckDB: ledger fleet sql duckdb | duckdb",
    "ledger fleet sql spark s3://lab/fleet --endpoint http://127.0.0.1:7480":
      "any fleet, for spark-submit",
  },
  positionals: [
    { name: "ENGINE", summary: ENGINES.join(", "), required: true, choices: ENGINES },
    fleetWord(),
  ],
  flags: fleetFlags(),
  run: async ({ world, flags, words: [engine, url] }) => {
    using fleet = await openFleet(world, flags, url);
    const lines = await fleet.sql(engine as Engine);
    if (flags.json) printJson(world, { engine, lines });
    else print(world, lines.trimEnd());
  },
});
