/**
 * `run.json`, the source of truth about a run: what it is, where it came from, and what it left. The
 * catalog is derived from it. It is parsed and checked here, replaced in one go, and changed by one
 * process at a time. Unknown members are kept as they are.
 */
import { join } from "@std/path";
import { asLedgerError, LedgerError, quoted } from "../../base/error.ts";
import { replaceFile } from "../../base/files/durable.ts";
import { takeFileLock } from "../../base/files/file_lock.ts";
import { parseKeepingDigits } from "../../base/json.ts";
import { lock_wait_ms, manifest_chars_max, nesting_max } from "../../base/limits.ts";
import { uniqueName, type World } from "../../base/world.ts";
import { isOfKind, nestingDepth } from "../../log/mod.ts";
import { RUN_FILES } from "./layout.ts";

/** The kinds of runs there are. */
export const RUN_TYPES = ["path-only", "policy", "optimization", "full"] as const;
/** A kind of run. */
export type RunType = (typeof RUN_TYPES)[number];

/** The statuses that a manifest can have. */
export const RUN_STATUSES = ["pending", "running", "completed", "failed"] as const;
/** The status of a run. */
export type RunStatus = (typeof RUN_STATUSES)[number];

/** Whether a run has ended: one that went well has ended once its mark of success is there too. */
export function hasEnded(status: RunStatus, hasSuccess: () => boolean): boolean {
  return status === "failed" || (status === "completed" && hasSuccess());
}

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

/** A file with results, as this program notes it. */
export type StoredArtifact = Required<ArtifactEntry>;

/** A file that a run reads, and its content when the run began. */
export interface RunInput {
  /** From the root on. */
  path: string;
  bytes: number;
  sha256: string;
  /** Where the format tells: how many rows, and times of the first and the last. */
  rows?: number;
  from_ms?: number;
  to_ms?: number;
}

/** What is unusual about the values of a run's artifacts. */
export interface Finding {
  /** Odd values of an artifact, or artifacts that disagree with each other. */
  kind: "odd" | "disagreement";
  artifact: string;
  column?: string;
  /** Rows that are odd. */
  count?: number;
  message: string;
}

/** The content of a manifest. */
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
  /** The group that it was created in; events may say another later. */
  group?: string;
  /** More about the code: `codeOf` of `code_facts.ts` reads it. */
  code?: unknown;
  dataset: { from?: string; to?: string; interval?: string; calls_count?: number };
  /** The digest over those of the inputs, or what the run's creator says of its data, or `unknown`. */
  data_fingerprint?: string;
  /** The files that it reads, as they were when it began. */
  inputs?: RunInput[];
  parameters: Record<string, unknown>;
  schema_version: { manifest: string; artifacts: string };
  artifacts: Record<string, ArtifactEntry>;
  /** `plan_ms`, `coverage_ms`, … */
  timing?: Record<string, number>;
  logs?: { stdout?: string; stderr?: string };
  owner?: { host: string; pid: number };
  /** Attached files, by their names below `files/`; `attached.ts` reads them. */
  files?: unknown;
  /** The row of the summary artifact, so that no reader has to open a file for it. */
  summary?: Record<string, unknown>;
  /** What is unusual about its artifacts' values. */
  findings?: unknown;
  /** Why the run failed. */
  error?: string;
  /** Of a later minor version, or another program. */
  [unknown: string]: unknown;
}

/** What is unusual about a run's values; what another program calls findings is none of it. */
export function findingsOf({ findings }: RunManifest): Finding[] {
  return Array.isArray(findings) ? findings.filter(isFinding) : [];
}

/** Notes what was found, in the place of what `isReplaced` says of what was found before. */
export function noteFindings(
  manifest: RunManifest,
  found: readonly Finding[],
  isReplaced: (finding: Finding) => boolean,
): void {
  const there = manifest.findings ?? [];
  if (!Array.isArray(there)) return;
  const findings = [...there.filter((old) => !isFinding(old) || !isReplaced(old)), ...found];
  if (findings.length > 0) manifest.findings = findings;
  else delete manifest.findings;
}

/** An input, and the run that read it. */
export interface InputOfRun extends RunInput {
  run_id: string;
  /** The box that the run began on, where that is known: the path is one of that box. */
  host?: string;
}

