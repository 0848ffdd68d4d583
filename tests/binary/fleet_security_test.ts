/** The executable and the network: TLS, a private authority, keys in a file, and which command may reach what. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { IS_FULL, tempFolder } from "../harness.ts";
import { addressOf, joinByCommand, URL_OF_LAB } from "../fleet/fleets.ts";
import { keysText, STRICT_KEYS, StrictStore } from "../fleet/strict_store.ts";
import { binaryTest, runBuild, runProgram } from "./binary.ts";

/** A private authority, and a certificate of it for this machine's loopback. */
async function makeAuthority(folder: string) {
  const path = (name: string) => join(folder, name);
  const openssl = async (...args: string[]) => {
    const { success, stderr } = await new Deno.Command("openssl", { args }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
  };
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const made = (name: string) => ["-keyout", path(`${name}.key`), "-out", path(`${name}.pem`)];
  const of_ca = ["-CA", path("ca.pem"), "-CAkey", path("ca.key"), "-subj", "/CN=store"];
  await openssl("req", "-x509", ...key, ...made("ca"), "-subj", "/CN=authority", "-days", "2");
  await openssl(
    ...["req", "-x509", ...key, ...made("store"), ...of_ca, "-days", "2"],
    ...["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=CA:FALSE"],
  );
  const text = (name: string) => Deno.readTextFileSync(path(name));
  return { ca_path: path("ca.pem"), tls: { cert: text("store.pem"), key: text("store.key") } };
}

function putKeys(path: string, mode: number, secret: string = STRICT_KEYS.AWS_SECRET_ACCESS_KEY) {
  const vars = { ...STRICT_KEYS, AWS_SECRET_ACCESS_KEY: secret };
  Deno.writeTextFileSync(path, keysText(vars));
  Deno.chmodSync(path, mode);
}

binaryTest(
  "over TLS a store of a private authority is reached with --ca alone, with keys of a file that its owner alone reads",
  async ({ ledger, folder }) => {
    using secrets = tempFolder();
    const { ca_path, tls } = await makeAuthority(secrets.path);
    await using store = new StrictStore({ tls });
    const keys_path = join(secrets.path, "keys");
    putKeys(keys_path, 0o644);
    const at = addressOf({ endpoint: store.endpoint.replace("http:", "https:") });
    const init = ["fleet", "init", ...at, "--keys", keys_path];
    const readable = await ledger([...init, "--ca", ca_path]);
    assertEquals(readable.code, 2, readable.stderr);
    assertStringIncludes(readable.stderr, "can be read by others");
    putKeys(keys_path, 0o600);
    const unknown = await ledger(init);
    assertEquals(unknown.code, 75);
    assertMatch(unknown.stderr, /certificate/i);
    assertEquals(store.requests, []);
    const made = await ledger([...init, "--ca", ca_path]);
    assertEquals(made.code, 0, made.stderr);
    // Both are remembered by their paths; nothing of a key is.
    assertEquals((await ledger(["fleet", "join", URL_OF_LAB, "--as", "one"])).code, 0);
    const remembered = Deno.readTextFileSync(join(folder, "data/ledger/fleet.json"));
    assertStringIncludes(remembered, ca_path);
    for (const key of [STRICT_KEYS.AWS_SECRET_ACCESS_KEY, STRICT_KEYS.AWS_ACCESS_KEY_ID]) {
      assertEquals(remembered.includes(`"${key}"`), false);
    }
    assertEquals((await ledger(["emit", "run.started", "--run-id", "r"])).code, 0);
    putKeys(keys_path, 0o600, "of-yesterday");
    const refused = await ledger(["ship", "--once"]);
    assertEquals(refused.code, 1, refused.stderr);
    assertStringIncludes(refused.stderr, "SignatureDoesNotMatch");
    assertEquals(refused.stderr.includes("of-yesterday"), false);
    putKeys(keys_path, 0o600);
    const shipped = await ledger(["watch", "--once", "--ship"]);
    assertEquals(shipped.code, 0, shipped.stderr);
    assertMatch(shipped.stdout, /box one: sent 1 segment/);
  },
);

binaryTest(
  "a store that sends elsewhere is not followed, and a fleet.json that sends keys in the clear is refused",
  async ({ ledger, folder }) => {
    await using store = new StrictStore();
    const run = (...words: string[]) => ledger(words, { ...STRICT_KEYS });
    await joinByCommand(run, store, "one");
    await using other = new StrictStore();
    store.options.elsewhere = other.endpoint;
    const sent_on = await run("ship", "--once");
    assertEquals([sent_on.code, other.requests.length], [2, 0], sent_on.stderr);
    assertStringIncludes(sent_on.stderr, ": 307");
    assertStringIncludes(sent_on.stderr, "name the endpoint");
    const path = join(folder, "data/ledger/fleet.json");
    const text = Deno.readTextFileSync(path);
    Deno.writeTextFileSync(path, text.replace(store.endpoint, "http://192.0.2.7:7480"));
    for (const words of [["ship", "--once"], ["fleet", "status"], ["watch", "--once", "--ship"]]) {
      const { code, stderr } = await run(...words);
      assertEquals(code, 2, stderr);
      assertStringIncludes(stderr, "without TLS, keys and events go in the clear");
    }
  },
);

binaryTest(
  "a box whose disk was restored from an older image ships nothing more, and says which box and where (exit 3)",
  async ({ ledger, folder }) => {
    await using store = new StrictStore();
    const run = (...words: string[]) => ledger(words, { ...STRICT_KEYS });
    await joinByCommand(run, store, "one");
    const emit = ["emit", "run.started", "--run-id", "r", "--timestamp-ms", "1767225600000"];
    await run(...emit);
    assertEquals((await run("ship", "--once")).code, 0);
    using image = tempFolder();
    const copy = (from: string, to: string) => runProgram("cp", ["-a", from, to], folder);
    await copy(`${folder}/data`, image.path);
    await run(...emit);
    assertEquals((await run("ship", "--once")).code, 0);
    Deno.removeSync(join(folder, "data"), { recursive: true });
    await copy(`${image.path}/data`, folder);
    await run(...emit);
    const keys = store.keysOf("lab");
    for (const how of [["ship", "--once"], ["ship", "--drain"], ["watch", "--once", "--ship"]]) {
      const { code, stderr } = await run(...how);
      assertEquals(code, 3, stderr);
      assertMatch(stderr, /segment 2 of box one is not of this disk: day=2026-01-01\/part-0/);
    }
    assertEquals(store.keysOf("lab"), keys);
  },
);

if (IS_FULL) {
  binaryTest("an executable that is built for one store reaches no other host", async () => {
    using out = tempFolder();
    const built = await runBuild(["--fleet", "s3.example.invalid:443", "--out", out.path]);
    assertEquals(built.code, 0, built.stderr);
    const init = async (endpoint: string) => {
      const words = ["fleet", "init", ...addressOf({ endpoint })];
      const keys = { ...STRICT_KEYS, PATH: "/usr/bin:/bin", HOME: out.path };
      return await runProgram(join(out.path, "ledger"), words, out.path, keys);
    };
    const own = await init("https://s3.example.invalid");
    assertEquals(own.code, 75, own.stderr);
    assertStringIncludes(own.stderr, "cannot reach the object store");
    const other = await init("https://s3.example.org");
    assertEquals(other.code, 1, other.stderr);
    assertStringIncludes(other.stderr, "this executable may not reach it");
  });
}
