/** Metrics: logged in any order and in several goes, read while a run goes on, one file when it ends. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { fileDigest } from "../../src/base/files/checksum.ts";
import { LedgerError } from "../../src/base/error.ts";
import { systemFiles } from "../../src/base/files/system_files.ts";
import { readParquet } from "../../src/parquet/mod.ts";
import type { RunDirectory } from "../../src/runs/directory/directory.ts";
import { MetricPoints, type MetricSeries } from "../../src/runs/metrics/points.ts";
import { recordOf, recordText } from "../../src/runs/metrics/record.ts";
import { METRICS_PATHS } from "../../src/runs/metrics/segments.ts";
import { MetricsStore } from "../../src/runs/metrics/store.ts";
import { testWorld } from "../harness.ts";
import { type Random, withSeed } from "../laws/random.ts";
import { type Lab, ledgerOf, namesIn, newLab } from "./runs.ts";

type Point = [name: string, step: number, value: number, ts_ms: number | null];

const NOON_MS = Date.UTC(2026, 0, 23, 12);

/** A run of its own that goes on. */
async function begin(lab: Lab, run_id = "r"): Promise<RunDirectory> {
  await using ledger = ledgerOf(lab);
  return await ledger.runs.create({ run_type: "full", run_id, git: false }, { events: false });
}

/** All points, by name and step, then in the order in which they came. */
function inOrder(points: readonly Point[]): Point[] {
  return points.toSorted(([a, step_a], [b, step_b]) => a === b ? step_a - step_b : a < b ? -1 : 1);
}

function pointsIn(series: readonly MetricSeries[]): Point[] {
  return series.flatMap(({ name, steps, values, ts_ms }) =>
    Array.from(steps, (step, at): Point => {
      const time = ts_ms?.[at] ?? NaN;
      return [name, step, values[at], Number.isNaN(time) ? null : time];
    })
  );
}

const VALUES = [0, -0, 0.1, -1e-300, 5e-324, 1.7976931348623157e308, Math.PI, 42];
const STEPS = [0, 1, -5, 2 ** 52, -(2 ** 52), 1_000_000];

function randomPoint(random: Random): Point {
  const step = random.chance(0.5) ? random.pick(STEPS) : random.below(50);
  const ts_ms = random.chance(0.3) ? NOON_MS + random.below(5_000) : null;
  return [random.pick(["loss", "acc", 'ä "quoted"\n']), step, random.pick(VALUES), ts_ms];
}

function log(run: RunDirectory, [name, step, value, ts_ms]: Point): Promise<void> {
  return run.logMetrics({ [name]: value }, { step, ...(ts_ms === null ? {} : { ts_ms }) });
}

async function rowsOf(path: string): Promise<Point[]> {
  const rows = await Array.fromAsync(readParquet(testWorld(), path).batches());
  return rows.flat().map(({ name, step, value, ts_ms }) => [name, step, value, ts_ms] as Point);
}

Deno.test("metrics that come in any order and in several goes are what is read, before the end and after", () =>
  withSeed(async (random) => {
    using lab = newLab();
    for (let round = 0; round < 8; round++) {
      await using run = await begin(lab, `r${round}`);
      const all: Point[] = [];
      for (let go = 0; go < 5; go++) {
        const points = random.times(1 + random.below(40), () => randomPoint(random));
        all.push(...points);
        if (random.chance(0.5)) await Promise.all(points.map((point) => log(run, point)));
        else {
          const rows = points.map(([name, step, value, ts_ms]) => ({ name, step, value, ts_ms }));
          const { rows: stored } = await run.writeArtifact("metrics", rows);
          assertEquals(stored, points.length);
        }
        assertEquals(pointsIn(await run.readMetrics()), inOrder(all), `round ${round}`);
      }
      assertEquals(
        pointsIn(await run.readMetrics({ names: ["acc"] })),
        inOrder(all.filter(([name]) => name === "acc")),
      );
      const { artifacts } = await run.markSuccess();
      const path = join(run.folder, artifacts.metrics.path);
      assertEquals(artifacts.metrics, {
        rows: all.length,
        path: "results/metrics.parquet",
        bytes: Deno.statSync(path).size,
        sha256: fileDigest(systemFiles(), path),
      });
      assertEquals(namesIn(lab, join(run.path, "results")), ["metrics.parquet"]);
      assertEquals(await rowsOf(path), inOrder(all));
      assertEquals(pointsIn(await run.readMetrics()), inOrder(all));
    }
  }));

