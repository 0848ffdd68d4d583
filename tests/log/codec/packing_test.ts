/** Lines -> columns -> lines: every byte comes back, and columns say what the lines say. */
import { assert, assertEquals } from "@std/assert";
import { asLedgerError } from "../../../src/base/error.ts";
import { event_bytes_max } from "../../../src/base/limits.ts";
import { fieldsAreRight, type LedgerEvent } from "../../../src/log/event/event.ts";
import { validate } from "../../../src/log/event/validate.ts";
import { linesOf } from "../../../src/base/files/lines.ts";
import { unpackLines } from "../../../src/log/codec/unpacking.ts";
import { TEMPLATE_COLUMNS } from "../../../src/log/codec/line_template.ts";
import { memoryFolder } from "../../harness.ts";
import { LineMaker } from "../../index/lines.ts";
import { type Random, withSeed } from "../../laws/random.ts";
import { allRows, asDuckdbShows, duckdbRows, memoryFile } from "../../parquet/files.ts";
import { LINE_CASES } from "../cases.ts";
import { corruptIn, pack, partOf, unpack, withFile } from "./packed.ts";

const encoder = new TextEncoder();
const NEWLINE = 10;
const NOON_MS = Date.UTC(2026, 0, 23, 12);

/** Fails unless the part comes back byte for byte. */
function assertSame(found: Uint8Array, wanted: Uint8Array, what: string): void {
  assertEquals(found.length, wanted.length, what);
  let at = 0;
  while (at < wanted.length && found[at] === wanted[at]) at++;
  if (at === wanted.length) return;
  const shown = (bytes: Uint8Array) =>
    new TextDecoder().decode(bytes.subarray(Math.max(0, at - 40), at + 40));
  assertEquals(shown(found), shown(wanted), `${what}: at byte ${at}`);
}

function assertComesBack(folder: string, lines: Uint8Array[], what: string): string {
  const part = partOf(lines);
  const path = pack(folder, part);
  assertSame(unpack(path, part.length), part, what);
  return path;
}

function randomLines(random: Random, count: number): Uint8Array[] {
  const maker = new LineMaker(random, [NOON_MS]);
  return random.times(count, () => random.chance(0.3) ? trialOf(maker) : maker.line());
}

function trialOf(maker: LineMaker): Uint8Array {
  return encoder.encode(maker.trial());
}

function startsOf(part: Uint8Array): number[] {
  const starts = [0];
  for (let at = part.indexOf(NEWLINE); at >= 0; at = part.indexOf(NEWLINE, at + 1)) {
    starts.push(at + 1);
  }
  return starts;
}

Deno.test("random hostile lines come back byte for byte", () =>
  withSeed((random) => {
    using folder = memoryFolder();
    for (let round = 0; round < 40; round++) {
      assertComesBack(folder.path, randomLines(random, 1 + random.below(300)), `round ${round}`);
    }
  }));

Deno.test("every line of the table comes back, alone and among all others", () => {
  using folder = memoryFolder();
  for (const { name, bytes } of LINE_CASES) assertComesBack(folder.path, [bytes], name);
  assertComesBack(folder.path, LINE_CASES.map(({ bytes }) => bytes), "all");
  assertComesBack(folder.path, LINE_CASES.map(({ bytes }) => bytes).reverse(), "all, reversed");
});

Deno.test("no lines at all make a file without rows", async () => {
  using folder = memoryFolder();
  const path = assertComesBack(folder.path, [], "none");
  assertEquals(await allRows(path), []);
});

/** Lines of one event, written in strange ways. */
const ODD = [
  String.raw`{"\u0065vent_id":"a","event_type":"t","timestamp_ms":1}`,
  String.raw`{"event_id":"\u0061","event_type":"t","timestamp_ms":1}`,
  `{"event_id" : "a" , "event_type":\t"t","timestamp_ms" :1 }`,
  `\r {"timestamp_ms":1,"event_type":"t","event_id":"a"}\t`,
  `{"event_id":"a","event_type":"t","timestamp_ms":1.0}`,
  `{"event_id":"a","event_type":"t","timestamp_ms":1e3}`,
  `{"event_id":"a","event_type":"t","timestamp_ms":-0}`,
  `{"event_id":"a","event_type":"t","timestamp_ms":0}`,
  `{"event_id":"a","event_type":"t","timestamp_ms":253402300799999}`,
  `{"event_id":"a","event_type":"t","timestamp_ms":1,"run_id":null,"params":[],"metrics":"{}"}`,
  `{"event_id":"a","event_type":"t","timestamp_ms":1,"run_id":"r","params":{},"metrics":{}}`,
  `{"event_id":"a","event_type":"t","timestamp_ms":1,"rest":"rest","a":[{"b":"]}"}],"c":{}}`,
  `{"event_id":"a","event_type":"t","timestamp_ms":1,"a":"\u2028\u007f","b":"😀"}`,
  `{"event_id":"a","event_type":"t","timestamp_ms":1,"\uFEFFrun_id":"b"}`,
  `{"event_id":"a","event_type":"t","timestamp_ms":1,"":"","run_id":"","trial_id":""}`,
].map((line) => encoder.encode(line));

