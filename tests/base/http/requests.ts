/** Requests at random, right ones and hostile ones. */
import type { Random } from "../../laws/random.ts";
import { latin1 } from "./client.ts";

const TOKEN_CHARS = "abcXYZ019-_.!#$%&'*+^`|~";
const PATH_CHARS = "abcXYZ019-_.~/%:@!$&'()*+,;=";
const VALUE_CHARS = 'abc XYZ\t019:;,"\\()<>@\xe9\xff';

function pick(random: Random, chars: string, length_min: number, length_max: number): string {
  const length = length_min + random.below(length_max - length_min + 1);
  return Array.from({ length }, () => chars[random.below(chars.length)]).join("");
}

/** A request of random form, and what reading it has to give. */
export function randomRequest(
  random: Random,
  host = "localhost:80",
): { text: string; wanted: unknown } {
  const method = ["GET", "HEAD", "POST"][random.below(3)];
  const path = `/${pick(random, PATH_CHARS, 0, 30)}`;
  const query = pick(random, `${PATH_CHARS}?`, 0, 20);
  const is_1_1 = random.below(5) > 0;
  const fields: [string, string][] = [];
  if (is_1_1 || random.below(2)) fields.push(["Host", host]);
  for (let count = random.below(4); count > 0; count--) {
    const value = pick(random, VALUE_CHARS, 0, 20).replace(/^[ \t]+|[ \t]+$/g, "");
    fields.push([`x-${pick(random, TOKEN_CHARS, 1, 8)}`, value]);
  }
  if (random.below(4) === 0) fields.push(["Connection", "x, Close"]);
  const bytes = Array.from({ length: random.below(60) }, () => random.below(256));
  const payload = String.fromCharCode(...bytes);
  const is_chunked = is_1_1 && random.below(2) === 0;
  let body = payload;
  if (is_chunked) {
    fields.push(["Transfer-Encoding", "chunked"]);
    body = "";
    for (let left = payload; left.length > 0;) {
      const size = 1 + random.below(left.length);
      const extension = random.below(3) ? "" : ';a="b c"';
      body += `${size.toString(16)}${extension}\r\n${left.slice(0, size)}\r\n`;
      left = left.slice(size);
    }
    body += random.below(3) ? "0\r\n\r\n" : "0\r\nx-trailer: 1\r\n\r\n";
  } else if (payload.length > 0 || random.below(2)) {
    fields.push(["Content-Length", String(payload.length)]);
  }
  // The order of headers says nothing, and blanks around a value are no part of it.
  for (let at = fields.length - 1; at > 0; at--) {
    const other = random.below(at + 1);
    [fields[at], fields[other]] = [fields[other], fields[at]];
  }
  const target = query === "" ? path : `${path}?${query}`;
  const blanks = () => " \t".repeat(random.below(2));
  const lines = fields.map(([name, value]) => `${name}:${blanks()}${value}${blanks()}`);
  const version = is_1_1 ? "HTTP/1.1" : "HTTP/1.0";
  const text = [`${method} ${target} ${version}`, ...lines, "", body].join("\r\n");
  const headers = new Map<string, string>();
  for (const [name, value] of fields) {
    const key = name.toLowerCase();
    headers.set(key, headers.has(key) ? `${headers.get(key)}, ${value}` : value);
  }
  const wanted = {
    method,
    path,
    query,
    is_1_1,
    headers: [...headers],
    hosts: headers.has("host") ? [host] : [],
    body: is_chunked ? "chunked" : payload.length,
    expects_continue: false,
    keeps_alive: is_1_1 && !headers.has("connection"),
    bytes,
  };
  return { text, wanted };
}

/** A request with one thing changed, as a faulty program or a hostile one would. */
export function damaged(random: Random, text: string): string {
  const at = random.below(text.length + 1);
  const insert = ["\r", "\n", "\r\n", " ", "\t", ":", "\0", "\x7f", "\xff", "0", ";"];
  const what = random.below(4);
  if (what === 0) return text.slice(0, at);
  if (what === 1) return text.slice(0, at) + text.slice(at + 1 + random.below(3));
  if (what === 2) return text.slice(0, at) + insert[random.below(insert.length)] + text.slice(at);
  return text.slice(0, at) + String.fromCharCode(random.below(256)) + text.slice(at + 1);
}

/** What attackers send, and what is no HTTP at all. */
export function hostileBytes(random: Random, host: string): Uint8Array<ArrayBuffer> {
  const what = random.below(6);
  if (what === 0) {
    return Uint8Array.from({ length: random.below(2_000) }, () => random.below(256));
  }
  let text = "";
  for (let count = 1 + random.below(3); count > 0; count--) {
    text += randomRequest(random, host).text;
  }
  if (what === 1) {
    const at = random.below(text.length + 1);
    const filler = ["a", "\r\n", " ", "a: b\r\n", "\0", "1\r\na\r\n"][random.below(6)];
    text = text.slice(0, at) + filler.repeat(random.below(20_000)) + text.slice(at);
  }
  for (let count = 1 + random.below(5); count > 0; count--) text = damaged(random, text);
  return latin1(text);
}
