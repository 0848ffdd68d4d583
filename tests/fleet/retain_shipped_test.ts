/** `retain --shipped`: a day leaves a box only where the fleet's store has acknowledged every byte of it. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { shippedPath } from "../../src/log/pull/shipped.ts";
import { shippingLag } from "../../src/log/pull/shipping_lag.ts";
import { Ledger } from "../../src/ledger/ledger.ts";
import { testWorld } from "../harness.ts";
import { emitRun, fillLedger, namesInEvents, noonOf, OLD_DAYS, retainIn } from "../retained.ts";
import { type Box, withBox } from "./fleets.ts";

const request = { archive: undefined, shipped: true };

async function retained({ dir }: Box) {
  return (await retainIn(dir, request)).map(({ day, fate, reason, fix }) => {
    return reason === undefined ? [day, fate] : [day, fate, reason, fix];
  });
}

async function withFilledBox(body: (box: Box) => Promise<void>) {
  await withBox(async (box) => {
    await fillLedger(box.dir);
    await body(box);
  });
}

Deno.test("days go that are shipped whole; without the record of it every day stays", async () => {
  await withFilledBox(async (box) => {
    const part = (day: string) => `day=${day}/part-000001.jsonl is not wholly shipped`;
    const staying = OLD_DAYS.map((day) => [day, "stays", part(day), "ledger ship --drain"]);
    assertEquals(await retained(box), staying);
    await box.ship();
    const record = Deno.readTextFileSync(shippedPath(box.dir));
    Deno.removeSync(shippedPath(box.dir));
    assertEquals(await retained(box), staying);
    Deno.writeTextFileSync(shippedPath(box.dir), record);
    assertEquals(await retained(box), OLD_DAYS.map((day) => [day, "deleted"]));
    assertEquals((await box.ship()).shipped, 0);
  });
});

Deno.test("a box whose notes are gone finds once what the store still has: then nothing waits, and its days go", async () => {
  await withFilledBox(async (box) => {
    await box.ship();
    using fleet = box.open();
    const { boxes: [{ segments, first_seq }] } = await fleet.retain({ days: 1 });
    assertEquals(segments, first_seq - 1);
    assert(segments > 0);
    Deno.removeSync(shippedPath(box.dir));
    for (const adopted of [1, 0]) {
      const report = await box.ship();
      assertEquals([report.shipped, report.adopted, report.head], [0, adopted, first_seq]);
      const { bytes, head } = await shippingLag(testWorld(), box.dir);
      assertEquals([bytes, head], [0, first_seq]);
    }
    assertEquals((await fleet.status())[0].problem, undefined);
    assertEquals(await retained(box), OLD_DAYS.map((day) => [day, "deleted"]));
  });
});

Deno.test("a day stays whose last lines came after the shipment, also in a part of their own, or were compacted", async () => {
  await withFilledBox(async (box) => {
    await box.ship();
    {
      await using ledger = new Ledger({ dir: box.dir, world: testWorld(), writer: "w" });
      await emitRun(ledger, "late", 1);
    }
    const day = OLD_DAYS[1];
    const stays = [day, "stays", `day=${day}/part-000003.w.jsonl is not wholly shipped`];
    assertEquals(await retained(box), [
      [OLD_DAYS[0], "deleted"],
      [...stays, "ledger ship --drain"],
      [OLD_DAYS[2], "deleted"],
    ]);
    await new Ledger({ dir: box.dir }).upkeep.compact({ before_day: "2026-03-01", all: true });
    assertEquals((await retained(box)).map(([day, fate]) => [day, fate]), [[day, "stays"]]);
    await box.ship();
    assertEquals(await retained(box), [[day, "deleted"]]);
  });
});

Deno.test("a day stays of which other bytes were sent than are here", async () => {
  await withFilledBox(async (box) => {
    await box.ship();
    const label = `day=${OLD_DAYS[0]}/part-000001.jsonl`;
    const path = join(box.dir, "events", label);
    Deno.writeTextFileSync(path, Deno.readTextFileSync(path).replace('"b":2', '"b":3'));
    const [[day, fate, reason]] = await retained(box);
    assertEquals([day, fate], [OLD_DAYS[0], "stays"]);
    assertStringIncludes(reason!, `${label}: has other bytes than those that were sent`);
    assertEquals(namesInEvents(box.dir).includes(`day=${day}`), true);
  });
});

Deno.test("what was pulled is another box's to ship: its day stays", async () => {
  await withFilledBox(async (box) => {
    const other = join(box.dir, "..", "other");
    {
      await using ledger = new Ledger({ dir: other, world: testWorld() });
      await ledger.emitRunStarted({ run_id: "theirs", timestamp_ms: noonOf(0) });
    }
    await new Ledger({ dir: box.dir, world: testWorld() }).upkeep.pull({ from: other, as: "o" });
    await box.ship();
    const [[day, fate, reason, fix]] = await retained(box);
    assertEquals([day, fate], [OLD_DAYS[0], "stays"]);
    assertStringIncludes(reason!, ".o.jsonl was pulled: its own box ships it");
    assertStringIncludes(fix!, "--archive DIR");
  });
});