Deno.test("odd spacing, escapes in keys and numbers in every spelling come back", () => {
  using folder = memoryFolder();
  for (const line of ODD) {
    assertComesBack(folder.path, [line, line], new TextDecoder().decode(line));
  }
  assertComesBack(folder.path, [...ODD, ...ODD.toReversed()], "all of them");
});

Deno.test("lines of more than a thousand templates come back", () => {
  using folder = memoryFolder();
  const lines = Array.from(
    { length: 3_000 },
    (_, n) => `{"event_id":"e${n}","event_type":"t","timestamp_ms":${n},"k${n % 1_500}":${n}}`,
  ).map((line) => encoder.encode(line));
  assertComesBack(folder.path, lines, "3,000 lines");
});

Deno.test("lines of megabytes come back, among short ones", () =>
  withSeed((random) => {
    using folder = memoryFolder();
    const maker = new LineMaker(random, [NOON_MS]);
    const line = () => encoder.encode(maker.event());
    const lines = [line(), maker.longEvent(3_000_000), line(), line(), maker.longEvent(1_048_576)];
    assertComesBack(folder.path, [...lines, ...lines.toReversed()], "long lines");
  }));

Deno.test("a line that is too long for an event is a stretch of its own", () => {
  using folder = memoryFolder();
  for (const bytes of [event_bytes_max + 1, event_bytes_max + 3_000_000]) {
    const long = new Uint8Array(bytes).fill(0x20);
    const path = assertComesBack(folder.path, [ODD[0], long, ODD[1], long], `${bytes} bytes`);
    const first = ODD[0].length + 1;
    const blocks = withFile(path, (file) =>
      Array.from(
        unpackLines(file),
        ({ start, end, oversized_bytes }) => [start, end, oversized_bytes],
      ));
    assertEquals(blocks.slice(0, 2), [[0, first, 0], [first, first + bytes + 1, bytes]]);
    assertEquals(blocks.map(([, , oversized_bytes]) => oversized_bytes), [0, bytes, 0, bytes]);
  }
});

Deno.test("a line of many values comes back", () => {
  using folder = memoryFolder();
  const members = Array.from({ length: 20_000 }, (_, n) => `"k${n}":${n}`).join(",");
  const line = encoder.encode(`{"event_id":"a","event_type":"t","timestamp_ms":1,${members}}`);
  assertComesBack(folder.path, [line, ODD[0], line], "20,000 members");
});

Deno.test("from the start of any line on, the lines are those that follow", () =>
  withSeed((random) => {
    using folder = memoryFolder();
    const part = partOf([...randomLines(random, 40), ...ODD]);
    const path = pack(folder.path, part);
    for (const from of startsOf(part)) {
      const found = unpack(path, part.length, { from });
      assertSame(found.subarray(from), part.subarray(from), `from ${from}`);
      assert(found.subarray(0, from).every((byte) => byte === 0), `before ${from}`);
    }
  }));

/** Some hundred thousand lines, so that there are several row groups. */
function manyLines(random: Random, count: number): Uint8Array[] {
  const maker = new LineMaker(random, [NOON_MS]);
  const some = random.times(200, () => random.chance(0.5) ? trialOf(maker) : maker.line())
    .filter((line) => line.length < 2_000);
  return Array.from({ length: count }, (_, n) => some[n % some.length]);
}

Deno.test("a file of many row groups gives back what was put in, from anywhere", () =>
  withSeed((random) => {
    using folder = memoryFolder();
    const part = partOf(manyLines(random, 150_000));
    const path = pack(folder.path, part);
    assertSame(unpack(path, part.length), part, "all");
    const starts = startsOf(part);
    for (let round = 0; round < 6; round++) {
      const from = starts[random.below(starts.length)];
      const found = unpack(path, part.length, { from });
      assertSame(found.subarray(from), part.subarray(from), `from ${from}`);
    }
    withFile(path, (file) => {
      let end = 0;
      for (const block of unpackLines(file)) {
        assertEquals(block.start, end);
        end = block.end;
      }
      assertEquals(end, part.length);
    });
  }));

