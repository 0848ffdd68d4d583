/** Whatever stands where the index should be: it is set aside, and an index is built anew. */
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { join } from "@std/path";
import { asLedgerError, LedgerError } from "../../src/base/error.ts";
import { systemFiles } from "../../src/base/files/system_files.ts";
import {
  assertSetAside,
  BLOCK_BYTES,
  change,
  damages,
  HEAD_BYTES,
  passForPublished,
  rot,
} from "../duckdb/databases.ts";
import { Ledger } from "../../src/ledger/ledger.ts";
import { LONG_STRIDE, operationsToFail } from "../crash/faults/faults.ts";
import { failingFiles, IS_PLAIN, runIn, systemError, testWorld, writePart } from "../harness.ts";
import { assertLikeBuiltAnew, ledgerFolder, line, openLive, rowsOf, sync } from "./indexes.ts";

const NOON_MS = Date.UTC(2026, 0, 23, 12);
const PART = { day: "2026-01-23", number: 1, writer: "" };

function started(n: number): string {
  const timestamp_ms = NOON_MS + n;
  return line({ event_id: `e${n}`, event_type: "run.started", timestamp_ms, run_id: `r${n}` });
}

/** A ledger with an index of `count` events, and one more event that is not indexed. */
async function indexed(dir: string, count = 3): Promise<string> {
  const lines = Array.from({ length: count }, (_, n) => started(n));
  writePart(dir, PART, lines);
  await sync(dir);
  writePart(dir, PART, [...lines, started(count)]);
  return join(dir, "index", "runs.duckdb");
}

const TO_OTHER_VERSION = "update index_facts set value = '0' where key = 'version'";

for (const { what, damage } of damages(TO_OTHER_VERSION)) {
  Deno.test(`an index that is ${what} is set aside and built anew`, async () => {
    using folder = ledgerFolder();
    const path = await indexed(folder.path, 2_000);
    await damage(path);
    const rebuilt = await runIn(folder.path, ["rebuild"]);
    assertSetAside(path, "the index", rebuilt);
    assertStringIncludes(rebuilt.stdout, "2,001 events in all");
    const live = await sync(folder.path);
    assertEquals([live.kind, live.notices], ["nothing new", []]);
    await assertLikeBuiltAnew(folder.path, live);
  });
}

/** Whether an index opens, and says what it is made of: no more is read before it is worked with. */
async function passesFirstLook(dir: string): Promise<boolean> {
  try {
    await rowsOf(dir, "from index_facts");
    await rowsOf(dir, "from index_parts");
    return true;
  } catch (error) {
    assertEquals(asLedgerError(error)?.code, "damaged");
    return false;
  }
}

for (const work of ["grows", "is counted"]) {
  Deno.test(`an index whose rot shows only while it ${work} is set aside and built anew`, {
    ignore: IS_PLAIN && work === "is counted",
  }, async () => {
    let shown_late = 0;
    for (let block = 0;; block++) {
      using folder = ledgerFolder();
      const path = await indexed(folder.path, 2_000);
      if (work === "is counted") await sync(folder.path);
      const from = HEAD_BYTES + block * BLOCK_BYTES;
      if (from >= Deno.statSync(path).size) break;
      rot(path, from, from + BLOCK_BYTES);
      passForPublished(path);
      const passed = await passesFirstLook(folder.path);
      const live = await sync(folder.path);
      await assertLikeBuiltAnew(folder.path, live);
      // A block that holds nothing any more may hold anything.
      if (live.kind === "nothing new") continue;
      assertEquals([live.kind, live.new_events, live.notices.length], ["full", 2_001, 1]);
      assertMatch(live.notices[0], /^building the index anew: .*; the old file is kept as /);
      Deno.lstatSync(`${path}.set-aside`);
      if (passed) shown_late++;
    }
    assert(shown_late > 0, "all of it showed in the first look");
  });
}

/** Fails unless the index reads, and holds what it held or what it would hold. */
async function assertOldOrNew(dir: string, before: number, failed?: string): Promise<void> {
  const [{ events }] = await rowsOf(dir, "select count(*) as events from events");
  assert(events === before || events === before + 1, `${events} events after: ${failed}`);
}

