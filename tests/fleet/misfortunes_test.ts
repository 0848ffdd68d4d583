/** What befalls boxes: weeks without the store, clocks, keys, deleted objects. Emitting goes on, and nothing is lost. */
import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { LedgerError } from "../../src/base/error.ts";
import { Fleet } from "../../src/fleet/fleet.ts";
import { keepShipping } from "../../src/fleet/follow.ts";
import { shippedPath } from "../../src/log/pull/shipped.ts";
import { Fork } from "../../src/fleet/outgoing.ts";
import { runIn } from "../harness.ts";
import { withSeed } from "../laws/random.ts";
import { addressOf, Box, fleetWorld, withBox } from "./fleets.ts";
import { keysText, STRICT_KEYS } from "./strict_store.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

Deno.test("a box that is offline for a week goes on, says so once, ships all of it in order later; fold takes the late days", async () => {
  await withBox(async (box, strict) => {
    const start_ms = Date.now();
    let [now_ms, emitted] = [start_ms, 0];
    strict.options.now_ms = () => now_ms;
    strict.options.faultOf = () => now_ms < start_ms + 7 * DAY_MS ? "cut" : undefined;
    const stop = new AbortController();
    // Each pause is an hour; each day brings events, some of them of the day before.
    const pause = async () => {
      now_ms += HOUR_MS;
      const day = Math.floor((now_ms - start_ms) / DAY_MS);
      if (day > 8) stop.abort();
      for (; emitted < Math.min(day, 7); emitted++) {
        await box.emit(3, emitted);
        await box.emit(1, Math.max(0, emitted - 1));
      }
    };
    const elapsed_ms = () => now_ms - start_ms;
    const world = fleetWorld(undefined, { now_ms: () => now_ms, elapsed_ms, pause });
    using fleet = box.open(world);
    const trouble: string[] = [];
    await keepShipping(fleet, {
      signal: stop.signal,
      onShip: () => {},
      onTrouble: ({ message }) => trouble.push(message),
    });
    assertEquals(trouble.length, 1);
    assertMatch(trouble[0], /^cannot reach the object store at http:/);
    assertEquals([emitted, box.lines().size], [7, 7]);
    assertEquals(box.shipped(), box.lines());
    const { tables, poison } = await fleet.fold();
    assertEquals([tables[0].table, tables[0].files, poison], ["events", 7, []]);
  });
});

