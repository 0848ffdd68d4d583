import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { LedgerError } from "../../src/base/error.ts";
import { OutputClosed } from "../../src/base/world.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import { run } from "../../src/cli/run.ts";
import { openLedger } from "../../src/mod.ts";
import { linesOnDisk, runIn, tempFolder, testWorld } from "../harness.ts";
import { assertSnapshot } from "./snapshot.ts";

const NOW_MS = Date.parse("2026-01-23T12:00:00Z");
const SNAPSHOT = new URL("mistakes.snap", import.meta.url);

/**
 * Command lines that are wrong, their exit codes, and the value that the error quotes; `DIR` stands
 * for the ledger's folder.
 */
const MISTAKES: readonly (readonly [line: string, code: number, quoted: string, stdin?: string])[] =
  [
    ["emitt", 2, "emitt"],
    ["statuss --json", 2, "statuss"],
    ["frobnicate", 2, "frobnicate"],
    ["--verison", 2, "--verison"],
    ["--dir", 2, "--dir"],
    ["--jsn status", 2, "--jsn"],
    ["--format csv status", 2, "--format"],
    ["--dir=x statuss", 2, "statuss"],
    ["--dir x status --dir y", 2, "--dir"],
    ["schema", 2, "schema"],
    ["schema lst", 2, "lst"],
    ["schema frobnicate", 2, "frobnicate"],
    ["schema --json", 2, "schema"],
    ["artifacts", 2, "artifacts"],
    ["archive", 2, "archive"],
    ["archive import", 2, "FILE"],
    ["archive import nowhere.tar", 1, "nowhere.tar"],
    ["retain", 2, "--days"],
    ["retain --days soon", 2, "soon"],
    ["retain --days 90 --archive DIR/events/archive", 2, "DIR/events/archive"],
    ["help nonsense", 2, "nonsense"],
    ["help durabilty", 2, "durabilty"],
    ["help schma", 2, "schma"],
    ["help schema lst", 2, "lst"],
    ["emit", 2, "TYPE"],
    ["emit run.start --run-id r1", 2, "run.start"],
    ["emit my.own.type --run-id r1", 2, "my.own.type"],
    ["emit run.started", 2, "run_id is missing"],
    ["emit run.started --run-id", 2, "--run-id"],
    ["emit run.started --run-id --json", 2, "--run-id"],
    ["emit run.started --run-id a/b", 2, "a/b"],
    ["emit run.started --run-id ..", 2, ".."],
    ["emit run.started --run-id r1 --run-id r2", 2, "--run-id"],
    ["emit run.started --runid r1", 2, "--runid"],
    ["emit run.started r1", 2, "r1"],
    ["emit run.started --event-type run.started --run-id r1", 2, "--event-type"],
    ["emit run.created --run-id r1 --config {a:1}", 2, "{a:1}"],
    ["emit run.created --run-id r1 --run-type policy --data-fingerprint fp --config [1]", 2, "[1]"],
    ["emit run.created --run-id r1", 2, "run_type"],
    ["emit run.started --run-id r1 --timestamp-ms 1769174319", 2, "1769174319"],
    ["emit run.started --run-id r1 --timestamp-ms -5", 2, "-5"],
    ["emit run.started --run-id r1 --timestamp-ms 1769174319945.5", 2, "1769174319945.5"],
    ["emit run.started --run-id r1 --timestamp-ms 253402300800000", 2, "253402300800000"],
    ["emit run.started --run-id r1 --timestamp-ms 1769174319945000", 2, "1769174319945000"],
    ["emit run.started --run-id r1 --timestamp-ms soon", 2, "soon"],
    ["emit phase.started --run-id r1 --phase-name p --phase-order 1.5", 2, "1.5"],
    [
      "emit phase.completed --run-id r1 --phase-name p --duration-ms -1 --output-summary {}",
      2,
      "-1",
    ],
    [
      "emit artifact.created --run-id r1 --artifact-type a --artifact-path p --size-bytes 1e20",
      2,
      "size_bytes",
    ],
    ["emit run.started --run-id r1 --event-data [1]", 2, "--event-data"],
    ['emit run.started --run-id r1 --event-data {"run_id":"r2"}', 2, '"run_id"'],
    ["emit run.started --run-id r1 --event-id=", 2, 'event_id is ""'],
    ["emit run.started --run-id r1 --ack", 2, "--ack"],
    ["emit run.started --run-id r1 --on-error skip", 2, "--on-error"],
    ["emit run.started --run-id r1 --durability maybe", 2, "maybe"],
    ["emit run.started --run-id r1 --writer a/b", 2, "a/b"],
    ["emit run.started --run-id r1 --lock-wait-ms long", 2, "long"],
    ["emit risk.breached --event-data {}", 2, "risk.breached"],
    ['emit risk.breached --event-data {"level":"medium"} --json', 2, "risk.breached"],
    ["emit --stdin run.started", 2, "run.started"],
    ["emit --stdin --run-id r1", 2, "--run-id"],
    ["emit --stdin --event-type run.started", 2, "--event-type"],
    ["emit --stdin --on-error ignore", 2, "ignore"],
    ["emit --stdin --ack=xml", 2, "xml"],
    ["emit --stdin --ack --dry-run", 2, "--dry-run"],
    ["emit --stdin", 2, "not json", '{"event_type":"run.started","run_id":"s1"}\n\nnot json\n'],
    ["emit --stdin --json", 2, "run_id is missing", '{"event_type":"run.started"}\n'],
    ["log --since yesterday", 2, "yesterday"],
    ["log --until 2026-02-30", 2, "2026-02-30"],
    ["log --day today", 2, "today"],
    ["log --last few", 2, "few"],
    ["log -n", 2, "--last"],
    ["log --format xml", 2, "xml"],
    ["log --foramt csv", 2, "--foramt"],
    ["log --dir DIR/nowhere", 1, "DIR/nowhere"],
    ["log --dir DIR/nowhere --format json", 1, "DIR/nowhere"],
    ["status r1", 2, "r1"],
    ["status --dir DIR/nowhere --json", 1, "DIR/nowhere"],
    ["verify --deeep", 2, "--deeep"],
    ["verify --dir DIR/file", 1, "DIR/file"],
    ["rebuild --ful", 2, "--ful"],
    ["rebuild --since yesterday", 2, "yesterday"],
    ["rebuild --lock-wait-ms -1", 2, "-1"],
    ["rebuild --dir DIR/nowhere", 1, "DIR/nowhere"],
    ["watch --interval soon", 2, "soon"],
    ["watch --health nine", 2, "nine"],
    ["watch --health 0.0.0.0:9184", 2, "0.0.0.0:9184"],
    ["watch --once --dir DIR/nowhere", 1, "DIR/nowhere"],
    ["query --db run", 2, "run"],
    ["query select_1 --cutover 2026", 2, "2026"],
    ["query --as-is select_1", 1, "DIR/index/runs.duckdb"],
    ["query --file DIR/nowhere.sql", 1, "DIR/nowhere.sql"],
    ["doctor --fix", 2, "--fix"],
    ["legacy compare DIR/nowhere.duckdb", 1, "DIR/nowhere.duckdb"],
    ["legacy import --dir", 2, "--dir"],
    ["legacy archive DIR/nowhere.duckdb --json", 1, "DIR/nowhere.duckdb"],
    ["runs", 2, "runs"],
    ["runs creat", 2, "creat"],
    ["runs create", 2, "--run-type"],
    ["runs create --run-type Policy!", 2, "Policy!"],
    ["runs create --run-type policy --run-id a/b", 2, "a/b"],
    ["runs create --run-type policy --parameters [1]", 2, "[1]"],
    ["runs write r9 trades", 1, "r9"],
    ["runs write r9 trade", 2, "trade"],
    ["runs log r9 stdin", 2, "stdin"],
    ["runs finish r9", 1, "r9"],
    ["runs finish r9 --status failed", 2, "failed"],
    ["runs finish r9 --error died", 2, "--error"],
    ['runs finish r9 --timing {"simulate":1}', 2, "simulate"],
    ["runs sync --runs-dir DIR/nowhere", 1, "DIR/nowhere"],
    ["runs query --artifact-type trades", 2, "--artifact-type"],
    ["runs query --param kind", 2, "kind"],
    ["runs query --limit many", 2, "many"],
    ["runs show", 2, "ID"],
    ["runs show r9", 1, "r9"],
    ["runs diff", 2, "cannot compare 0 runs"],
    ["runs rank", 2, "--by"],
    ["runs schema trade", 2, "trade"],
    ["runs verify", 2, "--all"],
    ["runs verify r9 --all", 2, "--all"],
    ["runs compact", 2, "--month"],
    ["runs compact --month 2026", 2, "2026"],
    ["runs prune", 2, "--before"],
    ["runs prune --before 2026-13", 2, "2026-13"],
    ["schema show", 2, "TYPE"],
    ["schema show run.creatd", 2, "run.creatd"],
    ["schema register my.type", 2, "FILE"],
    ["schema register my.type DIR/nowhere.json", 1, "DIR/nowhere.json"],
    ["schema register my.type DIR/file", 2, "DIR/file"],
    ["schema register my.type -", 2, '"date"', '{"type":"date"}'],
    ["schema register run.created -", 2, "run.created", "{}"],
    ["schema register 1type -", 2, "1type", "{}"],
    ["schema register risk.breached -", 2, "risk.breached", "{}"],
    ["schema migrate risk.breached", 2, "risk.breached"],
    ["schema migrate risk.breached --rename level", 2, "level"],
    ["schema migrate risk.breached --default desk=main", 2, "main"],
    ["schema migrate risk.breached --drop event_id", 2, "event_id"],
    ["schema migrate my.type --drop x", 2, "my.type"],
    ["schema migrate run.created --drop config", 2, "run.created"],
    ["report nobody --dir DIR", 1, "nobody"],
    ["report --out", 2, "--out"],
    ["report --dir DIR/nowhere", 1, "DIR/nowhere"],
    ["trace", 2, "trace"],
    ["trace pth f1", 2, "pth"],
    ["trace path", 2, "EVENT_ID"],
    ["trace path f1 --json", 1, "f1"],
    ["trace sample --rate 2", 2, "2"],
    ["trace sample --correlation bt0", 1, "bt0"],
    ["trace publish bt0", 1, "bt0"],
    ["trace tree bt0", 1, "bt0"],
    ["trace latency bt0", 1, "bt0"],
    ["trace export", 2, "--to"],
    ["trace compact --dir DIR/nowhere", 1, "DIR/nowhere"],
    ["trace export --to jaeger", 2, "jaeger"],
    ["trace ingest DIR/nowhere.ndjson", 1, "DIR/nowhere.ndjson"],
    ["trace query --since soon", 2, "soon"],
    ["trace ingest", 2, "1704067200000", '{"event_type":"A","created_at":1704067200000}'],
    ["trace ingest", 2, '"event_typ"', '{"event_typ":"A"}'],
    ["artifacts put r1", 2, "KIND"],
    ["artifacts put r1 summary", 2, "FILE"],
    ["artifacts put r1 trades DIR/file", 2, "trades"],
    ["artifacts put a/b summary -", 2, "a/b", "{}"],
    ["artifacts put r1 summary -", 2, "summary", "[1]"],
    ["artifacts put r1 config -", 2, "config", "{"],
    ["completions", 2, "SHELL"],
    ["completions powershell", 2, "powershell"],
    ["completions toString", 2, "toString"],
  ];

