/**
 * `run.json`: what a run is, where it came from, and what it left. The manifest is the truth about a
 * run; the catalog is derived from it. What we do not know in it is kept as it is.
 */
import { LedgerError, quoted } from "../base/error.ts";
import { parseKeepingDigits } from "../base/json.ts";
import { isOfKind } from "../log/mod.ts";

/** The kinds of runs there are. */
export const RUN_TYPES = ["path-only", "policy", "optimization", "full"] as const;
/** A kind of run. */
export type RunType = (typeof RUN_TYPES)[number];

/** How a run can stand, as its manifest says. */
export const RUN_STATUSES = ["pending", "running", "completed", "failed"] as const;
/** How a run stands. */
export type RunStatus = (typeof RUN_STATUSES)[number];

/** The versions that new manifests say. */
export const SCHEMA_VERSION = { manifest: "1.0.0", artifacts: "1.0.0" } as const;
/** Manifests of a later major version are refused: they may mean something else. */
const MAJOR_VERSION = 1;

/** The steps whose durations a manifest holds. */
export const TIMED_STEPS = [
  "plan",
  "coverage",
  "slice",
  "execution",
  "optimization",
  "total",
] as const;

/** A file with results. */
export interface ArtifactEntry {
  rows: number;
  /** Below the run's folder. */
  path: string;
  bytes?: number;
  sha256?: string;
}

/** What a manifest says. */
export interface RunManifest {
  run_id: string;
  run_type: string;
  created_at: string;
  started_at?: string;
  completed_at?: string;
  status: RunStatus;
  git_commit?: string;
  git_branch?: string;
  git_dirty?: boolean;
  dataset: { from?: string; to?: string; interval?: string; calls_count?: number };
  data_fingerprint?: string;
  parameters: Record<string, unknown>;
  schema_version: { manifest: string; artifacts: string };
  artifacts: Record<string, ArtifactEntry>;
  /** `plan_ms`, `coverage_ms`, … */
  timing?: Record<string, number>;
  logs?: { stdout?: string; stderr?: string };
  owner?: { host: string; pid: number };
  /** The row of the summary artifact, so that nobody has to open a file for it. */
  summary?: Record<string, unknown>;
  /** Why the run failed. */
  error?: string;
  /** Of a later minor version, or another program. */
  [unknown: string]: unknown;
}

/** The manifest as text for people. */
export function manifestText(manifest: RunManifest): string {
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}

/** Reads a manifest, or says what is wrong with it. */
export function parseManifest(text: string, path: string, folder_id?: string): RunManifest {
  let parsed: unknown;
  try {
    parsed = parseKeepingDigits(text);
  } catch (error) {
    throw bad(path, `it is not JSON: ${(error as Error).message}`);
  }
  if (!isObject(parsed)) throw bad(path, "it is not a JSON object");
  checkVersion(parsed, path);
  for (const [field, isRight, expected] of RULES) {
    const value = parsed[field];
    if (!isRight(value)) {
      throw bad(
        path,
        value === undefined
          ? `${field} is missing`
          : `${field} is ${quoted(value)}; it has to be ${expected}`,
      );
    }
  }
  if (folder_id !== undefined && parsed.run_id !== folder_id) {
    throw bad(path, `run_id is ${quoted(parsed.run_id)}, and its folder is that of ${folder_id}`);
  }
  const manifest = parsed as RunManifest;
  manifest.dataset ??= {};
  manifest.parameters ??= {};
  manifest.artifacts ??= {};
  return manifest;
}

function checkVersion(parsed: Record<string, unknown>, path: string): void {
  const version = isObject(parsed.schema_version) ? parsed.schema_version.manifest : undefined;
  if (version === undefined) return;
  const major = typeof version === "string" ? Number(version.split(".")[0]) : Number(version);
  if (Number.isInteger(major) && major <= MAJOR_VERSION) return;
  throw new LedgerError({
    code: "newer_format",
    message: `${path} is of manifest version ${
      quoted(version)
    }; this program reads ${MAJOR_VERSION}.x`,
    where: { path },
    hint: "use a newer version of this program for it",
  });
}

type Rule = [field: string, isRight: (value: unknown) => boolean, expected: string];

const isTime = (value: unknown) => typeof value === "string" && !Number.isNaN(Date.parse(value));
const isText = (value: unknown) => typeof value === "string";
const isMillis = (value: unknown) => typeof value === "number" && Number.isFinite(value);
const optional = (isRight: (value: unknown) => boolean) => (value: unknown) =>
  value === undefined || value === null || isRight(value);

const RULES: readonly Rule[] = [
  ["run_id", (value) => isOfKind("run_id", value), "a run id"],
  ["run_type", (value) => isText(value) && value !== "", "a text"],
  ["created_at", isTime, "an ISO time"],
  ["started_at", optional(isTime), "an ISO time"],
  ["completed_at", optional(isTime), "an ISO time"],
  [
    "status",
    (value) => RUN_STATUSES.includes(value as RunStatus),
    `one of ${RUN_STATUSES.join(", ")}`,
  ],
  ["git_commit", optional(isText), "a text"],
  ["git_branch", optional(isText), "a text"],
  ["git_dirty", optional((value) => typeof value === "boolean"), "true or false"],
  ["dataset", optional(isDataset), "an object with from, to, interval and calls_count"],
  ["data_fingerprint", optional(isText), "a text"],
  ["parameters", optional(isObject), "an object"],
  [
    "artifacts",
    optional((value) => isObject(value) && Object.values(value).every(isArtifactEntry)),
    "an object of artifacts, each with rows and a path below the run's folder",
  ],
  [
    "timing",
    optional((value) => isObject(value) && Object.values(value).every(optional(isMillis))),
    "an object of durations in ms",
  ],
  ["summary", optional(isObject), "an object"],
  ["error", optional(isText), "a text"],
];

function isDataset(value: unknown): boolean {
  return isObject(value) && [value.from, value.to, value.interval].every(optional(isText)) &&
    optional(isCount)(value.calls_count);
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isArtifactEntry(value: unknown): boolean {
  return isObject(value) && isCount(value.rows) && isPathBelow(value.path) &&
    optional(isCount)(value.bytes) && optional(isText)(value.sha256);
}

/** A manifest may come from anywhere: its paths must not lead out of the run's folder. */
function isPathBelow(path: unknown): boolean {
  return typeof path === "string" && path !== "" && !path.startsWith("/") &&
    !path.includes("\0") && !path.split("/").includes("..");
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function bad(path: string, reason: string): LedgerError {
  return new LedgerError({
    code: "invalid",
    message: `${path} is no manifest: ${reason}`,
    where: { path },
    hint: "mend it by hand; it is only read, never rewritten from the catalog",
    detail: { reason },
  });
}
