/**
 * Adapter to git: what it says of the working folder. Of the programs that a repository's settings can
 * name (hooks, pagers, watchers of files, converters for diffs, transports) none is run; only clean
 * filters are, since git cannot compare files without them.
 */
import { join, relative, resolve } from "@std/path";
import { changed_files_listed_max, git_bytes_max, git_wait_ms } from "../../base/limits.ts";
import type { ProgramEnd, World } from "../../base/world.ts";
import { isPathBelow } from "../manifest/manifest.ts";
import { maskUrl } from "./secrets.ts";

const SETTINGS = [
  "core.fsmonitor=false",
  "core.hooksPath=/dev/null",
  "submodule.recurse=false",
  // One that is not there would keep git from every answer.
  "diff.orderFile=/dev/null",
];
const ENVIRONMENT = {
  // A look is not in the way of a commit, and nothing is fetched for it.
  GIT_OPTIONAL_LOCKS: "0",
  GIT_NO_LAZY_FETCH: "1",
  GIT_ALLOW_PROTOCOL: "none",
  GIT_TERMINAL_PROMPT: "0",
  GIT_DIFF_OPTS: "",
};

const EMPTY_TREES: Readonly<Record<string, string>> = {
  sha1: "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
  sha256: "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
};

/** Runs git; undefined where there is none, or it fails. */
async function git(world: World, args: readonly string[]): Promise<ProgramEnd | undefined> {
  const all = ["--no-pager", ...SETTINGS.flatMap((setting) => ["-c", setting]), ...args];
  const bounds = { env: ENVIRONMENT, bytes_max: git_bytes_max, wait_ms: git_wait_ms };
  const end = await world.runProgram("git", all, bounds);
  return end && (end.ok || end.is_cut) ? end : undefined;
}

function linesOf(end: ProgramEnd | undefined, by: string): string[] {
  const lines = new TextDecoder().decode(end?.stdout ?? new Uint8Array()).split(by);
  // What stands behind the last separator is nothing, or was cut off.
  return lines.slice(0, -1);
}

/** A repository, and where in it the working folder is. */
export interface Repository {
  /** Its top folder. */
  top: string;
  /** The working folder, below the top: empty there. */
  folder: string;
  /** Where its objects are. */
  git_dir: string;
  object_format: string;
  /** Whether its files are those around its own folder: `core.worktree` may name any others. */
  is_plain: boolean;
}

/** The repository that the working folder is in. */
export async function findRepository(world: World): Promise<Repository | undefined> {
  const asked = "--show-toplevel --show-prefix --git-common-dir --show-object-format".split(" ");
  const [top, folder, git_dir, object_format] = linesOf(
    await git(world, ["rev-parse", ...asked]),
    "\n",
  );
  if (!object_format) return undefined;
  return {
    top,
    folder: folder.replace(/\/$/, ""),
    git_dir: resolve(world.cwd(), git_dir),
    // An older git does not know the question, and has but one format.
    object_format: Object.hasOwn(EMPTY_TREES, object_format) ? object_format : "sha1",
    is_plain: world.files.facts(join(top, ".git")) !== undefined,
  };
}

/** What git says of the state of a working folder. */
export interface GitStatus {
  commit?: string;
  branch?: string;
  /** Paths below the top of what git knows, and is not as it was committed. */
  changed: string[];
  untracked: string[];
  /** Files marked assume-unchanged or skip-worktree: git does not list their changes above. */
  unwatched: string[];
  /** Repositories in this one, with changes of their own. */
  submodules: string[];
  /** Whether there is more than was read. */
  is_cut: boolean;
}

