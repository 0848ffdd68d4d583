/**
 * Build facts: what the build baked into the executable, its write scope and its native library. Run
 * from source, there are defaults.
 */
import config from "../../deno.json" with { type: "json" };

/** Where the compressed form of a native file stands. */
interface PackedPlace {
  /** The file that holds it; absent when that is the executable itself. */
  path?: string;
  offset_bytes: number;
  size_bytes: number;
}

export interface NativeFile {
  name: string;
  size_bytes: number;
  sha256: string;
  packed: PackedPlace;
}

export interface NativeFacts {
  package: string;
  /** Stands for the names, sizes and digests of all files; short enough for a folder's name. */
  digest: string;
  files: NativeFile[];
}

interface BuildFacts {
  version: string;
  compiled: boolean;
  /** The ledger folder in the write scope; a relative one is below where the program starts. */
  ledger_dir: string;
  runs_dir: string;
  /** Absent when run from source: there the npm package brings its own. */
  native?: NativeFacts;
}

/** The facts that the build writes; the version is not among them, it travels with deno.json. */
export type BakedFacts = Required<Pick<BuildFacts, "ledger_dir" | "runs_dir" | "native">>;

/** The name under which the generated entry leaves the facts before it starts the program. */
export const BAKED_FACTS_NAME = "ledger.build-facts";

export const DEFAULT_FOLDERS = { ledger_dir: "data/ledger", runs_dir: "runs" } as const;

/** What the build left; undefined when run from source. */
export function bakedFacts(): BakedFacts | undefined {
  return (globalThis as Record<symbol, unknown>)[Symbol.for(BAKED_FACTS_NAME)] as BakedFacts;
}

/** The facts of this build, or those of a run from source. */
export function buildFacts(): BuildFacts {
  const baked = bakedFacts();
  return { version: config.version, compiled: baked !== undefined, ...DEFAULT_FOLDERS, ...baked };
}

/** The folder of runs: the one that a caller names, else the environment's, else the build's. */
export function runsDir(
  { env }: { env(name: string): string | undefined },
  named?: string,
): string {
  return named ?? (env("LEDGER_RUNS_DIR") || buildFacts().runs_dir);
}
