/**
 * Emit check: whether a new event may be emitted, and the line that it becomes. The answer is synchronous;
 * the reasons of a refusal are looked up only when they are asked for.
 */
import { LedgerError, quoted } from "../../base/error.ts";
import {
  event_bytes_max,
  nesting_max,
  timestamp_ms_max,
  timestamp_ms_plausible_min,
} from "../../base/limits.ts";
import { similarNames } from "../../base/nearest.ts";
import { CONTROL_CHARACTER } from "../../base/format.ts";
import type { World } from "../../base/world.ts";
import { utf8Length } from "../../base/files/lines.ts";
import {
  BadLine,
  identityProblem,
  isTimestamp,
  nestingDepth,
  newIdProblem,
  parseObject,
  tooLong,
} from "./validate.ts";
import { fieldsAreRight, fieldsOf, isBuiltIn, isOfKind, type LedgerEvent } from "./event.ts";
import { type Registry, VERSION_FIELD } from "./registry.ts";

export interface ReadyEvent {
  ok: true;
  event_id: string;
  timestamp_ms: number;
  line: string;
  /** Whether the line is what was given, byte for byte. */
  untouched: boolean;
}

export interface RefusedEvent {
  ok: false;
  explain(): Promise<LedgerError>;
}

export type CheckedEvent = ReadyEvent | RefusedEvent;

/** Every byte as two hex digits: looking them up is several times faster than `toString(16)`. */
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Gives ids, completes events, and refuses those that must not be written. */
export class EmitCheck {
  #next_suffix: number;

  /** `reload` gives the registry when its file has changed: types are registered while this is open. */
  constructor(
    readonly world: World,
    public registry: Registry,
    readonly reload: () => Registry | undefined = () => undefined,
  ) {
    this.#next_suffix = world.random_uint32() | 0;
  }

  refresh(): boolean {
    const registry = this.reload();
    if (registry) this.registry = registry;
    return registry !== undefined;
  }

