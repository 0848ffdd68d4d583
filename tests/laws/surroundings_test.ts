/** Nothing outside `src/base` touches the clock, random numbers or the file system by itself. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { PROJECT } from "../harness.ts";
import { sourcesIn } from "./modules.ts";

const FILE_CALLS = [
  ...["open", "create", "readFile", "readTextFile", "writeFile", "writeTextFile", "readDir"],
  ...["stat", "lstat", "mkdir", "remove", "rename", "truncate", "copyFile", "chmod", "chown"],
  ...["symlink", "link", "readLink", "realPath", "makeTempDir", "makeTempFile", "utime"],
];

const LISTENING = /\bDeno\.(listen|serve|upgrade)|["']node:(net|http|https|tls|dgram)["']/;

const FORBIDDEN: readonly [what: string, pattern: RegExp][] = [
  ["the wall clock", /\bDate\.now\b|\bnew Date\(\s*\)|\bTemporal\.Now\b/],
  ["a stopwatch", /\bperformance\.(now|mark|measure)\b/],
  ["random numbers", /\bMath\.random\b|\bcrypto\.(randomUUID|getRandomValues)\b/],
  ["a file call", new RegExp(`\\bDeno\\.(${FILE_CALLS.join("|")})(Sync)?\\b`)],
  ["a watch on files", /\bDeno\.(watchFs|FsFile)\b/],
  ["Node's file calls", /["']node:fs(\/promises)?["']/],
  ["a timer", /\bset(Timeout|Interval)\(/],
  ["a socket", LISTENING],
];

/** The code of a file, without comments: those may talk about anything. */
function codeOf(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, " "))
    .replace(/(^|\s)\/\/.*$/gm, "$1");
}

function violations(path: string, text: string): string[] {
  return codeOf(text).split("\n").flatMap((line, index) =>
    FORBIDDEN.filter(([, pattern]) => pattern.test(line))
      .map(([what]) => `${path}:${index + 1} touches ${what}: ${line.trim()}`)
  );
}

Deno.test("only src/base touches the clock, random numbers and files", () => {
  const outside = sourcesIn("src").filter((path) => !path.startsWith("src/base/"));
  const found = outside.flatMap((path) =>
    violations(path, Deno.readTextFileSync(join(PROJECT, path)))
  );
  assertEquals(found, []);
});

Deno.test("only src/base/http listens", () => {
  const listens = sourcesIn("src").filter((path) => {
    return LISTENING.test(codeOf(Deno.readTextFileSync(join(PROJECT, path))));
  });
  assertEquals(listens, ["src/base/http/server.ts"]);
});

Deno.test("the rule about surroundings would see each of them, and not a comment", () => {
  const bad = [
    "const now = Date.now();",
    "const now = new Date();",
    "const now = performance.now();",
    "const dice = Math.random();",
    "const id = crypto.randomUUID();",
    "Deno.readTextFileSync(path);",
    "await Deno.stat(path);",
    'import { readFileSync } from "node:fs";',
    "setTimeout(() => {}, 1);",
    "Deno.serve(() => new Response());",
    'import { createServer } from "node:http";',
  ];
  for (const line of bad) assertEquals(violations("x.ts", line).length, 1, line);
  const good = [
    "// Date.now() is for base",
    "/** Math.random() and\n * Deno.openSync() too */",
    "new Date(ms).toISOString();",
    "world.now_ms();",
    "Deno.errors.NotFound;",
    'const see = "https://example.org";',
  ];
  for (const line of good) assertEquals(violations("x.ts", line), [], line);
});
