/** One end of a TCP connection on which nothing waits past its deadline. */
import type { World } from "../world.ts";
import { http_read_bytes, http_write_bytes } from "../limits.ts";

export type Socket = Pick<Deno.TcpConn, "read" | "write" | "close" | "closeWrite">;

export class DeadlinePassed extends Error {
  override name = "DeadlinePassed";
}

export class ConnectionLost extends Error {
  override name = "ConnectionLost";
}

/** A time that begins with the first wait: what is there already needs none. */
class Deadline implements Disposable {
  readonly #done = new AbortController();
  #passed?: Promise<"passed">;

  constructor(readonly world: Pick<World, "pause">, readonly duration_ms: number) {}

  /** Settles when it has passed, and never once it has ended. */
  get passed(): Promise<"passed"> {
    return this.#passed ??= new Promise((resolve) => {
      this.world.pause(this.duration_ms, this.#done.signal).then(() => {
        if (!this.#done.signal.aborted) resolve("passed");
      });
    });
  }

  [Symbol.dispose](): void {
    this.#done.abort();
  }
}

/** A connection as a pull of pieces and a push of bytes. */
export class Wire {
  readonly #buffer = new Uint8Array(http_read_bytes);
  readonly #lost = new AbortController();
  /** A read that was begun. Only the end of the connection takes it back, so it is kept. */
  #coming?: Promise<Uint8Array | null>;
  #deadline?: Deadline;
  #writing?: Promise<unknown>;
  #is_closed = false;

  constructor(readonly socket: Socket, readonly world: Pick<World, "pause" | "turn">) {}

  /** Aborted once the client has ended its side, or we have ended ours. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Does something that has to be over by then: a `pull` or `push` in it throws `DeadlinePassed`. */
  async within<Result>(duration_ms: number, work: () => Promise<Result>): Promise<Result> {
    using deadline = new Deadline(this.world, duration_ms);
    this.#deadline = deadline;
    try {
      return await work();
    } finally {
      this.#deadline = undefined;
    }
  }

  /** The next piece; null when there is no more. A client that sends on and on gives others their turn. */
  async pull(): Promise<Uint8Array | null> {
    await this.world.turn();
    const piece = await this.#inTime(this.listen());
    this.#coming = undefined;
    return piece;
  }

  /** Reads ahead by one piece, so that a client that leaves is noticed. */
  listen(): Promise<Uint8Array | null> {
    return this.#coming ??= this.#read();
  }

  /** Sends all of it, each bit of it within the time. */
  async push(bytes: Uint8Array, bit_ms: number): Promise<void> {
    for (let from = 0; from < bytes.length; from += http_write_bytes) {
      await this.within(bit_ms, () => this.#write(bytes.subarray(from, from + http_write_bytes)));
    }
  }

  /** Says that no more will be sent; what comes can still be pulled. */
  async endOutput(): Promise<void> {
    try {
      await this.socket.closeWrite();
    } catch {
      this.close();
    }
  }

  close(): void {
    if (this.#is_closed) return;
    this.#is_closed = true;
    this.#lost.abort();
    this.socket.close();
  }

  /**
   * Settles once the system has taken the connection back. Runtimes before Deno 2.9 keep it, closed as
   * it is, while a write to a client that does not read is under way: until that client leaves.
   */
  async gone(): Promise<void> {
    await this.#writing?.catch(() => {});
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let written = 0; written < bytes.length;) {
      if (this.#is_closed) throw new ConnectionLost();
      const writing = this.socket.write(bytes.subarray(written)).catch(() => {
        throw new ConnectionLost();
      });
      this.#writing = writing;
      written += await this.#inTime(writing);
    }
  }

  async #read(): Promise<Uint8Array | null> {
    try {
      const count = this.#is_closed ? null : await this.socket.read(this.#buffer);
      if (count !== null) return this.#buffer.slice(0, count);
    } catch {
      // A reset by the client, or a hanging up of ours: an end like any other.
    }
    this.#lost.abort();
    return null;
  }

  async #inTime<Result>(work: Promise<Result>): Promise<Result> {
    if (!this.#deadline) return await work;
    const result = await Promise.race([work, this.#deadline.passed]);
    if (result !== "passed") return result;
    work.catch(() => {});
    throw new DeadlinePassed();
  }
}
