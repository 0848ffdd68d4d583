/** Answers of an object store: read in bounded memory, and the little of S3's XML that a fleet asks for. */
import { joined } from "../base/bytes.ts";
import { LedgerError } from "../base/error.ts";
import { clipped } from "../base/format.ts";
import { store_error_chars_max } from "../base/limits.ts";

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
export function parseError(xml: string): { reason: string; message: string } {
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
