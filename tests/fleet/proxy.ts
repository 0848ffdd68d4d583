/**
 * A proxy between one process and the gateway of an object store: it counts the requests, loses answers, cuts
 * uploads, and ends the process before, during or after the k-th of them. Each request has a connection
 * of its own. It passes bytes on as they are, so signatures hold.
 */

/** What happens to one request instead of being passed on and answered. */
export type Mishap =
  /** It is passed on; its answer is not, and the connection ends. */
  | "lost"
  /** Half of it is passed on, then both connections end. */
  | "cut";

/** When the process is ended: at its request's arrival, in the middle of it, or once it is answered. */
export const MOMENTS = ["before", "during", "after"] as const;

/** A request, as its mishap is chosen by it. */
export interface PassedRequest {
  /** Counted from 1, for each process anew, */
  number: number;
  /** and among its uploads; 0 of what is none. */
  upload: number;
  method: string;
  path: string;
}

/** What is to be done with the requests of one process. */
export interface ProxyPlan {
  mishapOf(request: PassedRequest): Mishap | undefined;
  /** Called when half of a request is passed on; the rest waits for it. */
  onHalf?(request: PassedRequest): Promise<void>;
  /** At which request, and when in it, the process is ended. */
  kill?: {
    isAt(request: PassedRequest): boolean;
    moment: typeof MOMENTS[number];
    end(): void;
  };
}

const CONNECTION = /\r\nconnection:[^\r]*/i;
const LENGTH = /\r\ncontent-length: *(\d+)/i;

/** A proxy on loopback. */
export class FaultyProxy implements Disposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  /** Of the process that is there now. */
  requests = 0;
  uploads = 0;
  #plan: ProxyPlan = { mishapOf: () => undefined };

  constructor(readonly target_port: number) {
    this.#accept();
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.#listener.addr.port}`;
  }

  /** What is to be done with the requests of the next process. */
  set plan(plan: ProxyPlan) {
    this.requests = this.uploads = 0;
    this.#plan = plan;
  }

  [Symbol.dispose](): void {
    this.#listener.close();
  }

  async #accept(): Promise<void> {
    for await (const client of this.#listener) {
      // A client that is dead, and a gateway that is, end a connection like any other.
      this.#pass(client).catch(() => {}).finally(() => close(client));
    }
  }

  async #pass(client: Deno.TcpConn): Promise<void> {
    const request = await readMessage(client);
    if (!request) return;
    const [, method, path] = /^(\S+) (\S+)/.exec(request.head)!;
    const upload = method === "PUT" ? ++this.uploads : 0;
    const facts = { number: ++this.requests, upload, method, path };
    const { kill, onHalf, mishapOf } = this.#plan;
    const moment = kill?.isAt(facts) ? kill.moment : undefined;
    const mishap = moment ? undefined : mishapOf(facts);
    if (moment === "before") return kill!.end();
    const gateway = await Deno.connect({ hostname: "127.0.0.1", port: this.target_port });
    try {
      const head = new TextEncoder().encode(request.head);
      await writeAll(gateway, head);
      const half = request.body.length >> 1;
      await writeAll(gateway, request.body.subarray(0, half));
      await onHalf?.(facts);
      if (mishap === "cut") return;
      // Half of an upload, or, where the request has no body, all of it without its answer.
      if (moment === "during") return kill!.end();
      await writeAll(gateway, request.body.subarray(half));
      const answer = await readToEnd(gateway);
      if (moment === "after") return kill!.end();
      if (mishap !== "lost") await writeAll(client, answer);
    } finally {
      close(gateway);
    }
  }
}

/** A message that a client sends, with its connection asked to end behind it; undefined where none comes. */
async function readMessage(
  connection: Deno.TcpConn,
): Promise<{ head: string; body: Uint8Array } | undefined> {
  let bytes = new Uint8Array();
  let wanted = Infinity;
  let head = "";
  for (const chunk = new Uint8Array(65_536); bytes.length < wanted;) {
    const count = await connection.read(chunk);
    if (count === null) return undefined;
    const grown = new Uint8Array(bytes.length + count);
    grown.set(bytes);
    grown.set(chunk.subarray(0, count), bytes.length);
    bytes = grown;
    if (head !== "") continue;
    const end = new TextDecoder("latin1").decode(bytes).indexOf("\r\n\r\n");
    if (end < 0) continue;
    head = new TextDecoder().decode(bytes.subarray(0, end));
    wanted = end + 4 + Number(LENGTH.exec(head)?.[1] ?? 0);
    bytes = bytes.slice(end + 4);
    wanted -= end + 4;
  }
  return { head: `${head.replace(CONNECTION, "")}\r\nConnection: close\r\n\r\n`, body: bytes };
}

async function readToEnd(connection: Deno.TcpConn): Promise<Uint8Array> {
  return new Uint8Array(await new Response(connection.readable).arrayBuffer());
}

async function writeAll(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // It was closed by reading to its end.
  }
}
