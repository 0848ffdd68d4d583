/** Readers never meet a lock: many processes on one index at once, some of them not ours. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import type { Running } from "../crash/kills/crash.ts";
import { IS_FULL, IS_PLAIN, ledger, startLedger, tempFolder } from "../harness.ts";
import { finish, startWorker } from "../workers.ts";
import { assertLikeBuiltAnew, sync } from "./indexes.ts";

const ASKERS = IS_FULL ? 4 : 2;
/** A minute each with LEDGER_TEST_FULL. */
const SOAK_MS = IS_FULL ? 60_000 : 1_000;

const start = (role: string, dir: string) => startWorker("index/workers.ts", role, dir);

/** Builders, a watcher, an emitter and askers at work; the body goes on beside them. */
async function soak(dir: string, asking: string, body: () => Promise<void>): Promise<void> {
  const emitter = start("emit", dir);
  assertEquals(await emitter.nextLine(), "emitted 0");
  await sync(dir);
  const watcher = startLedger(["watch", "--interval", "1", "--dir", dir], { cwd: dir });
  const workers = [start("build", dir)];
  const askers = Array.from({ length: ASKERS }, () => start(asking, dir));
  for (const worker of [...workers, ...askers]) {
    const line = await worker.nextLine();
    if (line === undefined) throw new Error((await worker.end()).stderr);
  }
  await body();
  for (const asker of askers) {
    const answers = await finish(asker);
    assert(answers.some((answer) => answer.startsWith("found")), "an asker that never found");
  }
  await Promise.all([emitter, ...workers].map(finish));
  watcher.kill("SIGTERM");
  const { code, stderr } = await watcher.output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  await assertLikeBuiltAnew(dir, await sync(dir));
  assertEquals([...Deno.readDirSync(join(dir, "index"))].map(({ name }) => name).sort(), [
    ".lock",
    "runs.duckdb",
    "runs.duckdb.published",
    "runs.duckdb.watermark",
  ]);
}

/** Lets time pass, with an eye on a process that works meanwhile. */
async function watchFor(duration_ms: number, worker: Running): Promise<void> {
  const end_ms = performance.now() + duration_ms;
  while (performance.now() < end_ms) assert(await worker.nextLine() !== undefined);
}

Deno.test("while an index is built, watched and emitted to, several askers meet no trouble", {
  ignore: IS_PLAIN,
}, async () => {
  using folder = tempFolder();
  const dir = folder.path;
  await soak(dir, "ask", async () => {
    const one_more = start("ask", dir);
    await watchFor(SOAK_MS, one_more);
    await finish(one_more);
  });
});

Deno.test("killed programs that held the index for writing leave no phantom rows", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  let held = 0;
  await soak(dir, "ask while held", async () => {
    const end_ms = performance.now() + SOAK_MS;
    while (performance.now() < end_ms || held < 3) {
      const holder = start("hold", dir);
      assertEquals(await holder.nextLine(), "holds", "the holder");
      held++;
      holder.child.kill("SIGKILL");
      assertEquals((await holder.end()).signal, "SIGKILL");
    }
  });
});

Deno.test("an index that is held for writing is busy, names who holds it, and is replaced", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  const args = ["emit", "run.started", "--run-id", "r1", "--dir", dir];
  assertEquals((await ledger(args, { cwd: dir })).code, 0);
  await sync(dir);
  const query = [
    "query",
    "select run_id, status from latest_runs",
    "--format",
    "csv",
    "--dir",
    dir,
  ];
  for (const ending of ["held", "killed"]) {
    const holder = start("hold", dir);
    assertEquals(await holder.nextLine(), "holds");
    const busy = await ledger(query, { cwd: dir });
    assertEquals([busy.code, busy.stdout], [75, ""], busy.stderr);
    assertMatch(busy.stderr, new RegExp(`\\(process ${holder.child.pid}\\) holds it open for wri`));
    assertStringIncludes(busy.stderr, "-readonly");
    if (ending === "held") {
      const rebuilt = await ledger(["rebuild", "--dir", dir], { cwd: dir });
      assertEquals(rebuilt.code, 0, rebuilt.stderr);
      assertStringIncludes(rebuilt.stderr, `process ${holder.child.pid}`);
      assertEquals((await ledger(query, { cwd: dir })).stdout, "run_id,status\nr1,running\n");
    }
    holder.child.kill("SIGKILL");
    await holder.end();
    const wal = join(dir, "index", "runs.duckdb.wal");
    // While it held the index, a query and a rebuild may have removed what it had written.
    Deno.writeFileSync(wal, new Uint8Array(), { create: true, append: true });
    assertEquals((await ledger(query, { cwd: dir })).stdout, "run_id,status\nr1,running\n");
  }
});

Deno.test("a write-ahead file that a killed program left is never replayed", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  const args = ["emit", "run.started", "--run-id", "r1", "--dir", dir];
  assertEquals((await ledger(args, { cwd: dir })).code, 0);
  for (const next of ["query", "rebuild", "rebuild --full"]) {
    await sync(dir);
    const holder = start("hold", dir);
    assertEquals(await holder.nextLine(), "holds");
    holder.child.kill("SIGKILL");
    await holder.end();
    assert(Deno.statSync(join(dir, "index", "runs.duckdb.wal")).size > 0, "nothing to replay");
    if (next !== "query") {
      const rebuilt = await ledger([...next.split(" "), "--dir", dir], { cwd: dir });
      assertEquals(rebuilt.code, 0, rebuilt.stderr);
    }
    const sql = "select count(*) as runs from latest_runs";
    const counted = await ledger(["query", sql, "--format", "csv", "--dir", dir], { cwd: dir });
    assertEquals(counted.stdout, "runs\n1\n", next);
  }
});
