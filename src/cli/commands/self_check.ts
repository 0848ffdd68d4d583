import * as z from "zod/mini";
import { EXIT_OK } from "../../base/error.ts";
import { defineCommand } from "../command.ts";
import { asJson } from "../flags.ts";
import { print } from "../output.ts";

export default defineCommand({
  name: "self-check",
  summary: "does the native library load and answer here?",
  description: "Loads DuckDB, unpacking it first if need be, and asks it `select 42`.",
  examples: [
    { line: "ledger self-check", shows: "one line" },
    { line: "ledger self-check --json", shows: "what was loaded from where" },
  ],
  flags: z.strictObject({ "json": asJson() }),
  hidden: true,
  run: async ({ world, flags }) => {
    const { selfCheck } = await import("../../duckdb/native.ts");
    const checked = await selfCheck(world);
    if (flags.json) print(world, JSON.stringify(checked));
    else {
      const where = checked.folder ?? "the npm package";
      print(world, `DuckDB ${checked.duckdb_version} answers ${checked.answer}, from ${where}`);
    }
    return EXIT_OK;
  },
});
