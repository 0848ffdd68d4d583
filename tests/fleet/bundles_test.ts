/** Ended runs and traced events of a box: in the store once and whole, and in the tables as on the box. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { LedgerError } from "../../src/base/error.ts";
import type { ChainFinding } from "../../src/fleet/chain.ts";
import { FleetHome } from "../../src/fleet/home.ts";
import { Fork, OutgoingChain } from "../../src/fleet/outgoing.ts";
import type { Source } from "../../src/fleet/segment.ts";
import { shippedPath } from "../../src/log/pull/shipped.ts";
import { Ledger } from "../../src/ledger/ledger.ts";
import { compactTraces } from "../../src/trace/store/compact.ts";
import type { TracedEvent } from "../../src/trace/event/event.ts";
import { queryTraces } from "../../src/trace/store/query.ts";
import { TraceStore } from "../../src/trace/store/store.ts";
import { tracePaths } from "../../src/trace/event/files.ts";
import { IS_FULL, testWorld } from "../harness.ts";
import { withSeed } from "../laws/random.ts";
import { finishRun } from "../runs/finished.ts";
import { manifestOf, putFile, putRun } from "../runs/runs.ts";
import { NOON_US, traced } from "../trace/events.ts";
import {
  type Box,
  bundlesOf,
  type FleetLab,
  fleetWorld,
  openLab,
  openStore,
  settled,
  withBoxes,
} from "./fleets.ts";
import { ordered, type Rows, rowsOfTable } from "./tables.ts";

const tracesOf = ({ dir }: Box) => tracePaths(join(dir, "traces")).dir;

async function trace(box: Box, events: readonly TracedEvent[]): Promise<TraceStore> {
  const store = await TraceStore.open(testWorld(), tracesOf(box));
  for (const event of events) store.record(event);
  store.flush();
  return store;
}

const fills = (name: string, count = 4): TracedEvent[] =>
  Array.from({ length: count }, (_, n) =>
    traced({
      event_type: n % 2 === 0 ? "FILL" : "ORDER",
      event_id: `${name}${n}`,
      correlation_id: `c${n % 3}`,
      timestamp: NOON_US + n * 9_000_000_000,
      created_at: n % 3 === 0 ? NOON_US + 86_400_000_000 + n : undefined,
      data: { price: 1.5, text: 'ä\n"', n: 2 ** 60 },
    }));

/** The rows of the tables that bundles become, as the boxes' own catalogs and traces have them. */
async function rowsOfBoxes(boxes: readonly Box[]): Promise<Record<string, Rows>> {
  const found: Record<string, Rows> = { runs: [], artifacts: [], alerts: [], traces: [] };
  const day = "strftime(created_at, '%Y-%m-%d') as log_day";
  const of_run =
    `(select ${day} from backtest_runs_catalog r where r.run_id = t.run_id) as log_day`;
  const texts = ["dataset", "parameters", "timing", "summary"].map((name) =>
    `${name}::varchar as ${name}`
  );
  const times = ["created_at", "started_at", "completed_at"].map((name) =>
    `epoch_ms(${name}) as ${name}_ms`
  );
  for (const box of boxes) {
    await using ledger = new Ledger({ dir: box.dir, runs_dir: box.runs_dir });
    const take = async (table: string, db: "catalog" | "alerts", sql: string) => {
      await using index = await ledger.openIndex({ db });
      for (const row of await index.rows(sql)) found[table].push({ box: box.name, ...row });
    };
    if (ledger.runs.exists()) {
      await ledger.runs.sync();
      await ledger.runs.syncAlerts();
      await take(
        "runs",
        "catalog",
        `select t.* exclude (dataset, parameters, timing, summary,
        created_at, started_at, completed_at), ${texts}, ${times}, ${day} from backtest_runs_catalog t`,
      );
      await take("artifacts", "catalog", `select t.*, ${of_run} from backtest_artifacts_catalog t`);
      await take("alerts", "alerts", `select t.* from alert_uses t`);
    }
    for (const event of await queryTraces(testWorld(), tracesOf(box))) {
      const log_day = new Date((event.created_at ?? event.timestamp) / 1000).toISOString().slice(
        0,
        10,
      );
      found.traces.push({ box: box.name, ...event, data: JSON.stringify(event.data), log_day });
    }
  }
  return found;
}

