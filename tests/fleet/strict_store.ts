/**
 * An object store in this process that is as strict as a real one, and fails on command: it checks digests and
 * signatures, takes create-only PUTs at their word, lists in pages. It shows whether a client is right;
 * whether a store keeps its word, only a real one shows.
 */
import { createHash, createHmac } from "node:crypto";

/** What happens to a request instead of, or beside, what was asked. */
export type Fault =
  /** It answers that it is busy, and does nothing. */
  | "503"
  /** It answers that another request is at the same key, and does nothing. */
  | "409"
  /** The connection ends before anything is done, */
  | "cut"
  /** or after it is done, and no answer comes. */
  | "lost"
  /** It takes the request, and says nothing more. */
  | "silent"
  /** The keys have expired. */
  | "403"
  | undefined;

interface StoredObject {
  bytes: Uint8Array<ArrayBuffer>;
  meta: [string, string][];
  modified_ms: number;
}

/** A request, as a fault is chosen by it. */
export interface StoreRequest {
  /** Counted from 1. */
  number: number;
  method: string;
  /** Below the bucket; empty is the bucket. */
  key: string;
}

/** How a store behaves. */
export interface StrictOptions {
  faultOf?: (request: StoreRequest) => Fault | Promise<Fault>;
  now_ms?: () => number;
  /** It takes a create-only PUT of a key that is there, as some stores do. */
  forgets_conditions?: boolean;
  /** Keys by their ids: those that are good, and those that were; both have the same secret. */
  keys?: Map<string, "good" | "expired">;
  /** It takes bytes whose digest is another. */
  trusts_digests?: boolean;
  /** A new object is not in listings until as many requests later. */
  lists_late?: number;
  page_names?: number;
  /** It answers over TLS, with this certificate. */
  tls?: { cert: string; key: string };
  /** It sends every caller on to another. */
  elsewhere?: string;
  /** What is in it already, and where it listens: a store that is started again. */
  buckets?: StrictStore["buckets"];
  port?: number;
}

export const STRICT_KEYS = {
  AWS_ACCESS_KEY_ID: "KEY",
  AWS_SECRET_ACCESS_KEY: "SECRET",
  AWS_REGION: "default",
} as const;

/** The text of a file that has such keys. */
export function keysText(keys: Readonly<Record<string, string>> = STRICT_KEYS): string {
  return Object.entries(keys).map(([name, value]) => `${name}=${value}\n`).join("");
}

