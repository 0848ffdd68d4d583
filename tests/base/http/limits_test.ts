/** What a client cannot do to the server: stay, fill it, take its descriptors, keep it from closing. */
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { LedgerError } from "../../../src/base/error.ts";
import { type Client, echo, get, openSockets, TestServer, until, WAITS } from "./client.ts";

/** What a client may leave half done, and what it hears when its time is up. */
const HALF_DONE: [what: string, (server: TestServer) => string, wait_ms: number, said: RegExp][] = [
  ["nothing", () => "", WAITS.head_wait_ms, /^$/],
  ["half a head", () => "GET / HT", WAITS.head_wait_ms, /^HTTP\/1\.1 408 /],
  [
    "a head without its end",
    ({ host }) => `GET / HTTP/1.1\r\nHost: ${host}\r\n`,
    11,
    /^HTTP.*408 /,
  ],
  [
    "half a body",
    ({ host }) => `POST / HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 9\r\n\r\nabc`,
    WAITS.body_wait_ms,
    /^HTTP\/1\.1 408 /,
  ],
  ["nothing more", ({ host }) => get(host), WAITS.idle_ms, /^HTTP\/1\.1 200 /],
];

for (const [what, sent, wait_ms, said] of HALF_DONE) {
  Deno.test(`a client that sends ${what} is hung up on when its time is up`, async () => {
    await using server = new TestServer();
    using client = await server.connect();
    await client.send(sent(server));
    // The wait for a head's first byte is followed by that for the rest of it.
    const waits = wait_ms === WAITS.head_wait_ms && what !== "nothing" ? 2 : 1;
    await until(() => server.begun(wait_ms) === waits, "it waits");
    server.pass(wait_ms);
    assertMatch(await client.rest(), said);
    assertEquals(server.errors, []);
  });
}

Deno.test("byte by byte is no way to stay longer: the time is for all of a head", async () => {
  await using server = new TestServer();
  using client = await server.connect();
  for (const char of "GET / HTTP/1.1") await client.send(char);
  await until(() => server.begun(WAITS.head_wait_ms) === 2, "its first byte was seen");
  await client.send("\r\n");
  assertEquals(server.begun(WAITS.head_wait_ms), 2);
  server.pass(WAITS.head_wait_ms);
  assertEquals((await client.answer()).status, 408);
});

Deno.test("a client that takes no answer is hung up on, and others are served meanwhile", async () => {
  const large = new Uint8Array(30_000_000);
  await using server = new TestServer(({ path }) => ({
    status: 200,
    body: path === "/large" ? large : "small",
  }));
  using slow = await server.connect();
  await slow.send(get(server.host, "/large"));
  let begun = 0;
  // The system's buffers take the first bits; when a bit stays, no new ones begin.
  await until(() => {
    const before = begun;
    begun = server.begun(WAITS.write_wait_ms);
    return begun > 1 && begun === before && server.waiting(WAITS.write_wait_ms) === 1;
  }, "a write that waits");
  using other = await server.connect();
  assertEquals((await other.ask(get(server.host))).body, "small");
  server.pass(WAITS.write_wait_ms);
  assert((await slow.rest()).length < large.length);
  assertEquals((await other.ask(get(server.host))).body, "small");
  assertEquals(server.errors, []);
});

Deno.test("a connection ends once much was answered, and the client is told with the last answer", async () => {
  await using server = new TestServer(() => ({ status: 200, body: "x".repeat(400) }), {
    limits: { answered_bytes_max: 800 },
  });
  using client = await server.connect();
  assertEquals((await client.ask(get(server.host))).headers.get("connection"), undefined);
  assertEquals((await client.ask(get(server.host))).headers.get("connection"), "close");
  assertEquals(await client.rest(), "");
});

Deno.test("where it is full, the client that has waited longest makes room", async () => {
  await using server = new TestServer(echo, { limits: { connections_max: 3 } });
  const half: Client[] = [];
  for (let number = 0; number < 3; number++) {
    half.push(await server.connect());
    await half[number].send("GET / HT");
    await until(() => server.begun(WAITS.head_wait_ms) === 2 * number + 2, "it waits");
  }
  using first = await server.connect();
  assertEquals((await first.ask(get(server.host))).status, 200);
  assertEquals(await half[0].rest(), "");
  // The others are as they were.
  for (const client of half.slice(1)) {
    assertEquals((await client.ask(`TP/1.1\r\nHost: ${server.host}\r\n\r\n`)).status, 200);
  }
  for (const client of half) client[Symbol.dispose]();
});

Deno.test("half-sent requests by the thousand keep no client from an answer, nor descriptors", async () => {
  await using server = new TestServer(echo, { limits: { connections_max: 20 } });
  const before = openSockets();
  for (let number = 0; number < 1_000; number++) {
    const client = await server.connect();
    await client.send("GET / HTTP/1.1\r\nHost:");
    if (number % 100 === 0) {
      using good = await server.connect();
      assertEquals((await good.ask(get(server.host))).status, 200);
    }
    if (number >= 40) client[Symbol.dispose]();
    else server.leftOpen.push(client);
  }
  await until(() => openSockets() <= before + 40 + 20, "no more sockets than the limit");
});

Deno.test("where all clients are being answered, one more is told to try again", async () => {
  const free = Promise.withResolvers<void>();
  await using server = new TestServer(async () => {
    await free.promise;
    return { status: 200 };
  }, { limits: { connections_max: 1 } });
  using first = await server.connect();
  await first.send(get(server.host));
  await until(() => server.requests.length === 1, "it is being answered");
  using second = await server.connect();
  assertEquals((await second.answer()).status, 503);
  assertEquals(await second.rest(), "");
  free.resolve();
  assertEquals((await first.answer()).status, 200);
  using third = await server.connect();
  assertEquals((await third.ask(get(server.host))).status, 200);
});

