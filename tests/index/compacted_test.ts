/** Whether its parts are lines or were compacted, a log has one index. */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { systemFiles } from "../../src/base/files/system_files.ts";
import { restoreDay } from "../../src/log/compact/restore.ts";
import { withSeed } from "../laws/random.ts";
import { IS_FULL, IS_PLAIN, writePart } from "../harness.ts";
import { compactAll, filesOfDays, laterWorld } from "../log/upkeep.ts";
import { assertLikeBuiltAnew, ledgerFolder, line, rowsOf, sync } from "./indexes.ts";
import { LineMaker } from "./lines.ts";
import { LOG_DAYS, RandomLog } from "./random_log.ts";

const DAY_MS = 86_400_000;
const NOON_MS = Date.parse(`${LOG_DAYS[0]}T12:00:00Z`);
const LEDGERS = IS_FULL ? 40 : 2;
/** Not before each file operation, but for a full test. */
const STEP = IS_FULL ? 1 : 4;

/** What a full build gives, without what tells how it went. */
async function fullBuild(dir: string) {
  const { tables, total, new_events, new_bytes, rejected } = await sync(dir, {
    full: true,
    path: join(dir, "index", "anew.duckdb"),
  });
  return { tables, total, new_events, new_bytes, rejected };
}

/** Adds trials to a random log, which itself has few: in parts of their own, and beside others. */
function addTrials(log: RandomLog): void {
  const { random, dir } = log;
  const maker = new LineMaker(random, LOG_DAYS.map((_, day) => NOON_MS + day * DAY_MS));
  for (const [day, name] of LOG_DAYS.entries()) {
    const number = random.pick([1, 2, 3, 11]);
    const part = { day: name, number, writer: random.pick(["", "trials", "w"]) };
    const path = join(dir, "events", `day=${name}`);
    Deno.mkdirSync(path, { recursive: true });
    const lines = random.times(40, () => `${random.chance(0.9) ? maker.trial() : maker.event()}\n`);
    if (day % 2 === 0) writePart(dir, { ...part, number: number + 20 }, lines);
    else writePart(dir, { ...part, writer: "z" }, lines);
  }
}

Deno.test("a random log gives the same index before it is compacted, after, and restored", () =>
  withSeed(async (random) => {
    let trials = 0;
    for (let ledger = 0; ledger < LEDGERS; ledger++) {
      using folder = ledgerFolder();
      const dir = folder.path;
      const log = new RandomLog(random, dir);
      for (let step = 0; step < 8; step++) log.step();
      addTrials(log);
      if (ledger % 8 === 3) log.appendLong();
      const lines = await fullBuild(dir);
      trials += lines.tables!.trial_events.rows;
      const live = await sync(dir);
      const { compacted } = await compactAll(dir);
      assert(compacted.length > 0);
      assertEquals(await fullBuild(dir), lines, "compacted");
      const again = await sync(dir);
      assertEquals([again.kind, again.notices], ["nothing new", []]);
      assertEquals(again.tables, live.tables);
      // Some of the days have their lines back: repeated events may stand on either side.
      for (const day of LOG_DAYS) if (random.chance(0.5)) await restoreIfThere(dir, day);
      assertEquals(await fullBuild(dir), lines, "some restored");
      for (const day of LOG_DAYS) await restoreIfThere(dir, day);
      assertEquals(await fullBuild(dir), lines, "restored");
      assertEquals((await sync(dir)).kind, "nothing new");
    }
    assert(trials > LEDGERS * 50, `${trials} trials`);
  }));

async function restoreIfThere(dir: string, day: string): Promise<void> {
  try {
    await restoreDay(laterWorld(), dir, day);
  } catch (error) {
    if (!/no such day/.test((error as Error).message)) throw error;
  }
}