/** The inputs that a manifest names; what another program calls so is none of them. */
export function inputsOf({ run_id, inputs }: RunManifest): InputOfRun[] {
  return Array.isArray(inputs) ? inputs.filter(isInput).map((input) => ({ ...input, run_id })) : [];
}

/** The manifest as text for people; throws when it could not be read again. */
export function manifestText(manifest: RunManifest, path: string): string {
  const text = `${JSON.stringify(manifest, undefined, 2)}\n`;
  try {
    parseManifest(text, path, manifest.run_id);
  } catch (error) {
    const problem = asLedgerError(error);
    if (!problem) throw error;
    throw new LedgerError({
      code: "invalid",
      message: `cannot write ${path}: ${problem.detail?.reason ?? problem.message}`,
      where: { path },
      hint: "the manifest stays as it was",
    });
  }
  return text;
}

/** Parses a manifest; throws what is wrong with it. */
export function parseManifest(text: string, path: string, folder_id?: string): RunManifest {
  if (text.length > manifest_chars_max) {
    const length = `it has ${text.length} characters`;
    throw bad(path, `${length}; a manifest has at most ${manifest_chars_max}`);
  }
  let parsed: unknown;
  try {
    parsed = parseKeepingDigits(text);
  } catch (error) {
    throw bad(path, `it is not JSON: ${(error as Error).message}`);
  }
  if (!isObject(parsed)) throw bad(path, "it is not a JSON object");
  const unstorable = whyUnstorable(text, parsed);
  if (unstorable) throw bad(path, unstorable);
  checkVersion(parsed, path);
  for (const [field, isRight, expected] of RULES) {
    const value = parsed[field];
    if (isRight(value)) continue;
    if (value === undefined) throw bad(path, `${field} is missing`);
    throw bad(path, `${field} is ${quoted(value)}; it has to be ${expected}`);
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

/** Half of a character, escaped, where an even number of backslashes stands before it. */
const LONE_SURROGATE = /(?<!\\)(?:\\\\)*\\ud[89a-f]/;

/** What JSON can say, and neither a database nor the log can hold. */
function whyUnstorable(text: string, parsed: unknown): string | undefined {
  const depth = nestingDepth(text);
  if (depth > nesting_max) return `it is nested ${depth} deep; a manifest at most ${nesting_max}`;
  if (text.includes("\\u") && LONE_SURROGATE.test(JSON.stringify(parsed))) {
    return "it has a lone surrogate (half a character written as \\uD800 to \\uDFFF)";
  }
}

function checkVersion(parsed: Record<string, unknown>, path: string): void {
  const version = isObject(parsed.schema_version) ? parsed.schema_version.manifest : undefined;
  if (version === undefined || version === null) return;
  const text = typeof version === "string" || typeof version === "number" ? String(version) : "";
  const [, major] = /^(\d+)(?:\.|$)/.exec(text) ?? [];
  const said = quoted(version);
  if (major === undefined) {
    throw bad(path, `schema_version.manifest is ${said}; it has to be like 1.0.0`);
  }
  if (Number(major) <= MAJOR_VERSION) return;
  throw new LedgerError({
    code: "newer_format",
    message: `${path} is of manifest version ${said}; this program reads ${MAJOR_VERSION}.x`,
    where: { path },
    hint: "use a newer version of this program for it",
  });
}

const ISO_TIME = /^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.]\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/;

/** A manifest's time in ms since 1970: UTC unless it says otherwise, wherever it is read. */
export function manifestTime(text: string): number {
  if (!ISO_TIME.test(text)) return NaN;
  const iso = text.replace(" ", "T");
  const has_zone = !iso.includes("T") || /(Z|[+-]\d{2}:?\d{2})$/.test(iso.slice(11));
  return Date.parse(has_zone ? iso : `${iso}Z`);
}

/** Whether a value is what it has to be. */
export type Check = (value: unknown) => boolean;

const isTime: Check = (value) => typeof value === "string" && !Number.isNaN(manifestTime(value));
export const isText: Check = (value) => typeof value === "string";
export const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const optional = (check: Check): Check => (value) =>
  value === undefined || value === null || check(value);
export const objectOf = (check: Check): Check => (value) =>
  isObject(value) && Object.values(value).every(check);
const objectWith = (checks: Record<string, Check>): Check => (value) =>
  isObject(value) && Object.entries(checks).every(([name, check]) => check(value[name]));
const isVersion = optional((value) => typeof value === "string" || typeof value === "number");
/** A manifest may come from anywhere: its paths must not lead out of the run's folder. */
export const isPathBelow: Check = (path) =>
  typeof path === "string" && path !== "" && !path.startsWith("/") && !path.includes("\0") &&
  !path.split("/").includes("..");

const isFinding = objectWith({
  kind: isText,
  artifact: isText,
  column: optional(isText),
  count: optional(isCount),
  message: isText,
}) as (value: unknown) => value is Finding;

const isInput = objectWith({
  path: isText,
  bytes: isCount,
  sha256: isText,
  rows: optional(isCount),
  from_ms: optional(isCount),
  to_ms: optional(isCount),
}) as (value: unknown) => value is RunInput;

const RULES: readonly [field: string, isRight: Check, expected: string][] = [
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
  ["group", optional(isText), "a text"],
  ["code", optional(isObject), "an object"],
  [
    "dataset",
    optional(objectWith({
      from: optional(isText),
      to: optional(isText),
      interval: optional(isText),
      calls_count: optional(isCount),
    })),
    "an object with from, to and interval as texts, and calls_count as a whole number",
  ],
  ["data_fingerprint", optional(isText), "a text"],
  ["parameters", optional(isObject), "an object"],
  [
    "artifacts",
    optional(objectOf(objectWith({
      rows: isCount,
      path: isPathBelow,
      bytes: optional(isCount),
      sha256: optional(isText),
    }))),
    "an object of artifacts, each with rows and a path below the run's folder",
  ],
  ["timing", optional(objectOf(optional(Number.isFinite))), "an object of durations in ms"],
  [
    "schema_version",
    optional(objectWith({ manifest: isVersion, artifacts: isVersion })),
    "an object with the versions of manifest and artifacts",
  ],
  ["logs", optional(isObject), "an object of paths"],
  [
    "owner",
    optional(objectWith({ host: optional(isText), pid: optional(isCount) })),
    "an object with host and pid",
  ],
  ["summary", optional(isObject), "an object"],
  ["error", optional(isText), "a text"],
];

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function bad(path: string, reason: string): LedgerError {
  return new LedgerError({
    code: "invalid",
    message: `${path} is no manifest: ${reason}`,
    where: { path },
    hint: "repair it by hand: this program never rewrites it from the catalog",
    detail: { reason },
  });
}

/** The manifest in the folder of one run. */
export class ManifestFile {
  readonly path: string;

  constructor(readonly world: World, readonly folder: string, readonly run_id: string) {
    this.path = join(folder, RUN_FILES.manifest);
  }

  /** Whether there is one: without it, a run has not begun. */
  exists(): boolean {
    return this.world.files.facts(this.path) !== undefined;
  }

  read(): RunManifest {
    if (!this.exists()) {
      throw new LedgerError({
        code: "not_found",
        message: `run ${this.run_id} has no run.json: the process that began it was interrupted`,
        where: { path: this.folder },
        hint:
          `nothing in its folder is lost; create it again: ledger runs create --run-id ${this.run_id}`,
      });
    }
    return parseManifest(this.world.files.readText(this.path), this.path, this.run_id);
  }

  /** Replaces it in one go. */
  write(manifest: RunManifest): void {
    const bytes = new TextEncoder().encode(manifestText(manifest, this.path));
    replaceFile(this.world.files, this.path, bytes, uniqueName(this.world));
  }

  /** Runs a function while no other process changes the manifest. */
  async locked<T>(body: () => T | Promise<T>): Promise<T> {
    const path = join(this.folder, RUN_FILES.manifest_lock);
    const lock = await takeFileLock(this.world.files, path, lock_wait_ms);
    if (!lock) {
      throw new LedgerError({
        code: "busy",
        message: `cannot change the manifest of run ${this.run_id}: another process has held its ` +
          `lock for ${lock_wait_ms} ms`,
        where: { path },
        hint: `nothing was written; repeat it, or find a stopped process with: fuser -v ${path}`,
      });
    }
    try {
      return await body();
    } finally {
      lock.close();
    }
  }
}
