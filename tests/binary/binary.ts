/**
 * The executable under test, and what its tests share. `LEDGER_BINARY` names it. Without one its tests
 * are left out, and say so.
 */
import { join, resolve } from "@std/path";
import { runs } from "../crash/power/power.ts";
import { EXECUTABLE } from "../harness.ts";

/** The folder of the project. */
export const PROJECT = resolve(import.meta.dirname!, "../..");

if (!EXECUTABLE) {
  console.log("left out: the tests of the executable (LEDGER_BINARY=dist/ledger tests that one)");
}

/** Whether system calls can be traced here, and made to fail. */
const has_strace = runs("strace", [
  ...["-f", "-o", "/dev/null", "-e", "inject=fsync:error=EIO:when=1", "true"],
]);

/** What a process did. */
export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** An executable and an empty folder to start it in. */
export interface Bench {
  binary: string;
  folder: string;
  /** Starts the executable in the folder with an environment of its own. */
  ledger(args: string[], env?: Record<string, string>): Promise<Outcome>;
}

/** Runs a program to its end. With an environment given, nothing else of ours reaches it. */
export async function runProgram(
  program: string,
  args: string[],
  cwd: string,
  env?: Record<string, string>,
): Promise<Outcome> {
  const own = env === undefined ? {} : { clearEnv: true, env };
  const result = await new Deno.Command(program, { args, cwd, ...own }).output();
  const text = new TextDecoder();
  return {
    code: result.code,
    stdout: text.decode(result.stdout),
    stderr: text.decode(result.stderr),
  };
}

/** Runs the build script, as `deno task compile` does. */
export function runBuild(args: string[], env: Record<string, string> = {}): Promise<Outcome> {
  const script = join(PROJECT, "scripts", "build.ts");
  const all_env = { ...Deno.env.toObject(), NO_COLOR: "1", ...env };
  return runProgram(Deno.execPath(), ["run", "-A", script, ...args], PROJECT, all_env);
}

/** What a test of the executable needs beside it. */
interface Needs {
  root?: boolean;
  strace?: boolean;
}

/** A test of the executable in an empty folder of its own. */
export function binaryTest(
  name: string,
  body: (bench: Bench) => Promise<void>,
  needs: Needs = {},
): void {
  const lacks = [
    ...needs.root && Deno.uid() !== 0 ? ["root"] : [],
    ...needs.strace && !has_strace ? ["strace"] : [],
  ];
  if (lacks.length > 0) console.log(`left out: "${name}", since it needs ${lacks.join(" and ")}`);
  Deno.test({
    name,
    ignore: !EXECUTABLE || lacks.length > 0,
    async fn() {
      const binary = EXECUTABLE!;
      const folder = Deno.makeTempDirSync({ prefix: "ledger binary " });
      const home = { HOME: folder, PATH: Deno.env.get("PATH") ?? "/usr/bin:/bin" };
      try {
        await body({
          binary,
          folder,
          ledger: (args, env = {}) => runProgram(binary, args, folder, { ...home, ...env }),
        });
      } finally {
        Deno.removeSync(folder, { recursive: true });
      }
    },
  });
}
