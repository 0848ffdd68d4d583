import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { LedgerError } from "../../src/base/error.ts";
import { systemFiles } from "../../src/base/files/system_files.ts";
import { type Ledger, openLedger } from "../../src/mod.ts";
import {
  inputOf,
  ledger as runLedger,
  linesOnDisk,
  systemError,
  tempFolder,
  testWorld,
} from "../harness.ts";

async function refusal(promise: Promise<unknown>): Promise<LedgerError> {
  return await assertRejects(() => promise, LedgerError);
}

Deno.test("opening makes nothing; the first event makes the folder", async () => {
  using folder = tempFolder();
  const dir = join(folder.path, "deep", "ledger");
  await using ledger = await openLedger({ dir });
  assertEquals([ledger.exists(), [...Deno.readDirSync(folder.path)]], [false, []]);
  await ledger.emitRunStarted({ run_id: "r" });
  assertEquals(ledger.exists(), true);
});

Deno.test("the folder is the one given, or LEDGER_DIR, or data/ledger", async () => {
  const opened = async (dir: string | undefined, vars: Record<string, string>) => {
    await using ledger = await openLedger({ dir, world: testWorld({ vars }) });
    return ledger.dir;
  };
  assertEquals(await opened("given", { LEDGER_DIR: "env" }), "given");
  assertEquals(await opened(undefined, { LEDGER_DIR: "env" }), "env");
  assertEquals(await opened(undefined, {}), "data/ledger");
});

Deno.test("leaving the scope closes the ledger, after all that was emitted is durable", async () => {
  using folder = tempFolder();
  let kept: Ledger;
  let pending: Promise<unknown>;
  {
    await using ledger = await openLedger({ dir: folder.path });
    kept = ledger;
    pending = ledger.emitRunStarted({ run_id: "r" });
  }
  await pending;
  assertEquals(linesOnDisk(folder.path).length, 1);
  const { code, message } = await refusal(kept.emitRunStarted({ run_id: "r" }));
  assertEquals([code, message], ["usage", "cannot append: this ledger has been closed"]);
});

Deno.test("counters tell what was written, and how often the disk was asked", async () => {
  using folder = tempFolder();
  await using ledger = await openLedger({ dir: folder.path });
  assertEquals(ledger.counters.events, 0);
  await Promise.all([1, 2, 3].map(() => ledger.emitRunStarted({ run_id: "r" })));
  await ledger.emitRunStarted({ run_id: "r" });
  const { events, writes, syncs, lock_waits, bytes, torn_tails_moved } = ledger.counters;
  assertEquals([events, writes, syncs, lock_waits, torn_tails_moved], [4, 2, 2, 0, 0]);
  assertEquals(bytes, linesOnDisk(folder.path).join("\n").length + 1);
});

Deno.test("errors carry a code that programs can test for", async () => {
  using folder = tempFolder();
  await using ledger = await openLedger({ dir: folder.path });
  assertEquals((await refusal(ledger.emit({ event_type: "run.started" }))).code, "invalid");
  assertEquals((await refusal(ledger.emit({ event_type: "nobody.knows" }))).code, "invalid");
  assertEquals((await refusal(ledger.survey())).code, "not_found");
  assertEquals((await refusal(ledger.emitLine("{"))).code, "invalid");
  assertEquals((await refusal(openLedger({ dir: folder.path, writer: "a/b" }))).code, "invalid");
  Deno.writeTextFileSync(join(folder.path, "events"), "a file where a folder should be");
  const in_the_way = await refusal(ledger.emitRunStarted({ run_id: "r" }));
  assert(["io", "not_found"].includes(in_the_way.code), in_the_way.code);
  assertEquals(in_the_way.hint, "a file stands where a folder should be: move it away");
});

Deno.test("an event of the caller keeps its id, its time and its extra fields", async () => {
  using folder = tempFolder();
  await using ledger = await openLedger({ dir: folder.path });
  const { event_id } = await ledger.emitRunStarted({
    run_id: "r",
    event_id: "mine",
    timestamp_ms: 1_769_174_319_945,
    extra: { deep: [1] },
  });
  assertEquals(event_id, "mine");
  assertEquals(JSON.parse(linesOnDisk(folder.path)[0]).extra, { deep: [1] });
});

Deno.test("emitMany() answers in the order of its events", async () => {
  using folder = tempFolder();
  await using ledger = await openLedger({ dir: folder.path });
  const events = [3, 1, 2].map((n) => ({
    event_type: "run.started",
    run_id: "r",
    event_id: `e${n}`,
    timestamp_ms: 1_769_174_319_945 + n * 86_400_000,
  }));
  const answers = await ledger.emitMany(events);
  assertEquals(answers.map(({ event_id }) => event_id), ["e3", "e1", "e2"]);
  assertEquals(await ledger.emitMany([]), []);
});

Deno.test("emitMany() writes nothing when one of its events is wrong, and says which", async () => {
  using folder = tempFolder();
  await using ledger = await openLedger({ dir: folder.path });
  const good = { event_type: "run.started", run_id: "r" };
  const error = await refusal(ledger.emitMany([good, good, { event_type: "run.started" }]));
  assert(error.message.endsWith("(event 3 of 3; none was written)"), error.message);
  assertEquals([...Deno.readDirSync(folder.path)], []);
});

