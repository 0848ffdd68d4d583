/**
 * Provenance: the code that a run is made with. Commit, branch and changes as git knows them, files that
 * git does not know, lock files, the command line and the machine, all without secrets.
 */
import { dirname, join } from "@std/path";
import { buildFacts, runsDir } from "../../base/build.ts";
import { asLedgerError } from "../../base/error.ts";
import { digestOf } from "../../base/files/checksum.ts";
import {
  blocksOfFile,
  makeFolderDurably,
  PRIVATE_MODE,
  replaceFile,
} from "../../base/files/durable.ts";
import { openRegular } from "../../base/files/outside.ts";
import { systemWorld, uniqueName, type World } from "../../base/world.ts";
import { type CodeFacts, NOTED_VARIABLES } from "../manifest/code_facts.ts";
import { RUN_FILES } from "../manifest/layout.ts";
import { ChangesReader, type EvidenceFile } from "./changes.ts";
import {
  findRepository,
  type GitStatus,
  readSettings,
  readStatus,
  readUnwatched,
  type Repository,
} from "./git.ts";
import { isLockFile } from "./patch.ts";
import { maskPath, maskWords } from "./secrets.ts";

/** The commit of the working folder. */
export interface GitProvenance {
  git_commit?: string;
  git_branch?: string;
  /** Whether files that git knows were changed, or there are files that it does not know. */
  git_dirty?: boolean;
}

/** What is asked of the code of a run that begins. */
export interface CodeRequest {
  /** Whether git is asked. Default: it is. */
  git?: boolean;
  /** Whether changes are kept beside the manifest. Default: they are. */
  code?: boolean;
  /** The command line that makes the run; none, if empty. Default: that of this process. */
  argv?: readonly string[];
  /** Files that it reads, from the root on: they are no code. */
  inputs?: readonly string[];
  /** Versions of what it computes with. */
  versions?: Readonly<Record<string, string>>;
  seed?: string | number;
  /** Gets what keeps the code from being noted. */
  onNotice?: (message: string) => void;
}

/** The evidence of a run's code, and the files that belong to it, below the run's folder. */
interface CollectedCode {
  git: GitProvenance;
  code: CodeFacts;
  files: EvidenceFile[];
}

/** Asks git about the working folder; empty where there is no git, or no repository. */
export async function getGitProvenance(world: World = systemWorld()): Promise<GitProvenance> {
  const own = [world.env("LEDGER_DIR") || buildFacts().ledger_dir, runsDir(world)];
  const repository = await findRepository(world);
  const status = repository && await readStatus(world, repository, own);
  return status ? gitFacts(status) : {};
}

function gitFacts({ commit, branch, changed, untracked, submodules }: GitStatus): GitProvenance {
  return {
    ...(commit ? { git_commit: commit } : {}),
    ...(branch ? { git_branch: maskPath(branch) } : {}),
    git_dirty: changed.length + untracked.length + submodules.length > 0,
  };
}

