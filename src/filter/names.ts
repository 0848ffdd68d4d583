/** Name resolution: which column of the listing a name means, and the way into it. */
import { type Field, type Span, type ValueType } from "./tree.ts";

/** One piece of a dotted name. */
export interface Segment {
  text: string;
  is_quoted: boolean;
}

/** The columns of a listing of runs. */
const COLUMNS: Readonly<Record<string, ValueType | "json">> = {
  run_id: "text",
  run_type: "text",
  status: "text",
  source: "text",
  created_at: "time",
  started_at: "time",
  completed_at: "time",
  total_ms: "number",
  artifacts: "number",
  git_branch: "text",
  git_commit: "text",
  git_dirty: "boolean",
  presence: "text",
  run_path: "text",
  data_fingerprint: "text",
  findings: "number",
  error: "text",
  archive: "text",
  params: "json",
  summary: "json",
  timing: "json",
  dataset: "json",
  name: "text",
  group: "text",
  pin: "boolean",
  notes: "text",
  tags: "json",
};

/** Other spellings. */
const ALIASES: Readonly<Record<string, string>> = {
  "parameters": "params",
  // As data formats have them.
  "created_at_ms": "created_at",
  "started_at_ms": "started_at",
  "completed_at_ms": "completed_at",
  "git.branch": "git_branch",
  "git.commit": "git_commit",
  "git.dirty": "git_dirty",
};

/** What `git.*` stands for, and what `*` does: the columns that are no objects. */
export const GIT_COLUMNS: readonly string[] = ["git_branch", "git_commit", "git_dirty"];
export const PLAIN_COLUMNS: readonly string[] = Object.keys(COLUMNS)
  .filter((name) => COLUMNS[name] !== "json");
/** The names that stand before a dot. */
const ROOTS: readonly string[] = ["params", "summary", "timing", "dataset", "git"];

const UNITS_MS: readonly [end: string, unit_ms: number][] = [
  ["_ms", 1],
  ["_us", 0.001],
  ["_s", 1000],
];

/** The field that a name means; undefined for `git` and what it lacks. */
export function fieldOf(segments: readonly Segment[], span: Span): Field | undefined {
  const texts = segments.map(({ text }) => text);
  const name = texts.join(".");
  const whole = ALIASES[name] ?? name;
  const base = { name, span, ways: [], is_bare: false };
  if (Object.hasOwn(COLUMNS, whole)) return { ...base, column: whole, type: COLUMNS[whole] };
  const root = ALIASES[texts[0]] ?? texts[0];
  if (root === "git") return undefined;
  const is_bare = !ROOTS.includes(root) || segments[0].is_quoted || segments.length === 1;
  const path = is_bare ? segments : segments.slice(1);
  const names = path.map(({ text }) => text);
  // A member's own name may have dots in it.
  const is_dotted = names.length > 1 && !path.some(({ is_quoted }) => is_quoted);
  const ways = is_dotted ? [[names.join(".")], names] : [names];
  const unit_ms = UNITS_MS.find(([end]) => name.endsWith(end))?.[1];
  return { ...base, column: is_bare ? "summary" : root, type: "json", ways, unit_ms, is_bare };
}

/** Whether a name stands for an object: there is more than one value in it. */
export function isObject({ type, ways, column }: Field): boolean {
  return type === "json" && ways.length === 0 && column !== "tags";
}
