/** What legacy rows become in the log, and that nothing of them is missed or changed on the way. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { literal } from "../../src/duckdb/connection.ts";
import { Ledger } from "../../src/ledger/ledger.ts";
import { legacyBatches } from "../../src/legacy/rows.ts";
import { readLegacySchema } from "../../src/legacy/tables.ts";
import {
  compareLegacy,
  importLegacy,
  judgeLegacy,
  legacyDatabase,
  openLedger,
} from "../../src/mod.ts";
import { IS_FULL, linesOnDisk, runIn, testWorld } from "../harness.ts";
import { type Random, withSeed } from "../laws/random.ts";
import { assertLikeBuiltAnew, ledgerFolder, rowsOf, sync } from "../index/indexes.ts";
import {
  AFTER_MS,
  BEFORE_MS,
  columnsOf,
  database,
  insert,
  lab,
  run,
  stamp,
  TABLES,
  tables,
  trial,
  type Value,
} from "./legacy_databases.ts";

/** Imports; fails unless nothing differs then and a second import finds nothing to do. */
async function importAll(dir: string, path: string): Promise<number> {
  await using ledger = await openLedger({ dir });
  const { imported, ...others } = await importLegacy(ledger, path);
  assertEquals([others.refused, others.not_understood], [[], []]);
  const { safe, differences, tables } = await judgeLegacy(ledger, path);
  assertEquals([safe, differences], [true, 0]);
  for (const { rows, in_log, never_started, digest, digest_in_log } of tables) {
    assertEquals([in_log + never_started, digest_in_log], [rows, digest]);
  }
  assertEquals((await importLegacy(ledger, path)).imported, 0);
  return imported;
}

