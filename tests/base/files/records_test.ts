import { IS_FULL } from "../../harness.ts";
import { assert, assertEquals } from "@std/assert";
import { viewOf } from "../../../src/base/bytes.ts";
import { checksum32 } from "../../../src/base/files/checksum.ts";
import { readRecords, RecordGroup } from "../../../src/base/files/records.ts";
import { Random } from "../../laws/random.ts";
import { seededTest } from "../../crash/kills/crash.ts";

const encoder = new TextEncoder();

function encoded(records: readonly string[]): Uint8Array {
  const group = new RecordGroup();
  for (const record of records) {
    const open_text = record.slice(0, -1);
    if (record.endsWith("]")) group.addArray(open_text);
    else group.addObject(open_text);
  }
  return group.take().slice();
}

/** What is read: the texts of records in their order, where they lie, and what is damaged. */
function decoded(bytes: Uint8Array) {
  const all = [...readRecords(bytes)];
  const records = all.filter((each) => each.kind === "record");
  const damage = all.filter((each) => each.kind !== "record");
  return { texts: records.map(({ text }) => text), records, damage };
}

/** Where each record's line begins and where its newline is. */
function linesIn(bytes: Uint8Array): { start: number; newline: number }[] {
  const lines = [];
  for (let start = 0; start < bytes.length;) {
    const newline = bytes.indexOf(10, start);
    lines.push({ start, newline });
    start = newline + 1;
  }
  return lines;
}

function randomRecords(random: Random, count: number): string[] {
  return random.times(count, (index) => {
    const value = random.json();
    return JSON.stringify(random.chance(0.5) ? [index, value] : { [`n${index}`]: value });
  });
}

Deno.test("the checksum is XXH32", () => {
  const of = (text: string) => {
    const bytes = encoder.encode(text);
    return checksum32(viewOf(bytes), 0, bytes.length).toString(16);
  };
  // The values that its specification's reference gives.
  assertEquals(of(""), "2cc5d05");
  assertEquals(of("a"), "550d7456");
  assertEquals(of("123456789"), "937bad67");
  assertEquals(of("Nobody inspects the spammish repetition"), "e2293b2f");
});

seededTest("records come back as they were given, each checked", (seed) => {
  const random = new Random(seed.seed);
  for (let round = 0; round < 50; round++) {
    const records = randomRecords(random, random.below(20));
    const { texts, records: read, damage } = decoded(encoded(records));
    assertEquals(texts, records);
    assertEquals(damage, []);
    assert(read.every(({ is_checked }) => is_checked));
  }
  return Promise.resolve();
});

Deno.test("records larger than the buffer, and longer than a length can say, come back too", () => {
  const records = [
    JSON.stringify(["x".repeat(200_000)]),
    JSON.stringify({ name: "ü".repeat(9_000_000) }),
    JSON.stringify([1, "after it"]),
  ];
  const { texts, damage } = decoded(encoded(records));
  assertEquals(texts.map((text) => text.length), records.map((text) => text.length));
  assert(texts.every((text, index) => text === records[index]));
  assertEquals(damage, []);
});

Deno.test("a line is JSON with one member more, which says its length and checksum", () => {
  const lines = new TextDecoder().decode(encoded(['[17,"FILL"]', '{"stamps":17}'])).split("\n");
  assertEquals(JSON.parse(lines[0]).slice(0, 2), [17, "FILL"]);
  assertEquals(JSON.parse(lines[0])[2].slice(0, 7), "#00000a");
  assertEquals(Object.keys(JSON.parse(lines[1])), ["stamps", "check"]);
});

