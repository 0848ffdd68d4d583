/** JSON is the same when it says the same, to the last digit. */
import { assert, assertEquals } from "@std/assert";
import { canonicalJson, parseExact } from "../../src/base/json.ts";
import { withSeed } from "../laws/random.ts";

/** Texts that say the same, and say nothing else than the other groups. */
const SAYING_THE_SAME = [
  ["1.5", "1.50", "15e-1", "0.15E+1", "1500e-3", "0.00015e4"],
  ["0", "-0", "0.0", "0e5", "-0.000e-7"],
  ["100", "1e2", "1E+2", "100.0", "10e1"],
  ["-1.5"],
  ["9007199254740993"],
  ["9007199254740992", "9007199254740992.0"],
  ["12345678901234567890123"],
  ["12345678901234567890124"],
  ["0.1"],
  ["0.1000000000000000055511151231257827"],
  ["1e400"],
  ["10e400", "1e401"],
  ["1e99999999999999999999"],
  ['"1.5"', '"1\\u002e5"'],
  ["null"],
  ["true"],
  ["[1,2]", " [ 1.0 ,\n2 ] "],
  ["[2,1]"],
  ["[12]"],
  ["[]"],
  ["{}"],
  ['{"a":1,"b":[{"10":1,"2":2}]}', '{"b":[{"2":2.0,"10":1}],"a":1}'],
  ['{"a":1,"b":[{"10":2,"2":1}]}'],
  ['{"a":{"b":1}}'],
  ['{"__proto__":1}'],
  ['{"":{}}'],
];

Deno.test("JSON that says the same has one form, and nothing else has it", () => {
  const forms = SAYING_THE_SAME.map((texts) =>
    new Set(texts.map((text) => canonicalJson(parseExact(text))))
  );
  for (const [group, of_group] of forms.entries()) {
    assertEquals(of_group.size, 1, `${SAYING_THE_SAME[group]}: ${[...of_group]}`);
  }
  assertEquals(new Set(forms.flatMap((of_group) => [...of_group])).size, forms.length);
});

Deno.test("what was parsed is written with the numbers that it had", () => {
  const text = '{"a":1.50,"b":[12345678901234567890123,-0.0,1e400],"c":"1.50"}';
  assertEquals(JSON.stringify(parseExact(text)), text);
});

Deno.test("values that JSON.parse tells apart are told apart, and no others", () =>
  withSeed((random) => {
    for (let n = 0; n < 2_000; n++) {
      const [value, other] = [random.json(), random.json()];
      const [text, other_text] = [value, other].map((json) => JSON.stringify(json));
      // V8 misreads the key "\"" once it has seen the key "\\": it never sees one here.
      if ((text + other_text).includes('\\\\"')) continue;
      assertEquals(
        canonicalJson(parseExact(text)),
        canonicalJson(parseExact(JSON.stringify(value, null, 2))),
      );
      const is_same = JSON.stringify(sorted(value)) === JSON.stringify(sorted(other));
      const form = canonicalJson(parseExact(other_text));
      assert(
        (canonicalJson(parseExact(text)) === form) === is_same,
        `${text} ${other_text}`,
      );
    }
  }));

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return { members: members.map(([key, member]) => [key, sorted(member)]) };
}
