import { assert, assertEquals } from "@std/assert";
import { COMMANDS } from "../../src/cli/commands.ts";
import { candidatesFor } from "../../src/cli/complete.ts";
import { openLedger } from "../../src/mod.ts";
import { inputOf, runIn, tempFolder, testWorld } from "../harness.ts";

async function candidates(...words: string[]): Promise<string[]> {
  return await candidatesFor(testWorld({ vars: { LEDGER_DIR: "nowhere" } }), COMMANDS, words);
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
  assertEquals(await candidates("schema", "show", "run.c"), [
    ...["run.created", "run.completed", "run.claimed"],
  ]);
  assertEquals(await candidates("artifacts", "put", "r1", "s"), ["summary"]);
  assertEquals(await candidates("artifacts", "put", "--dir", "x", "r1", "c"), ["config"]);
});

Deno.test("after --dir and the like, commands are offered, and what follows them", async () => {
  assertEquals(await candidates("--di"), ["--dir"]);
  assertEquals(await candidates("--dir", "x", "sch"), ["schema"]);
  assertEquals(await candidates("--dir=x", "--json", "schema", "re"), ["register"]);
  // What follows it is a folder, which the shell offers.
  assertEquals((await runIn("nowhere", ["complete", "--", "--dir", ""])).stdout, "");
  assertEquals(await candidates("--json", "status", "--js"), []);
});

Deno.test("of runs, the ids that are there are offered, and the types of artifacts", async () => {
  using folder = tempFolder();
  for (const path of ["2026-01/run_id=alpha", "2026-02/run_id=beta", "2026-02/other"]) {
    Deno.mkdirSync(`${folder.path}/${path}`, { recursive: true });
  }
  const world = testWorld({ vars: { LEDGER_DIR: "nowhere", LEDGER_RUNS_DIR: folder.path } });
  const offered = async (...words: string[]) =>
    (await candidatesFor(world, COMMANDS, ["runs", ...words])).filter((word) =>
      !word.startsWith("-")
    );
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
  assertEquals(await candidatesFor(world, COMMANDS, ["emit", "risk"]), ["risk.breached"]);
  assertEquals(await candidatesFor(world, COMMANDS, ["log", "--type", "risk"]), ["risk.breached"]);
  await ledger.registerArtifactType("greeks", { columns: { iv: { kind: "number" } } });
  for (const words of [["runs", "write", "r1", "gr"], ["runs", "schema", "gr"]]) {
    assertEquals(await candidatesFor(world, COMMANDS, words), ["greeks"]);
  }
  for (const words of [["schema", "show"], ["schema", "migrate"]]) {
    assertEquals(await candidatesFor(world, COMMANDS, [...words, "--artifact", ""]), ["greeks"]);
  }
  Deno.writeTextFileSync(`${folder.path}/events/_schema.json`, "{");
  assertEquals(await candidatesFor(world, COMMANDS, ["emit", "risk"]), []);
  const { code, stdout } = await runIn(folder.path, ["complete", "--", "sta"]);
  assertEquals([code, stdout], [0, "status\n"]);
});

/** What is offered on a ledger and its runs, in a folder of one's own. */
function onLedger(folder: string) {
  const world = testWorld({
    vars: { LEDGER_DIR: `${folder}/ledger`, LEDGER_RUNS_DIR: `${folder}/runs` },
  });
  return (...words: string[]) => candidatesFor(world, COMMANDS, words);
}

Deno.test("runs that only the log knows are offered where a run is named, the last one first", async () => {
  using folder = tempFolder();
  await using ledger = await openLedger({ dir: `${folder.path}/ledger` });
  for (const run_id of ["first", "second", "first", "third"]) {
    await ledger.emitRunStarted({ run_id });
  }
  Deno.mkdirSync(`${folder.path}/runs/2026-01/run_id=in-a-folder`, { recursive: true });
  const offered = onLedger(folder.path);
  const all = ["third", "first", "second", "in-a-folder"];
  assertEquals(await offered("log", "--run-id", ""), all);
  assertEquals(await offered("emit", "run.failed", "--run-id=f"), ["--run-id=first"]);
  assertEquals(await offered("artifacts", "put", ""), all);
  assertEquals(await offered("runs", "show", ""), all);
  // Only a folder can be written to.
  assertEquals(await offered("runs", "write", ""), ["in-a-folder"]);
  const [day] = await offered("log", "--day", "");
  assertEquals(/^\d{4}-\d{2}-\d{2}$/.test(day), true);
});

