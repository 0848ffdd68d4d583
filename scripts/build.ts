/**
 * Builds the executable: `deno task compile [--ledger DIR] [--runs DIR] [--fleet HOST[:PORT]] [--out DIR]`.
 *
 * The program is bundled, so that a command loads only what it needs (`build/bundle.ts`); DuckDB's
 * native library goes in compressed, to be unpacked on first use (`build/native_library.ts`); and
 * what the executable may do is fixed (`build/permissions.ts`). Equal sources give equal bytes.
 */
import { parseArgs } from "node:util";
import { join, resolve } from "@std/path";
import config from "../deno.json" with { type: "json" };
import { DEFAULT_FOLDERS } from "../src/base/build.ts";
import { bundleProgram } from "./build/bundle.ts";
import { checkToolchain, compileProgram, possiblePlacements } from "./build/compile.ts";
import { BuildFailure } from "./build/failure.ts";
import { packNativeLibrary } from "./build/native_library.ts";
import type { WriteScope } from "./build/permissions.ts";
import { runProcess } from "./build/process.ts";

const PROJECT = resolve(import.meta.dirname!, "..");
/** Compressed libraries, by digest; the same for every `--out`. */
const CACHE = join(PROJECT, "dist", ".cache");
const EXECUTABLE = "ledger";
const LAUNCHER = "runs";

/** `runs …` as the manuals write it: the executable beside it, through any link to it. */
const LAUNCHER_TEXT = `#!/bin/sh
exec "$(dirname -- "$(readlink -f -- "$0")")/${EXECUTABLE}" runs "$@"
`;

interface BuildOptions {
  scope: WriteScope;
  out: string;
}

function readOptions(args: string[]): BuildOptions {
  try {
    const { values } = parseArgs({
      args,
      options: {
        ledger: { type: "string", default: DEFAULT_FOLDERS.ledger_dir },
        runs: { type: "string", default: DEFAULT_FOLDERS.runs_dir },
        fleet: { type: "string" },
        out: { type: "string", default: join(PROJECT, "dist") },
      },
    });
    for (const [name, value] of Object.entries(values)) {
      if (value.trim() === "") throw new Error(`--${name} is empty, and has to name a folder`);
    }
    const { fleet } = values;
    if (fleet !== undefined && !/^[\w*.[\]:-]+$/.test(fleet)) {
      throw new Error(`--fleet is ${JSON.stringify(fleet)}; it has to be HOST or HOST:PORT`);
    }
    const scope = { ledger_dir: values.ledger, runs_dir: values.runs, fleet };
    return { scope, out: resolve(values.out) };
  } catch (error) {
    throw new BuildFailure(
      (error as Error).message,
      "deno task compile [--ledger DIR] [--runs DIR] [--fleet HOST[:PORT]] [--out DIR]",
    );
  }
}

async function build({ scope, out }: BuildOptions): Promise<void> {
  checkToolchain();
  Deno.mkdirSync(out, { recursive: true });
  const work = Deno.makeTempDirSync({ dir: out, prefix: ".building-" });
  const removeWork = () => Deno.removeSync(work, { recursive: true });
  Deno.addSignalListener("SIGINT", () => {
    removeWork();
    Deno.exit(130);
  });
  try {
    const bundle_folder = join(work, "bundle");
    const program = join(work, EXECUTABLE);
    bundleProgram(PROJECT, bundle_folder);
    const library = await packNativeLibrary(CACHE);
    let fault: string | undefined;
    for (const placement of possiblePlacements()) {
      await compileProgram({ scope, library, bundle_folder, work, program }, placement);
      fault = faultOfExecutable(program);
      if (fault === undefined) return install(work, out);
      console.error(`with the library in its ${placement.kind}, the executable fails: ${fault}`);
    }
    throw new BuildFailure(
      `the executable was built but does not run: ${fault}`,
      "if DENO_COMPILE and DENORT_BIN are set, are they of matching versions?",
    );
  } finally {
    removeWork();
  }
}

/** Starts what was built, before any user does. */
function faultOfExecutable(program: string): string | undefined {
  const result = runProcess(program, ["--version"]);
  if (!result.ok) return result.stderr.trim().split("\n")[0] || "it ends without a word";
  if (result.stdout.includes(config.version)) return undefined;
  return `asked for its version, it says ${JSON.stringify(result.stdout.trim())}`;
}

/** Puts both programs in place by renaming: one that is running keeps what it started from. */
function install(work: string, out: string): void {
  const launcher = join(work, LAUNCHER);
  Deno.writeTextFileSync(launcher, LAUNCHER_TEXT);
  Deno.chmodSync(launcher, 0o755);
  for (const name of [EXECUTABLE, LAUNCHER]) Deno.renameSync(join(work, name), join(out, name));
  const size_mb = (Deno.statSync(join(out, EXECUTABLE)).size / 1e6).toFixed(0);
  console.log(`built ${join(out, EXECUTABLE)} (${size_mb} MB) and ${join(out, LAUNCHER)}`);
}

if (import.meta.main) {
  try {
    await build(readOptions(Deno.args));
  } catch (error) {
    if (!(error instanceof BuildFailure)) throw error;
    console.error(`error: ${error.message}\n  ${error.hint}`);
    Deno.exit(1);
  }
}