for (const kind of ["increment", "full"] as const) {
  for (const code of ["EIO", "ENOSPC"]) {
    Deno.test(`wherever ${code} meets a ${kind} sync, the index is the old or the new one`, async () => {
      for (const k of operationsToFail(LONG_STRIDE)) {
        using folder = ledgerFolder();
        await indexed(folder.path);
        const { files, failed } = failingFiles(k, () => systemError(code, "it failed"));
        const world = testWorld({ files });
        try {
          await sync(folder.path, { full: kind === "full", lock_wait_ms: 100 }, world);
        } catch (error) {
          assert(asLedgerError(error), `${failed()}: ${(error as Error).stack}`);
        }
        if (failed() === undefined) break;
        await assertOldOrNew(folder.path, 3, failed());
        // The same process goes on, as a daemon does: its own lock must not be in the way.
        const next = await sync(folder.path, { lock_wait_ms: 100 }, world);
        assertEquals(next.total.events, 4, failed());
        await assertLikeBuiltAnew(folder.path, next);
        const left = [...Deno.readDirSync(join(folder.path, "index"))].map(({ name }) => name)
          .filter((name) => !name.endsWith(".set-aside") && !name.endsWith(".tmp"));
        const whole = [".lock", "runs.duckdb", "runs.duckdb.published", "runs.duckdb.watermark"];
        assertEquals(left.sort(), whole, failed());
      }
    });
  }
}

Deno.test("an index elsewhere leaves the folder's other things alone", async () => {
  using folder = ledgerFolder();
  using elsewhere = ledgerFolder();
  await indexed(folder.path);
  const mine = join(elsewhere.path, ".tmp", "mine");
  Deno.mkdirSync(join(mine, ".."));
  Deno.writeTextFileSync(mine, "mine");
  await sync(folder.path, { path: join(elsewhere.path, 'it\'s; an "index".duckdb') });
  assertEquals(Deno.readTextFileSync(mine), "mine");
});

Deno.test("an index that could not be replaced is where it was, not only set aside", async () => {
  using folder = ledgerFolder();
  const path = await indexed(folder.path);
  await change(path, TO_OTHER_VERSION);
  const before = Deno.readFileSync(path);
  let was_refused = false;
  const files = systemFiles((operation, name) => {
    if (operation !== "rename" || name !== path || was_refused) return;
    // The first rename to this name is that of the new file; it is put back by another one.
    was_refused = true;
    throw systemError("EIO", "it failed");
  });
  const refused = () => sync(folder.path, {}, testWorld({ files }));
  assertEquals((await assertRejects(refused, LedgerError)).code, "io");
  assert(was_refused);
  assertEquals(Deno.readFileSync(path), before);
  assertEquals(systemFiles().linkFacts(`${path}.set-aside`), undefined);
  assertEquals((await sync(folder.path)).total.events, 4);
});

Deno.test("a reader keeps the index that it opened, whatever takes its place", async () => {
  using folder = ledgerFolder();
  const path = await indexed(folder.path);
  const inode = Deno.statSync(path).ino;
  await using database = await openLive(folder.path);
  for (const full of [false, true]) {
    assertEquals((await sync(folder.path, { full })).total.events, 4);
    assert(Deno.statSync(path).ino !== inode, "the file that readers have open was written to");
    assertEquals(await database.value("select count(*) from events"), 3n);
  }
  assertEquals(await rowsOf(folder.path, "select count(*) as events from events"), [{ events: 4 }]);
});

Deno.test("what could still be read stays readable until its successor is there", async () => {
  using folder = ledgerFolder();
  const path = await indexed(folder.path);
  await change(path, TO_OTHER_VERSION);
  let looks = 0;
  const files = systemFiles((operation, name) => {
    if (operation !== "create" && operation !== "make folder") return;
    if (name.includes("building")) looks += Deno.statSync(path).isFile ? 1 : 0;
  });
  await sync(folder.path, {}, testWorld({ files }));
  assert(looks > 0);
});

Deno.test("a damaged part of the log is an error of the log, and the index stays where it is", async () => {
  using folder = ledgerFolder();
  const dir = folder.path;
  const live = await indexed(dir);
  writePart(dir, { day: "2026-01-24", number: 1, writer: "" }, [started(9)]);
  await using ledger = new Ledger({ dir, world: testWorld() });
  await ledger.upkeep.compact({ before_day: "2026-01-25", all: true });
  const packed = join(dir, "events", "day=2026-01-24", "part-000001.parquet");
  const bytes = Deno.readFileSync(packed);
  bytes[100] ^= 1;
  Deno.writeFileSync(packed, bytes);
  const before = Deno.readFileSync(live);
  const notices: string[] = [];
  const onNotice = (notice: string) => void notices.push(notice);
  const error = await assertRejects(() => ledger.sync({ onNotice }), LedgerError);
  assertEquals([error.code, error.where?.path, notices], ["damaged", packed, []]);
  assertEquals(Deno.readFileSync(live), before);
});
