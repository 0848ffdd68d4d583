/** A row is what its line says, letter by letter. */
import { assertEquals } from "@std/assert";
import { isPlain, rowOf } from "../../src/index/rows.ts";
import { BadLine, validate } from "../../src/log/event/validate.ts";

/** Params and metrics of a trial, given as the text that follows its run id. */
function membersOf(rest: string): unknown[] {
  const text = `{"event_id":"e","event_type":"trial.recorded","timestamp_ms":1,"run_id":"r",` +
    `"trial_id":"t",${rest}}`;
  const event = validate(text, text.length);
  if (event instanceof BadLine) throw new Error(event.reason);
  const part = { day: "2026-01-20", number: 1, writer: "" };
  const place = { part, label: "", offset: 0, size_bytes: text.length };
  const row = rowOf({ kind: "event", event, text, ...place }, part.day, "p", isPlain(text));
  return row.slice(12);
}

Deno.test("members come out as they are written, wherever they stand and whatever they hold", () => {
  const cases: [string, string, string][] = [
    [`"params":{"a":1.50},"metrics":{"b":-0}`, `{"a":1.50}`, `{"b":-0}`],
    [`"metrics" : {"b":[{},"]"]} , "params": {"a":"}\\""}`, `{"a":"}\\""}`, `{"b":[{},"]"]}`],
    [`"x":{"params":{}},"params":{"params":1},"metrics":{}`, `{"params":1}`, `{}`],
    [`"x":"\\"params\\":{","params":{"é":"\\n"},"metrics":{}`, `{"é":"\\n"}`, `{}`],
    [
      `"\\u0070arams":{"a":1},"metrics":{"n":12345678901234567890}`,
      `{"a":1}`,
      `{"n":12345678901234567890}`,
    ],
    [`"params":\t{"a":\t1},"metrics":{}`, `{"a": 1}`, `{}`],
  ];
  for (const [rest, params, metrics] of cases) {
    assertEquals(membersOf(rest), [params, metrics], rest);
  }
});

Deno.test("a key that the parser misreads after another one is still the key that was written", () => {
  for (let times = 0; times < 3; times++) {
    JSON.parse(`{"x":0,"\\\\":0}`);
    assertEquals(membersOf(`"params":{"x":0,"\\"":0},"metrics":{}`)[0], `{"x":0,"\\"":0}`);
  }
});
