/** Answers know what log and runs have: brought up to date where that is quick, and else they say so. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { systemFiles } from "../../src/base/files/system_files.ts";
import { SnapshotStore } from "../../src/duckdb/snapshot_swap.ts";
import { lagOfIndex } from "../../src/index/watermark.ts";
import { indexPath } from "../../src/index/coverage.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { chainPath } from "../../src/log/format/chain.ts";
import { dayFolder, ledgerPaths } from "../../src/log/format/layout.ts";
import { lagOfCatalog } from "../../src/runs/catalog/watermark.ts";
import { Random, TEST_SEED } from "../laws/random.ts";
import { IS_FULL, systemError, testWorld } from "../harness.ts";
import { finishRun } from "../runs/finished.ts";
import { inLab, type Lab, ledgerOf, newLab, putRun } from "../runs/runs.ts";

const DAY_MS = 86_400_000;
const FIRST_MS = Date.UTC(2026, 0, 20, 12);
const COUNT = ["query", "select count(*)::integer as n from events", "--format", "csv"];

/** Emits an event that no running run needs, on a day counted from the first. */
function emit(ledger: Ledger, run_id: string, day = 0) {
  const artifact = { artifact_type: "x", artifact_path: "x", size_bytes: 1 };
  return ledger.emitArtifactCreated({ ...artifact, run_id, timestamp_ms: FIRST_MS + day * DAY_MS });
}

/** How many events the answer knows, and what is said beside it. */
async function counted(lab: Lab, args: string[] = [], different = {}): Promise<[string, string]> {
  const { code, stdout, stderr } = await inLab(lab, [...COUNT, ...args], different);
  assertEquals(code, 0, stderr);
  return [stdout, stderr];
}

Deno.test("a query knows what was emitted a moment ago, also where there was no index; --as-is does not", async () => {
  using lab = newLab();
  await using ledger = ledgerOf(lab);
  for (const n of [1, 2, 3]) {
    await emit(ledger, `r${n}`, n % 2);
    if (n > 1) assertEquals(await counted(lab, ["--as-is"]), [`n\n${n - 1}\n`, ""]);
    assertEquals(await counted(lab), [`n\n${n}\n`, ""]);
  }
  const stamp = () => Deno.statSync(indexPath(lab.dir)).ino;
  const before = stamp();
  assertEquals(await counted(lab), ["n\n3\n", ""]);
  assertEquals(stamp(), before);
});

/** Files among which a day's part seems to have grown by a gigabyte. */
function grown() {
  const files = systemFiles();
  return {
    ...files,
    facts: (path: string) => {
      const facts = files.facts(path);
      return facts && path.endsWith(".jsonl")
        ? { ...facts, size_bytes: facts.size_bytes + 1e9 }
        : facts;
    },
  };
}

Deno.test("what takes long is not waited for: the answer says how far behind it is, and what mends it", async () => {
  using lab = newLab();
  await using ledger = ledgerOf(lab);
  await emit(ledger, "r1");
  await counted(lab);
  await emit(ledger, "r2");
  const [answer, said] = await counted(lab, [], { files: grown() });
  assertEquals(answer, "n\n1\n");
  assertMatch(
    said,
    /^this answer lacks 1\.\d GB of the log; to bring it up to date: ledger rebuild\n$/,
  );
  assertEquals(await counted(lab, ["--as-is"], { files: grown() }), [answer, ""]);
});

