/** Long work: how far it is, shown on a terminal until it is done; and its orderly stop by a signal. */
import { humanBytes, humanCount, humanDuration } from "../base/format.ts";
import { progress_every_ms, progress_quiet_ms } from "../base/limits.ts";
import type { Input, World } from "../base/world.ts";
import { hasCodes, say } from "./print.ts";

const CLEARED = "\r\u001b[K";

/** A line that tells how far work is, how fast it goes, and how long it will take. */
export class Progress implements Disposable {
  readonly #started_ms: number;
  #shown_ms = -Infinity;
  #is_shown = false;

  /** What is done is counted in bytes, or in what `unit` says: "runs". */
  constructor(readonly world: World, readonly unit = "bytes") {
    this.#started_ms = world.elapsed_ms();
  }

  /** Whether it would be visible. */
  get is_wanted(): boolean {
    return hasCodes(this.world, this.world.stderr);
  }

  /** So much is done; of so much, where that is known. */
  readonly show = (done: number, total?: number): void => {
    if (!this.is_wanted) return;
    const now_ms = this.world.elapsed_ms();
    const spent_ms = now_ms - this.#started_ms;
    if (spent_ms < progress_quiet_ms || now_ms - this.#shown_ms < progress_every_ms) return;
    const rate = done / spent_ms * 1000;
    const text = [
      total ? `${Math.min(100, Math.floor(done / total * 100))} %` : this.#amount(done),
      `${this.#amount(Math.round(rate))}/s`,
      ...(total && rate > 0 ? [`${leftText((total - done) / rate)} left`] : []),
    ].join("  ");
    this.world.stderr.write(CLEARED + text.slice(0, this.world.stderr.columns - 1));
    this.#shown_ms = now_ms;
    this.#is_shown = true;
  };

  /** Says something in place of the line. */
  readonly say = (words: string): void => {
    this.clear();
    say(this.world, words);
  };

  clear(): void {
    if (this.#is_shown) this.world.stderr.write(CLEARED);
    this.#is_shown = false;
  }

  [Symbol.dispose](): void {
    this.clear();
  }

  #amount(count: number): string {
    return this.unit === "bytes" ? humanBytes(count) : `${humanCount(count)} ${this.unit}`;
  }
}

function leftText(seconds: number): string {
  const left = Math.max(0, Math.ceil(seconds));
  return left < 60 ? `${left} s` : humanDuration(left * 1000);
}

/** An input that shows how much of it is read; of so many bytes, where that is known. */
export function withProgress(
  input: Pick<Input, "read">,
  progress: Progress,
  total_bytes?: number,
): Pick<Input, "read"> {
  if (!progress.is_wanted) return input;
  let read_bytes = 0;
  return {
    async read(buffer) {
      const count = await input.read(buffer);
      progress.show(read_bytes += count ?? 0, total_bytes);
      return count;
    },
  };
}

/** Listens for SIGINT and SIGTERM until it is disposed of. */
export interface Interruption extends Disposable {
  /** Aborted by the first signal. */
  signal: AbortSignal;
  /** Which signal it was, once there was one. */
  stoppedBy: () => string | undefined;
}

/** Listens for the operator, or the scheduler, who wants this process to stop. */
export function stopOnInterrupt(world: World): Interruption {
  const controller = new AbortController();
  let stopped_by: string | undefined;
  const done = world.onInterrupt((signal) => {
    stopped_by = signal;
    controller.abort();
  });
  return { signal: controller.signal, stoppedBy: () => stopped_by, [Symbol.dispose]: done };
}
