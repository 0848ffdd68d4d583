/**
 * Union view: all runs that the log, the folder of runs, or both know, a row each. The log's half comes
 * from `runs.duckdb`, the folders' half from `catalog.duckdb`; where one of them is not there, the other
 * answers alone. Whether a run that has not ended is crashed or stale is asked when the view is made.
 */
import { dirname, join } from "@std/path";
import { asLedgerError, LedgerError } from "../base/error.ts";
import { stale_after_ms } from "../base/limits.ts";
import type { World } from "../base/world.ts";
import type { ConnectionOptions, Database } from "../duckdb/connection.ts";
import { openSnapshot } from "../duckdb/snapshot_swap.ts";
import { refuseFirstSystem } from "../index/first_system.ts";
import { INDEX_VERSION } from "../index/tables.ts";
import { ledgerPaths, TYPES_ABOUT_RUNS } from "../log/mod.ts";
import { CATALOG_VERSION } from "../runs/catalog/schema.ts";
import { RUN_FILES } from "../runs/manifest/layout.ts";
import { stateOfOpen } from "../runs/manifest/liveness_lock.ts";
import { hasEnded, ManifestFile } from "../runs/manifest/manifest.ts";

/** Where a ledger's indexes and runs are. */
interface RunSources {
  world: World;
  index_dir: string;
  runs_dir: string;
}

/** The databases that the view is made of, by the names that SQL has for them. */
const HALVES = ["catalog", "runs"] as const;
type Half = typeof HALVES[number];

/** The columns of `run_states`, in order, and what each is made of: `f` is the folder, `l` the log. */
const RUN_STATE_COLUMNS: Readonly<Record<string, string>> = {
  run_id: "coalesce(f.run_id, l.run_id)",
  run_type: "coalesce(f.run_type, l.run_type)",
  status: `case
    when f.run_id is null then l.status
    when f.status not in ('completed', 'failed', 'unfinished')
      and l.status in ('completed', 'failed') then l.status
    else f.status end`,
  source:
    "case when l.run_id is null then 'folder' when f.run_id is null then 'log' else 'both' end",
  created_at: "coalesce(f.created_at, l.created_at)",
  started_at: "coalesce(f.started_at, l.started_at)",
  completed_at: "coalesce(f.completed_at, l.completed_at)",
  /** Of a run that did not complete: when it last wrote, or the log last heard of it. */
  last_sign_at: "greatest(f.last_written_at, l.last_sign_at)",
  total_ms: "coalesce(f.total_ms, l.total_ms)",
  artifacts: "coalesce(a.artifacts, 0)",
  git_branch: "f.git_branch",
  git_commit: "f.git_commit",
  git_dirty: "f.git_dirty",
  /** Null where it has no folder. */
  presence: "f.presence",
  run_path: "f.run_path",
  params: either("f.parameters", "l.config"),
  summary: either("f.summary", "l.summary_json"),
  timing: `nullif(json_merge_patch(coalesce(l.timing, '{}'), coalesce(f.timing, '{}')), '{}')`,
  dataset: "f.dataset",
  data_fingerprint: "coalesce(f.data_fingerprint, nullif(l.data_fingerprint, ''))",
  /** How much is unusual about its artifacts' values; null where it has no folder. */
  findings: "f.findings",
  error: "coalesce(f.error, l.error)",
  archive: "f.archive",
  /** What people say of it. An empty text takes back. */
  name: "nullif(s.name, '')",
  group: `nullif(coalesce(s."group", f."group"), '')`,
  pin: "coalesce(s.pin, false)",
  tags: "coalesce(s.tags, [])",
  notes: "s.notes",
};

/** The view, as lists of what there is to query have it. */
export function describeRunStates(): { name: string; kind: string; columns: string } {
  return { name: "run_states", kind: "view", columns: Object.keys(RUN_STATE_COLUMNS).join(", ") };
}

/** Of two JSON objects the first, unless it says nothing. */
function either(first: string, second: string): string {
  return `coalesce(nullif(${first}, '{}'), ${second}, ${first})`;
}

