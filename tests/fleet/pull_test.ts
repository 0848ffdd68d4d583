/** What was pulled of a fleet is the union of its boxes' own indexes, however often a pull is cut off. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { LedgerError } from "../../src/base/error.ts";
import type { Database } from "../../src/duckdb/connection.ts";
import { openSnapshot } from "../../src/duckdb/snapshot_swap.ts";
import type { Fleet } from "../../src/fleet/fleet.ts";
import { CONTENT_TABLES } from "../../src/index/tables.ts";
import { syncIndex } from "../../src/index/sync.ts";
import { Ledger } from "../../src/ledger/ledger.ts";
import { ledgerPaths } from "../../src/log/mod.ts";
import { IS_FULL, writePart } from "../harness.ts";
import { failEachWay, type FaultyDisk, LONG_STRIDE } from "../crash/faults/faults.ts";
import { RandomLog } from "../index/random_log.ts";
import { withSeed } from "../laws/random.ts";
import { type FleetLab, fleetWorld, openLab, withBoxes } from "./fleets.ts";

/** Requests between those at which a pull ends. */
const STRIDE = IS_FULL ? 1 : 9;

/** The ledger that pulls. */
const readerOf = ({ folder }: FleetLab) => join(folder, "reader");

async function pull(lab: FleetLab, options?: Parameters<Fleet["pull"]>[0]) {
  using fleet = openLab(lab.strict, readerOf(lab));
  return await fleet.pull(options);
}

async function openPulled(lab: FleetLab): Promise<Database> {
  await using ledger = new Ledger({ dir: readerOf(lab) });
  return await ledger.openIndex({ db: "fleet" });
}

/** Tables of an index, and its views, with what each says of one box's rows. */
const RELATIONS = [
  ...CONTENT_TABLES,
  ...["events", "trial_results", "latest_runs", "run_phase_summary", "run_claims"],
  ...["backtest_runs", "event_latencies"].map((name) => `backtest_analytics.${name}`),
];

async function digestsOf(database: Database, box?: string): Promise<Record<string, string>> {
  const digests: Record<string, string> = {};
  for (const relation of RELATIONS) {
    // Whether a day is archived is not in the lines.
    const columns = "columns(lambda name: name not in ('box', 'is_archived'))";
    const rows = `(select ${columns} from ${relation} ${
      box === undefined ? "" : `where box = '${box}'`
    })`;
    digests[relation] = await database.value<string>(
      `select count(*) || ' ' || coalesce(sum(hash(t)), 0) from ${rows} t`,
    );
  }
  return digests;
}

/** Fails unless each box has the same rows in what was pulled as in its own index. */
async function assertIsUnion(lab: FleetLab): Promise<void> {
  await using pulled = await openPulled(lab);
  for (const { name, dir } of lab.boxes) {
    const path = join(ledgerPaths(dir).index, "runs.duckdb");
    await syncIndex(fleetWorld(), dir);
    await using own = await openSnapshot(fleetWorld(), path, { hint_when_absent: "" });
    assertEquals(await digestsOf(pulled, name), await digestsOf(own), name);
  }
}

Deno.test("what was pulled is the union of the boxes' own indexes, table by table, after each pull", async () => {
  await withSeed((draw) =>
    withBoxes(2, async (lab) => {
      const logs = lab.boxes.map(({ dir }) => new RandomLog(draw, dir));
      for (let round = 0; round < (IS_FULL ? 4 : 2); round++) {
        for (const log of logs) for (let n = 0; n < 4; n++) log.append();
        // The same ids in two boxes are two events; twice in one box they are one.
        const lines = [...lab.boxes[0].lines().values()].join("");
        writePart(lab.boxes[1].dir, { day: "2026-01-30", number: 1 + round, writer: "" }, [lines]);
        for (const box of lab.boxes) await box.ship();
        const { poison } = await pull(lab);
        assertEquals(poison, []);
        await assertIsUnion(lab);
      }
      assertEquals((await pull(lab)).index?.kind, "nothing new");
    })
  );
});

Deno.test("a pull that is cut off at any request is finished by later ones; once all is here, the next fetches nothing", async () => {
  await withBoxes(2, async (lab) => {
    for (const box of lab.boxes) {
      for (let day = 0; day < 5; day++) await box.emit(2, day);
      await box.ship();
    }
    const segments = lab.strict.keysOf("lab").filter((key) => key.includes("/log/")).length;
    const { requests } = lab.strict;
    const started = requests.length;
    let ends = 0;
    for (let cut_at = 3;; cut_at += STRIDE) {
      const first = requests.length;
      lab.strict.options.faultOf = ({ number }) => number > first + cut_at ? "503" : undefined;
      const outcome = await pull(lab).then(() => "whole", (error: LedgerError) => error.code);
      if (outcome === "whole") break;
      assertEquals(outcome, "unreachable");
      ends++;
    }
    assert(ends > 2);
    lab.strict.options.faultOf = undefined;
    const fetchedSince = (first: number) => {
      return requests.slice(first).filter(({ method, key }) => {
        return method === "HEAD" || method === "GET" && key.includes("/log/");
      });
    };
    const gets = fetchedSince(started).filter(({ method }) => method === "GET");
    assertEquals(new Set(gets.map(({ key }) => key)).size, segments);
    await assertIsUnion(lab);
    const before = requests.length;
    assertEquals((await pull(lab)).boxes.map(({ segments }) => segments), [0, 0]);
    assertEquals(fetchedSince(before), []);
  });
});