Deno.test("names of runs, their tags and groups are offered, as they were said last, without an index", async () => {
  using folder = tempFolder();
  const dirs = { dir: `${folder.path}/ledger`, runs_dir: `${folder.path}/runs` };
  await using ledger = await openLedger(dirs);
  const run = { run_type: "policy", git: false } as const;
  await ledger.runs.create({ ...run, run_id: "r1", group: "sweep7" });
  await (await ledger.runs.create({ ...run, run_id: "r2", group: "silent" }, { events: false }))
    .markFailed("x");
  await ledger.runs.annotate("r1", { name: "old", tags: ["best", "q3"] });
  await ledger.runs.annotate("r1", { name: "flagship", group: "sweep8" });
  Deno.mkdirSync(`${folder.path}/runs/2026-01/run_id=empty`, { recursive: true });
  const offered = onLedger(folder.path);
  const groups = ["sweep8", "sweep7", "silent"];
  for (
    const words of [
      ...[["runs", "group"], ["runs", "create", "--group"], ["runs", "annotate", "r1", "--group"]],
      ...[["runs", "claim", "--group"], ["emit", "run.created", "--group"]],
    ]
  ) assertEquals(await offered(...words, ""), groups, words.join(" "));
  for (const words of [["annotate", "r1", "--tag"], ["annotate", "r1", "--untag"], ["tag", "r1"]]) {
    assertEquals(await offered("runs", ...words, ""), ["best", "q3"], words.join(" "));
  }
  for (const words of [["show"], ["write"], ["diff", "r1"], ["lineage", "r1", "--uses"]]) {
    assertEquals(await offered("runs", ...words, "fl"), ["flagship"], words.join(" "));
  }
  assertEquals(await offered("runs", "show", "old"), []);
});

Deno.test("of a month's runs, the one that was written to last comes first", async () => {
  using folder = tempFolder();
  for (const [at, name] of ["b", "c", "a"].entries()) {
    const path = `${folder.path}/runs/2026-01/run_id=${name}`;
    Deno.mkdirSync(path, { recursive: true });
    Deno.utimeSync(path, 1_000 + at, 1_000 + at);
  }
  const offered = onLedger(folder.path);
  assertEquals(await offered("runs", "show", ""), ["a", "c", "b"]);
  assertEquals(await offered("runs", "prune", "--before", ""), ["2026-01"]);
});

Deno.test("with thousands of runs a screenful is offered, and a prefix finds any of them", async () => {
  using folder = tempFolder();
  for (let run = 0; run < 1_500; run++) {
    Deno.mkdirSync(`${folder.path}/runs/2026-01/run_id=r${run}`, { recursive: true });
  }
  const offered = onLedger(folder.path);
  assertEquals((await offered("runs", "show", "")).length, 200);
  assertEquals(await offered("runs", "show", "r1499"), ["r1499"]);
});

Deno.test("correlations and types of traces are offered, waiting ones and stored ones", async () => {
  using folder = tempFolder();
  await using ledger = await openLedger({ dir: `${folder.path}/ledger` });
  const both = ["later", "backtest_20260123_131839_8e7b925b"];
  const ingest = (correlation_id: string, event_type: string) =>
    ledger.traces.ingest(inputOf(JSON.stringify({ event_type, correlation_id }) + "\n"));
  await ingest(both[1], "HEARTBEAT");
  await ledger.traces.compact();
  await ingest(both[0], "SIGNAL");
  const offered = onLedger(folder.path);
  assertEquals(await offered("trace", "latency", ""), both);
  assertEquals(await offered("trace", "query", "--correlation=ba"), [`--correlation=${both[1]}`]);
  assertEquals(await offered("trace", "tree", "la"), ["later"]);
  assertEquals(await offered("trace", "query", "--type", "HE"), ["HEARTBEAT"]);
  assertEquals(await offered("trace", "sample", "--critical", "FI"), ["FILL"]);
});

