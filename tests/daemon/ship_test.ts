/** A daemon that ships: syncs never wait for the store, and the lag is told without it. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { watchLedger } from "../../src/daemon/watch.ts";
import type { SyncReport } from "../../src/index/sync.ts";
import type { Fleet } from "../../src/fleet/fleet.ts";
import { type Box, fleetWorld, withBox } from "../fleet/fleets.ts";
import { patience } from "../crash/kills/crash.ts";
import { runIn, testWorld } from "../harness.ts";

/** A daemon in this process; what it says and ships is waited for, and the syncs are empty ones. */
class Watched implements AsyncDisposable {
  readonly said: string[] = [];
  syncs = 0;
  shipped = 0;
  readonly #stop = new AbortController();
  readonly #fleet: Fleet;
  readonly #done: Promise<void>;
  #wake = Promise.withResolvers<void>();
  address = "";

  constructor(box: Box) {
    const { dir } = box;
    let elapsed_ms = 0;
    // A minute between two shipments passes at once, but leaves others their turn.
    const pause = async (ms: number) => {
      elapsed_ms += ms;
      await new Promise((resolve) => setTimeout(resolve));
    };
    this.#fleet = box.open(fleetWorld(undefined, { pause, elapsed_ms: () => elapsed_ms }));
    const note = (change: () => void) => {
      change();
      this.#wake.resolve();
      this.#wake = Promise.withResolvers();
    };
    const ledger = {
      dir,
      exists: () => true,
      sync: () => {
        note(() => this.syncs++);
        const total = { events: 0, rejected: 0, bytes: 0 };
        return Promise.resolve({ new_events: 0, total, seconds: 0 } as unknown as SyncReport);
      },
    };
    this.#done = watchLedger(testWorld(), ledger, {
      signal: this.#stop.signal,
      interval_s: 0,
      health: { hostname: "127.0.0.1", port: 0 },
      fleet: this.#fleet,
      onShip: ({ shipped }) => note(() => this.shipped += shipped),
      onNotice: (message) => note(() => this.said.push(message)),
      onListen: (address) => this.address = address,
    });
  }

  async until(isSo: () => boolean): Promise<void> {
    const signal = patience();
    while (!isSo()) {
      signal.throwIfAborted();
      await this.#wake.promise;
    }
  }

  async ask(path: string): Promise<string> {
    return await (await fetch(`${this.address}${path}`)).text();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#done;
    this.#fleet[Symbol.dispose]();
  }
}

Deno.test("a daemon that ships goes on syncing while the store is away, tells the lag, and sends what waited", async () => {
  await withBox(async (box, strict) => {
    await box.emit(3);
    strict.options.faultOf = () => "503";
    await using watched = new Watched(box);
    await watched.until(() => watched.said.length > 0);
    assertMatch(watched.said[0], /^the object store refuses GET .*503/);
    const before = watched.syncs;
    await watched.until(() => watched.syncs > before + 2);
    const away = JSON.parse(await watched.ask("/healthz"));
    assertEquals([away.status, away.ship_error], ["ok", watched.said[0].split(" (")[0]]);
    const metrics = await watched.ask("/metrics");
    assertMatch(metrics, /^ledger_ship_lag_bytes [1-9]\d*$/m);
    assertMatch(metrics, /^ledger_ship_lag_seconds \d+(\.\d+)?$/m);
    assertMatch(metrics, /^ledger_ship_failing 1$/m);
    strict.options.faultOf = undefined;
    await watched.until(() => watched.shipped === 1);
    assertEquals(box.shipped(), box.lines());
    const back = JSON.parse(await watched.ask("/healthz"));
    assertEquals([back.ship_lag_bytes, back.ship_lag_seconds, back.ship_error], [0, 0, undefined]);
    await box.emit(2, 1);
    await watched.until(() => watched.shipped === 2);
    assertEquals(watched.said.length, 1);
  });
});

Deno.test("a fork ends a daemon's shipping, is said once, and its syncs go on", async () => {
  await withBox(async (box, strict) => {
    await box.emit(1);
    strict.objects("lab").delete("fleet/boxes/one.json");
    await using watched = new Watched(box);
    await watched.until(() => watched.said.length > 0);
    assertStringIncludes(watched.said[0], "the claim of box one is gone from the store");
    const [requests, syncs] = [strict.requests.length, watched.syncs];
    await watched.until(() => watched.syncs > syncs + 2);
    assertEquals([strict.requests.length, watched.said.length], [requests, 1]);
    assertMatch(await watched.ask("/metrics"), /^ledger_ship_failing 1$/m);
  });
});

Deno.test("ledger status tells what is not shipped, and asks no store", async () => {
  await withBox(async (box, strict) => {
    await box.emit(3);
    await box.ship();
    const asked = strict.requests.length;
    const all = await runIn(box.dir, ["status"]);
    assertMatch(all.stdout, /^fleet: box one, segment 1; all is shipped$/m);
    await box.emit(4, 2);
    Deno.writeTextFileSync(join(box.dir, "events/day=2026-01-03/part-000001.jsonl"), "{torn", {
      append: true,
    });
    const some = await runIn(box.dir, ["status"]);
    assertMatch(some.stdout, /^fleet: box one, segment 1; 4 events \(\d+ B\) not shipped, for /m);
    const { shipping } = JSON.parse((await runIn(box.dir, ["status", "--json"])).stdout);
    assertEquals([shipping.box, shipping.events], ["one", 4]);
    assert(shipping.bytes > 0 && shipping.seconds < 600);
    assertEquals(strict.requests.length, asked);
    Deno.writeTextFileSync(join(box.dir, "fleet.json"), "{");
    const damaged = await runIn(box.dir, ["status"]);
    assertEquals(damaged.code, 0);
    assertStringIncludes(damaged.stderr, "fleet.json cannot be read");
  });
});
