/** A client that says exactly the bytes it is told to, and takes answers apart by itself. */
import { assert } from "@std/assert";
import {
  type HttpRequest,
  type HttpResponse,
  type HttpServer,
  serve,
  type ServeOptions,
} from "../../../src/base/http/server.ts";
import type { LedgerError } from "../../../src/base/error.ts";
import { LOOPBACK_HOSTS } from "../../../src/base/http/request.ts";
import { patience } from "../../crash/kills/crash.ts";
import { testWorld } from "../../harness.ts";

/** One answer, as it came. */
export interface Answer {
  status: number;
  headers: Map<string, string>;
  body: string;
}

const decoder = new TextDecoder("latin1");

/** Text as bytes, one for each character. */
export function latin1(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

/** A connection. */
export class Client implements Disposable {
  /** All that was received and not taken, one character for each byte. */
  received = "";
  has_ended = false;

  private constructor(readonly conn: Deno.TcpConn) {}

  static async to(url: string): Promise<Client> {
    const { hostname, port } = new URL(url);
    return new Client(
      await Deno.connect({ hostname: hostname.replace(/^\[|\]$/g, ""), port: Number(port) }),
    );
  }

  /** Sends text; a server that hung up is noticed when its answer is read. */
  async send(text: string | Uint8Array): Promise<void> {
    const bytes = typeof text === "string" ? latin1(text) : text;
    try {
      for (let sent = 0; sent < bytes.length;) {
        sent += await this.conn.write(bytes.subarray(sent));
      }
    } catch {
      this.has_ended = true;
    }
  }

  /** Sends a request and takes its answer. */
  async ask(text: string, method = "GET"): Promise<Answer> {
    await this.send(text);
    return await this.answer(method);
  }

  /** The next answer. Fails when the server hangs up before its end. */
  async answer(method = "GET"): Promise<Answer> {
    await this.#until(() => this.received.includes("\r\n\r\n"));
    const end = this.received.indexOf("\r\n\r\n");
    const [first, ...lines] = this.#take(end + 4).slice(0, -4).split("\r\n");
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1]);
    assert(status, first);
    const headers = new Map(lines.map((line) => {
      const [, name, value] = /^([a-z0-9-]+): ([\x20-\x7e]*)$/.exec(line) ?? [];
      assert(name, line);
      return [name, value];
    }));
    const has_body = method !== "HEAD" && ![100, 204, 304].includes(status);
    return { status, headers, body: has_body ? await this.#body(headers) : "" };
  }

  /** Takes in what comes next; false at the end. */
  hear(): Promise<boolean> {
    return this.#more();
  }

  /** All that comes until the server hangs up. */
  async rest(): Promise<string> {
    while (await this.#more());
    return this.#take(this.received.length);
  }

  [Symbol.dispose](): void {
    this.conn.close();
  }

  async #body(headers: Map<string, string>): Promise<string> {
    if (headers.get("transfer-encoding") !== "chunked") {
      const length = headers.get("content-length");
      if (length === undefined) return await this.rest();
      await this.#until(() => this.received.length >= Number(length));
      return this.#take(Number(length));
    }
    for (let body = "";;) {
      await this.#until(() => this.received.includes("\r\n"));
      const line = this.#take(this.received.indexOf("\r\n") + 2);
      const size = parseInt(line, 16);
      await this.#until(() => this.received.length >= size + 2);
      body += this.#take(size);
      assert(this.#take(2) === "\r\n");
      if (size === 0) return body;
    }
  }

  #take(count: number): string {
    const taken = this.received.slice(0, count);
    this.received = this.received.slice(count);
    return taken;
  }

  async #until(isThere: () => boolean): Promise<void> {
    while (!isThere()) {
      assert(await this.#more(), `the server hung up after ${JSON.stringify(this.received)}`);
    }
  }

  async #more(): Promise<boolean> {
    const buffer = new Uint8Array(65_536);
    const count = this.has_ended ? null : await this.conn.read(buffer).catch(() => null);
    this.received += decoder.decode(buffer.subarray(0, count ?? 0));
    this.has_ended ||= count === null;
    return count !== null;
  }
}

