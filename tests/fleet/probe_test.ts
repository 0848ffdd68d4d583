import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { LedgerError } from "../../src/base/error.ts";
import { probeStore } from "../../src/fleet/probe.ts";
import { fleetWorld, openStore } from "./fleets.ts";
import { type StrictOptions, StrictStore } from "./strict_store.ts";

async function probe(options: StrictOptions): Promise<{ failed: string; left: string[] }> {
  await using strict = new StrictStore(options);
  strict.objects("lab");
  using store = openStore(strict, fleetWorld());
  let failed = "";
  try {
    const results = await probeStore(store);
    assertEquals(results.every(({ ok }) => ok), true);
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    failed = error.message;
  }
  return { failed, left: strict.keysOf("lab") };
}

Deno.test("a store that keeps its promises passes the probe, and nothing is left in it", async () => {
  assertEquals(await probe({}), { failed: "", left: [] });
});

for (
  const [name, options] of [
    ["create-only", { forgets_conditions: true }],
    ["race", { forgets_conditions: true }],
    ["digest", { trusts_digests: true }],
    ["listing", { lists_late: 50 }],
    ["clock", { now_ms: () => Date.now() - 600e3 }],
  ] satisfies [string, StrictOptions][]
) {
  Deno.test(`a store that does not keep its promise of ${name} is refused by that name`, async () => {
    const { failed } = await probe(options);
    assertStringIncludes(failed, `${name}: `);
  });
}

Deno.test("a store that is busy or loses answers during the probe is not taken for one that breaks promises", async () => {
  let number = 0;
  const { failed } = await probe({
    faultOf: ({ method }) => method !== "PUT" && ++number % 3 === 0 ? "503" : undefined,
  });
  assertEquals(failed, "");
  await using strict = new StrictStore({ faultOf: () => "503" });
  using store = openStore(strict);
  const error = await assertRejects(() => probeStore(store), LedgerError);
  assertEquals(error.code, "unreachable");
});
