/** The house stands: imports run down, there is no circle of files, and nothing lies about unused. */
import { assert, assertEquals } from "@std/assert";
import { dirname } from "@std/path";
import { PROJECT } from "../harness.ts";
import { ENTRIES } from "../../scripts/build/bundle.ts";
import { type Sources, unusedExports } from "./exports.ts";
import { allModules, FLOORS, type Modules, sourcesIn, SUB_ROOMS } from "./modules.ts";

/** Files that the outside comes in by. */
const DOORS = [...ENTRIES, "src/mod.ts"];

const FILES_IN_FOLDER_MAX = 25;
/** Each command is a file, and no other file of the folder is. */
const FULL_FOLDERS = ["src/cli/commands"];

interface Place {
  room: string;
  /** A folder within the room; undefined for its loose files. */
  sub_room?: string;
}

/** Where a file stands; undefined for the door, and for what is outside of `src`. */
function placeOf(path: string): Place | undefined {
  const [top, room, ...below] = path.split("/");
  if (top !== "src" || below.length === 0) return undefined;
  return below.length > 1 ? { room, sub_room: below[0] } : { room };
}

function floorOf(room: string): number {
  const floor = FLOORS.findIndex((rooms) => rooms.includes(room));
  assert(floor >= 0, `the room src/${room} stands on no floor: give it one`);
  return floor;
}

function heightIn(room: string, sub_room: string): number {
  const height = SUB_ROOMS[room].indexOf(sub_room);
  assert(height >= 0, `the sub-room src/${room}/${sub_room} has no height: give it one`);
  return height;
}

function wrongImports(modules: Modules): string[] {
  const wrong: string[] = [];
  for (const [from, imports] of modules) {
    const place = placeOf(from);
    if (!place) continue;
    for (const { to } of imports) {
      if (!to.startsWith("src/")) continue;
      const other = placeOf(to);
      const edge = `${from} -> ${to}`;
      if (!other) wrong.push(`${edge}: the library's door is for others`);
      else if (other.room !== place.room) {
        if (floorOf(other.room) >= floorOf(place.room)) wrong.push(`${edge}: up or across`);
      } else if (
        Object.hasOwn(SUB_ROOMS, place.room) && place.sub_room && other.sub_room &&
        place.sub_room !== other.sub_room &&
        heightIn(place.room, other.sub_room) >= heightIn(place.room, place.sub_room)
      ) wrong.push(`${edge}: up within ${place.room}`);
    }
  }
  return wrong;
}

/** Sets of files of which each reaches every other by its imports (Tarjan). */
function circles(modules: Modules): string[][] {
  const found: string[][] = [];
  const numbers = new Map<string, number>();
  const lowest = new Map<string, number>();
  const stack: string[] = [];
  const visit = (path: string): number => {
    numbers.set(path, numbers.size);
    let low = numbers.get(path)!;
    stack.push(path);
    for (const { to } of modules.get(path) ?? []) {
      if (!modules.has(to)) continue;
      if (!numbers.has(to)) low = Math.min(low, visit(to));
      else if (stack.includes(to)) low = Math.min(low, numbers.get(to)!);
    }
    lowest.set(path, low);
    if (low === numbers.get(path)) {
      const component = stack.splice(stack.indexOf(path)).sort();
      const is_own = (modules.get(path) ?? []).some(({ to }) => to === path);
      if (component.length > 1 || is_own) found.push(component);
    }
    return low;
  };
  for (const path of modules.keys()) if (!numbers.has(path)) visit(path);
  return found;
}

function wrongFolders(paths: readonly string[]): string[] {
  const files = new Map<string, number>();
  for (const path of paths) {
    const folder = path.slice(0, path.lastIndexOf("/"));
    files.set(folder, (files.get(folder) ?? 0) + 1);
  }
  return [
    ...paths.filter((path) => /^src\/[^/]+$/.test(path) && path !== "src/mod.ts")
      .map((path) => `${path}: lies loose in src`),
    ...[...files].filter(([folder, count]) =>
      count > FILES_IN_FOLDER_MAX && !FULL_FOLDERS.includes(folder)
    ).map(([folder, count]) => `${folder}: ${count} files`),
  ];
}

function unusedFiles(modules: Modules): string[] {
  const imported = new Set([...modules].flatMap(([, imports]) => imports.map(({ to }) => to)));
  return [...modules.keys()].filter((path) => !imported.has(path) && !DOORS.includes(path));
}

/** The files of the project; `main.ts`, tests and scripts are users of what `src` exports. */
function allSources(): Sources {
  const paths = ["main.ts", ...["src", "tests", "scripts"].flatMap(sourcesIn)];
  return new Map(paths.map((path) => [path, Deno.readTextFileSync(`${PROJECT}${path}`)]));
}

function edges(imports: Readonly<Record<string, readonly string[]>>): Modules {
  return new Map(
    Object.entries(imports).map(([from, to]) => [
      from,
      to.map((to) => ({ to, is_static: false, is_type: true })),
    ]),
  );
}

Deno.test("imports run down only, types too; rooms on one floor do not import each other", async () => {
  assertEquals(wrongImports(await allModules()), []);
});

