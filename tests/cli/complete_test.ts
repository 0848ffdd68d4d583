import { assert, assertEquals } from "@std/assert";
import { candidatesFor } from "../../src/cli/complete.ts";
import { openLedger } from "../../src/mod.ts";
import { runIn, tempFolder, testWorld } from "../harness.ts";

async function candidates(...words: string[]): Promise<string[]> {
  return await candidatesFor(testWorld({ vars: { LEDGER_DIR: "nowhere" } }), words);
}

Deno.test("a word becomes a command, and a group of commands its members", async () => {
  assertEquals(await candidates("sch"), ["schema"]);
  assertEquals(await candidates("schema", ""), ["list", "show", "register", "migrate"]);
  assertEquals(await candidates("schema", "re"), ["register"]);
  assertEquals(await candidates("nonsense", ""), []);
  const all = await candidates("");
  assert(all.includes("emit") && all.includes("completions"));
  // Hidden commands work, and are not offered.
  assert(!all.includes("complete") && !all.includes("self-check"));
});

Deno.test("a dash becomes the flags that were not given yet", async () => {
  assertEquals(await candidates("emit", "--run"), ["--run-id", "--run-type"]);
  assertEquals(await candidates("emit", "--run-id", "r", "--run"), ["--run-type"]);
  assert((await candidates("log", "--type", "run.started", "--t")).includes("--type"));
  assert((await candidates("status", "--")).includes("--help"));
});

Deno.test("after a flag its values are offered, in one word or in two", async () => {
  assertEquals(await candidates("emit", "--on-error", ""), ["stop", "skip"]);
  assertEquals(await candidates("emit", "--on-error=s"), ["--on-error=stop", "--on-error=skip"]);
  assertEquals(await candidates("emit", "--on-error", "=", "sk"), ["skip"]);
  assertEquals(await candidates("emit", "--on-error", "="), ["stop", "skip"]);
  assertEquals(await candidates("emit", "--run-id", ""), []);
});

Deno.test("words are offered where they stand, whatever flags stand between", async () => {
  assertEquals(await candidates("completions", "b"), ["bash"]);
  assertEquals(await candidates("schema", "show", "run.c"), ["run.created", "run.completed"]);
  assertEquals(await candidates("artifacts", "put", "r1", "s"), ["summary"]);
  assertEquals(await candidates("artifacts", "put", "--dir", "x", "r1", "c"), ["config"]);
});

Deno.test("of runs, the ids that are there are offered, and the types of artifacts", async () => {
  using folder = tempFolder();
  for (const path of ["2026-01/run_id=alpha", "2026-02/run_id=beta", "2026-02/other"]) {
    Deno.mkdirSync(`${folder.path}/${path}`, { recursive: true });
  }
  const world = testWorld({ vars: { LEDGER_DIR: "nowhere", LEDGER_RUNS_DIR: folder.path } });
  const offered = async (...words: string[]) =>
    (await candidatesFor(world, ["runs", ...words])).filter((word) => !word.startsWith("-"));
  assertEquals(await offered("show", ""), ["beta", "alpha"]);
  assertEquals(await offered("diff", "alpha", "b"), ["beta"]);
  assertEquals((await offered("write", "alpha", "")).slice(0, 2), ["alerts", "paths"]);
  assertEquals(await offered("log", "alpha", ""), ["stdout", "stderr"]);
  assertEquals(await offered("query", "--artifact-type", "tr"), ["trades"]);
});

Deno.test("event types of one's own are offered too, and a broken ledger offers the others", async () => {
  using folder = tempFolder();
  await using ledger = await openLedger({ dir: folder.path });
  await ledger.registerType("risk.breached", {});
  const world = testWorld({ vars: { LEDGER_DIR: folder.path } });
  assertEquals(await candidatesFor(world, ["emit", "risk"]), ["risk.breached"]);
  assertEquals(await candidatesFor(world, ["log", "--type", "risk"]), ["risk.breached"]);
  Deno.writeTextFileSync(`${folder.path}/events/_schema.json`, "{");
  assertEquals(await candidatesFor(world, ["emit", "risk"]), []);
  const { code, stdout } = await runIn(folder.path, ["complete", "--", "sta"]);
  assertEquals([code, stdout], [0, "status\n"]);
});