async function assertIsUnion({ strict, boxes, folder }: FleetLab): Promise<void> {
  using store = openStore(strict);
  const expected = await rowsOfBoxes(boxes);
  for (const [name, rows] of Object.entries(expected)) {
    const found = await rowsOfTable(store, name, folder);
    const comparable = (all: Rows) => ordered(all.map((row) => numbered(row)));
    // A call has the day of its run, which an index of alerts does not know.
    const of_table = name === "alerts" ? found.map(({ log_day: _, ...row }) => row) : found;
    assertEquals(comparable(of_table), comparable(rows), name);
  }
}

/** Whole numbers alike, whether DuckDB or JSON says them. */
function numbered(row: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(row).map((
      [name, value],
    ) => [name, typeof value === "bigint" ? Number(value) : value]),
  );
}

/** Fails unless what is pulled of runs and traces are the rows of the tables. */
async function assertPulledAsFolded({ strict, boxes, folder }: FleetLab): Promise<void> {
  const dir = join(folder, "reader");
  using reader = openLab(strict, dir);
  assertEquals((await reader.pull()).poison, []);
  await using ledger = new Ledger({ dir });
  await using index = await ledger.openIndex({ db: "fleet" });
  using store = openStore(strict);
  for (const name of ["runs", "artifacts", "alerts", "traces"]) {
    const rows = ordered(await index.rows(`select * from ${name}`));
    assertEquals(rows, await rowsOfTable(store, name, folder), name);
    assertEquals(rows.length > 0, true, name);
  }
  for (const { name, dir, runs_dir } of boxes) {
    const sql = (table: string, where = "") =>
      `select columns(lambda c: c != 'box') from ${table} ${where}`;
    await using own = new Ledger({ dir, runs_dir });
    await own.runs.sync();
    await using catalog = await own.openIndex({ db: "catalog" });
    await using traces = await own.traces.openDatabase();
    for (
      const [table, local] of [
        ["backtest_runs_catalog", catalog],
        ["backtest_artifacts_catalog", catalog],
        ["trace_events", traces],
      ] as const
    ) {
      const pulled = await index.rows<Rows[number]>(sql(table, `where box = '${name}'`));
      assertEquals(ordered(pulled), ordered(await local.rows(sql(table))), table);
    }
  }
}

Deno.test("ended runs and traced events of each box are rows of the tables, as its own catalog and traces have them", async () => {
  await withBoxes(2, async (lab) => {
    const [one, two] = lab.boxes;
    for (const [at, box] of lab.boxes.entries()) {
      await finishRun(box, `r'${at} ä`, { calls: ["c1", "c2"] });
      await (await trace(box, fills(`${box.name}-`))).close();
    }
    await finishRun(one, "failed", { failed: true, created: "2026-02-01T00:00:00Z" });
    putRun(one, "open", { status: "running" });
    using job = lab.job();
    await job.fold();
    const { artifacts, traces } = await one.ship();
    assertEquals([artifacts.runs, artifacts.shipped, traces.events], [2, 1, 4]);
    await two.ship();
    assertEquals((await job.fold()).poison, []);
    if (IS_FULL) await assertIsUnion(lab);
    await assertPulledAsFolded(lab);
    assertEquals((await one.ship()).artifacts.shipped, 0);
    await finishRun(two, "later");
    await (await trace(two, fills("later-"))).close();
    await two.ship();
    using other = lab.job();
    await other.fold();
    await assertIsUnion(lab);
    await assertPulledAsFolded(lab);
    assertEquals((await job.verify({ deep: true })).findings, []);
    const vector = (await job.tables("box-1")).map(({ table, at, head }) => [table, at, head]);
    const of_bundles = ["runs", "artifacts", "alerts", "traces"].map((table) => [table, 2, 2]);
    assertEquals(vector.slice(2), of_bundles);
  });
});

