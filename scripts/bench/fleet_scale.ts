/** A fleet as it grows: what it asks of a store, what is kept there, and what that costs. */
import { systemWorld } from "../../src/base/world.ts";
import { packingColumns } from "../../src/log/codec/packing.ts";
import { putDataFiles } from "../../src/fleet/lake/data_files.ts";
import { JobFolder } from "../../src/fleet/lake/job_folder.ts";
import { lakeTable } from "../../src/fleet/lake/lake.ts";
import { rowsIn } from "../../src/fleet/lake/data_files.ts";
import { packSegment } from "../../src/fleet/segment.ts";
import { Spool } from "../../src/fleet/spool.ts";
import { alone, atMost, type Bench, type Figure, type Goal, published } from "./bench.ts";
import { eventLine } from "./events.ts";
import { type FleetLoad, FleetModel, type LoadSizes, segmentsOf } from "./fleet_model.ts";
import { ASKERS, emptyTallies, MeteredStore, noSizes, type Tally } from "./metered_store.ts";

/** List prices of Amazon S3 Standard, us-east-1, in dollars; traffic inside the region is free. */
const DOLLARS_A_WRITE = 0.005 / 1_000;
/** PUT and LIST are writes, GET and HEAD are reads, DELETE is free. */
const DOLLARS_A_READ = 0.0004 / 1_000;
const DOLLARS_A_GB_MONTH = 0.023;
const DAYS_A_MONTH = 30;

/** Removed files go after 7 days: from then on a day is like the next. */
const DAYS = 10;
const DAYS_QUICK = 2;
const ROWS_MEASURED = 100_000;
const ROWS_MEASURED_QUICK = 10_000;
const LINES_MEASURED = 10_000;

const FULL = { boxes: 1_000, events_a_day: 1e9 };
const BY_BOXES: readonly FleetLoad[] = [{ ...FULL, boxes: 10 }, { ...FULL, boxes: 100 }, FULL];
const BY_EVENTS: readonly FleetLoad[] = [
  { ...FULL, events_a_day: 1e7 },
  { ...FULL, events_a_day: 1e8 },
  FULL,
];

/** Ten times as many boxes or events need so many times more: ten to this power. */
const SUB_LINEAR = atMost(0.9, "power");
const LINEAR = atMost(1, "power");

/** One day of a fleet, the last that was played, and what is there at its end. */
interface PlayedDay {
  figures: Record<string, { value: number; unit: string }>;
  /** What has to grow slowly. */
  growing: Record<string, number>;
}

/** Requests, bytes, files, commits and dollars of fleets of several sizes. */
export const fleetScale: Bench = {
  name: "scale.fleet",
  shows:
    "requests, bytes, files, commits and dollars of a fleet: 10 to 1,000 boxes, 10M to 1B events a day",
  async run({ folder, quick, say }) {
    const days = quick ? DAYS_QUICK : DAYS;
    const figures: Figure[] = [];
    const played = new Map<FleetLoad, PlayedDay>();
    const [by_boxes, by_events] = [BY_BOXES, BY_EVENTS].map((loads) =>
      quick ? [loads[0], FULL] : loads
    );
    for (const load of new Set([...by_boxes, ...by_events])) {
      const name = loadName(load);
      const sizes = await measureSizes(load, folder, quick);
      const model = new FleetModel(load, sizes, folder);
      const start = performance.now();
      const day = await playTo(model, days);
      played.set(load, day);
      figures.push(...figuresOf(day, name));
      if (load === FULL && !quick) {
        const month = await playTo(model, DAYS_A_MONTH - days);
        figures.push(...figuresOf(month, `${name}, day ${DAYS_A_MONTH}`));
      }
      say(`${name}: played in ${((performance.now() - start) / 1e3).toFixed(1)} s`);
    }
    figures.push(
      ...growthOf(by_boxes, played, (load) => `${short(load.boxes)} boxes`, SUB_LINEAR),
      ...growthOf(by_events, played, (load) => `${short(load.events_a_day)} events`, LINEAR),
    );
    return figures;
  },
};