/** How long what is waited for, no two alike: a test lets one of them pass by its length. */
export const WAITS = {
  head_wait_ms: 11,
  body_wait_ms: 12,
  idle_ms: 13,
  write_wait_ms: 14,
  linger_ms: 15,
  close_wait_ms: 16,
  accept_pause_ms: 17,
  accept_quiet_ms: 1_000,
};

/** A server whose clock moves only when a test says so: deadlines pass at once or never. */
export class TestServer implements AsyncDisposable {
  readonly errors: LedgerError[] = [];
  readonly requests: HttpRequest[] = [];
  readonly server: HttpServer;
  readonly #pauses = new Set<{ duration_ms: number; end: () => void }>();
  #now_ms = 0;

  constructor(
    handler: (request: HttpRequest) => HttpResponse | Promise<HttpResponse> = echo,
    options: Partial<ServeOptions> = {},
  ) {
    const world = testWorld({
      now_ms: () => Date.UTC(2026, 0, 23, 12),
      elapsed_ms: () => this.#now_ms,
      pause: (duration_ms, signal) => this.#pause(duration_ms, signal),
    });
    this.server = serve(world, {
      at: { hostname: "127.0.0.1", port: 0 },
      allowed_hosts: LOOPBACK_HOSTS,
      handler: (request) => {
        this.requests.push(request);
        return handler(request);
      },
      onError: (error) => this.errors.push(error),
      ...options,
      limits: { ...WAITS, ...options.limits },
    });
  }

  get url(): string {
    return this.server.url;
  }

  /** What `Host` has to say. */
  get host(): string {
    return new URL(this.url).host;
  }

  connect(): Promise<Client> {
    return Client.to(this.url);
  }

  /** Clients that stay until the server is closed. */
  readonly leftOpen: Client[] = [];
  readonly #begun = new Map<number, number>();

  /** How many deadlines of this length have begun. */
  begun(duration_ms: number): number {
    return this.#begun.get(duration_ms) ?? 0;
  }

  /** How many deadlines of this length run. */
  waiting(duration_ms: number): number {
    return [...this.#pauses].filter((pause) => pause.duration_ms === duration_ms).length;
  }

  /** Waits until so many deadlines of this length run. */
  async untilWaiting(duration_ms: number, count = 1): Promise<void> {
    await until(() => this.waiting(duration_ms) === count, `${count} waits of ${duration_ms} ms`);
  }

  /** Lets all deadlines of this length pass. */
  pass(duration_ms: number): void {
    this.#now_ms += duration_ms;
    for (const pause of [...this.#pauses]) if (pause.duration_ms === duration_ms) pause.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = this.server.close();
    // What the test left in hand is not waited for.
    const hurry = setInterval(() => this.#pauses.forEach(({ end }) => end()), 1);
    await closed.finally(() => clearInterval(hurry));
    for (const client of this.leftOpen) client[Symbol.dispose]();
  }

  #pause(duration_ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const pause = {
        duration_ms,
        end: () => {
          this.#pauses.delete(pause);
          resolve();
        },
      };
      this.#pauses.add(pause);
      this.#begun.set(duration_ms, this.begun(duration_ms) + 1);
      if (signal?.aborted) return pause.end();
      signal?.addEventListener("abort", pause.end);
    });
  }
}

/** Waits until it is so, looking each time that the event loop turns. */
export async function until(isSo: () => boolean, what: string): Promise<void> {
  const signal = patience();
  while (!isSo()) {
    assert(!signal.aborted, `in vain: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** How many sockets this process has open, by what the kernel says. */
export function openSockets(): number {
  const folder = "/proc/self/fd";
  return [...Deno.readDirSync(folder)].filter(({ name }) => {
    try {
      return Deno.readLinkSync(`${folder}/${name}`).startsWith("socket:");
    } catch {
      // Closed meanwhile.
      return false;
    }
  }).length;
}

/** A request without a body. */
export function get(host: string, path = "/", more = ""): string {
  return `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${more}\r\n`;
}

/** Answers what was asked. */
export function echo({ method, path, query, body }: HttpRequest): HttpResponse {
  const text = new TextDecoder().decode(body);
  return {
    status: 200,
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ method, path, query: query.toString(), text }),
  };
}
