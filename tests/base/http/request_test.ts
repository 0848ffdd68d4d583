/** Requests are read the same however they come in pieces, and what is ambiguous is refused. */
import { IS_FULL } from "../../harness.ts";
import { assertEquals, assertRejects } from "@std/assert";
import { ByteReader, RequestProblem, StreamEnded } from "../../../src/base/http/byte_reader.ts";
import {
  AllowedHosts,
  LOOPBACK_HOSTS,
  readBody,
  readHead,
  type RequestLimits,
} from "../../../src/base/http/request.ts";
import { seededTest } from "../../crash/kills/crash.ts";
import { type Random } from "../../laws/random.ts";
import { latin1 } from "./client.ts";
import { damaged, randomRequest } from "./requests.ts";

const LIMITS: RequestLimits = {
  request_line_bytes_max: 200,
  header_bytes_max: 400,
  headers_max: 8,
  body_bytes_max: 300,
};

const CASES = IS_FULL ? 10_000 : 300;
/** Bytes cut at random into pieces, some of them empty. */
function cut(random: Random, bytes: Uint8Array): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  const longest = 1 + random.below(random.below(2) ? 4 : bytes.length + 1);
  for (let from = 0; from < bytes.length;) {
    const length = random.below(longest + 1);
    pieces.push(bytes.slice(from, from += length));
  }
  return pieces;
}

/** All requests in these pieces, as far as they go, and how that ended. */
async function readAll(pieces: readonly Uint8Array[]): Promise<unknown[]> {
  const left = [...pieces];
  const reader = new ByteReader(() => Promise.resolve(left.shift() ?? null));
  const found: unknown[] = [];
  try {
    for (;;) {
      const head = await readHead(reader, LIMITS);
      if (head === undefined) return [...found, "the end"];
      const body = await readBody(reader, head, LIMITS);
      found.push({ ...head, headers: [...head.headers], bytes: [...body] });
    }
  } catch (error) {
    if (error instanceof RequestProblem) return [...found, [error.status, error.message]];
    if (error instanceof StreamEnded) return [...found, "ended early"];
    throw error;
  }
}

seededTest(
  `${CASES} times, requests are read back as they were written, however they are cut`,
  async (random) => {
    for (let number = 0; number < CASES; number++) {
      const requests = Array.from({ length: 1 + random.below(3) }, () => randomRequest(random));
      const bytes = latin1(requests.map(({ text }) => text).join(""));
      const found = await readAll(cut(random, bytes));
      assertEquals(found, [...requests.map(({ wanted }) => wanted), "the end"]);
    }
  },
);

seededTest(
  `${CASES} times, what is wrong with damaged bytes does not depend on how they are cut`,
  async (random) => {
    for (let number = 0; number < CASES; number++) {
      let text = randomRequest(random).text + randomRequest(random).text;
      for (let count = 1 + random.below(3); count > 0; count--) text = damaged(random, text);
      const bytes = latin1(text);
      const whole = await readAll([bytes]);
      assertEquals(await readAll(cut(random, bytes)), whole, JSON.stringify(text));
      assertEquals(await readAll(Array.from(bytes, (byte) => Uint8Array.of(byte))), whole);
    }
  },
);

const GET = "GET / HTTP/1.1\r\n";
const HOST = "Host: localhost\r\n";
const POST = `POST / HTTP/1.1\r\n${HOST}`;
const CHUNKED = `${POST}Transfer-Encoding: chunked\r\n\r\n`;

