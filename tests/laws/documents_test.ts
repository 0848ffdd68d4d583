/** Documents are true of the tree, short, and explain their words before they use them. */
import { assert, assertEquals } from "@std/assert";
import { dirname, join } from "@std/path";
import { COMMANDS } from "../../src/cli/commands.ts";
import { DOCUMENTS, PROJECT } from "../harness.ts";
import { FLOORS, SUB_ROOMS } from "./modules.ts";

const README_LINES_MAX = 300;
const SESSION_LINES_MAX = 35;

/** Words of this field and this program, which a stranger need not know. */
const EXPLAINED = [
  ...["event", "part", "run", "trial", "call", "alert", "policy", "baseline", "fingerprint"],
  ...["artifact", "manifest", "catalog", "index", "trace", "correlation", "seal", "box"],
  "first system",
];

function textOf(path: string): string {
  return Deno.readTextFileSync(join(PROJECT, path));
}

Deno.test("the README and its first session are short, and it names every command", () => {
  const readme = textOf("README.md");
  assert(readme.split("\n").length - 1 <= README_LINES_MAX);
  const [, session] = /## A first session\n\n```console\n([^]*?)\n```/.exec(readme)!;
  assert(session.split("\n").length <= SESSION_LINES_MAX);
  for (const [group, commands] of Object.entries(COMMANDS.groups)) {
    const [, row = ""] = new RegExp(`^\\| ${group} +\\| (.*?) +\\|$`, "m").exec(readme) ?? [];
    assertEquals(row, Object.keys(commands).map((name) => `\`${name}\``).join(", "), group);
  }
});

Deno.test("the README explains a word where it uses it first", () => {
  const readme = textOf("README.md");
  for (const word of EXPLAINED) {
    const [first] = new RegExp(`\\**\\b${word.replace(/y$/, "(?:y|ies)")}s?\\b\\**`, "i").exec(
      readme.replace(/`[^`]*`/g, ""),
    )!;
    assert(first.startsWith("**") && first.endsWith("**"), `${word} is used as "${first}"`);
  }
});

Deno.test("every link in a document leads to what is there", () => {
  const dead: string[] = [];
  for (const document of DOCUMENTS) {
    const text = textOf(document);
    for (const [, target] of text.matchAll(/\]\((?!https?:)([^)]*)\)/g)) {
      const [path, heading] = target.split("#");
      const found = path === "" ? document : join(dirname(document), path);
      try {
        const { isFile } = Deno.statSync(join(PROJECT, found));
        if (heading && (!isFile || !headingsOf(textOf(found)).includes(heading))) dead.push(target);
      } catch {
        dead.push(`${document}: ${target}`);
      }
    }
  }
  assertEquals(dead, []);
});

function headingsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading.toLowerCase().replace(/[^\w\s-]/g, "").trim().replaceAll(" ", "-")
  );
}

Deno.test("the map of rooms names every folder of src, each on its floor, lowest first", () => {
  const [, map] = /```\nsrc\/\n([^]*?)\n```/.exec(textOf("src/README.md"))!;
  const named: string[] = [];
  let room = "";
  for (const [, indent, name, floor] of map.matchAll(/^( +)(\w+)\/ +(?:floor (\d))?/gm)) {
    if (indent.length === 2) {
      room = name;
      assert(FLOORS[Number(floor)].includes(name), `${name} stands on another floor`);
    }
    named.push(indent.length === 2 ? name : `${room}/${name}`);
  }
  for (const [of_room, lowest_first] of Object.entries(SUB_ROOMS)) {
    const below = named.filter((path) => path.startsWith(`${of_room}/`));
    assertEquals(below, lowest_first.map((name) => `${of_room}/${name}`));
  }
  const found: string[] = [];
  const look = (folder: string) => {
    for (const { name, isDirectory } of Deno.readDirSync(join(PROJECT, "src", folder))) {
      const path = folder === "" ? name : `${folder}/${name}`;
      if (!isDirectory) continue;
      found.push(path);
      look(path);
    }
  };
  look("");
  assertEquals(named.sort(), found.sort());
});
