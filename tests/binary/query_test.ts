/** Hostile SQL to the executable, with every file of its scope in reach: refused by name, nothing written. */
import { IS_FULL } from "../harness.ts";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { fileDigest } from "../../src/base/files/checksum.ts";
import { systemFiles } from "../../src/base/files/system_files.ts";
import { refusedStatements } from "../duckdb/statements.ts";
import { type Bench, binaryTest } from "./binary.ts";

/** How many statements stand between two that are asked; all of them are in the full run. */
const STEP = IS_FULL ? 1 : 37;

/** What every file below a folder holds, by its digest. The unpacked library is no part of it. */
function filesBelow(folder: string): Map<string, string> {
  const files = systemFiles();
  const found = new Map<string, string>();
  const look = (folder: string) => {
    for (const { name, is_folder } of files.list(folder) ?? []) {
      const path = join(folder, name);
      if (!is_folder) found.set(path, fileDigest(files, path));
      else if (name !== ".native") look(path);
    }
  };
  look(folder);
  return found;
}

async function makeLab(bench: Bench): Promise<string[]> {
  const schema = join(bench.folder, "schema.json");
  Deno.writeTextFileSync(schema, `{"type":"object"}`);
  const traces = join(bench.folder, "traces.ndjson");
  Deno.writeTextFileSync(traces, `{"event_id":"f1","event_type":"FILL"}\n`);
  const steps = [
    ["trace", "ingest", traces, "--compact"],
    ["schema", "register", "note.taken", schema],
    ["emit", "run.started", "--run-id", "r1"],
    ["runs", "create", "--run-type", "policy", "--run-id", "r1"],
    ["runs", "finish", "r1", "--status", "completed"],
    ["rebuild"],
    ["runs", "sync"],
  ];
  for (const args of steps) {
    const { code, stderr } = await bench.ledger(args);
    assertEquals(code, 0, `${args.join(" ")}: ${stderr}`);
  }
  const names = [...filesBelow(bench.folder).keys()];
  return [/run\.json$/, /_schema\.json$/, /\.jsonl$/, /runs\.duckdb$/, /\.parquet$/]
    .map((wanted) => names.find((name) => wanted.test(name))!);
}

binaryTest(
  "the executable refuses by name what would do more than ask, and writes nothing",
  async (bench) => {
    const targets = await makeLab(bench);
    const before = filesBelow(bench.folder);
    assertEquals(targets.filter((path) => !before.has(path)), []);
    const statements = refusedStatements();
    for (let n = 0; n < statements.length; n += STEP) {
      const { sql: template, names } = statements[n];
      const sql = template.replaceAll("AT", targets[n % targets.length]);
      // No argument of a process can hold a NUL, and a word that begins with a dash is a flag.
      const path = join(bench.folder, "asked.sql");
      Deno.writeTextFileSync(path, sql);
      const db = /runs_d|^from x/.test(sql) ? "runs" : ["runs", "catalog", "traces"][n % 3];
      const { code, stdout, stderr } = await bench.ledger(["query", "--db", db, "--file", path]);
      Deno.removeSync(path);
      assertEquals([sql, code, stdout], [sql, 2, ""], stderr);
      assertStringIncludes(stderr, names, sql);
    }
    assertEquals(filesBelow(bench.folder), before);
  },
);

binaryTest("SQL without a statement is a mistake, told in a sentence", async (bench) => {
  await bench.ledger(["emit", "run.started", "--run-id", "r1"]);
  assertEquals((await bench.ledger(["rebuild"])).code, 0);
  for (const sql of [";", "", "  ", " ; ; ", "/* nothing */"]) {
    const { code, stdout, stderr } = await bench.ledger(["query", sql]);
    assertEquals([sql, code, stdout], [sql, 2, ""]);
    assertEquals(stderr.split("\n")[0], "error: cannot run this: there is no statement in it");
  }
  const asked = await bench.ledger(["query"]);
  assertEquals(asked.code, 0, asked.stderr);
  assertStringIncludes(asked.stdout, "To begin with:");
});
