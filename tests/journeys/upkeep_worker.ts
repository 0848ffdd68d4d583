/**
 * Processes around one ledger, each in a loop until its input ends: one that emits, one that seals,
 * compacts and restores, and those that ask. Arguments: what to do, and the ledger's folder.
 */
import { systemWorld } from "../../src/base/world.ts";
import { openLedger } from "../../src/mod.ts";

const [role, dir] = Deno.args;
let is_over = false;
Deno.stdin.read(new Uint8Array(1)).then(() => is_over = true);

const DAY_MS = 86_400_000;
const NOON_MS = Date.UTC(2026, 0, 20, 12);
const DAYS = 3;
const PART_BYTES_MAX = 60_000;
const EVENTS_AT_ONCE = 25;
const ROUNDS_MAX = 10_000;

/** Emits to some days in turn, most of it trials, and prints the ids that were acknowledged. */
async function emit(name: string): Promise<void> {
  await using ledger = await openLedger({ dir, part_bytes_max: PART_BYTES_MAX });
  for (let n = 0; !is_over; n++) {
    const run_id = `${name}-${n}`;
    const timestamp_ms = NOON_MS + n % DAYS * DAY_MS;
    const facts = { run_id, timestamp_ms };
    const acknowledged = await Promise.all([
      ledger.emitRunCreated({ ...facts, run_type: "t", config: { n }, data_fingerprint: "f" }),
      ...Array.from({ length: EVENTS_AT_ONCE }, (_, trial) =>
        ledger.emitTrialRecorded({
          ...facts,
          trial_id: `t${trial}`,
          params: { n, trial },
          metrics: { sharpe: trial / 7 },
        })),
      ledger.emitRunCompleted({ ...facts, summary: { n } }),
    ]);
    for (const { event_id } of acknowledged) console.log(event_id);
  }
}

/** To it, all days are over: so parts are sealed while writers write to them. */
async function compact(): Promise<void> {
  const world = { ...systemWorld(), now_ms: () => Date.UTC(2027, 0, 1) };
  await using ledger = await openLedger({ dir, world });
  // It ends when something of each was done, however slow the machine.
  let times_compacted = 0, times_restored = 0;
  const isDone = () => is_over && times_compacted > 1 && times_restored > 0;
  for (let round = 0; !isDone() && round < ROUNDS_MAX; round++) {
    const keep_jsonl = round % 5 === 0;
    const { compacted } = await ledger.upkeep.compact({
      before_day: "2026-12-31",
      all: true,
      keep_jsonl,
    });
    if (compacted.length > 0) times_compacted++;
    console.log(`compacted ${compacted.length}`);
    if (round % 3 === 0) {
      const day = new Date(NOON_MS + round % DAYS * DAY_MS).toISOString().slice(0, 10);
      const restored = await ledger.upkeep.restore(day);
      if (restored.length > 0) times_restored++;
      console.log(`restored ${restored.length}`);
    }
    if (round % 4 === 0) {
      const { findings } = await ledger.verify({ deep: true });
      if (findings.length > 0) throw new Error(`verify found ${JSON.stringify(findings[0])}`);
    }
  }
}

/** Asks the index and the log how much there is: it never is less than before. */
async function ask(): Promise<void> {
  await using ledger = await openLedger({ dir });
  const before = { indexed: 0, runs: 0, surveyed: 0 };
  const cursor = ledger.cursor();
  const seen = new Set<string>();
  const grow = (what: keyof typeof before, now: number) => {
    if (now < before[what]) throw new Error(`${what}: ${now} after ${before[what]}`);
    before[what] = now;
  };
  while (!is_over) {
    const [{ events }] = await ledger.query("select count(*) as events from events");
    grow("indexed", Number(events));
    const [{ runs }] = await ledger.query("select count(*) as runs from latest_runs");
    grow("runs", Number(runs));
    grow("surveyed", (await ledger.survey()).events);
    for await (const record of cursor.pass()) {
      if (record.kind !== "event") throw new Error(`${record.kind} at ${record.label}`);
      const { event_id } = record.event;
      if (seen.has(event_id)) throw new Error(`${event_id} was read twice`);
      seen.add(event_id);
    }
    if (seen.size < before.indexed) throw new Error(`read ${seen.size} of ${before.indexed}`);
    console.log(`found ${events}`);
  }
}

if (role === "compact") await compact();
else if (role === "ask") await ask();
else await emit(role);
