/** A box's log in the store: every durable line once, in order, whatever fails on the way. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { MemoryFile } from "../../src/base/files/memory_file.ts";
import { LedgerError } from "../../src/base/error.ts";
import { Fork } from "../../src/fleet/outgoing.ts";
import { readShipped, shippedPath } from "../../src/log/pull/shipped.ts";
import { shippingLag } from "../../src/log/pull/shipping_lag.ts";
import { unpackLines } from "../../src/log/codec/unpacking.ts";
import { memoryFolder, runIn } from "../harness.ts";
import { withSeed } from "../laws/random.ts";
import { Box, fleetWorld, settled, withBox } from "./fleets.ts";
import { STRICT_KEYS, StrictStore } from "./strict_store.ts";

Deno.test("what is in the log is in the store, by its bytes; a second shipment sends what came since", async () => {
  await withBox(async (box) => {
    assertEquals((await box.ship()).shipped, 0);
    await box.emit(20);
    await box.emit(5, 3);
    assertEquals((await box.ship()).shipped, 2);
    assertEquals(box.shipped(), box.lines());
    assertEquals((await box.ship()).shipped, 0);
    await box.emit(1, 3);
    await box.emit(1, 1);
    assertEquals((await shippingLag(fleetWorld(), box.dir)).bytes > 0, true);
    assertEquals((await box.ship()).shipped, 2);
    assertEquals(box.shipped(), box.lines());
    assertEquals((await shippingLag(fleetWorld(), box.dir)).bytes, 0);
  });
});

Deno.test("lines that are no events, and bytes that are no text, are shipped as they are; a torn end is not", async () => {
  await withBox(async (box) => {
    await box.emit(3);
    const path = join(box.dir, "events", "day=2026-01-01", "part-000001.jsonl");
    const odd = new Uint8Array([0x7b, 0xff, 0xfe, 0x0a]);
    Deno.writeFileSync(path, odd, { append: true });
    Deno.writeTextFileSync(path, `{"event_type":"x"}\nnull\n\n{"torn":`, { append: true });
    await box.ship();
    const text = Deno.readFileSync(path);
    const end = text.lastIndexOf(10) + 1;
    const { bytes } = box.strict.objects("lab").get("fleet/log/box=one/000000000001.parquet")!;
    const back = [...unpackLines(new MemoryFile("x", bytes))].flatMap((block) => [...block.bytes]);
    assertEquals(back, [...text.subarray(0, end)]);
  });
});

Deno.test("a line of JSON that is no object is shipped as it is", async () => {
  for (const line of ["null", "5", "{}", "[]"]) {
    await withBox(async (box) => {
      await box.emit(1);
      const path = join(box.dir, "events", "day=2026-01-01", "part-000001.jsonl");
      Deno.writeTextFileSync(path, `${line}\n`, { append: true });
      await box.ship();
      assertEquals(box.shipped(), box.lines());
    });
  }
});

Deno.test("without its hints a shipper finds in the store what it sent, and sends nothing twice", async () => {
  await withBox(async (box) => {
    await box.emit(4);
    await box.ship();
    await box.emit(4, 1);
    await box.ship();
    Deno.removeSync(shippedPath(box.dir));
    await box.emit(2);
    const { adopted, shipped } = await box.ship();
    assertEquals([adopted, shipped], [2, 1]);
    assertEquals(box.shipped(), box.lines());
  });
});

Deno.test("whatever the store answers, and whoever else ships this box, each line is there once, in order", async () => {
  await withSeed((draw) =>
    withBox(async (box, strict) => {
      const faults = ["503", "409", "cut", "lost", "lost"] as const;
      strict.options.faultOf = () => draw.chance(0.25) ? draw.pick(faults) : undefined;
      for (let round = 0; round < 12; round++) {
        await box.emit(1 + draw.below(6), draw.below(3));
        if (draw.chance(0.2)) {
          await Deno.writeTextFile(shippedPath(box.dir), "{torn").catch(() => {});
        }
        const shipments = Array.from({ length: 1 + draw.below(2) }, () => box.ship());
        await settled(shipments);
      }
      strict.options.faultOf = undefined;
      await box.ship();
      assertEquals(box.shipped(), box.lines());
      const known = readShipped(fleetWorld().files, box.dir);
      assertEquals(
        known.head,
        strict.keysOf("lab").filter((key) => key.includes("log/box=")).length,
      );
    })
  );
});

Deno.test("a disk that was restored from an older image stops, and says where", async () => {
  await withBox(async (box, _, folder) => {
    await box.emit(4);
    await box.ship();
    const image = join(folder, "image");
    await new Deno.Command("cp", { args: ["-a", box.dir, image] }).output();
    await box.emit(3);
    await box.ship();
    Deno.removeSync(box.dir, { recursive: true });
    Deno.renameSync(image, box.dir);
    const short = await assertRejects(() => box.ship(), Fork);
    assertStringIncludes(short.message, "segment 2 of box one is not of this disk");
    await box.emit(5);
    const other = await assertRejects(() => box.ship(), Fork);
    assertStringIncludes(other.message, "has other bytes here");
    assertEquals(other.detail?.part, "day=2026-01-01/part-000001.jsonl");
  });
});

Deno.test("two boxes of one name: the second is refused, and one that only says so stops", async () => {
  await withBox(async (box, strict, folder) => {
    await box.emit(1);
    const twin = new Box(strict, join(folder, "twin"), "one");
    const refused = await assertRejects(() => twin.join(), LedgerError);
    assertStringIncludes(refused.message, `another box has claimed the name "one"`);
    await twin.emit(1);
    using fleet = twin.open();
    fleet.home.write({ fleet: fleet.store.address, box: { name: "one", box_id: "0".repeat(32) } });
    await assertRejects(() => twin.ship(), Fork);
    await box.ship();
    assertEquals(box.shipped(), box.lines());
  });
});

Deno.test("what another box has noted of its shipments is not taken over by a new name", async () => {
  await withBox(async (box, strict) => {
    await box.emit(1);
    await box.ship();
    const path = join(box.dir, "fleet.json");
    const before = Deno.readTextFileSync(path);
    Deno.removeSync(path);
    using fleet = box.open();
    const refused = await assertRejects(() => fleet.join("two"), LedgerError);
    assertStringIncludes(refused.message, "shipped.jsonl");
    assertStringIncludes(refused.hint!, "fleet.json");
    assertEquals(strict.objects("lab").has("fleet/boxes/two.json"), false);
    Deno.writeTextFileSync(path, before);
    assertEquals((await box.ship()).adopted, 0);
    Deno.removeSync(path);
    Deno.removeSync(join(box.dir, "fleet"), { recursive: true });
    await fleet.join("two");
    assertEquals((await fleet.ship()).shipped, 1);
  });
});

Deno.test("a claim whose answer was lost is known again; objects that were deleted are missed", async () => {
  await using strict = new StrictStore();
  using folder = memoryFolder();
  const box = new Box(strict, folder.path, "one");
  using fleet = box.open();
  await fleet.init();
  strict.options.faultOf = ({ method, key }) =>
    key.includes("boxes/") ? method === "PUT" ? "lost" : "503" : undefined;
  await assertRejects(() => box.join(), LedgerError);
  assertEquals(fleet.home.read()?.box?.pending, true);
  strict.options.faultOf = undefined;
  await box.join();
  assertEquals(fleet.home.read()?.box?.pending, undefined);
  await box.emit(2);
  await box.ship();
  const key = "fleet/log/box=one/000000000001.parquet";
  const before = strict.objects("lab").get(key)!;
  strict.objects("lab").delete(key);
  const missing = await assertRejects(() => box.ship(), LedgerError);
  assertStringIncludes(missing.message, "segment 1 of box one is not in the store any more");
  const repaired = await fleet.repair();
  assertEquals([repaired.put, repaired.lost], [1, []]);
  assertEquals(strict.objects("lab").get(key)!.meta, before.meta);
  assertEquals((await box.ship()).shipped, 0);
  assertEquals(box.shipped(), box.lines());
  strict.objects("lab").delete(key);
  Deno.removeSync(join(box.dir, "events", "day=2026-01-01"), { recursive: true });
  assertEquals((await fleet.repair()).lost.map(({ seq }) => seq), [1]);
});

Deno.test("a store that falls silent holds no shipment beyond its time, nor one that is stopped", async () => {
  await withBox(async (box, strict) => {
    await box.emit(2);
    const vars = STRICT_KEYS;
    strict.options.faultOf = ({ method }) => method === "PUT" ? "silent" : undefined;
    const late = await runIn(box.dir, ["ship", "--drain", "--timeout", "1s"], { vars });
    assertEquals(late.code, 75, late.stderr);
    assertStringIncludes(late.stderr, "not all is sent after 1.00 s: the store is too slow");
    for (const mode of ["--drain", "--once", "--follow"]) {
      const stop = Promise.withResolvers<() => void>();
      strict.options.faultOf = async ({ method }) => {
        if (method !== "PUT") return undefined;
        (await stop.promise)();
        return "silent";
      };
      const { code } = await runIn(box.dir, ["ship", mode], {
        vars,
        onInterrupt: (listener) => {
          stop.resolve(() => listener("SIGTERM"));
          return () => {};
        },
      });
      assertEquals(code, mode === "--follow" ? 0 : 130, mode);
    }
    strict.options.faultOf = undefined;
    await box.ship();
    assertEquals(box.shipped(), box.lines());
  });
});