Deno.test("an address that cannot be had is an error that says what to do", () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  const hints: [hostname: string, port: number, hint: RegExp][] = [
    ["127.0.0.1", port, /another program may have the port/],
    // An address of documentation, which no machine has.
    ["192.0.2.1", 0, /no such address/],
  ];
  for (const [hostname, port, hint] of hints) {
    const open = () => new TestServer(echo, { at: { hostname, port } });
    const error = assertThrows(open, LedgerError, `cannot answer on ${hostname}:${port}: `);
    assertMatch(error.hint!, hint);
  }
});

Deno.test("a program that did not allow it is told so", { permissions: { net: false } }, () => {
  const error = assertThrows(() => new TestServer(), LedgerError, "cannot answer on 127.0.0.1:0: ");
  assertMatch(error.hint!, /--allow-net/);
});

/** A listener that fails as the system does where descriptors ran out, for so many times. */
class FailingListener {
  readonly #real = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly addr = this.#real.addr;
  failures = 0;

  accept(): Promise<Deno.TcpConn> {
    if (this.failures === 0) return this.#real.accept();
    this.failures--;
    return Promise.reject(new Error("Too many open files (os error 24)"));
  }

  close(): void {
    this.#real.close();
  }
}

Deno.test("a listener that fails is told of once, and tried until it goes well", async () => {
  const at = new FailingListener();
  at.failures = 3;
  await using server = new TestServer(echo, { at });
  const failAndGoOn = async (failures: number) => {
    for (let number = 0; number < failures; number++) {
      await server.untilWaiting(WAITS.accept_pause_ms);
      server.pass(WAITS.accept_pause_ms);
    }
    using client = await server.connect();
    assertEquals((await client.ask(get(server.host))).status, 200);
  };
  await failAndGoOn(3);
  const told = [
    `cannot take a client on ${server.url}: Too many open files (os error 24)`,
    "the server goes on with fewer clients; to serve more, raise `ulimit -n`",
  ];
  const allTold = () => server.errors.flatMap(({ message, hint }) => [message, hint]);
  assertEquals(allTold(), told);
  // Soon again, that is no news; a good while later it is.
  at.failures = 2;
  await failAndGoOn(0);
  await failAndGoOn(2);
  assertEquals(allTold(), told);
  server.pass(WAITS.accept_quiet_ms + 1);
  at.failures = 1;
  await failAndGoOn(0);
  await failAndGoOn(1);
  assertEquals(allTold(), [...told, ...told]);
});

Deno.test("a listener out of descriptors leaves half of them to the rest of the program, for a while", async () => {
  const at = new FailingListener();
  await using server = new TestServer(echo, { at, limits: { connections_max: 8 } });
  const waiting: Client[] = [];
  const fill = async (count: number) => {
    for (; count > 0; count--) {
      waiting.push(await server.connect());
      const waits = () => server.waiting(WAITS.head_wait_ms) === waiting.length;
      await until(waits, "it waits");
    }
  };
  await fill(6);
  at.failures = 1;
  // The accept under way still goes well; the next one fails.
  waiting.push(await server.connect());
  for (const client of waiting.splice(0, 4)) {
    assertEquals(await client.rest(), "");
    client[Symbol.dispose]();
  }
  const rests = () => server.waiting(WAITS.accept_pause_ms) === 1;
  await until(() => server.waiting(WAITS.head_wait_ms) === 3 && rests(), "it rests");
  server.pass(WAITS.accept_pause_ms);
  // No more than that for now: one that comes takes the place of the one that waits longest.
  using next = await server.connect();
  assertEquals((await next.ask(get(server.host))).status, 200);
  using first = waiting.shift()!;
  assertEquals(await first.rest(), "");
  server.pass(WAITS.accept_quiet_ms + 1);
  await fill(5);
  assertEquals(server.waiting(WAITS.head_wait_ms), 7);
  for (const client of waiting) client[Symbol.dispose]();
});

Deno.test("a server that closes hangs up on who waits, and answers what is in hand", async () => {
  const free = Promise.withResolvers<void>();
  const server = new TestServer(async () => {
    await free.promise;
    return { status: 200, body: "done" };
  });
  using silent = await server.connect();
  using half = await server.connect();
  await half.send(`POST / HTTP/1.1\r\nHost: ${server.host}\r\nContent-Length: 9\r\n\r\nabc`);
  using asking = await server.connect();
  await asking.send(get(server.host));
  await until(() => server.requests.length === 1, "it is being answered");
  await server.untilWaiting(WAITS.body_wait_ms);
  const closed = server.server.close();
  assertEquals([await silent.rest(), await half.rest()], ["", ""]);
  assert(server.requests[0].signal.aborted);
  free.resolve();
  const { body, headers } = await asking.answer();
  assertEquals([body, headers.get("connection")], ["done", "close"]);
  await closed;
  assertEquals([server.waiting(WAITS.close_wait_ms), server.errors], [0, []]);
});

Deno.test("an answer that takes for ever does not keep a server from closing", async () => {
  const server = new TestServer(() => new Promise(() => {}));
  using asking = await server.connect();
  await asking.send(get(server.host));
  await until(() => server.requests.length === 1, "it is being answered");
  const closed = server.server.close();
  await server.untilWaiting(WAITS.close_wait_ms);
  server.pass(WAITS.close_wait_ms);
  await closed;
  assertEquals(await asking.rest(), "");
  // A second time there is nothing to do.
  await server.server.close();
});
