/** What SQL can reach in the sandbox, and what it cannot. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { LedgerError } from "../../src/base/error.ts";
import { identifier, literal } from "../../src/duckdb/sandbox.ts";
import { tempFolder } from "../harness.ts";
import { makeDatabase, openIn } from "./databases.ts";

/** All names below a folder with the sizes of files: what SQL wrote shows in it. */
function namesBelow(folder: string): string[] {
  return Array.from(Deno.readDirSync(folder), ({ name, isDirectory }) => {
    const path = join(folder, name);
    return isDirectory
      ? [`${name}/`, ...namesBelow(path).map((below) => `${name}/${below}`)]
      : [`${name} ${Deno.lstatSync(path).size}`];
  }).flat().sort();
}

/** What reaches past the folder; IN is the folder that is allowed, OUT the one beside it. */
const PAST_THE_FOLDER = [
  "from read_text('/etc/passwd')",
  "from read_blob('/etc/passwd')",
  "from read_csv('/etc/passwd')",
  "from sniff_csv('/etc/passwd')",
  "from glob('/etc/*')",
  "from read_text('OUT/secret')",
  "from read_text('IN/../OUT/secret')",
  "from read_text('IN/link-to-file')",
  "from read_text('IN/link-to-folder/secret')",
  "from read_text(['IN/inside', 'OUT/secret'])",
  "from read_text('INSIDE/secret')",
  "from read_csv('http://127.0.0.1:9/x.csv')",
  "from read_parquet('s3://bucket/x')",
  "copy t from 'OUT/secret'",
  "copy (select 1) to 'OUT/stolen.csv'",
  "copy (select 1) to 'IN/link-to-folder/stolen.csv'",
  "copy (select 1) to 'IN/link-to-file'",
  "copy t to 'OUT/stolen' (format parquet, partition_by n)",
  "attach 'OUT/other.duckdb' as other",
  "attach 'OUT/made.duckdb' as made",
  "attach 'IN/link-to-folder/made.duckdb' as made",
  "attach '/etc/passwd' as other (type sqlite)",
  "import database 'OUT'",
  "install httpfs",
  "install 'OUT/x.duckdb_extension'",
  "load httpfs",
  "load 'IN/x.duckdb_extension'",
  "from duckdb_secrets()",
];

for (const access of ["read", "write"] as const) {
  Deno.test(`a connection to ${access} reaches nothing past its folder`, async () => {
    using all = tempFolder();
    const inside = join(all.path, "in");
    const outside = join(all.path, "out");
    // Its name begins as the allowed one's does.
    const beside = join(all.path, "inside");
    for (const folder of [inside, outside, beside]) Deno.mkdirSync(folder);
    for (const folder of [outside, beside]) Deno.writeTextFileSync(join(folder, "secret"), "s");
    await makeDatabase(inside, "main.duckdb");
    await makeDatabase(outside, "other.duckdb");
    Deno.writeTextFileSync(join(inside, "inside"), "i");
    Deno.symlinkSync(join(outside, "secret"), join(inside, "link-to-file"));
    Deno.symlinkSync(outside, join(inside, "link-to-folder"));
    const before = [outside, beside].map(namesBelow);
    await using database = await openIn(inside, "main.duckdb", access);
    for (const template of PAST_THE_FOLDER) {
      const sql = template.replaceAll("INSIDE", beside).replaceAll("IN/", `${inside}/`)
        .replaceAll("OUT", outside);
      const error = await assertRejects(() => database.rows(sql), LedgerError, "", sql);
      assertEquals([sql, error.code], [sql, "invalid"], error.message);
      assertStringIncludes(error.message, "Permission Error", sql);
    }
    assertEquals([outside, beside].map(namesBelow), before);
    // What is refused above is refused for its place, not for what it does.
    const [{ content }] = await database.rows(`from read_text('${inside}/inside')`);
    assertEquals(content, "i");
    await database.run(`copy (select 1) to '${inside}/copied.csv'`);
    assertEquals(Deno.readTextFileSync(join(inside, "copied.csv")), "1\n1\n");
  });
}

Deno.test("no setting can be changed once the sandbox is closed", async () => {
  using folder = tempFolder();
  await makeDatabase(folder.path, "main.duckdb");
  const settings = {
    enable_external_access: "true",
    lock_configuration: "false",
    allowed_directories: "['/']",
    allowed_paths: "['/etc/passwd']",
    temp_directory: "'/etc'",
    autoload_known_extensions: "true",
    allow_unsigned_extensions: "true",
    extension_directory: "'/etc'",
    home_directory: "'/etc'",
    secret_directory: "'/etc'",
    memory_limit: "'64GB'",
    threads: "64",
    access_mode: "'read_write'",
    log_query_path: "'/etc/log'",
  };
  for (const access of ["read", "write"] as const) {
    await using database = await openIn(folder.path, "main.duckdb", access);
    const names = Object.keys(settings);
    const all = () => database.rows(`select name, value from duckdb_settings() order by name`);
    const before = await all();
    for (const [name, value] of Object.entries(settings)) {
      const statements = [`set ${name} = ${value}`, `set global ${name} = ${value}`]
        .concat(`reset ${name}`, `pragma ${name} = ${value}`);
      for (const sql of statements) {
        const error = await assertRejects(() => database.run(sql), LedgerError, "", sql);
        assertEquals([sql, error.code], [sql, "invalid"], error.message);
      }
    }
    assertEquals(await all(), before);
    assertEquals(before.filter(({ name }) => names.includes(String(name))).length, names.length);
  }
});