Deno.test("a disk that fails at any operation of a pull costs nothing: the next pull has all", async () => {
  await withBoxes(1, async (lab) => {
    const [box] = lab.boxes;
    for (let day = 0; day < 2; day++) await box.emit(1, day);
    await box.ship();
    const isInCache = (path: string) => path.includes("/fleet/cache");
    const attempt = async ({ world: { files }, k }: FaultyDisk) => {
      const dir = `${readerOf(lab)}-${k}`;
      using failing = openLab(lab.strict, dir, { ...fleetWorld(), files });
      const error = await failing.pull().then(() => undefined, (error) => error);
      assert(error === undefined || error instanceof LedgerError, String(error));
      using next = openLab(lab.strict, dir);
      const { index, poison } = await next.pull();
      assertEquals([poison, index?.total.events], [[], 2]);
    };
    await failEachWay("EIO", attempt, isInCache, LONG_STRIDE);
  });
});

Deno.test("two pulls at once give one cache, and each event once", async () => {
  await withBoxes(2, async (lab) => {
    for (const box of lab.boxes) {
      for (let day = 0; day < 3; day++) await box.emit(2, day);
      await box.ship();
    }
    const reports = await Promise.all([pull(lab), pull(lab)]);
    const taken = reports.flatMap(({ boxes }) => boxes.map(({ segments }) => segments));
    assertEquals(taken.reduce((sum, count) => sum + count), 6);
    await assertIsUnion(lab);
    const error = await assertRejects(async () => {
      using _ = await holdCache(lab);
      await pull(lab, { lock_wait_ms: 0 });
    }, LedgerError);
    assertEquals(error.code, "busy");
  });
});

async function holdCache(lab: FleetLab): Promise<Disposable> {
  const file = fleetWorld().files.open(
    join(ledgerPaths(readerOf(lab)).fleet_cache, ".lock"),
    "lock",
  );
  assert(await file.lock(true, 0));
  return file;
}

Deno.test("a box with a segment that cannot be taken stops there, named; once it is mended all is there", async () => {
  await withBoxes(2, async (lab) => {
    const [bad] = lab.boxes;
    for (const box of lab.boxes) {
      for (let day = 0; day < 3; day++) await box.emit(1, day);
      await box.ship();
    }
    const { bytes } = lab.strict.objects("lab").get(
      `fleet/log/box=${bad.name}/000000000002.parquet`,
    )!;
    const whole = bytes.slice();
    bytes.fill(0, 40, 60);
    const { poison, boxes } = await pull(lab);
    assertEquals(poison.map(({ box, seq }) => [box, seq]), [[bad.name, 2]]);
    assertEquals(boxes.map(({ head, segments }) => [head, segments]), [[1, 1], [3, 3]]);
    bytes.set(whole);
    assertEquals((await pull(lab)).poison, []);
    await assertIsUnion(lab);
  });
});

Deno.test("a pull of some days leaves the others in the store; a later one of all days fetches them", async () => {
  await withBoxes(1, async (lab) => {
    const [box] = lab.boxes;
    for (let day = 0; day < 4; day++) await box.emit(1, day);
    await box.ship();
    const days = async () => {
      await using database = await openPulled(lab);
      return (await database.rows("select distinct log_day from events order by all"))
        .map(({ log_day }) => log_day);
    };
    await pull(lab, { since_day: "2026-01-03" });
    assertEquals(await days(), ["2026-01-03", "2026-01-04"]);
    assertEquals((await pull(lab, { since_day: "2026-01-03" })).boxes[0].segments, 0);
    assertEquals((await pull(lab)).boxes[0].segments, 2);
    await assertIsUnion(lab);
    const cache = ledgerPaths(readerOf(lab)).fleet_cache;
    Deno.removeSync(join(cache, `log/box=${box.name}/000000000002.parquet`));
    assertEquals((await pull(lab)).boxes[0].segments, 1);
    await assertIsUnion(lab);
  });
});

Deno.test("a cache is of one fleet, and a box that is in none is named", async () => {
  await withBoxes(1, async (lab) => {
    await pull(lab);
    const missing = await assertRejects(() => pull(lab, { box: "box-9" }), LedgerError);
    assertEquals([missing.code, missing.hint], ["not_found", "there are: box-0"]);
    lab.strict.objects("lab").delete("fleet/fleet.json");
    using other = openLab(lab.strict, readerOf(lab));
    await other.init();
    const error = await assertRejects(() => pull(lab), LedgerError);
    assertEquals(error.code, "invalid");
  });
});