/** One for each way in which an error is laid out: these are compared word for word. */
const SNAPPED: ReadonlySet<string> = new Set([
  "emitt",
  "statuss --json",
  "schema lst",
  "emit",
  "emit run.started --run-id",
  "emit run.started --runid r1",
  "emit run.start --run-id r1",
  "log --since yesterday",
  "log --dir DIR/nowhere",
  "log --dir DIR/nowhere --format json",
  "emit --stdin",
  "runs write r9 trade",
  "retain --days soon",
]);

async function preparedLedger(dir: string): Promise<void> {
  await using ledger = await openLedger({ dir, world: testWorld({ now_ms: () => NOW_MS }) });
  await ledger.registerType("risk.breached", {
    required: ["level"],
    properties: { level: { enum: ["low", "high"] } },
  });
  await ledger.emitRunStarted({ run_id: "r1", event_id: "e1" });
  Deno.writeTextFileSync(join(dir, "file"), "not json");
}

Deno.test("every command refuses a flag it does not know, and a word too many, and says what helps", async () => {
  for (const name of COMMANDS.names()) {
    const { positionals = [] } = await COMMANDS.load(name)!;
    const words = positionals.map(({ name }) => name.toLowerCase());
    const flag = await runIn("nowhere", [...name.split(" "), ...words, "--no-such-flag"]);
    assertEquals([flag.code, flag.stdout], [2, ""], name);
    assert(flag.stderr.includes(`ledger ${name}: unknown flag "--no-such-flag"`), flag.stderr);
    assert(flag.stderr.includes("hint: "), flag.stderr);
    if (positionals.at(-1)?.many) continue;
    const word = await runIn("nowhere", [...name.split(" "), ...words, "too-much"]);
    assertEquals([word.code, word.stdout], [2, ""], name);
    assert(word.stderr.includes('unexpected argument "too-much"'), word.stderr);
  }
});