Deno.test("a folder that is named on the line is the one that is looked into", async () => {
  using folder = tempFolder();
  Deno.mkdirSync(`${folder.path}/elsewhere/2026-01/run_id=there`, { recursive: true });
  const offered = onLedger(folder.path);
  const runs_dir = `${folder.path}/elsewhere`;
  assertEquals(await offered("runs", "show", "--runs-dir", runs_dir, ""), ["there"]);
  assertEquals(await offered("runs", "show", `--runs-dir=${runs_dir}`, ""), ["there"]);
  assertEquals(await offered("runs", "show", ""), []);
});

Deno.test("help completes topics and commands, one word at a time, and no hidden ones", async () => {
  assertEquals(await candidates("help", "rec"), ["recipes"]);
  assertEquals(await candidates("help", "reb"), ["rebuild"]);
  assertEquals((await candidates("help", "runs", "s")).toSorted(), ["schema", "show", "sync"]);
  assertEquals(await candidates("help", "runs", "cat"), []);
  assertEquals(await candidates("help", "durability", ""), []);
  assertEquals(await candidates("-"), [
    ...["--help", "--version", "--dir", "--runs-dir", "--json"],
  ]);
});

Deno.test("where a file belongs nothing is offered, so that the shell offers files", async () => {
  assertEquals(await candidates("trace", "ingest", ""), []);
  assertEquals(await candidates("query", "--file", ""), []);
  assertEquals(await candidates("schema", "register", "my.type", ""), []);
  assert((await candidates("trace", "ingest", "--")).includes("--on-error"));
  assertEquals(await candidates("log", "-n", ""), []);
  assertEquals(await candidates("emit", "run.started", "--", "--"), []);
});

Deno.test("metrics to rank by are offered", async () => {
  assertEquals(await candidates("runs", "rank", "--by", "stop"), ["stop_out_rate"]);
});

Deno.test("what bash takes apart at a colon is put together again, and answered in part", async () => {
  using folder = tempFolder();
  Deno.mkdirSync(`${folder.path}/runs/2026-01/run_id=node:7:a`, { recursive: true });
  const offered = onLedger(folder.path);
  assertEquals(await offered("runs", "show", "node", ":", "7"), ["7:a"]);
  assertEquals(await offered("runs", "show", "node", ":"), ["7:a"]);
  assertEquals(await offered("runs", "show", "node:7"), ["node:7:a"]);
});

Deno.test("whatever stands on the line or on the disk, nothing is said but candidates", async () => {
  using folder = tempFolder();
  const dir = `${folder.path}/ledger`;
  Deno.mkdirSync(`${dir}/events/day=2026-01-23`, { recursive: true });
  Deno.writeTextFileSync(`${dir}/events/day=2026-01-23/part-000001.jsonl`, '{"run_id":"torn');
  Deno.mkdirSync(`${dir}/traces/_wal`, { recursive: true });
  Deno.writeTextFileSync(`${dir}/traces/_wal/x-000001.jsonl`, "[1,2\n\u0000");
  Deno.mkdirSync(`${dir}/traces/date=2026-01-23/type=A`, { recursive: true });
  Deno.writeTextFileSync(`${dir}/traces/date=2026-01-23/type=A/x.parquet`, "no Parquet");
  Deno.writeTextFileSync(`${folder.path}/runs`, "no folder");
  const lines = [
    ["log", "--run-id", ""],
    ["trace", "path", ""],
    ["trace", "tree", ""],
    ["trace", "query", "--correlation", ""],
    ["runs", "show", ""],
    ["nonsense", "--json", ""],
    ["--", "", "=", ":"],
    ["=", "="],
    ["help", "help", "help", ""],
    [],
  ];
  for (const line of lines) {
    const vars = { LEDGER_RUNS_DIR: `${folder.path}/runs` };
    const { code, stderr } = await runIn(dir, ["complete", "--", ...line], { vars });
    assertEquals([code, stderr], [0, ""], line.join(" "));
  }
});
