import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { join } from "@std/path";
import { LedgerError } from "../../src/base/error.ts";
import type { Files } from "../../src/base/files/seam.ts";
import { systemFiles } from "../../src/base/files/system_files.ts";
import type { World } from "../../src/base/world.ts";
import type { NewRun } from "../../src/runs/directory/run_lifecycle.ts";
import { codeOf } from "../../src/runs/manifest/code_facts.ts";
import type { RunDirectory } from "../../src/runs/directory/directory.ts";
import { Ledger } from "../../src/ledger/ledger.ts";
import { RecordedDisk } from "../crash/power/recorded_disk.ts";
import { linesOnDisk, memoryFolder, systemError, testWorld } from "../harness.ts";
import { GOOD } from "./rows.ts";
import {
  eventsOf,
  filesInVain,
  type Lab,
  ledgerOf,
  namesIn,
  newLab,
  putRun,
  removeFrom,
} from "./runs.ts";

const NEW: NewRun = { run_type: "policy", run_id: "r", git: false };
const NOON_MS = Date.UTC(2026, 0, 23, 12);

function create(lab: Lab, different: Partial<NewRun> = {}, world: World = testWorld()) {
  return ledgerOf(lab, world).runs.create({ ...NEW, ...different });
}

async function refused(doing: Promise<unknown>, words: string): Promise<void> {
  const error = await assertRejects(() => doing, LedgerError);
  assertEquals(error.code, "invalid", error.message);
  assertStringIncludes(error.message, words);
}

