import { defineCommand } from "../command.ts";
import { asJson, text } from "../flags.ts";
import { print, printJson } from "../output.ts";

export default defineCommand({
  name: "self-check",
  summary: "does the native library load and answer?",
  description: "Loads DuckDB, unpacking it first where necessary, and runs `select 42`.",
  examples: {
    "ledger self-check": "one line",
    "ledger self-check --json": "what was loaded, and from where",
  },
  flags: {
    "json": asJson(),
    "reach": text("URL", "try to reach it, as any command that is none of the fleet's"),
  },
  run: async ({ world, flags }) => {
    if (flags.reach !== undefined) return print(world, await whyUnreachable(flags.reach));
    const { selfCheck } = await import("../../duckdb/native.ts");
    const checked = await selfCheck(world);
    if (flags.json) return printJson(world, checked);
    const where = checked.folder ?? "the npm package";
    print(world, `DuckDB ${checked.duckdb_version} answers ${checked.answer}, from ${where}`);
  },
});

/** What becomes of a request: the sandbox has to refuse it, wherever it goes. */
async function whyUnreachable(url: string): Promise<string> {
  try {
    const response = await fetch(url);
    await response.body?.cancel();
    return `reached ${url}: ${response.status}`;
  } catch (error) {
    return `refused: ${(error as Error).name}`;
  }
}
