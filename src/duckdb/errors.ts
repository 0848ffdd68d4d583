/** What DuckDB says, in the form in which this program tells errors. */
import { LedgerError } from "../base/error.ts";

/** What DuckDB was working on when it failed. */
interface Subject {
  /** The database's file. */
  path: string;
  /** Other databases that were read with it: what DuckDB says does not tell which one it means. */
  beside?: readonly string[];
  /** Whether it is somebody else's database that we only read, and cannot make anew. */
  is_foreign?: boolean;
  /** What was asked, if anything was. */
  sql?: string;
}

// A holder that has died since is named by its number alone.
const HELD = /Could not set lock on file .*?Conflicting lock is held in (?:(.*?)\s*\()?PID (\d+)/s;

/** What is wrong with the question, and would be on any machine. */
const FAULTS_OF_SQL =
  /^(Parser|Syntax|Binder|Catalog|Conversion|Invalid Input|Invalid|Invalid Type|Mismatch Type|Out of Range|Parameter Not Allowed|Permission|Not implemented) Error/im;

const DAMAGE =
  /not a valid DuckDB database file|Serialization Error|storage version|Corrupt|Could not read enough bytes/i;

/** Turns an error of DuckDB into one of ours. */
export function translate(error: unknown, subject: Subject): LedgerError {
  if (error instanceof LedgerError) return error;
  const { path, sql } = subject;
  const said = ((error as Error).message ?? String(error))
    .replace(/^Failed to (extract statements|prepare): /, "");
  // First of all: such a message repeats what was asked, and that may hold any words.
  if (sql !== undefined && FAULTS_OF_SQL.test(said)) {
    return new LedgerError({ code: "invalid", message: said.trim(), cause: error });
  }
  const [, program, pid] = HELD.exec(said) ?? [];
  if (pid) {
    return new LedgerError({
      code: "busy",
      message:
        `cannot open ${path}: ${program || "another program"} (process ${pid}) holds it open ` +
        `for writing`,
      where: { path },
      hint: hintWhenHeld(subject),
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
  if (DAMAGE.test(said)) {
    return new LedgerError({
      code: "damaged",
      message: `cannot read ${[path, ...subject.beside ?? []].join(" or ")}: ${firstLine(said)}`,
      where: { path },
      hint: hintWhenDamaged(subject),
      cause: error,
    });
  }
  return new LedgerError({
    code: "io",
    message: `DuckDB on ${path}: ${said.trim()}`,
    where: { path },
    hint: hintForSystem(said),
    cause: error,
  });
}

function hintWhenHeld({ path, is_foreign }: Subject): string {
  if (is_foreign) {
    return "repeat when it has closed it; here it is only read, and nothing was changed";
  }
  return "close it there, and open it read-only next time: duckdb -readonly " +
    `${path}. \`ledger rebuild\` puts a fresh file in its place meanwhile`;
}

function hintWhenDamaged({ beside = [], is_foreign }: Subject): string {
  if (is_foreign) return "put a whole copy in its place; here it is only read";
  const anew = "an index can be made anew from the log: ledger rebuild --full";
  return beside.length === 0 ? anew : `${anew}; if that does not help, it is the other one`;
}

/** What helps where the system refused a file, by its words. */
export function hintForSystem(said: string): string | undefined {
  if (said.includes("Too many open files")) return "too many files are open: raise `ulimit -n`";
  if (said.includes("Permission denied")) {
    return "check the owner and mode of the file and of its folder";
  }
  return undefined;
}

function firstLine(text: string): string {
  return text.trim().split("\n")[0];
}