Deno.test("every mistake has its exit code, prints no data, quotes the value and says what helps", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  await preparedLedger(dir);
  const transcript: string[] = [];
  for (const [line, expected, quoted, stdin] of MISTAKES) {
    const args = line.split(" ").map((word) => word.replace("DIR", dir));
    const { code, stdout, stderr } = await runIn(dir, args, {
      stdin,
      now_ms: () => NOW_MS,
      vars: { LEDGER_RUNS_DIR: join(dir, "runs") },
    });
    const told = stderr.replaceAll(dir, "DIR").trimEnd();
    assertEquals([code, stdout], [expected, ""], `${line}\n${told}`);
    const [first, ...rest] = told.split("\n");
    const error = first.startsWith("{") ? JSON.parse(first).error : undefined;
    const message: string = error?.message ?? first;
    assert(message.includes(quoted), `${line}: ${message} does not quote ${quoted}`);
    const helps = error?.hint ?? rest.find((line) => /^ +(hint|at): /.test(line));
    assert(helps || /has to be|twice/.test(message), `${line}: ${told} says nothing that helps`);
    if (!SNAPPED.has(line)) continue;
    const given = stdin === undefined ? "" : `  < ${JSON.stringify(stdin)}`;
    transcript.push(`$ ledger ${line}${given}\n  exit ${code}\n${told.replace(/^/gm, "  ")}\n`);
  }
  assertSnapshot(SNAPSHOT, transcript);
  assertEquals(transcript.length, SNAPPED.size);
  assertEquals(linesOnDisk(dir).length, 2, "only the good line of the stream was written");
});

