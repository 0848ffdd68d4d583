/**
 * The recipes in `fixtures/recipes`: the one place of their texts. Documents show them, and the tests
 * run them as they stand.
 */
import { join } from "@std/path";

/** Where the recipes are. */
export const RECIPES = new URL("../fixtures/recipes", import.meta.url).pathname;

const SHOWS = /^(?:#|\/\/|--) Shows: .+[.:)\w]$/;

/** A recipe in a document: a marker that names it, and a code block. */
const BLOCK = /(<!-- recipe: ([\w-]+) -->\n+```\w+\n)(?:[\s\S]*?\n)??(```)/g;

/** The file of a recipe, by the recipe's name, which is the file's without its extension. */
export function recipePath(name: string): string {
  const files = [...Deno.readDirSync(RECIPES)].map((entry) => entry.name);
  const [found, ...others] = files.filter((file) => file.split(".")[0] === name);
  if (found && others.length === 0) return join(RECIPES, found);
  throw new Error(`${found ? "more than one recipe has" : "no recipe has"} the name ${name}`);
}

/** A recipe as it is shown: without the line that says what it shows, which stands at its head. */
export function recipeText(name: string): string {
  const lines = Deno.readTextFileSync(recipePath(name)).split("\n");
  // Only what has to be a script's first line stands before it.
  const at = lines[0].startsWith("#!") ? 1 : 0;
  if (!SHOWS.test(lines[at])) throw new Error(`the recipe ${name} does not say what it shows`);
  return lines.toSpliced(at, 1).join("\n");
}

/** A text with each recipe that it names put into the code block after its marker. */
export function withRecipes(text: string): string {
  return text.replace(
    BLOCK,
    (_, head: string, name: string, end: string) => `${head}${recipeText(name)}${end}`,
  );
}
