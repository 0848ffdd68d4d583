/** What happens beside a day that goes: to writers, to readers, to an index that is being built. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { LedgerError } from "../../../src/base/error.ts";
import { systemFiles } from "../../../src/base/files/system_files.ts";
import { Ledger } from "../../../src/ledger/ledger.ts";
import { readChain } from "../../../src/log/format/chain.ts";
import { partsOfDay } from "../../../src/log/read/parts.ts";
import { openPart } from "../../../src/log/read/part_file.ts";
import { finishDays } from "../../../src/log/seal/unfinished_days.ts";
import { startScript } from "../../crash/kills/crash.ts";
import { ledgerFolder, rowsOf, sync } from "../../index/indexes.ts";
import { testWorld, writePart } from "../../harness.ts";
import {
  archiveIn,
  assertWhole,
  digestsAnew,
  fillLedger,
  importIn,
  linesOf,
  namesInEvents,
  OLD_DAYS,
  retainIn,
  runLater,
} from "../../retained.ts";

const DAY = OLD_DAYS[0];
const LATE = '{"event_id":"late","event_type":"run.failed","timestamp_ms":1768910400000,' +
  '"run_id":"late","error":"x"}\n';

Deno.test("what came into a day's folder as it went is put back; what is away goes", async () => {
  using folder = ledgerFolder();
  const dir = folder.path;
  await fillLedger(dir);
  const archive = join(archiveIn(dir), `ledger-${DAY}.tar`);
  await retainIn(dir);
  await importIn(dir, archive);
  await sync(dir);
  const before = readChain(testWorld(), dir);
  await retainIn(dir);
  // As if killed right after the folder lost its name, with a writer that was just beginning.
  const gone = join(dir, "events", `_gone-day=${DAY}.1-a`);
  Deno.mkdirSync(gone);
  for (const name of ["part-000001.jsonl", "part-000003.w.jsonl"]) {
    Deno.writeTextFileSync(join(gone, name), LATE);
  }
  await finishDays(testWorld(), dir);
  assertEquals(before.away.size > 0, true);
  assertEquals(namesInEvents(dir).filter((name) => name.includes(DAY)), [`day=${DAY}`]);
  const lines = (await linesOf(dir)).filter((line) => line.includes(DAY));
  assertEquals(lines, [`day=${DAY}/part-000003.w.jsonl@0 ${LATE.trim()}`]);
});

Deno.test("a chain that lost what it said of a day gets the day back, with its seals", async () => {
  using folder = ledgerFolder();
  const dir = folder.path;
  await fillLedger(dir);
  const before = await linesOf(dir);
  const world = testWorld();
  await new Ledger({ dir, world }).upkeep.compact({ before_day: "2026-03-01", all: true });
  Deno.renameSync(join(dir, "events", `day=${DAY}`), join(dir, "events", `_gone-day=${DAY}.1-a`));
  await finishDays(world, dir);
  assertEquals(await linesOf(dir), before);
  await assertWhole(dir);
});

Deno.test("a reader whose day goes under its hands says so", async () => {
  using folder = ledgerFolder();
  const dir = folder.path;
  await fillLedger(dir);
  const world = testWorld();
  const [extent] = await partsOfDay(world.files, dir, DAY);
  await retainIn(dir);
  for (const compacted of [undefined, { bytes: 1, sha256: "", blocks: "" }]) {
    const error = await assertRejects(
      () => openPart(world, { ...extent, compacted }),
      LedgerError,
    );
    assertStringIncludes(error.message, `${extent.label} went from the log while it was read`);
    assertStringIncludes(error.hint!, "repeat it");
  }
});

Deno.test("an index that is built while a day goes is built from what is left", async () => {
  using folder = ledgerFolder();
  const dir = folder.path;
  await fillLedger(dir);
  const chain = join(dir, "events", "_chain.jsonl");
  await retainIn(dir);
  const after = Deno.readTextFileSync(chain);
  const steps = after.split("\n");
  const taken_out = steps.findIndex((line) => line.includes('"taken_out"'));
  await importIn(dir, join(archiveIn(dir), `ledger-${DAY}.tar`));
  const returned = Deno.readTextFileSync(chain);
  await sync(dir);
  let times = 0;
  const files = systemFiles((operation, path) => {
    if (operation !== "open" || !path.includes(`day=${DAY}/part-`) || times++ > 0) return;
    Deno.renameSync(join(dir, "events", `day=${DAY}`), join(dir, "away"));
    Deno.writeTextFileSync(chain, `${returned}${steps[taken_out]}\n`);
  });
  const report = await sync(dir, { full: true }, testWorld({ files }));
  assertEquals([report.kind, report.notices, times > 0], ["full", [], true]);
  const shown = "select distinct log_day, is_archived from events order by all";
  assertEquals((await rowsOf(dir, shown)).map(Object.values), [
    ...OLD_DAYS.map((day) => [day, true]),
    ["2026-03-20", false],
  ]);
});

Deno.test("an index that another program holds is not built anew without its archived days", async () => {
  using folder = ledgerFolder();
  const dir = folder.path;
  await fillLedger(dir);
  await retainIn(dir, { archive: undefined });
  const index = join(dir, "index", "runs.duckdb");
  const holder = startScript("duckdb/holder.ts", [index, "select 1"], "piped");
  assertEquals(await holder.nextLine(), "holds");
  const error = await assertRejects(() => sync(dir, { full: true }), LedgerError);
  assertEquals(error.code, "busy");
  assertStringIncludes(error.message, "keep its rows of archived days");
  await holder.child.stdin.close();
  await holder.end();
  assertEquals((await digestsAnew(dir))!.other_events.rows, 21);
});

Deno.test("a damaged chain keeps every day where it is", async () => {
  using folder = ledgerFolder();
  const dir = folder.path;
  await fillLedger(dir);
  await retainIn(dir, { days: 59 });
  const path = join(dir, "events", "_chain.jsonl");
  const whole = Deno.readTextFileSync(path);
  const names = namesInEvents(dir);
  const lines = whole.split("\n");
  for (const damaged of ["x\n" + whole, lines.toSpliced(1, 1).join("\n")]) {
    Deno.writeTextFileSync(path, damaged);
    for (const dry of [[], ["--dry-run"]]) {
      const words = ["retain", "--days", "30", "--archive", archiveIn(dir), ...dry];
      const { code, stderr } = await runLater(dir, words);
      assertEquals(code, 1);
      assertStringIncludes(stderr, "the chain is damaged");
    }
    const imported = await runLater(dir, [
      ...["archive", "import", join(archiveIn(dir), `ledger-${DAY}.tar`)],
    ]);
    assertStringIncludes(imported.stderr, "the chain is damaged");
  }
  assertEquals(namesInEvents(dir), names);
});

Deno.test("a folder without a part, or with an empty one, is no day to take out", async () => {
  using folder = ledgerFolder();
  const dir = folder.path;
  await fillLedger(dir);
  writePart(dir, { day: "2026-01-01", number: 1, writer: "" }, []);
  Deno.mkdirSync(join(dir, "events", "day=2026-01-02"));
  assertEquals((await retainIn(dir)).map(({ day }) => day), OLD_DAYS);
  // An empty part of a day that goes is no event.
  await fillLedger(dir);
  writePart(dir, { day: DAY, number: 9, writer: "w" }, []);
  assertEquals((await retainIn(dir)).map(({ day, parts }) => [day, parts]), [
    ...OLD_DAYS.map((day) => [day, 2]),
  ]);
});