Deno.test("under --json an error is one JSON object, and so it is with --format json", async () => {
  using folder = tempFolder();
  for (
    const args of [
      ["status", "--json"],
      ["log", "--format", "json"],
      ["log", "--format=json"],
      ["emit", "run.start", "--json"],
      ["nonsense", "--json"],
      ["emit", "run.started", "--json", "--unknown"],
    ]
  ) {
    const { stdout, stderr, code } = await runIn(join(folder.path, "none"), args);
    assertEquals(stdout, "", args.join(" "));
    assert(code === 1 || code === 2);
    const { error } = JSON.parse(stderr);
    assert(typeof error.code === "string" && typeof error.message === "string", stderr);
    assertEquals(stderr.trimEnd().includes("\n"), false);
  }
});

Deno.test("--dir, --runs-dir and --json before a command mean what they mean after it", async () => {
  using folder = tempFolder();
  const dir = join(folder.path, "lab");
  await preparedLedger(dir);
  const in_front = (...args: string[]) => runIn("nowhere", args);
  const after = await runIn("nowhere", ["status", "--json", "--dir", dir]);
  assertEquals(after.code, 0);
  assertEquals(await in_front("--dir", dir, "--json", "status"), after);
  assertEquals(await in_front("--json", `--dir=${dir}`, "status"), after);
  // An alias names both folders, and some commands have no use for one of them.
  const alias = ["--dir", dir, "--runs-dir", join(dir, "runs")];
  assertEquals((await in_front(...alias, "status", "--json")).stdout, after.stdout);
  assertEquals((await in_front(...alias, "help", "emit")).code, 0);
  const { code, stderr } = await in_front("--json", "nonsense");
  assertEquals([code, JSON.parse(stderr).error.code], [2, "usage"]);
});

