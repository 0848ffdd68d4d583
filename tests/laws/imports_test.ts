/** Imports run down only; rooms on one floor do not import each other; nothing lies about unused. */
import { assert, assertEquals } from "@std/assert";
import { allModules, type Modules } from "./modules.ts";

/** The floors, from the ground up. A room is a folder of `src`; its own files are a room too. */
const FLOORS: readonly (readonly string[])[] = [
  ["base"],
  ["log", "duckdb", "parquet"],
  ["index", "runs", "trace"],
  ["src"],
  ["cli"],
];

/** The one way within a floor: lines are packed as Parquet, and that is loaded only then. */
const ALLOWED = ["packed_part", "packing", "unpacking"].map((file) =>
  `src/log/${file}.ts -> src/parquet/`
);

/** Files that the outside comes in by. */
const DOORS = [
  "main.ts",
  "src/mod.ts",
  "src/index/reader_worker.ts",
  "src/log/compact/pack_worker.ts",
];

function roomOf(path: string): string | undefined {
  if (path === "src/mod.ts" || !path.startsWith("src/")) return undefined;
  const [, folder, file] = path.split("/");
  return file === undefined || ["demo", "report"].includes(folder) ? "src" : folder;
}

function floorOf(room: string): number {
  const floor = FLOORS.findIndex((rooms) => rooms.includes(room));
  assert(floor >= 0, `the room src/${room} stands on no floor: give it one`);
  return floor;
}

function wrongImports(modules: Modules): string[] {
  const wrong: string[] = [];
  for (const [from, imports] of modules) {
    const room = roomOf(from);
    if (room === undefined) continue;
    for (const { to } of imports) {
      const other = roomOf(to);
      if (!to.startsWith("src/")) continue;
      const edge = `${from} -> ${to}`;
      if (ALLOWED.some((allowed) => edge.startsWith(allowed))) continue;
      if (other === undefined) wrong.push(`${edge}: the library's door is for others`);
      else if (other !== room && floorOf(other) >= floorOf(room)) {
        wrong.push(`${edge}: ${room} may not import ${other}`);
      }
    }
  }
  return wrong;
}

Deno.test("imports run down only, and rooms on one floor do not import each other", async () => {
  assertEquals(wrongImports(await allModules()), []);
});

Deno.test("the rule about floors would see an import that runs up or across", () => {
  const edge = (to: string) => [{ to, is_static: true, is_type: false }];
  const wrong = wrongImports(
    new Map([
      ["src/base/files/seam.ts", edge("src/log/mod.ts")],
      ["src/log/write/writer.ts", edge("src/duckdb/native.ts")],
      ["src/ledger/ledger.ts", edge("src/cli/run.ts")],
      ["src/cli/run.ts", edge("src/mod.ts")],
      ["src/log/codec/packing.ts", edge("src/parquet/write.ts")],
      ["src/cli/help.ts", edge("src/ledger/ledger.ts")],
    ]),
  );
  assertEquals(wrong.length, 4);
});

Deno.test("no file lies about that nobody imports", async () => {
  const modules = await allModules();
  const imported = new Set([...modules].flatMap(([, imports]) => imports.map(({ to }) => to)));
  const unused = [...modules.keys()].filter((path) => !imported.has(path) && !DOORS.includes(path));
  assertEquals(unused, []);
});

Deno.test("the library's door re-exports, and does nothing else", () => {
  const text = Deno.readTextFileSync(new URL("../../src/mod.ts", import.meta.url));
  const code = text.replace(/\/\*[\s\S]*?\*\//g, "");
  const statements = code.split(";").map((statement) => statement.trim()).filter(Boolean);
  for (const statement of statements) {
    assert(/^export (type )?(\{[^}]*\}|\*) from "[^"]+"$/.test(statement), statement);
  }
});
