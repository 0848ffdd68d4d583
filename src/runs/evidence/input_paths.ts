/** Path expansion: what a caller names as a run's inputs, files and patterns, as a list of files. */
import { globToRegExp, isGlob, join, resolve } from "@std/path";
import { LedgerError, quoted } from "../../base/error.ts";
import { inputs_max } from "../../base/limits.ts";
import type { World } from "../../base/world.ts";

/** The files that are named, each once, from the root on; a pattern stands for those that fit it. */
export function inputPaths(world: World, named: readonly string[]): string[] {
  const { files } = world;
  const paths = new Set<string>();
  for (const name of named) {
    if (name === "") throw refused(name, "it names no file", "give a file, or a pattern");
    const path = resolve(world.cwd(), name);
    const facts = files.facts(path);
    if (facts?.is_folder) {
      const hint = `for all files below it: --input '${name.replace(/\/+$/, "")}/**'`;
      throw refused(name, "it is a folder", hint);
    }
    if (facts) paths.add(path);
    else if (!isGlob(name)) throw refused(name, "there is no such file", "is the path right?");
    else for (const found of fitting(world, name, path)) paths.add(found);
    if (paths.size <= inputs_max) continue;
    const hint = "put them into larger files, or name a list of them as the input";
    throw refused(name, `with it there are more than ${inputs_max} inputs`, hint);
  }
  return [...paths].sort();
}

function fitting(world: World, name: string, pattern: string): string[] {
  const found = [...filesLike(world, "/", pattern.split("/").slice(1))];
  if (found.length > 0) return found;
  throw refused(
    name,
    "no file fits it",
    "is the pattern right? a name with a dot in front is left out",
  );
}

/** Files below a folder whose ways fit the steps of a pattern. Links to folders are not followed by `**`. */
function* filesLike(world: World, folder: string, steps: readonly string[]): Generator<string> {
  const [step, ...rest] = steps;
  const is_last = rest.length === 0;
  if (!isGlob(step)) {
    const path = join(folder, step);
    const facts = world.files.facts(path);
    if (is_last ? facts && !facts.is_folder : facts?.is_folder) {
      yield* is_last ? [path] : filesLike(world, path, rest);
    }
    return;
  }
  const is_deep = step === "**";
  // Any number of folders, which may be none.
  if (is_deep && !is_last) yield* filesLike(world, folder, rest);
  const pattern = is_deep ? /^/ : globToRegExp(step, { extended: true, globstar: true });
  for (const { name, is_folder } of world.files.list(folder) ?? []) {
    if (!pattern.test(name) || (name.startsWith(".") && !step.startsWith("."))) continue;
    const path = join(folder, name);
    if (is_deep && is_folder) yield* filesLike(world, path, steps);
    else if (!is_last) {
      if (!is_deep && world.files.facts(path)?.is_folder) yield* filesLike(world, path, rest);
    } else if (!is_folder) {
      const facts = world.files.facts(path);
      if (!facts) throw refused(path, "it is a link to nothing", "mend it, or leave it out");
      if (!facts.is_folder) yield path;
    }
  }
}

function refused(name: string, problem: string, hint: string): LedgerError {
  return new LedgerError({
    code: "invalid",
    message: `cannot take ${quoted(name)} as an input: ${problem}`,
    hint,
  });
}