Deno.test("emitLines() keeps what the texts say, or writes nothing and says which is wrong", async () => {
  using folder = tempFolder();
  await using ledger = await openLedger({ dir: folder.path });
  const line = (id: string) =>
    `{"10":1,"event_type":"run.started","event_id":"${id}","timestamp_ms":1769174319945,` +
    `"run_id":"r","seed":12345678901234567890123,"rate":1.50}`;
  const wrong = line("c").replace('"r"', '"a/b"');
  const error = await refusal(ledger.emitLines([line("a"), wrong]));
  assert(error.message.endsWith("(event 2 of 2; none was written)"), error.message);
  assertEquals([...Deno.readDirSync(folder.path)], []);
  const acknowledged = await ledger.emitLines([line("a"), line("b")]);
  assertEquals(acknowledged.map(({ event_id }) => event_id), ["a", "b"]);
  assertEquals(linesOnDisk(folder.path), [line("a"), line("b")]);
});

Deno.test("emitMany() says how many are durable when writing fails half-way", async () => {
  using folder = tempFolder();
  // The disk is full for one of the two days.
  const files = systemFiles((operation, path) => {
    if (operation === "write" && path.includes("day=2026-01-24")) {
      throw systemError("ENOSPC", "No space left on device");
    }
  });
  await using ledger = await openLedger({ dir: folder.path, world: testWorld({ files }) });
  const days = [0, 1, 0].map((day) => ({
    event_type: "run.started",
    run_id: "r",
    timestamp_ms: 1_769_174_319_945 + day * 86_400_000,
  }));
  const error = await refusal(ledger.emitMany(days));
  assertEquals([error.code, error.detail?.durable], ["disk_full", 2]);
  assert(error.message.endsWith("2 of 3 events are durable"), error.message);
  assertEquals(linesOnDisk(folder.path).length, 2);
});

Deno.test("a type that another process registers is known without opening anew", async () => {
  using folder = tempFolder();
  await using ledger = await openLedger({ dir: folder.path });
  const event = { event_type: "risk.breached", level: "low" };
  assertEquals((await refusal(ledger.emit(event))).code, "invalid");
  const register = async (type: string) => {
    const { code, stderr } = await runLedger(["schema", "register", type, "-"], {
      cwd: folder.path,
      env: { LEDGER_DIR: folder.path },
      stdin: '{"required":["level"]}',
    });
    assertEquals(code, 0, stderr);
  };
  await register("risk.breached");
  await ledger.emit(event);
  await register("second.type");
  await ledger.emitMany([{ ...event, event_type: "second.type" }]);
  await register("third.type");
  await ledger.emitLine('{"event_type":"third.type","level":1}');
  assertEquals((await refusal(ledger.emit({ event_type: "third.type" }))).code, "invalid");
  assertEquals(linesOnDisk(folder.path).length, 3);
});

Deno.test("what the library writes, every door of it reads", async () => {
  using folder = tempFolder();
  await using ledger = await openLedger({ dir: folder.path });
  await ledger.emitRunCreated({
    run_id: "r",
    run_type: "policy",
    config: {},
    data_fingerprint: "fp",
  });
  await ledger.emitStream(inputOf('{"event_type":"run.started","run_id":"r"}\n'));
  const { path, acknowledgement } = await ledger.putArtifact("r", "summary", '{"n":1}');
  assertEquals(Deno.readTextFileSync(path), '{"n":1}\n');
  const records = await Array.fromAsync(ledger.read({ run_id: "r" }));
  assertEquals(records.length, 3);
  const last = records.at(-1)!;
  assertEquals([last.label, last.offset], [acknowledgement.part, acknowledgement.offset]);
  assertEquals((await ledger.survey()).events, 3);
  assertEquals((await ledger.verify({ deep: true })).findings, []);
});

Deno.test("notices tell of each write and of each recovery", async () => {
  using folder = tempFolder();
  const notices: string[] = [];
  await using ledger = await openLedger({ dir: folder.path, onNotice: (one) => notices.push(one) });
  const { part } = await ledger.emitRunStarted({ run_id: "r" });
  Deno.writeTextFileSync(join(folder.path, "events", part), "{torn", { append: true });
  await ledger.emitRunStarted({ run_id: "r" });
  assertEquals(notices.length, 3);
  assert(notices[0].startsWith("wrote 1 line"), notices[0]);
  assert(notices[1].includes("ended in a torn line; its bytes are kept in"), notices[1]);
});

Deno.test("however a run's end is emitted, the index is brought up to date when that is asked for", async () => {
  const end = (run_id: string) => ({ event_type: "run.failed", run_id, error: "x" });
  const text = (run_id: string) => JSON.stringify(end(run_id));
  const ways: Record<string, (ledger: Ledger) => Promise<unknown>> = {
    emit: (ledger) => ledger.emit(end("r")),
    emitLine: (ledger) => ledger.emitLine(text("r")),
    emitMany: (ledger) => ledger.emitMany([end("r")]),
    emitLines: (ledger) => ledger.emitLines([text("r")]),
    emitStream: (ledger) => ledger.emitStream(inputOf(`${text("r")}\n`)),
  };
  for (const [way, emit] of Object.entries(ways)) {
    using folder = tempFolder();
    const ledger = await openLedger({ dir: folder.path, syncAfterRun: true });
    await ledger.emit({ event_type: "run.started", run_id: "r" });
    await emit(ledger);
    await ledger.close();
    const rows = await ledger.query("select run_id from runs_status");
    assertEquals(rows, [{ run_id: "r" }], way);
  }
});
