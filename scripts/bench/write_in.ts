/** Other programs' files into artifacts: read, checked, written durably, beside DuckDB's bare COPY. */
import { join } from "@std/path";
import { alone, atMost, type Bench, type BenchContext, type Goal, ratioAtMost } from "./bench.ts";
import { script, secondsOf, theProgram, timed, withInput } from "./processes.ts";
import { figure, inRounds, median } from "./rounds.ts";

const PARQUET_ROWS = 5_000_000;
const CSV_ROWS = 1_000_000;
const FEW_ROWS = 10_000;
const QUICK_SHARE = 20;

/** A run to write to, and what writes to it. */
async function program({ folder, say }: BenchContext): Promise<string[]> {
  const { command, description } = theProgram();
  say(description);
  const create = ["runs", "create", "--run-type", "policy", "--run-id", "r1", "--no-git"];
  await timed([...command, ...create], { cwd: folder });
  return [...command, "runs", "write", "r1", "trades"];
}

async function made(folder: string, name: string, rows: number): Promise<string> {
  const path = join(folder, name);
  await timed(script("bare_import.ts", "make", String(rows), path), { cwd: folder });
  return path;
}

/** One import beside the bare copy of the same file; whole process beside the copy alone. */
async function beside(
  { folder, rounds }: BenchContext,
  name: string,
  goal: Goal,
  path: string,
  command: string[],
) {
  const copy = script("bare_import.ts", "copy", path, join(folder, "bare.parquet"));
  const took = await inRounds(Math.min(rounds, 5), {
    ours: () => secondsOf(command, folder),
    beside: async () => Number((await timed(copy, { cwd: folder, stdout: "piped" })).stdout),
  });
  return figure({ name, unit: "s", ...took, goal });
}

/** A large file of columns. */
export const writeParquetIn: Bench = {
  name: "write.parquet_in",
  shows: "runs write of 5M trades from Parquet, checked, beside DuckDB's COPY of the same file",
  async run(context) {
    const { folder, quick } = context;
    const command = await program(context);
    const rows = PARQUET_ROWS / (quick ? QUICK_SHARE : 1);
    const path = await made(folder, "in.parquet", rows);
    return [await beside(context, "write.parquet_in", ratioAtMost(2), path, [...command, path])];
  },
};

/** A large text through a pipe, and a small one. */
export const writeCsvIn: Bench = {
  name: "write.csv_in",
  shows:
    "runs write of 1M trades from CSV on stdin, checked, beside DuckDB's COPY of the same file",
  async run(context) {
    const { folder, quick, rounds } = context;
    const command = await program(context);
    const path = await made(folder, "in.csv", CSV_ROWS / (quick ? QUICK_SHARE : 1));
    const goal = ratioAtMost(2.5);
    const figures = [await beside(context, "write.csv_in", goal, path, withInput(path, command))];
    const small = atMost(150, "ms");
    for (const kind of ["csv", "parquet"]) {
      const few = await made(folder, `few.${kind}`, FEW_ROWS);
      const { ours } = await inRounds(rounds, { ours: () => secondsOf([...command, few], folder) });
      figures.push(alone(`write.${kind}_in.10k`, median(ours) * 1000, "ms", small));
    }
    return figures;
  },
};
