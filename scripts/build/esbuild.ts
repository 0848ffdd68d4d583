/**
 * The esbuild that `deno bundle` itself runs, for the two steps that `deno bundle` has no flag for:
 * making plain `try` and `finally` of `using`, and making the result small.
 *
 * `deno bundle --minify` alone loses disposals: where a variable is used once, its minifier puts
 * the value in that place and drops the declaration, be it a `const` or a `using`. So declarations
 * are lowered first, by a pass that drops nothing, and only plain code is minified.
 */
import { join } from "@std/path";
import { BuildFailure } from "./failure.ts";
import { runProcess } from "./process.ts";

/** Rewrites the modules in a folder so that no `using` is left in them, and nothing else changes. */
export function lowerUsing(folder: string): void {
  runEsbuild(folder, ["--supported:using=false"]);
}

/** Rewrites the modules in a folder as short as they go. */
export function minify(folder: string): void {
  runEsbuild(folder, ["--minify"]);
}

function runEsbuild(folder: string, flags: string[]): void {
  const result = runProcess(findEsbuild(), [
    ...["--format=esm", "--log-level=warning", "--allow-overwrite", "--outdir=.", "--outbase=."],
    ...flags,
    ...modulesIn(folder),
  ], { cwd: folder });
  if (result.ok) return;
  throw new BuildFailure(
    `cannot rewrite the bundle with ${flags.join(" ")}:\n${result.stderr.trim()}`,
    "this uses the esbuild that deno bundle downloaded; does another version of Deno work?",
  );
}

/** The modules in a folder and below it. */
export function modulesIn(folder: string): string[] {
  return Array.from(Deno.readDirSync(folder)).flatMap(({ name, isDirectory }) =>
    isDirectory
      ? modulesIn(join(folder, name)).map((inside) => join(name, inside))
      : name.endsWith(".js")
      ? [name]
      : []
  ).sort();
}

/** The newest one that Deno has downloaded, which it does for its first bundle. */
function findEsbuild(): string {
  const downloads = join(denoFolder(), "dl");
  const versions = namesIn(downloads).filter((name) => name.startsWith("esbuild-"))
    .sort(new Intl.Collator("en", { numeric: true }).compare);
  for (const version of versions.reverse()) {
    const program = namesIn(join(downloads, version)).find((name) => name.startsWith("esbuild-"));
    if (program) return join(downloads, version, program);
  }
  throw new BuildFailure(
    `cannot find the esbuild that deno bundle runs: there is none in ${downloads}/esbuild-*`,
    "does this version of Deno keep it elsewhere? scripts/build/esbuild.ts looks for it",
  );
}

function denoFolder(): string {
  const { ok, stdout, stderr } = runProcess(Deno.execPath(), ["info", "--json"]);
  if (ok) return JSON.parse(stdout).denoDir;
  throw new BuildFailure(`cannot ask deno where it keeps its downloads:\n${stderr.trim()}`, "");
}

function namesIn(folder: string): string[] {
  try {
    return Array.from(Deno.readDirSync(folder), (entry) => entry.name);
  } catch {
    return [];
  }
}
