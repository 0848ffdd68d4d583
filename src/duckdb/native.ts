/**
 * Lazy loading of DuckDB's native library. Run from source, the npm package finds its own. In the
 * executable it cannot: `duckdb.node` looks for `libduckdb` in its own folder, and the executable is one
 * file. So both are unpacked once (`unpack.ts`), and the bundled package gets the binding from there.
 */
import { Module } from "node:module";
import process from "node:process";
import { join, resolve } from "@std/path";
import { buildFacts } from "../base/build.ts";
import { LedgerError } from "../base/error.ts";
import type { World } from "../base/world.ts";
import { hintForSystem } from "./errors.ts";
import {
  digestFaultOfLibrary,
  libraryFolder,
  unpackLibrary,
  type UnpackRequest,
} from "./unpack.ts";

export type DuckDBApi = typeof import("./api.ts");

interface LoadedDuckDB {
  api: DuckDBApi;
  /** Where the native library was loaded from; null when the npm package brought its own. */
  folder: string | null;
  unpacked_because: string | null;
}

export interface SelfCheck {
  answer: number;
  unpacked: boolean;
  unpacked_because: string | null;
  folder: string | null;
  duckdb_version: string;
}

const BINDINGS = "@duckdb/node-bindings";
const STORE = ".native";

let loading: Promise<LoadedDuckDB> | undefined;

export function loadDuckDB(world: World): Promise<LoadedDuckDB> {
  loading ??= load(world).catch((error) => {
    // The obstacle may be gone the next time.
    loading = undefined;
    throw error;
  });
  return loading;
}

export async function selfCheck(world: World): Promise<SelfCheck> {
  const { api, folder, unpacked_because } = await loadDuckDB(world);
  const instance = await api.DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  const [[answer]] = (await connection.runAndReadAll("select 42")).getRows();
  connection.closeSync();
  instance.closeSync();
  return {
    answer: Number(answer),
    unpacked: unpacked_because !== null,
    unpacked_because,
    folder,
    duckdb_version: api.version(),
  };
}

/**
 * Compares every byte of the unpacked library with what was built, which no start has time for. The next
 * use of DuckDB mends a fault. Null when run from source: nothing is unpacked then.
 */
export function checkNativeDigest(world: World): { folder: string; fault: string | null } | null {
  const request = unpackRequest(world);
  if (request === undefined) return null;
  return { folder: libraryFolder(request), fault: digestFaultOfLibrary(request) ?? null };
}

function unpackRequest(world: World): UnpackRequest | undefined {
  const { native, ledger_dir } = buildFacts();
  const uid = Deno.uid();
  if (native === undefined || uid === null) return undefined;
  return {
    files: world.files,
    native,
    store: join(resolve(world.cwd(), ledger_dir), STORE),
    uid,
    executable: Deno.execPath(),
  };
}

/** How much memory DuckDB takes the machine to have; how much it uses, the connection says. */
const MACHINE = { name: "SLURM_MEM_PER_NODE", megabytes: "4096" };

/**
 * Keeps DuckDB from reading the control group's memory limit. When it cannot open those files (no
 * descriptor left, no right), the destructor of its half-made database throws, and that aborts the
 * process; where this variable is set, it does not look there.
 */
function nameMachineMemory(): void {
  try {
    if (Deno.env.get(MACHINE.name) === undefined) Deno.env.set(MACHINE.name, MACHINE.megabytes);
  } catch (error) {
    // An embedding program may not have given this right. Then the files are read, as ever.
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
  }
}

async function load(world: World): Promise<LoadedDuckDB> {
  nameMachineMemory();
  const request = unpackRequest(world);
  if (!request) return { api: await import("./api.ts"), folder: null, unpacked_because: null };
  const { folder, unpacked_because = null } = await unpackLibrary(request);
  const api = await importWithBindings(openBindings(join(folder, "duckdb.node")));
  return { api, folder, unpacked_because };
}

/**
 * Not through `require`: it would resolve links first, and a ledger folder that is a link to a
 * bigger disk would then lie outside the folder that ffi is allowed for.
 */
function openBindings(path: string): unknown {
  const module = { exports: {} };
  try {
    process.dlopen(module, path);
  } catch (cause) {
    const said = (cause as Error).message;
    throw new LedgerError({
      code: cause instanceof Deno.errors.NotCapable ? "outside_scope" : "io",
      message: `cannot load the DuckDB library ${path}: ${said}`,
      where: { path },
      hint: hintForSystem(said) ?? "it needs a file system mounted without noexec, and libstdc++ " +
          "and libgcc_s of the system",
      cause,
    });
  }
  return module.exports;
}

type ModuleLoader = { _load(name: string, ...rest: unknown[]): unknown };

/** Answers the bundled package's `require` of the bindings, which no folder could answer here. */
async function importWithBindings(bindings: unknown): Promise<DuckDBApi> {
  const loader = Module as unknown as ModuleLoader;
  const load_original = loader._load;
  loader._load = (name, ...rest) =>
    name === BINDINGS ? bindings : load_original.call(loader, name, ...rest);
  try {
    return await import("./api.ts");
  } finally {
    loader._load = load_original;
  }
}