Deno.test("increments go on over a compaction, also when an event repeats a compacted one", () =>
  withSeed(async (random) => {
    for (let ledger = 0; ledger < LEDGERS; ledger++) {
      using folder = ledgerFolder();
      const dir = folder.path;
      const maker = new LineMaker(random, [NOON_MS]);
      const write = (number: number, writer = "") =>
        writePart(
          dir,
          { day: LOG_DAYS[random.below(2)], number, writer },
          random.times(30, () => `${random.chance(0.6) ? maker.trial() : maker.event()}\n`),
        );
      write(2);
      const path = write(4);
      await sync(dir);
      // A part that is indexed in part, and compacted before the rest is.
      const more = random.times(9, () => `${random.chance(0.5) ? maker.trial() : maker.event()}\n`);
      if (random.chance(0.5)) Deno.writeTextFileSync(path, more.join(""), { append: true });
      await compactAll(dir);
      if (random.chance(0.5)) await assertLikeBuiltAnew(dir, await sync(dir));
      // A later one, then one that sorts before what is indexed: that makes the sync start over.
      write(6);
      await assertLikeBuiltAnew(dir, await sync(dir));
      write(1, random.pick(["", "a"]));
      await assertLikeBuiltAnew(dir, await sync(dir));
      await compactAll(dir);
      await assertLikeBuiltAnew(dir, await sync(dir));
    }
  }));

/** Numbers as JSON may spell them. */
const NUMBERS = [
  ...[
    "0",
    "-0",
    "0.0",
    "-0.0",
    "1",
    "1.0",
    "1.50",
    "1e5",
    "1E5",
    "1e+05",
    "1e-7",
    "0.1e1",
    "1e400",
  ],
  ...["-1e400", "1e-400", "9007199254740993", "18446744073709551615", "18446744073709551616"],
  ...["-9223372036854775808", "-9223372036854775809", "12345678901234567890123", "5e-324"],
  ...[
    "1.7976931348623157e308",
    "0.30000000000000004",
    "123456789.123456789123456789",
    "1e0",
    "0e99",
  ],
];

Deno.test("a trial's numbers are the same from columns and from lines, however they are spelled", async () => {
  using folder = ledgerFolder();
  const dir = folder.path;
  const trial = (number: string, at: number) =>
    `{"event_id":"e${at}","event_type":"trial.recorded","timestamp_ms":${NOON_MS},"run_id":"r",` +
    `"trial_id":"t${at}","params":{"x":${number} ,"y":[ ${number},{"z":${number}}]},` +
    `"metrics":{ "x" : ${number} } }\n`;
  const part = { day: LOG_DAYS[0], number: 1, writer: "" };
  writePart(dir, part, NUMBERS.map(trial));
  await sync(dir, { full: true });
  const sql = "select trial_id, params::varchar as params, metrics::varchar as metrics " +
    "from trial_events order by trial_id";
  const from_lines = await rowsOf(dir, sql);
  await compactAll(dir);
  await sync(dir, { full: true });
  assertEquals(await rowsOf(dir, sql), from_lines);
  assertEquals(from_lines.length, NUMBERS.length);
  // One by one, as an increment takes them.
  using other = ledgerFolder();
  writePart(other.path, { ...part, number: 9 }, [line({
    event_id: "first",
    event_type: "run.started",
    timestamp_ms: NOON_MS,
    run_id: "r",
  })]);
  await sync(other.path);
  writePart(other.path, { ...part, number: 10 }, NUMBERS.map(trial));
  await compactAll(other.path);
  assertEquals((await sync(other.path)).kind, "increment");
  assertEquals(await rowsOf(other.path, sql), from_lines);
});

Deno.test("a ledger whose folder has a name with wildcards is built from its columns too", async () => {
  using folder = ledgerFolder();
  const dir = join(folder.path, "lab [1] *");
  Deno.mkdirSync(dir);
  writePart(dir, { day: LOG_DAYS[0], number: 1, writer: "" }, [
    `{"event_id":"e","event_type":"trial.recorded","timestamp_ms":${NOON_MS},"run_id":"r",` +
    `"trial_id":"t","params":{},"metrics":{}}\n`,
  ]);
  await compactAll(dir);
  const { total } = await sync(dir, { full: true });
  assertEquals(total.events, 1);
});

