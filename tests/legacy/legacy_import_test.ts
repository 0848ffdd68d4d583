/** What legacy rows become in the log, and that nothing of them is missed or changed on the way. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { literal } from "../../src/duckdb/connection.ts";
import { compareLegacy, importLegacy, openLedger } from "../../src/mod.ts";
import { IS_FULL, linesOnDisk, runIn } from "../harness.ts";
import { type Random, withSeed } from "../laws/random.ts";
import { assertLikeBuiltAnew, ledgerFolder, rowsOf, sync } from "../index/indexes.ts";
import {
  AFTER_MS,
  BEFORE_MS,
  database,
  insert,
  LOOSE_TABLES,
  type Value,
} from "./legacy_databases.ts";

/** Imports; fails unless nothing differs then and a second import finds nothing to do. */
async function importAll(dir: string, path: string): Promise<number> {
  const first = await runIn(dir, ["legacy", "import", path, "--json"]);
  assertEquals(first.code, 0, first.stderr);
  const compared = await runIn(dir, ["legacy", "compare", path]);
  assertEquals([compared.code, compared.stdout], [0, ""]);
  const again = await runIn(dir, ["legacy", "import", path, "--json"]);
  assertEquals(again.stdout, '{"imported":0}\n', again.stderr);
  return JSON.parse(first.stdout).imported;
}

/** JSON texts that say more than JSON.parse and JSON.stringify bring through. */
const EXACT_TEXTS = [
  '{"seed":12345678901234567890123,"rate":1.50,"big":1e400,"zero":-0.0}',
  '{"b":1,"10":2,"2":3,"b2":1E+2}',
  '{"twice":1,"twice":2}',
  '{"spaced" : [ 1 , 2 ],"escaped":"\\u00e9\\/"}',
];

Deno.test("JSON is brought over as the text that it is, to the last digit", async () => {
  using folder = ledgerFolder();
  const dir = join(folder.path, "ledger");
  const path = join(folder.path, "legacy.duckdb");
  const runs = EXACT_TEXTS.map((text, n) => ({
    run: { run_id: `r${n}`, created_at_ms: BEFORE_MS, config: text },
    status: { run_id: `r${n}`, completed_at_ms: BEFORE_MS + 1, summary_json: `\n${text} ` },
  }));
  const tables = (config: string) => [
    ...LOOSE_TABLES,
    ...insert("runs_d", { ...runs[0].run, config }, ...runs.slice(1).map(({ run }) => run)),
    ...insert("runs_status", ...runs.map(({ status }) => status)),
  ];
  await database(path, ...tables(EXACT_TEXTS[0]));
  assertEquals(await importAll(dir, path), 2 * EXACT_TEXTS.length);
  const lines = linesOnDisk(dir);
  for (const text of EXACT_TEXTS) {
    assertEquals(lines.filter((line) => line.includes(`"config":${text},`)).length, 1, text);
    assertEquals(lines.filter((line) => line.includes(`"summary":${text},`)).length, 1, text);
  }
  const others = [["890123", "890124"], ["1.50", "1.51"], ["e400", "e401"], ["-0.0", "-0.1"]];
  for (const [digits, other_digits] of others) {
    const other = join(folder.path, `${other_digits}.duckdb`);
    const config = EXACT_TEXTS[0].replace(digits, other_digits);
    await database(other, ...tables(config));
    const { code, stdout } = await runIn(dir, ["legacy", "compare", other, "--json"]);
    assertEquals(code, 3);
    assertEquals(JSON.parse(stdout), [
      { run_id: "r0", field: "config", legacy: config, event_log: EXACT_TEXTS[0] },
    ]);
  }
});

Deno.test("a run without a creation time is as old as the first thing that it did", async () => {
  using folder = ledgerFolder();
  const dir = join(folder.path, "ledger");
  const path = join(folder.path, "legacy.duckdb");
  await database(
    path,
    ...LOOSE_TABLES,
    ...insert("runs_d", { run_id: "done" }, { run_id: "nothing known", run_type: "" }),
    ...insert("runs_status", {
      run_id: "done",
      completed_at_ms: AFTER_MS,
      failed_at_ms: BEFORE_MS,
    }),
    ...insert("runs_status", {
      run_id: "status alone",
      summary_json: "NaN",
      error: "out of memory",
    }),
  );
  assertEquals(await importAll(dir, path), 5);
  const sql = "select run_id, run_type, status, created_at_ms from latest_runs order by run_id";
  const before_cutover = Date.UTC(2026, 0, 23) - 1;
  const run_type = "unknown";
  assertEquals(await rowsOf(dir, sql), [
    { run_id: "done", run_type, status: "completed", created_at_ms: BEFORE_MS },
    { run_id: "nothing known", run_type, status: "pending", created_at_ms: before_cutover },
    { run_id: "status alone", run_type, status: "pending", created_at_ms: before_cutover },
  ]);
  const guessed = linesOnDisk(dir).filter((line) => line.includes('"created_at_is_known":false'));
  assertEquals(guessed.length, 3);
});

