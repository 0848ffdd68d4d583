/** The recipes' texts: each in one place, each saying what it shows, and documents showing the same. */
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { RECIPES, recipeText, withRecipes } from "../../../scripts/recipes.ts";
import { DOCUMENTS, PROJECT } from "../../harness.ts";

Deno.test("what a document shows of a recipe is the recipe's file", () => {
  for (const path of DOCUMENTS) {
    const text = Deno.readTextFileSync(join(PROJECT, path));
    assertEquals(withRecipes(text), text, "bring it up to date with: deno task readme");
  }
});

Deno.test("every recipe has a name of its own and a line that says what it shows", () => {
  for (const { name } of Deno.readDirSync(RECIPES)) {
    assert(recipeText(name.split(".")[0]).length > 0);
  }
  assertThrows(() => recipeText("nonsense"), Error, "no recipe has the name nonsense");
});

Deno.test("a recipe takes the place of whatever stood in its block, and of nothing else", () => {
  for (const stood of ["", "old\n"]) {
    const text =
      `<!-- recipe: cron -->\n\n\`\`\`sh\n${stood}\`\`\`\nand more\n\`\`\`sh\nls\n\`\`\`\n`;
    assertMatch(
      withRecipes(text),
      /^<!-- recipe: cron -->\n\n```sh\n\*\/5 .*\n```\nand more\n```sh\nls\n```\n$/,
    );
  }
});
