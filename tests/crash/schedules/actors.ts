/** The actors of the schedules: what a process does to a ledger, and what it tells its caller. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import type { World } from "../../../src/base/world.ts";
import { Ledger } from "../../../src/ledger/ledger.ts";
import { retainIndexed } from "../../../src/ledger/retain.ts";
import { ledgerPaths } from "../../../src/log/format/layout.ts";
import { compactTraces } from "../../../src/trace/store/compact.ts";
import { archiveIn, noonOf } from "../../retained.ts";
import { GOOD } from "../../runs/rows.ts";
import { traced } from "../../trace/events.ts";

/** What an actor acts on. */
export interface Stage {
  world: World;
  dir: string;
  /** Which process of its kind it is. */
  life: string;
  /** Tells the caller what is done, and will stay done. */
  tell: (what: string) => void;
}

/** What is attached to a run, one after the other. */
export const ATTACHED = ["the old one", "the new one, which is longer"] as const;

/** The folder of another box's ledger, beside the one that is acted on. */
export const OTHER_BOX = "other";
/** The type that the registering actors register. */
const REGISTERED = "lab.note";

async function emit({ world, dir, tell }: Stage, ids: string[], writer?: string): Promise<void> {
  await using ledger = new Ledger({ dir, world, writer, part_bytes_max: 500 });
  for (const event_id of ids) {
    const event = { run_id: "late", event_id, timestamp_ms: noonOf(0), error: "came late" };
    await ledger.emitRunFailed(event);
    tell(event_id);
  }
}

/** The old days, as `retain` takes them out of a ledger whose index is up to date. */
async function retain({ world, dir }: Stage): Promise<void> {
  const indexed = new Map<string, number>();
  indexed.get = () => Infinity;
  const request = { days: 30, archive: archiveIn(dir) };
  await retainIndexed(world, dir, request, { indexed, running: new Map() });
}

/** The ledger of a stage, with a folder of runs of its own. */
export function ledgerOf({ world, dir }: Pick<Stage, "world" | "dir">): Ledger {
  return new Ledger({ dir, world, runs_dir: join(dir, "runs") });
}

async function register({ world, dir, life, tell }: Stage, name: string): Promise<void> {
  const ledger = new Ledger({ dir, world });
  const schema = { type: "object", properties: { text: { type: "string" } } };
  await ledger.registerType(name, schema, `of ${life}`);
  tell(`type ${name}`);
}