Deno.test("the rule about floors would see an import that runs up or across", () => {
  const wrong = wrongImports(edges({
    "src/base/files/seam.ts": ["src/log/mod.ts"],
    "src/parquet/write.ts": ["src/duckdb/native.ts"],
    "src/ledger/ledger.ts": ["src/cli/run.ts", "src/report/report.ts"],
    "src/log/read/cursor.ts": ["src/log/seal/verify.ts"],
    "src/report/gather/trades.ts": ["src/report/page/scales.ts"],
    "src/cli/run.ts": ["src/mod.ts"],
    // These run down, or stay at home.
    "src/log/codec/packing.ts": ["src/parquet/write.ts", "src/log/event/event.ts"],
    "src/runs/overview.ts": ["src/runs/catalog/queries.ts"],
    "src/cli/help.ts": ["src/ledger/ledger.ts"],
    "src/mod.ts": ["src/ledger/ledger.ts"],
  }));
  assertEquals(wrong.map((line) => line.split(" ")[0]), [
    "src/base/files/seam.ts",
    "src/parquet/write.ts",
    "src/ledger/ledger.ts",
    "src/ledger/ledger.ts",
    "src/log/read/cursor.ts",
    "src/report/gather/trades.ts",
    "src/cli/run.ts",
  ]);
});

Deno.test("no files import each other in a circle, types included", async () => {
  assertEquals(circles(await allModules()), []);
});

Deno.test("the rule about circles would see one, however long", () => {
  const found = circles(edges({
    "a.ts": ["b.ts", "d.ts"],
    "b.ts": ["c.ts"],
    "c.ts": ["d.ts", "b.ts"],
    "d.ts": ["e.ts"],
    "e.ts": ["f.ts"],
    "f.ts": ["d.ts"],
    "g.ts": ["a.ts", "g.ts"],
  }));
  assertEquals(found.sort(), [["b.ts", "c.ts"], ["d.ts", "e.ts", "f.ts"], ["g.ts"]]);
});

Deno.test("src holds rooms and its door, and no folder holds more files than one looks over", () => {
  assertEquals(wrongFolders(sourcesIn("src")), []);
  const many = Array.from({ length: FILES_IN_FOLDER_MAX + 1 }, (_, n) => `src/log/${n}.ts`);
  assertEquals(wrongFolders(["src/mod.ts", "src/daemon.ts", ...many]), [
    "src/daemon.ts: lies loose in src",
    "src/log: 26 files",
  ]);
});

Deno.test("no file lies about that no other imports", async () => {
  assertEquals(unusedFiles(await allModules()), []);
  const unused = unusedFiles(edges({ "main.ts": ["src/a.ts"], "src/a.ts": [], "src/b.ts": [] }));
  assertEquals(unused, ["src/b.ts"]);
});

Deno.test("a thread's module has the name under which the build bundles it", () => {
  const modules = [...allSources()].flatMap(([path, text]) =>
    !path.startsWith("src/")
      ? []
      : [...text.matchAll(/bundled: "\.\/(.+)\.js",\s+source: "\.\/(.+)",/g)]
        .map(([, bundled, source]) => [`${bundled}.ts`, `${dirname(path)}/${source}`])
  );
  assertEquals(modules.map(([bundled]) => bundled).sort(), ENTRIES.slice(1).sort());
  for (const [bundled, source] of modules) assertEquals(bundled, source);
});

Deno.test("nothing is exported that no other file takes", () => {
  assertEquals(unusedExports(allSources(), DOORS), []);
});

Deno.test("the rule about exports would see one that is not taken, and knows every form of taking", () => {
  const names = ["a", "b", "c", "d", "e", "f", "g", "h", "unused", "closed"];
  const unused = unusedExports(
    new Map([
      ["src/x/all.ts", names.map((name) => `export const ${name} = 1;`).join("\n")],
      ["src/x/mod.ts", 'export { a, type b } from "./all.ts";\nexport { closed } from "./all.ts";'],
      ["src/mod.ts", 'export { b } from "./x/mod.ts";'],
      ["src/x/c.ts", 'import { a } from "./mod.ts";\nimport type { c as see } from "./all.ts";'],
      ["src/x/d.ts", 'const { d } = await import("./all.ts");\nimport * as all from "./all.ts";'],
      ["src/x/e.ts", 'const all = await import(\n  "./all.ts"\n);\nall.e();'],
      ["src/x/f.ts", 'type F = import("./all.ts").f;\n// import { unused } from "./all.ts";'],
      ["src/x/g.ts", 'import("./all.ts").then(({ g }) => g);\nexport interface Own {}'],
      ["tests/h.ts", 'import { h } from "../src/x/all.ts";'],
    ]),
    ["src/mod.ts"],
  );
  assertEquals(unused, [
    "src/x/all.ts: closed",
    "src/x/all.ts: unused",
    "src/x/g.ts: Own",
    "src/x/mod.ts: closed",
  ]);
});

Deno.test("the library's door re-exports, and does nothing else", () => {
  const text = Deno.readTextFileSync(new URL("../../src/mod.ts", import.meta.url));
  const code = text.replace(/\/\*[\s\S]*?\*\//g, "");
  const statements = code.split(";").map((statement) => statement.trim()).filter(Boolean);
  for (const statement of statements) {
    assert(/^export (type )?(\{[^}]*\}|\*) from "[^"]+"$/.test(statement), statement);
  }
});
