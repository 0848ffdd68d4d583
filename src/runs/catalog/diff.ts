/** Diff of two runs, by their manifests. */
import { isKeptNumber } from "../../base/json.ts";
import type { RunManifest } from "../manifest/manifest.ts";

/** A member that both, or one of them, have. */
interface DiffRow {
  about: "run" | "parameters" | "timing" | "summary";
  name: string;
  a: unknown;
  b: unknown;
  /** By how much b is more than a, where both are numbers. */
  change?: string;
  differs: boolean;
}

/** Compares two manifests. */
export function diffRuns(a: RunManifest, b: RunManifest): DiffRow[] {
  return [
    ...rowsAbout("run", factsOf(a), factsOf(b)),
    ...rowsAbout("parameters", a.parameters, b.parameters),
    ...rowsAbout("timing", a.timing ?? {}, b.timing ?? {}),
    ...rowsAbout("summary", withoutId(a.summary), withoutId(b.summary)),
  ];
}

function factsOf(manifest: RunManifest): Record<string, unknown> {
  const { run_type, status, git_branch, git_commit, git_dirty, dataset, data_fingerprint } =
    manifest;
  // Every manifest has a dataset; an empty one says as much as none.
  const said = Object.keys(dataset).length > 0 ? { dataset } : {};
  return { run_type, status, git_branch, git_commit, git_dirty, ...said, data_fingerprint };
}

function withoutId(summary: RunManifest["summary"]): Record<string, unknown> {
  const { run_id: _, ...metrics } = summary ?? {};
  return metrics;
}

function rowsAbout(
  about: DiffRow["about"],
  a: Record<string, unknown>,
  b: Record<string, unknown>,
): DiffRow[] {
  const left = flattened(a);
  const right = flattened(b);
  return [...new Set([...left.keys(), ...right.keys()])].map((name) => {
    const [in_a, in_b] = [left.get(name), right.get(name)];
    const differs = JSON.stringify(in_a) !== JSON.stringify(in_b);
    return { about, name, a: in_a, b: in_b, change: changeOf(in_a, in_b), differs };
  }).filter(({ a, b }) => a !== undefined || b !== undefined);
}

/** Members of objects in objects, each under its dotted path. */
function flattened(members: Record<string, unknown>, before = ""): Map<string, unknown> {
  const flat = new Map<string, unknown>();
  for (const [name, value] of Object.entries(members)) {
    const path = `${before}${name}`;
    const is_object = typeof value === "object" && value !== null && !Array.isArray(value) &&
      !isKeptNumber(value) && Object.keys(value).length > 0;
    if (!is_object) flat.set(path, value);
    else for (const inner of flattened(value as typeof members, `${path}.`)) flat.set(...inner);
  }
  return flat;
}

function changeOf(a: unknown, b: unknown): string | undefined {
  if (typeof a !== "number" || typeof b !== "number" || a === b) return undefined;
  const change = b - a;
  const sign = change > 0 ? "+" : "";
  const text = `${sign}${Number(change.toPrecision(4))}`;
  return a === 0 ? text : `${text} (${sign}${(change / Math.abs(a) * 100).toFixed(1)} %)`;
}
