/** What handlers answer: streams, failures, headers. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { HttpResponse } from "../../../src/base/http/server.ts";
import { get, TestServer, until } from "./client.ts";

/** A stream that gives what the test puts in, and says when it was let go. */
class Tap {
  is_let_go = false;
  readonly #stream = new TransformStream<string, string>();
  readonly #writer = this.#stream.writable.getWriter();

  async *pieces(): AsyncGenerator<string> {
    try {
      yield* this.#stream.readable;
    } finally {
      this.is_let_go = true;
    }
  }

  async put(text: string): Promise<void> {
    await this.#writer.write(text);
  }

  async end(): Promise<void> {
    await this.#writer.close();
  }
}

Deno.test("a stream is sent as it comes, in chunks, and to HTTP/1.0 until the end", async () => {
  for (const version of ["1.1", "1.0"]) {
    const tap = new Tap();
    await using server = new TestServer(() => ({ status: 200, body: tap.pieces() }));
    using client = await server.connect();
    await client.send(get(server.host).replace("1.1", version));
    await until(() => server.requests.length === 1, "it is asked");
    await tap.put("first");
    while (!client.received.includes("first")) assert(await client.hear());
    await Promise.all([tap.put(""), tap.put("second"), tap.end()]);
    const { headers, body } = await client.answer();
    assertEquals(body, "firstsecond");
    const is_chunked = headers.get("transfer-encoding") === "chunked";
    assertEquals([is_chunked, headers.get("connection")], [
      version === "1.1",
      version === "1.1" ? undefined : "close",
    ]);
    assert(tap.is_let_go);
  }
});

Deno.test("a stream is let go when its client leaves, and when its body is not wanted", async () => {
  for (const method of ["GET", "HEAD"]) {
    let is_let_go = false;
    const iterator: AsyncIterator<string> = {
      next: () => new Promise(() => {}),
      return: () => {
        is_let_go = true;
        return Promise.resolve({ done: true, value: undefined });
      },
    };
    const body = { [Symbol.asyncIterator]: () => iterator };
    await using server = new TestServer(() => ({ status: 200, body }));
    const client = await server.connect();
    await client.send(get(server.host).replace("GET", method));
    const { headers } = await client.answer("HEAD");
    assertEquals(headers.get("transfer-encoding"), "chunked");
    if (method === "GET") client[Symbol.dispose]();
    await until(() => is_let_go, "the stream is let go");
    if (method === "HEAD") client[Symbol.dispose]();
    else assert(server.requests[0].signal.aborted);
    assertEquals(server.errors, []);
  }
});

Deno.test("a stream that fails is told of, and its client sees that it is not whole", async () => {
  // deno-lint-ignore require-yield
  async function* failing(): AsyncGenerator<string> {
    throw new Error("no more of it");
  }
  await using server = new TestServer(() => ({ status: 200, body: failing() }));
  using client = await server.connect();
  await client.send(get(server.host, "/a"));
  assert(!(await client.rest()).includes("\r\n0\r\n"));
  assertEquals(server.errors.map(({ message }) => message), [
    'cannot answer GET "/a": no more of it',
  ]);
});

Deno.test("a stream that ends when it is told to ends well at a close", async () => {
  async function* heartbeat(signal: AbortSignal): AsyncGenerator<string> {
    yield "beat";
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    yield "bye";
  }
  const server = new TestServer(({ signal }) => ({ status: 200, body: heartbeat(signal) }));
  using client = await server.connect();
  await client.send(get(server.host));
  while (!client.received.includes("beat")) assert(await client.hear());
  const closed = server.server.close();
  assertEquals((await client.answer()).body, "beatbye");
  await closed;
});

Deno.test("a handler that fails is 500 without a word of why, which is told where it runs", async () => {
  const failing = (): HttpResponse => {
    throw new TypeError("secret is undefined");
  };
  await using server = new TestServer(failing);
  using client = await server.connect();
  for (let number = 0; number < 2; number++) {
    const { status, body } = await client.ask(get(server.host));
    assertEquals([status, body], [500, "the server failed to answer; it says why where it runs\n"]);
  }
  assertEquals(server.errors[0].message, 'cannot answer GET "/": secret is undefined');
});

Deno.test("no header of an answer can become two", async () => {
  for (const [name, value] of [["a", "b\r\nc: d"], ["a b", "c"], ["content-length", "1"]]) {
    await using server = new TestServer(() => ({ status: 200, headers: { [name]: value } }));
    using client = await server.connect();
    await client.send(get(server.host));
    assertEquals(await client.rest(), "");
    assertMatch(server.errors[0].message, /no header of an answer/);
  }
});

Deno.test("an answer without a body says no length", async () => {
  await using server = new TestServer(() => ({ status: 304, headers: { "etag": '"a"' } }));
  using client = await server.connect();
  const { status, headers } = await client.ask(get(server.host));
  assertEquals([status, [...headers.keys()]], [304, ["date", "etag"]]);
  assertEquals((await client.ask(get(server.host))).status, 304);
});
