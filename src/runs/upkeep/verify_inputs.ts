/** Verification of what runs read: whether their inputs still have the bytes that manifests record. */
import { LedgerError } from "../../base/error.ts";
import { counted, humanBytes } from "../../base/format.ts";
import type { World } from "../../base/world.ts";
import type { InputContent, InputOutcome } from "../evidence/input_file.ts";
import { type InputReading, readFiles, tryFacts } from "../evidence/inputs.ts";
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
  const looks = new Map(inputs.map(({ path }) => [path, tryFacts(world, path)]));
  const sizeOf = (path: string) => {
    const facts = looks.get(path);
    return facts instanceof LedgerError ? undefined : facts?.size_bytes;
  };
  const to_read = inputs.filter(({ path, bytes }) => sizeOf(path) === bytes);
  const read = new Map<string, InputOutcome>();
  const paths = new Set(to_read.map(({ path }) => path));
  for await (const { path, ...outcome } of readFiles(world, paths, reading)) {
    read.set(path, outcome);
  }
  return inputs.flatMap((input) => {
    const { run_id, path } = input;
    const look = looks.get(path);
    const found = look instanceof LedgerError
      ? unreadable(look)
      : problemOf(input, sizeOf(path), read.get(path));
    const problem = `an input of run ${run_id} ${found}`;
    return found === undefined ? [] : [{ run_id, path, problem }];
  });
}

function unreadable({ message }: { message: string }): string {
  return `is not readable: ${message}`;
}

function problemOf(
  input: RunInput,
  size_bytes: number | undefined,
  outcome: InputOutcome | undefined,
): string | undefined {
  if (outcome && "problem" in outcome) return unreadable(outcome.problem);
  if (size_bytes === undefined) return "is not there any more";
  const now = outcome?.content ?? { bytes: size_bytes };
  if (now.bytes === input.bytes && (!outcome || outcome.content.sha256 === input.sha256)) return;
  return `has other bytes now: ${told(now)}; the run read ${told(input)}`;
}

function told({ bytes, sha256, rows }: Partial<InputContent> & { bytes: number }): string {
  const of_rows = rows === undefined ? [] : [counted(rows, "row")];
  return [humanBytes(bytes), ...of_rows, ...sha256 ? [`sha256 ${sha256.slice(0, 12)}`] : []].join(
    ", ",
  );
}
