/**
 * Times in milliseconds as `TIMESTAMP 'epoch' + alert_ts_ms * INTERVAL '1 millisecond'`, which is how
 * the first system's people write it. DuckDB multiplies an interval by 32 bits at most, and a time of
 * today has 41.
 */
import type { Database } from "./connection.ts";

const PRODUCT = /\*\s*interval\b|\binterval\s*('[^']*'|\([^)]*\)|\d+)\s*\w*\s*\*/i;

/** What fits is left to DuckDB: only it knows how months multiply. */
const WIDE = `case when factor between -2147483648 and 2147483647 then multiply(factor, span)
  else to_microseconds(multiply(factor, epoch_us(span))) end`;

/** Lets a query that multiplies intervals do so by any whole number. */
export async function allowWideIntervals(database: Database, sql: string): Promise<void> {
  if (!PRODUCT.test(sql)) return;
  await database.run(`create or replace temp macro "*"(factor bigint, span interval) as ${WIDE},
    (span interval, factor bigint) as ${WIDE},
    (one, other) as multiply(one, other)`);
}
