/**
 * An answer in memory that two threads share. For every message that a thread posts, Deno detaches a
 * buffer, and from the first on all of its code that goes through bytes is a fifth slower: V8 had
 * compiled it for buffers that stay. A thread whose work is that tells what it has done here.
 */
import { thread_answer_bytes_max } from "../limits.ts";

const TEXT_AT = 4;

/** Room for one answer. */
export function roomForAnswer(): SharedArrayBuffer {
  return new SharedArrayBuffer(thread_answer_bytes_max);
}

/** Puts an answer there; false when it is too long. */
export function putAnswer(room: SharedArrayBuffer, answer: unknown): boolean {
  const text = new TextEncoder().encode(JSON.stringify(answer));
  if (TEXT_AT + text.length > room.byteLength) return false;
  new Uint8Array(room, TEXT_AT).set(text);
  Atomics.store(new Int32Array(room, 0, 1), 0, text.length);
  return true;
}

/** The answer, once it is there. */
export function answerIn(room: SharedArrayBuffer): unknown {
  const length = Atomics.load(new Int32Array(room, 0, 1), 0);
  if (length === 0) return undefined;
  return JSON.parse(new TextDecoder().decode(new Uint8Array(room, TEXT_AT, length).slice()));
}
