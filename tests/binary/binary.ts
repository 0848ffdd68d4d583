/**
 * The executable under test, and what its tests share.
 *
 * `LEDGER_BINARY` names one to test as it stands. Otherwise, where `DENO_COMPILE` and `DENORT_BIN`
 * say that compiling works without a download, it is built from the sources first. Otherwise the
 * tests are left out, and say so.
 */
import { join, resolve } from "@std/path";

/** The folder of the project. */
export const PROJECT = resolve(import.meta.dirname!, "../..");

const named = Deno.env.get("LEDGER_BINARY");
/** Whether an executable can be built here without a download. */
export const can_compile = Boolean(Deno.env.get("DENO_COMPILE") && Deno.env.get("DENORT_BIN"));
const left_out = !named && !can_compile;

if (left_out) {
  console.log(
    "left out: the tests of the executable, since DENO_COMPILE and DENORT_BIN are not set " +
      "(LEDGER_BINARY=dist/ledger tests one that is there)",
  );
}

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

let building: Promise<string> | undefined;

function theBinary(): Promise<string> {
  if (named) return Promise.resolve(resolve(named));
  building ??= (async () => {
    const built = await runBuild([]);
    if (built.code !== 0) throw new Error(`cannot build the executable:\n${built.stderr}`);
    return join(PROJECT, "dist", "ledger");
  })();
  return building;
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

/** A test of the executable in an empty folder of its own. */
export function binaryTest(
  name: string,
  body: (bench: Bench) => Promise<void>,
  options: { needs_root?: boolean; left_out?: boolean } = {},
): void {
  const not_root = Boolean(options.needs_root) && Deno.uid() !== 0;
  if (not_root && !left_out) console.log(`left out: "${name}", since it has to be run by root`);
  Deno.test({
    name,
    ignore: left_out || not_root || Boolean(options.left_out),
    async fn() {
      const binary = await theBinary();
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
