/**
 * What there is to name, by what a definition calls it: a flag `run-id`, a positional `CORRELATION`. A
 * new command that uses these words is completed without another line.
 */
import { join } from "@std/path";
import type { World } from "../base/world.ts";
import { completed_dated_runs_max, completed_runs_max } from "../base/limits.ts";
import { recentDays, recentRunIds } from "../log/mod.ts";
import { artifactDefinition } from "../runs/artifacts/definitions.ts";
import { foldersOfRuns, idOfPath, listMonths, listRuns } from "../runs/manifest/layout.ts";
import { RUN_TYPES } from "../runs/manifest/manifest.ts";
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
  "run-type": () => [...RUN_TYPES],
  "by": metrics,
};

const SOURCES_OF_VALUES: Readonly<Record<string, CompletionSource>> = {
  "RUN": anyRuns,
  "CORRELATION": correlations,
  "DAY": days,
  "YYYY-MM-DD": days,
  "YYYY-MM": months,
  "TYPE": eventTypes,
};

/** In `runs …`, these name a run that has a folder. */
const RUN_WORDS: ReadonlySet<string> = new Set(["ID", "RUN"]);

/** Where a command's flag, or its positional, takes its value from; undefined where anything goes. */
export function sourceFor(
  command: string,
  flag: string | undefined,
  value: string,
): CompletionSource | undefined {
  const [group] = command.split(" ");
  if (group === "trace" && value === "TYPE") return tracedTypes;
  if (group === "runs" && value === "TYPE") return artifactTypes;
  if (command === "trace tree" && value === "NAME") return correlations;
  if (flag !== undefined && Object.hasOwn(SOURCES_OF_FLAGS, flag)) return SOURCES_OF_FLAGS[flag];
  const is_run = flag === undefined && RUN_WORDS.has(value);
  if (is_run && /^(runs|catalog-query|report)$/.test(group)) return runFolders;
  return Object.hasOwn(SOURCES_OF_VALUES, value) ? SOURCES_OF_VALUES[value] : undefined;
}

/** Runs that have a folder, the last month's first, and within it the one written to last. */
function runFolders(world: World, folders: Folders, typed: string): string[] {
  const { dir } = openFor(world, folders).runs;
  const run_ids: string[] = [];
  for (const month of foldersOfRuns(world.files, dir).reverse()) {
    const of_month = listRuns(world.files, dir, month)
      .map((path) => ({ path, run_id: idOfPath(path)! }))
      .filter(({ run_id }) => run_id.startsWith(typed));
    if (of_month.length <= completed_dated_runs_max) {
      const written_ms = new Map(of_month.map(({ path }) => [
        path,
        world.files.facts(join(dir, path))?.modified_ms ?? 0,
      ]));
      of_month.sort((a, b) => written_ms.get(b.path)! - written_ms.get(a.path)!);
    }
    run_ids.push(...of_month.map(({ run_id }) => run_id));
    if (run_ids.length >= completed_runs_max) break;
  }
  return run_ids;
}

/** The runs that the log named last, and those that have a folder. */
function anyRuns(world: World, folders: Folders, typed: string): string[] {
  const { dir } = openFor(world, folders);
  const logged = recentRunIds(world.files, dir).filter((run_id) => run_id.startsWith(typed));
  return [...new Set([...logged, ...runFolders(world, folders, typed)])];
}

async function artifactTypes(world: World, folders: Folders): Promise<string[]> {
  return (await openFor(world, folders).runs.artifactTypes()).names();
}

function eventTypes(world: World, folders: Folders): string[] {
  return openFor(world, folders).registry.names();
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