Deno.test("of a run that failed and completed both ends are kept, and the later one counts", async () => {
  using folder = ledgerFolder();
  const dir = join(folder.path, "ledger");
  const path = join(folder.path, "legacy.duckdb");
  const run = (run_id: string, failed_at_ms: number, completed_at_ms: number) => [
    ...insert("runs_d", { run_id, created_at_ms: BEFORE_MS }),
    ...insert("runs_status", {
      run_id,
      failed_at_ms,
      completed_at_ms,
      error: "it broke",
      summary_json: '{"pnl":1.50}',
    }),
  ];
  await database(
    path,
    ...LOOSE_TABLES,
    ...run("retried", BEFORE_MS, BEFORE_MS + 1),
    ...run("retried next day", BEFORE_MS, AFTER_MS),
    ...run("broke after all", BEFORE_MS + 1, BEFORE_MS),
    ...run("broke next day", AFTER_MS, BEFORE_MS),
    ...run("at once", BEFORE_MS, BEFORE_MS),
  );
  assertEquals(await importAll(dir, path), 15);
  assertEquals(await rowsOf(dir, "select run_id, status from latest_runs order by run_id"), [
    { run_id: "at once", status: "completed" },
    { run_id: "broke after all", status: "failed" },
    { run_id: "broke next day", status: "failed" },
    { run_id: "retried", status: "completed" },
    { run_id: "retried next day", status: "completed" },
  ]);
});

/** Each field with what it is after the import, and what the legacy file says later. */
const CHANGES: [table: "runs_d" | "runs_status", field: string, was: Value, later: Value][] = [
  ["runs_d", "run_type", "baseline", "policy"],
  ["runs_d", "created_at_ms", BEFORE_MS, BEFORE_MS + 1],
  ["runs_d", "config", '{"a":1}', '{"a":2}'],
  ["runs_d", "data_fingerprint", "fp", "pf"],
  ["runs_status", "started_at_ms", BEFORE_MS, BEFORE_MS + 1],
  ["runs_status", "completed_at_ms", BEFORE_MS + 2, BEFORE_MS + 3],
  ["runs_status", "failed_at_ms", BEFORE_MS + 1, BEFORE_MS],
  ["runs_status", "error", "it broke", "it broke again"],
  ["runs_status", "summary_json", '{"pnl":1.50}', '{"pnl":1.51}'],
];

Deno.test("whichever field of a legacy run differs from the log, it is told, and no other", async () => {
  using folder = ledgerFolder();
  const dir = join(folder.path, "ledger");
  const path = join(folder.path, "legacy.duckdb");
  const row = (table: string) =>
    Object.fromEntries(
      CHANGES.filter(([of]) => of === table).map(([, field, was]) => [field, was]),
    );
  await database(
    path,
    ...LOOSE_TABLES,
    ...insert("runs_d", { run_id: "r", ...row("runs_d") }),
    ...insert("runs_status", { run_id: "r", ...row("runs_status") }),
  );
  assertEquals(await importAll(dir, path), 4);
  for (const [table, field, was, later] of CHANGES) {
    const update = (value: Value) =>
      `update optimizer.${table} set ${field} = ${
        typeof value === "string" ? literal(value) : value
      }`;
    await database(path, update(later));
    const { code, stdout } = await runIn(dir, ["legacy", "compare", path, "--json"]);
    // The end that another came after is looked for by its time.
    const event_log = field === "failed_at_ms" ? null : String(was);
    const told = [{ run_id: "r", field, legacy: String(later), event_log }];
    if (field === "failed_at_ms") {
      told.unshift({ run_id: "r", field: "error", legacy: "it broke", event_log: null });
    }
    assertEquals([field, code, JSON.parse(stdout)], [field, 3, told]);
    await database(path, update(was));
  }
  assertEquals((await runIn(dir, ["legacy", "compare", path])).code, 0);
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
    () => '{"sharpe": NaN, "max": Infinity}',
    () => "",
  ])();
}

