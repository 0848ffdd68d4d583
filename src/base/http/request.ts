/** HTTP/1.1 requests, read strictly: what two programs could understand differently is refused. */
import { ByteReader, RequestProblem } from "./byte_reader.ts";
import { grown } from "../bytes.ts";
import { http_chunk_line_bytes_max, http_empty_lines_max, type HTTP_LIMITS } from "../limits.ts";

export type HttpLimits = typeof HTTP_LIMITS;

export type RequestLimits = Pick<
  HttpLimits,
  "request_line_bytes_max" | "header_bytes_max" | "headers_max" | "body_bytes_max"
>;

const METHODS = ["GET", "HEAD", "POST"] as const;

export interface RequestHead {
  method: typeof METHODS[number];
  /** As sent, without what follows a question mark. */
  path: string;
  query: string;
  is_1_1: boolean;
  /** By names in lower case; what was said more than once is joined by a comma. */
  headers: ReadonlyMap<string, string>;
  /** What the client takes this server for; absent where HTTP/1.0 leaves it out. */
  hosts: readonly string[];
  /** How the body ends: after so many bytes, or by its own framing. */
  body: number | "chunked";
  /** Whether the client waits for 100 before it sends the body. */
  expects_continue: boolean;
  /** Whether the client wants another answer on this connection. */
  keeps_alive: boolean;
}

