/** The modules of this project and what each imports, as Deno itself resolves them. */
import { join } from "@std/path";
import { PROJECT } from "../harness.ts";

/** The floors, from the ground up. A room is a folder of `src`. */
export const FLOORS: readonly (readonly string[])[] = [
  ["base"],
  ["parquet", "duckdb", "filter", "judge"],
  ["log"],
  ["index", "runs", "trace"],
  ["ledger"],
  ["legacy", "fleet", "doctor", "report", "session"],
  ["ui"],
  ["daemon", "demo"],
  ["cli"],
];

/** The sub-rooms of a room, lowest first. Its loose files may stand at any height within it. */
export const SUB_ROOMS: Readonly<Record<string, readonly string[]>> = {
  log: ["format", "event", "codec", "read", "write", "seal", "compact", "archive", "pull"],
  runs: ["manifest", "evidence", "artifacts", "metrics", "directory", "catalog", "upkeep"],
  trace: ["event", "store", "ask", "record"],
  report: ["gather", "page"],
  fleet: ["lake", "bundles", "pull"],
};

/** One import statement or call. */
export interface Import {
  /** A path below the project (`src/log/mod.ts`), or a specifier such as `npm:zod@4`. */
  to: string;
  /** Loaded together with its importer: neither a type nor an `import()`. */
  is_static: boolean;
  /** Leaves nothing behind at run time. */
  is_type: boolean;
}

/** Paths below the project -> what they import. */
export type Modules = ReadonlyMap<string, readonly Import[]>;

interface DenoModule {
  specifier: string;
  dependencies?: {
    code?: { specifier?: string };
    type?: { specifier?: string };
    isDynamic?: boolean;
    specifier: string;
  }[];
}

/** All source files below a folder of the project. */
export function sourcesIn(folder: string): string[] {
  const sources: string[] = [];
  for (const { name, isDirectory } of Deno.readDirSync(join(PROJECT, folder))) {
    const path = `${folder}/${name}`;
    if (isDirectory) sources.push(...sourcesIn(path));
    else if (name.endsWith(".ts")) sources.push(path);
  }
  return sources.sort();
}

function withinProject(specifier: string): string {
  const root = new URL(`file://${PROJECT}`).href;
  return specifier.startsWith(root) ? specifier.slice(root.length) : specifier;
}

/** What a file imports, asked of Deno. */
export async function modulesFrom(root: string): Promise<Modules> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", root],
    cwd: PROJECT,
    env: { NO_COLOR: "1" },
  }).output();
  if (code !== 0) throw new Error(new TextDecoder().decode(stderr));
  const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as { modules: DenoModule[] };
  return new Map(modules.map(({ specifier, dependencies = [] }) => [
    withinProject(specifier),
    dependencies.map(({ code, type, isDynamic, specifier: as_written }) => ({
      to: withinProject(code?.specifier ?? type?.specifier ?? as_written),
      is_static: code !== undefined && !isDynamic,
      is_type: code === undefined,
    })),
  ]));
}

/** Every source file of the program with its imports, whether or not anything imports it. */
export async function allModules(): Promise<Modules> {
  const files = [...sourcesIn("src"), "main.ts"].filter((path) => !path.endsWith(".d.ts"));
  // One entry that imports them all: Deno looks at a single root.
  const entry = Deno.makeTempFileSync({ suffix: ".ts" });
  try {
    const lines = files.map((path) => `import ${JSON.stringify(`file://${PROJECT}${path}`)};`);
    Deno.writeTextFileSync(entry, lines.join("\n"));
    const modules = await modulesFrom(entry);
    return new Map([...modules].filter(([path]) => files.includes(path)));
  } finally {
    Deno.removeSync(entry);
  }
}

/** Everything that is loaded when these are, as far as `follows` lets an import count. */
export function loadedBy(
  modules: Modules,
  roots: readonly string[],
  follows: (from: string, edge: Import) => boolean = (_, edge) => edge.is_static,
): Set<string> {
  const loaded = new Set<string>();
  const open = [...roots];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (loaded.has(path)) continue;
    loaded.add(path);
    for (const edge of modules.get(path) ?? []) if (follows(path, edge)) open.push(edge.to);
  }
  return loaded;
}
