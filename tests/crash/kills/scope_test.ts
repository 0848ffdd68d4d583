import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { ledger, tempFolder } from "../../harness.ts";
import { idsOnDisk } from "./crash.ts";

const SCOPE = ["--allow-read", "--allow-env", "--allow-sys", "--allow-run=git"];
const EMIT = ["emit", "run.started", "--run-id", "r", "--event-id", "x"];

/** Runs it in a folder with the write scope that it is started with. */
function inScope(cwd: string, folders: string, args: string[], dir?: string) {
  const permissions = [...SCOPE, `--allow-write=${folders}`];
  return ledger(args, { cwd, permissions, env: dir === undefined ? {} : { LEDGER_DIR: dir } });
}

Deno.test("a write outside the scope is refused, and the hint makes it possible", async () => {
  using folder = tempFolder();
  using elsewhere = tempFolder();
  const dir = join(elsewhere.path, "ledger");
  const refused = await inScope(folder.path, "data/ledger,runs", EMIT, dir);
  assertEquals([refused.code, refused.stdout], [1, ""]);
  assertStringIncludes(refused.stderr, dir);
  assertStringIncludes(refused.stderr, "outside what this program is allowed to touch");
  assertEquals([...Deno.readDirSync(elsewhere.path)], []);

  assertMatch(refused.stderr, /--allow-write=(\S+)/);
  const allowed = /--allow-write=(\S+)/.exec(refused.stderr)![1];
  const done = await inScope(folder.path, allowed, EMIT, dir);
  assertEquals([done.code, done.stdout], [0, "x\n"], done.stderr);
  assertEquals(idsOnDisk(dir), ["x"]);
});

Deno.test("a ledger outside the scope is read all the same", async () => {
  using folder = tempFolder();
  using elsewhere = tempFolder();
  const dir = elsewhere.path;
  await ledger(EMIT, { cwd: dir, env: { LEDGER_DIR: dir } });
  for (const command of ["log", "verify", "status"]) {
    const { code, stderr } = await inScope(folder.path, "data/ledger,runs", [command], dir);
    assertEquals(code, 0, stderr);
  }
});

Deno.test("a write inside the scope needs nothing else", async () => {
  using folder = tempFolder();
  const { code, stdout, stderr } = await inScope(folder.path, "data/ledger,runs", EMIT);
  assertEquals([code, stdout], [0, "x\n"], stderr);
  assertEquals(idsOnDisk(join(folder.path, "data", "ledger")), ["x"]);
});