Deno.test("where the index cannot be written, nothing waits: the answer says why", async () => {
  using lab = newLab();
  await using ledger = ledgerOf(lab);
  await emit(ledger, "r1");
  await counted(lab);
  await emit(ledger, "r2");
  const index = ledgerPaths(lab.dir).index;
  const refusing = systemFiles((operation, path) => {
    const writes = ["lock", "create", "write", "make folder", "rename", "remove"].includes(
      operation,
    );
    if (path.startsWith(index) && writes) throw systemError("EACCES", "Permission denied");
  });
  const lacks = /^this answer lacks \d+ B of the log; to bring it up to date: ledger rebuild \(/;
  const denied = await counted(lab, [], { files: refusing });
  assertEquals(denied[0], "n\n1\n");
  assertMatch(denied[1], new RegExp(lacks.source + ".*Permission denied.*\\)\n$"));
  const other = new SnapshotStore(testWorld(), indexPath(lab.dir));
  await other.lock();
  try {
    const busy = await counted(lab);
    assertEquals(busy[0], "n\n1\n");
    assertMatch(busy[1], new RegExp(lacks.source + ".*is building it\\)\n$"));
  } finally {
    other.unlock();
  }
  assertEquals(await counted(lab), ["n\n2\n", ""]);
});

Deno.test("lists of runs know each step that a writer took a moment ago", async () => {
  using lab = newLab();
  await using ledger = ledgerOf(lab);
  const catalog = () => lagOfCatalog(testWorld(), lab.runs_dir, lab.catalog);
  const listed = async (...args: string[]) => {
    const { code, stdout, stderr } = await inLab(lab, ["runs", "query", "--json", ...args]);
    assertEquals([code, stderr.includes("lack")], [0, false], stderr);
    return (JSON.parse(stdout) as { run_id: string }[]).map(({ run_id }) => run_id);
  };
  const run = await ledger.runs.create({ run_type: "policy", run_id: "r1", git: false });
  assertEquals(await listed("--status", "running"), ["r1"]);
  assertEquals(catalog(), undefined);
  await run.updateManifest((manifest) => void (manifest.git_branch = "b"));
  assertEquals(catalog()?.changes, 1);
  await run.markSuccess();
  assertEquals(catalog()?.changes, 2);
  const before = Deno.statSync(lab.catalog).ino;
  assertEquals((await listed("--status", "completed", "--as-is")).length, 0);
  assertEquals(Deno.statSync(lab.catalog).ino, before);
  assertEquals(await listed("--status", "completed"), ["r1"]);
  assertEquals(catalog(), undefined);
  putRun(lab, "other-program");
  assertEquals(await listed("--status", "completed"), ["r1"]);
  assertEquals((await inLab(lab, ["runs", "sync"])).code, 0);
  assertEquals((await listed("--status", "completed")).sort(), ["other-program", "r1"]);
});

Deno.test("a catalog is brought up to date with its own folder of runs, also one that came later, and no other", async () => {
  using lab = newLab();
  using other = newLab();
  await using ledger = ledgerOf(lab);
  await emit(ledger, "r0");
  assertEquals((await inLab(lab, ["runs", "sync"])).code, 0);
  await finishRun(lab, "r1");
  const present = async (...args: string[]) => {
    const sql =
      "select count(*)::integer as n from backtest_runs_catalog where presence = 'present'";
    const asked = ["query", "--db", "catalog", sql, "--format", "csv", ...args];
    const { stdout, stderr } = await inLab(lab, asked);
    return [stdout, stderr];
  };
  assertEquals(await present(), ["n\n1\n", ""]);
  await finishRun(other, "r2");
  const [answer, said] = await present("--runs-dir", other.runs_dir);
  assertEquals(answer, "n\n1\n");
  assertMatch(said, /--runs-dir .* \(the catalog was not made of the runs in /);
  // Runs of another box come by our own writer.
  await ledger.upkeep.pull({ from: other.dir, runs: other.runs_dir });
  assertEquals(await present(), ["n\n2\n", ""]);
});

Deno.test("a query of alerts knows those of the latest runs", async () => {
  using lab = newLab();
  const calls = async (...args: string[]) => {
    const sql = "select call_id, run_count from alerts order by 1";
    const ended = await inLab(lab, ["query", "--db", "alerts", sql, "--format", "csv", ...args]);
    assertEquals([ended.code, ended.stderr], [0, ""]);
    return ended.stdout;
  };
  await finishRun(lab, "r1", { calls: ["c1"] });
  assertEquals(await calls(), "call_id,run_count\nc1,1\n");
  await finishRun(lab, "r2", { calls: ["c1", "c2"] });
  assertEquals(await calls("--as-is"), "call_id,run_count\nc1,1\n");
  assertEquals(await calls(), "call_id,run_count\nc1,2\nc2,1\n");
  const stamp = () => Deno.statSync(join(lab.dir, "index", "alerts.duckdb")).ino;
  const before = stamp();
  await calls();
  assertEquals(stamp(), before);
});

Deno.test("a mark of changes that cannot be made keeps no run from being written", async () => {
  for (const how of ["a folder", "refused", "a link"]) {
    using lab = newLab();
    Deno.mkdirSync(lab.runs_dir);
    const mark = join(lab.runs_dir, ".changes");
    const aim = join(lab.path, "aim");
    Deno.writeTextFileSync(aim, "");
    if (how === "a folder") Deno.mkdirSync(mark);
    if (how === "a link") Deno.symlinkSync(aim, mark);
    const files = systemFiles((operation, path) => {
      if (how !== "refused" || path !== mark) return;
      throw systemError("ENOSPC", `${operation}: No space left on device`);
    });
    await using ledger = ledgerOf(lab, testWorld({ files }));
    const run = await ledger.runs.create({ run_type: "policy", run_id: "r1", git: false });
    await run.markSuccess();
    assertEquals(run.readManifest().status, "completed", how);
    assertEquals(Deno.readTextFileSync(aim), "");
  }
});

Deno.test("whatever becomes of the log, a look is silent only where a sync finds nothing", async () => {
  const random = new Random(TEST_SEED);
  for (let round = 0; round < (IS_FULL ? 5 : 1); round++) {
    using lab = newLab();
    const past = { now_ms: () => FIRST_MS + 30 * DAY_MS };
    await using ledger = ledgerOf(lab, testWorld(past));
    const day = () => new Date(FIRST_MS + random.below(4) * DAY_MS).toISOString().slice(0, 10);
    const archives = join(lab.path, "archives");
    const steps: [name: string, step: () => Promise<unknown>][] = [
      ["emit", () => emit(ledger, `r${random.below(1e9)}`, random.below(4))],
      ["seal", () => ledger.upkeep.seal()],
      ["compact", () => ledger.upkeep.compact({ before_day: "2026-02-01" })],
      ["restore", () => ledger.upkeep.restore(day())],
      ["retain", () => ledger.upkeep.retain({ days: 28, archive: archives })],
      ["forget", () => ledger.upkeep.retain({ days: 28, archive: archives, forget: true })],
      ["import", async () => {
        const names = [...Deno.readDirSync(archives)].map(({ name }) => name);
        await ledger.upkeep.importArchive(join(archives, random.pick(names)));
      }],
      ["tear", async () => {
        const folder = dayFolder(lab.dir, day());
        const names = [...Deno.readDirSync(folder)].map(({ name }) => name)
          .filter((name) => name.endsWith(".jsonl"));
        Deno.writeTextFileSync(join(folder, random.pick(names)), "{", { append: true });
        await Promise.resolve();
      }],
      ["repair", () => ledger.verify({ repair: true })],
    ];
    for (let n = 0; n < 4; n++) await emit(ledger, `first-${n}`, n);
    const done: string[] = [];
    const last = ["seal", "retain", "forget", "import"];
    for (let n = -12; n < last.length; n++) {
      const [name, step] = n >= 0
        ? steps.find(([name]) => name === last[n])!
        : random.chance(0.4)
        ? steps[0]
        : random.pick(steps);
      // Some have nothing to work on, and say so.
      await step().then(() => done.push(name), () => done.push(`(${name})`));
      const lag = lagOfIndex(testWorld(), lab.dir);
      const indexed_before = await ledger.query("from index_parts order by all").catch(() => []);
      const archived_before = await ledger.query("from archived_days order by all").catch(() => []);
      const { kind } = await ledger.sync();
      const is_same = JSON.stringify([indexed_before, archived_before]) === JSON.stringify([
        await ledger.query("from index_parts order by all"),
        await ledger.query("from archived_days order by all"),
      ]);
      const when = `${done.join(", ")}; LEDGER_TEST_SEED=${TEST_SEED}`;
      assert(lag !== undefined || is_same || kind === "nothing new", when);
      assertEquals(lagOfIndex(testWorld(), lab.dir), undefined, when);
    }
  }
});

Deno.test("what the chain says beside seals is news for the index, and a seal is not", async () => {
  using lab = newLab();
  await using ledger = ledgerOf(lab);
  await emit(ledger, "r1");
  const entry = (kind: string) => {
    const place = { format: 2, number: 9, previous: "", seal: "", day: "2026-01-01", at_ms: 1 };
    const fields = { ...place, kind, part: "day=2026-01-01/part-000001.jsonl", forget: true };
    return `${JSON.stringify({ ...fields, parts: ["part-000001.jsonl"] })}\n`;
  };
  const look = async (kind: string) => {
    await ledger.sync();
    Deno.writeTextFileSync(chainPath(lab.dir), entry(kind), { append: true });
    return lagOfIndex(testWorld(), lab.dir) !== undefined;
  };
  assertEquals(await look("sealed"), false);
  assertEquals(await look("taken_out"), true);
  assertEquals(await look("returned"), true);
});

Deno.test("a look costs a look at each sealed day's folder, and opens none of them", async () => {
  using lab = newLab();
  await using ledger = ledgerOf(lab);
  const days = 40;
  for (let day = 0; day < days; day++) await emit(ledger, `r${day}`, day - 60);
  await ledger.upkeep.seal();
  await ledger.sync();
  for (let day = 0; day < days; day++) {
    const path = dayFolder(
      lab.dir,
      new Date(FIRST_MS + (day - 60) * DAY_MS).toISOString().slice(0, 10),
    );
    Deno.utimeSync(path, 1e9, 1e9);
  }
  await ledger.sync();
  const touched: string[] = [];
  const files = systemFiles((operation, path) => void touched.push(`${operation} ${path}`));
  assertEquals(lagOfIndex(testWorld({ files }), lab.dir), undefined);
  assert(touched.length < days + 12, `${touched.length} operations`);
});

Deno.test("where there are neither runs nor a ledger nothing is catalogued, and nothing is left", async () => {
  using lab = newLab();
  const refused = async (...args: string[]) => {
    const { code, stdout, stderr } = await inLab(lab, args);
    assertEquals([code, stdout], [2, ""], stderr);
    assertMatch(
      stderr,
      /^error: there are no runs in .*runs and no ledger at .*ledger: nothing to/,
    );
  };
  await refused("runs", "sync");
  Deno.mkdirSync(join(lab.runs_dir, "2026"), { recursive: true });
  await refused("runs", "sync", "--full");
  assertEquals([...Deno.readDirSync(lab.path)].map(({ name }) => name), ["runs"]);
  putRun(lab, "r1");
  assertEquals((await inLab(lab, ["runs", "sync"])).code, 0);
});

Deno.test("rebuild --db syncs the catalog too where it names the index that is there anyway", async () => {
  using lab = newLab();
  await using ledger = ledgerOf(lab);
  await emit(ledger, "r1");
  putRun(lab, "r1");
  const rebuild = async (db: string) =>
    (await inLab(lab, ["rebuild", "--db", db])).stdout.includes("catalog.duckdb");
  assertEquals(await rebuild(join(lab.dir, "index", "other.duckdb")), false);
  assertEquals(await rebuild(join(lab.dir, "index", "..", "index", "runs.duckdb")), true);
});
