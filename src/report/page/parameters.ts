/** What a run was made with: its parameters, as far as they tell runs apart, and its code. */
import { report_name_chars_max } from "../../base/limits.ts";
import type { RunDetails } from "../gather/data.ts";
import { identifier, type Piece } from "./markup.ts";

/** Values by the paths that lead to them. */
function leavesOf(value: unknown, path = ""): [path: string, value: unknown][] {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return [[path, value]];
  return Object.entries(value).flatMap(([name, member]) =>
    leavesOf(member, path === "" ? name : `${path}.${name}`)
  );
}

/** The parameters in which some runs differ; of one run, all that it has. */
export function parametersOf(runs: readonly RunDetails[]): (run: RunDetails) => Piece {
  const values = new Map<string, Set<string>>();
  const texts = new Map(runs.map((run) => [
    run,
    new Map(leavesOf(run.params ?? {}).map(([path, value]) => [path, textOf(value)])),
  ]));
  for (const path of new Set([...texts.values()].flatMap((of_run) => [...of_run.keys()]))) {
    values.set(path, new Set([...texts.values()].map((of_run) => of_run.get(path) ?? "")));
  }
  const differing = [...values].filter(([, values]) => runs.length === 1 || values.size > 1)
    .map(([path]) => path);
  return (run) => {
    const of_run = texts.get(run)!;
    const shown = differing.filter((path) => of_run.has(path))
      .map((path) => `${path}=${of_run.get(path)}`).join(" ");
    return shown && identifier(shown, report_name_chars_max);
  };
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** The commit that made a run, with what is to be said of it. */
export function codeOf({ git_commit, git_branch, git_dirty }: RunDetails): Piece {
  if (!git_commit) return null;
  const words = [git_commit.slice(0, 10), git_branch, git_dirty && "with changes"];
  return identifier(words.filter(Boolean).join(" "), 60);
}
