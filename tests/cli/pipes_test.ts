/** The program between real pipes, as shells and schedulers start it. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { openLedger } from "../../src/mod.ts";
import { installShim, ledger, linesOnDisk, startLedger, tempFolder } from "../harness.ts";

async function bash(cwd: string, script: string) {
  const { code, stdout, stderr } = await new Deno.Command("bash", {
    args: ["--norc", "-c", script],
    cwd,
    env: { PATH: `${installShim(cwd)}:${Deno.env.get("PATH")}`, NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

async function manyEvents(dir: string, count: number): Promise<void> {
  await using opened = await openLedger({ dir });
  await opened.emitMany(
    Array.from({ length: count }, (_, n) => ({ event_type: "run.started", run_id: `r${n}` })),
  );
}

Deno.test("a reader that stops early ends the log without an error", async () => {
  using folder = tempFolder();
  await manyEvents(`${folder.path}/data/ledger`, 20_000);
  const { stdout, stderr } = await bash(
    folder.path,
    "ledger log | head -n 1; echo ${PIPESTATUS[0]}; ledger log --format json | head -c 1",
  );
  const [first, code] = stdout.split("\n");
  assertEquals([JSON.parse(first).run_id, code, stderr], ["r0", "0", ""]);
});

Deno.test("with --ack a reader that stops early is an error, because acknowledgements are lost", async () => {
  using folder = tempFolder();
  const script = `
    yes '{"event_type":"run.started","run_id":"r"}' | head -n 60000 |
      ledger emit --stdin --ack | head -n 1 > /dev/null
    echo \${PIPESTATUS[2]}`;
  const { stdout, stderr } = await bash(folder.path, script);
  assertEquals(stdout, "1\n");
  assertMatch(stderr, /cannot acknowledge: the reader of standard output has closed it.*durable/s);
});

Deno.test("a closed standard input is an empty one", async () => {
  using folder = tempFolder();
  const { stdout, stderr } = await bash(folder.path, "ledger emit --stdin <&-; echo $?");
  assertEquals([stdout, stderr], ["0\n", "0 events durable\n"]);
});

Deno.test("a stream that stays open is answered line by line", async () => {
  using folder = tempFolder();
  const child = startLedger(["emit", "--stdin", "--ack"], { cwd: folder.path, stdin: "piped" });
  const input = child.stdin.getWriter();
  const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  for (const id of ["a", "b", "c"]) {
    const line = `{"event_id":"${id}","event_type":"run.started","run_id":"r"}\n`;
    await input.write(new TextEncoder().encode(line));
    assertEquals((await output.read()).value, `${id}\n`);
    assertEquals(linesOnDisk(`${folder.path}/data/ledger`).at(-1)?.includes(`"${id}"`), true);
  }
  await input.close();
  assertEquals((await output.read()).done, true);
  assertEquals((await child.status).code, 0);
  await child.stderr.cancel();
});

Deno.test("an interrupted stream makes durable what it was given, and says so", async () => {
  using folder = tempFolder();
  const child = startLedger(["emit", "--stdin", "--ack"], { cwd: folder.path, stdin: "piped" });
  const input = child.stdin.getWriter();
  const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const line = '{"event_id":"a","event_type":"run.started","run_id":"r"}\n{"half';
  await input.write(new TextEncoder().encode(line));
  assertEquals((await output.read()).value, "a\n");
  child.kill("SIGTERM");
  assertEquals((await child.status).code, 130);
  const stderr = await new Response(child.stderr).text();
  assertMatch(stderr, /1 event durable[\s\S]*stopped by SIGTERM/);
  await output.cancel();
  await input.abort().catch(() => {});
  assertEquals(linesOnDisk(`${folder.path}/data/ledger`).length, 1);
});

for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 0]] as const) {
  Deno.test(`following prints events as they come, and ends with ${code} at ${signal}`, async () => {
    using folder = tempFolder();
    await using opened = await openLedger({ dir: `${folder.path}/data/ledger` });
    await opened.emitRunStarted({ run_id: "r", event_id: "before" });
    const child = startLedger(["log", "--follow"], { cwd: folder.path });
    const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    assert((await output.read()).value?.includes('"before"'));
    await opened.emitRunStarted({ run_id: "r", event_id: "after" });
    assert((await output.read()).value?.includes('"after"'));
    child.kill(signal);
    assertEquals((await child.status).code, code);
    await output.cancel();
    assertEquals(await new Response(child.stderr).text(), "");
  });
}

Deno.test("LEDGER_LOG=debug tells each write on standard error, and nothing on standard output", async () => {
  using folder = tempFolder();
  const { stdout, stderr } = await ledger(
    ["emit", "run.started", "--run-id", "r", "--event-id", "e"],
    { cwd: folder.path, env: { LEDGER_LOG: "debug" } },
  );
  assertEquals(stdout, "e\n");
  assertMatch(stderr, /^ledger: wrote 1 lines? at byte 0 of day=.*part-000001\.jsonl\n$/);
});

Deno.test("a reader of acknowledgements that leaves is told how many events there are, to the last", async () => {
  using folder = tempFolder();
  for (let round = 0; round < 5; round++) {
    const { stderr } = await bash(
      folder.path,
      `yes '{"event_type":"run.started","run_id":"p${round}"}' | head -n 30000 |
        ledger emit --stdin --ack | head -n 1 > /dev/null`,
    );
    const [, told] = /(\d+) events are durable/.exec(stderr) ?? [];
    const { stdout } = await bash(folder.path, `ledger log --run-id p${round} | wc -l`);
    assertEquals(Number(told), Number(stdout), stderr);
  }
});

Deno.test("an event whose acknowledgement cannot be written is said to be in the log", async () => {
  using folder = tempFolder();
  for (const flag of ["", "--json"]) {
    const { code, stderr } = await bash(
      folder.path,
      `ledger emit run.started --run-id full ${flag} > /dev/full`,
    );
    assertEquals(code, 1);
    assertMatch(stderr, /the event is in the log, as \d+_[0-9a-f]{8}/);
  }
  assertEquals(linesOnDisk(`${folder.path}/data/ledger`).length, 2);
});

Deno.test("with --json, bad lines that are passed over are told as JSON; with --ack, in their answers alone", async () => {
  using folder = tempFolder();
  const emit = (flags: string) =>
    bash(
      folder.path,
      `printf '%s\n' '{"event_type":"run.started","run_id":"r","event_id":"e1"}' nonsense |
        ledger emit --stdin --json --on-error skip ${flags}`,
    );
  const told = await emit("");
  assertEquals([told.code, JSON.parse(told.stdout).bad], [3, 1]);
  assertEquals(JSON.parse(told.stderr).error.where.line, 2);
  const { code, stdout, stderr } = await emit("--ack");
  assertEquals([code, stderr], [3, ""]);
  const [ack, refusal, report] = stdout.trimEnd().split("\n");
  assertEquals([ack, JSON.parse(report).durable, JSON.parse(report).bad], ["e1", 1, 1]);
  assertMatch(refusal, /^\t2\tinvalid\tcannot emit this event: not JSON/);
});

Deno.test("an empty LEDGER_DIR is none, and an empty --dir is a mistake", async () => {
  using folder = tempFolder();
  const { code } = await bash(folder.path, "LEDGER_DIR= ledger emit run.started --run-id r");
  assertEquals([code, linesOnDisk(`${folder.path}/data/ledger`).length], [0, 1]);
  const empty = await bash(folder.path, "ledger log --dir ''");
  assertEquals(empty.code, 2);
  assertMatch(empty.stderr, /--dir is ""/);
});
