import { assert, assertEquals } from "@std/assert";
import { viewOf } from "../../../src/base/bytes.ts";
import { isPlain } from "../../../src/index/rows.ts";
import { BadLine, validate } from "../../../src/log/event/validate.ts";
import {
  LineTemplate,
  TEMPLATE_COLUMNS,
  TemplateMatcher,
} from "../../../src/log/codec/line_template.ts";
import { LineMaker } from "../../index/lines.ts";
import { withSeed } from "../../laws/random.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const NOON_MS = Date.UTC(2026, 0, 23, 12);

function split(splitter: TemplateMatcher, line: Uint8Array): boolean {
  return splitter.split(line, viewOf(line), 0);
}

/** Puts the last line of a splitter together again. */
function joined({ shape, starts, ends }: TemplateMatcher, bytes: Uint8Array): string {
  const { literals, slots } = new LineTemplate(shape.number, shape.text);
  const pieces = slots.map((_, at) =>
    decoder.decode(literals[at]) + decoder.decode(bytes.subarray(starts[at], ends[at]))
  );
  return pieces.join("") + decoder.decode(literals[slots.length]);
}

/** The value of a slot in the last line. */
function valueOf({ shape, starts, ends }: TemplateMatcher, bytes: Uint8Array, slot: string) {
  const place = shape.place_of[TEMPLATE_COLUMNS.indexOf(slot as "rest")];
  return place < 0 ? undefined : decoder.decode(bytes.subarray(starts[place], ends[place]));
}

Deno.test("lines of one kind share a shape, and a line of another kind gets another", () => {
  const splitter = new TemplateMatcher();
  const line = (id: string, rest: string) =>
    encoder.encode(`{"event_id":"${id}","event_type":"t","timestamp_ms":7${rest}}`);
  for (const id of ["a", "bb", ""]) assert(split(splitter, line(id, "")));
  assertEquals(splitter.shapes.length, 1);
  const other = line("c", `,"run_id":"r","params":{"a":[1]},"x":{"run_id":1}`);
  assert(split(splitter, other));
  assertEquals(splitter.shapes.length, 2);
  assertEquals(valueOf(splitter, other, "run_id"), "r");
  assertEquals(valueOf(splitter, other, "params"), `{"a":[1]}`);
  assertEquals(valueOf(splitter, other, "timestamp_ms"), "7");
  assertEquals(valueOf(splitter, other, "rest"), `{"run_id":1}`);
  assertEquals(valueOf(splitter, other, "metrics"), undefined);
});

Deno.test("a member that is null in one line goes to its column in the next", () => {
  const splitter = new TemplateMatcher();
  for (const space of ["", " ", "\t "]) {
    const none = encoder.encode(`{"event_id":"a","timestamp_ms":1,"run_id":${space}null}`);
    const some = encoder.encode(`{"event_id":"a","timestamp_ms":1,"run_id":${space}"r"}`);
    assert(split(splitter, none));
    assertEquals(valueOf(splitter, none, "run_id"), undefined);
    assert(split(splitter, some));
    assertEquals(valueOf(splitter, some, "run_id"), "r");
  }
});

Deno.test("a key with a byte order mark is another key", () => {
  const splitter = new TemplateMatcher();
  const line = encoder.encode(`{"event_id":"a","timestamp_ms":1,"\uFEFFrun_id":"r"}`);
  assert(split(splitter, line));
  assertEquals(valueOf(splitter, line, "run_id"), undefined);
  assertEquals(joined(splitter, line), decoder.decode(line));
});

Deno.test("after a thousand shapes, and for one that is long, lines are kept as they are", () => {
  const splitter = new TemplateMatcher();
  const line = (key: string) =>
    encoder.encode(`{"event_id":"a","event_type":"t","timestamp_ms":1,"${key}":1}`);
  const long = line("k".repeat(20_000));
  assertEquals(split(splitter, long), false);
  for (let n = 0; n < 1_000; n++) assert(split(splitter, line(`k${n}`)));
  const one_more = line("one more");
  assertEquals(split(splitter, one_more), false);
  const known = line("k0");
  assert(split(splitter, known));
});

Deno.test("what a splitter says of random lines is true: their pieces, and whether they are plain", () =>
  withSeed((random) => {
    const maker = new LineMaker(random, [NOON_MS]);
    const splitter = new TemplateMatcher();
    let plain = 0, not_plain = 0;
    for (let round = 0; round < 4_000; round++) {
      const text = random.chance(0.5) ? maker.trial() : maker.event();
      const bytes = encoder.encode(text);
      if (validate(text, bytes.length) instanceof BadLine) continue;
      // Within a larger piece, as lines come.
      const piece = new Uint8Array(bytes.length + 7).fill(10);
      piece.set(bytes, 3);
      if (!splitter.split(piece, viewOf(piece), 3)) continue;
      assertEquals(joined(splitter, piece), text);
      assertEquals(splitter.end, 3 + bytes.length, text);
      assertEquals(splitter.is_plain, isPlain(text) && !text.includes('"@'), text);
      if (splitter.is_plain) plain++;
      else not_plain++;
    }
    assert(plain > 100 && not_plain > 100, `${plain} plain, ${not_plain} not`);
  }));