Deno.test("what comes up over a query goes into the folder that was named for it", async () => {
  using folder = tempFolder();
  await makeDatabase(folder.path, "main.duckdb");
  await using database = await openIn(folder.path, "main.duckdb", "read");
  const spill = await database.value("select current_setting('temp_directory')");
  assertEquals(spill, join(folder.path, "spill"));
});

Deno.test("a database that is opened to read stays as it is, byte for byte", async () => {
  using folder = tempFolder();
  const path = await makeDatabase(folder.path, "main.duckdb");
  const before = Deno.readFileSync(path);
  {
    await using database = await openIn(folder.path, "main.duckdb", "read");
    for (
      const sql of ["insert into t values (1, 'x')", "update t set n = 1", "delete from t"]
        .concat("create table u (n int)", "drop table t", "alter table t add column m int")
    ) {
      const error = await assertRejects(() => database.run(sql), LedgerError, "read-only", sql);
      assertEquals(error.code, "invalid");
    }
    await database.run("checkpoint");
    assertEquals(await database.value("select count(*) from t"), 10_000n);
  }
  assertEquals(Deno.readFileSync(path), before);
  assertEquals(namesBelow(folder.path), [`main.duckdb ${before.length}`]);
});

Deno.test("an attached database is read under its name, also from outside, and never written", async () => {
  using folder = tempFolder();
  using elsewhere = tempFolder();
  await makeDatabase(folder.path, "main.duckdb");
  const path = await makeDatabase(elsewhere.path, `it's; "other".duckdb`);
  const before = Deno.readFileSync(path);
  const name = `o"; detach main; --`;
  {
    const attached = [{ path, name }];
    await using database = await openIn(folder.path, "main.duckdb", "write", { attached });
    const other = `${identifier(name)}.t`;
    await database.run("delete from t where n > 10");
    assertEquals(await database.value(`select count(*) from ${other}`), 10_000n);
    for (const sql of [`insert into ${other} values (1, 'x')`, `drop table ${other}`]) {
      await assertRejects(() => database.run(sql), LedgerError, "read-only", sql);
    }
    // It was opened before the sandbox closed; its folder is as closed as any other.
    const aside = `from glob(${literal(join(elsewhere.path, "*"))})`;
    await assertRejects(() => database.rows(aside), LedgerError, "Permission Error");
  }
  assertEquals(Deno.readFileSync(path), before);
  assertEquals(Array.from(Deno.readDirSync(elsewhere.path)).length, 1);
});

/** The files below a folder that this process has open. */
function openFilesIn(folder: string): string[] {
  return Array.from(Deno.readDirSync("/proc/self/fd"), ({ name }) => {
    try {
      return Deno.readLinkSync(`/proc/self/fd/${name}`);
    } catch {
      // The one by which this listing is read.
      return "";
    }
  }).filter((path) => path.startsWith(folder));
}

Deno.test("a database that was closed, or that could not be opened whole, is let go", async () => {
  using folder = tempFolder();
  const path = await makeDatabase(folder.path, "main.duckdb");
  {
    await using _ = await openIn(folder.path, "main.duckdb", "read");
    assertEquals(openFilesIn(folder.path), [path]);
  }
  assertEquals(openFilesIn(folder.path), []);
  const attached = [{ path: `${path}.none`, name: "other" }];
  await assertRejects(() => openIn(folder.path, "main.duckdb", "read", { attached }), LedgerError);
  assertEquals(openFilesIn(folder.path), []);
});

Deno.test("values go in as what they are", async () => {
  using folder = tempFolder();
  await makeDatabase(folder.path, "main.duckdb");
  await using database = await openIn(folder.path, "main.duckdb", "write");
  const past_doubles = 2n ** 53n + 1n;
  const values = [1, 2 ** 53, past_doubles, 0.5, "it's", true, null];
  const [row] = await database.rows(
    "select typeof($1) a, typeof($2) b, $3 c, typeof($4) d, $5 e, $6 f, $7 g",
    values,
  );
  assertEquals(Object.values(row), [
    "HUGEINT",
    "HUGEINT",
    past_doubles,
    "DOUBLE",
    "it's",
    true,
    null,
  ]);
  await database.run("delete from t");
  await database.runForEach("insert into t values ($1, $2)", [[2 ** 53, "a"], [past_doubles, "b"]]);
  assertEquals(await database.rows("select n from t order by n"), [{ n: 2n ** 53n }, {
    n: past_doubles,
  }]);
});
