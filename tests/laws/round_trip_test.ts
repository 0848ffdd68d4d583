/** What is emitted is what is read, and what is given as text stays that text. */
import { assertEquals } from "@std/assert";
import { type JsonObject, type LogRecord, openLedger } from "../../src/mod.ts";
import { inputOf, linesOnDisk, tempFolder } from "../harness.ts";
import { type Random, withSeed } from "./random.ts";

const EVENTS = 500;
const IDENTITY = ["event_id", "event_type", "timestamp_ms", "run_id", "event_version"];
const COMMON = ["correlation_id", "causation_id"];

function randomEvent(random: Random, index: number): JsonObject {
  return {
    ...random.object(),
    event_id: `e${index}`,
    event_type: "run.completed",
    timestamp_ms: 1_700_000_000_000 + random.below(1e11),
    run_id: `r${random.below(5)}`,
    summary: random.object(4),
    artifact_paths: random.object(),
  };
}

/** JSON text of a value with everything that JSON leaves free made at random. */
function randomText(random: Random, value: unknown): string {
  const blank = () => random.chance(0.2) ? random.pick([" ", "\t", "  ", "\r"]) : "";
  const list = (open: string, items: string[], close: string) =>
    `${open}${blank()}${items.join(`${blank()},${blank()}`)}${blank()}${close}`;
  if (typeof value === "number") return randomNumber(random, value);
  if (typeof value === "string") return randomString(random, value);
  if (Array.isArray(value)) return list("[", value.map((item) => randomText(random, item)), "]");
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value).map(([key, member]) =>
      `${IDENTITY.includes(key) ? JSON.stringify(key) : randomString(random, key)}${blank()}:` +
      `${blank()}${randomText(random, member)}`
    );
    return list("{", members, "}");
  }
  return JSON.stringify(value);
}

function randomNumber(random: Random, value: number): string {
  const text = JSON.stringify(value);
  if (/^-?\d+\.\d+$/.test(text)) return text + "0".repeat(random.below(3));
  if (/^\d+$/.test(text)) return random.pick([text, `${text}.0`, `${text}e0`, `${text}E+00`]);
  return text;
}

function randomString(random: Random, value: string): string {
  const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  const characters = [...value].map((character) =>
    random.chance(0.2)
      ? character.split("").map(escaped).join("")
      : JSON.stringify(character).slice(1, -1)
  );
  return `"${characters.join("")}"`;
}

async function readBack(records: AsyncIterable<LogRecord>): Promise<Map<string, JsonObject>> {
  const events = new Map<string, JsonObject>();
  for await (const record of records) {
    if (record.kind === "event") events.set(record.event.event_id, record.event);
  }
  return events;
}

Deno.test("every event that is emitted is read back as it was", () =>
  withSeed(async (random) => {
    using folder = tempFolder();
    await using ledger = await openLedger({ dir: folder.path, part_bytes_max: 20_000 });
    const events = random.times(EVENTS, (index) => randomEvent(random, index));
    await Promise.all(events.map((event) => ledger.emit(event)));
    const read = await readBack(ledger.read());
    for (const event of events) {
      // Through JSON once, since that is what an event is: there minus zero is zero.
      const given = JSON.parse(JSON.stringify(event));
      assertEquals(read.get(event.event_id as string), given);
    }
    assertEquals(read.size, EVENTS);
    assertEquals((await ledger.verify({ deep: true })).findings, []);
  }));

Deno.test("an event given as text is on the disk as that text, and in the stream too", () =>
  withSeed(async (random) => {
    using one = tempFolder();
    using other = tempFolder();
    await using by_line = await openLedger({ dir: one.path });
    await using by_stream = await openLedger({ dir: other.path });
    const texts = random.times(EVENTS, (index) => {
      const event = { ...randomEvent(random, index), timestamp_ms: 1_769_174_319_945 + index };
      for (const field of COMMON) delete (event as JsonObject)[field];
      return randomText(random, event);
    });
    await Promise.all(texts.map((text) => by_line.emitLine(text)));
    await by_stream.emitStream(inputOf(texts.join("\n")));
    const lines = [linesOnDisk(one.path), linesOnDisk(other.path)];
    for (const [index, text] of texts.entries()) {
      // Line breaks between the words are all that has to give way in a file of lines.
      const expected = text.replace(/\r+/g, " ").trim();
      assertEquals([lines[0][index], lines[1][index]], [expected, expected]);
    }
    assertEquals([lines[0].length, lines[1].length], [EVENTS, EVENTS]);
  }));
