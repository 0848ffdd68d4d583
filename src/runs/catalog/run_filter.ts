/** Specification of runs: what a caller wants of `run_states`, checked at run time, as SQL conditions. */
import { LedgerError, quoted } from "../../base/error.ts";
import { counted, DAY_MS, firstNames, typedTime } from "../../base/format.ts";
import { jsonPointer } from "../../base/json.ts";
import { nearest } from "../../base/nearest.ts";
import type { BoundValue, Database } from "../../duckdb/connection.ts";
import { RUN_TYPES } from "../manifest/manifest.ts";
import { ENDED_STATES, type ListingText, OPEN_STATES } from "./listing.ts";

/** A file that runs are sought by: by its content, or where that is not known by its path. */
export interface SoughtInput {
  path?: string;
  sha256?: string;
}

/** Which runs are wanted. */
export interface RunFilter extends ListingText {
  /** One run, by its id; when none has it, those of this name, else all whose ids begin so. */
  run_id?: string;
  run_type?: string;
  /** One of `ENDED_STATES` or `OPEN_STATES`, or any. Default: those that have ended. */
  status?: string;
  /** Created at or after this. */
  from_ms?: number;
  /** Created before this. */
  until_ms?: number;
  git_branch?: string;
  /** The commit, or its beginning. */
  git_commit?: string;
  /** A file that it read: its digest, or eight digits or more from its beginning; or what is known. */
  input?: string | SoughtInput;
  /** Parameters, by name or by dotted path, and the value that each has to have. */
  parameters?: Readonly<Record<string, string>>;
  limit?: number;
  /** As the first system called them: `run_type`, and days or times, of which the last is whole. */
  runType?: string;
  fromDate?: string;
  toDate?: string;
}

const MEMBERS: Readonly<Record<keyof RunFilter, true>> = {
  run_id: true,
  run_type: true,
  status: true,
  from_ms: true,
  until_ms: true,
  git_branch: true,
  git_commit: true,
  input: true,
  parameters: true,
  limit: true,
  where: true,
  sort: true,
  columns: true,
  now_ms: true,
  onNotice: true,
  runType: true,
  fromDate: true,
  toDate: true,
};

/** Refuses what no filter has; returns the rest under our names. */
export function readFilter(given: RunFilter & { now_ms: number }): RunFilter {
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(MEMBERS, name)) continue;
    const near = nearest(name, Object.keys(MEMBERS));
    const known = Object.keys(MEMBERS).filter((name) => name !== "onNotice").join(", ");
    throw refused(
      `there is no ${quoted(name)}`,
      near ? `did you mean ${near}?` : `there are ${known}`,
    );
  }
  const { runType, fromDate, toDate, ...filter } = given;
  refuseTwice({ runType, run_type: filter.run_type });
  refuseTwice({ fromDate, from_ms: filter.from_ms });
  refuseTwice({ toDate, until_ms: filter.until_ms });
  const { status, limit } = filter;
  const states: readonly string[] = [...ENDED_STATES, ...OPEN_STATES, "any"];
  if (status !== undefined && !states.includes(status)) {
    const near = nearest(status, states);
    const hint = near ? `did you mean ${near}?` : `it is one of ${states.join(", ")}`;
    throw refused(`no run has the status ${quoted(status)}`, hint);
  }
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit >= 0)) {
    throw refused(`limit is ${quoted(limit)}`, "it has to be a whole number, 0 or more");
  }
  return {
    ...filter,
    run_type: runType ?? filter.run_type,
    from_ms: timeOf("fromDate", fromDate, given.now_ms)?.ms ?? filter.from_ms,
    until_ms: timeOf("toDate", toDate, given.now_ms)?.end_ms ?? filter.until_ms,
  };
}

function refuseTwice(members: Record<string, unknown>): void {
  const names = Object.keys(members).filter((name) => members[name] !== undefined);
  if (names.length > 1) throw refused(`${names.join(" and ")} say the same`, "give one of them");
}

function timeOf(name: string, text: string | undefined, now_ms: number) {
  if (text === undefined) return undefined;
  const time = typedTime(String(text));
  if (!time) {
    throw refused(
      `${name} is ${quoted(text)}`,
      "it has to be a day, an ISO time, or like 2h or 7d",
    );
  }
  const ms = time.ms(now_ms);
  return { ms, end_ms: ms + (time.is_day ? DAY_MS : 0) };
}

function refused(problem: string, hint: string): LedgerError {
  return new LedgerError({ code: "usage", message: `cannot query runs: ${problem}`, hint });
}

