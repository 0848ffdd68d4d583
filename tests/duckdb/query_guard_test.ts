/** What the guard lets through and what it does not, tried on a lab with every file in reach. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join, relative } from "@std/path";
import { fileDigest } from "../../src/base/files/checksum.ts";
import { LedgerError } from "../../src/base/error.ts";
import { systemFiles } from "../../src/base/files/system_files.ts";
import { type Database, literal } from "../../src/duckdb/connection.ts";
import { rowsOfQuery } from "../../src/duckdb/query.ts";
import { finishRun } from "../runs/finished.ts";
import { inLab, type Lab, ledgerOf, newLab } from "../runs/runs.ts";
import { change, passForPublished } from "./databases.ts";
import { ALLOWED, refusedStatements } from "./statements.ts";

/** A lab with a finished run, an index and a catalog. */
async function askableLab(): Promise<Lab> {
  const lab = newLab();
  await using ledger = ledgerOf(lab);
  await ledger.registerType("note.taken", { type: "object" });
  await finishRun(lab, "r1");
  await ledger.sync();
  await ledger.runs.sync();
  return lab;
}

/** Every file of a lab, by its path; and what it holds, by its digest. */
function filesOf(lab: Lab): Map<string, string> {
  const files = systemFiles();
  const found = new Map<string, string>();
  const look = (folder: string) => {
    for (const { name, is_folder } of files.list(folder) ?? []) {
      const path = join(folder, name);
      if (is_folder) look(path);
      else found.set(relative(lab.path, path), fileDigest(files, path));
    }
  };
  look(lab.path);
  return found;
}

/** Files whose loss would hurt: a query is let into all of their folders below. */
function targetsIn(lab: Lab): string[] {
  const names = [...filesOf(lab).keys()];
  const wanted = [/run\.json$/, /_schema\.json$/, /\.jsonl$/, /\.parquet$/, /\.duckdb$/];
  const found = wanted.flatMap((name) => names.find((path) => name.test(path)) ?? []);
  return [...found, "ledger/made.json", "runs/made.txt"].map((path) => join(lab.path, path));
}

Deno.test("what would do more than ask is refused by name, and no file changes", async () => {
  using lab = await askableLab();
  const before = filesOf(lab);
  const targets = targetsIn(lab);
  const refused = refusedStatements();
  assert(refused.length >= 250, `${refused.length}`);
  {
    await using database = await ledgerOf(lab).openIndex({ files: true });
    for (const [n, { sql: template, names }] of refused.entries()) {
      const sql = template.replaceAll("AT", targets[n % targets.length]);
      const error = await assertRejects(() => rowsOfQuery(database, sql), LedgerError, "", sql);
      assertEquals([sql, error.code], [sql, "invalid"], error.message);
      assertStringIncludes(error.message, names, sql);
    }
    // Profiles and logs are written when the next statement runs.
    assertEquals(await rowsOfQuery(database, "select 1 as one"), [{ one: 1 }]);
  }
  assertEquals(filesOf(lab), before);
});

Deno.test("without the guard, the same statements would write: the corpus is one that can fail", async () => {
  using lab = await askableLab();
  const path = join(lab.runs_dir, "made.json");
  await using database = await ledgerOf(lab).openIndex({ files: true });
  await database.run(`from enable_profiling(format = 'json', save_location = ${literal(path)})`);
  await database.run("select 1");
  assert(Deno.statSync(path).isFile);
});

Deno.test("questions as people ask them are answered, and no file changes", async () => {
  using lab = await askableLab();
  const before = filesOf(lab);
  const parquet = [...before.keys()].find((path) => path.endsWith(".parquet"))!;
  const manifest = [...before.keys()].find((path) => path.endsWith("run.json"))!;
  await using database = await ledgerOf(lab).openIndex({ files: true });
  for (const template of ALLOWED) {
    const sql = template.replace("PARQUET", join(lab.path, parquet))
      .replace("MANIFEST", join(lab.path, manifest)).replace("RUNS", lab.runs_dir);
    await rowsOfQuery(database, sql).catch((error) => {
      throw new Error(`${sql}: ${error.message}`);
    });
  }
  assertEquals(filesOf(lab), before);
});

