/** Validity rules over a file of stored rows: what `checks.ts` has as SQL, asked of all rows at once. */
import { type Database, literal } from "../../duckdb/connection.ts";
import { identifier, patternOf } from "../../duckdb/sandbox.ts";
import type { Row } from "../../parquet/mod.ts";
import type { Finding } from "../manifest/manifest.ts";
import type { RowContext } from "./batch.ts";
import { type Check, checksOf } from "./checks.ts";
import { impossibleRow, oddFindings, type OddRows } from "./row_checker.ts";

/** DuckDB's own column of a file's rows, counted from 0. */
const PLACE = "file_row_number";

/** How many rows break a check, and the first of them. */
interface Broken {
  check: Check;
  count: number;
  place: bigint;
}

/**
 * What is odd of the rows of a file. Throws where one is impossible. Where it is known that each row is
 * right by itself, only those checks are made that span rows.
 */
export async function checkStored(
  database: Database,
  path: string,
  context: RowContext,
  has_broken_rows: boolean,
): Promise<Finding[]> {
  const { definition } = context;
  const from = `read_parquet(${literal(patternOf(path))}, ${PLACE} = true)`;
  const broken: Broken[] = [];
  const checks = checksOf(definition);
  const asked = has_broken_rows ? checks : checks.filter(({ spans_rows }) => spans_rows);
  for (const checks of groupsOf(asked)) {
    broken.push(...await brokenOf(database, from, checks));
  }
  const impossible = broken.filter(({ check }) => check.verdict === "impossible");
  if (impossible.length > 0) {
    const first = impossible.reduce((a, b) => b.place < a.place ? b : a);
    const { row, values } = await firstOf(database, from, first);
    throw impossibleRow(context, first.check, values, { row });
  }
  const odd: OddRows[] = [];
  for (const each of broken) {
    const { check, count } = each;
    odd.push({ check, count, first: await firstOf(database, from, each) });
  }
  return oddFindings(definition, odd);
}

/** Those of a row by itself take one reading of the file; each that looks at other rows is its own. */
function groupsOf(checks: readonly Check[]): Check[][] {
  const within = checks.filter(({ spans_rows }) => !spans_rows);
  const beyond = checks.filter(({ spans_rows }) => spans_rows);
  return [within, ...beyond.map((check) => [check])].filter(({ length }) => length > 0);
}

async function brokenOf(database: Database, from: string, checks: Check[]): Promise<Broken[]> {
  const tested = checks.map((check, at) => `${check.sql(PLACE)} as b${at}`);
  const counted = checks.map((_, at) =>
    `count_if(b${at}) as n${at}, min(${PLACE}) filter (where b${at}) as p${at}`
  );
  const [answer] = await database.rows<Record<string, bigint | null>>(
    `select ${counted.join(", ")} from (select ${PLACE}, ${tested.join(", ")} from ${from})`,
  );
  return checks.flatMap((check, at) => {
    const place = answer[`p${at}`];
    return place === null ? [] : [{ check, count: Number(answer[`n${at}`]), place }];
  });
}

async function firstOf(
  database: Database,
  from: string,
  { check, place }: Broken,
): Promise<{ row: number; values: Row }> {
  const columns = check.columns.map(identifier).join(", ");
  const [values] = await database.rows<Row>(
    `select ${columns} from ${from} where ${PLACE} = ${place}`,
  );
  return { row: Number(place) + 1, values };
}