/** A store on loopback. */
export class StrictStore implements AsyncDisposable {
  readonly buckets: Map<string, Map<string, StoredObject & { number: number }>>;
  readonly requests: StoreRequest[] = [];
  readonly #closing = Promise.withResolvers<void>();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor(public options: StrictOptions = {}) {
    this.buckets = options.buckets ?? new Map();
    this.#server = Deno.serve(
      {
        hostname: "127.0.0.1",
        port: options.port ?? 0,
        ...options.tls,
        onListen: () => {},
        onError: () => new Response(null, { status: 500 }),
      },
      (request) => this.#handle(request),
    );
  }

  get port(): number {
    return this.#server.addr.port;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The objects of a bucket. */
  objects(bucket: string): Map<string, StoredObject & { number: number }> {
    return this.buckets.getOrInsertComputed(bucket, () => new Map());
  }

  keysOf(bucket: string): string[] {
    return [...this.objects(bucket).keys()].sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.resolve();
    await this.#server.shutdown();
  }

  async #handle(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const [, bucket, key = ""] = /^\/([^/]+)(?:\/(.*))?$/s.exec(decodeURIComponent(url.pathname))!;
    const facts = { number: this.requests.length + 1, method: request.method, key };
    this.requests.push(facts);
    const bytes = new Uint8Array(await request.arrayBuffer());
    const { elsewhere } = this.options;
    if (elsewhere !== undefined) return this.#answer(307, null, [["location", elsewhere]]);
    const fault = await this.options.faultOf?.(facts);
    if (fault === "cut") return this.#hangUp(request);
    if (fault === "silent") await this.#closing.promise;
    if (fault === "503") return this.#error(503, "SlowDown");
    if (fault === "409") return this.#error(409, "ConditionalRequestConflict");
    if (fault === "403") return this.#error(403, "ExpiredToken");
    const answer = this.#refuse(request, url, bytes) ??
      this.#serve(request, url, bucket, key, bytes);
    return fault === "lost" ? this.#hangUp(request) : answer;
  }

  #serve(
    { method, headers }: Request,
    url: URL,
    bucket: string,
    key: string,
    bytes: Uint8Array<ArrayBuffer>,
  ): Response {
    const objects = this.buckets.get(bucket);
    if (key === "" && method === "PUT") {
      this.objects(bucket);
      return this.#answer(200);
    }
    if (!objects) return this.#error(404, "NoSuchBucket");
    if (key === "") return method === "HEAD" ? this.#answer(200) : this.#list(objects, url);
    const there = objects.get(key);
    if (method === "PUT") {
      const is_conditional = headers.get("if-none-match") === "*";
      if (is_conditional && there && !this.options.forgets_conditions) {
        return this.#error(412, "PreconditionFailed");
      }
      const meta = [...headers].filter(([name]) => name.startsWith("x-amz-meta-"));
      const number = this.requests.length;
      objects.set(key, { bytes, meta, modified_ms: this.now_ms(), number });
      return this.#answer(200);
    }
    if (method === "DELETE") {
      objects.delete(key);
      return this.#answer(204);
    }
    if (!there) return this.#error(404, "NoSuchKey");
    return this.#answer(200, method === "HEAD" ? null : there.bytes, [
      ...there.meta,
      ["content-length", String(there.bytes.length)],
      ["last-modified", new Date(there.modified_ms).toUTCString()],
    ]);
  }

  #list(objects: ReadonlyMap<string, StoredObject & { number: number }>, url: URL): Response {
    const said = (name: string) => url.searchParams.get(name) ?? "";
    const after = said("continuation-token") || said("start-after");
    const late = this.options.lists_late ?? 0;
    const all = [...objects].filter(([key, { number }]) =>
      key.startsWith(said("prefix")) && key > after &&
      (late === 0 || number + late <= this.requests.length)
    ).sort(([one], [other]) => one < other ? -1 : 1);
    const count = Math.min(Number(said("max-keys")) || 1_000, this.options.page_names ?? 1_000);
    const page = all.slice(0, count);
    const contents = page.map(([key, { bytes, modified_ms }]) =>
      `<Contents><Key>${encodeURIComponent(key).replaceAll("%2F", "/")}</Key>` +
      `<LastModified>${new Date(modified_ms).toISOString()}</LastModified>` +
      `<Size>${bytes.length}</Size></Contents>`
    );
    const more = all.length > count
      ? `<IsTruncated>true</IsTruncated><NextContinuationToken>${
        page.at(-1)![0].replaceAll("&", "&amp;")
      }</NextContinuationToken>`
      : `<IsTruncated>false</IsTruncated>`;
    return this.#answer(
      200,
      `<?xml version="1.0"?><ListBucketResult>${contents.join("")}${more}</ListBucketResult>`,
    );
  }

  /** What is wrong with a request, before it is looked at. */
  #refuse(request: Request, url: URL, bytes: Uint8Array): Response | undefined {
    const { headers } = request;
    const date = headers.get("x-amz-date") ?? "";
    const [, access, scope, signed_names, signature] =
      /^AWS4-HMAC-SHA256 Credential=([^/]+)\/([^,]+), SignedHeaders=([^,]+), Signature=(\w+)$/
        .exec(headers.get("authorization") ?? "") ?? [];
    const { keys = new Map([[STRICT_KEYS.AWS_ACCESS_KEY_ID as string, "good"]]) } = this.options;
    // As Amazon's does: a word of the body alone tells it from a request that is wrong.
    if (keys.get(access) === "expired") return this.#error(400, "ExpiredToken");
    if (!keys.has(access)) return this.#error(403, "InvalidAccessKeyId");
    const asked_ms = Date.parse(
      date.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, "$1-$2-$3T$4:$5:$6Z"),
    );
    if (Math.abs(asked_ms - this.now_ms()) > 15 * 60e3) {
      return this.#error(403, "RequestTimeTooSkewed");
    }
    const sha256 = headers.get("x-amz-content-sha256") ?? "";
    const names = signed_names.split(";");
    for (const [name] of headers) {
      const has_to_be_signed = name.startsWith("x-amz-") || name === "if-none-match";
      if (has_to_be_signed && !names.includes(name)) return this.#error(403, "AccessDenied");
    }
    const query = [...url.searchParams].map(([name, value]) =>
      `${encodeURIComponent(name)}=${strictlyEncoded(value)}`
    ).sort().join("&");
    const canonical = [
      request.method,
      url.pathname.split("/").map((word) => strictlyEncoded(decodeURIComponent(word))).join("/"),
      query,
      ...names.map((name) => `${name}:${name === "host" ? url.host : headers.get(name)}`),
      "",
      signed_names,
      sha256,
    ].join("\n");
    const text = ["AWS4-HMAC-SHA256", date, scope, sha256Of(canonical)].join("\n");
    const key = scope.split("/").reduce<string | Uint8Array>(
      (secret, word) => createHmac("sha256", secret).update(word).digest(),
      `AWS4${STRICT_KEYS.AWS_SECRET_ACCESS_KEY}`,
    );
    if (createHmac("sha256", key).update(text).digest("hex") !== signature) {
      return this.#error(403, "SignatureDoesNotMatch");
    }
    if (sha256 !== sha256Of(bytes) && !this.options.trusts_digests) {
      return this.#error(400, "XAmzContentSHA256Mismatch");
    }
  }

  /** Ends the connection before the first byte of the answer's body; the answer to a HEAD has none. */
  #hangUp({ method }: Request): Response {
    if (method === "HEAD") return this.#error(500, "InternalError");
    const broken = new ReadableStream({ pull: () => Promise.reject(new Error("hung up")) });
    return new Response(broken, { headers: { "content-length": "1" } });
  }

  /** Its clock. */
  now_ms(): number {
    return this.options.now_ms?.() ?? Date.now();
  }

  #error(status: number, code: string): Response {
    return this.#answer(status, `<?xml version="1.0"?><Error><Code>${code}</Code></Error>`);
  }

  #answer(
    status: number,
    body: BodyInit | null = null,
    headers: [string, string][] = [],
  ): Response {
    const date: [string, string] = ["date", new Date(this.now_ms()).toUTCString()];
    return new Response(status === 204 ? null : body, { status, headers: [...headers, date] });
  }
}

function sha256Of(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

function strictlyEncoded(word: string): string {
  return encodeURIComponent(word).replaceAll(/[!'()*]/g, (letter) => {
    return `%${letter.charCodeAt(0).toString(16).toUpperCase()}`;
  });
}