Deno.test("the record of a go says each number to its last digit, and one that is harmed is as long as it says", () =>
  withSeed((random) => {
    for (let round = 0; round < 200; round++) {
      const points = new MetricPoints();
      for (let left = 1 + random.below(12); left > 0; left--) {
        const [name, step, value, ts_ms] = randomPoint(random);
        points.add(name, step, value, ts_ms ?? undefined);
      }
      const text = `${recordText(points, 7)}}`;
      assertEquals(recordOf(text), { series: points.given(), total: 7 }, text);
      const at = random.below(text.length);
      const harmed = text.slice(0, at) + random.pick(["", "9", "null", "]", '"']) +
        text.slice(at + 1);
      const read = recordOf(harmed);
      for (const { steps, values } of read?.series ?? []) assertEquals(steps.length, values.length);
    }
  }));

Deno.test("points that are logged together share a write and a sync", async () => {
  using lab = newLab();
  const run = await begin(lab);
  const syncs: string[] = [];
  const files = systemFiles((operation, path) => {
    if (operation === "sync" && path.endsWith(".jsonl")) syncs.push(path);
  });
  const world = testWorld({ files });
  const { runs } = ledgerOf(lab, world);
  const shared = await runs.find("r", { events: false });
  await Promise.all(
    Array.from({ length: 1_000 }, (_, step) => log(shared, ["loss", step, 1, null])),
  );
  assertEquals(syncs.length, 1);
  assertEquals((await run.readMetrics())[0].steps.length, 1_000);
});

/** The only write-ahead file of a run. */
function walOf(run: RunDirectory): string {
  const folder = join(run.folder, METRICS_PATHS.segments);
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) =>
    name.endsWith(".jsonl")
  );
  assertEquals(names.length, 1, names.join());
  return join(folder, names[0]);
}

async function logSteps(run: RunDirectory, from: number, to: number): Promise<void> {
  for (let step = from; step < to; step++) await log(run, ["loss", step, step / 8, null]);
}

const stepsOf = async (run: RunDirectory) =>
  (await run.readMetrics()).flatMap(({ steps }) => [...steps]);

Deno.test("what a killed writer left of a go is cut off by the next, wherever it was cut", async () => {
  using lab = newLab();
  const run = await begin(lab);
  await logSteps(run, 0, 2);
  const path = walOf(run);
  const two = Deno.readFileSync(path);
  await logSteps(run, 2, 3);
  const three = Deno.readFileSync(path);
  for (let length = two.length; length < three.length - 1; length += 7) {
    Deno.writeFileSync(path, three.subarray(0, length));
    assertEquals(await stepsOf(run), [0, 1], `${length} bytes`);
    await logSteps(run, 3, 4);
    assertEquals(await stepsOf(run), [0, 1, 3], `${length} bytes`);
  }
  // Only its line break is missing, or another byte: it was acknowledged.
  for (const end of ["", "?"]) {
    Deno.writeFileSync(path, three.subarray(0, -1));
    Deno.writeTextFileSync(path, end, { append: true });
    await logSteps(run, 3, 4);
    assertEquals(await stepsOf(run), end === "" ? [0, 1, 3] : [0, 1, 2, 3], `ends with ${end}`);
  }
});

Deno.test("a flipped byte costs only its go: readers hear of it, and its bytes are kept at the end", async () => {
  using lab = newLab();
  const run = await begin(lab);
  await logSteps(run, 0, 3);
  const path = walOf(run);
  const bytes = Deno.readFileSync(path);
  const second = bytes.indexOf(10) + 1;
  bytes[second + 20] ^= 1;
  Deno.writeFileSync(path, bytes);
  const damage: number[] = [];
  const [{ steps }] = await run.readMetrics({ onDamage: ({ offset }) => damage.push(offset) });
  assertEquals([[...steps], damage], [[0, 2], [second]]);
  await logSteps(run, 3, 4);
  const { artifacts } = await run.markSuccess();
  assertEquals(artifacts.metrics.rows, 3);
  const kept = join(run.folder, "results/metrics.damaged", `000001.at-${second}`);
  const line_end = bytes.indexOf(10, second);
  assertEquals(Deno.readFileSync(kept), bytes.subarray(second, line_end));
});

Deno.test("a record that stands there twice counts once", async () => {
  using lab = newLab();
  const run = await begin(lab);
  await logSteps(run, 0, 2);
  const bytes = Deno.readFileSync(walOf(run));
  Deno.writeFileSync(walOf(run), bytes, { append: true });
  await logSteps(run, 2, 3);
  const damage: number[] = [];
  const [{ steps }] = await run.readMetrics({ onDamage: ({ offset }) => damage.push(offset) });
  assertEquals([...steps], [0, 1, 2]);
  assertEquals(damage, [bytes.length, bytes.length + bytes.indexOf(10) + 1]);
});

