/** Metrics of a run: how fast points come in, what they take on the disk, and how fast they are read. */
import { join } from "@std/path";
import { openLedger } from "../../src/mod.ts";
import { alone, atLeast, atMost, type Bench, published } from "./bench.ts";
import { script, timed } from "./processes.ts";
import { median } from "./rounds.ts";

const MILLION = 1_000_000;
const GO_POINTS = 1_000;
const WRITERS = 8;

/** A million points of one run in a thousand goes, and a thousand runs by eight processes. */
export const metricsAppend: Bench = {
  name: "metrics.append",
  shows:
    "a million points logged one by one, durable in groups of 1,000; read as series and by a " +
    "query before the run ends; and 1,000 runs of 1,000 points by 8 processes",
  async run({ folder, quick, rounds, say }) {
    const count = quick ? MILLION / 10 : MILLION;
    const dir = join(folder, "ledger");
    const runs_dir = join(folder, "runs");
    await using ledger = await openLedger({ dir, runs_dir });
    const times = { append: [] as number[], read: [] as number[], query: [] as number[] };
    const finish: number[] = [];
    const sizes = { waiting: 0, finished: 0 };
    for (let round = 0; round < Math.min(rounds, 3); round++) {
      const run = await ledger.runs.create({ run_type: "full", git: false });
      times.append.push(count / await seconds(() => logPoints(run, count)));
      sizes.waiting = bytesBelow(join(run.folder, "results")) / count;
      for (let look = 0; look < 3; look++) {
        times.read.push(1000 * await seconds(() => run.readMetrics()));
      }
      await ledger.runs.sync();
      times.query.push(1000 * await seconds(() => countPoints(ledger.runs, run.run_id, count)));
      finish.push(await seconds(() => run.markSuccess()));
      sizes.finished = bytesBelow(join(run.folder, "results")) / count;
    }
    const runs = quick ? 80 : 1_000;
    say(`${runs} runs by ${WRITERS} processes, each created, logged to and finished`);
    const many = await seconds(() =>
      Promise.all(Array.from({ length: WRITERS }, (_, writer) => {
        const many = [join(folder, "many"), join(folder, "many_runs")];
        const args = [...many, `w${writer}`, String(runs / WRITERS)];
        return timed(script("metrics_writer.ts", ...args), { cwd: folder });
      }))
    );
    return [
      alone("metrics.append", median(times.append), "points/s", atLeast(300_000, "points/s")),
      alone("metrics.size", sizes.waiting, "B/point", atMost(12, "B/point")),
      alone("metrics.size.finished", sizes.finished, "B/point", atMost(12, "B/point")),
      alone("metrics.read", median(times.read), "ms", atMost(100, "ms")),
      alone("metrics.query", median(times.query), "ms", published),
      alone("metrics.finish", median(finish), "s", published),
      alone("metrics.many", many, "s", published),
    ];
  },
};

interface Logged {
  logMetrics(values: Record<string, number>, place: { step: number }): Promise<void>;
}

async function logPoints(run: Logged, count: number): Promise<void> {
  let before: Promise<void> | undefined;
  for (let start = 0; start < count; start += GO_POINTS) {
    let durable: Promise<void> | undefined;
    for (let step = start; step < start + GO_POINTS; step++) {
      durable = run.logMetrics({ loss: Math.random() }, { step });
    }
    // One group is on its way to the disk while the next is logged.
    await before;
    before = durable;
  }
  await before;
}

type Runs = Awaited<ReturnType<typeof openLedger>>["runs"];

async function countPoints(runs: Runs, run_id: string, count: number): Promise<void> {
  await using catalog = await runs.openCatalog({ sql: "select * from metrics" });
  const sql = "select count(*) from metrics where run_id = $1";
  const found = Number(await catalog.value<bigint>(sql, [run_id]));
  if (found !== count) throw new Error(`${found} points where ${count} were logged`);
}

async function seconds(body: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await body();
  return (performance.now() - start) / 1000;
}

function bytesBelow(folder: string): number {
  return [...Deno.readDirSync(folder)].reduce((sum, { name, isDirectory }) => {
    const path = join(folder, name);
    return sum + (isDirectory ? bytesBelow(path) : Deno.statSync(path).size);
  }, 0);
}
