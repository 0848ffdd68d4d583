/** A lab in a folder: recorded whole, and reconciled with what was acknowledged. */
import { basename, join } from "@std/path";
import { LedgerError } from "../base/error.ts";
import { makeFolderDurably } from "../base/files/durable.ts";
import { takeFileLock } from "../base/files/file_lock.ts";
import { lock_probe_ms } from "../base/limits.ts";
import type { World } from "../base/world.ts";
import { Ledger } from "../ledger/ledger.ts";
import { idOfPath, listAllRuns } from "../runs/manifest/layout.ts";
import { type Lab, LAB_RUNS } from "./plan.ts";
import { recordRun } from "./record.ts";

/** Records all runs of a lab at once, in this process. Returns the ids that were acknowledged. */
export async function recordLab(world: World, lab: Lab): Promise<string[]> {
  const acknowledged: string[] = [];
  await Promise.all(LAB_RUNS.map((run) =>
    recordRun(world, lab, run, {
      onAcknowledged: (event_id) => acknowledged.push(event_id),
    })
  ));
  return acknowledged;
}

/** How the log stands to what was acknowledged. */
interface Reconciled {
  events: number;
  acknowledged: number;
  /** Acknowledged, and not there: there are none, or something is badly wrong. */
  missing: string[];
  /** There more than once. */
  repeated: string[];
}

/** Looks for every acknowledged event in the log. */
export async function reconcile(
  ledger: Ledger,
  acknowledged: readonly string[],
): Promise<Reconciled> {
  const times = new Map<string, number>();
  for await (const record of ledger.read()) {
    if (record.kind !== "event") continue;
    const { event_id } = record.event;
    times.set(event_id, (times.get(event_id) ?? 0) + 1);
  }
  return {
    events: [...times.values()].reduce((sum, count) => sum + count, 0),
    acknowledged: acknowledged.length,
    missing: acknowledged.filter((event_id) => !times.has(event_id)),
    repeated: [...times].filter(([, count]) => count > 1).map(([event_id]) => event_id),
  };
}

/** Looks for every acknowledged event; throws where one is missing or doubled, else says how many there are. */
export async function checkLab(ledger: Ledger, acknowledged: readonly string[]): Promise<number> {
  const { events, missing, repeated } = await reconcile(ledger, acknowledged);
  if (missing.length === 0 && repeated.length === 0) return events;
  const ids = [...missing, ...repeated];
  throw new LedgerError({
    code: "damaged",
    message: `of the events that were acknowledged, ${missing.length} are not in the log and ` +
      `${repeated.length} are there more than once (${ids.slice(0, 3).join(", ")})`,
    where: { path: ledger.dir },
    hint: "this must not happen: look at the disk (ledger doctor), and tell us with this folder",
  });
}

/** In the ledger's folder until a demo has ended, and locked as long as it lives. */
const MARK = ".demo";

/** Unpacked by any command that asks DuckDB something; nothing of a user's work. */
const NOT_WORK: ReadonlySet<string> = new Set([".native", MARK]);

/** A folder that a demo has for itself. What it left when it was stopped, the next one takes away. */
interface DemoFolder extends Disposable {
  /** Whether a demo that was stopped had left something. */
  was_unfinished: boolean;
  /** The demo has come to its end: from now on the lab is the user's. */
  finish(): void;
}

/** Throws where there is a ledger, or runs, that a lab would be mixed into. */
export async function takeDemoFolder(world: World): Promise<DemoFolder> {
  const { files } = world;
  const ledger = new Ledger({ world });
  const mark = join(ledger.dir, MARK);
  const was_unfinished = files.facts(mark) !== undefined;
  const found = [ledger.dir, ledger.runs.dir].flatMap((dir) =>
    (files.list(dir) ?? []).filter(({ name }) => !NOT_WORK.has(name))
      .map(({ name }) => join(dir, name)).sort()
  );
  if (found.length > 0 && !was_unfinished) {
    throw notHere(
      ledger,
      found.map((path) => basename(path)),
    );
  }
  makeFolderDurably(files, ledger.dir);
  const lock = await takeFileLock(files, mark, lock_probe_ms);
  if (!lock) {
    throw new LedgerError({
      code: "busy",
      message: `another demo is at work in ${ledger.dir}`,
      where: { path: mark },
      hint: "wait for its end, or go to an empty folder: mkdir lab && cd lab && ledger demo",
    });
  }
  try {
    const strange = was_unfinished ? await otherWork(ledger) : [];
    if (strange.length > 0) throw notHere(ledger, strange);
    for (const path of found) files.remove(path);
  } catch (error) {
    lock.close();
    throw error;
  }
  return {
    was_unfinished,
    finish: () => files.remove(mark),
    [Symbol.dispose]: () => lock.close(),
  };
}

/** The runs in a folder that are none of a lab's. */
async function otherWork(ledger: Ledger): Promise<string[]> {
  const { world: { files }, runs } = ledger;
  const run_ids = new Set(
    listAllRuns(files, runs.dir).map((path) => idOfPath(path)!),
  );
  if (ledger.exists()) {
    for await (const record of ledger.read()) {
      if (record.kind === "event") {
        run_ids.add(String(record.event.run_id ?? record.event.event_type));
      }
    }
  }
  return [...run_ids].filter((run_id) => !LAB_RUNS.some((run) => run.run_id === run_id)).sort();
}

function notHere({ dir, runs }: Ledger, found: readonly string[]): LedgerError {
  const shown = found.slice(0, 4).join(", ") + (found.length > 4 ? ", …" : "");
  return new LedgerError({
    code: "invalid",
    message:
      `cannot make the demo's lab here: there is something in ${dir} or ${runs.dir} (${shown})`,
    where: { path: dir },
    hint: "nothing was changed; go to an empty folder: mkdir lab && cd lab && ledger demo",
  });
}
