import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { LedgerError } from "../../../src/base/error.ts";
import {
  type CustomType,
  type MigrationStep,
  readRegistry,
} from "../../../src/log/event/registry.ts";
import { migrateType, registerType } from "../../../src/log/seal/registry_change.ts";
import { openLedger } from "../../../src/mod.ts";
import { linesOnDisk, runIn, tempFolder, testWorld } from "../../harness.ts";

const world = testWorld();
const SCHEMA = { type: "object", required: ["level"], properties: { level: { enum: ["low"] } } };

function registryPath(dir: string): string {
  return join(dir, "events", "_schema.json");
}

function putRegistry(dir: string, text: string): void {
  Deno.mkdirSync(join(dir, "events"), { recursive: true });
  Deno.writeTextFileSync(registryPath(dir), text);
}

Deno.test("a registered type is there for the next that opens the ledger", async () => {
  using folder = tempFolder();
  const { changed, type } = await registerType(
    world,
    folder.path,
    "risk.breached",
    SCHEMA,
    "too much",
  );
  assertEquals([changed, type.version, type.description], [true, 1, "too much"]);
  const registry = readRegistry(world, folder.path);
  assertEquals(registry.types.get("risk.breached"), type);
  assert(registry.names().includes("risk.breached") && registry.names().includes("run.created"));
});

Deno.test("registering the same again changes nothing, not even the file", async () => {
  using folder = tempFolder();
  await registerType(world, folder.path, "risk.breached", SCHEMA);
  const before = Deno.statSync(registryPath(folder.path));
  const { changed } = await registerType(world, folder.path, "risk.breached", { ...SCHEMA });
  const after = Deno.statSync(registryPath(folder.path));
  assertEquals([changed, after.ino], [false, before.ino]);
});

Deno.test("registering it with another schema is refused, and says how to go on", async () => {
  using folder = tempFolder();
  await registerType(world, folder.path, "risk.breached", SCHEMA);
  const error = await assertRejects(
    () => registerType(world, folder.path, "risk.breached", { type: "object" }),
    LedgerError,
    "it is registered with another schema (version 1)",
  );
  assertMatch(error.hint!, /ledger schema migrate risk\.breached/);
});

Deno.test("names and schemas that cannot be are refused, and nothing is made", async () => {
  using folder = tempFolder();
  const refused: [string, unknown, string][] = [
    ["run.created", {}, "it is a built-in type"],
    ["", {}, "a type's name is words"],
    ["1.a", {}, "a type's name is words"],
    ["a..b", {}, "a type's name is words"],
    ["a b", {}, "a type's name is words"],
    ["__proto__", {}, "a type's name is words"],
    ["a".repeat(101), {}, "a type's name is words"],
    ["a.b", [], "the schema is []"],
    ["a.b", { anyOf: [] }, 'uses the keyword "anyOf"'],
    ["a.b", JSON.parse(`${'{"items":'.repeat(50_000)}{}${"}".repeat(50_000)}`), "nests too deep"],
  ];
  for (const [name, schema, message] of refused) {
    await assertRejects(() => registerType(world, folder.path, name, schema), LedgerError, message);
  }
  assertEquals([...Deno.readDirSync(folder.path)], []);
});

Deno.test("old events are read as the new version; the log is not touched", async () => {
  using folder = tempFolder();
  await using ledger = await openLedger({ dir: folder.path });
  await ledger.registerType("risk.breached", SCHEMA);
  await ledger.emit({ event_type: "risk.breached", level: "low", old: 1, event_id: "a" });
  const before = linesOnDisk(folder.path);
  const steps: MigrationStep[] = [
    { rename: "level", to: "severity" },
    { default: "desk", value: "main" },
    { drop: "old" },
  ];
  const migrated = await ledger.migrateType("risk.breached", steps);
  assertEquals(migrated.version, 2);
  await ledger.emit({ event_type: "risk.breached", severity: "low", desk: "x", event_id: "b" });
  assertEquals(linesOnDisk(folder.path)[0], before[0]);
  const events = [];
  for await (const record of ledger.read()) {
    if (record.kind === "event") events.push(ledger.registry.upcast(record.event));
  }
  assertEquals(
    events.map((
      { event_id, level, severity, desk, old, event_version },
    ) => [event_id, level, severity, desk, old, event_version]),
    [["a", undefined, "low", "main", undefined, 2], ["b", undefined, "low", "x", undefined, 2]],
  );
});

