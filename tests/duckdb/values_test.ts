/** Every kind of value comes out as it is, in every format. */
import { assertEquals } from "@std/assert";
import { runIn, writePart } from "../harness.ts";
import { ledgerFolder, line, sync } from "../index/indexes.ts";

/** SQL, as JSON, and as text in a table or CSV. */
const VALUES: [sql: string, json: string, text: string][] = [
  ["9007199254740993", "9007199254740993", "9007199254740993"],
  [
    "-170141183460469231731687303715884105727::hugeint",
    "-170141183460469231731687303715884105727",
    "-170141183460469231731687303715884105727",
  ],
  ["1.50::decimal(38,2)", "1.50", "1.50"],
  ["0.1::double", "0.1", "0.1"],
  ["'nan'::double", '"NaN"', "NaN"],
  ["'-infinity'::double", '"-Infinity"', "-Infinity"],
  ["null", "null", ""],
  ["true", "true", "true"],
  ["timestamp '2026-01-23 12:00:00.5'", '"2026-01-23 12:00:00.5"', "2026-01-23 12:00:00.5"],
  ["date '2026-01-23'", '"2026-01-23"', "2026-01-23"],
  ["[1::bigint, null]", "[1,null]", "[1,null]"],
  [
    "{'a': 1.50::decimal(4,2), 'b': [date '2026-01-23']}",
    '{"a":1.50,"b":["2026-01-23"]}',
    '{"a":1.50,"b":["2026-01-23"]}',
  ],
  ["map {'k': 9007199254740993}", '{"k":9007199254740993}', '{"k":9007199254740993}'],
  [`'{"a":1.50,"b":1e400}'::json`, '{"a":1.50,"b":1e400}', '{"a":1.50,"b":1e400}'],
  [`['{"a":[1.50]}'::json]`, '[{"a":[1.50]}]', '[{"a":[1.50]}]'],
];

async function asked(dir: string, sql: string, format: string): Promise<string> {
  const { code, stdout, stderr } = await runIn(dir, ["query", sql, "--format", format]);
  assertEquals(code, 0, stderr);
  return stdout;
}

Deno.test("values keep their digits and their form in every format", async () => {
  using folder = ledgerFolder();
  const event = { event_id: "e", event_type: "run.started", timestamp_ms: 1, run_id: "r" };
  writePart(folder.path, { day: "2026-01-23", number: 1, writer: "" }, [line(event)]);
  await sync(folder.path);
  for (const [value, json, text] of VALUES) {
    const sql = `select ${value} as v, 1 as n`;
    assertEquals(await asked(folder.path, sql, "ndjson"), `{"v":${json},"n":1}\n`, value);
    assertEquals(await asked(folder.path, sql, "json"), `[\n  {"v":${json},"n":1}\n]\n`, value);
    const quoted = /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    assertEquals(await asked(folder.path, sql, "csv"), `v,n\n${quoted},1\n`, value);
    const markdown = (await asked(folder.path, sql, "markdown")).split("\n")[2];
    assertEquals(markdown, `| ${text} | 1 |`, value);
    assertEquals(
      (await asked(folder.path, sql, "table")).split("\n")[1].replace(/ *1$/, "").trim(),
      text,
      value,
    );
  }
  const broken = `select '{"a":\n1}'::json as v`;
  assertEquals(await asked(folder.path, broken, "ndjson"), '{"v":{"a": 1}}\n');
});