Deno.test("however stores of traces end, are merged, and are shipped, each event is in the store once", async () => {
  await withBoxes(1, async (lab) => {
    const [box] = lab.boxes;
    const dir = tracesOf(box);
    const alive = await trace(box, fills("alive-"));
    await (await trace(box, fills("a-"))).close();
    assertEquals((await box.ship()).traces.events, 4);
    await (await trace(box, fills("b-"))).close();
    await compactTraces(testWorld(), dir);
    // Of the merged files a part is in the store.
    assertEquals((await box.ship()).traces.events, 4);
    await (await trace(box, fills("c-"))).close("later");
    await compactTraces(testWorld(), dir);
    Deno.removeSync(shippedPath(box.dir, "traces"));
    const { adopted, events } = (await box.ship()).traces;
    assertEquals([adopted, events], [2, 4]);
    await alive.close();
    await compactTraces(testWorld(), dir);
    assertEquals((await box.ship()).traces.events, 4);
    assertEquals((await box.ship()).traces.shipped, 0);
    using job = lab.job();
    await job.fold();
    await assertIsUnion(lab);
  });
});

Deno.test("whatever the store answers, and whoever else ships this box, each run and event is there once", async () => {
  await withSeed((draw) =>
    withBoxes(1, async (lab) => {
      const [box] = lab.boxes;
      const faults = ["503", "409", "cut", "lost", "lost"] as const;
      for (let round = 0; round < (IS_FULL ? 8 : 3); round++) {
        lab.strict.options.faultOf = undefined;
        for (let n = draw.below(3); n > 0; n--) putRun(box, `run-${round}-${n}`);
        if (draw.chance(0.7)) await (await trace(box, fills(`${round}-`))).close();
        if (draw.chance(0.3)) await compactTraces(testWorld(), tracesOf(box));
        for (const source of ["artifacts", "traces"]) {
          if (draw.chance(0.2)) {
            await Deno.writeTextFile(shippedPath(box.dir, source), "{torn").catch(() => {});
          }
        }
        lab.strict.options.faultOf = () => draw.chance(0.3) ? draw.pick(faults) : undefined;
        const shipments = Array.from({ length: 1 + draw.below(2) }, () => box.ship());
        await settled(shipments);
      }
      lab.strict.options.faultOf = undefined;
      await box.ship();
      using job = lab.job();
      await job.fold();
      await assertIsUnion(lab);
      assertEquals((await job.verify({ deep: true })).findings, []);
    })
  );
});

Deno.test("a large file is an object of its own, before its run; one that was deleted is missed, named, and put again", async () => {
  await withBoxes(1, async (lab) => {
    const [box] = lab.boxes;
    const run_path = putRun(box, "ä=%");
    const large = "x".repeat(1_100_000);
    putFile(box, run_path, "results/big ü.txt", large);
    // As a line it is longer than any event.
    putFile(box, run_path, "results/bundled.txt", "y".repeat(1_000_000));
    await box.ship();
    const objects = lab.strict.objects("lab");
    const key = "fleet/runs/box=box-0/2026-01/run_id==C3=A4=3D=25/results/big=20=C3=BC.txt";
    assertEquals(new TextDecoder().decode(objects.get(key)?.bytes), large);
    using job = lab.job();
    objects.delete(key);
    const [finding, ...others] = (await job.verify({ deep: true })).findings;
    assertEquals([finding.source, finding.seq, others], ["artifacts", 1, []]);
    assertStringIncludes(finding.problem, "big=20=C3=BC.txt");
    const bundle = "fleet/artifacts/box=box-0/000000000001.parquet";
    const before = objects.get(bundle)!;
    objects.delete(bundle);
    using fleet = box.open();
    assertEquals(await fleet.repair(), { box: "box-0", put: 2, lost: [] });
    assertEquals(objects.get(bundle)!.meta, before.meta);
    assertEquals((await job.verify({ deep: true })).findings, []);
    assertEquals((await box.ship()).artifacts.shipped, 0);
    await job.fold();
    await assertIsUnion(lab);
  });
});

