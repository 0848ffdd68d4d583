/** The registry in the chain: bound at the first seal or registration, and every change by other hands found. */
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { join } from "@std/path";
import { LedgerError } from "../../../src/base/error.ts";
import { canonicalJson } from "../../../src/base/json.ts";
import { systemFiles } from "../../../src/base/files/system_files.ts";
import { endOfChain, readChain } from "../../../src/log/format/chain.ts";
import { readRegistry } from "../../../src/log/event/registry.ts";
import { migrateType, registerType } from "../../../src/log/seal/registry_change.ts";
import { sealParts } from "../../../src/log/seal/seal.ts";
import { entryDigest } from "../../../src/log/format/chain_digest.ts";
import { verifyLog } from "../../../src/log/seal/verify.ts";
import { memoryFolder, runIn, systemError, writePart } from "../../harness.ts";
import { withSeed } from "../../laws/random.ts";
import { GOOD_LINE } from "../cases.ts";
import { chainLines, laterWorld } from "../upkeep.ts";

const PART = { day: "2026-01-23", number: 1, writer: "" };

async function verify(dir: string) {
  const world = laterWorld();
  const report = await verifyLog(world, dir, readRegistry(world, dir), { deep: true });
  const told = report.findings.map(({ kind, part, reason }) => `${kind} ${part}: ${reason}`);
  return { findings: told, notes: report.notes };
}

function registryPath(dir: string): string {
  return join(dir, "events", "_schema.json");
}

function appendEntry(dir: string, entry: object): void {
  const path = join(dir, "events", "_chain.jsonl");
  Deno.writeTextFileSync(path, `${JSON.stringify(entry)}\n`, { append: true });
}

/** An entry that a later version would add: with the right link and seal. */
function entryOfKind(dir: string, kind: string, fields: object): Record<string, unknown> {
  const { number, seal: previous } = endOfChain(readChain(laterWorld(), dir));
  const entry = { format: 2, kind, ...fields, number: number + 1, previous, seal: "" } as const;
  const seal = entryDigest({ ...entry, kind: "other", fields: entry });
  return { ...entry, seal };
}

Deno.test("the first seal of a ledger binds its registry, and says so in a version that 0.1 refuses", async () => {
  using folder = memoryFolder();
  const dir = folder.path;
  writePart(dir, PART, [`${GOOD_LINE}\n`]);
  await sealParts(laterWorld(), dir);
  assertEquals(JSON.parse(Deno.readTextFileSync(registryPath(dir))), {
    registry_version: 2,
    event_types: {},
  });
  const [registry, sealed] = chainLines(dir).map((text) => JSON.parse(text));
  assertEquals([registry.format, registry.kind, registry.registry_version], [2, "registry", 2]);
  assertEquals([sealed.format, sealed.kind, sealed.number], [2, "sealed", 2]);
  assertEquals(await verify(dir), { findings: [], notes: [] });
});

Deno.test("a registration binds what it leaves, and each one the next", async () => {
  using folder = memoryFolder();
  const dir = folder.path;
  await registerType(laterWorld(), dir, "a.b", {});
  await registerType(laterWorld(), dir, "a.b", {});
  await migrateType(laterWorld(), dir, "a.b", [{ drop: "x" }]);
  assertEquals(chainLines(dir).map((text) => JSON.parse(text).kind), [
    ...["registry", "registry", "registry"],
  ]);
  assertEquals(await verify(dir), { findings: [], notes: [] });
});

Deno.test("a refused registration leaves no entry and no registry", async () => {
  using folder = memoryFolder();
  const dir = folder.path;
  const migrated = migrateType(laterWorld(), dir, "a.b", [{ drop: "x" }]);
  await assertRejects(() => migrated, LedgerError, "no such type");
  assertEquals(systemFiles().facts(registryPath(dir)), undefined);
  assertEquals(readChain(laterWorld(), dir).entries, []);
});

const HARMS: Record<string, [(path: string) => void, RegExp]> = {
  "replaced by {}": [
    (path) => Deno.writeTextFileSync(path, "{}"),
    /^changed _schema\.json: it is not the registry that number 2/,
  ],
  "changed by a byte": [
    (path) => Deno.writeTextFileSync(path, Deno.readTextFileSync(path) + " "),
    /^changed _schema\.json/,
  ],
  "removed": [(path) => Deno.removeSync(path), /^removed _schema\.json: .* and it is gone/],
};