/** All that is wanted, but for the status. */
export function conditionsOf(filter: RunFilter, bind: (value: BoundValue) => string): string[] {
  const wanted: string[] = [];
  const want = <Value>(value: Value | undefined, condition: (value: Value) => string) => {
    if (value !== undefined) wanted.push(condition(value));
  };
  want(filter.run_id, (run_id) => {
    const id = bind(run_id);
    return `(run_id = ${id} or ${id} not in (select run_id from run_states) and
      if(${id} in (select name from run_states where name is not null),
        name = ${id}, starts_with(run_id, ${id})))`;
  });
  want(filter.run_type, (run_type) => `run_type = ${bind(run_type)}`);
  want(filter.from_ms, (from_ms) => `epoch_ms(created_at) >= ${bind(from_ms)}`);
  want(filter.until_ms, (until_ms) => `epoch_ms(created_at) < ${bind(until_ms)}`);
  want(filter.git_branch, (branch) => `git_branch = ${bind(branch)}`);
  want(filter.git_commit, (commit) => `starts_with(git_commit, ${bind(commit)})`);
  want(filter.input, (input) => {
    const sought = inputCondition(soughtInput(input), bind);
    return `run_id in (select run_id from run_inputs where ${sought})`;
  });
  for (const [name, value] of Object.entries(filter.parameters ?? {})) {
    const key = bind(jsonPointer([name]));
    const path = bind(jsonPointer(name.split(".")));
    wanted.push(`coalesce(params->>${key}, params->>${path}) = ${bind(value)}`);
  }
  return wanted;
}

/** Whether a text is the digest of a file, or enough of it. */
export function isDigest(text: string): boolean {
  return /^[0-9a-f]{8,64}$/i.test(text);
}

function soughtInput(input: string | SoughtInput): SoughtInput {
  if (typeof input !== "string") return input;
  if (isDigest(input)) return { sha256: input.toLowerCase() };
  throw notAnInput(input);
}

export function notAnInput(input: string): LedgerError {
  return refused(
    `input is ${quoted(input)}`,
    "it has to be a file, or its sha256, or eight digits of that or more",
  );
}

/** Which inputs are sought, as a condition on `run_inputs`. */
function inputCondition(
  { path, sha256 }: SoughtInput,
  bind: (value: BoundValue) => string,
): string {
  return sha256 === undefined ? `path = ${bind(path!)}` : `starts_with(sha256, ${bind(sha256)})`;
}

/** Where no run read an input: whether runs read other bytes under its path. */
async function explainInput(
  database: Database,
  { input, onNotice }: RunFilter,
): Promise<void> {
  if (input === undefined || !onNotice) return;
  const { path, sha256 } = soughtInput(input);
  const values: BoundValue[] = [];
  const is_read = inputCondition({ path, sha256 }, (value) => `$${values.push(value)}`);
  if ((await database.rows(`from run_inputs where ${is_read} limit 1`, values)).length > 0) return;
  if (path === undefined) return onNotice(`no run read a file whose sha256 begins with ${sha256}`);
  const [{ runs, digests }] = await database.rows<{ runs: bigint; digests: string | null }>(
    `select count(distinct run_id) as runs, string_agg(distinct sha256[:12], ' ') as digests
     from run_inputs where path = $1`,
    [path],
  );
  if (digests === null) return onNotice(`no run read ${path}, or another file with its bytes`);
  const readers = counted(Number(runs), "run");
  const others = firstNames(digests.split(" ").sort());
  onNotice(`${readers} read ${path} when it had other bytes: --input ${others}`);
}

/** Where no run fits: refuses the slip of a type, notes an id or an input that no run has. */
export async function explainNone(database: Database, filter: RunFilter): Promise<void> {
  const { run_id, run_type, onNotice } = filter;
  await explainInput(database, filter);
  const known = async (column: string) =>
    (await database.rows<{ name: string }>(
      `select distinct ${column} as name from run_states where ${column} is not null order by all`,
    )).map(({ name }) => name);
  if (run_type !== undefined) {
    const types: string[] = [...new Set([...RUN_TYPES, ...await known("run_type")])];
    const near = types.includes(run_type) ? undefined : nearest(run_type, types);
    if (near) throw refused(`no run is of type ${quoted(run_type)}`, `did you mean ${near}?`);
    if (!types.includes(run_type)) {
      onNotice?.(`no run is of type ${quoted(run_type)}; types are ${types.join(", ")}`);
    }
  }
  if (run_id === undefined) return;
  const ids = await known("run_id");
  const names = await known("name");
  if (names.includes(run_id) || ids.some((id) => id.startsWith(run_id))) return;
  const near = nearest(run_id, [...ids, ...names]);
  onNotice?.(
    `no run has an id that begins with ${quoted(run_id)}, or this name${
      near ? `; did you mean ${near}?` : ""
    }`,
  );
}

/** Whether a caller chooses runs by more than their names. */
export function isFiltered({ where, sort, limit }: RunFilter): boolean {
  return [where, sort, limit].some((each) => each !== undefined);
}