Deno.test("a store that does not answer for a file of a run is no finding", async () => {
  await withBoxes(1, async ({ boxes: [box], strict, job }) => {
    putFile(box, putRun(box, "large"), "results/large.txt", "x".repeat(1_100_000));
    await box.ship();
    strict.options.faultOf = ({ key }) => key.endsWith("/large.txt") ? "503" : undefined;
    using fleet = job();
    const end = await fleet.verify({ deep: true }).catch((error) => error);
    assertEquals(end.code, "unreachable");
  });
});

Deno.test("patches and attached files stay on the box, unless it joined so; so do runs that were pulled", async () => {
  await withBoxes(2, async (lab) => {
    const [one, two] = lab.boxes;
    const run_path = putRun(one, "r");
    putFile(one, run_path, "provenance/diff.patch", "secret");
    putFile(one, run_path, "files/model.bin", "m");
    const paths = (box: Box) => bundlesOf(box).map(({ path }) => path).sort();
    await one.ship();
    assertEquals(paths(one), ["_SUCCESS", "run.json"]);
    putRun(two, "own");
    await using ledger = new Ledger({ dir: two.dir, runs_dir: two.runs_dir });
    await ledger.emit({ event_type: "run.started", run_id: "own" });
    await one.emit(1);
    const { runs } = await ledger.upkeep.pull({ from: one.dir, runs: one.runs_dir });
    assertEquals(runs.taken.map((run) => run.run_path), [run_path]);
    await two.join({ with_code: true, with_files: true });
    const own = putRun(two, "mine");
    putFile(two, own, "provenance/diff.patch", "patch");
    putFile(two, own, "files/model.bin", "m");
    assertEquals((await two.ship()).artifacts.runs, 2);
    assertEquals(paths(two), [
      "_SUCCESS",
      "_SUCCESS",
      "files/model.bin",
      "provenance/diff.patch",
      "run.json",
      "run.json",
    ]);
  });
});

Deno.test("a bundle that cannot be taken stops its box in the tables of its chain, and no other; another run of that id here is a fork", async () => {
  await withBoxes(2, async (lab) => {
    const [bad, good] = lab.boxes;
    for (const box of lab.boxes) {
      putRun(box, "first");
      await box.emit(1);
      await box.ship();
      putRun(box, "second");
      await box.ship();
    }
    const objects = lab.strict.objects("lab");
    const key = `fleet/artifacts/box=${bad.name}/000000000002.parquet`;
    objects.get(key)!.bytes.fill(0, 40, 60);
    using job = lab.job();
    const { poison } = await job.fold();
    const place = { box: bad.name, source: "artifacts" as const, seq: 2 };
    assertEquals(poison.map(({ problem: _, ...where }) => where), [place]);
    using store = openStore(lab.strict, fleetWorld());
    const runs = (await rowsOfTable(store, "runs", lab.folder)).map(({ box }) => box);
    assertEquals(runs, [bad.name, good.name, good.name]);
    assertEquals((await rowsOfTable(store, "events", lab.folder)).length, 2);

    Deno.removeSync(shippedPath(good.dir, "artifacts"));
    putRun(good, "second", { created_at: "2026-01-18T00:00:00Z" });
    putRun(good, "third");
    const fork = await assertRejects(() => good.ship(), Fork);
    assertStringIncludes(
      fork.message,
      "segment 2 of artifacts of box box-1 is not of this disk: run second",
    );
  });
});

