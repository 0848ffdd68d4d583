/**
 * A small HTTP/1.1 server that no client can block: every wait has a deadline, the number of connections
 * a limit, and failures of the listener are reported and survived. What the platform offers
 * (`Deno.serve`, and `node:http` on the executable's runtime) has none of these.
 */
import { LedgerError, quoted } from "../error.ts";
import { HTTP_LIMITS } from "../limits.ts";
import type { World } from "../world.ts";
import { Connection, type HttpRequest } from "./connection.ts";
import { AllowedHosts, type HttpLimits } from "./request.ts";
import type { HttpResponse } from "./response.ts";

export type { HttpRequest } from "./connection.ts";
export type { HttpResponse } from "./response.ts";

type HttpWorld = Pick<World, "now_ms" | "elapsed_ms" | "pause" | "turn">;

type Listener = Pick<Deno.TcpListener, "accept" | "close" | "addr">;

export interface ServeOptions {
  /** Where to listen; or what listens already. */
  at: { hostname: string; port: number } | Listener;
  /** What `Host` may say: names with a port, or without for the one that is listened on. */
  allowed_hosts: readonly string[];
  handler: (request: HttpRequest) => HttpResponse | Promise<HttpResponse>;
  /** What clients cannot be told: a listener that fails, an answer that fails. */
  onError: (error: LedgerError) => void;
  limits?: Partial<HttpLimits>;
}

export function serve(world: HttpWorld, options: ServeOptions): HttpServer {
  const listener = "accept" in options.at ? options.at : listenOn(options.at);
  return new HttpServer(world, listener, options);
}

/** What to do where a port cannot be had, by the name of the error. */
const HINTS: Readonly<Record<string, string>> = {
  AddrInUse: "another program may have the port; take another one, or 0 for any",
  AddrNotAvailable: "this machine has no such address",
  PermissionDenied: "ports below 1024 are kept for root; take a higher one, or 0 for any",
  NotCapable: "the program that uses the library has to allow it: --allow-net",
};

function listenOn({ hostname, port }: { hostname: string; port: number }): Listener {
  try {
    return Deno.listen({ hostname, port });
  } catch (cause) {
    throw new LedgerError({
      code: "io",
      message: `cannot answer on ${asHost(hostname)}:${port}: ${(cause as Error).message}`,
      hint: HINTS[(cause as Error).name] ?? HINTS.AddrInUse,
      cause,
    });
  }
}

function asHost(hostname: string): string {
  return hostname.includes(":") ? `[${hostname}]` : hostname;
}

export class HttpServer {
  /** Where it answers: `http://127.0.0.1:9184`. */
  readonly url: string;
  readonly #limits: HttpLimits;
  readonly #hosts: AllowedHosts;
  readonly #closing = new AbortController();
  readonly #accepting: Promise<void>;
  /** All that hold a descriptor, with their ends. */
  readonly #connections = new Map<Connection, Promise<void>>();
  /** Those that wait for their clients, the longest first. */
  readonly #waiting = new Set<Connection>();
  /** How many clients there may be; fewer after descriptors ran out. */
  #room: number;
  #failed_ms?: number;

  constructor(
    readonly world: HttpWorld,
    readonly listener: Listener,
    readonly options: ServeOptions,
  ) {
    this.#limits = { ...HTTP_LIMITS, ...options.limits };
    this.#room = this.#limits.connections_max;
    const { hostname, port } = listener.addr;
    this.url = `http://${asHost(hostname)}:${port}`;
    this.#hosts = new AllowedHosts(options.allowed_hosts, port);
    this.#accepting = this.#accept();
  }

  /** Takes nothing new, lets what is in hand be answered, and hangs up on the rest. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    this.listener.close();
    await this.#accepting;
    for (const connection of [...this.#connections.keys()]) connection.finish();
    await this.#endOf(Promise.all(this.#connections.values()), this.#limits.close_wait_ms);
    for (const connection of this.#connections.keys()) connection.drop();
  }

  async #accept(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        await this.#admit(await this.listener.accept());
      } catch (cause) {
        if (signal.aborted) return;
        this.#tellFailure(cause as Error);
        await this.#leaveDescriptors();
        await this.world.pause(this.#limits.accept_pause_ms, signal);
      }
    }
  }

  async #admit(socket: Deno.TcpConn): Promise<void> {
    if (this.#isQuiet()) this.#room = this.#limits.connections_max;
    const has_room = this.#connections.size < this.#room || await this.#dropLongestWaiting();
    const connection = new Connection({
      world: this.world,
      hosts: this.#hosts,
      limits: this.#limits,
      handler: this.options.handler,
      onFailure: (request, cause) => {
        const what = request ? `${request.method} ${quoted(request.path)}` : "a request";
        const message = `cannot answer ${what}: ${(cause as Error).message}`;
        this.options.onError(new LedgerError({ code: "io", message, cause }));
      },
      onWaiting: (waiting, is_waiting) => {
        if (is_waiting) this.#waiting.add(waiting);
        else this.#waiting.delete(waiting);
      },
    }, socket);
    const ended = (has_room ? connection.run() : connection.refuse())
      .finally(() => this.#connections.delete(connection));
    this.#connections.set(connection, ended);
  }

  /** A client that has not asked yet makes room for one that may; false where all are being answered. */
  async #dropLongestWaiting(): Promise<boolean> {
    for (const connection of this.#waiting) {
      connection.drop();
      await this.#endOf(this.#connections.get(connection), this.#limits.accept_pause_ms);
      return true;
    }
    return false;
  }

  /** Where descriptors ran out, the log needs those that clients hold: half of them have to do. */
  async #leaveDescriptors(): Promise<void> {
    this.#room = Math.max(1, Math.floor(this.#connections.size / 2));
    while (this.#connections.size > this.#room && await this.#dropLongestWaiting());
  }

  async #endOf(work: Promise<unknown> | undefined, wait_ms: number): Promise<void> {
    const ended = new AbortController();
    await Promise.race([work, this.world.pause(wait_ms, ended.signal)]);
    ended.abort();
  }

  /** Whether the listener has gone well for so long that a failure is news. */
  #isQuiet(): boolean {
    return this.#failed_ms === undefined ||
      this.world.elapsed_ms() - this.#failed_ms > this.#limits.accept_quiet_ms;
  }

  /** The same failure is not reported for every client that it keeps waiting. */
  #tellFailure(cause: Error): void {
    const is_news = this.#isQuiet();
    this.#failed_ms = this.world.elapsed_ms();
    if (!is_news) return;
    this.options.onError(
      new LedgerError({
        code: "io",
        message: `cannot take a client on ${this.url}: ${cause.message}`,
        hint: "the server goes on with fewer clients; to serve more, raise `ulimit -n`",
        cause,
      }),
    );
  }
}
