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

binaryTest(
  "days are archived inside the scope, and nothing goes where an archive may not be",
  async (bench) => {
    const old = (
      type: string,
      id: string,
    ) => ["emit", type, "--run-id", "r1", "--event-id", id, "--timestamp-ms", "1769174319945"];
    await bench.ledger(old("run.started", "a"));
    await bench.ledger([...old("run.failed", "b"), "--error", "died"]);
    const elsewhere = Deno.makeTempDirSync({ prefix: "ledger-elsewhere-" });
    try {
      const outside = ["retain", "--days", "30", "--archive", join(elsewhere, "archive")];
      const refused = await bench.ledger(outside);
      assertEquals(refused.code, 1);
      assertStringIncludes(refused.stderr, join(elsewhere, "archive"));
      assertStringIncludes(refused.stderr, "data/ledger and runs");
      assertStringIncludes(refused.stderr, "deno task compile --ledger");
      assertEquals(Array.from(Deno.readDirSync(elsewhere)), []);
    } finally {
      Deno.removeSync(elsewhere, { recursive: true });
    }
    const log = await bench.ledger(["log"]);
    assertEquals(log.stdout.split("\n").length, 3);
    const done = await bench.ledger(["retain", "--days", "30", "--archive", "data/ledger/archive"]);
    assertEquals([done.code, done.stderr], [0, ""]);
    assertEquals((await bench.ledger(["log"])).stdout, "");
    const path = "data/ledger/archive/ledger-2026-01-23.tar";
    const back = await bench.ledger(["archive", "import", path]);
    assertEquals(back.code, 0, back.stderr);
    assertEquals((await bench.ledger(["log"])).stdout, log.stdout);
    const verified = await bench.ledger(["verify", "--deep"]);
    assertEquals(verified.code, 0, verified.stdout);
  },
);