/** Plays so many days, and measures the last of them. */
async function playTo(model: FleetModel, days: number): Promise<PlayedDay> {
  const { store } = model;
  await model.play(days - 1);
  store.tallies = emptyTallies();
  store.commits = noSizes();
  await model.play(1);
  const { tallies, commits, checkpoints, held } = store;
  const sum = (of: (tally: Tally) => number) =>
    ASKERS.reduce((all, asker) => all + of(tallies[asker]), 0);
  const fetched = (tallies.fold.fetched_bytes + tallies.upkeep.fetched_bytes) / 1e9;
  const writes = sum(({ PUT, LIST }) => PUT + LIST);
  const reads = sum(({ GET, HEAD }) => GET + HEAD);
  const paid = writes * DOLLARS_A_WRITE + reads * DOLLARS_A_READ;
  const kept = held.bytes / 1e9 * DOLLARS_A_GB_MONTH / DAYS_A_MONTH;
  const count = (value: number) => ({ value, unit: "" });
  const figures = {
    "segments sent": count(tallies.ship.PUT),
    "a segment": { value: tallies.ship.sent_bytes / tallies.ship.PUT / 1e3, unit: "kB" },
    "sent by boxes": { value: tallies.ship.sent_bytes / 1e9, unit: "GB" },
    "read by fold jobs": { value: fetched, unit: "GB" },
    "requests of boxes": count(requestsOf(tallies.ship)),
    "of fold jobs: LIST": count(tallies.fold.LIST),
    "of fold jobs: other": count(requestsOf(tallies.fold) - tallies.fold.LIST),
    "of merges and sweeps": count(requestsOf(tallies.upkeep)),
    "all requests": count(sum(requestsOf)),
    "commits": count(commits.count),
    "a commit": { value: commits.bytes / commits.count / 1e3, unit: "kB" },
    "the largest commit": { value: commits.largest_bytes / 1e3, unit: "kB" },
    "the last checkpoint": { value: checkpoints.last_bytes / 1e3, unit: "kB" },
    "files in the tables": count(model.files),
    "objects in the bucket": count(held.objects),
    "kept in the bucket": { value: held.bytes / 1e9, unit: "GB" },
    "dollars for requests": count(paid),
    "dollars for what is kept": count(kept),
  };
  const growing = {
    "requests": sum(requestsOf),
    "dollars for requests": paid,
    "bytes sent by boxes": tallies.ship.sent_bytes,
    "bytes kept": held.bytes,
    "files in the tables": model.files,
  };
  return { figures, growing };
}

function requestsOf({ PUT, LIST, GET, HEAD, DELETE }: Tally): number {
  return PUT + LIST + GET + HEAD + DELETE;
}

function figuresOf({ figures }: PlayedDay, column: string): Figure[] {
  return Object.entries(figures).map(([row, { value, unit }]) => ({
    ...alone(nameOf(row, column), value, unit, published),
    ...{ table: "day", row, column },
  }));
}

/** The power with which a fleet's needs grow from one size to the next: 1 is in proportion. */
function growthOf(
  loads: readonly FleetLoad[],
  played: ReadonlyMap<FleetLoad, PlayedDay>,
  sizeOf: (load: FleetLoad) => string,
  goal: Goal,
): Figure[] {
  return loads.slice(1).flatMap((load, at) => {
    const before = loads[at];
    const column = `${sizeOf(before)} → ${sizeOf(load)}`;
    const size_ratio = load.boxes * load.events_a_day / (before.boxes * before.events_a_day);
    return Object.entries(played.get(load)!.growing).map(([row, value]) => {
      const ratio = value / played.get(before)!.growing[row];
      const power = Math.log(ratio) / Math.log(size_ratio);
      return {
        ...alone(nameOf(row, column), Math.round(power * 1e3) / 1e3 || 0, "power", goal),
        ...{ table: "growth", row, column },
      };
    });
  });
}

function nameOf(row: string, column: string): string {
  return `scale.fleet ${row}, ${column}`;
}

function loadName({ boxes, events_a_day }: FleetLoad): string {
  return `${short(boxes)} boxes, ${short(events_a_day)} a day`;
}

function short(count: number): string {
  return count >= 1e9
    ? `${count / 1e9}B`
    : count >= 1e6
    ? `${count / 1e6}M`
    : count.toLocaleString("en");
}

/** Packs and folds events of such a load with the program's own code, and looks how large they become. */
async function measureSizes(load: FleetLoad, folder: string, quick: boolean): Promise<LoadSizes> {
  const line_bytes = linesOf(LINES_MEASURED).length / LINES_MEASURED;
  const { events } = segmentsOf(load, line_bytes);
  const { bytes: { length: segment_bytes } } = packed(Math.max(1, Math.round(events)));
  const most = quick ? ROWS_MEASURED_QUICK : ROWS_MEASURED;
  const of_a_fold = load.events_a_day / (86_400 / 300);
  const measured = packed(Math.round(Math.min(of_a_fold, most)));
  const store = new MeteredStore({ now_ms: Date.now() });
  const tables: Record<string, LoadSizes["tables"][string]> = {};
  using job = await JobFolder.open(systemWorld(), folder);
  for (const name of ["events", "trials"]) {
    await job.withDatabase(async (database, work) => {
      const table = lakeTable(name);
      using spool = new Spool(store, table, work);
      const { bytes, events: _, ...facts } = measured;
      await spool.add({ box: "box-0000", facts, bytes, lines_bytes: facts.to });
      const [file] = await putDataFiles(store, database, table, await spool.load(database), work);
      const rows = rowsIn(file);
      tables[name] = {
        rows: rows / measured.events,
        row_bytes: file.size_bytes / rows,
        stats: file.stats,
      };
    });
  }
  return { line_bytes, segment_bytes, tables };
}

function packed(events: number) {
  const part = `day=2026-01-23/part-000001.jsonl`;
  const facts = { box_id: "0".repeat(32), seq: 1, prev_sha256: "0".repeat(64), part, from: 0 };
  return { ...packSegment(linesOf(events), facts, packingColumns()), events };
}

function linesOf(events: number): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(Array.from({ length: events }, (_, k) => eventLine(k)).join(""));
}