async function* texts(...pieces: string[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield await Promise.resolve(new TextEncoder().encode(piece));
}

/** A world that is lost when it is about to do something to a path: what a kill leaves there. */
function lostAt(operation: string, path: RegExp, times = 1): World {
  let is_lost = false;
  let seen = 0;
  const files = systemFiles((each, on) => {
    if (each === operation && path.test(on) && ++seen === times) is_lost = true;
    if (is_lost) throw systemError("EIO", "killed");
  });
  return testWorld({ files });
}

/** Files whose locks, of some paths, are asked for only when the time has come. */
function lateLocks(paths: RegExp, time: Promise<void>): Files {
  const system = systemFiles();
  const open: Files["open"] = (path, mode) => {
    const file = system.open(path, mode);
    if (paths.test(path)) {
      file.tryLock = () => false;
      const lock = file.lock.bind(file);
      file.lock = (...args) => time.then(() => lock(...args));
    }
    return file;
  };
  return { ...system, open };
}

function typesOf(lab: Lab, run_id = "r"): unknown[] {
  return eventsOf(lab, run_id).map(({ event_type }) => event_type);
}

Deno.test("a run's folder, its manifest, and its events tell the same from beginning to end", async () => {
  using lab = newLab();
  let now_ms = NOON_MS;
  const world = testWorld({ now_ms: () => now_ms });
  const run = await create(lab, { parameters: { n: 1 }, dataset: { interval: "5m" } }, world);
  assertEquals(run.path, "2026-01/run_id=r");
  assertEquals(run.readManifest(), {
    run_id: "r",
    run_type: "policy",
    created_at: "2026-01-23T12:00:00.000Z",
    started_at: "2026-01-23T12:00:00.000Z",
    status: "running",
    code: run.readManifest().code,
    dataset: { interval: "5m" },
    data_fingerprint: "unknown",
    parameters: { n: 1 },
    schema_version: { manifest: "1.0.0", artifacts: "1.0.0" },
    artifacts: {},
  });
  assertEquals(run.readManifest().data_fingerprint, "unknown");
  assertEquals(codeOf(run.readManifest()), run.readManifest().code as object);
  const entry = { rows: 1, path: "inputs/alerts.parquet", bytes: 4, sha256: "ab".repeat(32) };
  await run.noteArtifact("alerts", entry, { avg: 2 });
  assertEquals([run.isComplete(), await run.state()], [false, "running"]);
  now_ms += 1500;
  const ended = await run.markSuccess({ timing: { plan_ms: 5 }, summary: { sharpe: 1 } });
  assertEquals(ended, run.readManifest());
  assertEquals(
    [ended.status, ended.completed_at, ended.timing, ended.summary],
    ["completed", "2026-01-23T12:00:01.500Z", { total_ms: 5, plan_ms: 5 }, { avg: 2, sharpe: 1 }],
  );
  assertEquals([run.isComplete(), await run.state()], [true, "completed"]);
  assertEquals(namesIn(lab, run.path), [".manifest.lock", "_SUCCESS", "run.json"]);
  assertEquals(eventsOf(lab, "r").map(({ event_id, event_type }) => [event_id, event_type]), [
    ["r:run.created", "run.created"],
    ["r:run.started", "run.started"],
    ["r:artifact.created:alerts:abababababababab", "artifact.created"],
    ["r:run.completed", "run.completed"],
  ]);
  const [created, , artifact, completed] = eventsOf(lab, "r");
  assertEquals([created.timestamp_ms, created.config], [NOON_MS, { n: 1 }]);
  assertEquals(created.data_fingerprint, ended.data_fingerprint);
  assertEquals(artifact.artifact_path, join(run.folder, "inputs/alerts.parquet"));
  assertEquals([completed.timestamp_ms, completed.summary], [NOON_MS + 1500, ended.summary]);
});

Deno.test("a run that failed says why, has no _SUCCESS, and stays as it is", async () => {
  using lab = newLab();
  const run = await create(lab);
  await run.markFailed("no candles", { summary: { tried: 1 } });
  assertEquals([await run.state(), run.isComplete()], ["failed", false]);
  assertEquals(run.readManifest().error, "no candles");
  assertEquals(eventsOf(lab, "r").at(-1)!.error, "no candles");
  await refused(run.markSuccess(), "it has ended already (failed, ");
  await refused(run.markFailed("something else"), "it has ended already (failed, ");
  await refused(run.appendLog("stdout", texts("x")), "it has ended (failed)");
  assertEquals(run.readManifest().error, "no candles");
});

Deno.test("a run may fail with an Error, and gives its message", async () => {
  using lab = newLab();
  for (const [at, error] of [new TypeError("no candles"), new RangeError()].entries()) {
    const run = await create(lab, { run_id: `r${at}` });
    await run.markFailed(error);
    const reason = error.message || "RangeError";
    assertEquals(run.readManifest().error, reason);
    assertEquals(eventsOf(lab, `r${at}`).at(-1)!.error, reason);
  }
});

Deno.test("a run took as long as its steps, as it says itself, or as it was seen to take", async () => {
  using lab = newLab();
  let now_ms = NOON_MS;
  const world = testWorld({ now_ms: () => now_ms });
  let count = 0;
  const took = async (
    noted: Record<string, number> | undefined,
    given?: Record<string, number>,
  ) => {
    const run = await create(lab, { run_id: `r${count++}` }, world);
    if (noted) await run.updateManifest((manifest) => void (manifest.timing = noted));
    now_ms += 1500;
    return (await run.markSuccess({ timing: given })).timing;
  };
  assertEquals(await took(undefined), { total_ms: 1500 });
  assertEquals(await took(undefined, { plan_ms: 5, simulate_ms: 20 }), {
    total_ms: 25,
    plan_ms: 5,
    simulate_ms: 20,
  });
  assertEquals(await took({ plan_ms: 5 }), { total_ms: 5, plan_ms: 5 });
  assertEquals(await took({ total_ms: 7, plan_ms: 5 }), { total_ms: 7, plan_ms: 5 });
  assertEquals(await took({ plan_ms: 5 }, { execution_ms: 20, total_ms: 30 }), {
    total_ms: 30,
    plan_ms: 5,
    execution_ms: 20,
  });
});

Deno.test("no metric of a summary artifact, also one of its own columns, gets a second value", async () => {
  using lab = newLab();
  const run = await create(lab);
  await run.writeArtifact("summary", [{ ...GOOD.summary, run_id: "r", sharpe: 1.5 }]);
  await refused(
    run.markSuccess({ summary: { sharpe: 2 } }),
    "its summary is given with sharpe 2, and its summary artifact has 1.5",
  );
  const ended = await run.markSuccess({ summary: { sharpe: 1.5, alpha: 2 } });
  assertEquals([ended.summary!.sharpe, ended.summary!.alpha], [1.5, 2]);
});

Deno.test("a completed run takes no further end, and nothing to its logs", async () => {
  using lab = newLab();
  const run = await create(lab);
  await run.markSuccess();
  const names = namesIn(lab, run.path);
  const manifest = Deno.readTextFileSync(join(run.folder, "run.json"));
  await refused(run.markSuccess(), "it has ended already (completed, ");
  await refused(run.markFailed("late"), "it has ended already (completed, ");
  await refused(run.appendLog("stderr", texts("x")), "it has ended (completed)");
  assertEquals(Deno.readTextFileSync(join(run.folder, "run.json")), manifest);
  assertEquals([namesIn(lab, run.path), typesOf(lab).length], [names, 3]);
});

Deno.test("there is one run of an id, in whatever month it was made", async () => {
  using lab = newLab();
  await create(lab, {}, testWorld({ now_ms: () => NOON_MS }));
  await refused(create(lab), 'cannot create run "r": there is one already');
  const empty = putRun(lab, "s", {}, { month: "2025-12", has_success: false });
  removeFrom(lab, empty, "run.json");
  putRun(lab, "s", {}, { month: "2026-02" });
  await refused(create(lab, { run_id: "s" }), 'cannot create run "s": there is one already');
  await refused(create(lab, { run_id: "../x" }), '"../x" is no run id');
  for (const run_type of ["Odd", "", "a b", "../x", "x".repeat(65)]) {
    await refused(
      create(lab, { run_type }),
      `cannot create a run of type "${run_type.slice(0, 9)}`,
    );
  }
  // The beginning of another's id is an id of its own.
  assertEquals((await create(lab, { run_id: "rr" })).run_id, "rr");
});

Deno.test("a manifest that another process is changing stays as it is, and the wait ends", async () => {
  using lab = newLab();
  const before = (await create(lab)).readManifest();
  const run = await ledgerOf(lab, testWorld({ files: filesInVain(/manifest\.lock$/) })).runs.find(
    "r",
  );
  for (const change of [() => run.updateManifest(() => {}), () => run.markFailed("x")]) {
    const error = await assertRejects(change, LedgerError);
    assertEquals([error.code, error.where?.path], ["busy", join(run.folder, ".manifest.lock")]);
  }
  assertEquals(run.readManifest(), before);
});

Deno.test("a run that another owns is not waited for: there is one already", async () => {
  using lab = newLab();
  await using _ = await create(lab, { owned: true });
  const files = filesInVain(/\.lock$/);
  await refused(create(lab, { owned: true }, testWorld({ files })), "there is one already");
});

Deno.test("of many that create a run at once one does, and all of it", async () => {
  using lab = newLab();
  const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => create(lab)));
  assertEquals(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
  assertEquals(typesOf(lab), ["run.created", "run.started"]);
});

