/**
 * A timeout that counts attended time: how long a thread waited for an answer, not how long it did
 * something else. A thread that computes, or that a slow sync keeps, takes no answers; when it comes
 * back, its timers have run out, and on some runtimes they go off first: a lock that was granted at once
 * would count as held all the time. And a holder in this same thread could not have released it either.
 */
import { attended_step_ms } from "../limits.ts";

/** Whether the answer comes in time, and before the signal is aborted. Rejects when the answer does. */
export async function answeredWithin(
  answer: Promise<unknown>,
  wait_ms: number,
  signal?: AbortSignal,
): Promise<boolean> {
  let is_answered = false;
  const answered = answer.then(() => {
    is_answered = true;
  });
  for (let left_ms = wait_ms; left_ms > 0 && !signal?.aborted; left_ms -= attended_step_ms) {
    await step(answered, Math.min(left_ms, attended_step_ms), signal);
    if (is_answered) return true;
  }
  // What was answered while the thread was busy arrives in the next turn of its event loop.
  await Promise.race([answered, turn()]);
  return is_answered;
}

/** Ends with the answer, after a while, or when the signal is aborted. */
async function step(answered: Promise<void>, wait_ms: number, signal?: AbortSignal): Promise<void> {
  const over = Promise.withResolvers<void>();
  const end = () => over.resolve();
  const timer = setTimeout(end, wait_ms);
  signal?.addEventListener("abort", end);
  try {
    await Promise.race([answered, over.promise]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", end);
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