/** Which of a ledger's indexes are there. */
function halvesOf({ world, index_dir }: RunSources): Half[] {
  return HALVES.filter((half) => world.files.facts(pathOf(index_dir, half))?.is_file);
}

function pathOf(index_dir: string, half: Half): string {
  return join(index_dir, `${half}.duckdb`);
}

const HINTS: Readonly<Record<Half, { absent: string; damaged?: string }>> = {
  catalog: {
    absent: "nothing has been catalogued yet: ledger runs sync",
    damaged: "the catalog is made anew from the manifests: ledger runs sync",
  },
  runs: { absent: "make it: ledger rebuild" },
};

const NOTHING_LOGGED = "nothing has been logged yet: the first `ledger emit` makes a log; what " +
  "folders of runs say: ledger runs query, and ledger query --db catalog";

/** Whether there is a log, so that an index can be made of it. */
function hasLog({ world, index_dir }: RunSources): boolean {
  return world.files.facts(ledgerPaths(dirname(index_dir)).events) !== undefined;
}

/** How one of the two is opened. */
interface HalfOptions extends Pick<ConnectionOptions, "folders" | "attached"> {
  /** What will be asked: `run_states` is there for what names it. Absent: it is there. */
  sql?: string;
}

/**
 * Opens one of the two for reading, with the other beside it where `run_states` will be asked: then the
 * other alone, where the one is not there.
 */
