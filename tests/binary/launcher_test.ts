import { assertEquals } from "@std/assert";
import { dirname, join } from "@std/path";
import { type Bench, binaryTest, runProgram } from "./binary.ts";

const ENVIRONMENT = { PATH: "/usr/bin:/bin" };
const ARGS = ["sync", "two words", "", "$HOME", "*"];

/** The launcher beside a `ledger` that only says what it was given, in a folder with a space. */
function beside({ binary, folder }: Bench): string {
  const programs = join(folder, "my programs");
  Deno.mkdirSync(programs);
  Deno.copyFileSync(join(dirname(binary), "runs"), join(programs, "runs"));
  Deno.writeTextFileSync(join(programs, "ledger"), `#!/bin/sh\nprintf '<%s>' "$@"\n`);
  Deno.chmodSync(join(programs, "ledger"), 0o755);
  return programs;
}

const PASSED_ON = { code: 0, stdout: "<runs><sync><two words><><$HOME><*>", stderr: "" };

binaryTest("runs passes every argument on, as it came", async (bench) => {
  const launcher = join(beside(bench), "runs");
  assertEquals(await runProgram(launcher, ARGS, bench.folder, ENVIRONMENT), PASSED_ON);
});

binaryTest("runs finds its ledger through links to it", async (bench) => {
  beside(bench);
  const links = join(bench.folder, "links");
  Deno.mkdirSync(links);
  Deno.symlinkSync("../my programs/runs", join(links, "first"));
  Deno.symlinkSync("first", join(links, "second"));
  const launcher = join(links, "second");
  assertEquals(await runProgram(launcher, ARGS, "/", ENVIRONMENT), PASSED_ON);
});

binaryTest("runs is found on the path, also from a link on it", async (bench) => {
  const programs = beside(bench);
  const script = join(bench.folder, "nightly.sh");
  Deno.writeTextFileSync(script, `#!/bin/sh\nexec runs "$@"\n`);
  Deno.chmodSync(script, 0o755);
  const links = join(bench.folder, "bin");
  Deno.mkdirSync(links);
  Deno.symlinkSync(join(programs, "runs"), join(links, "runs"));
  for (const on_path of [programs, links]) {
    const env = { PATH: `${on_path}:${ENVIRONMENT.PATH}` };
    assertEquals(await runProgram(script, ARGS, bench.folder, env), PASSED_ON);
  }
});

binaryTest("runs says what ledger runs says, and ends with its exit code", async (bench) => {
  const { binary, folder, ledger } = bench;
  const expected = await ledger(["runs", "no such thing"], ENVIRONMENT);
  const env = { ...ENVIRONMENT, HOME: folder };
  const launcher = join(dirname(binary), "runs");
  assertEquals(await runProgram(launcher, ["no such thing"], folder, env), expected);
});