Deno.test("the schema after a migration is the old one with its steps applied", async () => {
  using folder = tempFolder();
  await registerType(world, folder.path, "a.b", {
    required: ["x", "y"],
    properties: { x: { type: "string" }, y: { type: "number" } },
    additionalProperties: false,
  });
  const { schema } = await migrateType(world, folder.path, "a.b", [
    { rename: "x", to: "z" },
    { drop: "y" },
    { default: "w", value: 1 },
  ]);
  assertEquals(schema, {
    required: ["z"],
    properties: { z: { type: "string" }, w: {} },
    additionalProperties: false,
  });
});

Deno.test("several versions are upcast one after the other, from wherever an event stands", async () => {
  using folder = tempFolder();
  await registerType(world, folder.path, "a.b", {});
  await migrateType(world, folder.path, "a.b", [{ rename: "x", to: "y" }]);
  await migrateType(world, folder.path, "a.b", [{ rename: "y", to: "z" }, {
    default: "n",
    value: 0,
  }]);
  const registry = readRegistry(world, folder.path);
  const upcast = (fields: Record<string, unknown>) =>
    registry.upcast({ event_id: "e", event_type: "a.b", timestamp_ms: 1, ...fields });
  assertEquals(upcast({ x: 1 }).z, 1);
  assertEquals(upcast({ y: 1, event_version: 2 }).z, 1);
  assertEquals(upcast({ x: 1, event_version: 2 }).x, 1);
  const present = { event_id: "e", event_type: "a.b", timestamp_ms: 1, z: 1, event_version: 3 };
  assert(registry.upcast(present) === present);
  const of_the_future = { ...present, event_version: 9 };
  assert(registry.upcast(of_the_future) === of_the_future);
  const other = { ...present, event_type: "run.started" };
  assert(registry.upcast(other) === other);
  // A field that is there already is not overwritten by a rename.
  assertEquals(upcast({ z: 7, x: 1 }), { ...present, z: 7, y: 1, n: 0 });
});

Deno.test("a migration that touches what identifies an event is refused", async () => {
  using folder = tempFolder();
  await registerType(world, folder.path, "a.b", {});
  const refused: [MigrationStep[], string][] = [
    [[], "no step was given"],
    [[{ rename: "event_id", to: "x" }], 'a step may not touch "event_id"'],
    [[{ rename: "x", to: "event_type" }], 'a step may not touch "event_type"'],
    [[{ drop: "timestamp_ms" }], 'a step may not touch "timestamp_ms"'],
    [[{ default: "event_version", value: 1 }], 'a step may not touch "event_version"'],
    [[{ drop: "" }], 'a step may not touch ""'],
  ];
  for (const [steps, message] of refused) {
    await assertRejects(() => migrateType(world, folder.path, "a.b", steps), LedgerError, message);
  }
  await assertRejects(
    () => migrateType(world, folder.path, "run.created", [{ drop: "x" }]),
    LedgerError,
    "it is a built-in type",
  );
  const unknown = await assertRejects(
    () => migrateType(world, folder.path, "c.d", [{ drop: "x" }]),
    LedgerError,
    "no such type is registered",
  );
  assertEquals(unknown.hint, "registered are: a.b");
});

Deno.test("a registry of a newer version is refused by name, by every command", async () => {
  using folder = tempFolder();
  putRegistry(folder.path, '{"registry_version":3,"event_types":{},"something":"new"}');
  const error = assertThrows(() => readRegistry(world, folder.path), LedgerError);
  assertEquals(error.code, "newer_format");
  for (
    const args of [["log"], ["status"], ["verify"], ["schema", "list"], [
      "emit",
      "run.started",
      "--run-id",
      "r",
    ]]
  ) {
    const { code, stderr, stdout } = await runIn(folder.path, args);
    assertEquals([code, stdout], [1, ""], args.join(" "));
    assertMatch(stderr, /its registry is of version 3, and this program knows version 2/);
  }
  await assertRejects(() => registerType(world, folder.path, "a.b", {}), LedgerError, "version 3");
  assertMatch(Deno.readTextFileSync(registryPath(folder.path)), /"something":"new"/);
});

