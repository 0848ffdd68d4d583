/** HTTP/1.1 answers as bytes. */
import { joined } from "../bytes.ts";

export interface HttpResponse {
  status: number;
  /** Names in lower case. What says where the answer ends is up to the server. */
  headers?: Readonly<Record<string, string>>;
  /** Text, bytes, or a stream of pieces of unknown length. */
  body?: string | Uint8Array | AsyncIterable<string | Uint8Array>;
}

const PHRASES: Readonly<Record<number, string>> = {
  200: "OK",
  204: "No Content",
  303: "See Other",
  304: "Not Modified",
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  409: "Conflict",
  413: "Content Too Large",
  414: "URI Too Long",
  415: "Unsupported Media Type",
  417: "Expectation Failed",
  421: "Misdirected Request",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  501: "Not Implemented",
  503: "Service Unavailable",
  505: "HTTP Version Not Supported",
};

const NAME = /^[a-z0-9-]+$/;
const VALUE = /^[\x20-\x7e]*$/;
const FRAMING = ["content-length", "transfer-encoding", "connection"];

const encoder = new TextEncoder();

/** How the client learns where the answer ends: by its length, by chunks, or by the connection's end. */
export type Framing = number | "chunked" | "end";

export function asBytes(piece: string | Uint8Array): Uint8Array {
  return typeof piece === "string" ? encoder.encode(piece) : piece;
}

/** The head of an answer. Throws for a header that would not be one: that is the handler's mistake. */
export function responseHead(
  { status, headers = {} }: HttpResponse,
  facts: { framing: Framing; keeps_alive: boolean; now_ms: number },
): Uint8Array {
  const lines = [
    `HTTP/1.1 ${status} ${PHRASES[status] ?? ""}`,
    `date: ${new Date(facts.now_ms).toUTCString()}`,
  ];
  for (const [name, value] of Object.entries(headers)) {
    if (!NAME.test(name) || !VALUE.test(value) || FRAMING.includes(name)) {
      throw new Error(`no header of an answer: ${JSON.stringify(`${name}: ${value}`)}`);
    }
    lines.push(`${name}: ${value}`);
  }
  if (facts.framing === "chunked") lines.push("transfer-encoding: chunked");
  else if (facts.framing !== "end" && hasBody(status)) {
    lines.push(`content-length: ${facts.framing}`);
  }
  if (!facts.keeps_alive) lines.push("connection: close");
  return encoder.encode(`${lines.join("\r\n")}\r\n\r\n`);
}

/** Tells a client to go on with the body of its request. */
export const CONTINUE: Uint8Array = encoder.encode("HTTP/1.1 100 Continue\r\n\r\n");

/** Whether an answer of this status has a body, be it an empty one. */
export function hasBody(status: number): boolean {
  return status !== 204 && status !== 304;
}

/** A piece of a stream as a chunk. An empty one would end the answer, so it is none. */
export function chunkOf(piece: Uint8Array): Uint8Array {
  if (piece.length === 0) return piece;
  return joined(asBytes(`${piece.length.toString(16)}\r\n`), piece, asBytes("\r\n"));
}

export const LAST_CHUNK: Uint8Array = encoder.encode("0\r\n\r\n");

export function plainAnswer(
  status: number,
  sentence: string,
  more: Readonly<Record<string, string>> = {},
): HttpResponse {
  const headers = { "content-type": "text/plain; charset=utf-8", ...more };
  return { status, headers, body: `${sentence}\n` };
}
