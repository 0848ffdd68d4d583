/** The executable in surroundings that tell it nothing: no PATH, no home, no variables at all. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { type Bench, binaryTest, type Outcome, runProgram } from "./binary.ts";

function run({ binary, folder }: Bench, args: string[], env: Record<string, string>) {
  return runProgram(binary, args, folder, env);
}

binaryTest("without PATH, and without any variable, it does what it always does", async (bench) => {
  const emit = ["emit", "run.started", "--run-id"];
  const surroundings: Record<string, string>[] = [{}, { PATH: "" }, { PATH: "/nowhere" }];
  for (const [number, env] of surroundings.entries()) {
    const where = JSON.stringify(env);
    const early = await run(bench, ["log", "--dir", "nothing-here"], env);
    assertEquals(early.code, 1, where);
    assertStringIncludes(early.stderr, "error: there is no ledger at nothing-here", where);
    const emitted = await run(bench, [...emit, `r${number}`], env);
    assertEquals([emitted.code, emitted.stderr], [0, ""], where);
    const rebuilt = await run(bench, ["rebuild"], env);
    assertEquals(rebuilt.code, 0, rebuilt.stderr);
    const query = await run(bench, ["query", "--json", "select count(*) as n from events"], env);
    assertEquals(JSON.parse(query.stdout), [{ n: number + 1 }], where);
  }
});

/** Begins a run, and gives the commit that its manifest names. */
async function commitOf(bench: Bench, run_id: string, env: Record<string, string>) {
  const args = ["runs", "create", "--run-id", run_id, "--run-type", "policy"];
  const fingerprint = ["--data-fingerprint", "f", "--json"];
  const created = await run(bench, [...args, ...fingerprint], env);
  assertEquals(created.code, 0, created.stderr);
  const folder = JSON.parse(created.stdout).folder;
  return JSON.parse(Deno.readTextFileSync(join(bench.folder, folder, "run.json"))).git_commit;
}

binaryTest(
  "git is found where PATH says, and where it mostly is when nothing says so",
  async (bench) => {
    const own = { HOME: bench.folder, PATH: Deno.env.get("PATH") ?? "/usr/bin:/bin" };
    const git = async (...args: string[]): Promise<Outcome> => {
      const done = await runProgram("git", args, bench.folder, own);
      assertEquals(done.code, 0, done.stderr);
      return done;
    };
    await git("init", "-q");
    const author = ["-c", "user.name=a", "-c", "user.email=a@b"];
    await git(...author, "commit", "-q", "--allow-empty", "-m", "first");
    const head = (await git("rev-parse", "HEAD")).stdout.trim();
    assertEquals(await commitOf(bench, "anywhere", {}), head);
    const elsewhere = join(bench.folder, "elsewhere");
    Deno.mkdirSync(elsewhere);
    assertEquals(await commitOf(bench, "nowhere", { PATH: elsewhere }), undefined);
    Deno.writeTextFileSync(
      join(elsewhere, "git"),
      `#!/bin/sh\nexec /usr/bin/env -S PATH=${own.PATH} git "$@"\n`,
    );
    Deno.chmodSync(join(elsewhere, "git"), 0o755);
    assertEquals(await commitOf(bench, "elsewhere", { PATH: elsewhere }), head);
  },
);
