/** Patterns of event types, on the executable: none holds up a writer, and a ledger with an old one goes on. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { type Bench, binaryTest } from "./binary.ts";
import { shell, survives } from "./hostile.ts";

const SLOW = { properties: { a: { type: "string", pattern: "^(a+)+$" } } };
const REFUSED = { properties: { a: { type: "string", pattern: "^(?=a)(a+)+$" } } };

function putSchema({ folder }: Bench, schema: unknown): void {
  Deno.writeTextFileSync(join(folder, "schema.json"), JSON.stringify(schema));
}

/** What an earlier version registered. */
function putRegistry({ folder }: Bench, event_types: Record<string, unknown>): void {
  const events = join(folder, "data/ledger/events");
  Deno.mkdirSync(events, { recursive: true });
  const text = JSON.stringify({ registry_version: 1, event_types });
  Deno.writeTextFileSync(join(events, "_schema.json"), text);
}

binaryTest(
  "an event whose pattern an engine would backtrack over for ever is judged at once",
  async (bench) => {
    putSchema(bench, SLOW);
    assertEquals((await survives(bench, "schema register a.slow schema.json")).code, 0);
    const emit = (a: string) => {
      Deno.writeTextFileSync(
        join(bench.folder, "event.json"),
        `{"event_type":"a.slow","a":"${a}"}\n`,
      );
      return survives(bench, "emit --stdin < event.json");
    };
    assertEquals((await emit("a".repeat(1_000_000))).code, 0);
    const { code, stderr } = await emit(`${"a".repeat(1_000_000)}!`);
    assertEquals(code, 2);
    assertStringIncludes(stderr, "it has to match /^(a+)+$/u");
  },
);

binaryTest(
  "a pattern that no automaton can follow is refused when it is registered, with the reason",
  async (bench) => {
    putSchema(bench, REFUSED);
    const { code, stderr } = await survives(bench, "schema register a.slow schema.json");
    assertEquals(code, 2);
    assertStringIncludes(stderr, '"(?=" looks ahead or behind');
  },
);

binaryTest(
  "a type that was registered with one before: its events are read, and none is emitted until it gets another",
  async (bench) => {
    const type = { version: 1, schema: REFUSED, migrations: [] };
    putRegistry(bench, { "a.old": type, "b.fine": { version: 1, schema: SLOW, migrations: [] } });
    const day = join(bench.folder, "data/ledger/events/day=2026-01-23");
    Deno.mkdirSync(day);
    const old = `{"event_id":"e1","event_type":"a.old","timestamp_ms":${
      Date.UTC(2026, 0, 23)
    },"a":"x"}`;
    Deno.writeTextFileSync(join(day, "part-000001.jsonl"), `${old}\n`);
    const emit = (type: string) => survives(bench, `emit ${type} --event-data '{"a":"aa"}'`);
    const { code, stderr } = await emit("a.old");
    assertEquals(code, 2);
    assertStringIncludes(stderr, "cannot emit this a.old event");
    assertStringIncludes(stderr, "looks ahead or behind");
    assertStringIncludes(stderr, "ledger schema migrate a.old --schema FILE");
    assertEquals((await emit("b.fine")).code, 0);
    assertStringIncludes((await survives(bench, "log --type a.old")).stdout, '"event_id":"e1"');
    const doctor = await shell(bench, `"$B" doctor --json`);
    const types = JSON.parse(doctor.stdout).checks
      .find(({ name }: { name: string }) => name === "event types");
    assertEquals(types.ok, false);
    assertStringIncludes(types.found, "of these no event is emitted: a.old");
    putSchema(bench, SLOW);
    const migrated = await survives(bench, "schema migrate a.old --schema schema.json");
    assertEquals(migrated.code, 0, migrated.stderr);
    assertEquals((await emit("a.old")).code, 0);
  },
);
