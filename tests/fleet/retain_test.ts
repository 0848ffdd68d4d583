/** Retention of a fleet: old days leave tables and chains, whatever fails; what stays is whole, and goes on. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { LedgerError } from "../../src/base/error.ts";
import type { Fleet } from "../../src/fleet/fleet.ts";
import { IS_FULL } from "../harness.ts";
import { type FleetLab, withBoxes } from "./fleets.ts";
import { rowsOfTable } from "./lab.ts";

const DAY_MS = 86_400_000;
/** Requests between those at which a retention ends. */
const STRIDE = IS_FULL ? 1 : 11;

/** Lets it be noon, so that no midnight comes before a retention, and the first day to stay 2026-01-03. */
function daysAtNoon({ strict, wait }: FleetLab): number {
  const tomorrow_ms = Math.floor(strict.now_ms() / DAY_MS + 1) * DAY_MS;
  wait(tomorrow_ms + DAY_MS / 2 - strict.now_ms());
  return (tomorrow_ms - Date.parse("2026-01-03")) / DAY_MS;
}

async function emitAndShip({ boxes }: FleetLab, days: readonly number[]): Promise<void> {
  for (const box of boxes) {
    for (const day of days) {
      await box.emit(2, day);
      await box.ship();
    }
  }
}

function segmentsIn({ strict }: FleetLab, box: string): number[] {
  return strict.keysOf("lab").flatMap((key) => {
    const [, name, seq] = /^fleet\/log\/box=(.+)\/(\d+)\.parquet$/.exec(key) ?? [];
    return name === box ? [Number(seq)] : [];
  });
}

const daysOf = (rows: Record<string, unknown>[]) => [...new Set(rows.map((row) => row.log_day))];

async function assertIsWhole(fleet: Fleet): Promise<void> {
  assertEquals((await fleet.verify({ deep: true })).findings, []);
  assertEquals((await fleet.status()).map(({ problem }) => problem), [undefined, undefined]);
}

Deno.test("old days leave the tables, and old segments their chains, which verify, ship, fold, and are folded anew, from there on", async () => {
  await withBoxes(2, async (lab) => {
    await emitAndShip(lab, [0, 1, 2, 3]);
    using job = lab.job();
    await job.fold();
    await emitAndShip(lab, [1]);
    const days = daysAtNoon(lab);
    const before = lab.strict.keysOf("lab");
    const plan = await job.retain({ days, is_plan: true });
    assertEquals(lab.strict.keysOf("lab"), before);
    const report = await job.retain({ days });
    assertEquals(report, plan);
    assertEquals(report.first_day, "2026-01-03");
    assertEquals(
      report.boxes.map(({ box, segments, first_seq }) => [box, segments, first_seq]),
      [["box-0", 2, 3], ["box-1", 2, 3]],
    );
    assertEquals(segmentsIn(lab, "box-0"), [3, 4, 5]);
    assertEquals(daysOf(await rowsOfTable(lab, "events")), ["2026-01-03", "2026-01-04"]);
    await assertIsWhole(job);
    // The table is made anew: of what there is.
    await job.fold();
    const rows = await rowsOfTable(lab, "events");
    const objects = lab.strict.objects("lab");
    for (const key of [...objects.keys()]) if (key.includes("/lake/")) objects.delete(key);
    using fresh = lab.job();
    assertEquals((await fresh.fold()).poison, []);
    assertEquals(await rowsOfTable(lab, "events"), rows);
    // A box goes on, also one that has lost its notes of what it sent, and what went does not come back.
    Deno.removeSync(join(lab.boxes[1].dir, "fleet/shipped.jsonl"));
    await emitAndShip(lab, [4]);
    assertEquals(segmentsIn(lab, "box-0"), [3, 4, 5, 6]);
    assertEquals(segmentsIn(lab, "box-1"), [3, 4, 5, 6]);
    for (const box of lab.boxes) {
      using fleet = box.open();
      assertEquals((await fleet.repair()).put, 0);
    }
    await assertIsWhole(job);
    assertEquals((await fresh.fold()).poison, []);
    assertEquals((await rowsOfTable(lab, "events")).length, rows.length + 4);
  });
});

Deno.test("a retention that ends at any request is finished by the next; what no table has taken stays", async () => {
  await withBoxes(2, async (lab) => {
    await emitAndShip(lab, [0, 1, 2]);
    using job = lab.job();
    await job.fold();
    await emitAndShip(lab, [1, 3]);
    const days = daysAtNoon(lab);
    for (let step = 1; step < 100; step += STRIDE) {
      const first = lab.strict.requests.length + step;
      lab.strict.options.faultOf = ({ number }) => number >= first ? "cut" : undefined;
      const end = await job.retain({ days }).catch((error) => error);
      lab.strict.options.faultOf = undefined;
      await assertIsWhole(job);
      if (!(end instanceof LedgerError)) break;
      assertEquals(end.code, "unreachable");
    }
    assertEquals(segmentsIn(lab, "box-0"), [3, 4, 5]);
    assertEquals(daysOf(await rowsOfTable(lab, "events")), ["2026-01-03"]);
    // All but the last may go; the fourth is old, and in no table.
    lab.wait(400 * DAY_MS);
    const { boxes: [{ first_seq, reason }] } = await job.retain({ days: 1 });
    assertEquals([first_seq, reason], [4, "segment 4 is in no table yet: ledger fleet fold"]);
    await job.fold();
    assertEquals((await job.retain({ days: 1 })).boxes[0].first_seq, 5);
    await assertIsWhole(job);
  });
});

Deno.test("however many days stay, the first is one of the calendar", async () => {
  await withBoxes(1, async (lab) => {
    using job = lab.job();
    const { first_day } = await job.retain({ days: 200_000_000, is_plan: true });
    assertEquals(first_day, "1970-01-01");
  });
});
