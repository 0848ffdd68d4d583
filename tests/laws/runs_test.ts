/**
 * There is one kind of run. For any lab, every count and every leaderboard is what a plain loop over the
 * log's lines and the manifests on the disk comes to, whichever command says it.
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { makeReport } from "../../src/report/report.ts";
import type { RunDirectory } from "../../src/runs/directory/directory.ts";
import { type Box, boxes } from "../boxes.ts";
import { IS_FULL, IS_PLAIN, linesOnDisk, testWorld } from "../harness.ts";
import { inLab, type Lab, ledgerOf, putRun } from "../runs/runs.ts";
import { type Random, withSeed } from "./random.ts";

const LABS = IS_FULL ? 40 : IS_PLAIN ? 2 : 4;
const STEPS = 2;
const NOW_MS = Date.UTC(2026, 0, 23, 12);
const STALE_AFTER_MS = 3_600_000;
/** Few, so that log and folder meet in the same run. */
const RUN_IDS = ["a", "b", "c", "d", "e", "f'; --", "g"];
const DAYS_MS = 86_400_000;
const STATUSES = ["completed", "completed", "failed", "running", "pending"];
const ENDED = ["completed", "failed"];
const METRIC = "score";
const GROUPS = ["g", "h", ""];

const world = () => testWorld({ now_ms: () => NOW_MS });
type Members = Record<string, unknown>;

function labOf(box: Box): Lab {
  const { dir: path, ledger_dir: dir, runs_dir } = box;
  const catalog = join(dir, "index", "catalog.duckdb");
  return { path, dir, runs_dir, catalog, [Symbol.dispose]: () => {} };
}

/** A number, a text, or nothing: only the first can be ranked. */
function summaryOf(random: Random): Members {
  const value = random.pick([random.below(5), random.fraction(), -1, "fast", undefined]);
  return value === undefined ? {} : { [METRIC]: value, other: 1 };
}

/** Something that happens to a run in the log. */
async function emitSome(random: Random, lab: Lab, run_id: string): Promise<void> {
  await using ledger = ledgerOf(lab, world());
  const age_ms = random.pick([0, STALE_AFTER_MS, random.below(3 * DAYS_MS)]);
  const of = { run_id, timestamp_ms: NOW_MS - age_ms };
  const event = random.pick<Members>([
    { event_type: "run.created", run_type: "policy", config: { a: 1 }, data_fingerprint: "" },
    { event_type: "run.started" },
    { event_type: "run.started" },
    { event_type: "run.completed", summary: summaryOf(random), artifact_paths: {} },
    { event_type: "run.failed", error: "no candles" },
    { event_type: "phase.completed", phase_name: "p", duration_ms: 3, output_summary: {} },
    { event_type: "trial.recorded", trial_id: "t", params: {}, metrics: {} },
    { event_type: "run.annotated", tags: ["t"], group: random.pick(GROUPS) },
    { event_type: "run.annotated", tags_removed: ["t"], pin: random.chance(0.5) },
  ]);
  const event_id = `${run_id} ${event.event_type} ${random.below(3)}`;
  await ledger.emit({ ...event, ...of, ...(random.chance(0.5) ? { event_id } : {}) });
}

