/** One client: its requests are read, handed over and answered one after the other. */
import { joined } from "../bytes.ts";
import type { World } from "../world.ts";
import { ByteReader, RequestProblem, StreamEnded } from "./byte_reader.ts";
import {
  type AllowedHosts,
  checkBodySize,
  type HttpLimits,
  readBody,
  readHead,
  type RequestHead,
} from "./request.ts";
import {
  asBytes,
  chunkOf,
  CONTINUE,
  type Framing,
  hasBody,
  type HttpResponse,
  LAST_CHUNK,
  plainAnswer,
  responseHead,
} from "./response.ts";
import { ConnectionLost, DeadlinePassed, type Socket, Wire } from "./wire.ts";

export interface HttpRequest extends Pick<RequestHead, "method" | "path" | "headers"> {
  query: URLSearchParams;
  body: Uint8Array;
  /** Aborted when the client leaves or the server closes: a stream without an end ends then. */
  signal: AbortSignal;
}

interface ConnectionHost {
  readonly world: Pick<World, "now_ms" | "pause" | "turn">;
  readonly hosts: AllowedHosts;
  readonly limits: Omit<
    HttpLimits,
    "connections_max" | "close_wait_ms" | "accept_pause_ms" | "accept_quiet_ms"
  >;
  handler(request: HttpRequest): HttpResponse | Promise<HttpResponse>;
  onFailure(request: RequestHead | undefined, cause: unknown): void;
  /** While a connection waits for its client, it may be given up for another. */
  onWaiting(connection: Connection, is_waiting: boolean): void;
}

const ENDS = [ConnectionLost, DeadlinePassed, StreamEnded];

export class Connection {
  readonly #wire: Wire;
  readonly #reader: ByteReader;
  readonly #stop = new AbortController();
  #request?: RequestHead;
  #is_waiting = false;
  #is_first = true;
  #is_finishing = false;
  #answered_bytes = 0;

  constructor(readonly host: ConnectionHost, socket: Socket) {
    this.#wire = new Wire(socket, host.world);
    this.#reader = new ByteReader(() => this.#wire.pull());
    this.#wire.lost.addEventListener("abort", () => this.#stop.abort());
  }

  /** Serves the client to its end; settles once the system has the connection back. Never throws. */
  async run(): Promise<void> {
    try {
      while (await this.#exchange() && !this.#is_finishing) {
        // Neither a read nor a write of what is there lets anything else have its turn.
        if (this.#reader.holds_bytes) await this.host.world.turn();
      }
    } catch (cause) {
      if (!ENDS.some((end) => cause instanceof end)) this.host.onFailure(this.#request, cause);
    } finally {
      this.drop();
    }
    await this.#wire.gone();
  }

  async refuse(): Promise<void> {
    try {
      await this.#say(503, "this server has as many clients as it takes; try again");
    } catch {
      // It has left already.
    }
    this.drop();
    await this.#wire.gone();
  }

  drop(): void {
    this.#waits(false);
    this.#wire.close();
  }

  /** Takes no more requests; one that came whole is still answered. */
  finish(): void {
    this.#is_finishing = true;
    this.#stop.abort();
    if (this.#is_waiting) this.drop();
  }

  async #exchange(): Promise<boolean> {
    this.#waits(true);
    try {
      const head = await this.#readHead();
      if (head === undefined) return false;
      this.#request = head;
      const body = await this.#readBody(head);
      this.#waits(false);
      return await this.#answer(head, body);
    } catch (cause) {
      if (!(cause instanceof RequestProblem)) throw cause;
      this.#waits(false);
      await this.#say(cause.status, cause.message);
      await this.#linger();
      return false;
    }
  }

  async #readHead(): Promise<RequestHead | undefined> {
    const { limits } = this.host;
    const wait_ms = this.#is_first ? limits.head_wait_ms : limits.idle_ms;
    this.#request = undefined;
    this.#is_first = false;
    // Nothing was asked yet: one that stays silent is not answered.
    if (!await this.#wire.within(wait_ms, () => this.#reader.fill())) return undefined;
    return await this.#inTime(limits.head_wait_ms, () => readHead(this.#reader, limits));
  }

  async #readBody(head: RequestHead): Promise<Uint8Array> {
    const { hosts, limits } = this.host;
    for (const host of head.hosts) hosts.check(host);
    checkBodySize(head, limits);
    if (head.expects_continue && head.body !== 0) await this.#push(CONTINUE);
    return await this.#inTime(limits.body_wait_ms, () => readBody(this.#reader, head, limits));
  }

  async #inTime<Result>(duration_ms: number, read: () => Promise<Result>): Promise<Result> {
    try {
      return await this.#wire.within(duration_ms, read);
    } catch (cause) {
      if (!(cause instanceof DeadlinePassed)) throw cause;
      throw new RequestProblem(408, "the request did not come whole in time");
    }
  }

