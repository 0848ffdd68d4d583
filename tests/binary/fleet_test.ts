/** The executable beside a store: what reaches the network, and what gives it up. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { addressOf, joinByCommand } from "../fleet/fleets.ts";
import { STRICT_KEYS, StrictStore } from "../fleet/strict_store.ts";
import { putRun } from "../runs/runs.ts";
import { binaryTest, runProgram } from "./binary.ts";

binaryTest(
  "a box joins a fleet, ships its log, and finds it whole; a store that fails costs no event",
  async ({ ledger, folder }) => {
    await using store = new StrictStore();
    const run = (...words: string[]) => ledger(words, { ...STRICT_KEYS });
    await joinByCommand(run, store, "box-1");
    const emit = ["emit", "run.started", "--run-id", "r1"];
    for (let n = 0; n < 3; n++) assertEquals((await run(...emit)).code, 0);
    store.options.faultOf = () => "503";
    const down = await run("ship", "--drain", "--timeout", "1s");
    assertEquals(down.code, 75, down.stderr);
    assertEquals((await run(...emit)).code, 0);
    store.options.faultOf = undefined;
    putRun({ runs_dir: join(folder, "runs") }, "r1");
    const trace = JSON.stringify({ event_type: "FILL", timestamp: 1769169600000000 });
    Deno.writeTextFileSync(join(folder, "trace.ndjson"), `${trace}\n`);
    const traced = await run("trace", "ingest", "trace.ndjson");
    assertEquals(traced.code, 0, traced.stderr);
    assertMatch(
      (await run("ship", "--once")).stdout,
      /sent 1 segment .*, 1 run, 1 traced event; the last is 1/,
    );
    const verified = await run("fleet", "verify", "--deep");
    assertMatch(verified.stdout, /^box-1: 1 segment, .*: whole$/m);
    assertMatch(verified.stdout, /^box-1 artifacts: 1 segment, .*: whole$/m);
    const jobs = join(folder, "data/ledger/fleet/fold");
    Deno.mkdirSync(join(jobs, "1-dead/spill"), { recursive: true });
    for (const name of ["1-dead.lock", "2-dead.lock"]) {
      Deno.writeTextFileSync(join(jobs, name), "");
    }
    assertEquals((await run("fleet", "fold")).code, 0);
    // What a job that died has left goes when the next one begins, and that one leaves nothing.
    assertEquals(Array.from(Deno.readDirSync(jobs), ({ name }) => name).sort(), [
      "jobs",
      "swept.json",
    ]);
    const tables = await run("fleet", "status", "--tables", "--json");
    const vector = JSON.parse(tables.stdout) as Record<string, unknown>[];
    assertEquals(
      vector.map(({ table, at, head }) => [table, at, head]),
      ["events", "trials", "runs", "artifacts", "alerts", "traces"].map((name) => [name, 1, 1]),
    );
    const status = JSON.parse((await run("fleet", "status", "--json")).stdout);
    assertEquals([status[0].head, status[0].behind_bytes], [1, 0]);

    store.objects("lab").delete("fleet/log/box=box-1/000000000001.parquet");
    assertEquals((await run("ship", "--once")).code, 1);
    assertEquals((await run("ship", "--repair")).code, 0);
    assertEquals((await run("fleet", "verify", "--deep")).code, 0);
    store.objects("lab").delete("fleet/boxes/box-1.json");
    const forked = await run("ship", "--once");
    assertEquals(forked.code, 3, forked.stderr);
    assertStringIncludes(forked.stderr, "the claim of box box-1 is gone");
  },
);

binaryTest(
  "what boxes have sent is pulled, asked without network, and pulled on after a kill",
  async ({ ledger, binary, folder }) => {
    await using store = new StrictStore();
    const run = (...words: string[]) => ledger(words, { ...STRICT_KEYS });
    const at = addressOf(store);
    assertEquals((await run("fleet", "init", ...at)).code, 0);
    for (const box of ["a", "b"]) {
      Deno.mkdirSync(join(folder, box));
      const env = { ...STRICT_KEYS, HOME: folder };
      for (
        const words of [
          ["fleet", "join", ...at, "--as", box],
          ["emit", "run.started", "--run-id", "r1"],
          ["ship", "--once"],
        ]
      ) {
        const { code, stderr } = await runProgram(binary, words, join(folder, box), env);
        assertEquals(code, 0, stderr);
      }
    }
    const nothing = await run("query", "--fleet", "from events");
    assertEquals(nothing.code, 1);
    assertStringIncludes(nothing.stderr, "ledger fleet pull");

    // It dies at its first segment of the last box; what came before stays.
    const { promise: asked, resolve: isAsked } = Promise.withResolvers<void>();
    const { promise: dead, resolve: isDead } = Promise.withResolvers<void>();
    store.options.faultOf = async ({ method, key }) => {
      if (method !== "GET" || !key.includes("log/box=b/")) return undefined;
      isAsked();
      await dead;
      return "cut";
    };
    const child = new Deno.Command(binary, {
      args: ["fleet", "pull", ...at],
      cwd: folder,
      env: { ...STRICT_KEYS },
      stdout: "null",
      stderr: "null",
    }).spawn();
    await asked;
    child.kill("SIGKILL");
    await child.status;
    isDead();
    store.options.faultOf = undefined;

    const pulled = await run("fleet", "pull");
    assertEquals([pulled.code, pulled.stderr], [0, ""]);
    assertMatch(pulled.stdout, /^b: 1 new object, .*\nindexed: 2 events\n$/m);
    const sql = "select box, run_id, status from latest_runs order by box";
    const asked_of_cache = await ledger(["query", "--fleet", sql, "--format", "ndjson"]);
    assertEquals(asked_of_cache.stdout.trim().split("\n").map((row) => JSON.parse(row)), [
      { box: "a", run_id: "r1", status: "running" },
      { box: "b", run_id: "r1", status: "running" },
    ]);
    const refused = await run("query", "--fleet", "--db", "runs", sql);
    assertEquals(refused.code, 2);
    assertStringIncludes(refused.stderr, "--fleet is a database of its own");
  },
);

binaryTest(
  "a store that answers 200 to both of two create-only PUTs is refused by the name of the probe",
  async ({ ledger }) => {
    await using store = new StrictStore({ forgets_conditions: true });
    const at = addressOf(store);
    const { code, stderr } = await ledger(["fleet", "init", ...at], { ...STRICT_KEYS });
    assertEquals(code, 2);
    assertStringIncludes(stderr, "this store cannot hold a fleet: create-only: ");
  },
);

binaryTest(
  "no command but the fleet's reaches the network, not even this machine's",
  async ({ ledger, folder }) => {
    let asked = 0;
    await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => {
      asked++;
      return new Response("reached");
    });
    const url = `http://127.0.0.1:${server.addr.port}/`;
    const { stdout } = await ledger(["self-check", "--reach", url]);
    assertEquals([stdout.trim(), asked], ["refused: NotCapable", 0]);
    assertEquals(Array.from(Deno.readDirSync(folder)), []);
  },
);

binaryTest(
  "a shipment that is stopped before all is sent ends with 130 at once, also while it waits for the store",
  async ({ ledger, binary, folder }) => {
    await using store = new StrictStore();
    await joinByCommand((...words) => ledger(words, { ...STRICT_KEYS }), store, "b");
    await ledger(["emit", "run.started", "--run-id", "r1"]);
    store.options.faultOf = () => "503";
    const child = new Deno.Command(binary, {
      args: ["ship", "--drain"],
      cwd: folder,
      env: { ...STRICT_KEYS },
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const words = child.stderr.getReader();
    const said = new TextDecoder().decode((await words.read()).value);
    assertStringIncludes(said, "trying again");
    child.kill("SIGTERM");
    words.releaseLock();
    await child.stderr.cancel();
    assertEquals((await child.status).code, 130);
  },
);

binaryTest("keys are in no file, no answer and no error", async ({ ledger, folder }) => {
  await using store = new StrictStore({
    faultOf: ({ method }) => method === "PUT" ? "403" : undefined,
  });
  const keys = { ...STRICT_KEYS, AWS_SECRET_ACCESS_KEY: "do-not-tell" };
  const at = addressOf(store);
  const said: string[] = [];
  for (
    const words of [["fleet", "init", ...at], ["fleet", "join", ...at, "--as", "x"], [
      "fleet",
      "status",
      ...at,
    ]]
  ) {
    const { code, stdout, stderr } = await ledger([...words, "--json"], keys);
    assertEquals(code === 0, false);
    said.push(stdout, stderr);
  }
  const remembered = join(folder, "data/ledger/fleet.json");
  try {
    said.push(Deno.readTextFileSync(remembered));
  } catch {
    // Nothing is remembered of what failed.
  }
  assertEquals(said.join("").includes("do-not-tell"), false);
});

binaryTest(
  "the executable merges days, removes old ones from tables and chains, and finds what is left whole",
  async ({ ledger }) => {
    await using store = new StrictStore();
    const run = async (...words: string[]) => {
      const { code, stdout, stderr } = await ledger(words, { ...STRICT_KEYS });
      return { code, said: stdout + stderr };
    };
    await joinByCommand(run, store, "b");
    for (const day of ["2026-01-01", "2026-01-09", "2026-01-09"]) {
      const time = String(Date.parse(day));
      const id = ["--event-id", "one-id", "--timestamp-ms", time];
      const emitted = await run("emit", "run.started", "--run-id", "r", ...id);
      assertEquals(emitted.code, 0, emitted.said);
      await run("ship", "--once");
      await run("fleet", "fold");
    }
    const folded = await run("fleet", "fold", "--merge");
    assertMatch(folded.said, /events: 3 files merged into 2, 1 row noted as copies/);
    const verified = await run("fleet", "verify", "--deep");
    assertEquals(verified.code, 3, verified.said);
    assertMatch(verified.said, /^one-id: b 2026-01-01\S+ 0; b 2026-01-09/m);
    // Between the two days, and not beside one of them: a midnight may come meanwhile.
    const days = Math.floor((Date.now() - Date.parse("2026-01-05")) / 86_400_000);
    const retain = ["fleet", "retain", "--days", String(days)];
    assertEquals((await run(...retain)).code, 2);
    assertMatch((await run(...retain, "--dry-run")).said, /nothing was done/);
    const retained = await run(...retain, "--yes");
    assertEquals(retained.code, 0, retained.said);
    assertMatch(retained.said, /b: 1 segment, .*; its log begins with segment 2/);
    assertEquals((await run("fleet", "verify", "--deep")).code, 0);
  },
);
