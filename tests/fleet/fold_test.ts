/** Tables of a fleet are the union of its boxes' logs, whatever fails and however many jobs fold. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { LedgerError } from "../../src/base/error.ts";
import type { FoldReport } from "../../src/fleet/fold.ts";
import { readCheckpoint, writeCheckpoint } from "../../src/fleet/lake/checkpoint.ts";
import { LAKE_TABLES, lakeTable } from "../../src/fleet/lake/lake.ts";
import { DeltaTable } from "../../src/fleet/lake/table.ts";
import { Ledger } from "../../src/ledger/ledger.ts";
import { withSeed } from "../laws/random.ts";
import { runIn } from "../harness.ts";
import { addressOf, openStore, settled, withBoxes } from "./fleets.ts";
import { assertIsUnion, rowsOfTable } from "./lab.ts";
import { STRICT_KEYS } from "./strict_store.ts";

/** Of the tables that segments of logs become. */
function commitsOf({ tables }: FoldReport): number[] {
  return tables.filter(({ table }) => table === "events" || table === "trials")
    .map(({ commits }) => commits);
}

Deno.test("the tables hold each event of each box, typed as its own index has it; a second fold adds what is new", async () => {
  await withBoxes(2, async (lab) => {
    using job = lab.job();
    assertEquals(commitsOf(await job.fold()), [0, 0]);
    for (const box of lab.boxes) await box.emit(5);
    await using ledger = new Ledger({ dir: lab.boxes[0].dir });
    const payload = { run_id: "r'1", run_type: "ä", config: { a: "1.50" }, data_fingerprint: "" };
    await ledger.emitRunCreated(payload);
    await ledger.emit({
      event_type: "trial.recorded",
      run_id: "r",
      trial_id: "t",
      params: {},
      metrics: { n: 1 },
    });
    for (const box of lab.boxes) await box.ship();
    const report = await job.fold();
    assertEquals(report.poison, []);
    assertEquals(commitsOf(report), [1, 1]);
    await assertIsUnion(lab);
    await lab.boxes[1].emit(3, 2);
    await lab.boxes[1].ship();
    using other = lab.job();
    await other.fold();
    assertEquals(commitsOf(await job.fold()), [0, 0]);
    await assertIsUnion(lab);
  });
});

Deno.test("the first fold makes every table, with rows or without: what an engine asks is there", async () => {
  await withBoxes(1, async (lab) => {
    const jobs = [lab.job(), lab.job()];
    await Promise.all(jobs.map((job) => job.fold()));
    for (const job of jobs) job[Symbol.dispose]();
    using store = openStore(lab.strict);
    for (const table of LAKE_TABLES) {
      const { version, files, metadata } = await new DeltaTable(store, table).refresh();
      assertEquals([table.name, version, files.size], [table.name, 0, 0]);
      assertEquals(metadata?.name, table.name);
    }
  });
});

Deno.test("however many jobs fold at once, and whatever the store answers, each event is there once", async () => {
  await withSeed((draw) =>
    withBoxes(3, async (lab) => {
      const faults = ["503", "cut", "lost", "lost"] as const;
      for (let round = 0; round < 5; round++) {
        for (const box of lab.boxes) {
          await box.emit(1 + draw.below(4), draw.below(2));
          await box.ship();
        }
        lab.strict.options.faultOf = () => draw.chance(0.12) ? draw.pick(faults) : undefined;
        const jobs = Array.from({ length: 2 }, () => lab.job());
        await settled(jobs.map((job) => job.fold()));
        for (const job of jobs) job[Symbol.dispose]();
        lab.strict.options.faultOf = undefined;
      }
      using job = lab.job();
      await job.fold();
      await assertIsUnion(lab);
    })
  );
});

Deno.test("an answer that is lost, and one that says to come again, cost a job and a shipper neither a file nor a commit", async () => {
  await withBoxes(1, async (lab) => {
    for (const fault of ["lost", "503", "cut"] as const) {
      const seen = new Set<string>();
      lab.strict.options.faultOf = ({ method, key }) => {
        if (method !== "PUT" || seen.has(key)) return undefined;
        seen.add(key);
        return fault;
      };
      for (const box of lab.boxes) {
        await box.emit(2);
        await box.emit(2, 1);
        const { shipped, adopted } = await box.ship();
        assertEquals([shipped, adopted], fault === "lost" ? [0, 2] : [2, 0]);
      }
      using job = lab.job();
      assertEquals(commitsOf(await job.fold()), [1, 1]);
      lab.strict.options.faultOf = undefined;
      await assertIsUnion(lab);
    }
    const files = lab.strict.keysOf("lab").filter((key) => /lake.*\/log_day=/.test(key));
    assertEquals(files.length, 3 * 2 * 2);
  });
});

