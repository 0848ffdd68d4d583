import { defineCommand } from "../command.ts";
import { asJson } from "../flags.ts";
import { print, printJson } from "../output.ts";

export default defineCommand({
  name: "self-check",
  summary: "does the native library load and answer?",
  description: "Loads DuckDB, unpacking it first where necessary, and runs `select 42`.",
  examples: {
    "ledger self-check": "one line",
    "ledger self-check --json": "what was loaded, and from where",
  },
  flags: { "json": asJson() },
  run: async ({ world, flags }) => {
    const { selfCheck } = await import("../../duckdb/native.ts");
    const checked = await selfCheck(world);
    if (flags.json) return printJson(world, checked);
    const where = checked.folder ?? "the npm package";
    print(world, `DuckDB ${checked.duckdb_version} answers ${checked.answer}, from ${where}`);
  },
});
