/**
 * The tables of a fleet in a real store, judged by engines that others wrote: each runs the lines that
 * `fleet sql` prints for it, and finds what the boxes' logs hold, counted and digested from their lines alone.
 */
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { join } from "@std/path";
import { type Engine, ENGINES } from "../../src/fleet/engines.ts";
import { parseAddress } from "../../src/fleet/address.ts";
import { writeCheckpoint } from "../../src/fleet/lake/checkpoint.ts";
import { Fleet } from "../../src/fleet/fleet.ts";
import { KeySource } from "../../src/fleet/keys.ts";
import { LAKE_TABLES, lakeTable } from "../../src/fleet/lake/lake.ts";
import { ObjectStore } from "../../src/fleet/store.ts";
import { DeltaTable } from "../../src/fleet/lake/table.ts";
import { IS_FULL, tempFolder, writePart } from "../harness.ts";
import { Ceph, HAS_CEPH } from "./ceph.ts";
import { ask, DIGEST_OF, HAS_ENGINE } from "./engines.ts";
import { fleetWorld, openStore, URL_OF_LAB } from "./fleets.ts";

const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 0, 30);
const POLICIES = ["carry", "momentum", "reversal", "value", "quality"];

/** What the full suite asks of the engines takes millions of events; a newcomer's machine takes fewer. */
const EVENTS = Number(Deno.env.get("LEDGER_TEST_FLEET_EVENTS") ?? 2_000_000);
const BOXES = IS_FULL ? 8 : 2;
const RUNS = IS_FULL ? 1_000 : 8;

const IDS_OF_A_BOX = 1 << 27;

const COLUMNS = {
  events: [
    ...["box", "event_id", "event_type", "run_id", "timestamp_ms", "fields_ok", "payload"],
    ...["log_day", "log_part", "log_offset"],
  ],
  trials: [
    ...["box", "run_id", "trial_id", "recorded_at_ms", "params", "metrics", "event_id"],
    ...["log_day", "log_part", "log_offset"],
  ],
} as const;
type Table = keyof typeof COLUMNS;

/** A fleet in a real store. */
interface Lab {
  ceph: Ceph;
  folder: string;
  boxes: { name: string; dir: string }[];
  open(dir: string): Fleet;
}

async function withLab(body: (lab: Lab) => Promise<void>): Promise<void> {
  using folder = tempFolder();
  const of_ceph = join(folder.path, "ceph");
  Deno.mkdirSync(of_ceph);
  await using ceph = await Ceph.start({ folder: of_ceph, is_in_memory: true });
  const world = fleetWorld(ceph.keys);
  const open = (dir: string) =>
    Fleet.open(world, dir, { url: URL_OF_LAB, endpoint: ceph.endpoint });
  const boxes = Array.from({ length: BOXES }, (_, n) => ({
    name: `box-${n}`,
    dir: join(folder.path, `box-${n}`),
  }));
  for (const [n, { name, dir }] of boxes.entries()) {
    using fleet = open(dir);
    if (n === 0) await fleet.init();
    await fleet.join(name);
  }
  await body({ ceph, folder: folder.path, boxes, open });
}

/** A line of the log: mostly trials of a parameter search, each with the return of one day. */
function lineOf(box: string, run: number, n: number, timestamp_ms: number): string {
  const policy = POLICIES[run % POLICIES.length];
  const run_id = `${box}-run-${run}`;
  // No other box has it.
  const number = Number(box.slice("box-".length)) * IDS_OF_A_BOX + n;
  const event_id = `${timestamp_ms}_${number.toString(16).padStart(8, "0")}`;
  // Returns that differ in their means by policy, and look random within it.
  const ret = (((n * 7919 + run * 104_729) % 2_001) - 1_000 + (run % POLICIES.length) * 20) / 1e5;
  const event = n % 10 !== 9
    ? {
      event_type: "trial.recorded",
      run_id,
      trial_id: `t${n}`,
      params: { policy, note: n % 97 === 0 ? "a|b 'ü' \u{1f600}" : "" },
      metrics: { ret },
    }
    : n % 20 === 19
    ? {
      event_type: "phase.completed",
      run_id,
      phase_name: `p'${n}"\\`,
      duration_ms: n,
      output_summary: {},
    }
    : { event_type: "lab.note", text: `line ${n}\nand \u0000 more` };
  return JSON.stringify({ ...event, timestamp_ms, event_id }) + "\n";
}

