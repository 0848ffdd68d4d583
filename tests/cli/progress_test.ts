import { assertEquals } from "@std/assert";
import { Progress, withProgress } from "../../src/cli/progress.ts";
import { inputOf, testWorld } from "../harness.ts";

/** A terminal whose clock is moved by hand. */
function watched(different: Parameters<typeof testWorld>[0] = {}) {
  const clock = { ms: 0 };
  const world = testWorld({
    is_terminal: true,
    elapsed_ms: () => clock.ms,
    vars: { TERM: "xterm" },
    ...different,
  });
  return { world, clock, said: () => world.printed.stderr.replaceAll("\r\u001b[K", "|") };
}

Deno.test("long work tells how far it is, how fast it goes and how long it will take", () => {
  const { world, clock, said } = watched();
  const progress = new Progress(world);
  clock.ms = 2_000;
  progress.show(10_000_000, 40_000_000);
  clock.ms = 4_000;
  progress.show(20_000_000, 4_000_000_000);
  progress.clear();
  assertEquals(said(), "|25 %  5.0 MB/s  6 s left|0 %  5.0 MB/s  13 min 16 s left|");
});

Deno.test("where the whole is unknown, the amount and the speed are shown", () => {
  const { world, clock, said } = watched();
  const progress = new Progress(world, "runs");
  clock.ms = 1_000;
  progress.show(12_500);
  assertEquals(said(), "|12,500 runs  12,500 runs/s");
});

Deno.test("short work is not talked about, and long work not more often than it can be read", () => {
  const { world, clock, said } = watched();
  {
    using progress = new Progress(world);
    clock.ms = 400;
    progress.show(1, 2);
    assertEquals(said(), "");
    for (clock.ms = 1_000; clock.ms < 1_100; clock.ms += 10) progress.show(1, 2);
    assertEquals(said(), "|50 %  1 B/s  1 s left");
  }
  assertEquals(said(), "|50 %  1 B/s  1 s left|", "it is gone at the end, however that came");
});

Deno.test("nothing is told where standard error is no terminal, or one that cannot clear a line", () => {
  for (
    const different of [{ is_terminal: false }, { vars: { TERM: "dumb" } }, { vars: { TERM: "" } }]
  ) {
    const { world, clock, said } = watched(different);
    const progress = new Progress(world);
    clock.ms = 10_000;
    progress.show(1, 2);
    progress.clear();
    assertEquals(said(), "");
    const input = inputOf("abc");
    assertEquals(withProgress(input, progress, 3), input, "reading costs nothing more");
  }
});

Deno.test("the line is never wider than the terminal, where it could not be cleared", () => {
  const { world, clock, said } = watched({ columns: 12 });
  const progress = new Progress(world);
  clock.ms = 1_000;
  progress.show(1_000, 2_000);
  assertEquals(said(), "|50 %  1.0 k");
});

Deno.test("the reading of an input is told by its bytes", async () => {
  const { world, clock, said } = watched();
  const input = withProgress(inputOf("x".repeat(3_000)), new Progress(world), 6_000);
  clock.ms = 1_000;
  const buffer = new Uint8Array(3_000);
  assertEquals([await input.read(buffer), await input.read(buffer)], [3_000, null]);
  assertEquals(said(), "|50 %  3.0 kB/s  1 s left");
});
