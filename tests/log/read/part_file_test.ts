import { assertEquals } from "@std/assert";
import { endOfLines } from "../../../src/log/read/part_file.ts";
import { partsOfDay } from "../../../src/log/read/parts.ts";
import { BOX_DAY, boxes } from "../../boxes.ts";
import { testWorld } from "../../harness.ts";

Deno.test("a part that is compacted between the look at it and its opening ends where it did", async () => {
  using lab = boxes("a");
  const [a] = lab.all;
  await a.emit(3);
  const world = testWorld();
  const [extent] = await partsOfDay(world.files, a.ledger_dir, BOX_DAY);
  await using ledger = a.open({ now_ms: () => Date.UTC(2026, 5, 1) });
  await ledger.upkeep.compact({ before_day: "2026-05-01", all: true });
  assertEquals(await endOfLines(world, extent), extent.size_bytes);
});