Deno.test("a segment that is full becomes Parquet, a large go is one at once, and all are read as they came", async () => {
  using lab = newLab();
  const run = await begin(lab);
  const store = new MetricsStore(testWorld(), run.folder, run.run_id, 10);
  const add = async (...steps: number[]) => {
    const points = new MetricPoints();
    for (const [at, step] of steps.entries()) points.add("loss", step, at);
    const { sync } = await store.append([points]);
    await sync();
  };
  const segments = () => namesIn(lab, join(run.path, METRICS_PATHS.segments));
  await add(1, 2, 3, 4);
  await add(9, 8, 7, 6, 5);
  assertEquals(segments(), ["000001.jsonl"]);
  await add(4, 4);
  assertEquals(segments(), ["000001.parquet"]);
  await add(100);
  assertEquals(segments(), ["000001.parquet", "000002.jsonl"]);
  const many = 70_000;
  const rows = Array.from(
    { length: many },
    (_, step) => ({ name: "lr", step: many - step, value: 1 }),
  );
  await run.writeArtifact("metrics", rows);
  assertEquals(segments(), ["000001.parquet", "000002.jsonl", "000003.parquet"]);
  await add(101);
  const [loss, lr] = await run.readMetrics();
  const expected = [1, 2, 3, 4, 4, 4, 5, 6, 7, 8, 9, 100, 101];
  assertEquals([...loss.steps], expected);
  assertEquals([...loss.values].slice(3, 6), [3, 0, 1]);
  assertEquals([lr.steps.length, lr.steps[0], lr.steps.at(-1)], [many, 1, many]);
  const { artifacts } = await run.markSuccess();
  assertEquals(artifacts.metrics.rows, expected.length + many);
  assertEquals((await run.readMetrics())[0], loss);
});

Deno.test("any number of writers add to one run, and nothing is lost", async () => {
  using lab = newLab();
  await begin(lab);
  await using ledger = ledgerOf(lab);
  await Promise.all(Array.from({ length: 8 }, async (_, writer) => {
    const run = await ledger.runs.find("r", { events: false });
    for (let go = 0; go < 10; go++) {
      await Promise.all([0, 1, 2].map((at) => log(run, [`m${writer}`, go * 3 + at, at, null])));
    }
  }));
  const run = await ledger.runs.find("r");
  const all = Array.from({ length: 30 }, (_, step) => step);
  const series = await run.readMetrics();
  assertEquals(
    series.map(({ name, steps }) => [name, [...steps]]),
    [0, 1, 2, 3, 4, 5, 6, 7].map((writer) => [`m${writer}`, all]),
  );
});

Deno.test("what cannot be a point is refused by name, and its whole call with it", async () => {
  using lab = newLab();
  const run = await begin(lab);
  const refused = async (
    values: Record<string, number>,
    place: { step: number; ts_ms?: number },
  ) => {
    const error = await assertRejects(async () => await run.logMetrics(values, place), LedgerError);
    return `${error.code}: ${error.message}`;
  };
  assertEquals(
    await refused({ acc: 1, loss: NaN }, { step: 1 }),
    'invalid: cannot log metric "loss": its value is NaN; it has to be a finite number',
  );
  assertEquals(
    await refused({ loss: 1 }, { step: 1.5 }),
    'invalid: cannot log metric "loss": its step is 1.5; it has to be a whole number between ' +
      "±4503599627370496",
  );
  assertEquals(
    await refused({ loss: 1 }, { step: 1, ts_ms: 1_704_067_200 }),
    'invalid: cannot log metric "loss": its ts_ms is 1704067200; it has to be milliseconds since 1970',
  );
  for (const name of ["", "x".repeat(251)]) {
    assertStringIncludes(
      await refused({ [name]: 1 }, { step: 1 }),
      "it has to be a text of 1 to 250 characters",
    );
    const rows = [{ name, step: 1, value: 1 }];
    const unnamed = await assertRejects(() => run.writeArtifact("metrics", rows), LedgerError);
    assertStringIncludes(
      unnamed.message,
      'in column "name"; it has to be a text of 1 to 250 characters',
    );
  }
  assertEquals(await run.readMetrics(), []);
  const rows = [{ name: "loss", step: 1, value: 1 }, { name: "loss", step: 2 ** 52 + 2, value: 1 }];
  const error = await assertRejects(() => run.writeArtifact("metrics", rows), LedgerError);
  assertEquals(
    error.message,
    'cannot store metrics: row 2 has 4503599627370498 in column "step"; ' +
      "a step lies between ±4503599627370496",
  );
  assertEquals(await run.readMetrics(), []);
  await run.markSuccess();
  assertEquals(run.readManifest().artifacts, {});
  const ended = await assertRejects(() => log(run, ["loss", 1, 1, null]), LedgerError);
  assert(ended.message.includes("it has ended (completed)"), ended.message);
});
