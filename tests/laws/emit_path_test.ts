/** Emitting stands on the log alone: no module on its way reaches native code or the network. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ledger, linesOnDisk, tempFolder } from "../harness.ts";
import { allModules, type Import, loadedBy } from "./modules.ts";

const EMIT = "src/cli/commands/emit.ts";
const COMMANDS = "src/cli/commands.ts";
/** Each module costs start-up time, and emit is started by scripts thousands of times. */
const MODULES_MAX = 40;

function isNative(path: string): boolean {
  return path.startsWith("src/duckdb/") || path.includes("@duckdb/");
}

function isParquet(path: string): boolean {
  return path.startsWith("src/parquet/") || path.includes("hyparquet");
}

function isNetwork(path: string): boolean {
  return path.startsWith("src/base/http/");
}

/** All that `ledger emit` may load: of the commands itself, and whatever its own files ask for. */
function followsEmit(from: string, { to, is_type, is_static }: Import): boolean {
  if (is_type) return false;
  if (is_static) return true;
  // A reader or writer of a compacted part loads this then; an emitter never does.
  if (/^src\/log\/(codec\/(un)?packing|compact\/pack_part)\.ts$/.test(to)) return false;
  // Commands are loaded by name; other files below the command line load what they need later.
  return from === COMMANDS
    ? to === EMIT
    : from.startsWith("src/log/") || from.startsWith("src/cli/");
}

Deno.test("no module on the way of emit reaches DuckDB, Parquet or the network", async () => {
  const loaded = loadedBy(await allModules(), ["main.ts"], followsEmit);
  const heavy = (path: string) => isNative(path) || isParquet(path) || isNetwork(path);
  assertEquals([...loaded].filter(heavy), []);
  // A graph that stopped short of the writer would prove nothing.
  for (
    const path of [
      EMIT,
      "src/log/write/writer.ts",
      "src/log/event/schemas.ts",
      "src/base/files/system_files.ts",
    ]
  ) {
    assert(loaded.has(path), path);
  }
});

Deno.test("emit loads at most 40 modules of this program", async () => {
  const modules = await allModules();
  const loaded = [...loadedBy(modules, ["main.ts", EMIT])].filter((path) => modules.has(path));
  assert(loaded.length <= MODULES_MAX, `${loaded.length} modules:\n${loaded.sort().join("\n")}`);
});

Deno.test("importing the library loads neither DuckDB nor Parquet", async () => {
  const loaded = loadedBy(await allModules(), ["src/mod.ts"]);
  assertEquals([...loaded].filter((path) => isNative(path) || isParquet(path)), []);
  assert(loaded.has("src/ledger/ledger.ts"));
});

Deno.test("only one file imports the DuckDB package by value, and only lazily", async () => {
  const modules = await allModules();
  const by_value = [...modules].filter(([, imports]) =>
    imports.some(({ to, is_type }) => to.includes("@duckdb/") && !is_type)
  ).map(([path]) => path);
  assertEquals(by_value, ["src/duckdb/api.ts"]);
  const eager = [...modules].filter(([, imports]) =>
    imports.some(({ to, is_static }) => to === "src/duckdb/api.ts" && is_static)
  );
  assertEquals(eager.map(([path]) => path), []);
});

Deno.test("neither zod nor help is loaded before they are needed", async () => {
  const loaded = loadedBy(await allModules(), ["main.ts", EMIT]);
  assertEquals([...loaded].filter((path) => /\/(schemas|help|complete)\.ts$/.test(path)), []);
  const full_zod = [...loaded].filter((path) => /^npm:\/?zod@[^/]+$/.test(path));
  assertEquals(full_zod, []);
});

Deno.test("completing loads no command but the one that is completed, no database and no Parquet", async () => {
  const roots = ["main.ts", "src/cli/commands/complete.ts"];
  const loaded = [...loadedBy(await allModules(), roots)];
  assertEquals(loaded.filter((path) => isNative(path) || isParquet(path)), []);
  assertEquals(loaded.filter((path) => path.startsWith("src/cli/commands/")), [roots[1]]);
  assert(loaded.includes("src/cli/completion_sources.ts"));
});

Deno.test("ledger emit works without the permission for native code", async () => {
  using folder = tempFolder();
  const permissions = [
    "--deny-ffi",
    "--deny-net",
    "--deny-run",
    "--allow-read",
    `--allow-write=${folder.path}/data/ledger`,
    "--allow-env",
    "--allow-sys=hostname",
  ];
  const one = await ledger(["emit", "run.started", "--run-id", "r1"], {
    cwd: folder.path,
    permissions,
  });
  assertEquals([one.code, one.stderr], [0, ""]);
  const many = await ledger(["emit", "--stdin", "--ack"], {
    cwd: folder.path,
    permissions,
    stdin: '{"event_type":"run.started","run_id":"r2"}\n',
  });
  assertEquals(many.code, 0, many.stderr);
  const wrong = await ledger(["emit", "run.started"], { cwd: folder.path, permissions });
  assertEquals(wrong.code, 2);
  assertStringIncludes(wrong.stderr, "run_id is missing");
  assertEquals(linesOnDisk(`${folder.path}/data/ledger`).length, 2);
});

Deno.test("the command that does load it is refused without that permission", async () => {
  using folder = tempFolder();
  const { code, stderr } = await ledger(["self-check"], {
    cwd: folder.path,
    permissions: ["--allow-all", "--deny-ffi"],
  });
  assertEquals(code, 1);
  assertStringIncludes(stderr, "error:");
});