export const ACTORS = {
  /** One program that emits twice to an old day, with its ledger open meanwhile. */
  "writer": (stage: Stage) => emit(stage, [1, 2].map((n) => `${stage.life}-${n}`)),
  /** The same with parts of its own. */
  "private writer": (stage: Stage) => emit(stage, [1, 2].map((n) => `${stage.life}-${n}`), "wz"),
  /** Two programs, one after the other, that share a writer's name which the day does not know. */
  "two private writers": async (stage: Stage) => {
    for (const n of [1, 2]) await emit(stage, [`${stage.life}-${n}`], "wz");
  },
  "retain": retain,
  "seal": async ({ world, dir, tell }: Stage) => {
    for (const { part } of await new Ledger({ dir, world }).upkeep.seal()) tell(`sealed ${part}`);
  },
  "compact": async ({ world, dir }: Stage) => {
    await new Ledger({ dir, world }).upkeep.compact({ before_day: "2026-02-01", all: true });
  },
  "restore": async ({ world, dir }: Stage) => {
    await new Ledger({ dir, world }).upkeep.restore("2026-01-20");
  },
  /** Brings back the day that is away. */
  "import": async ({ world, dir, tell }: Stage) => {
    const { upkeep } = new Ledger({ dir, world });
    for (const { name } of world.files.list(archiveIn(dir)) ?? []) {
      if (!name.endsWith(".tar")) continue;
      const { parts } = await upkeep.importArchive(join(archiveIn(dir), name));
      for (const { part } of parts) tell(`back ${part}`);
    }
  },
  "pull": async ({ world, dir, tell }: Stage) => {
    const ledger = new Ledger({ dir, world });
    const report = await ledger.upkeep.pull({ from: join(dir, OTHER_BOX), as: "box2" });
    assertEquals(report.findings, []);
    for await (const record of new Ledger({ dir: join(dir, OTHER_BOX), world }).read()) {
      if (record.kind === "event") tell(record.event.event_id);
    }
  },
  "sync": async ({ world, dir }: Stage) => {
    await new Ledger({ dir, world }).sync();
  },
  /** Reads all of the log, and tells what it read. */
  "reader": async ({ world, dir, tell }: Stage) => {
    for await (const record of new Ledger({ dir, world }).read()) {
      if (record.kind !== "event") throw new Error(`${record.label}: ${record.reason}`);
      tell(`read ${record.event.event_id}`);
    }
  },
  /** Tells what it finds, as a reader tells what it reads. */
  "verify": async ({ world, dir, tell }: Stage) => {
    const { findings } = await new Ledger({ dir, world }).verify({ deep: true });
    for (const { kind, part, reason } of findings) tell(`found ${kind} ${part}: ${reason}`);
  },
  /** Many events to two days, in parts that fill up: several in each write. */
  "busy writer": async ({ world, dir, life, tell }: Stage) => {
    await using ledger = new Ledger({ dir, world, part_bytes_max: 700 });
    for (let n = 0; n < 3; n++) {
      const events = [0, 0, 0, 1].map((day, at) => ({
        ...{ event_type: "run.failed", run_id: "late", error: "came late" },
        event_id: `${life}-${n}-${at}`,
        timestamp_ms: noonOf(day),
      }));
      for (const { event_id } of await ledger.emitMany(events)) tell(event_id);
    }
  },
  /** Makes a run with results and a file that take the place of others, and metrics, and ends it. */
  "maker of a run": async ({ world, dir, life, tell }: Stage) => {
    await using ledger = ledgerOf({ dir, world });
    await using run = await ledger.runs.create({ run_type: "policy", run_id: life, git: false });
    await run.writeArtifact("summary", [{ ...GOOD.summary, run_id: life }]);
    for (const rows of [1, 2]) {
      await run.writeArtifact("alerts", Array(rows).fill(GOOD.alerts));
      tell(`stored ${life} ${rows}`);
    }
    for (const text of ATTACHED) {
      await run.attachFile({ bytes: new TextEncoder().encode(text) }, { as: "plots/a.txt" });
      tell(`attached ${life} ${text}`);
    }
    for (const step of [1, 2]) {
      await run.logMetrics({ loss: 1 / step }, { step });
      tell(`metric ${life} ${step}`);
    }
    await run.markSuccess();
    tell(`run ${life}`);
  },
  /** Traces, and makes Parquet of it at its end. */
  "tracer": async ({ world, dir, life, tell }: Stage) => {
    const store = await ledgerOf({ dir, world }).traces.openStore({ segment_bytes_max: 400 });
    for (let n = 0; n < 6; n++) {
      store.record(traced({ event_id: `${life}-${n}`, event_type: "BAR", correlation_id: life }));
      if (n % 2 === 0) continue;
      await store.sync();
      for (const each of [n - 1, n]) tell(`trace ${life}-${each}`);
    }
    await store.close();
  },
  "compact traces": async ({ world, dir }: Stage) => {
    await compactTraces(world, ledgerPaths(dir).traces);
  },
  "migrate": async ({ world, dir, tell }: Stage) => {
    const ledger = new Ledger({ dir, world });
    const { types } = ledger.registry;
    if (!types.has(REGISTERED)) {
      await ledger.registerType(REGISTERED, { type: "object" });
      tell(`type ${REGISTERED}`);
    }
    const { version } = await ledger.migrateType(REGISTERED, [{ default: "field", value: 1 }]);
    tell(`version ${REGISTERED} ${version}`);
  },
  "register": (stage: Stage) => register(stage, REGISTERED),
  "register another": (stage: Stage) => register(stage, `${REGISTERED}.two`),
} satisfies Record<string, (stage: Stage) => Promise<void>>;

export type ActorName = keyof typeof ACTORS;
