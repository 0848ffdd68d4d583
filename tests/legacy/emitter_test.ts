import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import { join } from "@std/path";
import { LedgerError } from "../../src/base/error.ts";
import { type EmitterOptions, EventEmitter, getEventEmitter } from "../../src/mod.ts";
import { linesOnDisk, tempFolder, testWorld } from "../harness.ts";

Deno.test("each positional emitter records the event of its name, its arguments in their fields", async () => {
  using folder = tempFolder();
  await using emitter = getEventEmitter({ dir: folder.path });
  const answers = [
    await emitter.emitRunCreated("r1", "policy", { a: 1 }, "fp"),
    await emitter.emitRunStarted("r1"),
    await emitter.emitPhaseStarted("r1", "load", 0),
    await emitter.emitPhaseCompleted("r1", "load", 12.5, { rows: 3 }),
    await emitter.emitPhaseCompleted("r1", "save", 1),
    await emitter.emitTrialRecorded("r1", "t1", { x: 1 }, { sharpe: 2 }),
    await emitter.emitBaselineCompleted("r1", 10, 9, "p"),
    await emitter.emitArtifactCreated("r1", "trades", "p", 5),
    await emitter.emitRunCompleted("r1", { ok: true }, { trades: "p" }),
    await emitter.emitRunCompleted("r1"),
    await emitter.emitRunFailed("r1", "boom"),
    await emitter.emitRunFailed("r1", new Error("bang")),
  ];
  const events = linesOnDisk(folder.path).map((line) => {
    const { event_id: _, timestamp_ms: __, ...fields } = JSON.parse(line);
    return fields;
  });
  const run_id = "r1";
  assertEquals(events, [
    {
      event_type: "run.created",
      run_id,
      run_type: "policy",
      config: { a: 1 },
      data_fingerprint: "fp",
    },
    { event_type: "run.started", run_id },
    { event_type: "phase.started", run_id, phase_name: "load", phase_order: 0 },
    {
      event_type: "phase.completed",
      run_id,
      phase_name: "load",
      duration_ms: 12.5,
      output_summary: { rows: 3 },
    },
    {
      event_type: "phase.completed",
      run_id,
      phase_name: "save",
      duration_ms: 1,
      output_summary: {},
    },
    {
      event_type: "trial.recorded",
      run_id,
      trial_id: "t1",
      params: { x: 1 },
      metrics: { sharpe: 2 },
    },
    {
      event_type: "baseline.completed",
      run_id,
      alerts_total: 10,
      alerts_ok: 9,
      artifact_path: "p",
    },
    {
      event_type: "artifact.created",
      run_id,
      artifact_type: "trades",
      artifact_path: "p",
      size_bytes: 5,
    },
    { event_type: "run.completed", run_id, summary: { ok: true }, artifact_paths: { trades: "p" } },
    { event_type: "run.completed", run_id, summary: {}, artifact_paths: {} },
    { event_type: "run.failed", run_id, error: "boom" },
    { event_type: "run.failed", run_id, error: "bang" },
  ]);
  assertEquals(new Set(answers.map((answer) => answer!.event_id)).size, answers.length);
});

/** An emitter with a standard error to look into. */
function emitterIn(dir: string, options: EmitterOptions = {}) {
  const world = testWorld();
  return { world, emitter: new EventEmitter({ dir, world, ...options }) };
}

Deno.test("one emitter is shared by everything in the process, until it is disposed of", async () => {
  using folder = tempFolder();
  using other = tempFolder();
  const world = testWorld();
  const first = getEventEmitter({ dir: folder.path, world });
  assert(getEventEmitter() === first);
  assert(getEventEmitter({ dir: other.path }) === first);
  await first.dispose();
  assertEquals(await first.emitRunStarted("r1"), undefined);
  assertStringIncludes(world.printed.stderr, "run r1 is lost: the event emitter was disposed of");
  await using second = getEventEmitter({ dir: other.path });
  assertNotEquals(second, first);
  // Disposing of one that is no longer shared leaves the shared one alone.
  await first.dispose();
  await first.close();
  assert(getEventEmitter() === second);
  await second.emitRunStarted("r1");
  assertEquals(linesOnDisk(other.path).length, 1);
});

Deno.test("what is emitted and not awaited is durable once the emitter is disposed of, in order", async () => {
  using folder = tempFolder();
  const { emitter } = emitterIn(folder.path);
  for (let n = 0; n < 50; n++) emitter.emitTrialRecorded("r", `t${n}`, {}, { x: n % 2 ? NaN : n });
  emitter.emitRunCompleted("r");
  await emitter.dispose();
  const events = linesOnDisk(folder.path).map((line) => JSON.parse(line));
  const expected = [...Array.from({ length: 50 }, (_, n) => `t${n}`), undefined];
  assertEquals(events.map(({ trial_id }) => trial_id), expected);
});

