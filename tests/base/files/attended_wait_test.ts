/** What a timeout counts: the time in which an answer could have been taken. */
import { assertEquals, assertRejects } from "@std/assert";
import { answeredWithin } from "../../../src/base/files/system_files.ts";
import { attended_step_ms } from "../../../src/base/limits.ts";
import { spin } from "../../crash/kills/crash.ts";

/** An answer that a timer gives: timers go off in the order of their times, however late they all are. */
function answeredAfter(duration_ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, duration_ms));
}

Deno.test("an answer that was there while the thread was busy counts, though its timer comes later", async () => {
  const answer = answeredAfter(12);
  const within = answeredWithin(answer, 10);
  spin(30);
  assertEquals(await within, true);
});

Deno.test("a thread that was busy for all of the wait has not waited: others have their turn first", async () => {
  const wait_ms = 2 * attended_step_ms;
  const busy_ms = 1.5 * wait_ms;
  // A holder in the same thread, say, who could not give its lock back either.
  const answer = answeredAfter(busy_ms + 1);
  const within = answeredWithin(answer, wait_ms);
  spin(busy_ms);
  assertEquals(await within, true);
});

Deno.test("what is not answered is waited for in vain, however often the thread looks", async () => {
  const never = new Promise<void>(() => {});
  for (const wait_ms of [0, 1, attended_step_ms + 1]) {
    assertEquals(await answeredWithin(never, wait_ms), false);
  }
  assertEquals(await answeredWithin(Promise.resolve(), 0), true);
});

Deno.test("a wait that is called off ends at once, and an answer that fails is passed on", async () => {
  const never = new Promise<void>(() => {});
  const calling_off = new AbortController();
  const within = answeredWithin(never, 1e9, calling_off.signal);
  calling_off.abort();
  assertEquals(await within, false);
  assertEquals(await answeredWithin(never, 1e9, AbortSignal.abort()), false);
  await assertRejects(
    () => answeredWithin(Promise.reject(new Error("no locks")), 1e9),
    Error,
    "no locks",
  );
  // One that fails when no caller waits any more is no caller's error.
  const late = Promise.withResolvers<void>();
  assertEquals(await answeredWithin(late.promise, 0), false);
  late.reject(new Error("too late"));
});
