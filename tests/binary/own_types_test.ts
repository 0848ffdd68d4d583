/** Types of one's own, on the executable: of artifacts, and of runs. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { binaryTest } from "./binary.ts";

const SCHEMA = {
  columns: {
    ts_ms: { kind: "time", required: true },
    iv: { kind: "number", unit: "fraction", bounds: { min: 0 } },
  },
  key: ["ts_ms"],
};

binaryTest(
  "an artifact type of one's own is stored, checked, queried and migrated",
  async (bench) => {
    const ok = async (...args: string[]) => {
      const { code, stdout, stderr } = await bench.ledger(args);
      assertEquals(code, 0, `${args.join(" ")}: ${stderr}`);
      return stdout;
    };
    const write = (name: string, text: string): string => {
      const path = join(bench.folder, name);
      Deno.writeTextFileSync(path, text);
      return path;
    };
    const schema = write("volatility.json", JSON.stringify(SCHEMA));
    await ok("schema", "register", "--artifact", "volatility", schema);
    await ok("runs", "create", "--run-type", "walk-forward", "--run-id", "r1", "--no-git");
    const bad = write("bad.csv", "ts_ms,iv\n1704067200000,-1\n");
    const refused = await bench.ledger(["runs", "write", "r1", "volatility", bad]);
    assertEquals(refused.code, 2);
    assertStringIncludes(refused.stderr, 'row 1 (line 2) has -1 in column "iv"');
    await ok(
      "runs",
      "write",
      "r1",
      "volatility",
      write("good.csv", "ts_ms,iv\n1704067200000,0.5\n"),
    );
    await ok("runs", "write", "r1", "summary", write("summary.csv", "sharpe\n1.5\n"));
    await ok("runs", "finish", "r1");
    await ok("schema", "migrate", "--artifact", "volatility", "--rename", "iv=implied");
    const answer = await ok("query", "--db", "catalog", "--json", "select * from volatility");
    assertEquals(JSON.parse(answer), [{ run_id: "r1", ts_ms: 1_704_067_200_000, implied: 0.5 }]);
    await ok("runs", "verify", "--all", "--deep");
    await ok("verify", "--deep");
  },
);
