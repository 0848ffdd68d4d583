/** Error translation: what DuckDB throws -> an error of ours, with a code and a hint. */
import { LedgerError } from "../base/error.ts";

interface Subject {
  path: string;
  /** Other databases that were read with it: what DuckDB says does not tell which one it means. */
  beside?: readonly string[];
  /** Whether it is another program's database, which we only read and cannot make anew. */
  is_foreign?: boolean;
  sql?: string;
}

// A holder that has died since is named by its number alone.
const HELD = /Could not set lock on file .*?Conflicting lock is held in (?:(.*?)\s*\()?PID (\d+)/s;

/** What is wrong with the question, and would be on any machine. */
const FAULTS_OF_SQL =
  /^(Parser|Syntax|Binder|Catalog|Conversion|Invalid Input|Invalid|Invalid Type|Mismatch Type|Out of Range|Parameter Not Allowed|Permission|Not implemented) Error/im;

const DAMAGE =
  /not a valid DuckDB database file|Serialization Error|storage version|Corrupt|Could not read enough bytes/i;

export function translate(error: unknown, subject: Subject): LedgerError {
  if (error instanceof LedgerError) return error;
  const { path, sql } = subject;
  const said = ((error as Error).message ?? String(error))
    .replace(/^Failed to (extract statements|prepare): /, "");
  // First of all: such a message repeats what was asked, and that may hold any words.
  if (sql !== undefined && FAULTS_OF_SQL.test(said)) {
    return new LedgerError({ code: "invalid", message: said.trim(), cause: error });
  }
  const ours = (code: "busy" | "disk_full" | "damaged" | "io", message: string, hint?: string) =>
    new LedgerError({ code, message, where: { path }, hint, cause: error });
  const [first_line] = said.trim().split("\n");
  const [, program, pid] = HELD.exec(said) ?? [];
  if (pid) {
    const holder = `${program || "another program"} (process ${pid})`;
    return ours(
      "busy",
      `cannot open ${path}: ${holder} holds it open for writing`,
      hintWhenHeld(subject),
    );
  }
  if (/No space left|ENOSPC|Out of Disk/i.test(said)) {
    return ours(
      "disk_full",
      `cannot work on ${path}: ${first_line}`,
      "free some space and repeat; the log is untouched, and so is the last good index",
    );
  }
  if (DAMAGE.test(said)) {
    const read = [path, ...subject.beside ?? []].join(" or ");
    return ours("damaged", `cannot read ${read}: ${first_line}`, hintWhenDamaged(subject));
  }
  return ours("io", `DuckDB on ${path}: ${said.trim()}`, hintForSystem(said));
}

function hintWhenHeld({ path, is_foreign }: Subject): string {
  return is_foreign
    ? "repeat when it has closed it; here it is only read, and nothing was changed"
    : "close it there, and open it read-only next time: duckdb -readonly " +
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
  const denied = said.includes("Permission denied");
  return denied ? "check the owner and mode of the file and of its folder" : undefined;
}
