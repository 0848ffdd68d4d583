/** The recipes' texts: each says what it shows, and the folder's README lists it so. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { recipeNames, RECIPES, recipeText } from "./recipes.ts";

/** What a recipe says at its head that it shows. */
function shownBy(name: string): string | undefined {
  return /^(?:#!.*\n)?(?:#|\/\/|--) Shows: (.+[.,)])\n/.exec(recipeText(name))?.[1];
}

Deno.test("the folder's README lists every recipe, with what it says at its head that it shows", () => {
  const readme = Deno.readTextFileSync(join(RECIPES, "README.md"));
  const listed = [...readme.matchAll(/^\| \[(.+)\]\((.+)\) +\| (.*?) +\|$/gm)]
    .map(([, name, path, text]) => [name, path, text]);
  const expected = recipeNames().map((name) => [name, name, shownBy(name)]);
  assertEquals(listed.sort(), expected.sort());
});

Deno.test("no recipe has a name that another imports: in its own folder it would import itself", () => {
  for (const name of recipeNames().filter((name) => name.endsWith(".py"))) {
    // No import statement of Python can name a module with a hyphen.
    assertEquals(name.includes("-"), true, name);
  }
  const packages = recipeNames().flatMap((name) =>
    [...recipeText(name).matchAll(/^(?:import|from) (\w+)|from "([\w:/@.-]+)"/gm)]
      .map(([, python, javascript]) => python ?? javascript)
  );
  const stems = recipeNames().map((name) => name.split(".")[0]);
  assertEquals(stems.filter((stem) => packages.includes(stem)), []);
});
