/**
 * Answers of an object store: read in bounded memory, the little of S3's XML that a fleet asks for, and what a
 * refusal means.
 */
import { joined } from "../base/bytes.ts";
import { type ErrorCode, LedgerError, quoted } from "../base/error.ts";
import { clipped } from "../base/format.ts";
import { store_error_chars_max } from "../base/limits.ts";
import { addressText, type FleetAddress } from "./address.ts";

/** What the store answered. */
export interface Answer {
  status: number;
  headers: Headers;
  body: Uint8Array<ArrayBuffer>;
}

/** An object in a listing. */
export interface ListedObject {
  /** Below the fleet's prefix. */
  key: string;
  size_bytes: number;
  modified_ms: number;
}

/** The body of an answer. */
export async function readBounded(
  response: Response,
  bytes_max: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > bytes_max) {
      throw new LedgerError({
        code: "unreachable",
        message: `an answer of the object store has more than ${bytes_max} bytes`,
        hint: "is it one that speaks the S3 API?",
      });
    }
    chunks.push(chunk);
  }
  return chunks.length === 1 ? chunks[0] : joined(...chunks);
}

interface Page {
  objects: ListedObject[];
  next?: string;
}

/** The page of a listing; undefined where a text is none. */
export function parseListing(xml: string): Page | undefined {
  if (!xml.includes("<ListBucketResult")) return undefined;
  const objects = [...xml.matchAll(/<Contents>(.*?)<\/Contents>/gs)].map(([, content]) => ({
    key: decodeURIComponent(element(content, "Key").replaceAll("+", "%20")),
    size_bytes: Number(element(content, "Size")),
    modified_ms: Date.parse(element(content, "LastModified")),
  }));
  const next = element(xml, "NextContinuationToken");
  return element(xml, "IsTruncated") === "true" && next !== "" ? { objects, next } : { objects };
}

/** What an error says of itself: S3's word for it, and the sentence. */
function parseError(xml: string): { reason: string; message: string } {
  const clip = (text: string) => clipped(text, store_error_chars_max);
  return { reason: clip(element(xml, "Code")), message: clip(element(xml, "Message")) };
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
};

/** The text of the first element of a name. */
function element(xml: string, name: string): string {
  const [, text = ""] = new RegExp(`<${name}(?: [^>]*)?>([^<]*)</${name}>`).exec(xml) ?? [];
  return text.replaceAll(/&(?:#(\d+)|(amp|lt|gt|quot|apos));/g, (_, code, entity) => {
    return code === undefined
      ? ENTITIES[entity]
      : String.fromCodePoint(Math.min(Number(code), 0xfffd));
  });
}

/** An answer of the store that is not the one that was hoped for. */
export class StoreRefusal extends LedgerError {
  override name = "StoreRefusal";

  constructor(
    readonly status: number,
    /** S3's word for it: `AccessDenied`. */
    readonly reason: string,
    facts: ConstructorParameters<typeof LedgerError>[0],
  ) {
    super(facts);
  }
}

/** What was asked of whom. */
interface Asked {
  address: FleetAddress;
  /** How this machine's clock differs from the store's, in words. */
  skew: string;
}

/** The error that an answer to a request is. */
export function refusalOf(request: string, answer: Answer, asked: Asked): StoreRefusal {
  const { status } = answer;
  const { reason, message } = parseError(new TextDecoder().decode(answer.body));
  const said = [reason, message].filter(Boolean).join(": ");
  const [code, hint] = adviceOn(answer, reason, asked);
  return new StoreRefusal(status, reason, {
    code,
    message: `the object store refuses ${request}: ${status}${said ? ` ${quoted(said)}` : ""}`,
    hint,
    detail: { status, reason },
  });
}

/** The store's words for keys that were good before. */
const EXPIRED = ["ExpiredToken", "TokenRefreshRequired", "RequestExpired"];

function adviceOn(
  { status, headers }: Answer,
  reason: string,
  { address, skew }: Asked,
): [code: ErrorCode, hint: string] {
  if (reason === "RequestTimeTooSkewed") return ["invalid", skew];
  if (EXPIRED.includes(reason)) {
    const hint =
      "its keys have expired: put new ones into the key file, which is read again at each try";
    return ["unreachable", hint];
  }
  if (status >= 300 && status < 400) {
    const host = hostOf(headers.get("location")) ?? "another host";
    const hint = `it sends on to ${host}: name the endpoint of the bucket's region: --endpoint URL`;
    return ["invalid", hint];
  }
  if (status === 401 || status === 403) {
    return ["no_permission", "check the keys, and the policy: ledger fleet init --print-policy"];
  }
  if (status === 404) {
    return ["not_found", `is there a fleet? ledger fleet init ${addressText(address)}`];
  }
  if (isPassing(status)) return ["unreachable", "the local log is not affected; try again"];
  return ["io", "see what the store's own log says"];
}

function hostOf(url: string | null): string | undefined {
  return url !== null && URL.canParse(url) ? new URL(url).host : undefined;
}

/** Whether a status says that the same may go well later. */
export function isPassing(status: number): boolean {
  return status === 409 || status === 429 || status >= 500;
}
