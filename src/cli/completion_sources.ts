/**
 * What there is to name, by what a definition calls it: a flag `run-id`, a positional `CORRELATION`. A
 * new command that uses these words is completed without another line.
 */
import { join } from "@std/path";
import { asLedgerError } from "../base/error.ts";
import type { World } from "../base/world.ts";
import {
  completed_dated_runs_max,
  completed_manifests_max,
  completed_runs_max,
} from "../base/limits.ts";
import { recentDays, recentEvents, recentRunIds } from "../log/mod.ts";
import { artifactDefinition } from "../runs/artifacts/definitions.ts";
import { foldersOfRuns, idOfPath, listMonths, listRuns } from "../runs/manifest/layout.ts";
import { ManifestFile, RUN_TYPES } from "../runs/manifest/manifest.ts";
import type { Folders } from "./flags.ts";
import { openFor } from "./open.ts";

/** What is there, the newest first where there is a newest. It may throw: then nothing is offered. */
export type CompletionSource = (
  world: World,
  folders: Folders,
  typed: string,
) => string[] | Promise<string[]>;

const SOURCES_OF_FLAGS: Readonly<Record<string, CompletionSource>> = {
  "run-id": anyRuns,
  "artifact-type": artifactTypes,
  "correlation": correlations,
  "correlation-id": correlations,
  "event-type": eventTypes,
  "group": groups,
  "run-type": () => [...RUN_TYPES],
  "by": metrics,
};

const SOURCES_OF_VALUES: Readonly<Record<string, CompletionSource>> = {
  "RUN": anyRuns,
  "GROUP": groups,
  "TAG": tags,
  "CORRELATION": correlations,
  "DAY": days,
  "YYYY-MM-DD": days,
  "YYYY-MM": months,
  "TYPE": eventTypes,
};

const RUN_WORDS: ReadonlySet<string> = new Set(["ID", "RUN"]);

/** These want a run that has a folder. */
const ABOUT_FOLDERS = /^(runs (write|attach|log|rerun|verify)|catalog-query)$/;

/** Where a command's flag, or its positional, takes its value from; undefined where anything goes. */
export function sourceFor(
  command: string,
  flag: string | undefined,
  value: string,
  rest: readonly string[],
): CompletionSource | undefined {
  const [group] = command.split(" ");
  if (group === "schema" && value === "TYPE" && rest.includes("--artifact")) return registeredTypes;
  if (group === "trace" && value === "TYPE") return tracedTypes;
  if (group === "runs" && value === "TYPE") return artifactTypes;
  if (command === "trace tree" && value === "NAME") return correlations;
  if (flag !== undefined && Object.hasOwn(SOURCES_OF_FLAGS, flag)) return SOURCES_OF_FLAGS[flag];
  const is_run = flag === undefined && RUN_WORDS.has(value);
  if (is_run && ABOUT_FOLDERS.test(command)) return runFolders;
  if (is_run && /^(runs|report)$/.test(group)) return anyRuns;
  return Object.hasOwn(SOURCES_OF_VALUES, value) ? SOURCES_OF_VALUES[value] : undefined;
}

/** Runs that have a folder, after the names of runs, which stand for their ids. */
function runFolders(world: World, folders: Folders, typed: string): string[] {
  return [...names(world, folders), ...foldersFor(world, folders, typed).map(({ id }) => id)];
}

/** The runs that the log named last, and those that have a folder. */
function anyRuns(world: World, folders: Folders, typed: string): string[] {
  const { dir } = openFor(world, folders);
  const logged = recentRunIds(world.files, dir).filter((run_id) => run_id.startsWith(typed));
  const in_folders = foldersFor(world, folders, typed).map(({ id }) => id);
  return [...new Set([...names(world, folders), ...logged, ...in_folders])];
}

/** The last month's folders first, and within it the one written to last. */
function foldersFor(
  world: World,
  folders: Folders,
  typed: string,
): { path: string; id: string }[] {
  const { dir } = openFor(world, folders).runs;
  const runs: { path: string; id: string }[] = [];
  for (const month of foldersOfRuns(world.files, dir).reverse()) {
    const of_month = listRuns(world.files, dir, month)
      .map((path) => ({ path, id: idOfPath(path)! }))
      .filter(({ id }) => id.startsWith(typed));
    if (of_month.length <= completed_dated_runs_max) {
      const written_ms = new Map(of_month.map(({ path }) => [
        path,
        world.files.facts(join(dir, path))?.modified_ms ?? 0,
      ]));
      of_month.sort((a, b) => written_ms.get(b.path)! - written_ms.get(a.path)!);
    }
    runs.push(...of_month);
    if (runs.length >= completed_runs_max) break;
  }
  return runs;
}

/** What people said of runs lately; what was said last comes first. */
function said(world: World, folders: Folders, ...types: string[]) {
  return recentEvents(world.files, openFor(world, folders).dir, types);
}

/** The names of runs: of each run the last one. */
function names(world: World, folders: Folders): string[] {
  const named = new Map<unknown, string>();
  for (const { run_id, name } of said(world, folders, "run.annotated")) {
    if (typeof name === "string" && !named.has(run_id)) named.set(run_id, name);
  }
  return [...named.values()];
}

function tags(world: World, folders: Folders): string[] {
  const all = said(world, folders, "run.annotated").flatMap(({ tags }) => tags as string[] ?? []);
  return [...new Set(all)];
}

/** The groups that the log named last, and those of the latest runs that have a folder. */
function groups(world: World, folders: Folders): string[] {
  const { dir } = openFor(world, folders).runs;
  const logged = said(world, folders, "run.annotated", "run.created").map(({ group }) => group);
  const created = foldersFor(world, folders, "").slice(0, completed_manifests_max)
    .map(({ path, id }) => groupOf(new ManifestFile(world, join(dir, path), id)));
  return [...new Set([...logged, ...created])].filter((group) => typeof group === "string");
}

function groupOf(file: ManifestFile): string | undefined {
  try {
    return file.read().group;
  } catch (error) {
    if (!asLedgerError(error)) throw error;
  }
}

async function artifactTypes(world: World, folders: Folders): Promise<string[]> {
  return (await openFor(world, folders).runs.artifactTypes()).names();
}

function eventTypes(world: World, folders: Folders): string[] {
  return openFor(world, folders).registry.names();
}

function registeredTypes(world: World, folders: Folders): string[] {
  return [...openFor(world, folders).registry.artifacts.keys()];
}

async function tracedTypes(world: World, folders: Folders): Promise<string[]> {
  const { storedTypes } = await import("../trace/store/recent.ts");
  const { CRITICAL_TYPES } = await import("../trace/event/event.ts");
  const stored = storedTypes(world.files, openFor(world, folders).traces.dir);
  return [...new Set([...stored, ...CRITICAL_TYPES])];
}

async function correlations(world: World, folders: Folders): Promise<string[]> {
  const { recentCorrelations } = await import("../trace/store/recent.ts");
  return await recentCorrelations(world, openFor(world, folders).traces.dir);
}

function days(world: World, folders: Folders): string[] {
  return recentDays(world.files, openFor(world, folders).dir);
}

function months(world: World, folders: Folders): string[] {
  return listMonths(world.files, openFor(world, folders).runs.dir).reverse();
}

function metrics(): string[] {
  return artifactDefinition("summary").columns
    .filter(({ type }) => type === "int64" || type === "double").map(({ name }) => name);
}