for (const [what, [harm, wanted]] of Object.entries(HARMS)) {
  Deno.test(`a registry that was ${what} is found, refuses changes, and can be accepted`, async () => {
    using folder = memoryFolder();
    const dir = folder.path;
    await registerType(laterWorld(), dir, "a.b", {});
    harm(registryPath(dir));
    const { findings } = await verify(dir);
    assertEquals(findings.length, 1);
    assertMatch(findings[0], wanted);
    const refused = await runIn(dir, ["schema", "register", "c.d", "-"], { stdin: "{}" });
    assertEquals(refused.code, 1, refused.stdout);
    assertMatch(refused.stderr, /cannot change the registry/);
    assertStringIncludes(refused.stderr, "ledger seal --accept-registry");
    const listed = await runIn(dir, ["schema", "list"]);
    assertEquals(listed.code, 3);
    assertMatch(listed.stderr, /the registry .*_schema\.json is (not the one|gone).*verify --deep/);
    // Sealing goes on, and says so.
    writePart(dir, PART, [`${GOOD_LINE}\n`]);
    const sealed = await runIn(dir, ["seal"], { now_ms: () => laterWorld().now_ms() });
    assertEquals(sealed.code, 0, sealed.stderr);
    assertStringIncludes(sealed.stdout, "part-000001.jsonl");
    assertMatch(sealed.stderr, /the registry .*_schema\.json is (not the one|gone).*verify --deep/);
    assertEquals((await verify(dir)).findings, findings);
    assertEquals((await runIn(dir, ["verify", "--deep"])).code, 3);
    const accepted = await runIn(dir, ["seal", "--accept-registry"]);
    assertEquals(accepted.code, 0);
    assertStringIncludes(accepted.stderr, "_schema.json is bound into the chain as it stands");
    assertEquals(await verify(dir), { findings: [], notes: [] });
    assertEquals(JSON.parse(chainLines(dir).at(-1)!).accepted, true);
    await registerType(laterWorld(), dir, "e.f", {});
    assertEquals((await verify(dir)).findings, []);
  });
}

Deno.test("whichever file operation fails while registering: the old registry or the new, and doing it again ends it", async () => {
  for (const killed of [false, true]) {
    for (let k = 1;; k++) {
      using folder = memoryFolder();
      const dir = folder.path;
      await registerType(laterWorld(), dir, "first.type", {});
      let operations = 0;
      const files = systemFiles((operation) => {
        // A process that was killed does nothing any more; one that failed once tidies up.
        if (killed ? ++operations >= k : ++operations === k) {
          throw systemError("EIO", `Input/output error (${operation})`);
        }
      });
      const done = await registerType(laterWorld({ files }), dir, "second.type", {}).then(
        () => true,
        (error) => {
          assert(error instanceof LedgerError, String(error));
          return false;
        },
      );
      const at = `operation ${k}, killed: ${killed}`;
      const types = [...readRegistry(laterWorld(), dir).types.keys()];
      assertEquals(types[0], "first.type", at);
      if (done) assertEquals(types.length, 2, at);
      // Either nothing is to be found, or that the change has to be ended, by any who seals.
      const { findings } = await verify(dir);
      assertEquals(
        findings.filter((finding) => !/its process was killed|ledger seal/.test(finding)),
        [],
        at,
      );
      if (k % 2 === 0) await sealParts(laterWorld(), dir);
      else await registerType(laterWorld(), dir, "second.type", {});
      assertEquals(await verify(dir), { findings: [], notes: [] }, at);
      assertEquals(systemFiles().facts(join(dir, "events", "_schema.next.json")), undefined, at);
      if (operations < k) break;
    }
  }
});

Deno.test("an entry of a kind that this version does not know is proven and named", async () => {
  using folder = memoryFolder();
  const dir = folder.path;
  writePart(dir, PART, [`${GOOD_LINE}\n`]);
  await sealParts(laterWorld(), dir);
  appendEntry(dir, entryOfKind(dir, "counts", { by: { b: [1, { z: 1, a: 2 }] } }));
  appendEntry(dir, entryOfKind(dir, "weather", { sky: "blue" }));
  const { findings, notes } = await verify(dir);
  assertEquals(findings, []);
  assertEquals(notes.length, 2);
  assertMatch(notes[0], /1 of the chain's entries have the kind "counts", of a later version/);
  assertMatch(notes[1], /"weather", that this version does not know/);
  // Sealing goes on behind them, and a chain that is lost is made again with them.
  writePart(dir, { ...PART, number: 2 }, [`${GOOD_LINE}\n`]);
  await sealParts(laterWorld(), dir);
  const lines = chainLines(dir);
  Deno.removeSync(join(dir, "events", "_chain.jsonl"));
  await sealParts(laterWorld(), dir);
  assertEquals(chainLines(dir), lines);
  assertEquals((await verify(dir)).findings, []);
  appendEntry(dir, { ...entryOfKind(dir, "weather", { sky: "blue" }), sky: "grey" });
  assertMatch((await verify(dir)).findings[0], /kind "weather": its seal does not fit it/);
});

Deno.test("canonical JSON is one text for one value, whatever the order of its members", () =>
  withSeed((random) => {
    const value = (depth: number): unknown => {
      const names = ["a", "b", "10", "2", "é", "__proto__", ""];
      if (depth === 0) return random.pick([1, -0.5, "x\n", true, null, "é"]);
      if (random.below(3) === 0) return names.map(() => value(depth - 1));
      return Object.fromEntries(
        names.filter(() => random.below(2) === 0)
          .map((name) => [name, value(depth - 1)]),
      );
    };
    const shuffled = (of: unknown): unknown => {
      if (typeof of !== "object" || of === null) return of;
      if (Array.isArray(of)) return of.map(shuffled);
      return Object.fromEntries(Object.entries(of).reverse().map(([k, v]) => [k, shuffled(v)]));
    };
    for (let round = 0; round < 200; round++) {
      const one = value(3);
      assertEquals(canonicalJson(shuffled(one)), canonicalJson(one));
      assertEquals(JSON.parse(canonicalJson(one)), one);
    }
  }));
