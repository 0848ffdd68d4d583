/** What DuckDB says, in the form in which this program tells errors. */
import { LedgerError } from "../base/error.ts";

// A holder that has died since is named by its number alone.
const HELD = /Could not set lock on file .*?Conflicting lock is held in (?:(.*?)\s*\()?PID (\d+)/s;

/** What is wrong with the question, and would be on any machine. */
const FAULTS_OF_SQL =
  /^(Parser|Syntax|Binder|Catalog|Conversion|Invalid Input|Invalid|Invalid Type|Mismatch Type|Out of Range|Parameter Not Allowed|Permission|Not implemented) Error/im;

/** Turns an error of DuckDB into one of ours; `sql` is what it was asked, if anything was. */
export function translate(error: unknown, path: string, sql?: string): LedgerError {
  if (error instanceof LedgerError) return error;
  const said = ((error as Error).message ?? String(error))
    .replace(/^Failed to (extract statements|prepare): /, "");
  const [, program, pid] = HELD.exec(said) ?? [];
  if (pid) {
    return new LedgerError({
      code: "busy",
      message:
        `cannot open ${path}: ${program || "another program"} (process ${pid}) holds it open ` +
        `for writing`,
      where: { path },
      hint: "close it there, and open it read-only next time: duckdb -readonly " +
        `${path}. \`ledger rebuild\` puts a fresh file in its place meanwhile`,
      cause: error,
    });
  }
  if (/No space left|ENOSPC|Out of Disk/i.test(said)) {
    return new LedgerError({
      code: "disk_full",
      message: `cannot work on ${path}: ${firstLine(said)}`,
      where: { path },
      hint: "free some space and repeat; the log is untouched, and so is the last good index",
      cause: error,
    });
  }
  if (/not a valid DuckDB database file|Serialization Error|storage version|Corrupt/i.test(said)) {
    return new LedgerError({
      code: "damaged",
      message: `cannot read ${path}: ${firstLine(said)}`,
      where: { path },
      hint: "an index can be made anew from the log: ledger rebuild --full",
      cause: error,
    });
  }
  if (sql !== undefined && FAULTS_OF_SQL.test(said)) {
    return new LedgerError({ code: "invalid", message: said.trim(), cause: error });
  }
  return new LedgerError({
    code: "io",
    message: `DuckDB on ${path}: ${said.trim()}`,
    where: { path },
    cause: error,
  });
}

function firstLine(text: string): string {
  return text.trim().split("\n")[0];
}