/** Rows of any shape: every column but the id may be null, and every run may lack either row. */
function randomRows(random: Random): string[] {
  const or = (value: Value) => random.chance(0.7) ? value : null;
  const time = () => or(BEFORE_MS + random.below(3) * 43_200_000 + random.below(2));
  const words = () => or(random.text().replaceAll("\0", ""));
  return random.times(60, (n) => {
    const run_id = `r${n}`;
    const [config, summary_json] = [or(randomText(random)), or(randomText(random))];
    const run = insert("runs_d", {
      run_id,
      run_type: words(),
      created_at_ms: time(),
      config,
      data_fingerprint: words(),
    });
    const status = insert("runs_status", {
      run_id,
      started_at_ms: time(),
      completed_at_ms: time(),
      failed_at_ms: time(),
      error: words(),
      summary_json,
    });
    // Written twice over, a row is no other run.
    const both = random.chance(0.1) ? [...run, ...run, ...status] : [...run, ...status];
    return random.pick([run, status, both, both, both]);
  }).flat();
}

Deno.test("whatever legacy rows hold, an import leaves no difference, and a second one does nothing", () =>
  withSeed(async (random) => {
    for (let n = 0; n < (IS_FULL ? 5 : 2); n++) {
      using folder = ledgerFolder();
      const dir = join(folder.path, "ledger");
      const path = join(folder.path, "legacy.duckdb");
      await database(path, ...LOOSE_TABLES, ...randomRows(random));
      await importAll(dir, path);
      await assertLikeBuiltAnew(dir, await sync(dir));
      const [counted] = await rowsOf(dir, "select count(*) as runs from latest_runs");
      const [events] = await rowsOf(dir, "select count(*) as repeated from duplicate_events");
      assertEquals([counted, events], [{ runs: 60 }, { repeated: 0 }]);
    }
  }));

Deno.test("an import that was cut short anywhere is finished by the next one", async () => {
  using folder = ledgerFolder();
  const path = join(folder.path, "legacy.duckdb");
  const times = {
    started_at_ms: BEFORE_MS,
    failed_at_ms: BEFORE_MS + 1,
    completed_at_ms: BEFORE_MS + 2,
  };
  await database(
    path,
    ...LOOSE_TABLES,
    ...insert("runs_d", { run_id: "a" }, { run_id: "b" }),
    ...insert("runs_status", { run_id: "a", ...times }, { run_id: "b", failed_at_ms: AFTER_MS }),
  );
  const whole = join(folder.path, "whole");
  assertEquals(await importAll(whole, path), 6);
  const lines = linesOnDisk(whole);
  const asked = "select run_id, status, created_at_ms, started_at_ms from latest_runs order by all";
  for (let count = 0; count < lines.length; count += IS_FULL ? 1 : 2) {
    const dir = join(folder.path, `cut-${count}`);
    await using short = await openLedger({ dir });
    await short.emitLines(lines.slice(0, count));
    assertEquals(await importAll(dir, path), lines.length - count);
    assertEquals(await rowsOf(dir, asked), await rowsOf(whole, asked));
  }
});

Deno.test("how the log says that a run ended stands, whatever the legacy file says", async () => {
  using folder = ledgerFolder();
  const dir = join(folder.path, "ledger");
  const path = join(folder.path, "legacy.duckdb");
  await database(
    path,
    ...LOOSE_TABLES,
    ...insert("runs_d", { run_id: "r", created_at_ms: BEFORE_MS }),
    ...insert("runs_status", { run_id: "r", failed_at_ms: BEFORE_MS, error: "it broke" }),
  );
  await using writer = await openLedger({ dir });
  await writer.emitRunCompleted({ run_id: "r", timestamp_ms: BEFORE_MS });
  assertEquals(await importLegacy(writer, path), { imported: 1 });
  assertEquals(await rowsOf(dir, "select status from latest_runs"), [{ status: "completed" }]);
  assertEquals(await compareLegacy(writer, path), [
    { run_id: "r", field: "error", legacy: "it broke", event_log: null },
    { run_id: "r", field: "failed_at_ms", legacy: String(BEFORE_MS), event_log: null },
  ]);
  assertEquals(await importLegacy(writer, path), { imported: 0 });
});
