import { assertEquals } from "@std/assert";
import { openLedger } from "../../src/mod.ts";
import { recentCorrelations, storedTypes } from "../../src/trace/store/recent.ts";
import { inputOf, tempFolder, testWorld } from "../harness.ts";

function lines(correlations: readonly string[], event_type = "SIGNAL"): string {
  return correlations.map((correlation_id) => JSON.stringify({ event_type, correlation_id }) + "\n")
    .join("");
}

Deno.test("correlations are found where they wait and where they are stored, the waiting ones first", async () => {
  using folder = tempFolder();
  const world = testWorld();
  await using ledger = await openLedger({ dir: folder.path, world });
  const { dir } = ledger.traces;
  assertEquals(await recentCorrelations(world, dir), []);
  const long = "backtest_20260123_131839_8e7b925b";
  await ledger.traces.ingest(inputOf(lines(["bt1", long, "bt1"], "FILL")));
  await ledger.traces.compact();
  await ledger.traces.ingest(inputOf(lines(['quo"ted', "bt2"])));
  const found = await recentCorrelations(world, dir);
  assertEquals(found.slice(0, 2).toSorted(), ["bt2", 'quo"ted']);
  assertEquals(found.slice(2), ["bt1", long]);
  assertEquals(storedTypes(world.files, dir), ["FILL"]);
});

Deno.test("only the beginning and the end of what waits are looked at", async () => {
  using folder = tempFolder();
  const world = testWorld();
  await using ledger = await openLedger({ dir: folder.path, world });
  const many = Array.from({ length: 3_000 }, (_, n) => `bt${n}`);
  await ledger.traces.ingest(inputOf(lines(many)));
  const found = await recentCorrelations(world, ledger.traces.dir);
  assertEquals(["bt0", "bt1500", "bt2999"].map((each) => found.includes(each)), [
    true,
    false,
    true,
  ]);
});
