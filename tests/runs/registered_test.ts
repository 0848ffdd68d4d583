/** Artifact types of one's own: registered, written, asked, migrated, bound to the chain. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { LedgerError } from "../../src/base/error.ts";
import { readRegistry } from "../../src/log/event/registry.ts";
import { RunDirectory } from "../../src/runs/directory/directory.ts";
import { linesOnDisk, testWorld } from "../harness.ts";
import { ask, inLab, type Lab, ledgerOf, newLab, sync } from "./runs.ts";

const TS = 1_704_067_200_000;

const GREEKS = {
  description: "option greeks over time",
  columns: {
    ts_ms: { kind: "time", required: true, unit: "ms" },
    Symbol: { kind: "text", required: true, description: "the option" },
    iv: { kind: "number", unit: "fraction", bounds: { min: 0, max: 5 } },
    volume: { kind: "whole" },
  },
  key: ["ts_ms", "Symbol"],
  order: ["ts_ms"],
};

const CSV = `ts_ms,Symbol,iv,volume\n${TS},AAPL,0.25,10\n${TS + 1},AAPL,,12\n`;

async function register(lab: Lab, name = "greeks", schema: unknown = GREEKS) {
  return await inLab(lab, ["schema", "register", "--artifact", name, "-"], {
    stdin: JSON.stringify(schema),
  });
}

async function write(lab: Lab, run_id: string, csv: string, type = "greeks"): Promise<string> {
  await using ledger = ledgerOf(lab);
  const run = await ledger.runs.create({ run_type: "full", run_id, git: false });
  const { code, stderr } = await inLab(lab, ["runs", "write", run_id, type, "-"], { stdin: csv });
  if (code === 0) await run.markSuccess();
  return stderr;
}

Deno.test("a registered artifact type is listed, shown, written, queried, verified and compacted", async () => {
  using lab = newLab();
  const first = await register(lab);
  assertEquals([first.code, first.stdout], [0, "registered greeks, version 1\n"], first.stderr);
  assertMatch((await register(lab)).stdout, /with this schema already, version 1/);
  const listed = await inLab(lab, ["schema", "list", "--artifact", "--json"]);
  assertEquals(JSON.parse(listed.stdout).at(-1), {
    type: "greeks",
    version: 1,
    fields: ["ts_ms", "Symbol"],
    records: "option greeks over time",
  });
  const shown = await inLab(lab, ["schema", "show", "--artifact", "greeks", "--json"]);
  assertEquals(JSON.parse(shown.stdout).schema, GREEKS);
  assertMatch((await inLab(lab, ["schema", "show", "greeks"])).stderr, /show --artifact greeks/);

  await write(lab, "r1", CSV);
  const folder = await ledgerOf(lab).runs.find("r1").then(({ folder }) => folder);
  const { path, rows } = RunDirectory.readManifest(folder).artifacts.greeks;
  assertEquals([path, rows], ["artifacts/greeks.parquet", 2]);
  await sync(lab);
  const sql = `select run_id, "Symbol", iv, volume from greeks order by ts_ms`;
  const answer = [["r1", "AAPL", 0.25, 10], ["r1", "AAPL", null, 12]];
  assertEquals(await ask(lab, sql), answer);
  assertStringIncludes(
    (await inLab(lab, ["query", "--db", "catalog"])).stdout,
    "run_id, ts_ms, Symbol, iv, volume",
  );
  const verified = await inLab(lab, ["runs", "verify", "--all", "--deep"]);
  assertEquals(verified.code, 0, verified.stdout);
  const [month] = [...Deno.readDirSync(lab.runs_dir)].map(({ name }) => name)
    .filter((name) => /^\d{4}-\d\d$/.test(name));
  const compacted = await inLab(lab, ["runs", "compact", "--month", month, "--json"]);
  assertEquals(JSON.parse(compacted.stdout).files[0].artifact_type, "greeks", compacted.stderr);
  assertEquals(await ask(lab, sql), answer);
  const schema = await inLab(lab, ["runs", "schema", "greeks"]);
  assertStringIncludes(schema.stdout, "artifacts/greeks.parquet: option greeks over time");
});

Deno.test("rows of a registered type are checked as those of ours are, by row and column", async () => {
  using lab = newLab();
  await register(lab);
  const refused: Record<string, [string, string]> = {
    "no time": [`ts_ms,Symbol\n,A\n`, `row 1 (line 2) has null in column "ts_ms"`],
    "no symbol": [`ts_ms,iv\n${TS},1\n`, `lacks the column "Symbol"`],
    "another column": [`ts_ms,Symbol,vi\n${TS},A,1\n`, `"vi"`],
    "more than is possible": [`ts_ms,Symbol,iv\n${TS},A,9\n`, "from 0 to 5"],
    "a key twice": [`ts_ms,Symbol\n${TS},A\n${TS},A\n`, "ts_ms, Symbol"],
    "back in time": [`ts_ms,Symbol\n${TS},A\n${TS - 1},A\n`, "have to ascend by ts_ms"],
    "half a volume": [`ts_ms,Symbol,volume\n${TS},A,1.5\n`, `1.5`],
  };
  for (const [at, [csv, said]] of Object.values(refused).entries()) {
    assertStringIncludes(await write(lab, `r${at}`, csv), said);
  }
});

const UNUSABLE: Record<string, [name: string, schema: unknown, said: string]> = {
  "no columns": ["a", {}, "its columns are missing"],
  "no object": ["a", [], "it is []; it has to be an object"],
  "columns that are a list": ["a", { columns: [] }, "they have to be an object"],
  "a kind that is none": ["a", { columns: { x: { kind: "float" } } }, "kinds are text"],
  "a kind that is nearly one": ["a", { columns: { x: { kind: "nubmer" } } }, `is "number" meant?`],
  "a member that is none": ["a", { columns: { x: { kind: "text", requird: true } } }, `"required"`],
  "a column of ours": ["a", { columns: { run_id: { kind: "text" } } }, "leave it out"],
  "two columns for DuckDB": [
    "a",
    { columns: { x: { kind: "text" }, X: { kind: "text" } } },
    "two columns",
  ],
  "a column that is no name": [
    "a",
    { columns: { "x y": { kind: "text" } } },
    `"x y" is no column's`,
  ],
  "bounds of a text": ["a", { columns: { x: { kind: "text", bounds: { min: 1 } } } }, "only whole"],
  "bounds that hold nothing": [
    "a",
    { columns: { x: { kind: "number", bounds: { min: 2, max: 1 } } } },
    "hold no value",
  ],
  "a bound that is no number": [
    "a",
    { columns: { x: { kind: "number", bounds: { min: "1" } } } },
    "has to be a number",
  ],
  "a key that is no column": ["a", { columns: { x: { kind: "text" } }, key: ["y"] }, "no column"],
  "a name of ours": ["trades", GREEKS, "built-in"],
  "a name of the catalog": ["run_states", GREEKS, "the catalog has such names"],
  "a name that is none": ["a.b", GREEKS, "small letters"],
};

for (const [what, [name, schema, said]] of Object.entries(UNUSABLE)) {
  Deno.test(`an artifact type with ${what} is refused, and nothing is registered`, async () => {
    using lab = newLab();
    const { code, stderr } = await register(lab, name, schema);
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, said);
    assertEquals(readRegistry(testWorld(), lab.dir).artifacts.size, 0);
  });
}

Deno.test("files of an earlier version are read as the present one, by views, verify and compact", async () => {
  using lab = newLab();
  await register(lab);
  await write(lab, "old", CSV);
  const migrated = await inLab(lab, [
    ...["schema", "migrate", "--artifact", "greeks", "--rename", "iv=implied", "--drop", "volume"],
    ...["--default", 'desk="main"'],
  ]);
  assertEquals(
    migrated.stdout,
    "greeks is now at version 2; older files are read as this version\n",
  );
  await write(lab, "new", `ts_ms,Symbol,implied,desk\n${TS},MSFT,0.5,east\n`);
  // A name that was given up may come again, and means something else then.
  const again = ["schema", "migrate", "--artifact", "greeks", "--default", "volume=0.5"];
  assertEquals((await inLab(lab, again)).code, 0);
  await write(lab, "newest", `ts_ms,Symbol,implied,desk,volume\n${TS},X,,west,7\n`);
  await sync(lab);
  const sql = "select * from greeks order by run_id, ts_ms";
  const answer = [
    ["new", TS, "MSFT", 0.5, "east", 0.5],
    ["newest", TS, "X", null, "west", 7],
    ["old", TS, "AAPL", 0.25, "main", 0.5],
    ["old", TS + 1, "AAPL", null, "main", 0.5],
  ];
  assertEquals(await ask(lab, sql), answer);
  const verified = await inLab(lab, ["runs", "verify", "--all", "--deep", "--json"]);
  assertEquals(JSON.parse(verified.stdout).findings, []);
  const [month] = [...Deno.readDirSync(lab.runs_dir)].map(({ name }) => name)
    .filter((name) => /^\d{4}-\d\d$/.test(name));
  assertEquals((await inLab(lab, ["runs", "compact", "--month", month])).code, 0);
  assertEquals(await ask(lab, sql), answer);
  // What is compacted says which version it is of, and is read as a later one in its turn.
  for (const step of [["--drop", "volume"], ["--rename", "desk=volume"]]) {
    assertEquals(
      (await inLab(lab, ["schema", "migrate", "--artifact", "greeks", ...step])).code,
      0,
    );
  }
  const desks = await ask(lab, "select volume from greeks order by run_id, ts_ms");
  assertEquals(desks, [["east"], ["west"], ["main"], ["main"]]);
});

Deno.test("a migration of an artifact type that does not fit is refused by name", async () => {
  using lab = newLab();
  await register(lab);
  const refused: Record<string, string[]> = {
    "did you mean volume?": ["--rename", "volme=v"],
    'its schema has no column "something_else"': ["--drop", "something_else"],
    "run_id says whose": ["--drop", "run_id"],
    "its key names": ["--drop", "Symbol"],
    "there is such a column": ["--rename", "iv=volume", "--drop", "volume"],
    "the column is of kind": ["--default", 'rho="x"', "--schema", "-"],
  };
  const schema = { columns: { ...GREEKS.columns, rho: { kind: "number" } } };
  for (const [said, flags] of Object.entries(refused)) {
    const { code, stderr } = await inLab(
      lab,
      ["schema", "migrate", "--artifact", "greeks", ...flags],
      { stdin: JSON.stringify(schema) },
    );
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, said);
  }
  assertEquals(readRegistry(testWorld(), lab.dir).artifacts.get("greeks")?.version, 1);
});

Deno.test("an artifact type is bound to the chain, and one that is not usable harms no event", async () => {
  using lab = newLab();
  await register(lab);
  const path = join(lab.dir, "events", "_schema.json");
  const text = Deno.readTextFileSync(path);
  const deep = await inLab(lab, ["verify", "--deep"]);
  assertEquals(deep.code, 0, deep.stdout);
  Deno.writeTextFileSync(path, text.replace('"kind": "whole"', '"kind": "galaxy"'));
  const changed = await inLab(lab, ["verify", "--deep"]);
  assertEquals(changed.code, 3);
  assertStringIncludes(changed.stdout, "it is not the registry that");
  assertEquals((await inLab(lab, ["emit", "run.started", "--run-id", "r1"])).code, 0);
  assertEquals(linesOnDisk(lab.dir).length, 1);
  await using ledger = ledgerOf(lab);
  const run = await ledger.runs.create({ run_type: "full", run_id: "r2", git: false });
  const error = await run.writeArtifact("greeks", []).catch((error) => error);
  assertEquals(error instanceof LedgerError && error.code, "invalid");
  assertStringIncludes(error.message, `its column "volume" has the kind "galaxy"`);
  const doctor = await inLab(lab, ["doctor", "--json"]);
  assertStringIncludes(doctor.stdout, "no artifact greeks is written");
});

Deno.test("LEDGER_RUN_ID stands in for the run where a type of one's own comes first", async () => {
  using lab = newLab();
  await register(lab);
  await using ledger = ledgerOf(lab);
  await ledger.runs.create({ run_type: "full", run_id: "r1", git: false });
  const path = join(lab.path, "greeks.csv");
  Deno.writeTextFileSync(path, CSV);
  const vars = { LEDGER_RUN_ID: "r1" };
  for (const words of [["greeks", path], ["greeks"], ["r1", "greeks", path]]) {
    const args = ["runs", "write", ...words];
    const { code, stdout, stderr } = await inLab(lab, args, { vars, stdin: CSV });
    assertEquals(code, 0, stderr);
    assertStringIncludes(stdout, "greeks.parquet 2 rows");
  }
});

Deno.test("a type that another process registers is known to a ledger that is open", async () => {
  using lab = newLab();
  await using ledger = ledgerOf(lab);
  const run = await ledger.runs.create({ run_type: "full", run_id: "r1", git: false });
  await register(lab);
  const { rows } = await run.writeArtifact("greeks", [{ ts_ms: TS, Symbol: "A" }]);
  assertEquals(rows, 1);
});