Deno.test("of many that end a run at once one does, and the log hears of no other", async () => {
  using lab = newLab();
  const run = await create(lab);
  const outcomes = await Promise.allSettled(Array.from({ length: 9 }, async (_, index) => {
    const ours = await ledgerOf(lab).runs.find("r");
    return await (index % 3 === 0 ? ours.markSuccess() : ours.markFailed(`of ${index}`));
  }));
  const won = outcomes.flatMap((each) => each.status === "fulfilled" ? [each.value] : []);
  assertEquals(won, [run.readManifest()]);
  assertEquals(typesOf(lab).slice(2), [`run.${won[0].status}`]);
});

Deno.test("changes of a manifest that are made at once are all there", async () => {
  using lab = newLab();
  await create(lab);
  await Promise.all(Array.from({ length: 20 }, async (_, index) => {
    const run = await ledgerOf(lab).runs.find("r");
    await run.updateManifest((manifest) => {
      manifest.parameters[`p${index}`] = index;
    });
  }));
  const run = await ledgerOf(lab).runs.find("r");
  assertEquals(Object.keys(run.readManifest().parameters).length, 20);
});

Deno.test("of two that write an artifact at once, the one that stays is the one that is noted", async () => {
  using lab = newLab();
  await create(lab);
  const rows = ["c1", "c2"].map((call_id) => [{ ...GOOD.alerts, call_id }]);
  const { promise: isLast, resolve: go } = Promise.withResolvers<void>();
  const slow = await ledgerOf(lab, testWorld({ files: lateLocks(/manifest\.lock$/, isLast) }))
    .runs.find("r");
  const writing = slow.writeArtifact("alerts", rows[0]);
  const fast = await ledgerOf(lab).runs.find("r");
  await fast.writeArtifact("alerts", rows[1]);
  go();
  const { replaced_rows, ...written } = await writing;
  assertEquals(written, fast.readManifest().artifacts.alerts);
  assertEquals(replaced_rows, 1);
  assertEquals((await ledgerOf(lab).runs.verify({ run_id: "r", deep: true })).findings, []);
});