Deno.test("an empty line, and rows of nothing but that, come back", () => {
  using folder = memoryFolder();
  const empty = new Uint8Array();
  assertComesBack(folder.path, [empty], "one");
  assertComesBack(folder.path, [empty, ODD[0], empty, empty, ODD[1]], "some");
  assertComesBack(folder.path, Array.from({ length: 70_000 }, () => empty), "a row group of them");
});

Deno.test("without its trials, a part is what is no trial, each line in its place", () =>
  withSeed(async (random) => {
    using folder = memoryFolder();
    for (let round = 0; round < 20; round++) {
      const part = partOf([...randomLines(random, 120), ...ODD]);
      const path = pack(folder.path, part);
      const wanted = part.slice();
      let trials = 0;
      const rows = await allRows(path);
      for (const { is_trial, log_offset } of rows) {
        if (!is_trial) continue;
        trials++;
        const start = Number(log_offset);
        wanted.fill(0, start, part.indexOf(NEWLINE, start) + 1);
      }
      assertSame(unpack(path, part.length, { without_trials: true }), wanted, `round ${round}`);
      if (round === 0) assert(trials > 0, "no trial was taken from the columns");
    }
  }));

Deno.test("what the columns say of a line is what it says itself", () =>
  withSeed(async (random) => {
    using folder = memoryFolder();
    for (let round = 0; round < 30; round++) {
      // An order that differs each time: a template may fit lines that it was not made of.
      const lines = [...randomLines(random, 120), ...ODD].sort(() => random.fraction() - 0.5);
      const part = partOf(lines);
      const corrupt = corruptIn(part);
      const rows = await allRows(pack(folder.path, part, corrupt));
      for (const [nth, line] of [...linesOf(part, 0)].entries()) {
        const row = rows[nth];
        const where = `round ${round}: ${line.text}`;
        assertEquals(Number(row.log_offset), line.offset, where);
        if (corrupt.has(line.offset)) {
          for (const slot of TEMPLATE_COLUMNS) assertEquals(row[slot], null, where);
          continue;
        }
        const event = validate(line.text!, line.size_bytes) as LedgerEvent;
        assertEquals(row.timestamp_ms, event.timestamp_ms + 0, where);
        for (const slot of TEMPLATE_COLUMNS.slice(0, TEMPLATE_COLUMNS.indexOf("timestamp_ms"))) {
          const value = Object.hasOwn(event, slot) ? event[slot] : null;
          assertEquals(row[slot], typeof value === "string" ? value : null, `${slot}: ${where}`);
        }
        if (!row.is_trial) continue;
        assert(fieldsAreRight(event, "trial.recorded"), where);
        assertEquals(JSON.parse(row.params as string), event.params, where);
        assertEquals(JSON.parse(row.metrics as string), event.metrics, where);
      }
    }
  }));

Deno.test("DuckDB reads of a packed part what our reader of Parquet does", () =>
  withSeed(async (random) => {
    using folder = memoryFolder();
    const lines = [...randomLines(random, 300), ...ODD, ...LINE_CASES.map(({ bytes }) => bytes)];
    const path = pack(folder.path, partOf(lines.filter(({ length }) => length < 100_000)));
    const sql = `select * exclude (file_row_number, line), octet_length(line) as line_bytes
      from read_parquet($1, file_row_number = true) order by file_row_number`;
    const wanted = (await allRows(path)).map(({ line, ...row }) => ({
      ...row,
      line_bytes: line === null ? null : (line as Uint8Array).length,
    }));
    assertEquals(await duckdbRows(path, sql), asDuckdbShows(wanted));
    assert(wanted.some(({ line_bytes }) => line_bytes !== null), "no line was kept");
  }));

Deno.test("whatever is flipped in a packed part, reading it ends with lines or an error of ours", () =>
  withSeed((random) => {
    using folder = memoryFolder();
    const part = partOf([...randomLines(random, 30), ...ODD]);
    const good = Deno.readFileSync(pack(folder.path, part));
    const ends = { lines: 0, errors: 0 };
    for (let round = 0; round < 4_000; round++) {
      const bad = good.slice();
      // Half of them in the footer, where the templates stand.
      const from = round % 2 === 0 ? 0 : good.length >> 1;
      bad[from + random.below(good.length - from)] ^= 1 << random.below(8);
      try {
        let end = 0;
        for (const block of unpackLines(memoryFile(bad))) end = block.end;
        assert(end >= 0);
        ends.lines++;
      } catch (error) {
        const problem = asLedgerError(error);
        assert(problem, `round ${round}: ${error instanceof Error ? error.stack : error}`);
        ends.errors++;
      }
    }
    assert(ends.errors > 100 && ends.lines > 0, Deno.inspect(ends));
  }));
