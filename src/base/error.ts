/**
 * The one kind of error that users see.
 *
 * A message states what was tried, quotes the value, and gives the state that was found; `where`
 * names the file, line or byte; `hint` says what to do next. Anything else that is thrown is a bug.
 */

import { escaped } from "./format.ts";
import { quoted_chars_max } from "./limits.ts";

/** What went wrong, as a word that scripts can test for. */
export type ErrorCode =
  | "usage"
  | "invalid"
  | "not_found"
  | "busy"
  | "disk_full"
  | "no_permission"
  | "outside_scope"
  | "durability_unknown"
  | "newer_format"
  | "damaged"
  | "io"
  | "unreachable"
  | "forked"
  | "interrupted";

/** The exit codes that are not errors. */
export const EXIT_OK = 0;
/** The command did its work and found something that wants attention (`verify`, `doctor`). */
export const EXIT_FINDINGS = 3;

/** Where an error is: a path, or a place in a file or an input. */
export interface ErrorPlace {
  path?: string;
  /** Counted from 1. */
  line?: number;
  /** Byte offset, counted from 0. */
  offset?: number;
}

export interface ErrorFacts {
  code: ErrorCode;
  message: string;
  where?: ErrorPlace;
  hint?: string;
  cause?: unknown;
  /** Further facts for programs, such as how many events are durable. */
  detail?: Record<string, unknown>;
}

/** An error that a user or the world caused, worded so that a stranger can act on it. */
export class LedgerError extends Error {
  readonly code: ErrorCode;
  readonly where?: ErrorPlace;
  readonly hint?: string;
  readonly detail?: Record<string, unknown>;

  constructor(facts: ErrorFacts) {
    super(facts.message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = "LedgerError";
    this.code = facts.code;
    this.where = facts.where;
    this.hint = facts.hint;
    this.detail = facts.detail;
  }

  /** The same error with more said about it: later words win, details add up. */
  with(more: Partial<ErrorFacts>): LedgerError {
    return new LedgerError({
      code: more.code ?? this.code,
      message: more.message ?? this.message,
      where: { ...this.where, ...more.where },
      hint: more.hint ?? this.hint,
      cause: more.cause ?? this.cause,
      detail: { ...this.detail, ...more.detail },
    });
  }

  /** The error as data, for `--json`. */
  toJSON(): ErrorFacts {
    return {
      code: this.code,
      message: this.message,
      ...(this.where && Object.keys(this.where).length > 0 ? { where: this.where } : {}),
      ...(this.hint ? { hint: this.hint } : {}),
      ...(this.detail && Object.keys(this.detail).length > 0 ? { detail: this.detail } : {}),
    };
  }
}

/** The error of a file that a newer version of this program wrote. */
export function newerFormat(path: string, version: unknown, known: number): LedgerError {
  return new LedgerError({
    code: "newer_format",
    message: `${path} is of version ${quoted(version)}, and this program knows version ${known}`,
    where: { path },
    hint: "use a newer ledger executable; nothing was changed",
  });
}

export function asLedgerError(thrown: unknown): LedgerError | undefined {
  return thrown instanceof LedgerError ? thrown : undefined;
}

/** Where an error is, in the form that editors and terminals make clickable. */
export function placeText(where: ErrorPlace | undefined): string {
  if (!where) return "";
  const path = where.path ?? "";
  const line = where.line === undefined ? "" : path ? `:${where.line}` : `line ${where.line}`;
  const offset = where.offset === undefined ? "" : ` at byte ${where.offset}`;
  return `${path}${line}${offset}`.trim();
}

/** A value as it is quoted in a message: JSON, cut when it is long. */
export function quoted(value: unknown, length_max = quoted_chars_max): string {
  let text: string;
  if (typeof value === "number" && !Number.isFinite(value)) text = String(value);
  else if (typeof value === "bigint") text = `${value}n`;
  else text = escaped(JSON.stringify(value) ?? String(value));
  return text.length > length_max ? `${text.slice(0, length_max - 1)}…` : text;
}
