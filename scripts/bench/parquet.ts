/** Artifacts: rows of trades, checked one by one, into a Parquet file; beside DuckDB's COPY of the same. */
import { join } from "@std/path";
import { atLeast, type Bench, published } from "./bench.ts";
import { script, timed, timedWithPeak } from "./processes.ts";
import { figure, inRounds } from "./rounds.ts";

const ROWS = 1_000_000;
const ROWS_FEW = 100_000;
const RATE_MIN = 200_000;

/** What a script says about its own work: starting a process is not what is measured. */
async function rateOf(command: string[], cwd: string): Promise<number> {
  const { stdout } = await timed(command, { cwd, stdout: "piped" });
  return Number(stdout);
}

/** Trades into a file, checked, beside DuckDB that takes them from a table. */
export const parquetWrite: Bench = {
  name: "parquet.write",
  shows: "checked trades into Parquet, durable, beside DuckDB COPY of the same rows from a table",
  async run({ folder, quick, rounds, say }) {
    const count = String(quick ? ROWS_FEW : ROWS);
    say("rows are JavaScript objects; DuckDB's come out of its own table, unchecked and unsynced");
    const path = (name: string) => join(folder, `${name}.parquet`);
    const figures = [];
    for (const codec of ["snappy", "zstd"]) {
      const rates = await inRounds(Math.min(rounds, 5), {
        ours: () => rateOf(script("parquet_ours.ts", count, codec, path("ours")), folder),
        beside: () => rateOf(script("parquet_duckdb.ts", count, codec, path("duckdb")), folder),
      });
      const [ours, beside] = ["ours", "duckdb"].map((name) => Deno.statSync(path(name)).size);
      figures.push(
        figure({
          name: `parquet.write.${codec}`,
          unit: "rows/s",
          ...rates,
          goal: atLeast(RATE_MIN, "rows/s"),
          extra: { rows: Number(count), bytes: ours, duckdb_bytes: beside },
        }),
        figure({
          name: `parquet.size.${codec}`,
          unit: "B/row",
          ours: [ours / Number(count)],
          beside: [beside / Number(count)],
          goal: published,
        }),
      );
    }
    const peakOf = async (rows: number) =>
      (await timedWithPeak(script("parquet_ours.ts", String(rows), "snappy", path("peak")), {
        cwd: folder,
      })).peak_mb;
    const most = quick ? ROWS_FEW : ROWS;
    const ours = [await peakOf(most)];
    const beside = [await peakOf(most / 10)];
    // Beside it stands a tenth of the rows: the ratio says how memory grows with them.
    figures.push(
      figure({ name: "parquet.write.memory", unit: "MB", ours, beside, goal: published }),
    );
    return figures;
  },
};