/** Writes `count` events into one part of each day of a box, its runs spread over them. */
function writeLog(
  box: Lab["boxes"][number],
  at: number,
  count: number,
  days: number,
  part = 1,
): void {
  const a_day = Math.ceil(count / days);
  const first = (part - 1) * count;
  for (let day = 0; day < days; day++) {
    const start_ms = START_MS + day * DAY_MS;
    const range = { from: first + day * a_day, to: first + Math.min(count, (day + 1) * a_day) };
    const log_day = new Date(start_ms).toISOString().slice(0, 10);
    const lines = piecesOf(box.name, at, range, start_ms);
    writePart(box.dir, { day: log_day, writer: "", number: part }, lines);
  }
}

/** The n-th to the m-th line of a box, many at a time. */
function* piecesOf(
  box: string,
  at: number,
  { from, to }: { from: number; to: number },
  start_ms: number,
): Generator<string> {
  const runs = RUNS / BOXES;
  for (let piece = from; piece < to; piece += 5_000) {
    let text = "";
    for (let n = piece; n < Math.min(piece + 5_000, to); n++) {
      text += lineOf(box, at * runs + n % runs, n, start_ms + (n - from) * 20);
    }
    yield text;
  }
}

interface Truth {
  events: { count: string; digest: string };
  trials: { count: string; digest: string };
  /** Of each policy the mean of its runs' ratios of Sharpe, the best first. */
  sharpe: [policy: string, sharpe: number][];
}

/** Counts and digests of what the tables have to hold, from the lines in the boxes' folders. */
function truthOf({ boxes }: Lab): Truth {
  const sums = { events: { count: 0, sum: 0n }, trials: { count: 0, sum: 0n } };
  const runs = new Map<string, { policy: string; n: number; sum: number; squares: number }>();
  const take = (table: Table, row: Record<string, unknown>) => {
    const text = COLUMNS[table].map((name) => row[name] ?? "~").join("|");
    sums[table].count++;
    sums[table].sum += BigInt(`0x${createHash("md5").update(text).digest("hex").slice(0, 8)}`);
  };
  for (const { name: box, dir } of boxes) {
    for (const { name: day } of Deno.readDirSync(join(dir, "events"))) {
      if (!day.startsWith("day=")) continue;
      for (const { name } of Deno.readDirSync(join(dir, "events", day))) {
        if (!name.endsWith(".jsonl")) continue;
        let log_offset = 0;
        for (const line of linesOf(join(dir, "events", day, name))) {
          const event = JSON.parse(line);
          const { timestamp_ms: recorded_at_ms, event_type } = event;
          const is_trial = event_type === "trial.recorded";
          const log_day = day.slice("day=".length);
          const place = { box, log_day, log_part: name.replace(".jsonl", ""), log_offset };
          const payload = is_trial ? null : line;
          take("events", { ...event, ...place, fields_ok: true, payload });
          if (is_trial) {
            const [params, metrics] = [event.params, event.metrics].map((each) =>
              JSON.stringify(each)
            );
            take("trials", { ...event, ...place, recorded_at_ms, params, metrics });
            const { params: { policy }, metrics: { ret }, run_id } = event;
            const run = runs.getOrInsertComputed(
              run_id,
              () => ({ policy, n: 0, sum: 0, squares: 0 }),
            );
            run.n++;
            run.sum += ret;
            run.squares += ret * ret;
          }
          log_offset += new TextEncoder().encode(line).length + 1;
        }
      }
    }
  }
  const said = ({ count, sum }: { count: number; sum: bigint }) => ({
    count: String(count),
    digest: String(sum),
  });
  const ratios = Map.groupBy(runs.values(), ({ policy }) => policy);
  const sharpe = [...ratios].map(([policy, runs]) => {
    const of_runs = runs.map(({ n, sum, squares }) =>
      sum / n / Math.sqrt((squares - sum * sum / n) / (n - 1)) * Math.sqrt(252)
    );
    return [policy, of_runs.reduce((total, each) => total + each) / runs.length] as [
      string,
      number,
    ];
  }).sort(([, one], [, other]) => other - one);
  return { events: said(sums.events), trials: said(sums.trials), sharpe };
}

