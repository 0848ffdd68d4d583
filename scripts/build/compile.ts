/**
 * From a bundle to an executable, with `deno compile`. `DENO_COMPILE` names another Deno to compile
 * with than the one that runs this, `DENORT_BIN` the runtime base that it would otherwise download.
 */
import { join } from "@std/path";
import type { NativeFacts } from "../../src/base/build.ts";
import { forgetTimes, writeEntry } from "./bundle.ts";
import { BuildFailure } from "./failure.ts";
import { nativeFacts, type PackedFile, type PackedLibrary } from "./native_library.ts";
import { permissionFlags, type WriteScope } from "./permissions.ts";
import { runProcess } from "./process.ts";

/**
 * Where the compressed library goes. In the payload, an older Deno reads all of it at every start
 * (15 ms for 17 MB). Appended to the runtime base, before the payload, it costs nothing; that can
 * be done where the base is at hand and the format lets a file grow, which is ELF.
 */
export type Placement = { kind: "payload" } | { kind: "runtime base"; base: string };

/** What goes into an executable, and where it is put together. */
export interface CompileRequest {
  scope: WriteScope;
  library: PackedLibrary;
  bundle_folder: string;
  /** A folder for what is in the making. */
  work: string;
  /** The executable to write; its name is what the payload calls itself. */
  program: string;
}

/** The placements to try, the best first. */
export function possiblePlacements(): Placement[] {
  const base = Deno.env.get("DENORT_BIN");
  const payload: Placement = { kind: "payload" };
  return base && Deno.build.os === "linux" ? [{ kind: "runtime base", base }, payload] : [payload];
}

/** Looks at what the environment names, before the slow work begins. */
export function checkToolchain(): void {
  checkNamedFile("DENO_COMPILE", "set it to a deno, or unset it to compile with the running one");
  checkNamedFile("DENORT_BIN", "set it to a runtime base (denort), or unset it to download one");
}

function checkNamedFile(variable: string, hint: string): void {
  const path = Deno.env.get(variable);
  if (!path) return;
  try {
    if (Deno.statSync(path).isFile) return;
  } catch {
    // Told below, in the same words as for something that is there and is no file.
  }
  throw new BuildFailure(`${variable} is ${JSON.stringify(path)}, and no such file is there`, hint);
}

/** Compiles the bundle into an executable. */
export async function compileProgram(request: CompileRequest, placement: Placement): Promise<void> {
  const { scope, library, bundle_folder, work, program } = request;
  const { native, env } = placement.kind === "runtime base"
    ? await appendToBase(placement.base, library, join(work, "runtime-base"))
    : await addToPayload(library, bundle_folder);
  const { ledger_dir, runs_dir } = scope;
  const entry = writeEntry(bundle_folder, { ledger_dir, runs_dir, native });
  forgetTimes(bundle_folder);
  const deno = Deno.env.get("DENO_COMPILE") || Deno.execPath();
  const result = runProcess(deno, [
    ...["compile", "--quiet", "--no-config", "--no-lock", "--no-check"],
    // The cache would lie in the temporary folder, where another user could put bytecode for us.
    "--no-code-cache",
    `--env-file=${writeDefaultEnvironment(work)}`,
    ...permissionFlags(scope),
    ...["--include", bundle_folder, "--output", program, entry],
  ], { env });
  if (!result.ok) throw compileFailure(deno, result.stderr);
}

/** Where the C library looks for a program too, where no path is set. */
const DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin";

/**
 * What stands in for variables that are not set; gives its path. Before the first line of ours, the
 * runtime looks for the programs that may be run, and where there is no PATH it ends with an error.
 */
function writeDefaultEnvironment(folder: string): string {
  const path = join(folder, "default.env");
  Deno.writeTextFileSync(path, `PATH=${DEFAULT_PATH}\n`);
  return path;
}

interface PlacedLibrary {
  native: NativeFacts;
  env: Record<string, string>;
}

async function appendToBase(
  base: string,
  library: PackedLibrary,
  target_path: string,
): Promise<PlacedLibrary> {
  Deno.copyFileSync(base, target_path);
  Deno.chmodSync(target_path, 0o755);
  let end_bytes = Deno.statSync(target_path).size;
  const offset_of = new Map<PackedFile, number>();
  for (const file of library.files) {
    offset_of.set(file, end_bytes);
    end_bytes += file.packed_size_bytes;
    const target = await Deno.open(target_path, { append: true });
    await (await Deno.open(file.packed_path)).readable.pipeTo(target.writable);
  }
  const native = await nativeFacts(library, (file) => ({
    offset_bytes: offset_of.get(file)!,
    size_bytes: file.packed_size_bytes,
  }));
  return { native, env: { DENORT_BIN: target_path } };
}

async function addToPayload(library: PackedLibrary, folder: string): Promise<PlacedLibrary> {
  for (const file of library.files) {
    Deno.copyFileSync(file.packed_path, join(folder, `${file.name}.zst`));
  }
  const native = await nativeFacts(library, (file) => ({
    path: `${file.name}.zst`,
    offset_bytes: 0,
    size_bytes: file.packed_size_bytes,
  }));
  return { native, env: {} };
}

function compileFailure(deno: string, stderr: string): BuildFailure {
  const reason = stderr.split("\nStack backtrace")[0].trim();
  const download = reason.match(/https?:\/\/\S*denort\S*\.zip/);
  if (download) {
    return new BuildFailure(
      `cannot compile: the runtime base could not be downloaded from ${download[0]}`,
      "connect this machine to the internet once, or set DENORT_BIN to a denort of the same " +
        "version (and DENO_COMPILE to a Deno that matches it)",
    );
  }
  return new BuildFailure(
    `cannot compile with ${deno}:\n${reason}`,
    "if DENO_COMPILE and DENORT_BIN are set, are they of matching versions?",
  );
}
