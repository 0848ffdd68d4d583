import { assertEquals } from "@std/assert";
import { copyBytes, standsAt, viewOf } from "../../src/base/bytes.ts";
import { withSeed } from "../laws/random.ts";

Deno.test("copied bytes are what a plain copy gives, and nothing around them changes", () =>
  withSeed((random) => {
    for (let round = 0; round < 3_000; round++) {
      const from = Uint8Array.from({ length: 60 }, () => random.below(256));
      const start = random.below(from.length);
      const end = start + random.below(from.length - start + 1);
      // Not at the beginning of their buffer, as most pieces.
      const to = new Uint8Array(140).subarray(7).fill(99);
      const at = random.below(60);
      const expected = to.slice();
      expected.set(from.subarray(start, end), at);
      copyBytes(viewOf(from), start, end, viewOf(to), at);
      assertEquals(to, expected);
    }
  }));

Deno.test("a piece stands where all of its bytes do, and nowhere else", () =>
  withSeed((random) => {
    for (let round = 0; round < 3_000; round++) {
      const piece = Uint8Array.from({ length: random.below(20) }, () => random.below(256));
      const bytes = new Uint8Array(40);
      const at = random.below(20);
      bytes.set(piece, at);
      assertEquals(standsAt(viewOf(piece), viewOf(bytes), at), true);
      if (piece.length === 0) continue;
      bytes[at + random.below(piece.length)] ^= 1 << random.below(8);
      assertEquals(standsAt(viewOf(piece), viewOf(bytes), at), false);
    }
  }));
