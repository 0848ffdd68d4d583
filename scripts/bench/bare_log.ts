/** The least that a durable, shared log can do: what our writer is held against. */
import { writeAll } from "./events.ts";

/** A file that several processes append to: flock, write, release, fdatasync. */
export class BareLog implements Disposable {
  readonly #file: Deno.FsFile;
  /** How much this process has appended. */
  bytes = 0;

  constructor(path: string) {
    this.#file = Deno.openSync(path, { append: true, create: true });
  }

  /** Appends whole lines; they are durable when it returns. */
  append(lines: Uint8Array): void {
    this.#file.lockSync(true);
    writeAll(this.#file, lines);
    this.#file.unlockSync();
    this.#file.syncDataSync();
    this.bytes += lines.length;
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}
