import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { LedgerError } from "../../src/base/error.ts";
import { OutputClosed } from "../../src/base/world.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import { run } from "../../src/cli/run.ts";
import { openLedger } from "../../src/mod.ts";
import { linesOnDisk, runIn, tempFolder, testWorld } from "../harness.ts";

const NOW_MS = Date.parse("2026-01-23T12:00:00Z");
const SNAPSHOT = new URL("mistakes.snap", import.meta.url);

/** Command lines that are wrong, as they would be typed; `DIR` stands for the ledger's folder. */
const MISTAKES: readonly (readonly [line: string, stdin?: string])[] = [
  ["emitt"],
  ["statuss --json"],
  ["frobnicate"],
  ["--verison"],
  ["schema"],
  ["schema lst"],
  ["schema frobnicate"],
  ["schema --json"],
  ["artifacts"],
  ["archive"],
  ["archive import"],
  ["archive import nowhere.tar"],
  ["retain"],
  ["retain --days soon"],
  ["retain --days 90 --archive DIR/events/archive"],
  ["help nonsense"],
  ["help durabilty"],
  ["help schma"],
  ["help schema lst"],
  ["emit"],
  ["emit run.start --run-id r1"],
  ["emit my.own.type --run-id r1"],
  ["emit run.started"],
  ["emit run.started --run-id"],
  ["emit run.started --run-id --json"],
  ["emit run.started --run-id a/b"],
  ["emit run.started --run-id .."],
  ["emit run.started --run-id r1 --run-id r2"],
  ["emit run.started --runid r1"],
  ["emit run.started r1"],
  ["emit run.started --event-type run.started --run-id r1"],
  ["emit run.created --run-id r1 --config {a:1}"],
  ["emit run.created --run-id r1 --run-type policy --data-fingerprint fp --config [1]"],
  ["emit run.created --run-id r1"],
  ["emit run.started --run-id r1 --timestamp-ms 1769174319"],
  ["emit run.started --run-id r1 --timestamp-ms -5"],
  ["emit run.started --run-id r1 --timestamp-ms 1769174319945.5"],
  ["emit run.started --run-id r1 --timestamp-ms 253402300800000"],
  ["emit run.started --run-id r1 --timestamp-ms 1769174319945000"],
  ["emit run.started --run-id r1 --timestamp-ms soon"],
  ["emit phase.started --run-id r1 --phase-name p --phase-order 1.5"],
  ["emit phase.completed --run-id r1 --phase-name p --duration-ms -1 --output-summary {}"],
  ["emit artifact.created --run-id r1 --artifact-type a --artifact-path p --size-bytes 1e20"],
  ["emit run.started --run-id r1 --event-data [1]"],
  ['emit run.started --run-id r1 --event-data {"run_id":"r2"}'],
  ["emit run.started --run-id r1 --event-id="],
  ["emit run.started --run-id r1 --ack"],
  ["emit run.started --run-id r1 --on-error skip"],
  ["emit run.started --run-id r1 --durability maybe"],
  ["emit run.started --run-id r1 --writer a/b"],
  ["emit run.started --run-id r1 --lock-wait-ms long"],
  ["emit risk.breached --event-data {}"],
  ['emit risk.breached --event-data {"level":"medium"} --json'],
  ["emit --stdin run.started"],
  ["emit --stdin --run-id r1"],
  ["emit --stdin --event-type run.started"],
  ["emit --stdin --on-error ignore"],
  ["emit --stdin --ack=xml"],
  ["emit --stdin --ack --dry-run"],
  ["emit --stdin", '{"event_type":"run.started","run_id":"s1"}\n\nnot json\n'],
  ["emit --stdin --json", '{"event_type":"run.started"}\n'],
  ["log --since yesterday"],
  ["log --until 2026-02-30"],
  ["log --day today"],
  ["log --last few"],
  ["log -n"],
  ["log --format xml"],
  ["log --foramt csv"],
  ["log --dir DIR/nowhere"],
  ["log --dir DIR/nowhere --format json"],
  ["status r1"],
  ["status --dir DIR/nowhere --json"],
  ["verify --deeep"],
  ["verify --dir DIR/file"],
  ["rebuild --ful"],
  ["rebuild --since yesterday"],
  ["rebuild --lock-wait-ms -1"],
  ["rebuild --dir DIR/nowhere"],
  ["watch --interval soon"],
  ["watch --health nine"],
  ["watch --health 0.0.0.0:9184"],
  ["watch --once --dir DIR/nowhere"],
  ["query --db run"],
  ["query select_1 --cutover 2026"],
  ["query select_1"],
  ["query --file DIR/nowhere.sql"],
  ["doctor --fix"],
  ["legacy compare DIR/nowhere.duckdb"],
  ["legacy import --dir"],
  ["legacy archive DIR/nowhere.duckdb --json"],
  ["runs"],
  ["runs creat"],
  ["runs create"],
  ["runs create --run-type polcy"],
  ["runs create --run-type policy --run-id a/b"],
  ["runs create --run-type policy --parameters [1]"],
  ["runs write r9 trades"],
  ["runs write r9 trade"],
  ["runs log r9 stdin"],
  ["runs finish r9"],
  ["runs finish r9 --status failed"],
  ["runs finish r9 --error died"],
  ['runs finish r9 --timing {"simulate_ms":1}'],
  ["runs sync --runs-dir DIR/nowhere"],
  ["runs query"],
  ["runs query --artifact-type trades"],
  ["runs query --param kind"],
  ["runs query --limit many"],
  ["runs show"],
  ["runs show r9"],
  ["runs diff r9"],
  ["runs rank"],
  ["runs schema trade"],
  ["runs verify"],
  ["runs verify r9 --all"],
  ["runs compact"],
  ["runs compact --month 2026"],
  ["runs prune"],
  ["runs prune --before 2026-13"],
  ["schema show"],
  ["schema show run.creatd"],
  ["schema register my.type"],
  ["schema register my.type DIR/nowhere.json"],
  ["schema register my.type DIR/file"],
  ["schema register my.type -", '{"type":"date"}'],
  ["schema register run.created -", "{}"],
  ["schema register 1type -", "{}"],
  ["schema register risk.breached -", "{}"],
  ["schema migrate risk.breached"],
  ["schema migrate risk.breached --rename level"],
  ["schema migrate risk.breached --default desk=main"],
  ["schema migrate risk.breached --drop event_id"],
  ["schema migrate my.type --drop x"],
  ["schema migrate run.created --drop config"],
  ["report nobody --dir DIR"],
  ["report --out"],
  ["report --dir DIR/nowhere"],
  ["trace"],
  ["trace pth f1"],
  ["trace path"],
  ["trace path f1 --json"],
  ["trace sample --rate 2"],
  ["trace sample --correlation bt0"],
  ["trace publish bt0"],
  ["trace tree bt0"],
  ["trace latency bt0"],
  ["trace export"],
  ["trace compact --dir DIR/nowhere"],
  ["trace export --to jaeger"],
  ["trace ingest DIR/nowhere.ndjson"],
  ["trace query --since soon"],
  ["trace ingest", '{"event_type":"A","created_at":1704067200000}'],
  ["trace ingest", '{"event_typ":"A"}'],
  ["artifacts put r1"],
  ["artifacts put r1 summary"],
  ["artifacts put r1 trades DIR/file"],
  ["artifacts put a/b summary -", "{}"],
  ["artifacts put r1 summary -", "[1]"],
  ["artifacts put r1 config -", "{"],
  ["completions"],
  ["completions powershell"],
  ["completions toString"],
];

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

