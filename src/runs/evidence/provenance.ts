/** Which state of the code a run was made with. */
import { systemWorld, type World } from "../../base/world.ts";

/** What git says of the folder that a program works in. */
export interface GitProvenance {
  git_commit?: string;
  git_branch?: string;
  /** Whether files that git knows were changed. */
  git_dirty?: boolean;
}

/** Asks git about the working folder; empty where there is no git, or no repository. */
export async function getGitProvenance(world: World = systemWorld()): Promise<GitProvenance> {
  // All three in one go. Files that git does not know say nothing about the code: the runs
  // themselves are such files.
  // Without optional locks: a look must not be in the way of somebody who commits.
  const args = [
    "--no-optional-locks",
    "status",
    "--porcelain=v2",
    "--branch",
    "--untracked-files=no",
  ];
  const git = await world.runProgram("git", args);
  if (!git?.ok) return {};
  const lines = git.stdout.split("\n").filter(Boolean);
  const told = (name: string) =>
    lines.find((line) => line.startsWith(`# ${name} `))?.slice(name.length + 3);
  const commit = told("branch.oid");
  const branch = told("branch.head");
  return {
    ...(commit && commit !== "(initial)" ? { git_commit: commit } : {}),
    ...(branch && branch !== "(detached)" ? { git_branch: branch } : {}),
    git_dirty: lines.some((line) => !line.startsWith("#")),
  };
}