Deno.test("status prints its days in every format of rows", async () => {
  using folder = tempFolder();
  await preparedLedger(folder.path);
  const said = async (format: string) =>
    (await runIn(folder.path, ["status", "--format", format])).stdout;
  assertEquals(await said("json"), (await runIn(folder.path, ["status", "--json"])).stdout);
  const [day] = JSON.parse(await said("json")).days;
  assertEquals(JSON.parse(await said("ndjson")), day);
  const [heading, line, ...more] = (await said("csv")).trimEnd().split("\n");
  assertEquals([heading, more], ["day,parts,sealed,events,bytes,stored_bytes", []]);
  assertEquals(line.split(",").slice(0, 4), ["2026-01-23", "1", "0", "1"]);
  assertEquals((await said("markdown")).split("\n")[2].split(" | ")[0], "| 2026-01-23");
});

Deno.test("an error's JSON has the same words, place and details as its text", async () => {
  using folder = tempFolder();
  const stdin = '{"event_type":"run.started","run_id":"r1"}\nbad\n';
  const { stderr } = await runIn(folder.path, ["emit", "--stdin", "--json"], { stdin });
  const { error } = JSON.parse(stderr);
  assertEquals([error.code, error.where, error.detail], [
    "invalid",
    { path: "standard input", line: 2 },
    { durable: 1 },
  ]);
});

Deno.test("each kind of error has its exit code", async () => {
  using folder = tempFolder();
  await using ledger = await openLedger({ dir: folder.path });
  const { part } = await ledger.emitRunStarted({ run_id: "r1" });
  const day = join(folder.path, "events", part.split("/")[0]);
  const lock = Deno.openSync(join(day, ".lock"), { read: true, write: true });
  lock.lockSync(true);
  const busy = await runIn(folder.path, [
    "emit",
    "run.started",
    "--run-id",
    "r",
    "--lock-wait-ms",
    "0",
  ]);
  lock.close();
  assertEquals(busy.code, 75);
  assertEquals((await runIn(join(folder.path, "none"), ["log"])).code, 1);
  assertEquals((await runIn(folder.path, ["log", "--nonsense"])).code, 2);
  Deno.writeTextFileSync(join(folder.path, "events", part), "bad\n", { append: true });
  assertEquals((await runIn(folder.path, ["verify"])).code, 3);
  assertEquals((await runIn(folder.path, ["log"])).code, 0);
});

Deno.test("--version tells the version", async () => {
  for (const flag of ["--version", "-V"]) {
    const { code, stdout, stderr } = await runIn("nowhere", [flag]);
    assertEquals([code, stderr], [0, ""]);
    assert(/^ledger \d+\.\d+\.\d+(-dev)?\n$/.test(stdout), stdout);
    const as_json = await runIn("nowhere", [flag, "--json"]);
    assertEquals(`ledger ${JSON.parse(as_json.stdout).version}\n`, stdout);
  }
});

Deno.test("a reader of the output that has gone is no failure; a bug is thrown as it is", async () => {
  const gone = () => {
    throw new OutputClosed();
  };
  const closed = { write: gone, is_terminal: false, columns: 80 };
  assertEquals(await run(["help"], testWorld({ stdout: closed })), 0);
  // No reader is left for the error either: the exit code still tells.
  assertEquals(await run(["nonsense"], testWorld({ stderr: closed })), 2);
  const bug = () => {
    throw new TypeError("a bug");
  };
  const broken = { write: bug, is_terminal: false, columns: 80 };
  await assertRejects(() => run(["help"], testWorld({ stdout: broken })), TypeError, "a bug");
  assertEquals(new LedgerError({ code: "io", message: "x" }) instanceof TypeError, false);
});
