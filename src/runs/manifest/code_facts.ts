/**
 * What a manifest says of the code that made a run, as far as it can be trusted: a manifest may come from
 * anywhere, so members that are not what they have to be count as not there.
 */
import { RUN_FILES } from "./layout.ts";
import { type Check, isCount, isObject, isText, objectOf, type RunManifest } from "./manifest.ts";

/** A file, and the digest that tells whether it still has the same bytes. */
interface FileDigest {
  path: string;
  bytes: number;
  sha256: string;
}

/** The member `code` of a manifest. */
export interface CodeFacts {
  /** The top folder of the repository; absent where there was none, or git was not asked. */
  repository?: string;
  /** Where its objects are. */
  git_dir?: string;
  remotes?: Record<string, string>;
  /** How many files that git knows were changed, and how many it does not know. */
  changed?: number;
  untracked?: number;
  /** Repositories within, with changes that were not kept. */
  submodules?: string[];
  has_submodules?: boolean;
  /** Clean filters that the settings name: git runs them by itself when it compares files. */
  filters?: string[];
  /** The changes, as far as they could be kept. */
  patch?: FileDigest & { masked_lines: number };
  /** The list of changed and untracked files, a line for each, and how many of them the patch lacks. */
  files?: FileDigest & { left_out: number };
  lock_files?: FileDigest[];
  /** The folder that it was started in. */
  cwd?: string;
  argv?: string[];
  host?: string;
  system?: string;
  cores?: number;
  versions?: Record<string, string>;
  seed?: string | number;
  /** Variables that change what a program computes. */
  env?: Record<string, string>;
  /** How many words, and users of URLs, were masked: they looked like secrets. */
  masked?: number;
}

/** The variables that are noted: each changes numbers, and none is a secret. */
export const NOTED_VARIABLES = [
  "CUBLAS_WORKSPACE_CONFIG",
  "CUDA_VISIBLE_DEVICES",
  "LANG",
  "LC_ALL",
  "MKL_NUM_THREADS",
  "OMP_NUM_THREADS",
  "OPENBLAS_NUM_THREADS",
  "PYTHONHASHSEED",
  "TZ",
] as const;

const isTexts: Check = (value) => Array.isArray(value) && value.every(isText);
const areTexts: Check = (value) => objectOf(isText)(value);
const isFile: Check = (value) =>
  isObject(value) && isText(value.path) && isCount(value.bytes) &&
  /^[0-9a-f]{64}$/.test(String(value.sha256));

const CHECKS: { [Name in keyof Required<CodeFacts>]: Check } = {
  repository: isText,
  git_dir: isText,
  remotes: areTexts,
  changed: isCount,
  untracked: isCount,
  submodules: isTexts,
  has_submodules: (value) => typeof value === "boolean",
  filters: isTexts,
  // The names are ours: one that leads elsewhere is none.
  patch: (value) =>
    isFile(value) && (value as FileDigest).path === RUN_FILES.patch &&
    isCount((value as { masked_lines?: unknown }).masked_lines),
  files: (value) =>
    isFile(value) && (value as FileDigest).path === RUN_FILES.changed_files &&
    isCount((value as { left_out?: unknown }).left_out),
  lock_files: (value) => Array.isArray(value) && value.every(isFile),
  cwd: isText,
  argv: isTexts,
  host: isText,
  system: isText,
  cores: isCount,
  versions: areTexts,
  seed: (value) => isText(value) || typeof value === "number",
  env: (value) =>
    areTexts(value) &&
    Object.keys(value as object).every((name) =>
      (NOTED_VARIABLES as readonly string[]).includes(name)
    ),
  masked: isCount,
};

/** What a manifest says of its code. */
export function codeOf({ code }: Pick<RunManifest, "code">): CodeFacts {
  if (!isObject(code)) return {};
  const right = Object.entries(CHECKS).filter(([name, isRight]) => isRight(code[name]));
  return Object.fromEntries(right.map(([name]) => [name, code[name]]));
}

/** The files that hold the evidence of its code, below the run's folder. */
export function evidenceFiles(manifest: Pick<RunManifest, "code">): FileDigest[] {
  const { patch, files } = codeOf(manifest);
  return [patch, files].filter((file) => file !== undefined);
}