/** Something that happens to a run's folder. */
function putSome(random: Random, lab: Lab, run_id: string): void {
  const status = random.pick(STATUSES);
  const at = () => new Date(NOW_MS - random.pick([0, STALE_AFTER_MS, 5_000])).toISOString();
  const manifest = {
    status,
    created_at: at(),
    started_at: at(),
    completed_at: ENDED.includes(status) ? at() : null,
    summary: random.chance(0.7) ? summaryOf(random) : null,
    group: random.pick([...GROUPS, undefined]),
  };
  const is_bad = random.chance(0.1);
  const has_success = random.chance(status === "completed" ? 0.8 : 0.1);
  const path = putRun(lab, run_id, is_bad ? "{" : manifest, { has_success });
  if (!has_success) removeIfThere(join(lab.runs_dir, path, "_SUCCESS"));
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Something that this program does to a run: it is in the folder and in the log. */
async function recordSome(
  random: Random,
  lab: Lab,
  run_id: string,
  held: Map<string, RunDirectory>,
): Promise<void> {
  const { runs } = ledgerOf(lab, world());
  const run = await runs.create({
    run_id,
    run_type: "full",
    owned: random.chance(0.7),
    git: false,
  });
  const what = random.below(4);
  if (what === 0) await run.markSuccess({ summary: summaryOf(random) });
  else if (what === 1) await run.markFailed("no candles", { summary: summaryOf(random) });
  // What lets go of its lock without an end has crashed.
  else if (what === 2) await run.close();
  else held.set(run_id, run);
}

/** What people say of a run. */
interface Said {
  is_tagged: boolean;
  pin: boolean;
  group?: string;
}

interface ExpectedRun extends Said {
  status: string;
  source: string;
  summary: Members;
}

interface LoggedRun {
  created?: true;
  started?: true;
  end?: { status: string; summary: Members };
  last_ms: number;
}

/** What the lines of the log say of runs. */
function loggedRuns(lab: Lab): { runs: Map<string, LoggedRun>; said: Map<string, Said> } {
  const said = new Map<string, Said>();
  const runs = new Map<string, LoggedRun>();
  const seen = new Set<unknown>();
  for (const line of linesOnDisk(lab.dir)) {
    const event = JSON.parse(line);
    if (seen.has(event.event_id)) continue;
    seen.add(event.event_id);
    const of_run = said.get(event.run_id) ?? { is_tagged: false, pin: false };
    said.set(event.run_id, of_run);
    if (event.event_type === "run.annotated") {
      of_run.is_tagged = (of_run.is_tagged && !event.tags_removed) || event.tags !== undefined;
      of_run.pin = event.pin ?? of_run.pin;
      of_run.group = event.group ?? of_run.group;
      continue;
    }
    const run: LoggedRun = runs.get(event.run_id) ?? { last_ms: 0 };
    runs.set(event.run_id, run);
    run.last_ms = Math.max(run.last_ms, event.timestamp_ms);
    if (event.event_type === "run.created") run.created = true;
    if (event.event_type === "run.started") run.started = true;
    if (event.event_type === "run.completed") {
      run.end = { status: "completed", summary: event.summary };
    }
    if (event.event_type === "run.failed") run.end = { status: "failed", summary: {} };
  }
  for (const [run_id, run] of runs) {
    if (!run.created && !run.started && !run.end) runs.delete(run_id);
  }
  return { runs, said };
}

interface FolderRun extends Pick<ExpectedRun, "status" | "summary"> {
  group?: string;
}

/** What the manifests say of runs. */
function foldersOf(
  lab: Lab,
  held: Map<string, RunDirectory>,
): Map<string, FolderRun> {
  const found = new Map<string, FolderRun>();
  const entries = (path: string) => {
    try {
      return [...Deno.readDirSync(path)].map(({ name }) => name).sort();
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  };
  for (const month of entries(lab.runs_dir).filter((name) => /^\d{4}-\d{2}$/.test(name))) {
    for (const name of entries(join(lab.runs_dir, month))) {
      const folder = join(lab.runs_dir, month, name);
      const files = entries(folder);
      let manifest;
      try {
        manifest = JSON.parse(Deno.readTextFileSync(join(folder, "run.json")));
      } catch {
        continue;
      }
      const { run_id, status, created_at, started_at, completed_at } = manifest;
      const has_success = files.includes("_SUCCESS");
      const last_ms = Math.max(
        ...[created_at, started_at, completed_at].map((time) => time ? Date.parse(time) : 0),
      );
      const is_done = status === "failed" || (status === "completed" && has_success);
      const stands = is_done
        ? status
        : status === "completed" || has_success
        ? "unfinished"
        : files.includes(".lock")
        ? (held.has(run_id) ? status : "crashed")
        : NOW_MS - last_ms >= STALE_AFTER_MS
        ? "stale"
        : status;
      const { summary, group } = manifest;
      found.set(run_id, { status: stands, summary: summary ?? {}, group });
    }
  }
  return found;
}

/** All runs, by a plain loop. */
function expectedRuns(lab: Lab, held: Map<string, RunDirectory>): Map<string, ExpectedRun> {
  const { runs: logged, said } = loggedRuns(lab);
  const folders = foldersOf(lab, held);
  const runs = new Map<string, ExpectedRun>();
  for (const run_id of new Set([...logged.keys(), ...folders.keys()])) {
    const log = logged.get(run_id);
    const folder = folders.get(run_id);
    const open = log?.started ? "running" : "pending";
    const is_stale = log && NOW_MS - log.last_ms >= STALE_AFTER_MS;
    const log_status = log?.end?.status ?? (is_stale ? "stale" : open);
    const folder_wins = folder && ([...ENDED, "unfinished"].includes(folder.status) || !log?.end);
    const own = folder?.summary ?? {};
    runs.set(run_id, {
      status: folder_wins ? folder.status : log_status,
      source: folder && log ? "both" : folder ? "folder" : "log",
      summary: Object.keys(own).length > 0 ? own : log?.end?.summary ?? {},
      is_tagged: false,
      pin: false,
      ...said.get(run_id),
      group: said.get(run_id)?.group ?? folder?.group,
    });
  }
  return runs;
}

async function json(lab: Lab, ...args: string[]) {
  const { code, stdout, stderr } = await inLab(lab, [...args, "--json"], { now_ms: () => NOW_MS });
  assertEquals([0, 3].includes(code), true, `${args.join(" ")}: ${stderr}`);
  return { rows: JSON.parse(stdout), stderr };
}

/** Holds every command that counts, lists or ranks runs against the loop. */
async function check(lab: Lab, held: Map<string, RunDirectory>): Promise<void> {
  const runs = expectedRuns(lab, held);
  const has_ended = ({ status }: { status: string }) => ENDED.includes(status);
  const known = runs.size;
  const ended = [...runs.values()].filter(has_ended).length;
  const inOrder = (rows: Members[]) =>
    rows.map(({ run_id, status, source }) => `${run_id} ${status} ${source}`).sort();
  const expected = [...runs].map(([run_id, run]) => ({ run_id, ...run }));

  const ledger = ledgerOf(lab, world());
  assertEquals(await ledger.runs.counts(), { ended, known }, "counts()");
  const all = await json(lab, "runs", "query", "--status", "any");
  assertEquals(inOrder(all.rows), inOrder(expected), "runs query --status any");
  const listed = await json(lab, "runs", "query");
  assertEquals(inOrder(listed.rows), inOrder(expected.filter(has_ended)), "runs query");
  if (known > ended) assertStringIncludes(listed.stderr, `${ended} ended of ${known} known run`);
  const { stats } = (await json(lab, "runs", "sync", "--stats")).rows;
  assertEquals([stats.total_runs, stats.known_runs], [ended, known], "runs sync --stats");
  assertEquals((await json(lab, "status")).rows.runs, { ended, known }, "status");
  for (const db of ["runs", "catalog"]) {
    const sql = "select count(*) as known from run_states";
    assertEquals((await json(lab, "query", "--db", db, sql)).rows, [{ known }], db);
  }
  assertEquals((await makeReport(ledger)).runs, known, "report");

  for (
    const [where, holds] of [
      ["'t' in tags", ({ is_tagged }) => is_tagged],
      ["group = 'g' or pin", ({ group, pin }) => group === "g" || pin],
      ["group is null and not pin", ({ group, pin }) => !group && !pin],
    ] as [string, (run: ExpectedRun) => boolean][]
  ) {
    const { rows } = await json(lab, "runs", "query", "--status", "any", "--where", where);
    assertEquals(inOrder(rows), inOrder(expected.filter(holds)), `runs query --where ${where}`);
  }

  for (const include of ["", "failed", "failed,crashed,stale,running,pending,unfinished"]) {
    const ranked = expected.filter(({ status, summary }) =>
      typeof summary[METRIC] === "number" && ["completed", ...include.split(",")].includes(status)
    ).sort((a, b) =>
      Number(b.summary[METRIC]) - Number(a.summary[METRIC]) || (a.run_id < b.run_id ? -1 : 1)
    );
    // That no run has the metric is an error, and no leaderboard.
    if (ranked.length === 0) continue;
    const args = include === "" ? [] : ["--include", include];
    const { rows } = await json(lab, "runs", "rank", "--by", METRIC, ...args);
    assertEquals(
      rows.map(({ run_id, status, value }: Members) => [run_id, status, value]),
      ranked.map(({ run_id, status, summary }) => [run_id, status, summary[METRIC]]),
      `runs rank ${args.join(" ")}`,
    );
  }
}

Deno.test(`in ${LABS} random labs, every count and leaderboard is that of a loop over lines and manifests`, async () => {
  await withSeed(async (random) => {
    for (let number = 0; number < LABS; number++) {
      using both = boxes("here", "there");
      const [here, there] = both.all;
      const lab = labOf(here);
      const held = new Map<string, RunDirectory>();
      let recorded = 0;
      for (let step = 0; step < STEPS; step++) {
        for (let turns = 3 + random.below(12); turns > 0; turns--) {
          const run_id = random.pick(RUN_IDS);
          const what = random.below(8);
          if (what <= 3) await emitSome(random, lab, run_id);
          else if (what <= 5) putSome(random, lab, run_id);
          else await recordSome(random, lab, `recorded-${recorded++}`, held);
        }
        if (random.chance(0.5)) {
          const elsewhere = labOf(there);
          const of_there = `there-${step}`;
          for (let turns = 1 + random.below(3); turns > 0; turns--) {
            await emitSome(random, elsewhere, random.chance(0.3) ? "a" : of_there);
          }
          await recordSome(random, elsewhere, `${of_there}-folder`, new Map());
          await here.pull(there, {}, { now_ms: () => NOW_MS });
        }
        const ledger = ledgerOf(lab, world());
        if (ledger.exists()) await ledger.sync();
        await ledger.runs.sync();
        await check(lab, held);
      }
      for (const run of held.values()) await run.close();
    }
  });
});