/** A folder with a database in it, and where a ledger will be. */
async function labOf(
  ...statements: readonly string[]
): Promise<Disposable & { dir: string; path: string }> {
  const folder = ledgerFolder();
  const path = join(folder.path, "legacy.duckdb");
  await database(path, ...statements);
  return {
    dir: join(folder.path, "ledger"),
    path,
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

/** The events of a log without their ids. */
function eventsIn(dir: string): Record<string, unknown>[] {
  return linesOnDisk(dir).map((line) => {
    const { event_id: _, imported_from: __, ...event } = JSON.parse(line);
    return event;
  });
}

for (const generation of ["older", "newer"] as const) {
  Deno.test(`a database of the ${generation} generation becomes runs, trials and folds`, async () => {
    using of = await labOf(...tables(generation), ...lab());
    assertEquals(await importAll(of.dir, of.path), 5);
    const run_id = "r1";
    assertEquals(eventsIn(of.dir), [
      {
        event_type: "run.created",
        timestamp_ms: BEFORE_MS,
        run_id,
        run_type: "grid_search",
        config: { "10": 2, b: 1 },
        data_fingerprint: "unknown",
        name: "first",
        date_from: "2025-12-01",
        alerts_total: 12,
      },
      {
        event_type: "trial.recorded",
        timestamp_ms: BEFORE_MS + 500,
        run_id,
        trial_id: "t1",
        params: { tp: 2 },
        metrics: { alerts_total: 10, total_r: 1.25, win_rate: 0.5 },
        tp_mult: 2,
        intrabar_order: "sl_first",
      },
      {
        event_type: "trial.recorded",
        timestamp_ms: BEFORE_MS + 600,
        run_id,
        trial_id: "t2",
        params: { tp_mult: 3, sl_mult: 0.5 },
        metrics: { alerts_total: 10, total_r: 1.25, win_rate: 0.5 },
      },
      {
        event_type: "trial.recorded",
        timestamp_ms: BEFORE_MS + 700,
        run_id,
        trial_id: "f1",
        is_fold: true,
        params: { fold: 1, train_from: "2025-11-01", best_params: { tp: 2 } },
        metrics: { best_tp_mult: 2, test_avg_r: 0.25 },
      },
      {
        event_type: "run.completed",
        timestamp_ms: BEFORE_MS + 2000,
        run_id,
        completed_at_is_known: false,
        summary: { pnl: 1.5 },
        timing: { total_ms: 2000 },
        artifact_paths: {},
      },
    ]);
    assertEquals(
      await rowsOf(of.dir, "select status, created_at_ms, completed_at_ms from latest_runs"),
      [{ status: "completed", created_at_ms: BEFORE_MS, completed_at_ms: BEFORE_MS + 2000 }],
    );
  });
}

/** A value of each type, other for each column. */
function valueOf(table: string, name: string, type: string, n: number): Value {
  if (name.endsWith("_id")) return table === "runs_d" || name === "run_id" ? "r1" : `${name} ${n}`;
  if (name.endsWith("_json")) return `{"column":"${name}"}`;
  const values: Record<string, Value> = {
    TIMESTAMP: `${stamp(BEFORE_MS + n)}${n}`,
    DATE: `2025-12-${10 + (n % 20)}`,
    INTEGER: n,
    DOUBLE: n + 0.25,
    BOOLEAN: n % 2 === 0,
  };
  return values[type] ?? (name === "status" ? "completed" : `${name} ${n}`);
}

Deno.test("every column of the first system's tables comes over", async () => {
  const understood = ["runs_d", "pipeline_phases_f", "trials_f", "walk_forward_f"];
  const rows = understood.flatMap((table) =>
    insert(
      table,
      Object.fromEntries(
        columnsOf(table).map(([name, type], n) => [name, valueOf(table, name, type, n)]),
      ),
    )
  );
  using of = await labOf(...TABLES, ...rows);
  assertEquals(await importAll(of.dir, of.path), 6);
  const text = linesOnDisk(of.dir).join("\n");
  for (const table of understood) {
    for (const [n, [name, type]] of columnsOf(table).entries()) {
      const value = valueOf(table, name, type, n);
      const written = name.endsWith("_json") ? String(value) : JSON.stringify(value);
      assert(text.includes(written), `${table}.${name}: ${written}`);
    }
  }
});

Deno.test("a null that was written as JSON is none, and so is a type without a letter", async () => {
  using of = await labOf(
    ...TABLES,
    ...run("r", BEFORE_MS, { run_type: "", summary_json: "null", timing_json: " null" }),
  );
  assertEquals(await importAll(of.dir, of.path), 1);
  const asked = "select run_type, status from latest_runs";
  assertEquals(await rowsOf(of.dir, asked), [{ run_type: "unknown", status: "pending" }]);
});

Deno.test("a phase is its start and its end, as far as it came; one that never started is counted", async () => {
  const phase = (phase_id: string, phase_order: number, others: Record<string, Value>) =>
    insert("pipeline_phases_f", {
      phase_id,
      run_id: "r1",
      phase_name: phase_id,
      phase_order,
      retry_count: 0,
      ...others,
    });
  using of = await labOf(
    ...TABLES,
    ...run("r1", BEFORE_MS, { summary_json: null }),
    ...phase("done", 0, {
      status: "completed",
      started_at: stamp(BEFORE_MS + 1),
      completed_at: stamp(BEFORE_MS + 11),
      duration_ms: 9,
      output_summary_json: '{"rows":3}',
    }),
    ...phase("broken", 1, {
      status: "failed",
      started_at: stamp(BEFORE_MS + 20),
      duration_ms: 5,
      error_message: "no candles",
    }),
    ...phase("going", 2, { status: "running", started_at: stamp(BEFORE_MS + 30) }),
    ...phase("later", 3, { status: "pending", config_json: "{}" }),
    ...phase("left out", 4, { status: "skipped" }),
  );
  assertEquals(await importAll(of.dir, of.path), 6);
  const phases = await rowsOf(
    of.dir,
    `select phase_name, phase_order, started_at_ms - ${BEFORE_MS} as started,
      completed_at_ms - ${BEFORE_MS} as completed, duration_ms from phase_timings order by all`,
  );
  assertEquals(phases, [
    { phase_name: "broken", phase_order: 1, started: 20, completed: 25, duration_ms: 5 },
    { phase_name: "done", phase_order: 0, started: 1, completed: 11, duration_ms: 9 },
    { phase_name: "going", phase_order: 2, started: 30, completed: null, duration_ms: null },
  ]);
  const broken = eventsIn(of.dir).find(({ error_message }) => error_message !== undefined);
  assertEquals(broken?.status, "failed");
  const archive = await runIn(of.dir, ["legacy", "archive", of.path, "--json"]);
  const { tables: reports } = JSON.parse(archive.stdout);
  const report = reports.find((each: { table: string }) => each.table.endsWith("phases_f"));
  assertEquals([archive.code, report.rows, report.in_log, report.never_started], [0, 5, 3, 2]);
  // What came of a phase without a start has no place in the log.
  await database(
    of.path,
    `update optimizer.pipeline_phases_f set error_message = 'no room' where phase_id = 'left out'`,
  );
  const lost = await runIn(of.dir, ["legacy", "archive", of.path]);
  assertEquals(lost.code, 3);
  const { stdout } = await runIn(of.dir, ["legacy", "compare", of.path, "--json"]);
  assertEquals(JSON.parse(stdout), [
    {
      run_id: "r1",
      table: "pipeline_phases_f",
      id: "left out",
      field: "error_message",
      legacy: "no room",
      event_log: null,
    },
  ]);
});

/** JSON texts that say more than JSON.parse and JSON.stringify bring through. */
const EXACT_TEXTS = [
  '{"seed":12345678901234567890123,"rate":1.50,"big":1e400,"zero":-0.0}',
  '{"b":1,"10":2,"2":3,"b2":1E+2}',
  '{"spaced" : [ 1 , 2 ],"escaped":"\\u00e9\\/"}',
];

Deno.test("JSON is brought over as the text that it is, to the last digit", async () => {
  const rows = EXACT_TEXTS.map((text, n) =>
    run(`r${n}`, BEFORE_MS, { config_json: text, summary_json: `\n${text} ` })
  );
  using of = await labOf(...TABLES, ...rows.flat());
  assertEquals(await importAll(of.dir, of.path), 2 * EXACT_TEXTS.length);
  const lines = linesOnDisk(of.dir);
  for (const text of EXACT_TEXTS) {
    assertEquals(lines.filter((line) => line.includes(`"config":${text},`)).length, 1, text);
    assertEquals(lines.filter((line) => line.includes(`"summary":${text},`)).length, 1, text);
  }
  const others = [["890123", "890124"], ["1.50", "1.51"], ["e400", "e401"], ["-0.0", "-0.1"]];
  for (const [digits, other_digits] of others) {
    const config = EXACT_TEXTS[0].replace(digits, other_digits);
    const set = (json: string) =>
      `update optimizer.runs_d set config_json = ${literal(json)} where run_id = 'r0'`;
    await database(of.path, set(config));
    const { code, stdout } = await runIn(of.dir, ["legacy", "compare", of.path, "--json"]);
    const [difference, ...more] = JSON.parse(stdout);
    assertEquals([code, more], [3, []]);
    assertEquals([difference.field, difference.legacy], ["config_json", config]);
    await database(of.path, set(EXACT_TEXTS[0]));
  }
});

Deno.test("what JSON has no word for is null in its place, and its text stands beside it", async () => {
  using of = await labOf(
    ...TABLES,
    ...run("r1", BEFORE_MS, { summary_json: '{"sharpe": NaN, "note": "NaN", "min": -Infinity}' }),
    ...trial("r1", "t1", BEFORE_MS),
    "update optimizer.trials_f set r_profit_factor = 'inf', avg_r = 'nan'",
  );
  assertEquals(await importAll(of.dir, of.path), 3);
  const [, recorded, completed] = eventsIn(of.dir);
  assertEquals(completed.summary, { sharpe: null, note: "NaN", min: null });
  assertStringIncludes(completed.summary_text as string, "-Infinity");
  assertEquals((recorded.metrics as Record<string, unknown>).r_profit_factor, null);
  assertEquals(recorded.not_finite, { r_profit_factor: "inf", avg_r: "nan" });
  await database(of.path, "update optimizer.trials_f set r_profit_factor = '-inf'");
  assertEquals((await runIn(of.dir, ["legacy", "archive", of.path])).code, 3);
});

Deno.test("a time without a zone is UTC, and its microseconds are kept", async () => {
  using of = await labOf(
    ...TABLES,
    ...run("r1", BEFORE_MS, { created_at: "2026-01-10 12:00:00.123456" }),
  );
  await importAll(of.dir, of.path);
  const [created] = eventsIn(of.dir);
  assertEquals(created.timestamp_ms, Date.UTC(2026, 0, 10, 12, 0, 0, 123));
  assertEquals(created.created_at, "2026-01-10 12:00:00.123456");
  await database(of.path, "update optimizer.runs_d set created_at = '2026-01-10 12:00:00.123457'");
  assertEquals((await runIn(of.dir, ["legacy", "archive", of.path])).code, 3);
});

Deno.test("columns that are absent are nothing, and a row without a time says that it has none", async () => {
  const without = ["runs_d.created_at", "runs_d.timing_json", "trials_f.params_json"];
  using of = await labOf(
    ...tables("older", without),
    ...insert("runs_d", { run_id: "r1", config_json: "{}" }, { run_id: "r2", summary_json: "{}" }),
    ...insert("trials_f", { run_id: "r1", trial_id: "t1", tp_mult: 2, total_r: 1 }),
    ...insert("trials_f", { run_id: "alone", trial_id: "t2", created_at: stamp(BEFORE_MS) }),
  );
  assertEquals(await importAll(of.dir, of.path), 5);
  const before_cutover = Date.UTC(2026, 0, 23) - 1;
  const created = eventsIn(of.dir).filter(({ event_type }) => event_type === "run.created");
  for (const { timestamp_ms, created_at_is_known, run_type, config } of created) {
    assertEquals([timestamp_ms, created_at_is_known, run_type, config], [
      before_cutover,
      false,
      "unknown",
      {},
    ]);
  }
  assertEquals(await rowsOf(of.dir, "select run_id, status from latest_runs order by run_id"), [
    { run_id: "r1", status: "pending" },
    { run_id: "r2", status: "completed" },
  ]);
  assertEquals(
    await rowsOf(of.dir, "select run_id, trial_id, params from trial_results order by 1"),
    [
      { run_id: "alone", trial_id: "t2", params: "{}" },
      { run_id: "r1", trial_id: "t1", params: '{"tp_mult":2.0}' },
    ],
  );
});

Deno.test("what is not understood and holds values is named, and the database has to stay", async () => {
  using of = await labOf(...TABLES, ...lab());
  await importAll(of.dir, of.path);
  await database(
    of.path,
    "alter table optimizer.runs_d add column owner varchar",
    "alter table optimizer.trials_f add column regime varchar",
    "alter table optimizer.trials_f add column sortino double",
    `create table core."odd; name" (x int)`,
  );
  // Without a value in them they are nothing.
  assertEquals((await runIn(of.dir, ["legacy", "archive", of.path])).code, 0);
  await database(
    of.path,
    "update optimizer.runs_d set owner = 'ann'",
    "update optimizer.trials_f set regime = 'bull' where trial_id = 't1'",
    "insert into optimizer.islands_f values ('i1', 'r1', 'p1', 0.5), ('i2', 'r1', 'p1', 0.25)",
    "insert into baseline.alert_results_f values ('b1', 'a1', 3)",
    `insert into core."odd; name" values (1)`,
  );
  const not_understood = [
    { name: "baseline.alert_results_f", rows: 1 },
    { name: "core.odd; name", rows: 1 },
    { name: "optimizer.islands_f", rows: 2 },
    { name: "optimizer.runs_d.owner", rows: 1 },
    { name: "optimizer.trials_f.regime", rows: 1 },
  ];
  const imported = await runIn(of.dir, ["legacy", "import", of.path, "--json"]);
  assertEquals([imported.code, JSON.parse(imported.stdout).not_understood], [3, not_understood]);
  const compared = await runIn(of.dir, ["legacy", "compare", of.path]);
  assertEquals([compared.code, compared.stdout], [3, ""]);
  for (const { name } of not_understood) assertStringIncludes(compared.stderr, name);
  const archive = await runIn(of.dir, ["legacy", "archive", of.path]);
  assertEquals(archive.code, 3);
  assertStringIncludes(archive.stdout, "5 tables or columns not understood");
  assertStringIncludes(archive.stderr, "optimizer.islands_f (2 rows)");
  // Named one by one, they may be lost.
  const except = not_understood.flatMap(({ name }) => ["--except", name]);
  const some = await runIn(of.dir, ["legacy", "archive", of.path, ...except.slice(2)]);
  assertEquals(some.code, 3);
  assertStringIncludes(some.stdout, "--except baseline.alert_results_f");
  const all = await runIn(of.dir, ["legacy", "archive", of.path, ...except]);
  assertEquals(all.code, 0, all.stdout);
  assertMatch(all.stdout, /all of it but baseline\.alert_results_f, .*, with the same data/);
  const mistyped = await runIn(of.dir, ["legacy", "archive", of.path, "--except", "optimizer.isl"]);
  assertEquals(mistyped.code, 2);
  assertStringIncludes(mistyped.stderr, 'cannot except "optimizer.isl"');
  assertStringIncludes(mistyped.stderr, "optimizer.islands_f");
  // A number is a metric, whatever its name.
  await database(of.path, "update optimizer.trials_f set sortino = 1.5 where trial_id = 't2'");
  const { stdout } = await runIn(of.dir, ["legacy", "compare", of.path, "--json"]);
  assertEquals(JSON.parse(stdout)[0].field, "sortino");
});

Deno.test("a row that no event can hold is named with the reason, and the others come over", async () => {
  using of = await labOf(
    ...TABLES,
    ...run("good", BEFORE_MS),
    ...run("a/b", BEFORE_MS),
    ...run("deep", BEFORE_MS, { config_json: `{"a":${"[".repeat(2000)}${"]".repeat(2000)}}` }),
    ...insert("runs_d", { notes: "no id" }),
    ...insert("trials_f", { run_id: "good", total_r: 1 }),
  );
  const { code, stdout, stderr } = await runIn(of.dir, ["legacy", "import", of.path, "--json"]);
  const { imported, refused } = JSON.parse(stdout);
  assertEquals([code, imported], [3, 3]);
  assertEquals(
    refused.map(({ table, run_id, id }: Record<string, unknown>) => [table, run_id, id]),
    [
      ["optimizer.runs_d", "a/b", "a/b"],
      ["optimizer.runs_d", null, null],
      ["optimizer.trials_f", "good", null],
      ["optimizer.runs_d", "deep", "deep"],
    ],
  );
  assertStringIncludes(stderr, 'optimizer.runs_d "a/b", "a/b": its run_id is none');
  const archive = await runIn(of.dir, ["legacy", "archive", of.path, "--json"]);
  assertEquals(archive.code, 3);
  assert(JSON.parse(archive.stdout).differences >= 4);
});

/** Each column of a lab that is understood, with another value for it. */
const CHANGES: [table: string, field: string, later: Value][] = [
  ["runs_d", "run_type", "'random_search'"],
  ["runs_d", "created_at", "created_at + interval 1 microsecond"],
  ["runs_d", "name", "'second'"],
  ["runs_d", "date_from", "date_from + 1"],
  ["runs_d", "alerts_total", "13"],
  ["runs_d", "config_json", `'{"b":1}'`],
  ["runs_d", "timing_json", `'{"total_ms":2001}'`],
  ["runs_d", "summary_json", `'{"pnl":1.51}'`],
  ["runs_d", "code_dirty", "true"],
  ["trials_f", "created_at", "created_at + interval 1 second"],
  ["trials_f", "params_json", `'{"tp":2.5}'`],
  ["trials_f", "tp_mult", "2.5"],
  ["trials_f", "intrabar_order", "'tp_first'"],
  ["trials_f", "win_rate", "0.51"],
  ["trials_f", "worst_lane", "'a'"],
  ["walk_forward_f", "fold_num", "2"],
  ["walk_forward_f", "best_params_json", "'{}'"],
  ["walk_forward_f", "best_tp_mult", "1"],
  ["walk_forward_f", "notes", "'odd'"],
];

/** The changes in groups, each with at most one of a table. */
function turnsOf(changes: typeof CHANGES): (typeof CHANGES)[] {
  const by_table = [...Map.groupBy(changes, ([table]) => table).values()];
  const longest = Math.max(...by_table.map(({ length }) => length));
  return Array.from({ length: longest }, (_, n) => by_table.flatMap((of) => of.slice(n, n + 1)));
}

Deno.test("whichever value of a legacy row differs from the log, it is told, and no other", async () => {
  using of = await labOf(
    ...TABLES,
    ...lab(),
    "delete from optimizer.trials_f where trial_id = 't2'",
  );
  assertEquals(await importAll(of.dir, of.path), 4);
  const kept = Deno.readFileSync(of.path);
  await using ledger = await openLedger({ dir: of.dir });
  // Of each table one value a turn; each by itself where all is tried.
  const turns = IS_FULL ? CHANGES.map((change) => [change]) : turnsOf(CHANGES);
  for (const changes of turns) {
    const updates = changes.map(([table, field, later]) =>
      `update optimizer.${table} set ${field} = ${later}`
    );
    await database(of.path, ...updates);
    const { differences, tables: reports } = await compareLegacy(ledger, of.path);
    const told = differences.map(({ table, field }) => `${table} ${field}`).toSorted();
    assertEquals(told, changes.map(([table, field]) => `${table} ${field}`).toSorted());
    const uneven = reports.filter(({ digest, digest_in_log }) => digest !== digest_in_log);
    const changed = new Set(changes.map(([table]) => `optimizer.${table}`));
    assertEquals(new Set(uneven.map((report) => report.table)), changed);
    Deno.writeFileSync(of.path, kept);
  }
  assertEquals((await runIn(of.dir, ["legacy", "archive", of.path])).code, 0);
});

function randomText(random: Random): string {
  const text = anyText(random);
  // V8 misreads the key "\"" once it has seen the key "\\": no such key is made here.
  return text.includes('\\\\"') ? randomText(random) : text;
}

function anyText(random: Random): string {
  return random.pick([
    () => JSON.stringify(random.object()),
    () => JSON.stringify(random.object(), null, 2),
    () => JSON.stringify(random.json()),
    () => random.pick(EXACT_TEXTS),
    () => random.text().replaceAll("\0", ""),
    () => '{"sharpe": NaN, "max": Infinity, "s": "\\"NaN"}',
    () => "",
  ])();
}

/** Rows of any shape: every column but the ids may be null, and a trial need not have a run. */
function randomRows(random: Random): string[] {
  const or = (value: Value) => random.chance(0.7) ? value : null;
  const time = () =>
    or(`${stamp(BEFORE_MS + random.below(3) * 43_200_000)}${random.pick(["", "007", "120"])}`);
  const words = () => or(random.text().replaceAll("\0", ""));
  const number = () => or(random.pick([0, 1.5, -2, 1e20, 1e-9, 12345]));
  const rows = random.times(40, (n) => {
    const run_id = `r${n}`;
    const run = insert("runs_d", {
      run_id,
      run_type: or("grid_search"),
      created_at: time(),
      name: words(),
      config_json: or(randomText(random)),
      timing_json: or(random.pick(['{"total_ms":500}', "{}", "no JSON"])),
      summary_json: or(randomText(random)),
      notes: words(),
    });
    const trials = random.times(random.below(3), (t) =>
      insert("trials_f", {
        run_id,
        trial_id: `t${n}-${t}`,
        created_at: time(),
        params_json: or(randomText(random)),
        tp_mult: number(),
        intrabar_order: words(),
        total_r: number(),
        worst_lane: words(),
        passes_gates: or(random.chance(0.5)),
        gate_check_json: or(randomText(random)),
      })).flat();
    const phases = random.times(random.below(3), (p) =>
      insert("pipeline_phases_f", {
        run_id,
        phase_id: `p${n}-${p}`,
        phase_name: random.pick(["load", "run"]),
        phase_order: or(p),
        status: random.pick(["completed", "failed", "running"]),
        started_at: time(),
        completed_at: time(),
        duration_ms: or(random.below(100)),
        output_summary_json: or(randomText(random)),
        notes: words(),
      })).flat();
    // Written twice over, a row is no other row.
    const all = [...run, ...trials, ...phases];
    return random.chance(0.1) ? [...all, ...all] : all;
  });
  return rows.flat();
}

Deno.test("whatever legacy rows hold, an import leaves no difference, and a second one does nothing", () =>
  withSeed(async (random) => {
    for (let n = 0; n < (IS_FULL ? 5 : 2); n++) {
      using of = await labOf(...TABLES, ...randomRows(random));
      await importAll(of.dir, of.path);
      await assertLikeBuiltAnew(of.dir, await sync(of.dir));
      const [counted] = await rowsOf(of.dir, "select count(*) as runs from latest_runs");
      const [events] = await rowsOf(of.dir, "select count(*) as repeated from duplicate_events");
      assertEquals([counted, events], [{ runs: 40 }, { repeated: 0 }]);
    }
  }));

Deno.test("an import that was cut short anywhere is finished by the next one", async () => {
  using of = await labOf(...TABLES, ...lab(), ...run("r2", AFTER_MS));
  assertEquals(await importAll(of.dir, of.path), 7);
  const lines = linesOnDisk(of.dir);
  const asked =
    "select run_id, status, created_at_ms, completed_at_ms from latest_runs order by all";
  for (let count = 0; count < lines.length; count += IS_FULL ? 1 : 4) {
    const dir = `${of.dir}-cut-${count}`;
    await using short = await openLedger({ dir });
    await short.emitLines(lines.slice(0, count));
    assertEquals(await importAll(dir, of.path), lines.length - count);
    assertEquals(await rowsOf(dir, asked), await rowsOf(of.dir, asked));
  }
});

Deno.test("rows that come later are imported later", async () => {
  using of = await labOf(...TABLES, ...run("r1", BEFORE_MS, { summary_json: null }));
  assertEquals(await importAll(of.dir, of.path), 1);
  await database(of.path, `update optimizer.runs_d set summary_json = '{"pnl":2}'`);
  await database(of.path, ...trial("r1", "t1", BEFORE_MS + 1), ...run("r2", AFTER_MS));
  // The timing of a run without an end stands where the run was created.
  const { stdout } = await runIn(of.dir, ["legacy", "import", of.path, "--json"]);
  assertEquals(JSON.parse(stdout).imported, 4);
  assertEquals((await runIn(of.dir, ["legacy", "archive", of.path])).code, 0);
});

Deno.test("how the log says that a run ended stands, whatever the legacy file says", async () => {
  using of = await labOf(...TABLES, ...run("r", BEFORE_MS));
  await using writer = await openLedger({ dir: of.dir });
  await writer.emitRunFailed({ run_id: "r", error: "it broke", timestamp_ms: BEFORE_MS });
  assertEquals((await importLegacy(writer, of.path)).imported, 1);
  assertEquals(await rowsOf(of.dir, "select status from latest_runs"), [{ status: "failed" }]);
  const { differences } = await compareLegacy(writer, of.path);
  assertEquals(differences.map(({ field, event_log }) => [field, event_log]), [
    ["timing_json", null],
    ["summary_json", null],
  ]);
  assertEquals((await importLegacy(writer, of.path)).imported, 0);
});

Deno.test("what was emitted of a trial or a phase itself is not imported again", async () => {
  using of = await labOf(
    ...TABLES,
    ...run("r", BEFORE_MS),
    ...trial("r", "t", BEFORE_MS, { params_json: '{"tp":2}', alerts_total: null, win_rate: null }),
    ...insert("pipeline_phases_f", {
      phase_id: "p",
      run_id: "r",
      phase_name: "load",
      phase_order: 0,
      started_at: stamp(BEFORE_MS),
    }),
  );
  await using writer = await openLedger({ dir: of.dir });
  const common = { run_id: "r", timestamp_ms: BEFORE_MS };
  await writer.emitTrialRecorded({
    ...common,
    trial_id: "t",
    params: { tp: 2 },
    metrics: { total_r: 1.25 },
  });
  await writer.emitPhaseStarted({ ...common, phase_name: "load", phase_order: 0 });
  assertEquals((await importLegacy(writer, of.path)).imported, 2);
  const { differences } = await compareLegacy(writer, of.path);
  // The log has no id for it.
  assertEquals(differences.map(({ table, field }) => [table, field]), [
    ["pipeline_phases_f", "phase_id"],
  ]);
});

Deno.test("a run that an earlier version imported without its time and configuration is told right", async () => {
  using of = await labOf(...TABLES, ...run("r", AFTER_MS));
  await using writer = await openLedger({ dir: of.dir });
  await writer.emit({
    event_type: "run.created",
    event_id: "legacy-run.created-r",
    timestamp_ms: Date.UTC(2026, 0, 23) - 1,
    run_id: "r",
    run_type: "grid_search",
    config: {},
    data_fingerprint: "",
    created_at_is_known: false,
    imported_from: "legacy",
  });
  assertEquals(await importAll(of.dir, of.path), 2);
  assertEquals(await rowsOf(of.dir, "select created_at_ms, config from latest_runs"), [
    { created_at_ms: AFTER_MS, config: '{"b":1,"10":2}' },
  ]);
});

Deno.test("a run ended not before the last thing that its tables say of it", async () => {
  using of = await labOf(
    ...TABLES,
    ...run("short", BEFORE_MS),
    ...run("long", BEFORE_MS),
    ...trial("long", "t1", BEFORE_MS + 90_000),
    ...run("untimed", BEFORE_MS, { timing_json: "no JSON" }),
  );
  await importAll(of.dir, of.path);
  const ended = `select run_id, completed_at_ms - ${BEFORE_MS} as took_ms`;
  const expected = [
    { run_id: "long", took_ms: 90_000 },
    { run_id: "short", took_ms: 2_000 },
    { run_id: "untimed", took_ms: 0 },
  ];
  assertEquals(await rowsOf(of.dir, `${ended} from latest_runs order by run_id`), expected);
  // The views over both systems say the same before and after.
  const sql = `${ended} from all_run_status order by run_id`;
  for (const cutover of ["2026-01-01", "2026-02-01"]) {
    const args = ["query", sql, "--legacy", of.path, "--cutover", cutover, "--json"];
    assertEquals(JSON.parse((await runIn(of.dir, args)).stdout), expected);
  }
});

Deno.test("rows come in batches of whole runs, each run once, and none is missing", async () => {
  const runs = ["a", "b", "c", "d"];
  using of = await labOf(
    ...TABLES,
    ...runs.flatMap((run_id) => run(run_id, BEFORE_MS)),
    ...["a", "a", "a", "b", "d"].flatMap((run_id, n) => trial(run_id, `t${n}`, BEFORE_MS)),
    ...insert("trials_f", { trial_id: "of no run" }),
  );
  await using ledger = await openLedger({ dir: of.dir });
  await ledger.emitRunStarted({ run_id: "x" });
  await ledger.sync();
  await using index = await ledger.openIndex({ attach: legacyDatabase(ledger, of.path) });
  const batches: string[][] = [];
  let rows = 0;
  for await (const batch of legacyBatches(index, await readLegacySchema(index), 4)) {
    batches.push(batch.rows.map(({ run_id, key }) => `${run_id} ${key}`));
    rows += batch.rows.length;
  }
  assertEquals(batches, [
    ["null of no run"],
    ["a a", "a t0", "a t1", "a t2"],
    ["b b", "c c", "b t3"],
    ["d d", "d t4"],
  ]);
  assertEquals(rows, 10);
});

Deno.test("rows whose days were archived are known, and have to come back to be compared whole", async () => {
  using of = await labOf(...TABLES, ...lab());
  assertEquals(await importAll(of.dir, of.path), 5);
  await using ledger = new Ledger({ dir: of.dir, world: testWorld({ now_ms: () => AFTER_MS }) });
  await ledger.upkeep.seal({ quiet_ms: 0 });
  const archive = join(of.dir, "archive");
  const [retained] = await ledger.upkeep.retain({ days: 2, archive, grace_ms: 0 });
  assertEquals(retained.day, "2026-01-10");
  assertEquals((await importLegacy(ledger, of.path)).imported, 0);
  const { differences } = await compareLegacy(ledger, of.path);
  // Of trials the index has parameters and metrics alone.
  assertEquals(differences.map(({ id, field, event_log }) => [id, field, event_log]), [
    ["t1", "row", "in the archive of day=2026-01-10"],
  ]);
  await ledger.upkeep.importArchive(retained.archive!);
  assertEquals((await compareLegacy(ledger, of.path)).differences, []);
});

Deno.test("the line with which archive says how to go without what is not understood works as it stands", async () => {
  using of = await labOf(
    ...TABLES,
    ...run("r1", BEFORE_MS),
    ...insert("islands_f", { island_id: "i", run_id: "r1", phase_id: "p", score: 1 }),
    "create table core.other as select 1 as a",
  );
  assertEquals((await runIn(of.dir, ["legacy", "import", of.path])).code, 3);
  const refused = await runIn(of.dir, ["legacy", "archive", of.path]);
  assertEquals(refused.code, 3);
  const [, line] = refused.stdout.match(/To put it away without: ledger (.*)/)!;
  const done = await runIn(of.dir, line.split(" "));
  assertEquals(done.code, 0, done.stdout + done.stderr);
});