/** Collects the evidence of the code in the working folder, without what lies in the ledger's own folders. */
export async function collectCode(
  world: World,
  own_folders: readonly string[],
  {
    git = true,
    code: is_kept = true,
    argv = world.commandLine(),
    inputs = [],
    versions,
    seed,
    onNotice,
  }: CodeRequest,
): Promise<CollectedCode> {
  const repository = git ? await findRepository(world) : undefined;
  const unanswered = git && !repository && nearestRepository(world);
  if (unanswered) {
    onNotice?.(
      `the code is not noted: git gives no answer about ${unanswered} (git status says why)`,
    );
  }
  const [status, settings, unwatched] = repository
    ? await Promise.all([
      readStatus(world, repository, own_folders, repository.is_plain ? "all" : "no"),
      readSettings(world),
      repository.is_plain ? readUnwatched(world, repository) : [],
    ])
    : [];
  if (status && unwatched) status.unwatched = unwatched;
  if (repository && status && inputs.length > 0) {
    const paths = new Set(inputs);
    status.untracked = status.untracked.filter((path) => !paths.has(join(repository.top, path)));
  }
  const words = maskWords(argv);
  let masked = words.masked + (settings?.masked ?? 0);
  const env: Record<string, string> = {};
  for (const name of NOTED_VARIABLES) {
    const value = world.env(name);
    if (!value) continue;
    const shown = maskWords([value]);
    masked += shown.masked;
    env[name] = shown.words[0];
  }
  const { remotes = {}, filters = [] } = settings ?? {};
  const code: CodeFacts = {
    ...(repository && status
      ? {
        repository: repository.top,
        git_dir: repository.git_dir,
        ...(Object.keys(remotes).length > 0 ? { remotes } : {}),
        changed: status.changed.length,
        untracked: status.untracked.length,
        ...(status.submodules.length > 0 ? { submodules: status.submodules } : {}),
        ...(world.files.facts(join(repository.top, ".gitmodules")) ? { has_submodules: true } : {}),
        ...(filters.length > 0 ? { filters } : {}),
      }
      : {}),
    lock_files: lockFiles(world, repository),
    cwd: repository ? join(repository.top, repository.folder) : world.cwd(),
    ...(argv.length > 0 ? { argv: words.words } : {}),
    host: world.hostname(),
    ...world.machine(),
    ...(versions ? { versions: { ...versions } } : {}),
    ...(seed === undefined ? {} : { seed }),
    ...(Object.keys(env).length > 0 ? { env } : {}),
    ...(masked > 0 ? { masked } : {}),
  };
  const kept = repository && status
    ? await new ChangesReader(world, repository, status, {
      is_kept,
      has_filters: filters.length > 0,
    }).read()
    : { files: [] };
  return {
    git: status ? gitFacts(status) : {},
    code: { ...code, ...kept.facts },
    files: kept.files,
  };
}

/** The folder of a repository that the working folder lies in, as far as can be seen without git. */
function nearestRepository(world: World): string | undefined {
  for (let folder = world.cwd(); dirname(folder) !== folder; folder = dirname(folder)) {
    if (world.files.facts(join(folder, ".git"))) return folder;
  }
}

/** Digests of the lock files of the working folder, and of those above it in the repository. */
function lockFiles(world: World, repository?: Repository): CodeFacts["lock_files"] {
  const above = (repository?.folder ?? "").split("/").filter(Boolean);
  const folders = ["", ...above.map((_, index) => "../".repeat(index + 1))];
  const orNothing = <Found>(look: () => Found[]): Found[] => {
    try {
      return look();
    } catch (error) {
      if (!asLedgerError(error)) throw error;
      return [];
    }
  };
  return folders.flatMap((folder) => {
    const there = orNothing(() => world.files.list(join(world.cwd(), folder)) ?? []);
    const names = there.filter(({ name, is_file }) => is_file && isLockFile(name));
    return names.map(({ name }) => `${folder}${name}`).sort().flatMap((path) =>
      orNothing(() => {
        using file = openRegular(world.files, join(world.cwd(), path));
        return [{ path, bytes: file.facts().size_bytes, sha256: digestOf(blocksOfFile(file)) }];
      })
    );
  });
}

/** Writes the files of the evidence, and removes those of a process that was killed before its run began. */
export function writeEvidence(
  world: World,
  folder: string,
  files: EvidenceFile[],
): void {
  for (const path of [RUN_FILES.patch, RUN_FILES.changed_files]) {
    const bytes = files.find((file) => file.path === path)?.bytes;
    const target = join(folder, path);
    if (!bytes) {
      if (world.files.facts(target)) world.files.remove(target);
      continue;
    }
    makeFolderDurably(world.files, dirname(target));
    const mode = path === RUN_FILES.patch ? PRIVATE_MODE : undefined;
    replaceFile(world.files, target, bytes, uniqueName(world), mode);
  }
}