/** All mistakes as they look to the person who made them. */
async function transcript(dir: string): Promise<string> {
  const pieces: string[] = [];
  for (const [line, stdin] of MISTAKES) {
    const args = line.split(" ").map((word) => word.replace("DIR", dir));
    const { code, stdout, stderr } = await runIn(dir, args, {
      stdin,
      now_ms: () => NOW_MS,
      vars: { LEDGER_RUNS_DIR: join(dir, "runs") },
    });
    assertEquals(stdout, "", `\`ledger ${line}\` prints data although it failed`);
    assert(code !== 0, `\`ledger ${line}\` succeeds`);
    const said = stderr.replaceAll(dir, "DIR").trimEnd().replace(/^/gm, "  ");
    const given = stdin === undefined ? "" : `  < ${JSON.stringify(stdin)}`;
    pieces.push(`$ ledger ${line}${given}\n  exit ${code}\n${said}\n`);
  }
  return pieces.join("\n");
}

Deno.test("mistakes are told as they have been; UPDATE=1 accepts how they are told now", async () => {
  using folder = tempFolder();
  await preparedLedger(folder.path);
  const told = await transcript(folder.path);
  if (Deno.env.get("UPDATE") === "1") Deno.writeTextFileSync(SNAPSHOT, told);
  const accepted = Deno.readTextFileSync(SNAPSHOT).split("\n$ ");
  // One by one, so that a failure shows the one that changed.
  for (const [index, one] of told.split("\n$ ").entries()) assertEquals(one, accepted[index]);
  assertEquals(accepted.length, MISTAKES.length);
  assertEquals(linesOnDisk(folder.path).length, 2, "only the good line of the stream was written");
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
  }
});

Deno.test("a reader of the output that has gone is no failure; a bug is thrown as it is", async () => {
  const gone = () => {
    throw new OutputClosed();
  };
  const closed = { write: gone, is_terminal: false, columns: 80 };
  assertEquals(await run(["help"], testWorld({ stdout: closed })), 0);
  // Nobody is left to hear the error either: the exit code still tells.
  assertEquals(await run(["nonsense"], testWorld({ stderr: closed })), 2);
  const bug = () => {
    throw new TypeError("a bug");
  };
  const broken = { write: bug, is_terminal: false, columns: 80 };
  await assertRejects(() => run(["help"], testWorld({ stdout: broken })), TypeError, "a bug");
  assertEquals(new LedgerError({ code: "io", message: "x" }) instanceof TypeError, false);
});
