import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { binaryTest } from "./binary.ts";

const EVENT = [
  ...["emit", "run.created", "--run-id", "r1", "--run-type", "policy"],
  ...["--config", "{}", "--data-fingerprint", "fp"],
];

binaryTest(
  "a write outside the scope is refused, with the scope and what to build",
  async (bench) => {
    const elsewhere = Deno.makeTempDirSync({ prefix: "ledger-elsewhere-" });
    try {
      const { code, stderr } = await bench.ledger(EVENT, { LEDGER_DIR: elsewhere });
      assertEquals(code, 1);
      assertStringIncludes(stderr, elsewhere);
      assertStringIncludes(stderr, "data/ledger and runs");
      assertStringIncludes(stderr, "deno task compile --ledger");
      assertEquals(Array.from(Deno.readDirSync(elsewhere)), []);
    } finally {
      Deno.removeSync(elsewhere, { recursive: true });
    }
  },
);

binaryTest("a write inside the scope is done", async (bench) => {
  const { code, stderr } = await bench.ledger(EVENT);
  assertEquals(code, 0, stderr);
  const events = Array.from(Deno.readDirSync(join(bench.folder, "data", "ledger", "events")));
  assertEquals(events.some(({ name }) => name.startsWith("day=")), true);
});
