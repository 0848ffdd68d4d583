/**
 * Loads DuckDB, and nothing of it before it is asked for.
 *
 * Run from source, the npm package finds its own library. In the executable it cannot:
 * `duckdb.node` looks for `libduckdb` in its own folder, and the executable is one file. So both
 * are unpacked once (`unpack.ts`), the binding is opened from there, and the bundled package is
 * handed it.
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

/** The part of DuckDB's package that this program uses. */
export type DuckDBApi = typeof import("./api.ts");

/** DuckDB, ready to open databases. */
interface LoadedDuckDB {
  api: DuckDBApi;
  /** Where the native library was loaded from; null when the npm package brought its own. */
  folder: string | null;
  /** Why the library was unpacked at this start; null when it was not. */
  unpacked_because: string | null;
}

/** What the hidden self-check tells. */
export interface SelfCheck {
  /** What `select 42` came to. */
  answer: number;
  unpacked: boolean;
  unpacked_because: string | null;
  folder: string | null;
  duckdb_version: string;
}

const BINDINGS = "@duckdb/node-bindings";
const STORE = ".native";

let loading: Promise<LoadedDuckDB> | undefined;

/** Loads DuckDB's library into this process, once. */
export function loadDuckDB(world: World): Promise<LoadedDuckDB> {
  loading ??= load(world).catch((error) => {
    // What stood in the way may be gone the next time.
    loading = undefined;
    throw error;
  });
  return loading;
}

/** Asks DuckDB a question whose answer is known. */
export async function selfCheck(world: World): Promise<SelfCheck> {
  const { api, folder, unpacked_because } = await loadDuckDB(world);
  const instance = await api.DuckDBInstance.create(":memory:");
  try {
    const connection = await instance.connect();
    try {
      const rows = (await connection.runAndReadAll("select 42")).getRows();
      return {
        answer: Number(rows[0][0]),
        unpacked: unpacked_because !== null,
        unpacked_because,
        folder,
        duckdb_version: api.version(),
      };
    } finally {
      connection.closeSync();
    }
  } finally {
    instance.closeSync();
  }
}

/** The state of the unpacked library, looked at byte by byte. */
interface NativeCheck {
  folder: string;
  /** What is wrong with it, which the next use of DuckDB puts right; null when all is well. */
  fault: string | null;
}

/**
 * Compares every byte of the unpacked library with what was built, which no start has time for.
 * Null when run from source: nothing is unpacked then.
 */
export function checkNativeDigest(world: World): NativeCheck | null {
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

/** How much memory DuckDB takes the machine to have; how much it uses, the door says. */
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
  if (request === undefined) {
    return { api: await import("./api.ts"), folder: null, unpacked_because: null };
  }
  const { folder, unpacked_because } = await unpackLibrary(request);
  return {
    api: await importWithBindings(openBindings(join(folder, "duckdb.node"))),
    folder,
    unpacked_because: unpacked_because ?? null,
  };
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