Deno.test("clocks that are off are named, and by how much; they order nothing", async () => {
  await withBox(async (box, strict, folder) => {
    await box.emit(2, 5);
    const world = fleetWorld(undefined, { now_ms: () => Date.now() - HOUR_MS });
    {
      using fleet = box.open(world);
      for (const ask of [() => fleet.ship(), () => fleet.status()]) {
        const skewed = await assertRejects(ask, LedgerError);
        assertStringIncludes(skewed.message, "RequestTimeTooSkewed");
        assertMatch(skewed.hint!, /clock is 3(599|600|601) s behind the store's$/);
      }
    }
    // Ten minutes are within what signatures allow: one box is ahead, the other behind.
    const other = new Box(strict, folder, "two");
    await other.join();
    await other.emit(2);
    for (const [each, ahead_ms] of [[box, HOUR_MS / 6], [other, -HOUR_MS / 6]] as const) {
      using fleet = each.open(fleetWorld(undefined, { now_ms: () => Date.now() + ahead_ms }));
      assertEquals((await fleet.ship()).shipped, 1);
      assertEquals(each.shipped(), each.lines());
    }
    const vars = { ...STRICT_KEYS };
    const now_ms = () => Date.now() + HOUR_MS / 6;
    const status = await runIn(box.dir, ["fleet", "status", ...addressOf(strict)], {
      vars,
      now_ms,
    });
    assertEquals(status.code, 0);
    assertMatch(status.stderr, /this machine's clock is (599|600|601) s ahead of the store's/);
  });
});

Deno.test("keys that expire at any request cost nothing: emitting goes on, the key file is read again, each line is there once", async () => {
  await withSeed((draw) =>
    withBox(async (box, strict) => {
      const path = join(box.dir, "keys");
      const putKeys = (id: string) => {
        const text = keysText({ ...STRICT_KEYS, AWS_ACCESS_KEY_ID: id });
        Deno.writeTextFileSync(path, text, { mode: 0o600 });
        strict.options.keys = new Map([...strict.options.keys ?? [], [id, "good"] as const]);
      };
      for (let round = 0; round < 6; round++) {
        for (let day = 0; day < 3; day++) await box.emit(2, day);
        putKeys(`KEY-${round}`);
        const expires_at = strict.requests.length + 1 + draw.below(5);
        strict.options.faultOf = ({ number }) => {
          if (number === expires_at) strict.options.keys!.set(`KEY-${round}`, "expired");
          return undefined;
        };
        const stop = new AbortController();
        let [pauses, passed_ms] = [0, 0];
        const pause = async (ms: number) => {
          passed_ms += ms;
          if (pauses++ < 2) await box.emit(1);
          if (pauses === 2) putKeys(`KEY-${round}-again`);
        };
        const elapsed_ms = () => passed_ms;
        using fleet = box.open(fleetWorld({}, { pause, elapsed_ms }), path);
        const trouble: string[] = [];
        const tellTrouble = ({ message, code }: LedgerError) => trouble.push(`${code}: ${message}`);
        let shipments = 0;
        await keepShipping(fleet, {
          signal: stop.signal,
          onShip: () => ++shipments > 1 ? stop.abort() : undefined,
          onTrouble: tellTrouble,
        });
        for (const words of trouble) assertMatch(words, /^unreachable: .*400 "ExpiredToken"/);
        assertEquals(trouble.length, 1);
      }
      strict.options.faultOf = undefined;
      delete strict.options.keys;
      await box.ship();
      assertEquals(box.shipped(), box.lines());
    })
  );
});

Deno.test("a bucket whose objects were deleted: it is said, and the box puts again what it has", async () => {
  await withBox(async (box, strict) => {
    for (let day = 0; day < 3; day++) {
      await box.emit(2, day);
      await box.ship();
    }
    const before = new Map(strict.objects("lab"));
    const bytesOf = (objects: typeof before) =>
      [...objects].filter(([key]) => key.includes("/log/")).map(([key, { meta }]) => [key, meta])
        .sort();
    strict.objects("lab").delete("fleet/log/box=one/000000000003.parquet");
    const missing = await assertRejects(() => box.ship(), LedgerError);
    assertStringIncludes(missing.message, "segment 3 of box one is not in the store any more");
    assertStringIncludes(missing.hint!, "ledger ship --repair");
    strict.objects("lab").clear();
    const gone = await assertRejects(() => box.ship(), Fork);
    assertStringIncludes(gone.message, "the claim of box one is gone from the store");
    assertStringIncludes(gone.hint!, "ledger fleet join --as one");
    using fleet = box.open();
    await fleet.init();
    await fleet.join("one");
    assertEquals((await fleet.repair()).put, 3);
    assertEquals(bytesOf(strict.objects("lab")), bytesOf(before));
    await box.emit(1, 1);
    assertEquals((await box.ship()).shipped, 1);
    assertEquals(box.shipped(), box.lines());
    assertEquals((await fleet.verify({ deep: true })).findings, []);
  });
});

Deno.test("fleet status tells what is not shipped, what was deleted, and a box that is not the store's", async () => {
  await withBox(async (box, strict) => {
    const status = async (expected_code: number) => {
      const at = addressOf(strict);
      const words = ["fleet", "status", ...at, "--json"];
      const { code, stdout } = await runIn(box.dir, words, { vars: { ...STRICT_KEYS } });
      assertEquals(code, expected_code, stdout);
      const [{ head, behind_events, behind_bytes, behind_s, problem }] = JSON.parse(stdout);
      return { head, behind: [behind_events, behind_bytes > 0, behind_s > 0], problem };
    };
    await box.emit(3);
    assertEquals(await status(0), { head: 0, behind: [3, true, true], problem: null });
    await box.ship();
    const record = Deno.readTextFileSync(shippedPath(box.dir));
    assertEquals(await status(0), { head: 1, behind: [0, false, false], problem: null });
    for (let day = 1; day < 4; day++) {
      await box.emit(1, day);
      await box.ship();
    }
    const whole = Deno.readTextFileSync(shippedPath(box.dir));
    Deno.writeTextFileSync(shippedPath(box.dir), record);
    assertMatch((await status(3)).problem, /^3 segments that this box does not know/);
    Deno.writeTextFileSync(shippedPath(box.dir), whole.replace(/\n[^\n]+\n$/, "\n"));
    const part = join(box.dir, "events/day=2026-01-04/part-000001.jsonl");
    const lines = Deno.readTextFileSync(part);
    assertEquals((await status(0)).problem, null);
    Deno.writeTextFileSync(part, "");
    assertMatch((await status(3)).problem, /^forked: segment 4 .* has \d+ B less here/);
    Deno.writeTextFileSync(part, lines);
    Deno.writeTextFileSync(shippedPath(box.dir), whole.replace(/"raw_sha256":"..../g, "$&x"));
    assertMatch((await status(3)).problem, /^forked: segment 4 is not the one/);
    Deno.writeTextFileSync(shippedPath(box.dir), whole);
    strict.objects("lab").delete("fleet/log/box=one/000000000004.parquet");
    assertMatch((await status(3)).problem, /^segment 4 was deleted: ledger ship --repair/);
    using fleet = box.open();
    fleet.home.write({ box: { name: "one", box_id: "0".repeat(32) } });
    assertMatch((await status(3)).problem, /^forked: another box has the name one/);
  });
});

Deno.test("a name that no box has is refused with those that there are; a box says what leaves it, and is named where its claim was deleted", async () => {
  await withBox(async (box, strict) => {
    const at = addressOf(strict);
    const ask = async (...words: string[]) =>
      await runIn(box.dir, ["fleet", ...words, ...at], { vars: { ...STRICT_KEYS } });
    const joined = await ask("join", "--as", "one", "--with-code", "--with-files");
    assertStringIncludes(joined.stdout, "patches and attached files of runs leave this box too");
    const commands = [["status"], ["status", "--tables"], ["verify"], ["pull"]];
    for (const words of commands) {
      const { code, stderr } = await ask(...words, "--box", "nix");
      assertEquals(code, 1, stderr);
      assertStringIncludes(stderr, "there are: one");
    }
    await box.emit(1);
    await box.ship();
    strict.objects("lab").delete("fleet/boxes/one.json");
    for (const words of [["status"], ["status", "--box", "one"], ["verify", "--box", "one"]]) {
      const { code, stdout } = await ask(...words);
      assertEquals(code, 3, stdout);
      assertStringIncludes(stdout, "its claim is gone");
    }
    const { stderr } = await ask("verify");
    assertStringIncludes(stderr, "no box has joined s3://lab/fleet");
  });
});

Deno.test("a file that --ca names, and holds no certificate, is refused by its name", async () => {
  await withBox(async (box, strict, folder) => {
    const path = join(folder, "ca.pem");
    Deno.writeTextFileSync(path, "none");
    const at = [...addressOf(strict), "--ca", path];
    const { code, stderr } = await runIn(box.dir, ["fleet", "status", ...at], {
      vars: { ...STRICT_KEYS },
    });
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, path);
  });
});

Deno.test("a box of one fleet may make others, and stays in its own", async () => {
  await withBox(async (box, strict) => {
    await box.emit(1);
    await box.ship();
    const other = { url: "s3://lab/other", endpoint: strict.endpoint };
    using fleet = Fleet.open(fleetWorld(), box.dir, other);
    await fleet.init();
    const refused = await assertRejects(() => fleet.join("one"), LedgerError);
    assertEquals(refused.message, "this box is one of s3://lab/fleet already");
    using own = Fleet.open(fleetWorld(), box.dir);
    assertEquals((await own.ship()).shipped, 0);
    assertEquals(strict.keysOf("lab").some((key) => key.startsWith("other/boxes/")), false);
  });
});

Deno.test("what a store that has fallen silent is asked ends with its caller's signal, and holds back nothing later", async () => {
  await withBox(async (box, strict) => {
    await box.emit(1);
    using fleet = box.open();
    const tasks: [name: string, task: (signal: AbortSignal) => Promise<unknown>][] = [
      ["ship", (signal) => fleet.ship({ signal })],
      ["fold", (signal) => fleet.fold({ signal })],
      ["pull", (signal) => fleet.pull({ signal })],
      ["retain", (signal) => fleet.retain({ days: 1, signal })],
    ];
    for (const [name, task] of tasks) {
      const stop = new AbortController();
      strict.options.faultOf = ({ key }) => {
        if (key === "fleet/fleet.json") return undefined;
        stop.abort();
        return "silent";
      };
      const end = await assertRejects(() => task(stop.signal), LedgerError);
      assertEquals(end.code, "interrupted", name);
      strict.options.faultOf = undefined;
      assertEquals((await fleet.status()).map(({ problem }) => problem), [undefined], name);
    }
  });
});