Deno.test("a damaged registry is an error with its path, whatever is wrong with it", () => {
  using folder = tempFolder();
  const type = (fields: string) => `{"registry_version":1,"event_types":{"a.b":{${fields}}}}`;
  const damaged = [
    "",
    "{",
    "null",
    "[]",
    "5",
    '"text"',
    '{"registry_version":"one"}',
    '{"registry_version":1}',
    '{"registry_version":1,"event_types":null}',
    '{"registry_version":1,"event_types":[]}',
    '{"registry_version":1,"event_types":{"a.b":null}}',
    type('"schema":{},"migrations":[]'),
    type('"version":1.5,"schema":{},"migrations":[]'),
    type('"version":1,"schema":{}'),
    type('"version":2,"schema":{},"migrations":[null]'),
    type('"version":2,"schema":{},"migrations":[{"version":2,"steps":"x"}]'),
    type('"version":2,"schema":{},"migrations":[{"version":2,"steps":[null]}]'),
    type('"version":2,"schema":{},"migrations":[{"version":2,"steps":[{"rename":"x"}]}]'),
  ];
  for (const text of damaged) {
    putRegistry(folder.path, text);
    const error = assertThrows(() => readRegistry(world, folder.path), LedgerError, "", text);
    assertEquals([error.code, error.where?.path], ["damaged", registryPath(folder.path)], text);
  }
  putRegistry(folder.path, type('"version":1,"schema":{"anyOf":[]},"migrations":[]'));
  assertThrows(() => readRegistry(world, folder.path), LedgerError, 'the keyword "anyOf"');
});

Deno.test("a registry of the earlier system is read as an empty one, and keeps what it says", async () => {
  using folder = tempFolder();
  for (
    const foreign of ['{"version":"1.0.0","schemas":{"x":1}}', '{"version":1,"schemas":{"x":1}}']
  ) {
    putRegistry(folder.path, foreign);
    assertEquals(readRegistry(world, folder.path).types.size, 0);
  }
  await registerType(world, folder.path, "a.b", {});
  const file = JSON.parse(Deno.readTextFileSync(registryPath(folder.path)));
  assertEquals([file.schemas, file.registry_version], [{ x: 1 }, 2]);
  assertEquals(readRegistry(world, folder.path).types.has("a.b"), true);
});

Deno.test("types of the earlier system's registry are registered where they have a schema, and all are kept", async () => {
  using folder = tempFolder();
  const required = { type: "object", required: ["level"] };
  const event_types = {
    "run.created": { required_fields: ["run_id"] },
    "risk.breached": { version: "1.0.0", description: "too much", schema: required },
    "desk.note": { version: 1, ...required },
    "fill.seen": { required_fields: ["px"] },
    "odd.one": { anyOf: [] },
    "plain.one": "a sentence",
    "not a name": required,
  };
  const foreign = { version: "1.0.0", event_types, owner: "lab" };
  putRegistry(folder.path, JSON.stringify(foreign));
  const names = ["risk.breached", "desk.note", "fill.seen"];
  const expectRead = (more: string[] = []) => {
    const { types, unregistered } = readRegistry(world, folder.path);
    assertEquals([...types.keys()], [...names, ...more]);
    assertEquals(unregistered, ["odd.one", "plain.one", "not a name"]);
    assertEquals(types.get("risk.breached"), {
      version: 1,
      description: "too much",
      schema: required,
      migrations: [],
    });
    assertEquals(types.get("desk.note")?.schema, required);
    assertEquals(types.get("fill.seen")?.schema, { type: "object", required: ["px"] });
  };
  expectRead();
  await registerType(world, folder.path, "a.b", {});
  expectRead(["a.b"]);
  const file = JSON.parse(Deno.readTextFileSync(registryPath(folder.path)));
  assertEquals([file.first_system, file.owner], [event_types, "lab"]);
});

Deno.test("calls that register at the same time do not lose each other's types", async () => {
  using folder = tempFolder();
  const names = Array.from({ length: 20 }, (_, index) => `type.n${index}`);
  await Promise.all(names.map((name) => registerType(testWorld(), folder.path, name, {})));
  const types: ReadonlyMap<string, CustomType> = readRegistry(world, folder.path).types;
  assertEquals([...types.keys()].toSorted(), names.toSorted());
});

Deno.test("a change of the registry waits for the one that is under way", async () => {
  using folder = tempFolder();
  putRegistry(folder.path, '{"registry_version":1,"event_types":{}}');
  const lock = Deno.openSync(join(folder.path, "events", ".schema.lock"), {
    read: true,
    write: true,
    create: true,
  });
  lock.lockSync(true);
  const registered = registerType(world, folder.path, "late.type", {});
  // Turns of the event loop, in which a caller that does not wait would be done.
  for (let turn = 0; turn < 5; turn++) await Deno.stat(folder.path);
  const of_the_other = '{"version":1,"schema":{},"migrations":[]}';
  putRegistry(folder.path, `{"registry_version":1,"event_types":{"first.type":${of_the_other}}}`);
  lock.close();
  await registered;
  const { types } = readRegistry(world, folder.path);
  assertEquals([...types.keys()], ["first.type", "late.type"]);
});
