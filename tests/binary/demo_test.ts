import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { linesOnDisk, startLedger } from "../harness.ts";
import { binaryTest } from "./binary.ts";

binaryTest(
  "in an empty folder, or where one was stopped, the executable's demo makes a lab and shows it",
  async (bench) => {
    const stopped = startLedger(["demo"], { cwd: bench.folder, is_shipped: true });
    const words = stopped.stdout.getReader();
    assert((await words.read()).value!.length > 0);
    stopped.kill("SIGINT");
    assertEquals((await stopped.status).code, 130);
    await Promise.all([words.cancel(), stopped.stderr.cancel()]);
    const { code, stdout, stderr } = await bench.ledger(["demo"]);
    assertEquals(code, 0, stdout + stderr);
    assertMatch(
      stderr,
      /^a demo that was stopped had left its lab here: removed\nof 4 runs, 1 has no/,
    );
    assertMatch(stdout, /^killed +policy +crashed /m);
    assertMatch(stdout, /^ +6 +FILL +wide-stop\.\w+\.sold /m);
    const [, acknowledged] = /^All (\d+) acknowledged events are in the log/m.exec(stdout)!;
    assertEquals(linesOnDisk(join(bench.folder, "data/ledger")).length, Number(acknowledged));
    assertEquals([...Deno.readDirSync(bench.folder)].map(({ name }) => name).sort(), [
      "data",
      "runs",
    ]);
    const shown = await bench.ledger(["runs", "show", "wide-stop", "--json"]);
    assertEquals(shown.code, 0, shown.stderr);
  },
);

binaryTest("the executable's demo leaves a folder alone that has a ledger", async (bench) => {
  assertEquals((await bench.ledger(["emit", "run.started", "--run-id", "mine"])).code, 0);
  const { code, stdout, stderr } = await bench.ledger(["demo"]);
  assertEquals([code, stdout], [2, ""]);
  assertStringIncludes(stderr, "mkdir lab && cd lab && ledger demo");
  assertEquals(linesOnDisk(join(bench.folder, "data/ledger")).length, 1);
});

binaryTest("a reader of only the first lines of the demo gets no error", async (bench) => {
  const child = new Deno.Command(bench.binary, {
    args: ["demo"],
    cwd: bench.folder,
    clearEnv: true,
    env: { PATH: Deno.env.get("PATH") ?? "/usr/bin:/bin" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const words = child.stdout.getReader();
  assert((await words.read()).value!.length > 0);
  await words.cancel();
  const [{ code }, said] = await Promise.all([
    child.status,
    new Response(child.stderr).text(),
  ]);
  assertEquals([code, said], [0, ""]);
});

for (
  const [line, input, code] of [
    ["log --follow", "", 0],
    ["watch --health 127.0.0.1:0", "", 0],
    ["emit --stdin --ack", '{"event_type":"run.started","run_id":"r"}\n', 130],
  ] as const
) {
  binaryTest(`SIGTERM ends the executable's ${line} with ${code}`, async (bench) => {
    assertEquals((await bench.ledger(["emit", "run.started", "--run-id", "r"])).code, 0);
    const options = { cwd: bench.folder, stdin: "piped", is_shipped: true } as const;
    const child = startLedger(line.split(" "), options);
    const stdin = child.stdin.getWriter();
    if (input !== "") await stdin.write(new TextEncoder().encode(input));
    // Each says something when it is at work, and waits then.
    const outputs = [child.stdout.getReader(), child.stderr.getReader()];
    await Promise.any(outputs.map(async (output) => assert((await output.read()).value)));
    child.kill("SIGTERM");
    const { code: ended_with, signal } = await child.status;
    assertEquals([ended_with, signal], [code, null]);
    await stdin.close().catch(() => {});
    await Promise.all(outputs.map((output) => output.cancel()));
  });
}