/** The state of the repository, without what lies in folders of `except`. */
export async function readStatus(
  world: World,
  { folder }: Pick<Repository, "folder">,
  except: readonly string[],
  untracked: "all" | "no" = "all",
): Promise<GitStatus | undefined> {
  const below = except.map((path) =>
    join(folder, relative(world.cwd(), resolve(world.cwd(), path)))
  )
    .filter((path) => path !== "." && isPathBelow(path));
  const ask = (submodules: "none" | "all") =>
    git(world, [
      ...["status", "--porcelain=v2", "--branch", "-z", "--no-renames", "--no-ahead-behind"],
      ...[`--untracked-files=${untracked}`, `--ignore-submodules=${submodules}`, "--", ":(top)"],
      ...below.map((path) => `:(top,exclude,literal)${path}`),
    ]);
  // A damaged repository within hides nothing of the one around it.
  const end = await ask("none") ?? await ask("all");
  if (!end) return undefined;
  const status: GitStatus = {
    changed: [],
    untracked: [],
    unwatched: [],
    submodules: [],
    is_cut: end.is_cut,
  };
  for (const line of linesOf(end, "\0")) {
    const [kind, ...words] = line.split(" ");
    const rest = (from: number) => words.slice(from).join(" ");
    if (line.startsWith("# branch.oid ") && words[1] !== "(initial)") status.commit = words[1];
    else if (line.startsWith("# branch.head ") && rest(1) !== "(detached)") status.branch = rest(1);
    else if (kind === "?") status.untracked.push(rest(0));
    else if (kind === "1" || kind === "u") {
      const path = rest(kind === "1" ? 7 : 9);
      (words[1].startsWith("S") ? status.submodules : status.changed).push(path);
    }
  }
  return status;
}

/** Files marked assume-unchanged or skip-worktree that are there: a sparse checkout lacks some on purpose. */
export async function readUnwatched(world: World, { top }: Repository): Promise<string[]> {
  const end = await git(world, ["-C", top, "ls-files", "-v", "-z"]);
  return linesOf(end, "\0").filter((line) => /^[a-zS] /.test(line)).map((line) => line.slice(2))
    .slice(0, changed_files_listed_max)
    .filter((path) => world.files.linkFacts(join(top, path))?.is_file);
}

/** What the settings say of where it was cloned from, and which filters git runs by itself. */
export async function readSettings(
  world: World,
): Promise<{ remotes: Record<string, string>; filters: string[]; masked: number }> {
  const wanted = "^(remote\\..*\\.url|filter\\..*\\.(clean|process))$";
  const remotes: Record<string, string> = {};
  const filters = new Set<string>();
  let masked = 0;
  for (const line of linesOf(await git(world, ["config", "-z", "--get-regexp", wanted]), "\0")) {
    const [name, ...value] = line.split("\n");
    const [, kind, of] = /^(remote|filter)\.([\s\S]*)\.\w+$/.exec(name) ?? [];
    if (kind === "filter") filters.add(of);
    if (kind !== "remote") continue;
    const url = maskUrl(value.join("\n"));
    masked += url.masked;
    remotes[of] = url.text;
  }
  return { remotes, filters: [...filters], masked };
}

/**
 * What is changed in files that git knows, as a patch of the commit; nothing yet committed is all new.
 * Undefined where git cannot tell: objects may be missing, which were never fetched.
 */
export async function readDiff(
  world: World,
  { object_format }: Repository,
  { commit }: GitStatus,
): Promise<ProgramEnd | undefined> {
  return await git(world, [
    // Whatever settings say of the form of a diff: this one.
    ...["-c", "diff.suppressBlankEmpty=false", "-c", "core.quotePath=false"],
    ...["diff", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames", "--full-index"],
    ...["--src-prefix=a/", "--dst-prefix=b/", "--unified=3", "--inter-hunk-context=0"],
    ...["--ignore-submodules=all", "--no-relative", "--ws-error-highlight=none"],
    ...[commit ?? EMPTY_TREES[object_format], "--", ":(top)"],
  ]);
}

/** Whether a repository still has a commit. */
export async function hasCommit(world: World, git_dir: string, commit: string): Promise<boolean> {
  return await git(world, [`--git-dir=${git_dir}`, "cat-file", "-e", commit]) !== undefined;
}
