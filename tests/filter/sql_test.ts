/** The two readings of a filter's tree: whatever the rows, SQL and predicate take the same ones. */
import { assert, assertEquals } from "@std/assert";
import { json } from "../../src/base/json.ts";
import { type Database, openDatabase } from "../../src/duckdb/connection.ts";
import { parseFilter } from "../../src/filter/parse.ts";
import { type FilteredRow, predicateOf } from "../../src/filter/predicate.ts";
import { parseSort, sortSql } from "../../src/filter/selection.ts";
import { filterSql } from "../../src/filter/sql.ts";
import { IS_FULL, memoryFolder, testWorld } from "../harness.ts";
import { type Random, withSeed } from "../laws/random.ts";

const NOW_MS = Date.UTC(2026, 0, 23, 12);
const ROWS = 60;
const FILTERS = IS_FULL ? 2_000 : 150;

/** Columns of the listing as a table of their own. */
const TABLE = `create table runs (n integer, run_id varchar, run_type varchar, status varchar,
  created_at timestamp, completed_at timestamp, total_ms double, artifacts bigint,
  git_branch varchar, git_dirty boolean, params json, summary json, timing json, dataset json,
  tags varchar[])`;

async function tableOf(database: Database, rows: readonly FilteredRow[]): Promise<void> {
  await database.run(TABLE);
  await database.runForEach(
    `insert into runs values ($1, $2, $3, $4, make_timestamp_ms($5::bigint),
      make_timestamp_ms($6::bigint), $7::double, $8, $9, $10, $11, $12, $13, $14, cast($15::json as varchar[]))`,
    rows.map((row, n) => {
      const { run_id, run_type, status, created_at_ms, completed_at_ms, ...more } = row;
      const { total_ms, artifacts, git_branch, git_dirty, ...objects } = more;
      return [
        n,
        ...[run_id, run_type, status, created_at_ms, completed_at_ms].map((value) => value ?? null),
        total_ms === null ? null : String(total_ms),
        ...[artifacts, git_branch, git_dirty].map((value) => value ?? null),
        ...["params", "summary", "timing", "dataset", "tags"].map((name) =>
          objects[name] === null ? null : JSON.stringify(objects[name])
        ),
      ] as (string | number | boolean | null)[];
    }),
  );
}

const MEMBERS = ["a", "b", "a.b", "x y", "k_ms", "k_s", "at", "list", "p.q", '"', "'", "~/", "漢"];
const TEXTS = [
  "completed",
  "it's",
  "",
  "a",
  "A",
  "ab",
  "a%b",
  "a_b",
  "a\\b",
  "漢",
  "😀",
  "2",
  "true",
];
const TIMES = [
  "2026-01-22",
  "2026-01-23",
  "2026-01-23T10:00:00Z",
  "2026-01-23T10:00",
  "2026-01-23T12:00:00.5+02:00",
  "2026-02-30",
  "2026-01-23x",
];
const NUMBERS = [0, 1, 2, -1, 0.5, 300, 5000, 1e6, 1e300, 2 ** 53, 1769166000000, 1769126400];

function valueIn(random: Random, depth = 2): unknown {
  switch (random.below(depth > 0 ? 10 : 7)) {
    case 0:
      return null;
    case 1:
      return random.chance(0.5);
    case 2:
    case 3:
      return random.pick(NUMBERS);
    case 4:
      return random.pick(TIMES);
    case 5:
      return json.rawJSON(random.pick(["9007199254740993", "1e400", "-1e-400", "1.0"]));
    case 6:
      return random.pick(TEXTS);
    case 7:
      return random.times(random.below(4), () => valueIn(random, 0));
    default:
      return objectIn(random, depth - 1);
  }
}

function objectIn(random: Random, depth = 2): Record<string, unknown> {
  return Object.fromEntries(
    random.times(random.below(7), () => [random.pick(MEMBERS), valueIn(random, depth)]),
  );
}

function rowIn(random: Random): FilteredRow {
  const time = () => NOW_MS + (random.below(9) - 4) * 21_600_000 + random.below(2);
  const or = (value: unknown) => random.chance(0.2) ? null : value;
  return {
    run_id: random.pick(TEXTS),
    run_type: random.pick(["policy", "full"]),
    status: random.pick(["completed", "failed", "crashed"]),
    created_at_ms: time(),
    completed_at_ms: or(time()),
    total_ms: or(random.pick(NUMBERS)),
    artifacts: random.below(3),
    git_branch: or(random.pick(TEXTS)),
    git_dirty: or(random.chance(0.5)),
    params: or(objectIn(random)),
    summary: or(objectIn(random)),
    timing: or(objectIn(random, 0)),
    dataset: or(objectIn(random, 0)),
    tags: or(random.times(random.below(3), () => random.pick(TEXTS))),
  };
}

function quotedText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function fieldIn(random: Random): string {
  if (random.chance(0.3)) {
    return random.pick(["run_id", "status", "total_ms", "artifacts", "git.branch", "created_at"]);
  }
  const root = random.pick(["params.", "params.", "summary.", "timing.", "dataset.", ""]);
  return root + random.times(1 + random.below(2), () => {
    const name = random.pick(MEMBERS);
    const is_plain = /^[\p{L}_][\p{L}\p{N}_]*$/u.test(name);
    return is_plain && random.chance(0.7) ? name : `"${name.replaceAll('"', '""')}"`;
  }).join(".");
}

