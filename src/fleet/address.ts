/**
 * Address of a fleet: a bucket, a prefix in it, and the endpoint of the object store. TLS is the rule;
 * plain HTTP goes to loopback alone. Names that become part of an object's key are held to the alphabet that
 * every reader of a table decodes alike.
 */
import { LedgerError, quoted } from "../base/error.ts";
import { LOOPBACK_HOSTS } from "../base/http/request.ts";
import { box_name_chars_max } from "../base/limits.ts";

/** Where the objects of a fleet are. */
export interface FleetAddress {
  bucket: string;
  /** Ends in a slash, or is empty. */
  prefix: string;
  /** `https://host:port`. */
  endpoint: string;
}

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const PREFIX = /^[A-Za-z0-9._-]+(?:\/[A-Za-z0-9._-]+)*$/;
const BOX = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/** Parses `s3://BUCKET/PREFIX` and the URL of its store. */
export function parseAddress(url: string, endpoint: string): FleetAddress {
  const [, bucket = "", prefix = ""] = /^s3:\/\/([^/]+)(?:\/(.*?)\/*)?$/.exec(url) ?? [];
  const is_walk = prefix.split("/").some((name) => name === "." || name === "..");
  if (!BUCKET.test(bucket) || (prefix !== "" && !PREFIX.test(prefix)) || is_walk) {
    throw new LedgerError({
      code: "usage",
      message: `${quoted(url)} is no address of a fleet`,
      hint: "give s3://BUCKET/PREFIX: a bucket of a-z, 0-9, dot and dash; a prefix of " +
        "A-Z, a-z, 0-9, dot, dash, underscore and slash",
    });
  }
  return { bucket, prefix: prefix === "" ? "" : `${prefix}/`, endpoint: parseEndpoint(endpoint) };
}

function parseEndpoint(text: string): string {
  const refused = (why: string, hint: string) =>
    new LedgerError({
      code: "usage",
      message: `--endpoint is ${quoted(withoutUser(text))}: ${why}`,
      hint,
    });
  const example = "give it like https://s3.example.org, or http://127.0.0.1:7480 on this machine";
  if (!URL.canParse(text)) throw refused("it is no URL", example);
  const url = new URL(text);
  if (url.protocol !== "https:" && url.protocol !== "http:") throw refused("it is no URL", example);
  if (url.username !== "" || url.password !== "") {
    throw refused("it holds a user name", "keys come from the environment or --keys FILE");
  }
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "") {
    throw refused("it has a path", "the bucket stands in s3://BUCKET/PREFIX; " + example);
  }
  if (url.protocol === "http:" && !isLoopback(url.hostname)) {
    throw refused("without TLS, keys and events go in the clear", "use https://; " + example);
  }
  return url.origin;
}

function isLoopback(hostname: string): boolean {
  return [...LOOPBACK_HOSTS, "[::1]"].includes(hostname) || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

function withoutUser(text: string): string {
  return text.replace(/\/\/[^/@]*@/, "//***@");
}

/** The address as a command takes it. */
export function addressText({ bucket, prefix }: FleetAddress): string {
  return `s3://${bucket}/${prefix}`.replace(/\/$/, "");
}

/** Throws unless a name can be that of a box. */
export function checkBoxName(name: string): void {
  if (BOX.test(name) && name.length <= box_name_chars_max) return;
  throw new LedgerError({
    code: "usage",
    message: `cannot name a box ${quoted(name)}`,
    hint: `up to ${box_name_chars_max} letters, digits, dots, dashes and underscores, beginning ` +
      "with a letter or a digit",
  });
}

/** Each byte outside the alphabet of keys as `=XX`. */
export function keyWord(name: string): string {
  const escape = (byte: number) => `=${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  return [...new TextEncoder().encode(name)].map((byte) => {
    const letter = String.fromCharCode(byte);
    return /[A-Za-z0-9._-]/.test(letter) ? letter : escape(byte);
  }).join("");
}
