/** Git repositories for tests, where no user's settings have a say. */
import { dirname, join } from "@std/path";
import { testWorld } from "../harness.ts";
import type { World } from "../../src/base/world.ts";

export const GIT_ENV = {
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_AUTHOR_NAME: "t",
  GIT_AUTHOR_EMAIL: "t@t",
  GIT_COMMITTER_NAME: "t",
  GIT_COMMITTER_EMAIL: "t@t",
};

/** Runs a program in a folder; what it printed. */
export async function runTool(cwd: string, name: string, ...args: string[]): Promise<string> {
  const command = new Deno.Command(name, { args, cwd, env: GIT_ENV, stdin: "null" });
  const { success, stdout, stderr } = await command.output();
  const text = new TextDecoder();
  if (!success) throw new Error(`${name} ${args.join(" ")}: ${text.decode(stderr)}`);
  return text.decode(stdout).trim();
}

export function git(cwd: string, ...args: string[]): Promise<string> {
  return runTool(cwd, "git", ...args);
}

/** A world whose working folder is one of ours, for git too. */
export function worldIn(cwd: string, different: Parameters<typeof testWorld>[0] = {}): World {
  const { runProgram } = testWorld();
  return testWorld({
    cwd: () => cwd,
    commandLine: () => [],
    runProgram: (name, args, bounds) => {
      const env = { ...GIT_ENV, ...bounds.env };
      return runProgram(name, ["-C", cwd, ...args], { ...bounds, env });
    },
    ...different,
  });
}

/** Files by path; bytes are of Latin-1. A path may lie in folders that are not there yet. */
export function putFiles(folder: string, files: Record<string, string>): void {
  for (const [path, text] of Object.entries(files)) {
    Deno.mkdirSync(dirname(join(folder, path)), { recursive: true });
    Deno.writeFileSync(join(folder, path), Uint8Array.from(text, (c) => c.charCodeAt(0)));
  }
}

/** A repository with these files committed. */
export async function commitAll(
  folder: string,
  files: Record<string, string>,
  ...init: string[]
): Promise<void> {
  if (init.length > 0 || !exists(join(folder, ".git"))) {
    await git(folder, "init", "--quiet", "--initial-branch", "feature/é", ...init);
  }
  putFiles(folder, files);
  await git(folder, "add", "--all");
  await git(folder, "commit", "--quiet", "--message", "m", "--allow-empty");
}

export function exists(path: string): boolean {
  try {
    return Deno.lstatSync(path) !== undefined;
  } catch {
    return false;
  }
}
