import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { linesOnDisk } from "../harness.ts";
import { binaryTest } from "./binary.ts";

binaryTest("in an empty folder, the executable's demo makes a lab and shows it", async (bench) => {
  const { code, stdout, stderr } = await bench.ledger(["demo"]);
  assertEquals([code, stderr], [0, ""], stdout);
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
});

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
