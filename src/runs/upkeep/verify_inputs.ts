/** Verification of what runs read: whether their inputs still have the bytes that manifests record. */
import { LedgerError } from "../../base/error.ts";
import { counted, escaped, humanBytes, shortDigest } from "../../base/format.ts";
import type { World } from "../../base/world.ts";
import type { InputContent, InputOutcome } from "../evidence/input_file.ts";
import { type InputReading, readFiles, tryFacts } from "../evidence/inputs.ts";
import type { InputOfRun, RunInput } from "../manifest/manifest.ts";

interface InputFinding {
  run_id: string;
  path: string;
  problem: string;
}

/** What was found of inputs, and which are of another box. */
interface InputsReport {
  findings: InputFinding[];
  notes: { run_id: string; path: string; note: string }[];
}

/**
 * Compares inputs of runs with their files; each file is read once, and not if its size tells. A path is
 * one of the box that its run began on: where another has no such file, that says nothing.
 */
export async function verifyInputs(
  world: World,
  inputs: readonly InputOfRun[],
  reading: InputReading,
): Promise<InputsReport> {
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
  const report: InputsReport = { findings: [], notes: [] };
  const here = world.hostname();
  for (const input of inputs) {
    const { run_id, path, host = here } = input;
    const look = looks.get(path);
    if (look === undefined && host !== here) {
      const note = `an input of run ${run_id} is of another box, ${escaped(host)}: not compared`;
      report.notes.push({ run_id, path, note });
      continue;
    }
    const found = look instanceof LedgerError
      ? unreadable(look)
      : problemOf(input, sizeOf(path), read.get(path));
    if (found === undefined) continue;
    const there = host === here ? "" : ` on ${escaped(host)}, and this is ${here}`;
    report.findings.push({ run_id, path, problem: `an input of run ${run_id} ${found}${there}` });
  }
  return report;
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
  return [humanBytes(bytes), ...of_rows, ...sha256 ? [`sha256 ${shortDigest(sha256)}`] : []].join(
    ", ",
  );
}
