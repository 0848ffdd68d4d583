/** What must hold of a ledger whatever became of those who wrote to it: what they were told is so. */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { Ledger } from "../../../src/ledger/ledger.ts";
import { readChain } from "../../../src/log/format/chain.ts";
import { memoryFolder, testWorld } from "../../harness.ts";
import { emitRun, laterWorld, namesInEvents } from "../../retained.ts";
import { type ActorName, ACTORS, ATTACHED, ledgerOf, OTHER_BOX } from "./actors.ts";
import { attachedFiles } from "../../../src/runs/manifest/attached.ts";
import { repeated } from "../kills/crash.ts";

/** What killed processes leave for the next one: nothing of it is damage. */
export const LEFT_BY_KILLED =
  /not_a_part .*\.tmp|ledger seal (adds|mends|ends) it$|unfinished _(gone|back)/;

type Attached = typeof ATTACHED[number];

/** What an actor can be told that is not the id of an event. */
const OTHER_THAN_IDS = /^(read|found|sealed|back|type|version|run|stored|attached|metric|trace) /;

/** An old day of two parts, and a day that stays. */
export async function makeLedger(dir: string, name: string): Promise<void> {
  await using ledger = new Ledger({ dir, world: testWorld(), part_bytes_max: 500 });
  await emitRun(ledger, name, 0);
  await emitRun(ledger, `${name}-new`, 59);
}

/**
 * A ledger, another box's beside it where that is wanted, and what has been done before; returns what
 * was told of that.
 */
export async function prepareLedger(
  dir: string,
  before: readonly ActorName[] = [],
  has_other_box = false,
): Promise<string[]> {
  await makeLedger(dir, "a");
  if (has_other_box) await makeLedger(join(dir, OTHER_BOX), "b");
  const told: string[] = [];
  for (const actor of before) told.push(...await act(actor, dir, "before"));
  return told;
}

/** Has an actor act by itself; returns what it was told. */
export async function act(actor: ActorName, dir: string, life = "alone"): Promise<string[]> {
  const told: string[] = [];
  const world = laterWorld({ has_threads: false });
  await ACTORS[actor]({ world, dir, life, tell: (what) => void told.push(what) });
  return told;
}

/** Copies a folder whose names were all made long ago. */
export function copyFolder(from: string, to: string): void {
  Deno.mkdirSync(to, { recursive: true });
  for (const { name, isDirectory } of Deno.readDirSync(from)) {
    if (isDirectory) copyFolder(join(from, name), join(to, name));
    else Deno.copyFileSync(join(from, name), join(to, name));
  }
  const long_ago = new Date(Date.now() - 3_600_000);
  Deno.utimeSync(to, long_ago, long_ago);
}

/** The ids of the log, and of the days that are away. */
export async function allIdsOf(model: string): Promise<string[]> {
  using folder = memoryFolder();
  const dir = join(folder.path, "ledger");
  copyFolder(model, dir);
  await act("import", dir);
  return await idsOf(dir);
}

/** The ids of the log, in its order. */
export async function idsOf(dir: string): Promise<string[]> {
  const ids: string[] = [];
  for await (const record of new Ledger({ dir, world: testWorld() }).read()) {
    if (record.kind === "event") ids.push(record.event.event_id);
  }
  return ids;
}

/** What `verify --deep` says, one line each. */
export async function findingsOf(dir: string): Promise<string[]> {
  const { findings } = await new Ledger({ dir, world: laterWorld() }).verify({ deep: true });
  return findings.map(({ kind, part, reason }) => `${kind} ${part}: ${reason}`);
}

/**
 * Brings all days back, and fails unless what was told is so. Other events may be there only where
 * their writer had no chance to tell of them.
 */
export async function assertKept(
  dir: string,
  known: readonly string[],
  told: readonly string[],
  may: { have_others?: boolean },
): Promise<void> {
  await act("import", dir);
  const found = await idsOf(dir);
  assertEquals(repeated(found), [], "there twice");
  const wanted = new Set([...known, ...told.filter((what) => !OTHER_THAN_IDS.test(what))]);
  assertEquals([...wanted].filter((id) => !found.includes(id)), [], "acknowledged, and lost");
  const others = found.filter((id) => !wanted.has(id));
  assert(may.have_others || others.length === 0, `no caller was told of ${others}`);
  await assertToldIsSo(dir, told);
  assertEquals(namesInEvents(dir).filter((name) => /^_(gone|back)/.test(name)), [], "half-way");
}

/** Fails unless it is so what was told of seals, types, runs and traces. */
export async function assertToldIsSo(dir: string, told: readonly string[]): Promise<void> {
  const ledger = ledgerOf({ dir, world: laterWorld() });
  const of = (kind: string) =>
    told.filter((what) => what.startsWith(`${kind} `)).map((what) => what.slice(kind.length + 1));
  const sealed = readChain(laterWorld(), dir).seals.map(({ part }) => part);
  assertEquals(of("sealed").filter((part) => !sealed.includes(part)), [], "sealed, and not so");
  const { types } = ledger.registry;
  assertEquals(of("type").filter((name) => !types.has(name)), [], "registered, and lost");
  for (const each of of("version")) {
    const [name, version] = each.split(" ");
    assert(types.get(name)!.version >= Number(version), `${name} is no more of version ${version}`);
  }
  for (const run_id of of("run")) {
    assertEquals(await (await ledger.runs.find(run_id)).state(), "completed");
    assertEquals((await ledger.runs.verify({ run_id, deep: true })).findings, []);
  }
  for (const each of of("stored")) {
    const [run_id, rows] = each.split(" ");
    const run = await ledger.runs.find(run_id);
    const { alerts } = run.readManifest().artifacts;
    assert(alerts.rows >= Number(rows), `${each} is lost`);
    const { findings } = await ledger.runs.verify({ run_id, deep: true });
    const problems = findings.map(({ path, problem }) => `${path}: ${problem}`);
    assertEquals(problems.filter((text) => !text.includes("left half-written")), [], each);
  }
  for (const each of of("attached")) {
    const [run_id] = each.split(" ", 1);
    const run = await ledger.runs.find(run_id);
    const [{ path }] = attachedFiles(run.readManifest());
    const at = ATTACHED.indexOf(Deno.readTextFileSync(join(run.folder, path)) as Attached);
    assert(at >= ATTACHED.indexOf(each.slice(run_id.length + 1) as Attached), `${each} is lost`);
  }
  for (const each of of("metric")) {
    const [run_id, step] = each.split(" ");
    const [loss] = await (await ledger.runs.find(run_id)).readMetrics({ names: ["loss"] });
    assertEquals(loss?.steps.filter((logged) => logged === Number(step)).length, 1, each);
  }
  const traces = of("trace");
  if (traces.length === 0) return;
  const traced = (await ledger.traces.query()).map(({ event_id }) => event_id);
  assertEquals(repeated(traced), [], "traced twice");
  assertEquals(traces.filter((id) => !traced.includes(id)), [], "traced, and lost");
}
