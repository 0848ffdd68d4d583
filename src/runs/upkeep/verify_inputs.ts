/** Verification of what runs read: whether their inputs still have the bytes that manifests record. */
import { factsIfThere } from "../../base/files/outside.ts";
import { humanBytes } from "../../base/format.ts";
import type { World } from "../../base/world.ts";
import type { InputContent, InputOutcome } from "../evidence/input_file.ts";
import { type InputReading, readFiles } from "../evidence/inputs.ts";
import type { InputOfRun, RunInput } from "../manifest/manifest.ts";

interface InputFinding {
  run_id: string;
  path: string;
  problem: string;
}

/** Compares inputs of runs with their files; each file is read once, and not if its size tells. */
export async function verifyInputs(
  world: World,
  inputs: readonly InputOfRun[],
  reading: InputReading,
): Promise<InputFinding[]> {
  const sizes = new Map(
    inputs.map(({ path }) => [path, factsIfThere(world.files, path)?.size_bytes]),
  );
  const to_read = new Set(
    inputs.filter(({ path, bytes }) => sizes.get(path) === bytes).map(({ path }) => path),
  );
  const read = new Map<string, InputOutcome>();
  for await (const { path, ...outcome } of readFiles(world, to_read, reading)) {
    read.set(path, outcome);
  }
  return inputs.flatMap((input) => {
    const { run_id, path } = input;
    const found = problemOf(input, sizes.get(path), read.get(path));
    const problem = `an input of run ${run_id} ${found}`;
    return found === undefined ? [] : [{ run_id, path, problem }];
  });
}

function problemOf(
  input: RunInput,
  size_bytes: number | undefined,
  outcome: InputOutcome | undefined,
): string | undefined {
  if (outcome && "problem" in outcome) return `is not readable: ${outcome.problem.message}`;
  if (size_bytes === undefined) return "is not there any more";
  const now = outcome?.content ?? { bytes: size_bytes };
  if (now.bytes === input.bytes && (!outcome || outcome.content.sha256 === input.sha256)) return;
  return `has other bytes now: ${told(now)}; the run read ${told(input)}`;
}

function told({ bytes, sha256, rows }: Partial<InputContent> & { bytes: number }): string {
  const counted = rows === undefined ? [] : [`${rows} rows`];
  return [humanBytes(bytes), ...counted, ...sha256 ? [`sha256 ${sha256.slice(0, 12)}`] : []].join(
    ", ",
  );
}
