/**
 * A file in memory, for bytes that are made or read where no disk is wanted. It may stand for a range of a
 * larger file: offsets are those of that file.
 */
import { grown } from "../bytes.ts";
import { read_bytes } from "../limits.ts";
import type { FileFacts, OpenFile } from "./seam.ts";

/** Bytes that are read and appended to like a file's. Nothing about it is shared, or durable. */
export class MemoryFile implements OpenFile {
  #bytes: Uint8Array<ArrayBuffer>;
  #size_bytes: number;

  constructor(
    readonly path: string,
    content: Uint8Array<ArrayBuffer> = new Uint8Array(),
    /** Where the content begins in the file that this stands for. */
    readonly base = 0,
  ) {
    this.#bytes = content;
    this.#size_bytes = content.length;
  }

  /** The content; valid until something is appended. */
  bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#size_bytes);
  }

  readAt(buffer: Uint8Array, offset: number): number {
    const from = Math.min(Math.max(0, offset - this.base), this.#size_bytes);
    const part = this.#bytes.subarray(from, Math.min(from + buffer.length, this.#size_bytes));
    buffer.set(part);
    return part.length;
  }

  findEnd(last_byte: Uint8Array): number {
    if (this.#size_bytes > 0) last_byte[0] = this.#bytes[this.#size_bytes - 1];
    return this.base + this.#size_bytes;
  }

  write(bytes: Uint8Array): number {
    const needed = this.#size_bytes + bytes.length;
    if (needed > this.#bytes.length) {
      this.#bytes = grown(this.#bytes, Math.max(needed, this.#bytes.length * 2, read_bytes));
    }
    this.#bytes.set(bytes, this.#size_bytes);
    this.#size_bytes = needed;
    return bytes.length;
  }

  truncate(size_bytes: number): void {
    this.#size_bytes = Math.max(0, size_bytes - this.base);
  }

  facts(): FileFacts {
    return {
      is_file: true,
      is_folder: false,
      is_link: false,
      is_pipe: false,
      is_device: false,
      is_endless: false,
      size_bytes: this.base + this.#size_bytes,
      identity: `memory ${this.path}`,
      links: 0,
      modified_ms: 0,
      mode: null,
      uid: null,
    };
  }

  readonly can_try_lock = true;
  syncData(): void {}
  syncDataInBackground = () => Promise.resolve();
  sync(): void {}
  tryLock = () => true;
  lockSoon = () => true;
  lock = () => Promise.resolve(true);
  lockInLine = () => Promise.resolve();
  unlock(): void {}
  close(): void {}
  [Symbol.dispose](): void {}
}
