/** Old days leave the log, for archives or for good, and come back; the index remembers them. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { Ledger } from "../../src/ledger/ledger.ts";
import { ledgerFolder, rowsOf, sync } from "../index/indexes.ts";
import { testWorld } from "../harness.ts";
import {
  archiveIn,
  assertWhole,
  digestsAnew,
  emitRun,
  fillLedger,
  importIn,
  laterWorld,
  linesOf,
  linesOfDays,
  namesInEvents,
  noonOf,
  OLD_DAYS,
  retainIn,
  runLater,
} from "../retained.ts";

const KEPT = "2026-03-20";

Deno.test("an archived day leaves the log and stays in the index, marked, and comes back", async () => {
  using folder = ledgerFolder();
  const dir = folder.path;
  await fillLedger(dir);
  const before = await linesOf(dir);
  const digests = await digestsAnew(dir);
  const done = await retainIn(dir);
  assertEquals(done.map(({ day, fate, events }) => [day, fate, events]), [
    ...OLD_DAYS.map((day) => [day, "archived", 8]),
  ]);
  assertEquals(namesInEvents(dir), ["_chain.jsonl", "_schema.json", `day=${KEPT}`]);
  assertEquals(await linesOf(dir), linesOfDays(before, [KEPT]));
  await assertWhole(dir);
  assertEquals(
    await rowsOf(
      dir,
      "select is_archived, count(*) as events from events group by all order by all",
    ),
    [{ is_archived: false, events: 4 }, { is_archived: true, events: 24 }],
  );
  assertEquals(
    (await rowsOf(dir, "select log_day, archive from archived_days")).map(Object.values),
    OLD_DAYS.map((day) => [day, join(archiveIn(dir), `ledger-${day}.tar`)]),
  );
  assertEquals(await digestsAnew(dir), digests);
  for (const { archive } of done) await importIn(dir, archive!);
  assertEquals(await linesOf(dir), before);
  await assertWhole(dir);
  assertEquals((await sync(dir)).kind, "increment");
  assertEquals(await rowsOf(dir, "from archived_days"), []);
  assertEquals(await rowsOf(dir, "select * from events where is_archived"), []);
  assertEquals((await sync(dir)).kind, "nothing new");
  assertEquals(await digestsAnew(dir), digests);
});

Deno.test("the digests are the same before and after compacting, archiving, and importing", async () => {
  using folder = ledgerFolder();
  const dir = folder.path;
  await fillLedger(dir);
  const digests = await digestsAnew(dir);
  const ledger = new Ledger({ dir, world: laterWorld() });
  await ledger.upkeep.compact({ before_day: KEPT, all: true });
  assertEquals(await digestsAnew(dir), digests);
  for (const { archive } of await retainIn(dir)) {
    assertEquals(await digestsAnew(dir), digests);
    await importIn(dir, archive!);
  }
  assertEquals(await digestsAnew(dir), digests);
});

Deno.test("an event that repeats one of an archived day stays repeated, however often it is rebuilt", async () => {
  using folder = ledgerFolder();
  const dir = folder.path;
  await fillLedger(dir);
  {
    await using ledger = new Ledger({ dir, world: testWorld() });
    // On both sides: one repeats what is archived, one is repeated by it.
    await ledger.emitRunStarted({ run_id: "x", event_id: "a1-0", timestamp_ms: noonOf(59) });
    await ledger.emitRunStarted({ run_id: "x", event_id: "b2-0", timestamp_ms: noonOf(0) });
    await emitRun(ledger, "open", 0, "started");
  }
  const digests = await digestsAnew(dir);
  const [first, ...rest] = await retainIn(dir);
  assertEquals([first.fate, ...rest.map(({ fate }) => fate)], ["stays", "archived", "archived"]);
  assertEquals((await sync(dir, { count: true })).tables, digests);
  assertEquals(await digestsAnew(dir), digests);
  // One that comes later and sorts before its archived twin is the first from now on.
  {
    await using ledger = new Ledger({ dir, world: testWorld() });
    await ledger.emitRunStarted({ run_id: "y", event_id: "a2-0", timestamp_ms: noonOf(-1) });
  }
  const { tables, notices } = await sync(dir);
  assertStringIncludes(notices[0], "sorts before its indexed twin");
  assertEquals(await digestsAnew(dir), tables);
  for (const { archive } of rest) await importIn(dir, archive!);
  assertEquals(await digestsAnew(dir), tables);
});

Deno.test("a dry run prints what the real run then does, and changes nothing", async () => {
  using folder = ledgerFolder();
  const dir = folder.path;
  await fillLedger(dir);
  {
    await using ledger = new Ledger({ dir, world: testWorld() });
    await emitRun(ledger, "it's open", 1, "started");
  }
  await new Ledger({ dir, world: laterWorld() }).upkeep.seal();
  flip(join(dir, "events", "day=2026-01-22", "part-000001.jsonl"), 10);
  const before = filesIn(join(dir, "events"));
  const words = ["retain", "--days", "30", "--archive", archiveIn(dir)];
  const dry = await runLater(dir, [...words, "--dry-run"]);
  const dry_json = await runLater(dir, [...words, "--dry-run", "--json"]);
  assertEquals(filesIn(join(dir, "events")), before);
  const real = await runLater(dir, words);
  assertEquals([real.code, real.stdout], [0, dry.stdout], real.stderr);
  assertMatch(dry.stdout, /2026-01-20 {2}8 events in 2 parts, .* -> .*ledger-2026-01-20\.tar\n/);
  assertStringIncludes(dry.stdout, "2026-01-21  stays: it's open began in it and is running\n");
  assertStringIncludes(
    dry.stdout,
    `ledger emit run.failed --run-id 'it'\\''s open' --error "died"`,
  );
  assertMatch(dry.stdout, /2026-01-22 {2}stays: day=2026-01-22.part-000001.jsonl: changed/);
  assertStringIncludes(dry.stderr, "--dry-run");
  assertEquals(JSON.parse(dry_json.stdout).map((day: { fate: string }) => day.fate), [
    "archived",
    "stays",
    "stays",
  ]);
  assertEquals(namesInEvents(dir).slice(2), ["day=2026-01-21", "day=2026-01-22", `day=${KEPT}`]);
});

Deno.test("what a dry run says in JSON is what the real run says", async () => {
  using folder = ledgerFolder();
  const dir = folder.path;
  await fillLedger(dir);
  const words = ["retain", "--days", "30", "--archive", archiveIn(dir), "--json"];
  const dry = await runLater(dir, [...words, "--dry-run"]);
  const real = await runLater(dir, words);
  assertEquals([real.code, real.stdout], [0, dry.stdout]);
  assertEquals(JSON.parse(real.stdout).length, 3);
});

Deno.test("a day in which a running run began stays until the run has ended", async () => {
  using folder = ledgerFolder();
  const dir = folder.path;
  await fillLedger(dir);
  await using ledger = new Ledger({ dir, world: testWorld() });
  await emitRun(ledger, "open", 1, "started");
  const [, stays] = await retainIn(dir);
  assertEquals([stays.day, stays.fate, stays.reason], [
    "2026-01-21",
    "stays",
    "open began in it and is running",
  ]);
  assertStringIncludes(stays.fix!, "ledger emit run.failed --run-id open --error");
  await ledger.emitRunFailed({ run_id: "open", error: "died", timestamp_ms: noonOf(59) });
  assertEquals((await retainIn(dir)).map(({ day, fate }) => [day, fate]), [
    ["2026-01-21", "archived"],
  ]);
});

Deno.test("a day that is not over stays, and so does one that is young enough", async () => {
  using folder = ledgerFolder();
  const dir = folder.path;
  await fillLedger(dir);
  const just_after = Date.UTC(2026, 0, 23, 0, 30);
  const done = await retainIn(dir, { days: 0 }, laterWorld({ now_ms: () => just_after }));
  assertEquals(done.map(({ day, fate }) => [day, fate]), [
    ["2026-01-20", "archived"],
    ["2026-01-21", "archived"],
    ["2026-01-22", "stays"],
  ]);
  assertStringIncludes(done[2].reason!, "not over");
  assertEquals(await retainIn(dir, { days: 30 }, laterWorld({ now_ms: () => just_after })), []);
});

Deno.test("days that the index has not taken in stay; one damaged day does not keep the others", async () => {
  using folder = ledgerFolder();
  const dir = folder.path;
  await fillLedger(dir);
  await new Ledger({ dir, world: laterWorld() }).upkeep.compact({ before_day: KEPT, all: true });
  await sync(dir);
  {
    await using ledger = new Ledger({ dir, world: testWorld() });
    await emitRun(ledger, "damaged", 2);
  }
  await new Ledger({ dir, world: laterWorld() }).upkeep.compact({ before_day: KEPT, all: true });
  flip(join(dir, "events", "day=2026-01-22", "part-000003.parquet"), 100);
  const notices: string[] = [];
  const onNotice = (message: string) => notices.push(message);
  const done = await retainIn(dir, { onNotice });
  assertEquals(done.map(({ day, fate }) => [day, fate]), [
    ["2026-01-20", "archived"],
    ["2026-01-21", "archived"],
    ["2026-01-22", "stays"],
  ]);
  assertMatch(notices[0], /^the index was not brought up to date: .*part-000003.parquet/);
  {
    await using ledger = new Ledger({ dir, world: testWorld() });
    await emitRun(ledger, "late", 0);
  }
  const [late] = await retainIn(dir);
  assertEquals([late.day, late.fate, late.fix], ["2026-01-20", "stays", "ledger rebuild"]);
  assertStringIncludes(late.reason!, "part-000003.jsonl is not wholly indexed");
});

Deno.test("a late event opens an archived day again, under a number that was never given", async () => {
  using folder = ledgerFolder();
  const dir = folder.path;
  await fillLedger(dir);
  const before = await linesOf(dir);
  const archives = (await retainIn(dir)).map(({ archive }) => archive!);
  await using ledger = new Ledger({ dir, world: testWorld() });
  const at = { run_id: "late", timestamp_ms: noonOf(0) };
  const { part } = await ledger.emitRunStarted({ ...at, event_id: "late-1" });
  assertEquals(part, "day=2026-01-20/part-000003.jsonl");
  await using other = new Ledger({ dir, world: testWorld(), writer: "w" });
  await other.emitRunFailed({ ...at, event_id: "late-2", error: "died" });
  const late = linesOfDays(await linesOf(dir), ["2026-01-20"]);
  assertEquals(late.map((line) => line.split("@")[0]), [
    "day=2026-01-20/part-000003.jsonl",
    "day=2026-01-20/part-000004.w.jsonl",
  ]);
  await sync(dir);
  const shown =
    "select distinct log_part, is_archived from events where log_day = '2026-01-20' order by 1";
  assertEquals((await rowsOf(dir, shown)).map(Object.values), [
    ["part-000001", true],
    ["part-000002", true],
    ["part-000003", false],
    ["part-000004.w", false],
  ]);
  await assertWhole(dir);
  const [again] = await retainIn(dir);
  assertEquals([again.fate, again.parts, again.events], ["archived", 2, 2]);
  assertEquals(again.archive, join(archiveIn(dir), "ledger-2026-01-20.2.tar"));
  await assertWhole(dir);
  // The newer one first: then a later event still gets a number of its own.
  await importIn(dir, again.archive!);
  await importIn(dir, archives[0]);
  const { part: next } = await ledger.emitRunStarted({ ...at, event_id: "late-3" });
  assertEquals(next, "day=2026-01-20/part-000005.jsonl");
  const lines = linesOfDays(await linesOf(dir), ["2026-01-20"]);
  assertEquals(lines.slice(0, -1), [...linesOfDays(before, ["2026-01-20"]), ...late]);
  await assertWhole(dir);
});

Deno.test("where only some parts of a day came back, the numbers of the others stay taken", async () => {
  using folder = ledgerFolder();
  const dir = folder.path;
  await fillLedger(dir);
  const [{ archive }] = await retainIn(dir);
  await using ledger = new Ledger({ dir, world: testWorld() });
  const late = { run_id: "late", timestamp_ms: noonOf(0) };
  await ledger.emitRunFailed({ ...late, error: "died" });
  await retainIn(dir);
  await importIn(dir, archive!);
  const { part } = await ledger.emitRunFailed({ ...late, error: "died" });
  assertEquals(part, "day=2026-01-20/part-000004.jsonl");
});

Deno.test("days are deleted only when that is asked for, and the index keeps what it has of them", async () => {
  using folder = ledgerFolder();
  const dir = folder.path;
  await fillLedger(dir);
  const digests = await digestsAnew(dir);
  const words = ["retain", "--days", "30"];
  const unsure = await runLater(dir, words);
  assertEquals(unsure.code, 2);
  assertStringIncludes(unsure.stderr, "3 days");
  assertStringIncludes(unsure.stderr, "--yes");
  assertEquals(namesInEvents(dir).length, 4);
  const dry = await runLater(dir, [...words, "--dry-run"]);
  const done = await runLater(dir, [...words, "--yes"]);
  assertEquals([done.code, done.stdout], [0, dry.stdout]);
  assertStringIncludes(done.stdout, "deleted");
  assertEquals(namesInEvents(dir), ["_chain.jsonl", "_schema.json", `day=${KEPT}`]);
  await assertWhole(dir);
  assertEquals(await rowsOf(dir, "select log_day, archive from archived_days limit 1"), [
    { log_day: "2026-01-20", archive: null },
  ]);
  assertEquals(await digestsAnew(dir), digests);
});

Deno.test("forgotten days leave the index too, those that were archived before as well", async () => {
  using folder = ledgerFolder();
  const dir = folder.path;
  await fillLedger(dir);
  await retainIn(dir, { days: 59 });
  const words = ["retain", "--days", "30", "--archive", archiveIn(dir), "--forget"];
  const dry = await runLater(dir, [...words, "--dry-run"]);
  const real = await runLater(dir, words);
  assertEquals([real.code, real.stdout], [0, dry.stdout], real.stderr);
  assertMatch(
    real.stdout,
    /2026-01-20 {2}its rows are removed from the index; it is in .*ledger-2026-01-20.tar/,
  );
  assertMatch(
    real.stdout,
    /2026-01-22 {2}8 events in 2 parts.*, and its rows are removed from the index/,
  );
  assertEquals(await rowsOf(dir, "select distinct log_day from events"), [{ log_day: KEPT }]);
  assertEquals(await rowsOf(dir, "from archived_days"), []);
  assertEquals(await rowsOf(dir, "select run_id from runs_d"), [{ run_id: "new" }]);
  await importIn(dir, join(archiveIn(dir), "ledger-2026-01-21.tar"));
  await sync(dir);
  assertEquals(await rowsOf(dir, "select distinct log_day from events order by 1"), [
    { log_day: "2026-01-21" },
    { log_day: KEPT },
  ]);
});

Deno.test("an index that cannot be trusted is built without archived days, and that is said", async () => {
  using folder = ledgerFolder();
  const dir = folder.path;
  await fillLedger(dir);
  const digests = await digestsAnew(dir);
  const done = await retainIn(dir);
  Deno.removeSync(join(dir, "index", "runs.duckdb.published"));
  const { notices, tables } = await sync(dir);
  assertEquals(notices.length, 2);
  assertStringIncludes(notices[0], "runs.duckdb.set-aside");
  assertStringIncludes(notices[1], "3 days");
  assertStringIncludes(notices[1], `ledger archive import ${done[0].archive}`);
  assertEquals(tables!.other_events.rows, 3);
  for (const { archive } of done) await importIn(dir, archive!);
  assertEquals((await sync(dir)).tables, digests);
});

Deno.test("an archive cannot stand among the days", async () => {
  using folder = ledgerFolder();
  await fillLedger(folder.path);
  for (const inside of ["", "day=2026-01-20", "x/y"]) {
    const { code, stderr } = await runLater(folder.path, [
      ...["retain", "--days", "30", "--archive", join(folder.path, "events", inside)],
    ]);
    assertEquals(code, 2);
    assertStringIncludes(stderr, "holds the ledger's own files");
  }
  assertEquals(namesInEvents(folder.path).length, 4);
});

Deno.test("nothing old enough is said, and so is a ledger that is not there", async () => {
  using folder = ledgerFolder();
  await fillLedger(folder.path);
  const young = await runLater(folder.path, ["retain", "--days", "90", "--yes"]);
  assertEquals([young.code, young.stdout, young.stderr], [0, "", "no day is older than 90 days\n"]);
  const nowhere = await runLater(join(folder.path, "x"), ["retain", "--days", "90", "--yes"]);
  assertEquals(nowhere.code, 1);
  assertStringIncludes(nowhere.stderr, "there is no ledger");
});

function flip(path: string, at: number): void {
  const bytes = Deno.readFileSync(path);
  bytes[at] ^= 1;
  Deno.writeFileSync(path, bytes);
}

function filesIn(folder: string): Map<string, string> {
  const files = new Map<string, string>();
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = join(folder, name);
    if (isDirectory) { for (const inner of filesIn(path)) files.set(...inner); }
    else files.set(path, new TextDecoder("latin1").decode(Deno.readFileSync(path)));
  }
  return files;
}
