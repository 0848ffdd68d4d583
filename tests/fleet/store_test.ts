import {
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { join } from "@std/path";
import { LedgerError } from "../../src/base/error.ts";
import { keyWord, parseAddress } from "../../src/fleet/address.ts";
import { KeySource } from "../../src/fleet/keys.ts";
import { isUnreachable, ObjectStore } from "../../src/fleet/store.ts";
import { StoreRefusal } from "../../src/fleet/store_answers.ts";
import { memoryFolder } from "../harness.ts";
import { fleetWorld, openStore, URL_OF_LAB } from "./fleets.ts";
import { STRICT_KEYS, type StrictOptions, StrictStore } from "./strict_store.ts";

const HELLO = new TextEncoder().encode("hello");

async function withStore(
  options: StrictOptions,
  body: (store: ObjectStore, strict: StrictStore) => Promise<void>,
): Promise<void> {
  await using strict = new StrictStore(options);
  strict.objects("lab");
  using store = openStore(strict, fleetWorld());
  await body(store, strict);
}

Deno.test("objects are put, read, listed in pages and removed, whatever their names", async () => {
  await withStore({ page_names: 2 }, async (store, strict) => {
    const names = ["a/1", "a/2", "a/3 ä+&=.txt", "a/4(x)", "a/5", "b/1"];
    for (const name of names) {
      assertEquals(await store.put(name, HELLO, { meta: { n: "1" } }), "stored");
    }
    assertEquals(strict.keysOf("lab"), names.map((name) => `fleet/${name}`));
    const listed = await Array.fromAsync(store.list("a/", "a/1"));
    assertEquals(listed.map(({ key, size_bytes }) => [key, size_bytes]), [
      ["a/2", 5],
      ["a/3 ä+&=.txt", 5],
      ["a/4(x)", 5],
      ["a/5", 5],
    ]);
    assertEquals(new TextDecoder().decode(await store.get(names[2])), "hello");
    const facts = await store.head(names[2]);
    assertEquals([facts?.size_bytes, facts?.meta], [5, { n: "1" }]);
    await store.remove(names[2]);
    await store.remove(names[2]);
    assertEquals([await store.get(names[2]), await store.head(names[2])], [undefined, undefined]);
  });
});

Deno.test("a create-only object is put once; the store refuses bytes of another digest", async () => {
  await withStore({}, async (store) => {
    assertEquals(await store.put("once", HELLO, { create_only: true }), "stored");
    assertEquals(await store.put("once", HELLO, { create_only: true }), "exists");
    const refusal = await assertRejects(
      () => store.put("other", HELLO, { sha256: "0".repeat(64) }),
      StoreRefusal,
    );
    assertEquals([refusal.status, refusal.reason], [400, "XAmzContentSHA256Mismatch"]);
  });
});

Deno.test("what can be asked twice is asked until the store answers; an upload is tried once", async () => {
  const faults = ["503", "cut", "409", "lost"] as const;
  const options: StrictOptions = {};
  await withStore(options, async (store, strict) => {
    await store.put("there", HELLO);
    const before = strict.requests.length;
    strict.options.faultOf = ({ number }) => faults[number - before - 1];
    assertEquals(new TextDecoder().decode(await store.get("there")), "hello");
    assertEquals(strict.requests.length, before + 5);
    strict.options.faultOf = ({ method }) => method === "PUT" ? "lost" : undefined;
    const error = await assertRejects(
      () => store.put("new", HELLO, { create_only: true }),
      LedgerError,
    );
    assertEquals(isUnreachable(error), true);
    assertEquals((await store.head("new"))?.size_bytes, 5);
  });
});

Deno.test("a store of the tests that breaks has not answered: no client takes it for one that did", async () => {
  const faultOf = () => {
    throw new Error("broken");
  };
  await withStore({ faultOf }, async (store) => {
    const error = await assertRejects(() => store.put("new", HELLO), LedgerError);
    assertEquals(isUnreachable(error), true);
  });
});

Deno.test("keys come from the environment or a file of the owner's, and are never quoted", async () => {
  await using strict = new StrictStore();
  strict.objects("lab");
  using folder = memoryFolder();
  const path = join(folder.path, "keys");
  const lines = (secret: string) =>
    `# keys of the lab\nAWS_ACCESS_KEY_ID=KEY\nexport AWS_SECRET_ACCESS_KEY="${secret}"\nAWS_REGION=default\n`;
  Deno.writeTextFileSync(path, lines("wrong-secret"), { mode: 0o600 });
  const address = parseAddress(URL_OF_LAB, strict.endpoint);
  const world = fleetWorld({});
  using store = new ObjectStore(world, address, new KeySource(world, path));
  const refused = await assertRejects(() => store.put("x", HELLO), StoreRefusal);
  assertEquals(refused.code, "no_permission");
  assertEquals(JSON.stringify(refused).includes("wrong-secret"), false);
  Deno.writeTextFileSync(path, lines(STRICT_KEYS.AWS_SECRET_ACCESS_KEY));
  assertEquals(await store.put("x", HELLO), "stored");

  Deno.chmodSync(path, 0o644);
  const open = assertThrows(() => new KeySource(world, path).read(), LedgerError);
  assertStringIncludes(open.message, "can be read by others");
  const none = assertThrows(() => new KeySource(world).read(), LedgerError);
  assertEquals([none.code, none.message.includes("AWS_ACCESS_KEY_ID")], ["usage", true]);
});

Deno.test("a clock that is wrong is named, and by how much", async () => {
  await withStore({ now_ms: () => Date.now() + 3_600e3 }, async (_, strict) => {
    using store = openStore(strict, fleetWorld());
    const refusal = await assertRejects(() => store.put("x", HELLO), StoreRefusal);
    assertMatch(refusal.hint!, /(3599|3600) s behind the store's/);
    const of_bucket = await assertRejects(() => store.hasBucket(), StoreRefusal);
    assertMatch(of_bucket.hint!, /(3599|3600) s behind the store's/);
  });
});

Deno.test("a store that sends on to another host is named, with that host; no signature goes there", async () => {
  await withStore({ elsewhere: "https://lab.s3.eu-west-1.example.org/x" }, async (store) => {
    for (const ask of [() => store.hasBucket(), () => store.get("x")]) {
      const refusal = await assertRejects(ask, StoreRefusal);
      assertEquals(refusal.code, "invalid");
      assertStringIncludes(refusal.hint!, "lab.s3.eu-west-1.example.org");
    }
  });
});

Deno.test("an address that is none, or sends keys in the clear, is refused by name", () => {
  const refused = (url: string, endpoint: string) =>
    assertThrows(() => parseAddress(url, endpoint), LedgerError).message;
  const good = "https://store.example.org";
  for (
    const url of ["lab", "s3://", "s3://UPPER/x", "s3://lab/a b", "s3://lab/../x", "http://lab"]
  ) {
    assertStringIncludes(refused(url, good), "no address of a fleet");
  }
  assertStringIncludes(refused("s3://lab/x", "http://store.example.org"), "without TLS");
  assertStringIncludes(refused("s3://lab/x", "https://me:word@host"), "it holds a user name");
  assertEquals(refused("s3://lab/x", "https://me:word@host").includes("word"), false);
  assertStringIncludes(refused("s3://lab/x", "https://host/path"), "it has a path");
  assertEquals(parseAddress("s3://lab", "http://127.0.0.1:7480"), {
    bucket: "lab",
    prefix: "",
    endpoint: "http://127.0.0.1:7480",
  });
  assertEquals(parseAddress("s3://lab/a/b/", good).prefix, "a/b/");
});

Deno.test("a run id or file name becomes part of a key by an alphabet that all readers share", () => {
  assertEquals(keyWord("run-1_a.txt"), "run-1_a.txt");
  assertEquals(keyWord("a/b ä=%"), "a=2Fb=20=C3=A4=3D=25");
});