Deno.test("a connection is let into the folders that the query needs, and no others", async () => {
  using lab = await askableLab();
  const ledger = ledgerOf(lab);
  const spill = join(lab.dir, "index", ".ledger-spill");
  const cases: [Parameters<typeof ledger.openIndex>[0], string[]][] = [
    [{ sql: "from latest_runs" }, []],
    [{ sql: "select 1", db: "catalog" }, []],
    [{ sql: "select count(*) from trades", db: "catalog" }, [lab.runs_dir]],
    [{ sql: "from read_parquet('x')" }, [lab.dir, lab.runs_dir]],
    [{ sql: "from READ_TEXT('x')", db: "catalog" }, [lab.dir, lab.runs_dir]],
  ];
  for (const [options, folders] of cases) {
    await using database = await ledger.openIndex(options);
    const rows = await database.rows<{ folder: string }>(
      `select rtrim(unnest(current_setting('allowed_directories')), '/') as folder order by all`,
    );
    const let_into = rows.map(({ folder }) => folder);
    assertEquals([options?.sql, ...let_into], [options?.sql, ...[spill, ...folders].sort()]);
  }
});

/** SQL that another program could have written into an index, and what is then refused. */
const FOREIGN: Record<string, string> = {
  "a view that writes": `create or replace view latest_runs as
    from enable_profiling(format = 'json', save_location = 'AT')`,
  "a view of such a view": `create view v as from enable_logging(storage_path = 'AT');
    create view w as select * from v`,
  "a view with a name like SQL": `create view "x AS select 1; --" as from enable_logging()`,
  "a macro with an allowed name": `create macro sum(x) as (select 1 from enable_logging())`,
  "a table macro": `create macro t() as table from enable_profiling(save_location = 'AT')`,
  "a macro that only adds": `create macro add_one(x) as x + 1`,
};

for (const [what, sql] of Object.entries(FOREIGN)) {
  Deno.test(`an index with ${what} is not asked, and nothing is written`, async () => {
    using lab = await askableLab();
    const index = join(lab.dir, "index", "runs.duckdb");
    await change(index, sql.replaceAll("AT", join(lab.runs_dir, "made.json")));
    const before = filesOf(lab);
    for (const asked of ["from latest_runs", "select sum(1)", "from glob('x')"]) {
      const { code, stderr } = await inLab(lab, ["query", asked]);
      assertEquals([code, asked], [2, asked], stderr);
      assertStringIncludes(stderr, `cannot ask ${index}: `);
    }
    assertEquals(filesOf(lab), before);
  });
}

Deno.test("views that another program added, and that only ask, are asked", async () => {
  using lab = await askableLab();
  const index = join(lab.dir, "index", "runs.duckdb");
  await change(
    index,
    "create view mine (a, b) as select run_id, count(*) from events group by all",
  );
  const { code, stdout, stderr } = await inLab(lab, ["query", "--json", "select a from mine"]);
  assertEquals([code, JSON.parse(stdout)], [0, [{ a: "r1" }]], stderr);
  passForPublished(index);
  assertEquals((await inLab(lab, ["query", "from mine"])).code, 0);
});

Deno.test("a condition for ranking runs calls no function at all", async () => {
  using lab = await askableLab();
  const before = filesOf(lab);
  for (
    const where of [
      "exists (from enable_profiling(format = 'json', save_location = 'x'))",
      "write_log('x') is null",
      "(select count(*) from query('select 1')) = 1",
    ]
  ) {
    const args = ["runs", "rank", "--by", "total_pnl", "--where", where];
    const { code, stderr } = await inLab(lab, args);
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, "cannot read where");
  }
  assertEquals(filesOf(lab), before);
});

Deno.test("a database closes as soon as what it holds is refused", async () => {
  using lab = await askableLab();
  const index = join(lab.dir, "index", "runs.duckdb");
  await change(index, "create macro f(x) as x");
  await assertRejects((): Promise<Database> => ledgerOf(lab).openIndex(), LedgerError, "macro f");
  const open = [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => {
    try {
      return Deno.readLinkSync(`/proc/self/fd/${name}`);
    } catch {
      return "";
    }
  });
  assertEquals(open.filter((path) => path === index), []);
});