Deno.test("a box with a segment that cannot be taken stops there, named; the others go on", async () => {
  await withBoxes(2, async (lab) => {
    const [bad, good] = lab.boxes;
    for (const box of lab.boxes) {
      await box.emit(2);
      await box.ship();
      await box.emit(2, 1);
      await box.ship();
    }
    const objects = lab.strict.objects("lab");
    const key = `fleet/log/box=${bad.name}/000000000002.parquet`;
    objects.get(key)!.bytes.fill(0, 40, 60);
    using job = lab.job();
    const { poison } = await job.fold();
    assertEquals(poison.map(({ box, seq }) => [box, seq]), [[bad.name, 2]]);
    // The object, by its own key.
    assertStringIncludes(poison[0].problem, key.slice("fleet/".length));
    const standing = (await job.tables()).filter(({ table }) => table === "events");
    assertEquals(
      standing.map(({ box, at, head, problem }) => [box, at, head, problem]),
      [
        [bad.name, 1, 2, `segment 2: ${poison[0].problem}`],
        [good.name, 2, 2, undefined],
      ],
    );
    const rows = await rowsOfTable(lab, "events");
    const boxes = rows.map(({ box }) => box);
    assertEquals([bad, good].map(({ name }) => boxes.filter((box) => box === name).length), [2, 4]);
  });
});

Deno.test("a job that folds again and again says once why a box stops, and takes a time to wait", async () => {
  await withBoxes(1, async ({ strict, boxes: [box] }) => {
    const at = addressOf(strict);
    const fold = async (every: string) => {
      let waits = 0;
      const pause = () => {
        if (++waits === 3) strict.options.keys = new Map();
        return Promise.resolve();
      };
      return await runIn(box.dir, ["fleet", "fold", ...at, "--every", every], {
        vars: { ...STRICT_KEYS },
        now_ms: () => strict.now_ms(),
        pause,
      });
    };
    assertEquals((await fold("0s")).code, 2);
    await box.emit(2);
    await box.ship();
    strict.objects("lab").get(`fleet/log/box=${box.name}/000000000001.parquet`)!.bytes.fill(0, 40);
    assertEquals((await fold("1s")).stderr.split("stops at segment 1").length, 2);
  });
});

Deno.test("a table is read from its checkpoint: with the commits below it gone it is the same", async () => {
  await withBoxes(1, async (lab) => {
    const [box] = lab.boxes;
    using job = lab.job();
    for (let n = 0; n < 3; n++) {
      await box.emit(2, n);
      await box.ship();
      await job.fold();
    }
    using store = openStore(lab.strict);
    const table = new DeltaTable(store, lakeTable("events"));
    const place = { store, table_folder: table.folder, work_folder: lab.folder };
    const before = await table.refresh();
    await writeCheckpoint(place, before);
    for (let version = 0; version <= before.version; version++) {
      await store.remove(table.commitKey(version));
    }
    const read = await readCheckpoint(place);
    assertEquals({ ...read, seen_ms: before.seen_ms }, before);
    await box.emit(1);
    await box.ship();
    using other = lab.job();
    assertEquals((await other.fold()).tables[0].version, before.version + 1);
    const objects = lab.strict.objects("lab");
    objects.delete("fleet/lake/events/_delta_log/_last_checkpoint");
    assertEquals({ ...await readCheckpoint(place), seen_ms: read.seen_ms }, read);
    const checkpoint = String(before.version).padStart(20, "0");
    objects.delete(`fleet/lake/events/_delta_log/${checkpoint}.checkpoint.parquet`);
    const error = await assertRejects(() => readCheckpoint(place), LedgerError);
    assertEquals(error.code, "damaged");
  });
});

Deno.test("a table that another program has upgraded is left alone", async () => {
  await withBoxes(1, async (lab) => {
    await lab.boxes[0].emit(1);
    await lab.boxes[0].ship();
    using job = lab.job();
    await job.fold();
    const protocol = `{"protocol":{"minReaderVersion":3,"minWriterVersion":7}}\n`;
    using store = openStore(lab.strict);
    const key = `lake/events/_delta_log/${"2".padStart(20, "0")}.json`;
    await store.put(key, new TextEncoder().encode(protocol));
    const error = await assertRejects(() => job.fold(), LedgerError);
    assertEquals(error.code, "newer_format");
  });
});