  /**
   * `{timestamp_ms}_{8 hex}`. The hex digits count up from a random start: one open ledger never gives the
   * same id twice, and two of them only if their counters meet within a millisecond.
   */
  #newEventId(timestamp_ms: number): string {
    const suffix = this.#next_suffix = (this.#next_suffix + 1) | 0;
    return `${timestamp_ms}_${HEX[suffix >>> 24]}${HEX[suffix >>> 16 & 255]}` +
      `${HEX[suffix >>> 8 & 255]}${HEX[suffix & 255]}`;
  }

  fromFields(fields: Record<string, unknown>): CheckedEvent {
    return this.#fromPlainFields(fields) ?? this.#fromAnyFields(fields);
  }

  /**
   * Fast path, without parsing what was just serialized: a built-in type, and values that JSON writes down
   * as they are. Undefined means the slow path decides, never a refusal.
   */
  #fromPlainFields(fields: Record<string, unknown>): ReadyEvent | undefined {
    let event: Record<string, unknown>;
    let line: string;
    try {
      if (!isPlainObject(fields)) return undefined;
      // What is checked is what is written: a copy has no getters that could answer differently.
      event = { ...fields };
      line = JSON.stringify(event);
    } catch {
      return undefined;
    }
    const needs_a_look = line.includes("null") || line.includes("\\u") ||
      line.length * 3 > event_bytes_max ||
      (line.length > 2 * nesting_max && nestingDepth(line) > nesting_max);
    if (needs_a_look) return undefined;

    const { event_type, event_id: given_id, timestamp_ms: given_time } = event;
    if (!isBuiltIn(event_type)) return undefined;
    if (this.registry.versionOf(event_type) > 1) return undefined;
    if (!fieldsAreRight(event as LedgerEvent, event_type)) return undefined;
    for (const [field, kind] of fieldsOf(event_type)) {
      if (kind === "object" && !isPlainObject(event[field])) return undefined;
      if (kind === "optional_names" && event[field] !== undefined) return undefined;
    }
    const timestamp_ms = given_time ?? this.world.now_ms();
    if (!isTimestamp(timestamp_ms) || timestamp_ms < timestamp_ms_plausible_min) return undefined;
    const event_id = given_id ?? this.#newEventId(timestamp_ms);
    if (typeof event_id !== "string" || event_id === "") return undefined;
    if (given_id !== undefined && CONTROL_CHARACTER.test(event_id)) return undefined;

    let added = given_time === undefined ? `,"timestamp_ms":${timestamp_ms}` : "";
    if (given_id === undefined) added += `,"event_id":"${event_id}"`;
    const untouched = added === "";
    if (!untouched) line = `${line.slice(0, -1)}${added}}`;
    return { ok: true, event_id, timestamp_ms, line, untouched };
  }

  #fromAnyFields(fields: Record<string, unknown>): CheckedEvent {
    let line: string;
    try {
      line = JSON.stringify(fields);
      if (line === undefined) throw new TypeError("there is nothing in it");
    } catch (cause) {
      return refused(() => notWritable(cause as Error));
    }
    // JSON silently turns what it cannot hold into null. A lost number is worth an error.
    if (line.includes("null")) {
      const path = pathOfLostNumber(fields, "", 0);
      if (path !== undefined) return refused(() => lostNumber(path));
    }
    return this.fromLine(line);
  }

  /**
   * Makes an event out of a JSON text, which stays as it is, byte for byte; what is missing (id, time,
   * version of a custom type) is added at its end.
   */
  fromLine(text: string): CheckedEvent {
    const fields = parseObject(text);
    if (fields instanceof BadLine) return refused(() => bad(fields.reason));
    const given_time = fields.timestamp_ms;
    let added = "";
    if (given_time === undefined) {
      fields.timestamp_ms = this.world.now_ms();
      added += `,"timestamp_ms":${fields.timestamp_ms}`;
    }
    if (fields.event_id === undefined && isTimestamp(fields.timestamp_ms)) {
      fields.event_id = this.#newEventId(fields.timestamp_ms);
      added += `,"event_id":${JSON.stringify(fields.event_id)}`;
    }
    const version = this.registry.versionOf(fields.event_type as string);
    if (version > 1 && fields[VERSION_FIELD] === undefined) {
      fields[VERSION_FIELD] = version;
      added += `,"${VERSION_FIELD}":${version}`;
    }
    const event = fields as LedgerEvent;
    const time_was_given = given_time !== undefined;
    const size_max_possible = (text.length + added.length) * 3;
    if (
      !this.#isRight(event, time_was_given) ||
      (text.length > 2 * nesting_max && nestingDepth(text) > nesting_max) ||
      (size_max_possible > event_bytes_max && utf8Length(text + added) > event_bytes_max)
    ) {
      // Another process may have registered the type since the registry was read.
      if (!isBuiltIn(event.event_type) && this.refresh()) return this.fromLine(text);
      const registry = this.registry;
      return refused(() => whyNot(registry, event, text + added, time_was_given));
    }
    const { event_id, timestamp_ms } = event;
    const line = added === "" ? withoutLineBreaks(text) : withFields(text, added);
    return { ok: true, event_id, timestamp_ms, line, untouched: line === text };
  }

  #isRight(event: LedgerEvent, time_was_given: boolean): boolean {
    if (identityProblem(event) !== undefined) return false;
    if (CONTROL_CHARACTER.test(event.event_id)) return false;
    if (time_was_given && event.timestamp_ms < timestamp_ms_plausible_min) return false;
    if (isBuiltIn(event.event_type)) return fieldsAreRight(event, event.event_type);
    if (!this.registry.types.has(event.event_type)) return false;
    if (typeof event.run_id === "string" && !isOfKind("run_id", event.run_id)) return false;
    return this.registry.problemOf(this.registry.upcast(event)) === undefined;
  }
}

export function refused(explain: () => LedgerError | Promise<LedgerError>): RefusedEvent {
  return { ok: false, explain: () => Promise.resolve(explain()) };
}

