/** What each file exports and what other files take from it, read off the text as `deno fmt` lays it out. */
import { join } from "@std/path";

/** A file's text by its path below the project. */
export type Sources = ReadonlyMap<string, string>;

/** An export that no other file takes: `path: name`. */
export type UnusedExport = string;

const DECLARED =
  /^export (?:declare )?(?:abstract )?(?:async )?(?:function\*?|class|const|let|interface|type|enum) (\w+)/gm;
const FROM = /^(import|export)(?: type)? ([^;"]*?) from "([^"]+)"/gm;
const DESTRUCTURED =
  /\{([^{}]*)\}(?::[^=]*)? =\s*(?:\w+\s*\?\s*)?await import\(\s*"([^"]+)",?\s*\)/g;
const NAMESPACED = /(?:const|let) (\w+) = await import\(\s*"([^"]+)",?\s*\)/g;
const MEMBER = /import\(\s*"([^"]+)",?\s*\)\)?\.(?!then\b)(\w+)/g;
const ANY_DYNAMIC = /import\(\s*"([^"]+)",?\s*\)/g;
const THEN = /import\(\s*"([^"]+)",?\s*\)\.then\(\s*\(\{([^}]*)\}\)/g;

/** Comments hold examples of imports, which import nothing. */
function withoutComments(text: string): string {
  return text.replace(/^\s*\/\*[\s\S]*?\*\//gm, "").replace(/^\s*\/\/.*$/gm, "");
}

/** `{ a, type b, c as d }` -> a, b, c with the names they are given. */
function namesIn(clause: string): { name: string; as: string }[] {
  return clause.replace(/^\{|\}$/g, "").split(",")
    .map((piece) => piece.trim().replace(/^type /, "")).filter(Boolean)
    .map((piece) => piece.split(/\s+as\s+|:\s*/))
    .map(([name, as = name]) => ({ name, as }));
}

class ExportGraph {
  /** path -> its names; where a name is another file's, that file and the name there. */
  readonly exported = new Map<string, Map<string, { path: string; name: string } | undefined>>();
  readonly #taken = new Set<string>();

  constructor(readonly sources: Sources) {
    for (const [path, text] of sources) this.exported.set(path, this.#exportsOf(path, text));
  }

  #exportsOf(path: string, text: string) {
    const names = new Map<string, { path: string; name: string } | undefined>();
    for (const [, name] of withoutComments(text).matchAll(DECLARED)) names.set(name, undefined);
    for (const [, word, clause, from] of withoutComments(text).matchAll(FROM)) {
      if (word !== "export" || !clause.startsWith("{")) continue;
      for (const { name, as } of namesIn(clause)) names.set(as, { path: at(path, from), name });
    }
    return names;
  }

  /** A name is taken from a file, and from every file that it comes through. */
  take(path: string, name: string): void {
    const key = `${path}: ${name}`;
    if (this.#taken.has(key)) return;
    this.#taken.add(key);
    const origin = this.exported.get(path)?.get(name);
    if (origin) this.take(origin.path, origin.name);
  }

  takeAll(path: string): void {
    for (const name of this.exported.get(path)?.keys() ?? []) this.take(path, name);
  }

  unused(within: (path: string) => boolean): UnusedExport[] {
    return [...this.exported].filter(([path]) => within(path)).flatMap(([path, names]) =>
      [...names.keys()].map((name) => `${path}: ${name}`)
    ).filter((key) => !this.#taken.has(key)).sort();
  }
}

function at(importer: string, specifier: string): string {
  return specifier.startsWith(".") ? join(importer, "..", specifier) : specifier;
}

/** The exports below `src` that no other file takes. What a door exports is taken by the outside. */
export function unusedExports(sources: Sources, doors: readonly string[]): UnusedExport[] {
  const graph = new ExportGraph(sources);
  for (const path of doors) graph.takeAll(path);
  for (const [path, text] of sources) {
    const code = withoutComments(text);
    for (const [, word, clause, from] of code.matchAll(FROM)) {
      const to = at(path, from);
      const namespace = /^\* as (\w+)$/.exec(clause)?.[1];
      if (namespace) takeMembers(graph, code, namespace, to);
      else if (clause === "*") graph.takeAll(to);
      else if (word === "import") {
        for (const { name } of namesIn(clause.slice(Math.max(0, clause.indexOf("{"))))) {
          graph.take(to, name);
        }
      }
    }
    const rest = code.replace(DESTRUCTURED, (_, clause, from) => {
      for (const { name } of namesIn(clause)) graph.take(at(path, from), name);
      return "";
    }).replace(THEN, (_, from, clause) => {
      for (const { name } of namesIn(clause)) graph.take(at(path, from), name);
      return "";
    }).replace(NAMESPACED, (_, namespace, from) => {
      takeMembers(graph, code, namespace, at(path, from));
      return "";
    }).replace(MEMBER, (_, from, name) => {
      graph.take(at(path, from), name);
      return "";
    });
    // In any other form, a module is taken whole.
    for (const [, from] of rest.matchAll(ANY_DYNAMIC)) graph.takeAll(at(path, from));
  }
  return graph.unused((path) => path.startsWith("src/") && !doors.includes(path));
}

function takeMembers(graph: ExportGraph, code: string, namespace: string, path: string): void {
  for (const [, name] of code.matchAll(new RegExp(`\\b${namespace}\\.(\\w+)`, "g"))) {
    graph.take(path, name);
  }
}