Deno.test("an artifact that is still being written when the run ends stays out of it", async () => {
  using lab = newLab();
  const run = await create(lab);
  const before = await run.writeArtifact("alerts", [GOOD.alerts]);
  const rows = async function* () {
    yield GOOD.alerts;
    await (await ledgerOf(lab).runs.find("r")).markSuccess();
    yield { ...GOOD.alerts, call_id: "c2" };
  };
  await refused(run.writeArtifact("alerts", { rows: rows() }), "it has ended (completed)");
  assertEquals(run.readManifest().artifacts.alerts, before);
  assertEquals(namesIn(lab, join(run.path, "inputs")), ["alerts.parquet"]);
  assertEquals((await ledgerOf(lab).runs.verify({ run_id: "r", deep: true })).findings, []);
  assertEquals(typesOf(lab).at(-1), "run.completed");
});

Deno.test("rows that come one by one are stored like rows that are there", async () => {
  using lab = newLab();
  const run = await create(lab);
  const rows = async function* () {
    yield await Promise.resolve(GOOD.alerts);
    yield { ...GOOD.alerts, call_id: "c2" };
  };
  assertEquals((await run.writeArtifact("alerts", rows())).rows, 2);
});

Deno.test("a run whose manifest was never written says how to go on", async () => {
  using lab = newLab();
  removeFrom(lab, putRun(lab, "s", {}, { has_success: false }), "run.json");
  const found = await ledgerOf(lab).runs.find("s");
  const error = await assertRejects(() => found.markSuccess(), LedgerError);
  assertEquals(error.message, "run s has no run.json: the process that began it was interrupted");
  assertStringIncludes(error.hint!, "runs create --run-id s");
});

Deno.test("a metric of the summary's row is not given another value when the run is finished", async () => {
  using lab = newLab();
  const run = await create(lab);
  const { run_id: _, ...row } = GOOD.summary;
  await run.writeArtifact("summary", [row]);
  const before = run.readManifest();
  const end = { summary: { trades_count: 99, sharpe: 1 } };
  await refused(run.markSuccess(end), "summary is given with trades_count 99, and its summary art");
  assertEquals([run.readManifest(), run.isComplete()], [before, false]);
  const { summary } = await run.markSuccess({
    summary: { ...row, avg_tail_capture: row.avg_tail_capture, sharpe: 1 },
  });
  assertEquals(summary, { ...row, run_id: "r", sharpe: 1 });
});

Deno.test("what a run prints is kept in order, also by two who begin at once", async () => {
  using lab = newLab();
  const run = await create(lab);
  const kept = await run.appendLog("stdout", texts("one\n", "two\n"));
  assertEquals(kept, { path: join(run.folder, "logs/stdout.txt"), bytes: 8 });
  await run.appendLog("stdout", texts("three\n"));
  assertEquals(Deno.readTextFileSync(kept.path), "one\ntwo\nthree\n");
  // The other one makes the file between our look and our making it.
  const other = join(run.folder, "logs/stderr.txt");
  const files = systemFiles((operation, path) => {
    if (operation === "create" && path === other) Deno.writeTextFileSync(other, "theirs\n");
  });
  const ours = await ledgerOf(lab, testWorld({ files })).runs.find("r");
  await ours.appendLog("stderr", texts("ours\n"));
  assertEquals(Deno.readTextFileSync(other), "theirs\nours\n");
  assertEquals(run.readManifest().logs, { stdout: "logs/stdout.txt", stderr: "logs/stderr.txt" });
});