/** Puts a bundle that another program made of these lines. */
async function forge(box: Box, source: Source, lines: readonly unknown[]): Promise<void> {
  using store = openStore(box.strict);
  const member = new FleetHome(testWorld(), box.dir).member();
  const root = join(box.folder, "forger", box.name);
  const adopt = () => Promise.resolve({ holds: [] });
  const chain = new OutgoingChain(source, { store, root, box: member, adopt });
  await chain.begin();
  const text = lines.map((line) => `${typeof line === "string" ? line : JSON.stringify(line)}\n`);
  assertEquals(await chain.send(source, new TextEncoder().encode(text.join(""))), true);
}

Deno.test("a bundle with a line that is none stops its box and no other, in a fold and a pull; the box itself names it", async () => {
  const manifest = { run_path: "2026-01/run_id=x", path: "run.json", bytes: 1, sha256: "a" };
  const event = { ...fills("x-", 1)[0], file: "date=2026-01-23/type=FILL/a.parquet", data: "{}" };
  const alerts = { path: "a.parquet", rows: 1 };
  const forged: [Source, unknown[]][] = [
    ["artifacts", [{ ...manifest, content: "%%%" }]],
    ["artifacts", [{ ...manifest, path: "a.parquet", content: "%%%" }, {
      ...manifest,
      content: btoa(JSON.stringify(manifestOf("x", { artifacts: { alerts } }))),
    }]],
    ["artifacts", [null]],
    ["traces", ["no JSON"]],
    ["traces", [event, {}]],
    ["traces", [{ ...event, timestamp: "soon" }]],
    ["traces", [{ ...event, data: "{" }]],
    ["traces", [{ ...event, box: "box-1" }]],
  ];
  await withBoxes(forged.length + 1, async (lab) => {
    const good = lab.boxes.at(-1)!;
    putRun(good, "r");
    await (await trace(good, fills("good-"))).close();
    await good.ship();
    for (const [at, [source, lines]] of forged.entries()) {
      await forge(lab.boxes[at], source, lines);
    }
    const expected = forged.map(([source], at) => ({ box: `box-${at}`, source, seq: 1 }));
    const where = (poison: readonly ChainFinding[]) =>
      poison.map(({ problem: _, ...place }) => place).sort((a, b) => a.box < b.box ? -1 : 1);
    using job = lab.job();
    assertEquals(where((await job.fold()).poison), expected);
    using reader = openLab(lab.strict, join(lab.folder, "reader"));
    assertEquals(where((await reader.pull()).poison), expected);
    using store = openStore(lab.strict);
    const boxesIn = async (table: string) =>
      (await rowsOfTable(store, table, lab.folder)).map(({ box }) => box).sort();
    // The run of a bundle whose calls cannot be read has a row: only the table of calls asks for them.
    assertEquals(await boxesIn("runs"), ["box-1", good.name]);
    assertEquals(await boxesIn("traces"), Array(4).fill(good.name));
    for (const at of [0, 3]) {
      const box = lab.boxes[at];
      putRun(box, "r");
      await (await trace(box, fills("own-"))).close();
      const error = await assertRejects(() => box.ship(), LedgerError);
      assertStringIncludes(error.message, "a line is no ");
    }
  });
});

Deno.test("files that are objects because their run's bundle is full are put again too", async () => {
  await withBoxes(1, async (lab) => {
    const [box] = lab.boxes;
    const run_path = putRun(box, "r");
    for (let n = 0; n < 20; n++) {
      putFile(box, run_path, `results/${n}.txt`, String.fromCharCode(97 + n).repeat(1_000_000));
    }
    await box.ship();
    const objects = lab.strict.objects("lab");
    const [key] = lab.strict.keysOf("lab").filter((key) => key.startsWith("fleet/runs/"));
    objects.delete(key);
    using job = lab.job();
    assertEquals((await job.verify({ deep: true })).findings.length, 1);
    using fleet = box.open();
    assertEquals(await fleet.repair(), { box: "box-0", put: 1, lost: [] });
    assertEquals((await job.verify({ deep: true })).findings, []);
  });
});