/** Arguments of which no event can be made. */
const cyclic: Record<string, unknown> = {};
cyclic.itself = cyclic;
const WRONG: readonly [name: string, call: (emitter: EventEmitter) => Promise<unknown>][] = [
  ["an empty run id", (emitter) => emitter.emitRunStarted("")],
  ["a run id that is a symbol", (emitter) => emitter.emitRunStarted(Symbol("r") as never)],
  ["an order below zero", (emitter) => emitter.emitPhaseStarted("r", "p", -1)],
  ["a duration that is NaN", (emitter) => emitter.emitPhaseCompleted("r", "p", NaN)],
  ["an object in a circle", (emitter) => emitter.emitTrialRecorded("r", "t", cyclic, {})],
  ["a bigint", (emitter) => emitter.emitRunCompleted("r", { big: 1n })],
  ["no configuration", (emitter) => emitter.emitRunCreated("r", "x", undefined as never, "")],
  ["a getter that throws text", (emitter) => {
    const getter = Object.defineProperty({}, "x", {
      enumerable: true,
      get: () => {
        throw "no";
      },
    });
    return emitter.emitRunCompleted("r", getter);
  }],
];

for (const [name, call] of WRONG) {
  Deno.test(`${name} neither throws nor rejects: it goes to onError and is counted`, async () => {
    using folder = tempFolder();
    const lost: string[] = [];
    const onError: EmitterOptions["onError"] = (error, event) => {
      assert(error instanceof LedgerError);
      lost.push(event.event_type as string);
    };
    const { emitter, world } = emitterIn(folder.path, { onError });
    assertEquals(await call(emitter), undefined);
    await emitter.emitRunStarted("r");
    assertEquals([lost.length, emitter.lost_events], [1, 1]);
    await emitter.dispose();
    assertEquals([linesOnDisk(folder.path).length, world.printed.stderr], [1, ""]);
  });
}

Deno.test("without onError standard error says the first errors, and at the end how many there were", async () => {
  using folder = tempFolder();
  const { emitter, world } = emitterIn(folder.path);
  for (let n = 0; n < 40; n++) await emitter.emitPhaseStarted(`r${n}`, "p", -1);
  await emitter.dispose();
  const said = world.printed.stderr.trim().split("\n");
  assertMatch(said[0], /^ledger: phase\.started of run r0 is lost: .*phase_order is -1/);
  assertEquals([said.length, said.at(-1)], [11, "ledger: 40 events were not recorded"]);
});

Deno.test("an onError that throws or rejects stops nothing", async () => {
  using folder = tempFolder();
  const throws: EmitterOptions["onError"][] = [
    () => {
      throw new Error("thrown");
    },
    (() => Promise.reject(new Error("rejected"))) as never,
  ];
  for (const onError of throws) {
    const { emitter, world } = emitterIn(folder.path, { onError });
    assertEquals(await emitter.emitRunStarted(""), undefined);
    await emitter.dispose();
    assertMatch(world.printed.stderr, /a callback of the event emitter failed: (thrown|rejected)/);
  }
});

Deno.test("a ledger that cannot be opened loses events by count, and is tried again by the next", async () => {
  using folder = tempFolder();
  const events = join(folder.path, "events");
  Deno.mkdirSync(events);
  const registry = join(events, "_schema.json");
  Deno.writeTextFileSync(registry, "no JSON");
  const { emitter, world } = emitterIn(folder.path);
  assertEquals(await emitter.emitRunStarted("r1"), undefined);
  assertStringIncludes(world.printed.stderr, "cannot read the registry");
  Deno.removeSync(registry);
  assert(await emitter.emitRunStarted("r2"));
  await emitter.dispose();
  assertEquals([emitter.lost_events, linesOnDisk(folder.path).length], [1, 1]);
  const { emitter: nowhere } = emitterIn("");
  assertEquals([await nowhere.emitRunStarted("r"), nowhere.lost_events], [undefined, 1]);
  await nowhere.dispose();
});

Deno.test("NaN and infinities are recorded as null, each field with a warning", async () => {
  using folder = tempFolder();
  const { emitter, world } = emitterIn(folder.path);
  const metrics = { sharpe: NaN, deep: [{ max: Infinity }], note: "null" };
  for (const trial of ["t1", "t2"]) await emitter.emitTrialRecorded("r", trial, {}, metrics);
  const [line] = linesOnDisk(folder.path);
  assertEquals(JSON.parse(line).metrics, { sharpe: null, deep: [{ max: null }], note: "null" });
  assertEquals([emitter.nulled_numbers, emitter.lost_events], [4, 0]);
  assertEquals(world.printed.stderr.match(/is (NaN|Infinity): null is recorded/g)?.length, 2);
  await emitter.dispose();
  const warnings: string[] = [];
  const other = emitterIn(folder.path, { onWarning: (message) => warnings.push(message) });
  await other.emitter.emitTrialRecorded("r", "t3", { p: -Infinity }, {});
  await other.emitter.dispose();
  assertMatch(warnings.join(), /^p of trial\.recorded of run r is -Infinity: null is recorded/);
  assertEquals(other.world.printed.stderr, "");
});
