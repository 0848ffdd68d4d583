/** A catalog that another program has in its hands: readers never meet its lock for longer than it. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { patience, Running } from "../crash/kills/crash.ts";
import { PROJECT } from "../harness.ts";
import { inLab, type Lab, ledgerOf, newLab, putRun, rowsOf, sync } from "./runs.ts";

const PHANTOM =
  "insert into backtest_runs_catalog (run_id, status) values ('phantom', 'completed')";
const KEEP_WAL = "pragma disable_checkpoint_on_shutdown; set wal_autocheckpoint = '1TB'";
const IDS = "select run_id from backtest_runs_catalog order by 1";

/** Another program that opens the catalog for writing and runs something in it. */
async function hold(lab: Lab, sql: string): Promise<Running> {
  const script = join(PROJECT, "tests", "duckdb", "holder.ts");
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", "--config", `${PROJECT}deno.json`, script, lab.catalog, sql],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    signal: patience(),
  });
  const holder = new Running(command.spawn());
  assertEquals(await holder.nextLine(), "holds");
  return holder;
}

async function catalogued(): Promise<Lab> {
  const lab = newLab();
  putRun(lab, "a");
  await sync(lab);
  putRun(lab, "b");
  return lab;
}

Deno.test("a catalog that is held for writing names who holds it, and is replaced all the same", async () => {
  using lab = await catalogued();
  const holder = await hold(lab, `${KEEP_WAL}; ${PHANTOM}`);
  const busy = await inLab(lab, ["runs", "query"]);
  assertEquals([busy.code, busy.stdout], [75, ""]);
  assertMatch(
    busy.stderr,
    new RegExp(`\\(process ${holder.child.pid}\\) holds it open for writing`),
  );
  const synced = await inLab(lab, ["runs", "sync"]);
  assertEquals([synced.code, synced.stderr.trimEnd().split("\n").length], [0, 1], synced.stderr);
  assertMatch(synced.stderr, /^building the catalog anew: .* holds it open for writing$/m);
  assertEquals((await rowsOf(lab.catalog, IDS)).map(({ run_id }) => run_id), ["a", "b"]);
  await holder.child.stdin.close();
  assertEquals((await holder.end()).code, 0);
  assertEquals((await sync(lab)).notices, []);
  assertEquals((await rowsOf(lab.catalog, IDS)).map(({ run_id }) => run_id), ["a", "b"]);
});

Deno.test("what another program wrote into the catalog is set aside with it", async () => {
  using lab = await catalogued();
  const holder = await hold(lab, PHANTOM);
  await holder.child.stdin.close();
  assertEquals((await holder.end()).code, 0);
  const { notices, registered } = await sync(lab);
  assertEquals([notices.length, registered], [1, 2]);
  assertMatch(
    notices[0],
    /another program has written to it, or it was copied here; the old file is kept as .*aside$/,
  );
  assertEquals((await rowsOf(lab.catalog, IDS)).map(({ run_id }) => run_id), ["a", "b"]);
});

for (const next of ["a query", "a sync", "a full sync"]) {
  Deno.test(`rows that a killed program left beside the catalog are not there after ${next}`, async () => {
    using lab = await catalogued();
    const holder = await hold(lab, `${KEEP_WAL}; ${PHANTOM}; delete from catalog_files`);
    holder.child.kill("SIGKILL");
    await holder.end();
    assert(Deno.statSync(`${lab.catalog}.wal`).size > 0, "nothing to replay");
    if (next !== "a query") {
      const { registered, updated } = await sync(lab, { full: next === "a full sync" });
      assertEquals([registered, updated], [next === "a sync" ? 1 : 2, 0]);
    }
    const ids = (await ledgerOf(lab).runs.query()).map(({ run_id }) => run_id);
    assertEquals(ids, next === "a query" ? ["a"] : ["a", "b"]);
  });
}

Deno.test("a reader keeps the catalog that it opened while others take its place", async () => {
  using lab = await catalogued();
  const { runs } = ledgerOf(lab);
  await using catalog = await runs.openCatalog();
  for (const full of [false, true]) {
    await sync(lab, { full });
    assertEquals((await catalog.rows(IDS)).length, 1);
    assertEquals((await runs.query()).length, 2);
  }
});
