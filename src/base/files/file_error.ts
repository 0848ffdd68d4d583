/** What the system throws -> an error that says what was tried, on which path, and what to do next. */
import { dirname } from "@std/path";
import { buildFacts } from "../build.ts";
import { type ErrorCode, LedgerError } from "../error.ts";
import type { FileOperation } from "./seam.ts";
import { escaped } from "../format.ts";

const CODE_OF_SYSTEM_ERROR: Readonly<Record<string, ErrorCode>> = {
  ENOENT: "not_found",
  ENOSPC: "disk_full",
  EDQUOT: "disk_full",
  EFBIG: "disk_full",
  EACCES: "no_permission",
  EPERM: "no_permission",
  EROFS: "no_permission",
};

/** Why a file of ours is not opened: opening a pipe waits for its other end, and a device may not end. */
export const WAITS_FOR_EVER = "a pipe or a device stands where a file should be";

/** The system's own short name of an error (`ENOSPC`), where there is one. */
export function systemCode(cause: unknown): string | undefined {
  if (cause instanceof Deno.errors.NotFound) return "ENOENT";
  const code = (cause as { code?: unknown } | null)?.code;
  if (typeof code === "string") return code;
  if (cause instanceof Deno.errors.PermissionDenied) return "EACCES";
  if (cause instanceof Deno.errors.NotADirectory) return "ENOTDIR";
  if (cause instanceof Deno.errors.IsADirectory) return "EISDIR";
  return undefined;
}

const NOWHERE: ReadonlySet<string | undefined> = new Set(["ENOTDIR", "ELOOP", "ENAMETOOLONG"]);

/** Whether a path leads nowhere: through a file, in a circle, longer than any. */
export function leadsNowhere(system_code: string | undefined): boolean {
  return NOWHERE.has(system_code);
}

function scopeHint(operation: FileOperation, path: string): string {
  const { compiled, ledger_dir, runs_dir } = buildFacts();
  if (!compiled) return `run with --allow-read and --allow-write=${dirname(path)}`;
  const where = `${ledger_dir} and ${runs_dir} (relative folders are below ${Deno.cwd()})`;
  return operation === "read" || operation === "list"
    ? "start it where it may read"
    : `this executable may write ${where}; for other folders build one with: ` +
      `deno task compile --ledger DIR --runs DIR`;
}

function hintFor(
  operation: FileOperation,
  code: ErrorCode,
  system_code: string | undefined,
): string | undefined {
  if (code === "disk_full") {
    return "free some space and repeat; nothing that was acknowledged is lost";
  }
  if (system_code === "EROFS") return "the file system is mounted read-only";
  if (code === "no_permission") return "check the owner and mode of the file and of its folder";
  if (system_code === "ENOTDIR" || system_code === "EEXIST") {
    return "a file stands where a folder should be: move it away";
  }
  if (code === "not_found" && (operation === "read" || operation === "open")) {
    return "check the path; a relative one is taken from the folder that you are in";
  }
  if (system_code === "EMFILE") return "too many files are open: raise `ulimit -n`";
  return undefined;
}

/** Turns what the system threw into an error that says what was tried, and on which path. */
export function fileError(operation: FileOperation, path: string, cause: unknown): LedgerError {
  if (cause instanceof LedgerError) return cause;
  const tried = `cannot ${operation} ${escaped(path)}`;
  if (cause instanceof Deno.errors.NotCapable) {
    const message = `${tried}: it lies outside what this program is allowed to touch`;
    const hint = scopeHint(operation, path);
    return new LedgerError({ code: "outside_scope", message, where: { path }, hint, cause });
  }
  const system_code = systemCode(cause);
  const code = CODE_OF_SYSTEM_ERROR[system_code ?? ""] ?? "io";
  const said = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
  // Deno repeats the call and the path after a colon; our own sentence has said both.
  const reason = said.replace(/ \(os error \d+\).*$/, "");
  const hint = hintFor(operation, code, system_code);
  return new LedgerError({ code, message: `${tried}: ${reason}`, where: { path }, hint, cause });
}

/** The error of a disk that takes no more bytes: the system says so only at the next write. */
export function noSpaceLeft(path: string): LedgerError {
  const cause = Object.assign(new Error("no space left"), { code: "ENOSPC" });
  return fileError("write", path, cause);
}

/** The error of a sync that failed after a write: what was written is there, until a power cut. */
export function notConfirmed(path: string, what: string, cause: unknown): LedgerError {
  return new LedgerError({
    code: "durability_unknown",
    message: `durability unknown: ${what} were written, but the disk did not confirm it ` +
      `(${(cause as Error).message})`,
    where: { path },
    hint: "check the disk (dmesg); until a power cut what was written is there",
    cause,
  });
}
