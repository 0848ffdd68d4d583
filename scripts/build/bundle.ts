/**
 * The program as a folder of JavaScript: one file for what every start needs, one for each part
 * that only some commands load, and the entry that sets the baked facts first.
 */
import { join } from "@std/path";
import { BAKED_FACTS_NAME, type BakedFacts } from "../../src/base/build.ts";
import { lowerUsing, minify } from "./esbuild.ts";
import { BuildFailure } from "./failure.ts";
import { runProcess } from "./process.ts";

/** Where the program begins, and where its threads do. */
export const ENTRIES = [
  "main.ts",
  "src/index/reader_worker.ts",
  "src/log/compact/pack_worker.ts",
  "src/runs/evidence/input_worker.ts",
];

/** Bundles the project into a folder, small and with every disposal in it. */
export function bundleProgram(project: string, folder: string, entries = ENTRIES): void {
  bundleReadably(project, folder, entries);
  requireLate(folder);
  lowerUsing(folder);
  minify(folder);
}

/** Bundles the project as it is written: nothing is renamed, inlined or made short. */
export function bundleReadably(project: string, folder: string, entries = ENTRIES): void {
  const result = runProcess(Deno.execPath(), [
    ...["bundle", "--quiet", "--platform", "deno", "--code-splitting"],
    ...["--external", "@duckdb/node-bindings", "--outdir", folder, ...entries],
  ], { cwd: project });
  if (result.ok) return;
  throw new BuildFailure(
    `cannot bundle the program:\n${result.stderr.trim()}`,
    "if this is about a download: the bundler and the packages come from npm, once",
  );
}

const REQUIRE_AT_START =
  /import \{ createRequire as (\w+) \} from "node:module";\nvar (\w+) = \1\(import\.meta\.url\);/;

/**
 * The bundler makes a `require` for what is CommonJS, in a file that every start loads: 0.7 ms. It is
 * only wanted once DuckDB is; where a bundler writes it otherwise, it is left as it is.
 */
function requireLate(folder: string): void {
  for (const { name, isFile } of Deno.readDirSync(folder)) {
    if (!isFile || !name.startsWith("chunk-")) continue;
    const path = join(folder, name);
    const text = Deno.readTextFileSync(path);
    const late = text.replace(
      REQUIRE_AT_START,
      (_, __, name) =>
        `var ${name}=(wanted)=>process.getBuiltinModule("node:module")` +
        `.createRequire(import.meta.url)(wanted);`,
    );
    if (late !== text) Deno.writeTextFileSync(path, late);
  }
}

/**
 * Writes the entry, which starts the program with these facts; gives its path. They are a module
 * of their own, imported first, so that they are there when the first line of the program runs.
 */
export function writeEntry(folder: string, facts: BakedFacts): string {
  const facts_module = `const facts = ${JSON.stringify(facts)};
for (const { packed } of facts.native.files) {
  if (packed.path) packed.path = import.meta.dirname + "/" + packed.path;
}
globalThis[Symbol.for(${JSON.stringify(BAKED_FACTS_NAME)})] = facts;
`;
  Deno.writeTextFileSync(join(folder, "facts.js"), facts_module);
  const entry = join(folder, "entry.js");
  Deno.writeTextFileSync(entry, `import "./facts.js";\nimport "./main.js";\n`);
  return entry;
}

/** Gives all files one time: the payload records it, and equal sources shall give equal bytes. */
export function forgetTimes(folder: string): void {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory) forgetTimes(join(folder, name));
    Deno.utimeSync(join(folder, name), 0, 0);
  }
}