function literalIn(random: Random): string {
  switch (random.below(6)) {
    case 0:
    case 1:
      return String(random.pick(NUMBERS.filter((number) => number < 1e20)));
    case 2:
      return quotedText(random.pick([...TEXTS, ...TIMES]));
    case 3:
      return random.pick(["2026-01-22", "2026-01-23", "2026-01-23T10:00:00Z"]);
    case 4:
      return random.pick(["5s", "1h", "1d"]);
    default:
      return random.pick(["true", "false"]);
  }
}

/** A filter; some of them compare what cannot be compared. */
function filterIn(random: Random, depth = 3): string {
  if (depth > 0 && random.chance(0.5)) {
    const inner = () => filterIn(random, depth - 1);
    return random.pick([
      () => `(${inner()} and ${inner()})`,
      () => `(${inner()} or ${inner()})`,
      () => `not ${inner()}`,
    ])();
  }
  const field = fieldIn(random);
  const not = random.pick(["", "not "]);
  const list = () => random.times(1 + random.below(3), () => literalIn(random)).join(", ");
  const sign = random.pick(["=", "!=", "<>", "<", "<=", ">", ">="]);
  return random.pick([
    () => `${field} ${sign} ${literalIn(random)}`,
    () => `${field} ${sign} ${literalIn(random)}`,
    () => `${literalIn(random)} ${sign} ${field}`,
    () => `${field} ${sign} ${fieldIn(random)}`,
    () => `${field} ${not}in (${list()})`,
    () =>
      `${field} ${not}like ${quotedText(random.pick([...TEXTS, "%", "a%", "_b", "a\\_b", "a__"]))}`,
    () => `${field} is ${not}null`,
    () => `${field} between ${literalIn(random)} and ${literalIn(random)}`,
    () => `${random.pick([quotedText(random.pick(TEXTS)), "2"])} ${not}in ${field}`,
    () => `${quotedText(random.pick(TEXTS))} in tags`,
    () => field,
  ])();
}

function databaseIn(temp_folder: string): Promise<Database> {
  return openDatabase(testWorld(), { path: ":memory:", access: "write", folders: [], temp_folder });
}

Deno.test("SQL and predicate of a filter agree on every row: taken, not taken, unknown", async () => {
  using folder = memoryFolder();
  await using database = await databaseIn(folder.path);
  await withSeed(async (random) => {
    const rows = random.times(ROWS, () => rowIn(random));
    await tableOf(database, rows);
    const counts = { taken: 0, not_taken: 0, unknown: 0, refused: 0 };
    for (let filters = 0; filters < FILTERS;) {
      const text = filterIn(random);
      let condition;
      try {
        condition = parseFilter(text, NOW_MS);
      } catch (error) {
        assert((error as Error).message.startsWith("cannot read where at column"), String(error));
        counts.refused++;
        continue;
      }
      filters++;
      const values: (string | number | boolean)[] = [];
      const sql = filterSql(condition, (value) => `$${values.push(value)}`);
      const found = await database.rows<{ holds: boolean | null }>(
        `select ${sql} as holds from runs order by n`,
        values,
      );
      const holds = predicateOf(condition);
      for (const [n, row] of rows.entries()) {
        const wanted = found[n].holds ?? undefined;
        if (holds(row) !== wanted) {
          assertEquals(holds(row), wanted, `${text}\n${sql}\n${JSON.stringify(row)}`);
        }
        counts[wanted === undefined ? "unknown" : wanted ? "taken" : "not_taken"]++;
      }
    }
    for (const [what, count] of Object.entries(counts)) assert(count > 50, `${what}: ${count}`);
  });
});

Deno.test("an order puts numbers before texts, and what is not there last", async () => {
  using folder = memoryFolder();
  await using database = await databaseIn(folder.path);
  const sharpes = ["b", 10, null, 9, undefined, "a", -0.5];
  const base = { created_at_ms: 0, total_ms: null, params: null, timing: null, dataset: null };
  await tableOf(
    database,
    sharpes.map((sharpe, n) => ({
      ...{ ...base, tags: null, run_id: `r${n}`, created_at_ms: n * 1000 },
      summary: { sharpe },
    })),
  );
  const ordered = async (text: string) => {
    const values: (string | number | boolean)[] = [];
    const sql = sortSql(parseSort(text), (value) => `$${values.push(value)}`);
    const rows = await database.rows<{ n: number }>(
      `select n from runs order by ${sql}, run_id`,
      values,
    );
    return rows.map(({ n }) => n).join("");
  };
  assertEquals(await ordered("summary.sharpe"), "6315024");
  assertEquals(await ordered("-summary.sharpe"), "1360524");
  assertEquals(await ordered("sharpe:desc"), "1360524");
  assertEquals(await ordered("created_at"), "6543210");
  assertEquals(await ordered("total_ms, -run_id"), "6543210");
});