Deno.test("whenever a part is compacted or restored under a build, it takes each event once", {
  ignore: IS_PLAIN,
}, async () => {
  using folder = ledgerFolder();
  const dir = folder.path;
  const trial = (n: number) =>
    `{"event_id":"e${n}","event_type":"trial.recorded","timestamp_ms":${NOON_MS + n},` +
    `"run_id":"r","trial_id":"t${n}","params":{"n":${n}},"metrics":{}}\n`;
  const start = line({
    event_id: "first",
    event_type: "run.started",
    timestamp_ms: NOON_MS,
    run_id: "r",
  });
  writePart(dir, { day: LOG_DAYS[0], number: 1, writer: "" }, [start, trial(1), trial(2)]);
  writePart(dir, { day: LOG_DAYS[1], number: 1, writer: "" }, [trial(3)]);
  const wanted = await fullBuild(dir);
  await compactAll(dir, { keep_jsonl: true });
  const all = filesOfDays(dir);
  const only = (format: string) =>
    new Map([...all].filter(([name]) => name.endsWith(format) || name.endsWith("_sealed.json")));
  const put = (files: Map<string, Uint8Array>) => {
    for (const [name, bytes] of files) Deno.writeFileSync(join(dir, "events", name), bytes);
    for (const name of filesOfDays(dir).keys()) {
      if (!files.has(name)) Deno.removeSync(join(dir, "events", name));
    }
  };
  const forms = [only(".jsonl"), only(".parquet")];
  for (const [before, after] of [forms, forms.toReversed()]) {
    for (const full of [true, false]) {
      for (let nth = 1;; nth += STEP) {
        put(before);
        let operations = 0;
        const files = systemFiles((_, path) => {
          if (path.includes("/events") && ++operations === nth) put(after);
        });
        const world = laterWorld({ files, has_threads: false });
        const { tables, total } = await sync(dir, { full }, world);
        assertEquals([tables, total], [wanted.tables, wanted.total], `${full}, before ${nth}`);
        if (operations < nth) break;
      }
    }
  }
});

Deno.test("a part that is restored before DuckDB has read it makes a build begin again", {
  ignore: IS_PLAIN,
}, async () => {
  using folder = ledgerFolder();
  const dir = folder.path;
  const trial = `{"event_id":"e","event_type":"trial.recorded","timestamp_ms":${NOON_MS},` +
    `"run_id":"r","trial_id":"t","params":{},"metrics":{}}\n`;
  writePart(dir, { day: LOG_DAYS[0], number: 1, writer: "" }, [trial]);
  await compactAll(dir, { keep_jsonl: true });
  const [lines, parquet] = ["jsonl", "parquet"].map((format) =>
    join(dir, "events", `day=${LOG_DAYS[0]}`, `part-000001.${format}`)
  );
  const bytes = Deno.readFileSync(lines);
  Deno.removeSync(lines);
  // Right after it was read for what is no trial, and before its columns are.
  let reads = 0;
  const files = systemFiles((operation, path) => {
    if (operation !== "read" || path !== parquet) return;
    // Whichever read is the last: each build meets another one, until all were tried.
    if (++reads === reads_until) {
      Deno.writeFileSync(lines, bytes);
      Deno.removeSync(parquet);
    }
  });
  const packed = Deno.readFileSync(parquet);
  let reads_until = 1;
  for (;; reads_until++) {
    Deno.writeFileSync(parquet, packed);
    await Deno.remove(lines).catch(() => {});
    reads = 0;
    const world = laterWorld({ files, has_threads: false });
    const { total, tables } = await sync(dir, { full: true }, world);
    assertEquals([total.events, tables!.duplicate_events.rows], [1, 0], `read ${reads_until}`);
    if (reads < reads_until) break;
  }
  assert(reads_until > 3);
});
