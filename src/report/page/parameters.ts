/** What a run was made with: its parameters, as far as they tell runs apart, and its code. */
import { leavesOf } from "../../base/json.ts";
import { report_name_chars_max } from "../../base/limits.ts";
import type { RunDetails } from "../gather/data.ts";
import { identifier, type Piece } from "./markup.ts";

/** The parameters in which some runs differ; of one run, all that it has. */
export function parametersOf(runs: readonly RunDetails[]): (run: RunDetails) => Piece {
  const all = runs.map(textsOf);
  const paths = [...new Set(all.flatMap((texts) => [...texts.keys()]))];
  const differing = paths.filter((path) =>
    runs.length === 1 || new Set(all.map((texts) => texts.get(path))).size > 1
  );
  return (run) => {
    const texts = textsOf(run);
    const shown = differing.filter((path) => texts.has(path))
      .map((path) => `${path}=${texts.get(path)}`).join(" ");
    return shown && identifier(shown, report_name_chars_max);
  };
}

/** A run's parameters as text, by the paths that lead to them. */
function textsOf({ params }: RunDetails): Map<string, string> {
  return new Map(leavesOf(params).map(([way, value]) => [way.join("."), textOf(value)]));
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
