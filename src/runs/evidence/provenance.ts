/** Provenance: the state of the code that a run was made with, as git knows it. */
import { systemWorld, type World } from "../../base/world.ts";

/** The commit of the working folder. */
export interface GitProvenance {
  git_commit?: string;
  git_branch?: string;
  /** Whether files that git knows were changed. */
  git_dirty?: boolean;
}

/** Asks git about the working folder; empty where there is no git, or no repository. */
export async function getGitProvenance(world: World = systemWorld()): Promise<GitProvenance> {
  // One call for all three. Untracked files say nothing about the code: the runs themselves are such.
  // Without optional locks a look is not in the way of a commit.
  const args = "--no-optional-locks status --porcelain=v2 --branch --untracked-files=no".split(" ");
  const git = await world.runProgram("git", args);
  if (!git?.ok) return {};
  const lines = git.stdout.split("\n").filter(Boolean);
  const header = (name: string) =>
    lines.find((line) => line.startsWith(`# ${name} `))?.slice(name.length + 3);
  const commit = header("branch.oid");
  const branch = header("branch.head");
  return {
    ...(commit && commit !== "(initial)" ? { git_commit: commit } : {}),
    ...(branch && branch !== "(detached)" ? { git_branch: branch } : {}),
    git_dirty: lines.some((line) => !line.startsWith("#")),
  };
}