async function whyNot(
  registry: Registry,
  event: LedgerEvent,
  text: string,
  time_was_given: boolean,
): Promise<LedgerError> {
  const { event_type, timestamp_ms } = event;
  const size_bytes = utf8Length(text);
  if (size_bytes > event_bytes_max) {
    return bad(tooLong(size_bytes).reason, "put the data into a file and its path here");
  }
  if (typeof event_type === "string" && event_type !== "" && !registry.knows(event_type)) {
    return unknownType(event_type, registry);
  }
  const problem = identityProblem(event);
  if (problem) return bad(problem, timeHint(timestamp_ms));
  const id_problem = newIdProblem(event.event_id);
  if (id_problem) return bad(id_problem, "leave it out to be given one");
  if (time_was_given && timestamp_ms < timestamp_ms_plausible_min) {
    return bad(
      `timestamp_ms is ${timestamp_ms}, which is ${new Date(timestamp_ms).toISOString()}: ` +
        `that looks like seconds`,
      `in milliseconds it is ${timestamp_ms * 1000}`,
    );
  }
  const see_schema = `see: ledger schema show ${event_type}`;
  if (isBuiltIn(event_type)) {
    const { fieldProblems } = await import("./schemas.ts");
    const problems = fieldProblems(event, event_type);
    if (problems.length > 0) return bad(problems.join("; "), see_schema, event_type);
  } else if (typeof event.run_id === "string" && !isOfKind("run_id", event.run_id)) {
    return bad(
      `run_id is ${quoted(event.run_id)}; a run id has no slash, backslash or control character`,
    );
  }
  const custom = registry.problemOf(registry.upcast(event));
  if (custom) return bad(custom, see_schema, event_type);
  return bad(`it nests more than ${nesting_max} levels deep`, "flatten it", event_type);
}

function unknownType(event_type: string, registry: Registry): LedgerError {
  const near = similarNames(event_type, registry.names());
  return new LedgerError({
    code: "invalid",
    message: `cannot emit an event of type ${quoted(event_type)}: no such type is known`,
    hint: `did you mean ${near.join(" or ")}? To add a type of your own: ` +
      `ledger schema register ${event_type} SCHEMA.json`,
    detail: { similar: near },
  });
}

function bad(reason: string, hint?: string, event_type?: string, cause?: Error): LedgerError {
  const what = event_type ? `this ${event_type} event` : "this event";
  return new LedgerError({
    code: "invalid",
    message: `cannot emit ${what}: ${reason}`,
    hint,
    cause,
  });
}

function timeHint(timestamp_ms: unknown): string | undefined {
  if (typeof timestamp_ms === "string") return "write it as a number, without quotes";
  if (typeof timestamp_ms === "number" && timestamp_ms > timestamp_ms_max) {
    return "microseconds or nanoseconds? Divide by 1000 or 1000000";
  }
  return undefined;
}

/** Whether JSON writes a value down as the object that it is. */
function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return (prototype === Object.prototype || prototype === null) &&
    (value as { toJSON?: unknown }).toJSON === undefined;
}

/** JSON allows line breaks between its words; a line of the log cannot hold them. */
function withoutLineBreaks(text: string): string {
  const trimmed = text.trim();
  return /[\r\n]/.test(trimmed) ? trimmed.replace(/[\r\n]+/g, " ") : trimmed;
}

function withFields(text: string, added: string): string {
  const body = withoutLineBreaks(text).slice(0, -1).trimEnd();
  return `${body}${body === "{" ? added.slice(1) : added}}`;
}

function notWritable(cause: Error): LedgerError {
  return bad(
    cause instanceof RangeError
      ? `it nests more than ${nesting_max} levels deep`
      : cause.message.split("\n")[0],
    /BigInt/.test(cause.message)
      ? "turn the bigint into a number or a string first"
      : "an event is plain data: objects, lists, strings, numbers, true, false and null",
    undefined,
    cause,
  );
}

function lostNumber(path: string): LedgerError {
  return bad(
    `${path} is NaN or infinite, and JSON has no such number`,
    "write null, or leave the field out",
  );
}

function pathOfLostNumber(value: unknown, path: string, depth: number): string | undefined {
  if (typeof value === "number" && !Number.isFinite(value)) return path;
  if (typeof value !== "object" || value === null) return undefined;
  // What nests deeper is refused for that, and would overflow this function's stack.
  if (depth > nesting_max) return undefined;
  for (const [name, member] of Object.entries(value)) {
    const found = pathOfLostNumber(member, path === "" ? name : `${path}.${name}`, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}
