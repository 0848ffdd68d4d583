/** Runs as the first system wrote them: no digests, and each column typed by its first row. */
import { dirname, join } from "@std/path";
import { parquetWriteBuffer } from "hyparquet-writer";
import { artifactDefinition, type ArtifactType } from "../../src/runs/artifacts/definitions.ts";
import type { Row } from "../../src/parquet/mod.ts";
import { type Lab, MONTH, putRun } from "./runs.ts";

/** A type by a first value: a null makes text, a whole number an int64. */
function typeOf(first: unknown): "STRING" | "BOOLEAN" | "INT64" | "DOUBLE" {
  if (typeof first === "boolean") return "BOOLEAN";
  if (typeof first === "bigint") return "INT64";
  if (typeof first !== "number") return "STRING";
  return Number.isInteger(first) ? "INT64" : "DOUBLE";
}

/** The bytes of a file with these rows. */
export function firstSystemParquet(rows: readonly Row[]): Uint8Array {
  const columnData = Object.keys(rows[0]).map((name) => {
    const type = typeOf(rows[0][name]);
    const data = rows.map((row) => {
      const value = row[name] ?? null;
      if (value === null) return null;
      if (type === "STRING") return String(value);
      if (type !== "INT64" || typeof value === "bigint") return value;
      return BigInt(Math.round(value as number));
    });
    return { name, data, type, nullable: true };
  });
  return new Uint8Array(parquetWriteBuffer({ columnData }));
}

/** Puts a run in place as the first system left it. */
export function putFirstSystemRun(
  lab: Pick<Lab, "runs_dir">,
  run_id: string,
  artifacts: Partial<Record<ArtifactType, readonly Row[]>>,
  { month = MONTH, manifest = {} }: { month?: string; manifest?: Record<string, unknown> } = {},
): string {
  const entries = Object.entries(artifacts).map(([type, rows]) => {
    const { path } = artifactDefinition(type as ArtifactType);
    return [type, { rows: rows.length, path }];
  });
  const of_run = { artifacts: Object.fromEntries(entries), ...manifest };
  const run_path = putRun(lab, run_id, of_run, { month });
  for (const [type, rows] of Object.entries(artifacts)) {
    const path = join(lab.runs_dir, run_path, artifactDefinition(type as ArtifactType).path);
    Deno.mkdirSync(dirname(path), { recursive: true });
    Deno.writeFileSync(path, firstSystemParquet(rows));
  }
  return run_path;
}
