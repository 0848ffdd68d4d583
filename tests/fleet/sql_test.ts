/** The lines that other engines are given: what they name, and what they do not hold. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ENGINES } from "../../src/fleet/engines.ts";
import { LAKE_TABLES } from "../../src/fleet/lake/lake.ts";
import { memoryFolder, runIn } from "../harness.ts";
import { URL_OF_LAB } from "./fleets.ts";

const AT = ["s3://lab/a.b/c", "--endpoint", "http://127.0.0.1:7480"];

Deno.test("an engine's lines open every table and events_once, and hold no key; no key is needed to print them", async () => {
  using folder = memoryFolder();
  const vars = { AWS_ACCESS_KEY_ID: "THE-ID", AWS_SECRET_ACCESS_KEY: "THE-SECRET" };
  for (const engine of ENGINES) {
    const { code, stdout } = await runIn(folder.path, ["fleet", "sql", engine, ...AT], { vars });
    assertEquals(code, 0);
    assert(!/THE-(ID|SECRET)/.test(stdout), stdout);
    for (const { name } of LAKE_TABLES) assert(new RegExp(`\\b${name}\\b`).test(stdout), name);
    assertStringIncludes(stdout, "lab/a.b/c/lake/");
    assertStringIncludes(stdout, "events_once");
    const without = await runIn(folder.path, ["fleet", "sql", engine, ...AT]);
    assertEquals(without.stdout, stdout);
    const json = await runIn(folder.path, ["fleet", "sql", engine, ...AT, "--json"]);
    assertEquals(JSON.parse(json.stdout), { engine, lines: stdout });
  }
});

Deno.test("ClickHouse is given the store's own URL: of s3:// it would make that of another store", async () => {
  using folder = memoryFolder();
  const { stdout } = await runIn(folder.path, ["fleet", "sql", "clickhouse", ...AT]);
  assertStringIncludes(stdout, "deltaLake('http://127.0.0.1:7480/lab/a.b/c/lake/events/')");
  assert(!stdout.includes("s3://"), stdout);
});

Deno.test("a store with TLS is read with TLS, one on this machine without", async () => {
  using folder = memoryFolder();
  const tls = ["s3://lab", "--endpoint", "https://s3.example.org"];
  const said = {
    spark: ['ssl.enabled": "true"', 'ssl.enabled": "false"'],
    duckdb: ["'s3.example.org', USE_SSL true", "'127.0.0.1:7480', USE_SSL false"],
    polars: ['"AWS_ALLOW_HTTP": "false"', '"AWS_ALLOW_HTTP": "true"'],
  };
  for (const [engine, [with_tls, without]] of Object.entries(said)) {
    const lines = async (at: string[]) =>
      (await runIn(folder.path, ["fleet", "sql", engine, ...at])).stdout;
    assertStringIncludes(await lines(tls), with_tls);
    assertStringIncludes(await lines(AT), without);
  }
});

Deno.test("policies of a box, a fold job and a reader are printed to be read, and as one line for programs", async () => {
  using folder = memoryFolder();
  const words = ["fleet", "init", URL_OF_LAB, "--print-policy"];
  const [read, line] = [
    await runIn(folder.path, words),
    await runIn(folder.path, [...words, "--json"]),
  ];
  assertEquals(JSON.parse(read.stdout), JSON.parse(line.stdout));
  assertEquals(Object.keys(JSON.parse(read.stdout)), ["box", "fold", "reader"]);
  assert(read.stdout.split("\n").every(({ length }) => length <= 100), read.stdout);
  assertEquals(line.stdout.trimEnd().split("\n").length, 1);
});

Deno.test("an engine that is not known, and a fleet that is not named, are refused with what there is", async () => {
  using folder = memoryFolder();
  const unknown = await runIn(folder.path, ["fleet", "sql", "trino", ...AT]);
  assertEquals(unknown.code, 2);
  for (const engine of ENGINES) assertStringIncludes(unknown.stderr, engine);
  const nowhere = await runIn(folder.path, ["fleet", "sql", "duckdb"]);
  assertEquals(nowhere.code, 2);
  assertStringIncludes(nowhere.stderr, "this box is in no fleet");
  const no_address = await runIn(folder.path, ["fleet", "sql", "duckdb", "lab"]);
  assertEquals(no_address.code, 2);
  assertStringIncludes(no_address.stderr, `"lab" is no address of a fleet`);
});
