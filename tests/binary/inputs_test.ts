/** The executable reads large inputs on threads of its own, which are in its payload. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { binaryTest, runProgram } from "./binary.ts";

binaryTest(
  "inputs of a run are read on threads, and their digests are those of sha256sum",
  async (bench) => {
    const { folder, ledger } = bench;
    const rows = 600_000;
    Deno.writeTextFileSync(
      join(folder, "bars.csv"),
      "ts_ms,px\n" +
        Array.from({ length: rows }, (_, at) => `${1_700_000_000_000 + at},1.5\n`).join(""),
    );
    for (const [name, size_bytes] of [["a.bin", 20_000_000], ["b.bin", 9_000_001]] as const) {
      using file = Deno.openSync(join(folder, name), { write: true, create: true });
      file.truncateSync(size_bytes);
    }
    const named = ["bars.csv", "a.bin", "b.bin"];
    for (const name of named) Deno.utimeSync(join(folder, name), 1_700_000_000, 1_700_000_000);
    const create = ["runs", "create", "--run-type", "policy", "--no-git", "--run-id"];
    const created = await ledger([...create, "r", "--json", "--input", ...named]);
    assertEquals(created.code, 0, created.stderr);
    const manifest = JSON.parse(
      Deno.readTextFileSync(join(folder, JSON.parse(created.stdout).folder, "run.json")),
    );
    const inputs: Record<string, unknown>[] = manifest.inputs;
    const { stdout } = await runProgram(
      "sha256sum",
      inputs.map(({ path }) => String(path)),
      folder,
    );
    assertEquals(inputs.map(({ path, sha256 }) => `${sha256}  ${path}\n`).join(""), stdout);
    const bars = inputs.find(({ path }) => String(path).endsWith("bars.csv"))!;
    const { from_ms, to_ms } = bars;
    assertEquals([bars.rows, from_ms, to_ms], [
      rows,
      1_700_000_000_000,
      1_700_000_000_000 + rows - 1,
    ]);
    const again = await ledger([...create, "s", "--input", "*.bin"]);
    assertEquals(again.code, 0, again.stderr);
    assertEquals((await ledger(["runs", "verify", "--all", "--inputs", "--rehash"])).code, 0);
    Deno.writeTextFileSync(join(folder, "b.bin"), "x", { append: true });
    const verified = await ledger(["runs", "verify", "r", "--inputs"]);
    assertEquals(verified.code, 3);
    assertStringIncludes(verified.stdout, "b.bin: an input of run r has other bytes now");
    const { stdout: listed } = await ledger([
      ...["runs", "query", "--input", "a.bin", "--status", "any", "--json"],
      ...["--sort", "run_id:asc", "--columns", "run_id"],
    ]);
    assertEquals(JSON.parse(listed), [{ run_id: "r" }, { run_id: "s" }]);
  },
);