  async #answer(head: RequestHead, body: Uint8Array): Promise<boolean> {
    const response = await this.#ask(head, body);
    const content = response.body ?? "";
    const is_stream = typeof content !== "string" && !(content instanceof Uint8Array);
    const bytes = is_stream ? new Uint8Array(0) : asBytes(content);
    const framing: Framing = !is_stream ? bytes.length : head.is_1_1 ? "chunked" : "end";
    const has_body = head.method !== "HEAD" && hasBody(response.status);
    const goes_on = head.keeps_alive && !this.#is_finishing &&
      this.#answered_bytes + bytes.length < this.host.limits.answered_bytes_max;
    const first = this.#head(response, framing, goes_on);
    await this.#push(has_body ? joined(first, bytes) : first);
    if (is_stream) await this.#stream(content, has_body ? framing : undefined);
    if (!goes_on && this.#reader.holds_bytes) await this.#linger();
    return goes_on;
  }

  async #ask(head: RequestHead, body: Uint8Array): Promise<HttpResponse> {
    const { method, path, headers } = head;
    const query = new URLSearchParams(head.query);
    // From here on only this notices a client that leaves.
    this.#wire.listen();
    try {
      const { signal } = this.#stop;
      return await this.host.handler({ method, path, query, headers, body, signal });
    } catch (cause) {
      this.host.onFailure(head, cause);
      return plainAnswer(500, "the server failed to answer; it says why where it runs");
    }
  }

  /** Sends what a stream gives; without a framing nothing is sent, and the stream is let go. */
  async #stream(
    pieces: AsyncIterable<string | Uint8Array>,
    framing: Framing | undefined,
  ): Promise<void> {
    const iterator = pieces[Symbol.asyncIterator]();
    let is_done = false;
    try {
      while (framing !== undefined) {
        const next = await unlessAborted(this.#wire.lost, iterator.next());
        if (next === undefined) throw new ConnectionLost();
        is_done = next.done === true;
        if (next.done) break;
        const piece = asBytes(next.value);
        await this.#push(framing === "chunked" ? chunkOf(piece) : piece);
      }
    } finally {
      if (!is_done) iterator.return?.().catch(() => {});
    }
    if (framing === "chunked") await this.#push(LAST_CHUNK);
  }

  /** An answer of ours, after which the connection ends. */
  async #say(status: number, sentence: string): Promise<void> {
    const response = plainAnswer(status, sentence);
    const bytes = asBytes(`${sentence}\n`);
    await this.#push(joined(this.#head(response, bytes.length, false), bytes));
  }

  #head(response: HttpResponse, framing: Framing, keeps_alive: boolean): Uint8Array {
    return responseHead(response, { framing, keeps_alive, now_ms: this.host.world.now_ms() });
  }

  async #push(bytes: Uint8Array): Promise<void> {
    this.#answered_bytes += bytes.length;
    await this.#wire.push(bytes, this.host.limits.write_wait_ms);
  }

  /** Takes what still comes: to hang up on it would take back the answer that says why. */
  async #linger(): Promise<void> {
    this.#waits(true);
    await this.#wire.endOutput();
    await this.#wire.within(this.host.limits.linger_ms, async () => {
      while (await this.#wire.pull() !== null);
    });
  }

  #waits(is_waiting: boolean): void {
    if (this.#is_waiting === is_waiting) return;
    this.#is_waiting = is_waiting;
    this.host.onWaiting(this, is_waiting);
  }
}

/** What is waited for; undefined when the signal is aborted before. */
function unlessAborted<Result>(
  signal: AbortSignal,
  work: Promise<Result>,
): Promise<Result | undefined> {
  return new Promise((resolve, reject) => {
    const stop = () => resolve(undefined);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop);
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
