/**
 * Asks an index many statements that were right once, in a process of its own: one that aborts takes
 * no test with it. Says the seed of each before it is tried. Its argument is a plan, as JSON.
 */
import { asLedgerError } from "../../../src/base/error.ts";
import { rowsOfQuery } from "../../../src/duckdb/query.ts";
import { EXAMPLE_QUERIES } from "../../../src/index/run_views.ts";
import { openLedger } from "../../../src/mod.ts";
import { Random } from "../../laws/random.ts";

/** What is to be tried. */
export interface SqlPlan {
  dir: string;
  first_seed: number;
  cases: number;
}

/** A statement that takes longer is called off: it is no danger, only dear. */
const STATEMENT_MS_MAX = 2_000;

/** How many are asked of a database that is opened once. */
const TOGETHER = 20;

/** Statements to begin with; FILE stands for a file of the ledger. */
const STATEMENTS = [
  ...EXAMPLE_QUERIES.map(({ sql }) => sql),
  "select * from read_csv('FILE', delim = '\x01', header = false)",
  "select content from read_text('FILE')",
  "select * from events limit 5",
  "with t as (select run_id, count(*) n from events group by 1) select * from t order by n desc",
  "copy (select 1) to 'FILE'",
  "copy events to 'FILE' (format csv)",
  "export database 'FOLDER'",
  "attach 'FILE' as a",
  "create table t as select 1",
  "insert into runs_d select * from runs_d",
  "update runs_d set run_id = 'x'",
  "delete from events",
  "drop table events",
  "alter table events rename to e",
  "set threads = 1",
  "pragma database_list",
  "call enable_profiling(format = 'json', save_location = 'FILE')",
  "select * from enable_profiling(format = 'json', save_location = 'FILE')",
  "select * from enable_logging(storage = 'file', storage_path = 'FOLDER')",
  "pragma enable_profiling = 'json'",
  "explain analyze select * from events",
  "explain copy (select 1) to 'FILE'",
  "install httpfs",
  "load json",
  "vacuum",
  "checkpoint",
  "use a",
  "prepare p as select 1",
  "execute p",
  "begin transaction",
  "describe events",
  "summarize events",
  "select unnest(generate_series(1, 5)) as n",
  "select json_serialize_sql('select 1')",
  "from duckdb_functions() limit 3",
  "select getenv('HOME')",
  "select pg_sleep(0)",
];
/** Statements that broke something once: tried before all others. */
const ONCE_BROKEN = [
  // A constant that JSON cannot hold, in a tree that is told as JSON.
  "select 31e308",
  "select -1e999, 'Infinity', 'NaN'::double as \"Infinity\"",
];
const TOKEN = /'(?:[^']|'')*'|"(?:[^"]|"")*"|\w+|\s+|[^\w\s]/g;
const EXTRA = [
  ...[";", ";;", "--", "/*", "*/", "(", ")", ",", "'", '"', "$1", "$$", "::int", "null", "\0"],
  ...[
    "select",
    "from",
    "where",
    "union all",
    "explain",
    "copy",
    "to",
    "'FILE'",
    "'FOLDER'",
    "x'00'",
  ],
  ...["9223372036854775807", "1e308", "-1", "'NaN'::double", "[1,2]", "{'a':1}", "é", "\u2028"],
];

/** A statement that was right once. */
function statementOf(random: Random, file: string, folder: string): string {
  let tokens: string[] = random.pick(STATEMENTS).match(TOKEN)!;
  for (let times = random.below(5); times > 0; times--) {
    const at = random.below(tokens.length + 1);
    const kind = random.below(6);
    if (kind === 0) tokens = tokens.toSpliced(at, 1 + random.below(3));
    else if (kind === 1) tokens = tokens.toSpliced(at, 0, random.pick(EXTRA));
    else if (kind === 2) tokens = tokens.toSpliced(at, 1, random.pick(EXTRA));
    else if (kind === 3) {
      tokens = tokens.toSpliced(at, 0, ...tokens.slice(random.below(tokens.length)));
    } else if (kind === 4) tokens = [...tokens, ";", ...random.pick(STATEMENTS).match(TOKEN)!];
    else {
      const other: string[] = random.pick(STATEMENTS).match(TOKEN)!;
      tokens = [...tokens.slice(0, at), ...other.slice(random.below(other.length))];
    }
  }
  return tokens.join("").replaceAll("FILE", file).replaceAll("FOLDER", folder);
}

async function carryOut({ dir, first_seed, cases }: SqlPlan): Promise<void> {
  await using ledger = await openLedger({ dir });
  const files = ["events/_schema.json", "index/runs.duckdb.published", "index/new.csv"];
  const seeds = Array.from({ length: cases }, (_, n) => first_seed + n);
  const tried = [
    ...ONCE_BROKEN.map((sql) => ({ sql })),
    ...seeds.map((seed) => {
      const random = new Random(seed);
      return { seed, sql: statementOf(random, `${dir}/${random.pick(files)}`, `${dir}/index/new`) };
    }),
  ];
  for (let from = 0; from < tried.length; from += TOGETHER) {
    await using database = await ledger.openIndex();
    for (const each of tried.slice(from, from + TOGETHER)) {
      console.log(JSON.stringify(each));
      const timer = setTimeout(() => database.connection.interrupt(), STATEMENT_MS_MAX);
      try {
        await rowsOfQuery(database, each.sql);
      } catch (error) {
        if (!asLedgerError(error)) throw error;
      } finally {
        clearTimeout(timer);
      }
    }
  }
}

if (import.meta.main) await carryOut(JSON.parse(Deno.args[0]));
