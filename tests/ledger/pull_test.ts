import { assertEquals, assertMatch, assertNotEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { LedgerError } from "../../src/base/error.ts";
import { assertHoldsAllOf, Box, BOX_DAY, boxes, takenOf } from "../boxes.ts";
import { seededTest } from "../crash/kills/crash.ts";
import { type Random } from "../laws/random.ts";
import { runIn } from "../harness.ts";

const LATER = { now_ms: () => Date.UTC(2026, 5, 1) };

async function putIndexLock(box: Box, host: string): Promise<void> {
  await using ledger = box.open({ hostname: () => host });
  await ledger.sync();
}

Deno.test("two boxes that emitted separately give one index, the same by increments and from nothing", async () => {
  using lab = boxes("a", "b");
  const [a, b] = lab.all;
  await a.emit(3);
  await b.emit(4);
  await using ledger = a.open();
  await ledger.sync();
  await a.pull(b);
  await b.emit(2, { day: "2026-01-22" });
  await a.pull(b);
  const increments = await ledger.sync({ count: true });
  const anew = await ledger.sync({ count: true, full: true });
  assertEquals(increments.tables, anew.tables);
  const [{ n }] = await ledger.query("select count(distinct event_id) as n from events");
  assertEquals(Number(n), a.emitted.size + b.emitted.size);
  assertEquals((await ledger.verify({ deep: true })).findings, []);
});

Deno.test("the same event on two boxes counts once", async () => {
  using lab = boxes("a", "b");
  const [a, b] = lab.all;
  const event = { event_type: "run.started", run_id: "r", event_id: "same", timestamp_ms: 1e12 };
  for (const box of [a, b]) {
    await box.emit(1);
    await using ledger = box.open();
    await ledger.emit(event);
  }
  await a.pull(b);
  await using ledger = a.open();
  await ledger.sync();
  const [{ n }] = await ledger.query("select count(*) as n from events");
  assertEquals(Number(n), 3);
});

Deno.test("a box is called what --as says, else what its index says, else as its folder", async () => {
  using lab = boxes("a", "node7");
  const [a, b] = lab.all;
  await b.emit(1);
  const named = async (from: string, as?: string) => {
    const { from: { host, named_by } } = await a.pull(from, { as, dry_run: true });
    return [host, named_by];
  };
  assertEquals(await named(b.dir), ["node7", "folder"]);
  assertEquals(await named(b.ledger_dir), ["node7", "folder"]);
  assertEquals(await named(b.dir, "other"), ["other", "flag"]);
  await putIndexLock(b, "Box.example.org");
  assertEquals(await named(b.ledger_dir), ["Box-example-org", "index"]);
  await putIndexLock(b, "a");
  assertEquals(await named(b.dir), ["node7", "folder"]);
  await assertRejects(() => named(b.dir, "no name"), LedgerError, "cannot write as");
});

Deno.test("a box keeps the name that it was first pulled under", async () => {
  using lab = boxes("a", "b");
  const [a, b] = lab.all;
  await b.emit(1);
  await a.pull(b.dir, { as: "first" });
  await putIndexLock(b, "said-later");
  await b.emit(1);
  assertEquals(takenOf(await a.pull(b.dir)), [[`${BOX_DAY}/part-000001.first.jsonl`, 1]]);
});

Deno.test("where another box is mounted at the same place, and says its name, that one counts", async () => {
  using lab = boxes("a", "b", "c");
  const [a, b, c] = lab.all;
  for (const box of [b, c]) {
    await box.emit(1);
    await putIndexLock(box, box.name);
  }
  await a.pull(b.dir);
  Deno.renameSync(b.dir, join(lab.path, "was-b"));
  Deno.renameSync(c.dir, b.dir);
  assertEquals(takenOf(await a.pull(b.dir)), [[`${BOX_DAY}/part-000001.c.jsonl`, 1]]);
});

Deno.test("what is no ledger, and the ledger itself, are refused", async () => {
  using lab = boxes("a", "b");
  const [a, b] = lab.all;
  await a.emit(1);
  await assertRejects(() => a.pull(b), LedgerError, "cannot pull from");
  await assertRejects(() => a.pull(a), LedgerError, "into itself");
  await b.emit(1);
  await assertRejects(() => a.pull(b, { runs: join(b.dir, "nowhere") }), LedgerError, "nowhere");
});

const SCHEMA = { type: "object", required: ["level"], properties: { level: { type: "number" } } };
const OTHER = { type: "object", properties: { level: { type: "string" } } };

Deno.test("their event types are registered here as they are; one that is another is a finding", async () => {
  using lab = boxes("a", "b");
  const [a, b] = lab.all;
  await using ours = a.open();
  await using theirs = b.open();
  for (const name of ["risk.breached", "risk.known"]) await theirs.registerType(name, SCHEMA);
  await theirs.migrateType("risk.breached", [{ rename: "level", to: "height" }]);
  await ours.registerType("risk.known", SCHEMA);
  for (const [name, schema] of [["risk.other", OTHER], ["risk.newer", SCHEMA]] as const) {
    await theirs.registerType(name, SCHEMA);
    await ours.registerType(name, schema);
  }
  await theirs.migrateType("risk.newer", [{ drop: "level" }]);
  const event = { event_type: "risk.breached", height: 1, event_id: "x", timestamp_ms: 1e12 };
  await theirs.emit(event);
  const before = Deno.readTextFileSync(a.path("_schema.json"));
  assertEquals((await a.pull(b, { dry_run: true })).types, ["risk.breached"]);
  assertEquals(Deno.readTextFileSync(a.path("_schema.json")), before);
  const report = await a.pull(b);
  assertEquals(report.types, ["risk.breached"]);
  assertEquals(report.log.taken.length, 1);
  assertEquals(report.findings.map(({ what, reason }) => `${what}: ${reason}`), [
    "type risk.other: it has another schema there",
    "type risk.newer: it is of version 2 there, and of version 1 here: repeat its migrations here: " +
    "ledger schema migrate risk.newer",
  ]);
  await using after = a.open();
  assertEquals(
    after.registry.types.get("risk.breached"),
    theirs.registry.types.get("risk.breached"),
  );
  assertEquals(after.registry.versionOf("risk.newer"), 1);
  assertEquals((await after.verify({ deep: true })).unknown_type_events, 0);
  assertEquals((await a.pull(b)).types, []);
});

Deno.test("their artifact types are registered here as they are; runs are held against their own", async () => {
  using lab = boxes("a", "b");
  const [a, b] = lab.all;
  await using ours = a.open();
  await using theirs = b.open();
  const columns = { ts_ms: { kind: "time", required: true }, iv: { kind: "number" } };
  await theirs.registerArtifactType("greeks", { columns });
  await theirs.migrateArtifactType("greeks", [{ rename: "iv", to: "implied" }]);
  for (const ledger of [ours, theirs]) {
    const schema = {
      columns: { [ledger === ours ? "ours" : "theirs"]: { kind: "text", required: true } },
    };
    await ledger.registerArtifactType("signals", schema);
  }
  const run = await theirs.runs.create({ run_type: "full", run_id: "r1", git: false });
  await run.writeArtifact("greeks", [{ ts_ms: 1_704_067_200_000, implied: 0.5 }]);
  await run.writeArtifact("signals", [{ theirs: "up" }]);
  await run.markSuccess();
  assertEquals((await a.pull(b, { dry_run: true })).artifact_types, ["greeks"]);
  assertEquals(a.open().registry.artifacts.has("greeks"), false);
  const report = await a.pull(b);
  assertEquals(report.artifact_types, ["greeks"]);
  assertEquals(report.findings.map(({ what, reason }) => `${what}: ${reason}`), [
    "artifact type signals: it has another schema there",
  ]);
  assertEquals(report.runs.taken.length, 1);
  await using after = a.open();
  assertEquals(after.registry.artifacts.get("greeks"), theirs.registry.artifacts.get("greeks"));
  assertEquals((await after.runs.artifactTypes()).of("greeks").version, 2);
  assertEquals((await after.verify({ deep: true })).findings, []);
});

Deno.test("a registry of a newer program is refused before anything is taken, a damaged one is a finding", async () => {
  using lab = boxes("a", "b");
  const [a, b] = lab.all;
  await a.emit(1);
  await b.emit(1);
  const before = a.files();
  Deno.writeTextFileSync(b.path("_schema.json"), '{"registry_version":3,"event_types":{}}');
  const error = await assertRejects(() => a.pull(b), LedgerError, "newer program");
  assertEquals([error.code, error.where?.path], ["newer_format", b.path("_schema.json")]);
  assertEquals(a.files(), before);
  Deno.writeTextFileSync(b.path("_schema.json"), "{");
  const { findings, log } = await a.pull(b);
  assertEquals([findings.length, log.taken.length], [1, 1]);
});

Deno.test("artifacts that are not here are copied; one that is another stays, and is a finding", async () => {
  using lab = boxes("a", "b");
  const [a, b] = lab.all;
  await b.emit(1);
  for (
    const [box, run, json] of [[b, "r1", "{}"], [b, "r2", "{}"], [a, "r2", '{"a":1}']] as const
  ) {
    await using ledger = box.open();
    await ledger.putArtifact(run, "summary", json);
  }
  const at = (box: Box, run: string) =>
    join(box.ledger_dir, "artifacts", "runs", run, "summary.json");
  for (const taken of [1, 0]) {
    const { artifacts, findings } = await a.pull(b);
    assertEquals([artifacts.taken.length, artifacts.same], [taken, 1 - taken]);
    assertEquals(findings.map(({ what }) => what), ["artifacts/runs/r2/summary.json"]);
  }
  assertEquals(Deno.readTextFileSync(at(a, "r1")), Deno.readTextFileSync(at(b, "r1")));
  assertNotEquals(Deno.readTextFileSync(at(a, "r2")), Deno.readTextFileSync(at(b, "r2")));
});

Deno.test("the command tells what it took, and exits with 3 when something was left", async () => {
  using lab = boxes("a", "b");
  const [a, b] = lab.all;
  await b.emit(2);
  const pull = () =>
    runIn(a.ledger_dir, ["pull", b.dir], { vars: { LEDGER_RUNS_DIR: a.runs_dir } });
  const first = await pull();
  assertEquals(first.code, 0, first.stderr);
  assertMatch(first.stderr, /pulling .*b\/data\/ledger as b, after its folder; .*--as HOST/);
  assertMatch(first.stdout, /part-000001\.jsonl -> .*part-000001\.b\.jsonl {2}2 lines/);
  assertMatch((await pull()).stdout, /^from b: nothing new; 1 part and 0 runs unchanged\n$/);
  Deno.writeTextFileSync(b.part(), "{}\n");
  const found = await pull();
  assertEquals(found.code, 3);
  assertMatch(found.stdout, /not taken {2}day=2026-01-23\/part-000001\.jsonl: it is shorter/);
});

/** What a command line prints; words on stderr are for people. */
async function printed(box: Box, from: Box, ...flags: string[]): Promise<[string, number]> {
  const args = ["pull", from.dir, "--as", from.name, "--runs-dir", box.runs_dir, ...flags];
  const { stdout, code } = await runIn(box.ledger_dir, args);
  return [stdout, code];
}

const DAYS = ["2026-01-21", "2026-01-22", "2026-01-23"];

for (const records of ["kept", "lost now and then"]) {
  seededTest(
    `boxes that emit, seal, compact and pull at random have every event in the end, records ${records}`,
    async (random) => {
      using lab = boxes("a", "b", "c");
      await liveAtRandom(lab.all, random, records !== "kept");
      const [a, ...others] = lab.all;
      for (const box of others) {
        await a.pull(box);
        await assertHoldsAllOf(a, box);
      }
      for (const box of others) assertEquals((await a.pull(box)).log.taken, []);
      const emitted = lab.all.flatMap((box) => [...box.emitted]).sort();
      // Without a record, another box's lines may be taken for a third one's: then twice, not never.
      const ids = (await a.ids()).sort();
      const all_ids = records === "kept" ? ids : [...new Set(ids)];
      assertEquals(differences(all_ids, emitted), []);
      await using ledger = a.open();
      const increments = await ledger.sync({ count: true });
      const anew = await ledger.sync({ count: true, full: true });
      assertEquals(increments.tables, anew.tables);
      const rows = await ledger.query("select event_id from events order by event_id");
      assertEquals(differences(rows.map(({ event_id }) => String(event_id)), emitted), []);
      assertEquals((await ledger.verify({ deep: true })).findings, []);
    },
  );
}

async function liveAtRandom(all: Box[], random: Random, may_lose: boolean): Promise<void> {
  const pick = <T>(things: readonly T[]) => things[random.below(things.length)];
  for (const box of all) await box.emit(1);
  for (let step = 0; step < 60; step++) {
    const box = pick(all);
    const other = pick(all.filter((each) => each !== box));
    const kind = random.below(10);
    if (kind < 4) {
      const writer = pick(["", "", "w"]);
      await box.emit(1 + random.below(20), { day: pick(DAYS), writer, ballast: random.below(200) });
    } else if (kind < 7) {
      const would = await printed(box, other, "--dry-run");
      assertEquals(await printed(box, other), would, "the dry run said something else");
      assertEquals(would[1], 0, would[0]);
    } else if (kind === 7) {
      await using ledger = box.open(LATER);
      await ledger.upkeep.compact({ before_day: pick(DAYS), all: true });
    } else if (kind === 8) {
      await using ledger = box.open(LATER);
      await ledger.upkeep.seal({ before_day: pick(DAYS) });
    } else if (may_lose) await Deno.remove(box.path("_pulled.json")).catch(() => {});
  }
}

/** The ids that are not as often in one as in the other. */
function differences(found: string[], wanted: string[]): string[] {
  const times = new Map<string, number>();
  for (const id of found) times.set(id, (times.get(id) ?? 0) + 1);
  for (const id of wanted) times.set(id, (times.get(id) ?? 0) - 1);
  return [...times].filter(([, count]) => count !== 0).map(([id, count]) => `${id}: ${count}`);
}