/** What is refused, by its status. */
const REFUSED: Readonly<Record<string, [status: number, text: string]>> = {
  "two lengths": [400, `${POST}Content-Length: 1\r\nContent-Length: 1\r\n\r\na`],
  "two lengths in one": [400, `${POST}Content-Length: 1, 1\r\n\r\na`],
  "a length with a sign": [400, `${POST}Content-Length: +1\r\n\r\na`],
  "a length in hex": [400, `${POST}Content-Length: 0x1\r\n\r\na`],
  "an empty length": [400, `${POST}Content-Length:\r\n\r\na`],
  "a length past what a number holds": [
    400,
    `${POST}Content-Length: 18446744073709551617\r\n\r\na`,
  ],
  "a length and chunks": [400, `${CHUNKED.slice(0, -2)}Content-Length: 5\r\n\r\n0\r\n\r\n`],
  "chunks twice": [400, `${CHUNKED.slice(0, -2)}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  "chunks under 1.0": [400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
  "another encoding": [501, `${POST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
  "an encoding that nearly is": [501, `${POST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`],
  "lines that end in LF": [400, "GET / HTTP/1.1\nHost: localhost\n\n"],
  "one line that ends in LF": [400, `${GET}${HOST}a: b\n\r\n`],
  "a CR within a line": [400, `${GET}${HOST}a: b\rc: d\r\n\r\n`],
  "a line that goes on": [400, `${GET}${HOST}a: b\r\n c: d\r\n\r\n`],
  "a first header that goes on": [400, `${GET} ${HOST}\r\n`],
  "a blank before the colon": [400, `${GET}Host : localhost\r\n\r\n`],
  "a tab before the colon": [400, `${GET}${HOST}Content-Length\t: 1\r\n\r\n`],
  "a header without a colon": [400, `${GET}${HOST}abc\r\n\r\n`],
  "a header without a name": [400, `${GET}${HOST}: a\r\n\r\n`],
  "a name that is no token": [400, `${GET}${HOST}a(b): c\r\n\r\n`],
  "a zero byte": [400, `${GET}${HOST}a: b\0c\r\n\r\n`],
  "no Host": [400, `${GET}a: b\r\n\r\n`],
  "two Hosts": [400, `${GET}${HOST}${HOST}\r\n`],
  "no target": [400, `GET HTTP/1.1\r\n${HOST}\r\n`],
  "two blanks": [400, `GET  / HTTP/1.1\r\n${HOST}\r\n`],
  "a tab for a blank": [400, `GET\t/ HTTP/1.1\r\n${HOST}\r\n`],
  "a blank at the end": [400, `GET / HTTP/1.1 \r\n${HOST}\r\n`],
  "a blank in the target": [400, `GET /a b HTTP/1.1\r\n${HOST}\r\n`],
  "a fragment": [400, `GET /a#b HTTP/1.1\r\n${HOST}\r\n`],
  "bytes beyond ASCII in the target": [400, `GET /\xe9 HTTP/1.1\r\n${HOST}\r\n`],
  "a target that is no path": [400, `GET a HTTP/1.1\r\n${HOST}\r\n`],
  "a target of another scheme": [400, `GET ftp://localhost/ HTTP/1.1\r\n${HOST}\r\n`],
  "a target with a user": [400, `GET http://a@localhost/ HTTP/1.1\r\n${HOST}\r\n`],
  "no version": [400, "GET /\r\n\r\n"],
  "a version in lower case": [400, `GET / http/1.1\r\n${HOST}\r\n`],
  "bytes of TLS": [400, "\x16\x03\x01\x02\x00\x01\x00\x01\r\n"],
  "empty lines for ever": [400, "\r\n".repeat(9)],
  "HTTP/2": [505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  "HTTP/0.9 by name": [505, `GET / HTTP/0.9\r\n${HOST}\r\n`],
  "another method": [501, `DELETE / HTTP/1.1\r\n${HOST}\r\n`],
  "a method in lower case": [501, `get / HTTP/1.1\r\n${HOST}\r\n`],
  "a request to connect": [501, `CONNECT localhost:80 HTTP/1.1\r\n${HOST}\r\n`],
  "a request that concerns all": [501, `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`],
  "another expectation": [417, `${POST}Expect: wonders\r\nContent-Length: 1\r\n\r\na`],
  "a long target": [414, `GET /${"a".repeat(200)} HTTP/1.1\r\n${HOST}\r\n`],
  "a long target that has no end": [414, `GET /${"a".repeat(1_000)}`],
  "a long header": [431, `${GET}${HOST}a: ${"b".repeat(400)}\r\n\r\n`],
  "a long header that has no end": [431, `${GET}${HOST}a: ${"b".repeat(1_000)}`],
  "many headers": [431, `${GET}${HOST}${"a: b\r\n".repeat(8)}\r\n`],
  "a large body": [413, `${POST}Content-Length: 301\r\n\r\n`],
  "a large chunk": [413, `${CHUNKED}12d\r\n`],
  "many chunks": [413, CHUNKED + `96\r\n${"a".repeat(150)}\r\n`.repeat(2)],
  "a chunk of no size": [400, `${CHUNKED}\r\na\r\n`],
  "a chunk of a size below zero": [400, `${CHUNKED}-1\r\na\r\n`],
  "a chunk whose size is 0x": [400, `${CHUNKED}0x1\r\na\r\n`],
  "a chunk of a huge size": [400, `${CHUNKED}fffffffff\r\na\r\n`],
  "a chunk that is longer than it says": [400, `${CHUNKED}1\r\nab\r\n0\r\n\r\n`],
  "a chunk whose size ends in LF": [400, `${CHUNKED}1\na\r\n0\r\n\r\n`],
  "a chunk that ends in LF": [400, `${CHUNKED}1\r\na\n0\r\n\r\n`],
  "an extension with a CR": [400, `${CHUNKED}1;a\rb\r\na\r\n0\r\n\r\n`],
  "a trailer that is no header": [400, `${CHUNKED}0\r\nabc\r\n\r\n`],
};

for (const [what, [status, text]] of Object.entries(REFUSED)) {
  Deno.test(`refused: ${what}`, async () => {
    const last = (await readAll([latin1(text)])).at(-1);
    assertEquals(Array.isArray(last) ? last[0] : last, status, JSON.stringify(last));
  });
}

/** What other programs send, and is taken. */
const TAKEN: Readonly<Record<string, [text: string, wanted: Record<string, unknown>]>> = {
  "empty lines before the first": [`\r\n\r\n${GET}${HOST}\r\n`, { path: "/" }],
  "HTTP/1.0 without a Host": ["GET /a HTTP/1.0\r\n\r\n", { hosts: [], keeps_alive: false }],
  "a later HTTP/1": [`GET / HTTP/1.2\r\n${HOST}\r\n`, { is_1_1: true }],
  "a target with its host": [
    `GET http://localhost:9184?a=b HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`,
    { hosts: ["localhost:9184", "127.0.0.1"], path: "/", query: "a=b" },
  ],
  "an empty header": [`${GET}${HOST}a:\r\n\r\n`, { headers: [["host", "localhost"], ["a", ""]] }],
  "a header said twice": [
    `${GET}${HOST}a: b\r\nA: c\r\n\r\n`,
    { headers: [["host", "localhost"], ["a", "b, c"]] },
  ],
  "chunks in capitals": [
    `${POST}Transfer-Encoding: CHUNKED\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n`,
    { bytes: [...latin1("0123456789")] },
  ],
};

for (const [what, [text, wanted]] of Object.entries(TAKEN)) {
  Deno.test(`taken: ${what}`, async () => {
    const [first, end] = await readAll([latin1(text)]);
    assertEquals(end, "the end", JSON.stringify(first));
    const found = first as Record<string, unknown>;
    assertEquals(
      Object.fromEntries(Object.keys(wanted).map((name) => [name, found[name]])),
      wanted,
    );
  });
}

Deno.test("headers of nothing but blanks take no longer than others", async () => {
  const limits = { ...LIMITS, header_bytes_max: 1_000_000 };
  const text = `${GET}${HOST}a:${" \t".repeat(200_000)}x${" ".repeat(200_000)}\r\n\r\n`;
  const pieces = [latin1(text)];
  const reader = new ByteReader(() => Promise.resolve(pieces.shift() ?? null));
  // One that takes the square of it does not come to an end here.
  assertEquals((await readHead(reader, limits))?.headers.get("a"), "x");
});

Deno.test("a host is on the list with its port, or is refused", async () => {
  const hosts = new AllowedHosts([...LOOPBACK_HOSTS, "lab.example:443"], 9184);
  for (
    const host of [
      ...["127.0.0.1:9184", "localhost:9184", "LocalHost:9184", "[::1]:9184", "lab.example:443"],
    ]
  ) hosts.check(host);
  const refused: [number, string[]][] = [
    [421, [
      ...["evil.example:9184", "localhost", "localhost:", "localhost:80", "localhost:09184"],
      ...["127.0.0.1:9185", "127.0.0.2:9184", "localhost.:9184", "[::]:9184", "lab.example:9184"],
      ...["localhost%2eevil.example:9184", "127.0.0.1.evil.example:9184", "0:9184", "[::1]"],
    ]],
    [400, [
      ...["", " ", ":9184", "a b", "localhost:9184:1", "localhost:x", "localhost:123456", "::1"],
      ...["[::1", "a/b", "a@localhost:9184", "a,\xe9", "http://localhost:9184", "[x]", "a\\b"],
    ]],
  ];
  for (const [status, names] of refused) {
    for (const name of names) {
      const check = () => Promise.try(() => hosts.check(name));
      assertEquals((await assertRejects(check, RequestProblem, "", name)).status, status, name);
    }
  }
});

Deno.test("on port 80 the port may be left out, as clients do", () => {
  const hosts = new AllowedHosts(LOOPBACK_HOSTS, 80);
  for (const host of ["localhost", "localhost:", "localhost:80", "[::1]"]) hosts.check(host);
});