const REQUEST_LINE = /^(\S+) (\S+) (HTTP\/\d\.\d)$/;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
// deno-lint-ignore no-control-regex
const NO_VALUE = /[\x00-\x08\x0a-\x1f\x7f]/;
const TARGET =
  /^(?:http:\/\/([^/?#@]*))?((?:\/[\x21\x22\x24-\x3e\x40-\x7e]*)?)(?:\?([\x21\x22\x24-\x7e]*))?$/i;
const LENGTH = /^\d{1,15}$/;
const CHUNK = /^([0-9a-f]{1,8})(?:[ \t]*;[\x20-\x7e\t\x80-\xff]*)?$/i;

/** The head of the next request; undefined when the client has no more of them. */
export async function readHead(
  reader: ByteReader,
  limits: RequestLimits,
): Promise<RequestHead | undefined> {
  if (!await reader.fill()) return undefined;
  const first = await readRequestLine(reader, limits);
  const fields = await readFields(reader, limits);
  const headers = new Map<string, string>();
  for (const [name, value] of fields) {
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  const only = (name: string): string | undefined => {
    const values = fields.filter(([other]) => other === name);
    if (values.length > 1) throw new RequestProblem(400, `the request has more than one ${name}`);
    return values[0]?.[1];
  };
  const host = only("host");
  if (host === undefined && first.is_1_1) throw new RequestProblem(400, "the request has no Host");
  const connection = (headers.get("connection") ?? "").split(",").map(withoutBlanks);
  const { authority, ...asked } = first;
  return {
    ...asked,
    headers,
    hosts: [authority, host].filter((name) => name !== undefined),
    body: bodyEnd(only("content-length"), only("transfer-encoding"), first.is_1_1),
    expects_continue: expectsContinue(headers.get("expect"), first.is_1_1),
    keeps_alive: first.is_1_1 && !connection.some((word) => word.toLowerCase() === "close"),
  };
}

type RequestLine = Pick<RequestHead, "method" | "path" | "query" | "is_1_1"> & {
  authority?: string;
};

async function readRequestLine(
  reader: ByteReader,
  { request_line_bytes_max }: RequestLimits,
): Promise<RequestLine> {
  const tooLong = () => new RequestProblem(414, "the first line of the request is too long");
  const next = () => reader.line(request_line_bytes_max, tooLong);
  let line = await next();
  for (let empty = 0; line === "" && empty < http_empty_lines_max; empty++) {
    line = await next();
  }
  const [, word, target, version] = REQUEST_LINE.exec(line) ?? [];
  if (word === undefined || !TOKEN.test(word)) {
    throw new RequestProblem(400, "the first line of the request is malformed");
  }
  if (!version.startsWith("HTTP/1.")) {
    throw new RequestProblem(505, "this server speaks HTTP/1.1 and HTTP/1.0");
  }
  const method = METHODS.find((known) => known === word);
  if (!method) throw new RequestProblem(501, `this server knows ${METHODS.join(", ")}`);
  const [, authority, path, query = ""] = TARGET.exec(target) ?? [];
  if (path === undefined || (path === "" && authority === undefined)) {
    throw new RequestProblem(400, "the target of the request is malformed");
  }
  return { method, authority, path: path || "/", query, is_1_1: version !== "HTTP/1.0" };
}

/** Header lines up to the empty one; also those that follow a body in chunks. */
async function readFields(
  reader: ByteReader,
  { header_bytes_max, headers_max }: RequestLimits,
): Promise<[name: string, value: string][]> {
  const fields: [string, string][] = [];
  const tooLarge = () => new RequestProblem(431, "the headers of the request are too large");
  for (let left = header_bytes_max;;) {
    const line = await reader.line(left, tooLarge);
    if (line === "") return fields;
    left -= line.length;
    if (fields.length === headers_max) throw tooLarge();
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(colon, 0));
    const value = withoutBlanks(line.slice(colon + 1));
    // Neither a line that goes on with blanks nor a name with blanks before its colon is a token.
    if (!TOKEN.test(name) || NO_VALUE.test(value)) {
      throw new RequestProblem(400, "a header of the request is malformed");
    }
    fields.push([name.toLowerCase(), value]);
  }
}

/** Without the blanks around it. A pattern for that takes the square of their number. */
function withoutBlanks(text: string): string {
  const isBlank = (at: number) => text[at] === " " || text[at] === "\t";
  let [from, to] = [0, text.length];
  while (from < to && isBlank(from)) from++;
  while (from < to && isBlank(to - 1)) to--;
  return text.slice(from, to);
}

function bodyEnd(
  length: string | undefined,
  encoding: string | undefined,
  is_1_1: boolean,
): number | "chunked" {
  if (encoding !== undefined) {
    if (length !== undefined || !is_1_1) {
      throw new RequestProblem(400, "the request says in two ways where its body ends");
    }
    if (encoding.toLowerCase() === "chunked") return "chunked";
    throw new RequestProblem(501, "this server takes bodies in chunks, and no other encoding");
  }
  if (length === undefined) return 0;
  if (!LENGTH.test(length)) throw new RequestProblem(400, "the Content-Length is no number");
  return Number(length);
}

function expectsContinue(expect: string | undefined, is_1_1: boolean): boolean {
  if (expect === undefined || !is_1_1) return false;
  if (expect.toLowerCase() === "100-continue") return true;
  throw new RequestProblem(417, "this server knows no expectation but 100-continue");
}

function tooMuch(bytes_max: number): RequestProblem {
  return new RequestProblem(413, `a body has at most ${bytes_max} bytes`);
}

/** Throws 413 for a body that is larger than may be, before any of it is read. */
export function checkBodySize({ body }: RequestHead, { body_bytes_max }: RequestLimits): void {
  if (body !== "chunked" && body > body_bytes_max) throw tooMuch(body_bytes_max);
}

export async function readBody(
  reader: ByteReader,
  head: RequestHead,
  limits: RequestLimits,
): Promise<Uint8Array> {
  checkBodySize(head, limits);
  if (head.body === "chunked") return await readChunks(reader, limits);
  const bytes = new Uint8Array(head.body);
  await reader.take(bytes);
  return bytes;
}

async function readChunks(reader: ByteReader, allowed: RequestLimits): Promise<Uint8Array> {
  const { body_bytes_max } = allowed;
  const malformed = () => new RequestProblem(400, "a chunk of the body is malformed");
  let body = new Uint8Array(0);
  let length = 0;
  // Framing counts too: a chunk of one byte costs as much as it takes.
  for (let framing = 0;;) {
    const line = await reader.line(http_chunk_line_bytes_max, malformed);
    const [, digits] = CHUNK.exec(line) ?? [];
    if (digits === undefined) throw malformed();
    const size = parseInt(digits, 16);
    if (size === 0) {
      await readFields(reader, allowed);
      return body.subarray(0, length);
    }
    framing += line.length;
    if (length + size + framing > body_bytes_max) throw tooMuch(body_bytes_max);
    if (length + size > body.length) {
      body = grown(body, Math.min(body_bytes_max, Math.max(length + size, length * 2)));
    }
    await reader.take(body.subarray(length, length += size));
    if (await reader.line(0, malformed) !== "") throw malformed();
  }
}

export const LOOPBACK_HOSTS: readonly string[] = ["127.0.0.1", "localhost", "[::1]"];

const HTTP_PORT = "80";
const NAME = String.raw`\[[0-9a-f:.]+\]|(?:[a-z0-9._~!$&'()*+,;=-]|%[0-9a-f]{2})+`;
const HOST = new RegExp(`^(${NAME})(?::(\\d{0,5}))?$`, "i");

/**
 * Which hosts a server answers for; one without a port stands for the port that is listened on. A page
 * of another site can make a browser ask any address, but not say another `Host` than the name that it
 * asked: what is not on the list is refused.
 */
export class AllowedHosts {
  readonly #hosts: ReadonlySet<string>;

  constructor(hosts: readonly string[], port: number) {
    this.#hosts = new Set(hosts.map((host) => {
      const has_port = /:\d+$/.test(host);
      return (has_port ? host : `${host}:${port}`).toLowerCase();
    }));
  }

  /** Throws 400 for what is no host, and 421 for one that is not on the list. */
  check(host: string): void {
    const [, name, port] = HOST.exec(host) ?? [];
    if (name === undefined) throw new RequestProblem(400, "the Host of the request is malformed");
    if (this.#hosts.has(`${name.toLowerCase()}:${port || HTTP_PORT}`)) return;
    throw new RequestProblem(421, `this server answers for ${[...this.#hosts].join(", ")} only`);
  }
}
