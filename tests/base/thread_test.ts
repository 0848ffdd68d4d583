import { assertEquals, assertRejects } from "@std/assert";
import { LedgerError } from "../../src/base/error.ts";
import { Thread } from "../../src/base/thread.ts";
import { systemWorld } from "../../src/base/world.ts";

const MODULE = {
  name: "writing",
  bundled: "./none.js",
  source: "./thread_worker.ts",
  seen_from: import.meta.url,
};
/** From nothing to more than there is shared memory for. */
const LETTERS = [0, 1, 30_000, 40_000, 5, 1_000_000, 2];

for (const posts of [true, false]) {
  const kind = posts ? "posts its answers" : "posts nothing";
  const start = () =>
    new Thread<number, { text: string }>(MODULE, posts ? undefined : systemWorld().pause);

  Deno.test(`a thread that ${kind} gives each in its turn, however long`, async () => {
    const thread = start();
    const answers = await Promise.all(LETTERS.map((letters) => thread.run(letters)));
    assertEquals(answers.map(({ text }) => text.length), LETTERS);
    assertEquals((await thread.run(3)).text, "ééé");
    thread.close();
  });

  Deno.test(`a thread that ${kind} fails as we do, and goes on`, async () => {
    const thread = start();
    const failed = assertRejects(() => thread.run(-1), LedgerError, "-1 letters");
    const done = thread.run(1);
    assertEquals((await failed).code, "usage");
    assertEquals((await done).text, "é");
    thread.close();
  });
}

Deno.test("after a thread is closed, no answer of it is looked for", async () => {
  const looks_no_more = Promise.withResolvers<void>();
  const thread = new Thread<number, { text: string }>(MODULE, (_, signal) => {
    signal!.addEventListener("abort", () => looks_no_more.resolve());
    return looks_no_more.promise;
  });
  thread.run(1_000_000);
  thread.close();
  await looks_no_more.promise;
});