Deno.test("digits past 2^53 are the same in the manifest and in the log", async () => {
  using lab = newLab();
  const parameters = {
    seed: (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(
      "12345678901234567890",
    ),
  };
  const run = await create(lab, { parameters });
  for (
    const text of [Deno.readTextFileSync(join(run.folder, "run.json")), ...linesOnDisk(lab.dir)]
  ) {
    if (text.includes("seed")) assertMatch(text, /"seed":\s?12345678901234567890\b/);
  }
  assert(linesOnDisk(lab.dir)[0].includes("12345678901234567890"));
});

/** Where the creator of a run is killed, and whether its id is given away then. */
const KILLED: [what: string, operation: string, path: RegExp, times: number][] = [
  ["before its folder is made", "make folder", /run_id=r$/, 1],
  ["before its manifest has its name", "rename", /run\.json$/, 1],
  ["before the log hears of it", "make folder", /events$/, 1],
  ["between the two events", "write", /part-.*jsonl$/, 2],
  ["before it counts as begun", "rename", /run\.json$/, 2],
];

for (const [what, operation, path, times] of KILLED) {
  Deno.test(`a run whose creator is killed ${what} can be created again`, async () => {
    using lab = newLab();
    const owned = { owned: true };
    await create(lab, owned, lostAt(operation, path, times)).catch(() => {});
    const found = await ledgerOf(lab).runs.find("r").catch(() => undefined);
    if (found && namesIn(lab, found.path).includes("run.json")) {
      assertEquals([found.readManifest().status, await found.state()], ["pending", "crashed"]);
      await refused(create(lab, { parameters: { other: 1 } }), "there is one already");
    }
    const run = await create(lab);
    // Made again by a process that does not own it: its first owner's death is not its own.
    assertEquals([await run.state(), run.readManifest().owner], ["running", undefined]);
    await run.markSuccess();
    assertEquals([...new Set(typesOf(lab))], ["run.created", "run.started", "run.completed"]);
    assertEquals(new Set(linesOnDisk(lab.dir)).size, 3);
  });

  Deno.test(`a run whose creator is killed ${what} is told whole when it is finished`, async () => {
    using lab = newLab();
    await create(lab, {}, lostAt(operation, path, times)).catch(() => {});
    const found = await ledgerOf(lab).runs.find("r").catch(() => undefined);
    if (!found || !namesIn(lab, found.path).includes("run.json")) return;
    await found.markFailed("killed");
    assertEquals([...new Set(typesOf(lab))], ["run.created", "run.started", "run.failed"]);
    assertEquals(new Set(linesOnDisk(lab.dir)).size, 3);
  });
}

Deno.test("a run whose creator is killed in the last moment of a month is one run", async () => {
  using lab = newLab();
  const december = { ...lostAt("write", /part-.*jsonl$/), now_ms: () => Date.UTC(2026, 0, 1) - 1 };
  await create(lab, {}, december).catch(() => {});
  const run = await create(lab, {}, testWorld({ now_ms: () => Date.UTC(2026, 0, 1) }));
  assertEquals(run.path, "2025-12/run_id=r");
  assertEquals(run.readManifest().created_at, "2025-12-31T23:59:59.999Z");
});

const ENDS: [string, string, (run: RunDirectory) => Promise<unknown>][] = [
  ["completed", "run.completed", (run) => run.markSuccess({ summary: { avg: 1 } })],
  ["failed", "run.failed", (run) => run.markFailed("no candles")],
];

for (const [status, event_type, end] of ENDS) {
  Deno.test(`a run that ${status}, and was killed before the log heard it, is finished again`, async () => {
    using lab = newLab();
    await create(lab, {}, testWorld({ now_ms: () => NOON_MS }));
    const killed = await ledgerOf(lab, {
      ...lostAt("write", /part-.*jsonl$/),
      now_ms: () => NOON_MS,
    }).runs.find("r");
    await end(killed).catch(() => {});
    const run = await ledgerOf(lab).runs.find("r");
    const { completed_at } = run.readManifest();
    assertEquals(["unfinished", "stale"].includes(await run.state()), true);
    assertEquals([completed_at, typesOf(lab).length], ["2026-01-23T12:00:00.000Z", 2]);
    await end(run);
    assertEquals([await run.state(), run.readManifest().completed_at], [status, completed_at]);
    assertEquals(typesOf(lab).slice(2), [event_type]);
  });
}

Deno.test({
  name: "a creation that fails lets go of the run",
  sanitizeResources: true,
  fn: async () => {
    using lab = newLab();
    const files = systemFiles((operation, path) => {
      if (operation === "write" && path.endsWith(".jsonl")) throw systemError("ENOSPC", "full");
    });
    await using ledger = ledgerOf(lab, testWorld({ files }));
    await assertRejects(() => ledger.runs.create({ ...NEW, owned: true }), LedgerError);
    assertEquals(await (await ledger.runs.find("r")).state(), "crashed");
  },
});

Deno.test("the mark of a change is on the disk before the change: an index behind it shows after a power cut", async () => {
  using folder = memoryFolder();
  const recorded = new RecordedDisk(folder.path);
  const world = testWorld({ files: recorded.files, has_threads: false, cwd: () => folder.path });
  const ledger = new Ledger({ dir: join(folder.path, "ledger"), runs_dir: folder.path, world });
  const run = await ledger.runs.create({ run_id: "r1", run_type: "policy", git: false });
  const before = recorded.steps.length;
  await run.markSuccess();
  const texts = recorded.steps.slice(before).map(({ text }) => text);
  const changed = texts.findIndex((text) => /^rename .+ to .*run\.json$/.test(text));
  const marked = texts.findIndex((text) => text === "sync .changes");
  assertEquals([marked >= 0, marked < changed], [true, true], texts.join("\n"));
});