export async function openHalf(
  sources: RunSources,
  wanted: Half,
  { sql, folders, attached }: HalfOptions = { folders: [] },
): Promise<Database> {
  const { world, index_dir } = sources;
  const with_states = sql === undefined || /\brun_states\b/i.test(sql);
  const there = halvesOf(sources);
  const is_alone = with_states && there.length === 1 && !attached?.length;
  const half = is_alone ? there[0] : wanted;
  const others = with_states ? there.filter((other) => other !== half) : [];
  const database = await openSnapshot(world, pathOf(index_dir, half), {
    hint_when_absent: half === "runs" && !hasLog(sources) ? NOTHING_LOGGED : HINTS[half].absent,
    folders,
    attached,
    beside: others.map((name) => ({ path: pathOf(index_dir, name), name })),
  }).catch((error) => {
    const problem = asLedgerError(error);
    const { damaged } = HINTS[half];
    if (!damaged || (problem?.code !== "damaged" && problem?.code !== "io")) throw error;
    throw problem.with({ hint: damaged });
  });
  try {
    if (half === "runs" || others.includes("runs")) {
      await refuseFirstSystem(database, pathOf(index_dir, "runs"));
    }
    if (with_states) {
      await createRunStates(sources, database);
      if (half !== "catalog") await createRunInputs(database, others.includes("catalog"));
    }
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Opens a database in which `run_states` is a view: the catalog, or without one the log's index. */
export async function openRunStates(sources: RunSources): Promise<Database> {
  const [main = "catalog"] = halvesOf(sources);
  return await openHalf(sources, main);
}

/** Makes the view where one of the two databases is open, and the other attached if it is there. */
async function createRunStates(sources: RunSources, database: Database): Promise<void> {
  const there = (await database.rows<{ name: string }>(
    `select database_name as name from duckdb_databases() where not internal`,
  )).map(({ name }) => name);
  await database.run(
    `create or replace temp table open_runs_now (run_path varchar, state varchar)`,
  );
  if (there.includes("catalog")) {
    const version = `select version from "catalog".main.catalog_meta`;
    await refuseOtherVersion(database, version, CATALOG_VERSION, "the catalog", "ledger runs sync");
    await noteOpenStates(sources, database);
  }
  if (there.includes("runs")) {
    const version = "select value from runs.main.index_facts where key = 'version'";
    await refuseOtherVersion(database, version, INDEX_VERSION, "the index", "ledger rebuild");
  }
  const columns = Object.entries(RUN_STATE_COLUMNS)
    .map(([name, made_of]) => `${made_of} as "${name}"`);
  await database.run(`create or replace temp view run_artifacts as
    select run_id, artifact_type, rows, bytes, sha256 from (
      ${there.includes("catalog") ? ARTIFACTS_IN_FOLDERS : NO_ARTIFACTS}
      union all by name ${there.includes("runs") ? LOGGED_ARTIFACTS : NO_ARTIFACTS})
    qualify row_number() over (partition by run_id, artifact_type order by rank) = 1`);
  await database.run(`create or replace temp view run_states as
    with folders as (${there.includes("catalog") ? FOLDERS : NO_FOLDERS}),
      logged as (${there.includes("runs") ? logged(sources.world.now_ms()) : NOT_LOGGED}),
      said as (${there.includes("runs") ? ANNOTATIONS : NO_ANNOTATIONS}),
      artifact_counts as (select run_id, count(*) as artifacts from run_artifacts group by all)
    select ${columns.join(", ")}
    from folders f full join logged l on l.run_id = f.run_id
    left join said s on s.run_id = coalesce(f.run_id, l.run_id)
    left join artifact_counts a on a.run_id = coalesce(f.run_id, l.run_id)`);
}

/** The catalog's table under its name, where the log's index is the one that is asked. */
async function createRunInputs(database: Database, has_catalog: boolean): Promise<void> {
  const inputs = has_catalog ? `select * from "catalog".main.run_inputs` : NO_INPUTS;
  await database.run(`create or replace temp view run_inputs as ${inputs}`);
}

async function refuseOtherVersion(
  database: Database,
  sql: string,
  version: number,
  name: string,
  command: string,
): Promise<void> {
  const found = Number(await database.value(sql));
  if (found === version) return;
  throw new LedgerError({
    code: "newer_format",
    message: `cannot read runs out of ${name}: it is of version ${found}, and this program's is ` +
      `${version}`,
    hint: `make it anew: ${command}`,
  });
}

/** Notes of each run that went on at the last sync how it stands now. */
async function noteOpenStates(
  { world, runs_dir }: RunSources,
  database: Database,
): Promise<void> {
  const open = await database.rows<{ run_id: string; run_path: string }>(
    `select run_id, run_path from "catalog".main.runs_in_progress
     where state in ('pending', 'running')`,
  );
  const states: [string, string][] = [];
  for (const { run_id, run_path } of open) {
    const state = await stateNow(world, runs_dir, run_id, run_path);
    if (state !== undefined) states.push([run_path, state]);
  }
  await database.runForEach(`insert into open_runs_now values ($1, $2)`, states);
}

/** Undefined where a run has ended since, or cannot be looked at: then the catalog's word stands. */
async function stateNow(
  world: World,
  runs_dir: string,
  run_id: string,
  run_path: string,
): Promise<string | undefined> {
  const folder = join(runs_dir, run_path);
  try {
    const manifest = new ManifestFile(world, folder, run_id).read();
    const hasSuccess = () => world.files.facts(join(folder, RUN_FILES.success)) !== undefined;
    if (hasEnded(manifest.status, hasSuccess)) return undefined;
    return (await stateOfOpen(world, runs_dir, run_path, manifest)).state;
  } catch (error) {
    if (!asLedgerError(error)) throw error;
    return undefined;
  }
}

/** The runs of the catalog; where an id is there twice, the one that ended. */
const FOLDERS = `
  select * from (
    select *, 1 as rank from "catalog".main.backtest_runs_catalog
    union all by name
    select p.* exclude (status, completed_at, state, artifacts, reason),
      coalesce(n.state, p.state) as status, 2 as rank
    from "catalog".main.runs_in_progress p left join open_runs_now n using (run_path))
  qualify row_number() over (partition by run_id order by rank, run_path) = 1`;

/** A duration as a manifest has it: a whole number without a fraction. */
const asWritten = (ms: string) =>
  `if(${ms} = trunc(${ms}), to_json(try_cast(${ms} as bigint)), to_json(${ms}))`;

/** A run without an end, of which the log has not heard for so long, is stale. */
const logged = (now_ms: number) => `
  with phases as (
    select run_id, json_group_object(name, ${asWritten("ms")}) as timing, sum(ms) as total_ms
    from (
      select run_id, phase_name || '_ms' as name, sum(duration_ms) as ms
      from runs.main.phase_timings where duration_ms is not null group by all order by all)
    group by run_id),
  signs as (
    select run_id, timestamp_ms from runs.main.other_events
    where event_type not in (${TYPES_ABOUT_RUNS.map((type) => `'${type}'`).join(", ")})
    union all
    select run_id, timestamp_ms from runs.main.trial_events),
  heard as (
    select run_id, max(timestamp_ms) as last_ms from signs
    join runs.main.latest_runs using (run_id)
    where status <> 'completed' and timestamp_ms < coalesce(failed_at_ms, timestamp_ms + 1)
    group by run_id),
  timed as (
    select r.*, h.last_ms, p.timing as phases,
      case r.status when 'completed' then r.completed_at_ms when 'failed' then r.failed_at_ms end
        as ended_at_ms,
      if(ended_at_ms is not null,
        coalesce(p.total_ms, ended_at_ms - coalesce(r.started_at_ms, r.created_at_ms)), null)
        as total_ms
    from runs.main.latest_runs r
    left join phases p on p.run_id = r.run_id
    left join heard h on h.run_id = r.run_id)
  select run_id, run_type,
    if(ended_at_ms is null and last_ms <= ${Math.floor(now_ms) - stale_after_ms}, 'stale', status)
      as status,
    make_timestamp_ms(last_ms) as last_sign_at,
    make_timestamp_ms(coalesce(created_at_ms, started_at_ms, ended_at_ms)) as created_at,
    make_timestamp_ms(started_at_ms) as started_at, make_timestamp_ms(ended_at_ms) as completed_at,
    total_ms, config, summary_json, data_fingerprint, error,
    json_merge_patch('{}', json_object('total_ms', ${asWritten("total_ms")}),
      coalesce(phases, '{}')) as timing
  from timed`;

const ANNOTATIONS = `
  select run_id, tags, name, pin, "group", notes from runs.main.run_annotations
  left join (
    select run_id, string_agg(note, chr(10) order by noted_at_ms, note) as notes
    from runs.main.run_notes group by all) using (run_id)`;

const ARTIFACTS_IN_FOLDERS = `
  select 1 as rank, run_id, artifact_type, rows, bytes, sha256
  from "catalog".main.backtest_artifacts_catalog
  union all by name
  select 2 as rank, run_id, unnest(cast(artifacts as varchar[])) as artifact_type
  from "catalog".main.runs_in_progress`;
const LOGGED_ARTIFACTS =
  `select 3 as rank, run_id, artifact_type, size_bytes as bytes from runs.main.artifacts_catalog`;

const nothing = (columns: string) =>
  `select ${
    columns.split(", ").map((column) => {
      const [name, type = "varchar"] = column.split(" ");
      return `cast(null as ${type}) as "${name}"`;
    }).join(", ")
  } where false`;

const NO_FOLDERS = nothing(
  "run_id, run_type, status, created_at timestamp, started_at timestamp, completed_at timestamp, " +
    "last_written_at timestamp, total_ms double, group, git_branch, git_commit, git_dirty boolean, presence, run_path, " +
    "parameters json, summary json, timing json, dataset json, data_fingerprint, findings bigint, error, archive",
);
const NOT_LOGGED = nothing(
  "run_id, run_type, status, created_at timestamp, started_at timestamp, completed_at timestamp, " +
    "last_sign_at timestamp, total_ms double, config json, summary_json json, data_fingerprint, error, timing json",
);
const NO_ANNOTATIONS = nothing("run_id, tags varchar[], name, pin boolean, group, notes");
const NO_INPUTS = nothing(
  "run_id, path, bytes bigint, sha256, rows bigint, from_ms bigint, to_ms bigint",
);
const NO_ARTIFACTS = nothing(
  "rank integer, run_id, artifact_type, rows bigint, bytes bigint, sha256",
);
