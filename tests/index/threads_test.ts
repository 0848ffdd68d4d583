/** A large log is read on a thread of its own; the index does not show it. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { LedgerError } from "../../src/base/error.ts";
import { spool_bytes_max } from "../../src/base/limits.ts";
import { ingestOnThread } from "../../src/index/ingest.ts";
import { binaryTest } from "../binary/binary.ts";
import { testWorld, writePart } from "../harness.ts";
import { withSeed } from "../laws/random.ts";
import { ledgerFolder, line, sync } from "./indexes.ts";
import { LineMaker } from "./lines.ts";

const DAY = "2026-01-20";
const DAY_MS = Date.parse(DAY);

/** Trials, and a few of everything else, until they are more than goes to DuckDB in one go. */
function writeLargeLog(dir: string, maker?: LineMaker): void {
  const pieces: (string | Uint8Array)[] = [];
  const padding = "x".repeat(200);
  for (let bytes = 0, trial = 0; bytes < 1.5 * spool_bytes_max; trial++) {
    const text = line({
      event_id: `t-${trial}`,
      event_type: "trial.recorded",
      timestamp_ms: DAY_MS + trial,
      run_id: `run-${trial % 10}`,
      trial_id: `trial-${trial}`,
      params: { padding },
      metrics: { trial },
    });
    bytes += text.length;
    pieces.push(text);
    if (maker && trial % 50 === 0) pieces.push(maker.line(), "\n");
  }
  writePart(dir, { day: DAY, number: 1, writer: "" }, pieces);
}

Deno.test("an index is the same whether its log was read on another thread or on this one", () =>
  withSeed(async (random) => {
    using folder = ledgerFolder();
    writeLargeLog(folder.path, new LineMaker(random, [DAY_MS]));
    const read: number[] = [];
    const onProgress = (bytes: number) => void read.push(bytes);
    const beside = await sync(folder.path, { full: true, onProgress });
    const progress_of_thread = read.splice(0).length;
    const world = { ...testWorld(), has_threads: false };
    const here = await sync(folder.path, { full: true, onProgress }, world);
    assert(progress_of_thread < read.length, "the first was not read on another thread");
    assertEquals(
      [beside.tables, beside.total, beside.new_events, beside.new_bytes, beside.rejected],
      [here.tables, here.total, here.new_events, here.new_bytes, here.rejected],
    );
    assertEquals((await sync(folder.path)).kind, "nothing new");
  }));

Deno.test("an error on the reading thread reaches the caller as if it came from its own", async () => {
  using folder = ledgerFolder();
  writeLargeLog(folder.path);
  const nowhere = join(folder.path, "nowhere");
  const request = {
    root: folder.path,
    days: [DAY],
    positions: [],
    folder: nowhere,
    from_nothing: true,
  };
  const error = await assertRejects(
    () => ingestOnThread(request, () => Promise.resolve()),
    LedgerError,
  );
  assertEquals(error.code, "not_found");
  assertStringIncludes(error.where?.path ?? "", nowhere);
});

Deno.test("a batch that cannot be loaded ends the reading thread, and the caller gets the error", async () => {
  using folder = ledgerFolder();
  writeLargeLog(folder.path);
  const request = {
    root: folder.path,
    days: [DAY],
    positions: [],
    folder: folder.path,
    from_nothing: true,
  };
  await assertRejects(
    () => ingestOnThread(request, () => Promise.reject(new Error("no room"))),
    Error,
    "no room",
  );
});

binaryTest(
  "the executable reads a large log on a thread of its own",
  async ({ ledger, folder }) => {
    writeLargeLog(join(folder, "data", "ledger"));
    const { code, stderr } = await ledger(["rebuild", "--full"]);
    assertEquals(code, 0, stderr);
    const asked = await ledger(["query", "select count(*) as n from trial_results", "--json"]);
    assert(JSON.parse(asked.stdout)[0].n > 10_000, asked.stdout);
  },
);
