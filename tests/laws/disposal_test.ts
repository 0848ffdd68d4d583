/**
 * No `using` loses its disposal on its way into the executable. A minifier that takes the value of a
 * variable for the variable drops the declaration, and files stay open that the source closes.
 */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { bundleProgram, bundleReadably, ENTRIES } from "../../scripts/build/bundle.ts";
import { lowerUsing, modulesIn } from "../../scripts/build/esbuild.ts";
import { PROJECT, tempFolder } from "../harness.ts";

const PROBE = "tests/laws/disposal/probe.ts";

async function printed(script: string): Promise<string[]> {
  const args = ["run", "--no-config", script];
  const { success, stdout } = await new Deno.Command(Deno.execPath(), { args }).output();
  assert(success, script);
  return new TextDecoder().decode(stdout).trimEnd().split("\n");
}

/** What all modules of a folder say, one after the other. */
function textIn(folder: string): string {
  return modulesIn(folder).map((name) => Deno.readTextFileSync(join(folder, name))).join("\n");
}

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}

Deno.test("each form of using disposes of the same in the bundle as in the source", async () => {
  using folder = tempFolder();
  bundleProgram(PROJECT, folder.path, [PROBE]);
  const wanted = await printed(join(PROJECT, PROBE));
  assert(wanted.length > 200, "a probe that stops half-way shows nothing");
  assertEquals(await printed(join(folder.path, "probe.js")), wanted);
});

Deno.test("in the whole program, each declaration with using is lowered, and none is left", () => {
  using folder = tempFolder();
  bundleReadably(PROJECT, folder.path, ENTRIES);
  const declared = count(
    textIn(folder.path),
    /^\s*(await )?using \w+ = |\((await )?using \w+ of /gm,
  );
  lowerUsing(folder.path);
  const lowered = textIn(folder.path);
  assert(declared > 0, "the program has some; otherwise this looks for them in a wrong way");
  assertEquals(count(lowered, /\b__using\(_stack/g), declared);
  assertEquals(count(lowered, /^\s*(await )?using \w+ =|\((await )?using \w+ of /gm), 0);
});
