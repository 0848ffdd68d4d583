/** Recipes that read results and traces with programs of others. */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { openLedger } from "../../../src/mod.ts";
import { IS_FULL, tempFolder } from "../../harness.ts";
import { putLab, RECIPES, recipeTest, recipeText, runScript, works } from "./recipes.ts";

/** What the program itself says of the lab's runs, best first. */
async function rankedIn(folder: string): Promise<[run_id: string, average: number][]> {
  await using ledger = await openLedger({
    dir: join(folder, "data/ledger"),
    runs_dir: join(folder, "runs"),
  });
  await ledger.runs.sync();
  const ranked = await ledger.runs.rank({ by: "avg_return_bps" });
  return ranked.map(({ run_id, value }) => [String(run_id), Number(value)]);
}

/** Runs and their averages, off a table that a program printed. */
function averagesIn(printed: string): [string, number][] {
  return [...printed.matchAll(/([a-z]+-stop)\W.*?(-?\d+\.\d+)\s*\W*$/gm)]
    .map(([, run_id, average]) => [run_id, Number(average)]);
}

Deno.test("the results-duckdb.sql recipe does what it says", async () => {
  using folder = tempFolder();
  await putLab(folder.path);
  const { DuckDBInstance } = await import("@duckdb/node-api");
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  const sql = recipeText("results-duckdb.sql").replace("'runs/", `'${folder.path}/runs/`);
  const rows = await (await connection.runAndReadAll(sql)).getRowObjectsJS();
  connection.closeSync();
  instance.closeSync();
  const ranked = await rankedIn(folder.path);
  assertEquals(rows.map(({ run_id, avg_return_bps }) => [run_id, avg_return_bps]), ranked);
});

/** A Python with the recipes' packages from PyPI, made anew for the full size of the tests. */
const fresh = tempFolder();
const fresh_python = join(fresh.path, "bin/python");
addEventListener("unload", () => fresh[Symbol.dispose]());
if (IS_FULL) {
  const install = ["-m", "pip", "install", "-q", "--disable-pip-version-check"];
  const packages = ["pandas", "pyarrow", "polars"];
  const is_made = works("python3", ["-m", "venv", fresh.path]) &&
    works(fresh_python, [...install, ...packages]);
  if (!is_made) console.log("left out: packages from PyPI, since it cannot be reached from here");
}

/** A Python that has these packages: the fresh one, the one on the PATH, or the system's. */
function pythonWith(...packages: string[]): { python: string; what: string; is_there: boolean } {
  const has = (python: string) => works(python, ["-c", `import ${packages.join(", ")}`]);
  const python = [fresh_python, "python3", "/usr/bin/python3"].find(has);
  return {
    python: python ?? "",
    what: `Python with ${packages.join(" and ")}`,
    is_there: python !== undefined,
  };
}

const READERS: readonly [name: string, packages: string[]][] = [
  ["results-pandas.py", ["pandas", "pyarrow"]],
  ["query-pandas.py", ["pandas"]],
  ["results-polars.py", ["polars"]],
];

for (const [name, packages] of READERS) {
  const needs = pythonWith(...packages);
  recipeTest(name, needs, async () => {
    using folder = tempFolder();
    await putLab(folder.path);
    const ranked = await rankedIn(folder.path);
    const script = join(RECIPES, name);
    const { code, stdout, stderr } = await runScript(folder.path, needs.python, [script]);
    assertEquals(code, 0, stderr);
    assertEquals(averagesIn(stdout), ranked, stdout);
  });
}

recipeTest("trace-jaeger.sh", "curl", async () => {
  using folder = tempFolder();
  await putLab(folder.path);
  const received: { path: string; type: string | null; body: string }[] = [];
  const collector = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (asked) => {
    const { pathname: path } = new URL(asked.url);
    received.push({ path, type: asked.headers.get("content-type"), body: await asked.text() });
    return Response.json({ partialSuccess: {} });
  });
  const script = join(RECIPES, "trace-jaeger.sh");
  const { code, stderr } = await runScript(folder.path, "sh", [script, "tight-stop"], {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.addr.port}`,
  });
  await collector.shutdown();
  assertEquals(code, 0, stderr);
  const [{ path, type, body }] = received;
  assertEquals([path, type, received.length], ["/v1/traces", "application/json", 1]);
  const request = JSON.parse(body);
  const spans = request.resourceSpans.flatMap(({ scopeSpans }: Scoped) =>
    scopeSpans.flatMap(({ spans }) => spans)
  ) as Span[];
  assert(spans.length > 1_000);
  const ids = new Set(spans.map(({ spanId }) => spanId));
  assertEquals(new Set(spans.map(({ traceId }) => traceId)).size, 1, "one run is one trace");
  for (const { parentSpanId } of spans) assert(!parentSpanId || ids.has(parentSpanId));
  assertEquals(
    spans.filter(({ parentSpanId }) => !parentSpanId).map(({ name }) => name).at(0),
    "SIGNAL",
  );
});

interface Scoped {
  scopeSpans: { spans: Span[] }[];
}

interface Span {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
}
