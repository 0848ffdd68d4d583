/** The commands `schema list`, `show`, `register` and `migrate`, as they are used one after another. */
import { assertEquals, assertMatch } from "@std/assert";
import { EVENT_TYPES } from "../../../src/log/mod.ts";
import { runIn, tempFolder } from "../../harness.ts";

const SCHEMA = '{"type":"object","required":["level"],"properties":{"level":{"type":"string"}}}';

Deno.test("a type is registered, listed, shown, emitted, migrated and read", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  Deno.writeTextFileSync(`${dir}/schema.json`, SCHEMA);
  const register = ["schema", "register", "risk.breached"];
  const first = await runIn(dir, [...register, `${dir}/schema.json`, "--description", "too much"]);
  assertEquals([first.code, first.stdout], [0, "registered risk.breached, version 1\n"]);
  const again = await runIn(dir, [...register, "-"], { stdin: SCHEMA });
  assertEquals(again.stdout, "risk.breached is registered with this schema already, version 1\n");

  const rows = JSON.parse((await runIn(dir, ["schema", "list", "--json"])).stdout);
  assertEquals(rows.length, Object.keys(EVENT_TYPES).length + 1);
  assertEquals(rows.at(-1), {
    type: "risk.breached",
    version: 1,
    fields: ["level"],
    records: "too much",
  });
  assertEquals(
    JSON.parse((await runIn(dir, ["schema", "show", "risk.breached"])).stdout).schema,
    JSON.parse(SCHEMA),
  );

  const emit = ["emit", "risk.breached", "--event-data"];
  assertEquals((await runIn(dir, [...emit, '{"level":"low"}'])).code, 0);
  const migrated = await runIn(dir, [
    ...["schema", "migrate", "risk.breached"],
    ...["--rename", "level=severity", "--default", 'desk="main"'],
  ]);
  assertEquals(
    migrated.stdout,
    "risk.breached is now at version 2; older events are read as this version\n",
  );
  assertEquals((await runIn(dir, [...emit, '{"level":"low"}'])).code, 2);
  assertEquals((await runIn(dir, [...emit, '{"severity":"high"}'])).code, 0);
  const { stdout } = await runIn(dir, ["log"]);
  const events = stdout.trim().split("\n").map((line) => JSON.parse(line));
  assertEquals(events.map(({ severity, desk }) => [severity, desk]), [
    ["low", "main"],
    ["high", undefined],
  ]);
});

Deno.test("the list is printed in every format", async () => {
  using folder = tempFolder();
  const list = async (...args: string[]) =>
    (await runIn(folder.path, ["schema", "list", ...args])).stdout;
  assertMatch(await list(), /^type\s+version\s+required fields\s+records\n/);
  assertMatch(
    await list("--format", "csv"),
    /^type,version,fields,records\nrun\.created,1,"run_id, /,
  );
  assertMatch(await list("--format", "markdown"), /^\| type \| version \| required fields \|/);
  assertEquals(
    (await list("--format", "ndjson")).trim().split("\n").length,
    Object.keys(EVENT_TYPES).length,
  );
});

Deno.test("a built-in type's schema is printed, on one line if wanted", async () => {
  using folder = tempFolder();
  const long = (await runIn(folder.path, ["schema", "show", "run.created"])).stdout;
  const short = (await runIn(folder.path, ["schema", "show", "run.created", "--json"])).stdout;
  assertEquals(JSON.parse(long), JSON.parse(short));
  assertEquals([short.trim().includes("\n"), long.trim().includes("\n")], [false, true]);
  assertEquals([...Deno.readDirSync(folder.path)], [], "asking makes nothing");
});

Deno.test("a migration may bring its schema along", async () => {
  using folder = tempFolder();
  await runIn(folder.path, ["schema", "register", "a.b", "-"], { stdin: "{}" });
  const { stdout } = await runIn(
    folder.path,
    ["schema", "migrate", "a.b", "--drop", "x", "--schema", "-", "--json"],
    { stdin: '{"required":["y"]}' },
  );
  assertEquals(JSON.parse(stdout), {
    name: "a.b",
    version: 2,
    schema: { required: ["y"] },
    migrations: [{ version: 2, steps: [{ drop: "x" }] }],
  });
});

Deno.test("a schema that lets no other field pass need not name an event's own", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  const closed =
    '{"type":"object","additionalProperties":false,"properties":{"x":{"type":"number"}}}';
  await runIn(dir, ["schema", "register", "fill.done", "-"], { stdin: closed });
  const emit = (data: string) =>
    runIn(dir, ["emit", "fill.done", "--correlation-id", "c", "--event-data", data]);
  assertEquals((await emit('{"x":1}')).code, 0);
  const other = await emit('{"x":1,"y":2}');
  assertEquals(other.code, 2);
  assertMatch(other.stderr, /y is not a field of this type/);
  assertEquals((await runIn(dir, ["verify", "--deep"])).code, 0);
});