/** Lines of a file that may be large. */
function* linesOf(path: string): Generator<string> {
  using file = Deno.openSync(path);
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(4 << 20);
  let rest = "";
  for (let count = file.readSync(buffer); count !== null; count = file.readSync(buffer)) {
    const lines = (rest + decoder.decode(buffer.subarray(0, count), { stream: true })).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
  assertEquals(rest, "");
}

/** Writes what a box has in one part into a part of another: each event of it stands in two places then. */
function writeCopies({ boxes: [from, to] }: Lab, number: number): void {
  for (const day of [0, 1]) {
    const log_day = new Date(START_MS + day * DAY_MS).toISOString().slice(0, 10);
    const part = join(from.dir, "events", `day=${log_day}`, "part-000001.jsonl");
    writePart(to.dir, { day: log_day, writer: "", number }, [Deno.readFileSync(part)]);
  }
}

async function shipAndFold(
  { boxes, folder, open }: Lab,
  options: { merge_all?: boolean } = {},
): Promise<void> {
  for (const { dir } of boxes) {
    using fleet = open(dir);
    await fleet.ship();
  }
  using job = open(join(folder, "job"));
  assertEquals((await job.fold(options)).poison, []);
}

/** Runs an engine's lines, and compares each table; the answers to further questions. */
async function judge(
  { ceph, folder, open }: Lab,
  engine: Engine,
  truth: Truth,
  once: Truth["events"],
  { more = "", questions = [] }: { more?: string; questions?: readonly string[] } = {},
) {
  using fleet = open(join(folder, "reader"));
  const lines = await fleet.sql(engine) + more;
  const tables = Object.keys(COLUMNS) as Table[];
  const digests = tables.map((table) => DIGEST_OF[engine](table, COLUMNS[table]));
  const of_engine = join(folder, engine);
  Deno.mkdirSync(of_engine);
  const once_question = DIGEST_OF[engine]("events_once", COLUMNS.events);
  const asked = [...digests, once_question, ...questions];
  const answers = await ask(engine, lines, asked, { env: ceph.keys, folder: of_engine });
  for (const [at, table] of tables.entries()) {
    assertEquals(answers[at], [truth[table]], `${engine}: ${table}`);
  }
  assertEquals(answers[tables.length], [once], `${engine}: events_once`);
  return answers.slice(tables.length + 1);
}

const engines = ENGINES.filter((engine) => HAS_ENGINE[engine] && (IS_FULL || engine !== "spark"));

if (HAS_CEPH && engines.length > 0 && !IS_FULL) {
  Deno.test(`${engines.join(", ")} find in the tables what the boxes' logs hold`, async () => {
    await withLab(async (lab) => {
      for (const part of [1, 2]) {
        for (const [at, box] of lab.boxes.entries()) writeLog(box, at, 500, 2, part);
        await shipAndFold(lab);
      }
      const { events: once } = truthOf(lab);
      writeCopies(lab, 3);
      await shipAndFold(lab, { merge_all: true });
      const truth = truthOf(lab);
      assertEquals([once.count, truth.events.count, truth.trials.count], ["2000", "2500", "2250"]);
      await Promise.all(engines.map((engine) => judge(lab, engine, truth, once)));
    });
  });
}

/** The best policy by its runs' ratio of Sharpe, as Spark is asked. */
const BEST_POLICY = `SELECT policy, count(*) AS runs, avg(sharpe) AS sharpe FROM (
  SELECT run_id, policy, avg(ret) / stddev_samp(ret) * sqrt(252) AS sharpe FROM (
    SELECT run_id, get_json_object(params, '$.policy') AS policy,
      cast(get_json_object(metrics, '$.ret') AS double) AS ret FROM trials)
  GROUP BY run_id, policy)
GROUP BY policy ORDER BY sharpe DESC`;

/** What a maintainer asks of a table, in Spark: its history, what a vacuum would delete, and its stream. */
const SPARK_MAINTAINS = `
spark.conf.set("spark.databricks.delta.retentionDurationCheck.enabled", "false")
def history(path):
    rows = spark.sql(f"DESCRIBE HISTORY delta.\`{path}\`").collect()
    return [{"version": row.version, "operation": row.operation} for row in rows]
def vacuum(path):
    rows = spark.sql(f"VACUUM delta.\`{path}\` RETAIN 0 HOURS DRY RUN").collect()
    return [row.path for row in rows]
def stream(path, checkpoint):
    counts = []
    reader = spark.readStream.format("delta").option("startingVersion", "0")
    writer = reader.load(path).writeStream.option("checkpointLocation", checkpoint)
    query = writer.foreachBatch(lambda rows, number: counts.append(rows.count()))
    query.trigger(availableNow=True).start().awaitTermination()
    return counts
`;

/** The same with delta-rs. */
const DELTA_RS_MAINTAINS = `
from deltalake import DeltaTable
def history(path):
    table = DeltaTable(path, storage_options=options)
    return [{"version": each["version"], "operation": each["operation"]} for each in table.history()]
def vacuum(path):
    table = DeltaTable(path, storage_options=options)
    return table.vacuum(
        retention_hours=0, dry_run=True, enforce_retention_duration=False, full=True
    )
`;

/** Copies a table's objects to another prefix of the bucket, with an orphan: a file that is no part of it. */
async function copyTable(store: ObjectStore, name: string): Promise<string> {
  const copy = parseAddress("s3://lab/copy", store.address.endpoint);
  using target = new ObjectStore(store.world, copy, new KeySource(store.world));
  for await (const { key } of store.list(`lake/${name}/`)) {
    await target.put(key, (await store.get(key))!, { create_only: true });
  }
  const orphan = `log_day=2026-01-30/${crypto.randomUUID()}.parquet`;
  await target.put(`lake/${name}/${orphan}`, new TextEncoder().encode("nobody's"), {
    create_only: true,
  });
  return orphan;
}

if (IS_FULL) {
  Deno.test("Spark on several executors, ClickHouse, DuckDB and Polars find what eight boxes' logs hold; Spark and delta-rs find no fault as maintainers", async () => {
    const lacking = ENGINES.filter((engine) => !HAS_ENGINE[engine]);
    assertEquals([HAS_CEPH, lacking], [true, []], "Ceph's and the engines' packages are needed");
    await withLab(async (lab) => {
      const store = openStore(lab.ceph);
      const rounds = 3;
      let cut: () => Promise<void> = () => Promise.resolve();
      for (let part = 1; part <= rounds; part++) {
        const count = Math.floor(EVENTS / BOXES / rounds);
        for (const [at, box] of lab.boxes.entries()) writeLog(box, at, count, 2, part);
        await shipAndFold(lab);
        if (part === 2) cut = await writeCheckpoints(store, lab.folder);
      }
      const { events: once } = truthOf(lab);
      writeCopies(lab, rounds + 1);
      await shipAndFold(lab, { merge_all: true });
      const truth = truthOf(lab);
      console.log(`${truth.events.count} events of ${RUNS} runs, ${BOXES} boxes`);
      const orphan = await copyTable(store, "events");
      const snapshot = await new DeltaTable(store, lakeTable("events")).refresh();
      await cut();
      for (const engine of ["clickhouse", "duckdb"] as const) await judge(lab, engine, truth, once);

      // The table is made, each round writes once, copies come, and both days are merged.
      const operations = [
        "CREATE TABLE",
        ...Array(rounds + 1).fill("WRITE"),
        "OPTIMIZE",
        "OPTIMIZE",
      ];
      const written = operations.map((operation, version) => ({ version, operation })).reverse();
      const { removed } = snapshot;
      const unused = [...removed.keys(), orphan].sort();
      const copy = "s3://lab/copy/lake/events";
      const [of_polars, of_delta_rs] = await judge(lab, "polars", truth, once, {
        more: DELTA_RS_MAINTAINS,
        questions: [`history("${copy}")`, `vacuum("${copy}")`],
      });
      assertEquals(of_polars, written);
      assertEquals((of_delta_rs as string[]).sort(), unused);
      const path = "s3a://lab/copy/lake/events";
      const [history, to_delete, streamed, best] = await judge(lab, "spark", truth, once, {
        more: SPARK_MAINTAINS,
        questions: [
          `history("${path}")`,
          `vacuum("${path}")`,
          `stream("${path}", "file://${join(lab.folder, "stream")}")`,
          BEST_POLICY,
        ],
      });
      assertEquals(history, written);
      assertEquals(
        (to_delete as string[]).map((each) => each.slice(path.length + 1)).sort(),
        unused,
      );
      const rows = streamed.reduce<number>((total, count) => total + Number(count), 0);
      assertEquals(String(rows), truth.events.count);
      const found = best as { policy: string; runs: number; sharpe: number }[];
      assertEquals(
        found.map(({ policy, runs }) => [policy, runs]),
        truth.sharpe.map(([policy]) => [
          policy,
          RUNS / POLICIES.length,
        ]),
      );
      for (const [at, [policy, sharpe]] of truth.sharpe.entries()) {
        assertAlmostEquals(found[at].sharpe, sharpe, 1e-6, policy);
      }
    });
  });
}

/** Makes a checkpoint of each table; what deletes the commits below it. */
async function writeCheckpoints(store: ObjectStore, work_folder: string) {
  const below: string[] = [];
  for (const lake of LAKE_TABLES) {
    const table = new DeltaTable(store, lake);
    const snapshot = await table.refresh();
    await writeCheckpoint({ store, table_folder: table.folder, work_folder }, snapshot);
    for (let version = 0; version < snapshot.version; version++) {
      below.push(table.commitKey(version));
    }
  }
  return async () => {
    for (const key of below) await store.remove(key);
  };
}
