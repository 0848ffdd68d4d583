import { assertEquals } from "@std/assert";
import { commonBeginning } from "../../../src/log/pull/byte_comparison.ts";
import { withSeed } from "../../laws/random.ts";

const encoder = new TextEncoder();

Deno.test("how far two streams are the same does not depend on how they are cut", async () => {
  await withSeed((random) => {
    for (let round = 0; round < 300; round++) {
      const text = random.times(random.below(30), () => random.pick(["a", "b", "\n"])).join("");
      const other = random.chance(0.3)
        ? text.slice(0, random.below(text.length + 1))
        : text.slice(0, random.below(text.length + 1)) + random.pick(["", "c\n", "a"]);
      const cut = (whole: string): Uint8Array[] => {
        if (whole === "") return random.chance(0.5) ? [] : [new Uint8Array()];
        const at = random.below(whole.length + 1);
        return at === 0 || at === whole.length
          ? [encoder.encode(whole)]
          : [...cut(whole.slice(0, at)), ...cut(whole.slice(at))];
      };
      let bytes = 0;
      while (bytes < Math.min(text.length, other.length) && text[bytes] === other[bytes]) bytes++;
      assertEquals(commonBeginning(cut(text), cut(other)), {
        bytes,
        lines_end: text.slice(0, bytes).lastIndexOf("\n") + 1,
        first_ended: bytes === text.length,
        second_ended: bytes === other.length,
      });
    }
  });
});