Deno.test("a schema that no event can meet is refused, and its name stays free", async () => {
  using folder = tempFolder();
  const register = (stdin: string) =>
    runIn(folder.path, ["schema", "register", "fill.done", "-"], { stdin });
  const no_object = await register('{"type":"string"}');
  assertEquals(no_object.code, 2);
  assertMatch(no_object.stderr, /its type is "string", and an event is an object/);
  const no_id = await register('{"properties":{"event_id":{"type":"integer"}}}');
  assertEquals(no_id.code, 2);
  assertMatch(no_id.stderr, /no event meets it: event_id is "an id"; it has to be an integer/);
  assertEquals((await register('{"type":["null","object"]}')).code, 0);
});

Deno.test("a version may be another schema alone; a slip in a step is refused", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  await runIn(dir, ["schema", "register", "risk.breached", "-"], { stdin: SCHEMA });
  const migrate = (...args: string[]) =>
    runIn(dir, ["schema", "migrate", "risk.breached", ...args], { stdin: '{"type":"object"}' });
  for (const step of [["--rename", "levle=severity"], ["--drop", "levle"]]) {
    const { code, stderr } = await migrate(...step);
    assertEquals(code, 2);
    assertMatch(stderr, /its schema has no field "levle"\n.*did you mean level\?/);
  }
  assertEquals((await migrate("--drop", "run_id")).code, 2);
  assertEquals(
    (await migrate("--schema", "-")).stdout,
    "risk.breached is now at version 2; older events are read as this version\n",
  );
  assertEquals((await runIn(dir, ["emit", "risk.breached", "--event-data", '{"z":1}'])).code, 0);
});

Deno.test("a file that is not UTF-8 is refused by each command that reads it", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  const path = `${dir}/latin1.json`;
  Deno.writeFileSync(
    path,
    new Uint8Array([...new TextEncoder().encode('{"a":"caf'), 0xe9, 34, 125]),
  );
  for (
    const words of [
      ["schema", "register", "desk.note", path],
      ["artifacts", "put", "r1", "summary", path],
      ["query", "-f", path],
    ]
  ) {
    const { code, stderr } = await runIn(dir, words);
    assertEquals(code, 2, words.join(" "));
    assertMatch(stderr, /latin1\.json: it is not valid UTF-8/);
  }
  Deno.writeTextFileSync(path, '\ufeff{"type":"object"}');
  assertEquals((await runIn(dir, ["schema", "register", "desk.note", path])).code, 0);
});

Deno.test("a schema that no event can meet, and that is registered, costs nothing but its type", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  await runIn(dir, ["schema", "register", "fill.done", "-"], { stdin: '{"type":"object"}' });
  const path = `${dir}/events/_schema.json`;
  const registry = JSON.parse(Deno.readTextFileSync(path));
  registry.event_types["fill.done"].schema = { type: "string" };
  Deno.writeTextFileSync(path, JSON.stringify(registry));
  assertEquals((await runIn(dir, ["emit", "run.started", "--run-id", "r"])).code, 0);
  assertEquals((await runIn(dir, ["verify"])).code, 0);
  assertEquals((await runIn(dir, ["emit", "fill.done"])).code, 2);
  const migrate = ["schema", "migrate", "fill.done", "--schema", "-"];
  assertEquals((await runIn(dir, ["seal", "--accept-registry"])).code, 0);
  assertEquals((await runIn(dir, migrate, { stdin: '{"type":"object"}' })).code, 0);
  assertEquals((await runIn(dir, ["emit", "fill.done"])).code, 0);
});

Deno.test("types of the first system that have no schema are named where types are registered and listed", async () => {
  using folder = tempFolder();
  const dir = folder.path;
  Deno.mkdirSync(`${dir}/events`);
  const types = { "risk.breached": JSON.parse(SCHEMA), "desk.note": "a note" };
  const path = `${dir}/events/_schema.json`;
  Deno.writeTextFileSync(path, JSON.stringify({ version: "1.0.0", event_types: types }));
  const emit = ["emit", "risk.breached", "--event-data", '{"level":"low"}'];
  assertEquals((await runIn(dir, emit)).code, 0);
  const said = /^kept in events\/_schema.json and not registered, .*: desk\.note; to register: /m;
  const registered = await runIn(dir, ["schema", "register", "a.b", "-"], { stdin: SCHEMA });
  assertEquals(registered.code, 0, registered.stderr);
  assertMatch(registered.stderr, said);
  assertMatch((await runIn(dir, ["schema", "list"])).stderr, said);
  assertEquals(JSON.parse(Deno.readTextFileSync(path)).first_system, types);
  await runIn(dir, ["schema", "register", "desk.note", "-"], { stdin: SCHEMA });
  assertEquals((await runIn(dir, ["schema", "list"])).stderr, "");
});
