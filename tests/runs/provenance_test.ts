import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { getGitProvenance } from "../../src/runs/evidence/provenance.ts";
import { ledger, tempFolder } from "../harness.ts";
import { git, GIT_ENV, worldIn } from "./repositories.ts";

async function repository(cwd: string): Promise<void> {
  await git(cwd, "init", "--quiet", "--initial-branch", "feature/é");
}

async function commit(cwd: string): Promise<string> {
  Deno.writeTextFileSync(join(cwd, "code.ts"), "1");
  await git(cwd, "add", "code.ts");
  await git(cwd, "commit", "--quiet", "--message", "m");
  return await git(cwd, "rev-parse", "HEAD");
}

Deno.test("commit and branch are told, changes, and files that git does not know", async () => {
  using folder = tempFolder();
  const world = worldIn(folder.path);
  await repository(folder.path);
  const git_commit = await commit(folder.path);
  const clean = { git_commit, git_branch: "feature/é", git_dirty: false };
  assertEquals(await getGitProvenance(world), clean);
  for (const own of ["runs", "data/ledger"]) {
    Deno.mkdirSync(join(folder.path, own), { recursive: true });
    Deno.writeTextFileSync(join(folder.path, own, "made-by-the-ledger"), "");
  }
  assertEquals(await getGitProvenance(world), clean);
  Deno.writeTextFileSync(join(folder.path, "unknown.txt"), "");
  assertEquals(await getGitProvenance(world), { ...clean, git_dirty: true });
  Deno.removeSync(join(folder.path, "unknown.txt"));
  Deno.writeTextFileSync(join(folder.path, "code.ts"), "2");
  assertEquals(await getGitProvenance(world), { ...clean, git_dirty: true });
  await git(folder.path, "add", "code.ts");
  assertEquals((await getGitProvenance(world)).git_dirty, true);
  await git(folder.path, "rm", "--quiet", "--force", "code.ts");
  assertEquals((await getGitProvenance(world)).git_dirty, true);
});

Deno.test("a head without a branch has none, and a branch without a commit no commit", async () => {
  using folder = tempFolder();
  const world = worldIn(folder.path);
  await repository(folder.path);
  assertEquals(await getGitProvenance(world), { git_branch: "feature/é", git_dirty: false });
  const git_commit = await commit(folder.path);
  await git(folder.path, "checkout", "--quiet", "--detach");
  assertEquals(await getGitProvenance(world), { git_commit, git_dirty: false });
});

Deno.test("a look at the repository is not in the way of a commit", async () => {
  using folder = tempFolder();
  await repository(folder.path);
  await commit(folder.path);
  const index = join(folder.path, ".git", "index");
  const before = Deno.readFileSync(index);
  // Of another time, and with the same content: what git would like to note in its index.
  Deno.utimeSync(join(folder.path, "code.ts"), 1_000_000_000, 1_000_000_000);
  assertEquals((await getGitProvenance(worldIn(folder.path))).git_dirty, false);
  assertEquals(Deno.readFileSync(index), before);
});

const CREATE = ["runs", "create", "--run-type", "policy", "--run-id", "r", "--json"];

/** What a run that is created in a folder says of its code. */
async function created(cwd: string, env: Record<string, string> = {}, ...args: string[]) {
  const ended = await ledger([...CREATE, ...args], { cwd, env: { ...GIT_ENV, ...env } });
  assertEquals(ended.code, 0, ended.stderr);
  const manifest = Deno.readTextFileSync(join(cwd, JSON.parse(ended.stdout).folder, "run.json"));
  const { git_commit, git_branch, git_dirty } = JSON.parse(manifest);
  return [git_commit, git_branch, git_dirty];
}

Deno.test("a run says which code it was made with, where there is a repository and a git", async () => {
  using plain = tempFolder();
  assertEquals(await created(plain.path), [undefined, undefined, undefined]);
  const envs: Record<string, string>[] = [{}, { PATH: "/nowhere" }, {}];
  const states = envs.map(async (env, index) => {
    using folder = tempFolder();
    await repository(folder.path);
    const git_commit = await commit(folder.path);
    const told = await created(folder.path, env, ...(index === 2 ? ["--no-git"] : []));
    return told[0] === git_commit ? told.slice(1) : told;
  });
  const nothing = [undefined, undefined, undefined];
  assertEquals(await Promise.all(states), [["feature/é", false], nothing, nothing]);
});
