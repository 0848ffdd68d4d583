/** Many points: what they take on the disk, and that none is lost where many processes write. */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { IS_FULL } from "../../harness.ts";
import { ledgerOf, newLab } from "../../runs/runs.ts";
import { startScript } from "./crash.ts";

const GO_POINTS = 1_000;
const GOES = IS_FULL ? 1_000 : 25;
const WRITERS = IS_FULL ? 8 : 2;
const RUNS_OF_EACH = IS_FULL ? 125 : 2;

function bytesBelow(folder: string): number {
  return [...Deno.readDirSync(folder)].reduce((sum, { name, isDirectory }) => {
    const path = join(folder, name);
    return sum + (isDirectory ? bytesBelow(path) : Deno.statSync(path).size);
  }, 0);
}

Deno.test("a series in many goes takes at most 12 bytes a point, while it waits and when it is finished", async () => {
  using lab = newLab();
  await using ledger = ledgerOf(lab);
  const run = await ledger.runs.create({ run_type: "full", git: false });
  const count = GOES * GO_POINTS;
  const values = Float64Array.from({ length: count }, Math.random);
  for (let start = 0; start < count; start += GO_POINTS) {
    const points = values.subarray(start, start + GO_POINTS);
    await Promise.all(
      Array.from(points, (loss, at) => run.logMetrics({ loss }, { step: start + at })),
    );
  }
  const assertWhole = async () => {
    const [loss] = await run.readMetrics();
    assertEquals(loss.values, values);
    assert(loss.steps.every((step, at) => step === at));
    const bytes = bytesBelow(join(run.folder, "results")) / count;
    assert(bytes <= 12, `${bytes} bytes a point`);
  };
  await assertWhole();
  await run.markSuccess();
  await assertWhole();
});

Deno.test("of runs that many processes log to at once, no point is lost", async () => {
  using lab = newLab();
  const writers = Array.from(
    { length: WRITERS },
    (_, writer) =>
      startScript("../scripts/bench/metrics_writer.ts", [
        ...[lab.dir, lab.runs_dir, `w${writer}`, String(RUNS_OF_EACH)],
      ]),
  );
  for (const writer of writers) {
    const { code, stderr } = await writer.end();
    assertEquals(code, 0, stderr);
  }
  await using ledger = ledgerOf(lab);
  for (let writer = 0; writer < WRITERS; writer++) {
    for (let n = 0; n < RUNS_OF_EACH; n++) {
      const series = await (await ledger.runs.find(`w${writer}-${n}`)).readMetrics();
      assertEquals(series.map(({ name, steps }) => [name, steps.length]), [
        ["loss", GO_POINTS],
        [`w${writer}`, GO_POINTS],
      ]);
    }
  }
  const { findings } = await ledger.runs.verify({ deep: true });
  assertEquals(findings, []);
});
