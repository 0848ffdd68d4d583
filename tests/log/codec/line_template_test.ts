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

function match(matcher: TemplateMatcher, line: Uint8Array): boolean {
  return matcher.match(line, viewOf(line), 0);
}

/** Puts the last line of a matcher together again. */
function joined({ template, starts, ends }: TemplateMatcher, bytes: Uint8Array): string {
  const { literals, columns } = new LineTemplate(template.number, template.text);
  const pieces = columns.map((_, at) =>
    decoder.decode(literals[at]) + decoder.decode(bytes.subarray(starts[at], ends[at]))
  );
  return pieces.join("") + decoder.decode(literals[columns.length]);
}

/** The value of a column in the last line. */
function valueOf({ template, starts, ends }: TemplateMatcher, bytes: Uint8Array, column: string) {
  const place = template.position_of[TEMPLATE_COLUMNS.indexOf(column as "rest")];
  return place < 0 ? undefined : decoder.decode(bytes.subarray(starts[place], ends[place]));
}

Deno.test("lines of one kind share a template, and a line of another kind gets another", () => {
  const matcher = new TemplateMatcher();
  const line = (id: string, rest: string) =>
    encoder.encode(`{"event_id":"${id}","event_type":"t","timestamp_ms":7${rest}}`);
  for (const id of ["a", "bb", ""]) assert(match(matcher, line(id, "")));
  assertEquals(matcher.templates.length, 1);
  const other = line("c", `,"run_id":"r","params":{"a":[1]},"x":{"run_id":1}`);
  assert(match(matcher, other));
  assertEquals(matcher.templates.length, 2);
  assertEquals(valueOf(matcher, other, "run_id"), "r");
  assertEquals(valueOf(matcher, other, "params"), `{"a":[1]}`);
  assertEquals(valueOf(matcher, other, "timestamp_ms"), "7");
  assertEquals(valueOf(matcher, other, "rest"), `{"run_id":1}`);
  assertEquals(valueOf(matcher, other, "metrics"), undefined);
});

Deno.test("a member that is null in one line goes to its column in the next", () => {
  const matcher = new TemplateMatcher();
  for (const space of ["", " ", "\t "]) {
    const none = encoder.encode(`{"event_id":"a","timestamp_ms":1,"run_id":${space}null}`);
    const some = encoder.encode(`{"event_id":"a","timestamp_ms":1,"run_id":${space}"r"}`);
    assert(match(matcher, none));
    assertEquals(valueOf(matcher, none, "run_id"), undefined);
    assert(match(matcher, some));
    assertEquals(valueOf(matcher, some, "run_id"), "r");
  }
});

Deno.test("a key with a byte order mark is another key", () => {
  const matcher = new TemplateMatcher();
  const line = encoder.encode(`{"event_id":"a","timestamp_ms":1,"\uFEFFrun_id":"r"}`);
  assert(match(matcher, line));
  assertEquals(valueOf(matcher, line, "run_id"), undefined);
  assertEquals(joined(matcher, line), decoder.decode(line));
});

Deno.test("after a thousand templates, and for one that is long, lines are kept as they are", () => {
  const matcher = new TemplateMatcher();
  const line = (key: string) =>
    encoder.encode(`{"event_id":"a","event_type":"t","timestamp_ms":1,"${key}":1}`);
  const long = line("k".repeat(20_000));
  assertEquals(match(matcher, long), false);
  for (let n = 0; n < 1_000; n++) assert(match(matcher, line(`k${n}`)));
  const one_more = line("one more");
  assertEquals(match(matcher, one_more), false);
  const known = line("k0");
  assert(match(matcher, known));
});

Deno.test("what a matcher says of random lines is true: their pieces, and whether they are plain", () =>
  withSeed((random) => {
    const maker = new LineMaker(random, [NOON_MS]);
    const matcher = new TemplateMatcher();
    let plain = 0, not_plain = 0;
    for (let round = 0; round < 4_000; round++) {
      const text = random.chance(0.5) ? maker.trial() : maker.event();
      const bytes = encoder.encode(text);
      if (validate(text, bytes.length) instanceof BadLine) continue;
      // Within a larger piece, as lines come.
      const piece = new Uint8Array(bytes.length + 7).fill(10);
      piece.set(bytes, 3);
      if (!matcher.match(piece, viewOf(piece), 3)) continue;
      assertEquals(joined(matcher, piece), text);
      assertEquals(matcher.end, 3 + bytes.length, text);
      assertEquals(matcher.is_plain, isPlain(text) && !text.includes('"@'), text);
      if (matcher.is_plain) plain++;
      else not_plain++;
    }
    assert(plain > 100 && not_plain > 100, `${plain} plain, ${not_plain} not`);
  }));
