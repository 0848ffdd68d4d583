/** What the tests of recipes share: each recipe runs as it stands, and where it lies, in `fixtures/recipes`. */
import { join } from "@std/path";
import { systemFiles } from "../../../src/base/files/system_files.ts";
import { recordLab } from "../../../src/demo/lab.ts";
import { planLab } from "../../../src/demo/plan.ts";
import { installShim, IS_PLAIN, linesOnDisk, PROJECT, testWorld } from "../../harness.ts";

export const RECIPES = join(PROJECT, "fixtures/recipes");

/** The names of the recipes' files. */
export function recipeNames(): string[] {
  return [...Deno.readDirSync(RECIPES)].map(({ name }) => name).filter((name) =>
    name !== "README.md"
  );
}

/** The text of a recipe. */
export function recipeText(name: string): string {
  return Deno.readTextFileSync(join(RECIPES, name));
}

/** How a script ended. */
export interface ScriptEnd {
  code: number;
  stdout: string;
  stderr: string;
}

/** Whether a program is there, and does what it is asked. */
export function works(program: string, args: readonly string[] = ["--version"]): boolean {
  try {
    return new Deno.Command(program, { args: [...args], stdout: "null", stderr: "null" })
      .outputSync().success;
  } catch {
    return false;
  }
}

/** Runs a program in a folder where `ledger` is on the PATH. */
export async function runScript(
  folder: string,
  program: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<ScriptEnd> {
  // Once: another script may be running it.
  if (!systemFiles().facts(join(folder, "ledger"))) installShim(folder);
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    cwd: folder,
    env: { ...env, PATH: `${folder}:${Deno.env.get("PATH")}` },
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** The types of the events in a folder's log, in order. */
export function typesIn(folder: string): string[] {
  const dir = join(folder, "data/ledger");
  if (!systemFiles().facts(dir)) return [];
  return linesOnDisk(dir).map((line) => JSON.parse(line).event_type);
}

/** Puts a recipe somewhere with its places replaced by those of a test; returns its path. */
export function putRecipe(name: string, path: string, changed: (text: string) => string): string {
  Deno.writeTextFileSync(path, changed(recipeText(name)), { mode: 0o755 });
  return path;
}

/** A recipe's places replaced by those of a test. */
export function placedIn(folder: string): (text: string) => string {
  return (text) =>
    text.replaceAll("/srv/lab", folder).replaceAll("/usr/local/bin/ledger", join(folder, "ledger"))
      .replace("User=lab\n", "");
}

/** A test of a recipe, left out where what it needs is not installed. */
export function recipeTest(
  name: string,
  needs: string | { what: string; is_there: boolean },
  body: () => Promise<void>,
): void {
  const { what, is_there } = typeof needs === "string"
    ? { what: needs, is_there: works(needs) }
    : needs;
  if (!is_there) console.log(`left out: the ${name} recipe, because ${what} is not installed`);
  Deno.test({
    name: `the ${name} recipe does what it says`,
    ignore: IS_PLAIN || !is_there,
    fn: body,
  });
}

/** Records the lab of the demo in a folder: runs with results, and traces. */
export async function putLab(folder: string): Promise<void> {
  const vars = {
    LEDGER_DIR: join(folder, "data/ledger"),
    LEDGER_RUNS_DIR: join(folder, "runs"),
  };
  await recordLab(testWorld({ vars }), planLab(1, Date.UTC(2026, 0, 23, 12)));
}