seededTest(
  "every flipped bit is reported, and every record that it did not hit is read",
  (seed) => {
    const random = new Random(seed.seed);
    for (let round = 0; round < (IS_FULL ? 200 : 5); round++) {
      const records = randomRecords(random, 1 + random.below(5));
      const bytes = encoded(records);
      const lines = linesIn(bytes);
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const at = bit >> 3;
        const flipped = bytes.slice();
        flipped[at] ^= 1 << (bit & 7);
        const { texts, records: read, damage } = decoded(flipped);
        const what = `bit ${bit} of ${new TextDecoder().decode(bytes)}`;
        const expected = records.filter((_, index) =>
          at < lines[index].start || at >= lines[index].newline
        );
        // Where no other record has a check, what lost its own looks like what never had one: that is
        // not for this format to judge, and is said.
        const sure = read.filter(({ is_checked }) => is_checked).map(({ text }) => text);
        assertEquals(sure, expected, what);
        if (records.length > 1) assertEquals(texts, expected, what);
        const is_reported = damage.some(({ offset, bytes }) =>
          at >= offset && at < offset + bytes.length
        );
        assert(is_reported || read.length > sure.length, what);
        if (records.length > 1) {
          assert(
            damage.every(({ kind }) => kind === "corrupt" || at === bytes.length - 1),
            what,
          );
        }
        // Nothing is told twice, and nothing is left out.
        const told = [
          ...read.map(({ size_bytes }) => size_bytes),
          ...damage.map(({ bytes }) => bytes.length),
        ]
          .reduce((sum, size) => sum + size, 0);
        const newlines = flipped.filter((byte) => byte === 10).length;
        assertEquals(told + newlines, bytes.length, what);
      }
    }
    return Promise.resolve();
  },
);

seededTest(
  "a file that ends early holds the records whose newline is there, and a torn end",
  (seed) => {
    const random = new Random(seed.seed);
    for (let round = 0; round < (IS_FULL ? 500 : 20); round++) {
      const records = randomRecords(random, 1 + random.below(6));
      const bytes = encoded(records);
      const lines = linesIn(bytes);
      for (let size = 0; size <= bytes.length; size++) {
        const { texts, damage } = decoded(bytes.subarray(0, size));
        const whole = lines.filter(({ newline }) => newline < size);
        assertEquals(texts, records.slice(0, whole.length));
        const end = (whole.at(-1)?.newline ?? -1) + 1;
        assertEquals(
          damage.map(({ kind, offset, bytes }) => ({ kind, offset, size_bytes: bytes.length })),
          end === size ? [] : [{ kind: "torn", offset: end, size_bytes: size - end }],
        );
      }
    }
    return Promise.resolve();
  },
);

seededTest(
  "of a file with a stretch overwritten every record outside it is read, and nothing false",
  (seed) => {
    const random = new Random(seed.seed);
    for (let round = 0; round < (IS_FULL ? 20_000 : 500); round++) {
      const records = randomRecords(random, 2 + random.below(12));
      const bytes = encoded(records);
      const lines = linesIn(bytes);
      const start = random.below(bytes.length);
      const end = Math.min(bytes.length, start + 1 + random.below(200));
      const damaged = bytes.slice();
      const zeros = random.chance(0.5);
      for (let at = start; at < end; at++) damaged[at] = zeros ? 0 : random.below(256);
      const outside = records.filter((_, index) =>
        lines[index].newline < start || lines[index].start >= end
      );
      const { records: read, damage } = decoded(damaged);
      const sure = read.filter(({ is_checked }) => is_checked).map(({ text }) => text);
      const what = `${start} to ${end} of ${new TextDecoder().decode(bytes)}`;
      assertEquals(sure.filter((text) => outside.includes(text)), outside, what);
      for (const text of sure) assert(records.includes(text), what);
      if (outside.length === 0) continue;
      assertEquals(read.length, sure.length, what);
      const is_changed = damaged.some((byte, at) => byte !== bytes[at]);
      assertEquals(damage.length > 0, is_changed, what);
    }
    return Promise.resolve();
  },
);

Deno.test("a line without a check is corrupt beside one that has it, and unchecked where none has", () => {
  const old = encoder.encode('[1,"a"]\n{"stamps":1}\n');
  assertEquals(
    decoded(old).records.map(({ text, is_checked }) => [text, is_checked]),
    [['[1,"a"]', false], ['{"stamps":1}', false]],
  );
  const mixed = Uint8Array.from([...old, ...encoded(["[2]"])]);
  const { texts, damage } = decoded(mixed);
  assertEquals(texts, ["[2]"]);
  assertEquals(damage.map(({ kind, offset }) => [kind, offset]), [["corrupt", 0], ["corrupt", 8]]);
});
