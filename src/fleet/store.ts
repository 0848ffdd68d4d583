/**
 * Object store client: the few operations of the S3 API that a fleet stands on, signed by aws4fetch. This is the
 * only place that calls out. What can be asked twice is, with backoff and jitter. A create-only PUT is
 * tried once, unless the caller can tell its own object from another's.
 */
import { AwsV4Signer } from "aws4fetch";
import { LedgerError } from "../base/error.ts";
import { digestOf } from "../base/files/checksum.ts";
import { clipped } from "../base/format.ts";
import {
  store_answer_bytes_max,
  store_answer_ms_max,
  store_error_chars_max,
  store_page_names,
  store_retry_first_ms,
  store_retry_ms_max,
  store_tries_max,
  store_upload_mb_ms,
} from "../base/limits.ts";
import { interruptedBy, type World } from "../base/world.ts";
import { addressText, type FleetAddress } from "./address.ts";
import type { KeySource, StoreKeys } from "./keys.ts";
import {
  type Answer,
  isPassing,
  type ListedObject,
  parseListing,
  readBounded,
  refusalOf,
} from "./store_answers.ts";

/** An object, without its bytes. */
interface ObjectFacts {
  size_bytes: number;
  modified_ms: number;
  /** `x-amz-meta-*`, without that. */
  meta: Record<string, string>;
}

/** How an object is put. */
interface PutOptions {
  /** Only where there is none of that name. */
  create_only?: boolean;
  /**
   * Its caller knows its own object: a create-only PUT is tried again where the store does not answer. Where
   * an answer was lost, what exists then is the caller's.
   */
  is_recognizable?: boolean;
  meta?: Readonly<Record<string, string>>;
  content_type?: string;
  /** Default: the digest of the bytes. A store has to refuse another. */
  sha256?: string;
  /**
   * When it is too late for it, by the store's clock: no try is signed after that, also where the machine slept
   * between two of them. A store takes no old signature.
   */
  until_ms?: number;
}

/** `late`: not tried any more; an earlier try may have gone through. */
type PutOutcome = "stored" | "exists" | "late";

/** A request's time was over before it was sent. */
class TooLate extends Error {}

interface Request {
  method: "GET" | "PUT" | "HEAD" | "DELETE";
  /** Below the prefix; undefined is the bucket itself. */
  key?: string;
  query?: Record<string, string>;
  headers?: Record<string, string>;
  body?: Uint8Array<ArrayBuffer>;
  sha256?: string;
  until_ms?: number;
}

const EMPTY_SHA256 = digestOf([]);

/** The objects of one fleet. */
export class ObjectStore implements Disposable {
  readonly #client?: Deno.HttpClient;
  readonly #cache = new Map<string, ArrayBuffer>();
  #keys?: StoreKeys;
  /** How far the store's clock was ahead of this machine's when it last answered. */
  skew_ms = 0;
  /** How many requests were sent. */
  requests = 0;
  /** Aborted, it ends what is asked, and the waiting between tries. */
  stop?: AbortSignal;

  constructor(
    readonly world: World,
    readonly address: FleetAddress,
    readonly keys: KeySource,
    /** Certificates of a private authority, PEM. */
    ca?: string,
  ) {
    if (ca !== undefined) this.#client = Deno.createHttpClient({ caCerts: [ca] });
  }

  /** The store's clock. */
  now_ms(): number {
    return this.world.now_ms() + this.skew_ms;
  }

  /** By how much the two clocks differ, in words. */
  skewText(): string {
    const way = this.skew_ms > 0 ? "behind" : "ahead of";
    const seconds = Math.round(Math.abs(this.skew_ms) / 1e3);
    return `this machine's clock is ${seconds} s ${way} the store's`;
  }

  /** Puts an object. */
  async put(
    key: string,
    bytes: Uint8Array<ArrayBuffer>,
    { create_only, is_recognizable, meta = {}, content_type, sha256, until_ms }: PutOptions = {},
  ): Promise<PutOutcome> {
    const headers: Record<string, string> = create_only ? { "if-none-match": "*" } : {};
    if (content_type !== undefined) headers["content-type"] = content_type;
    for (const [name, value] of Object.entries(meta)) headers[`x-amz-meta-${name}`] = value;
    const request: Request = {
      method: "PUT",
      key,
      headers,
      body: bytes,
      sha256: sha256 ?? digestOf([bytes]),
      until_ms,
    };
    const is_once = create_only && !is_recognizable;
    const asked = is_once ? this.#withFreshKeys(request) : this.#persistent(request);
    const answer = await asked.catch((error) => {
      if (!(error instanceof TooLate)) throw error;
    });
    if (!answer) return "late";
    if (answer.status === 412 && create_only) return "exists";
    if (answer.status === 200) return "stored";
    throw this.#refusal(request, answer);
  }

  /** The bytes of an object; undefined where there is none. */
  async get(key: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const request: Request = { method: "GET", key };
    const answer = await this.#persistent(request, Infinity);
    if (answer.status === 404) return undefined;
    if (answer.status === 200) return answer.body;
    throw this.#refusal(request, answer);
  }

  /** Whether there is an object, and what is known of it. */
  async head(key: string): Promise<ObjectFacts | undefined> {
    const request: Request = { method: "HEAD", key };
    const answer = await this.#persistent(request);
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) throw await this.#refusalOfHead(request, answer);
    const { headers } = answer;
    const meta: Record<string, string> = {};
    for (const [name, value] of headers) {
      if (name.startsWith("x-amz-meta-")) meta[name.slice("x-amz-meta-".length)] = value;
    }
    return {
      size_bytes: Number(headers.get("content-length")),
      modified_ms: Date.parse(headers.get("last-modified") ?? ""),
      meta,
    };
  }

  /** The objects whose keys begin so, in the order of their keys, after one of them. */
  async *list(prefix: string, after?: string): AsyncGenerator<ListedObject> {
    const start = this.address.prefix;
    for (let token: string | undefined, is_first = true; is_first || token; is_first = false) {
      const request: Request = {
        method: "GET",
        query: {
          "list-type": "2",
          "encoding-type": "url",
          "max-keys": String(store_page_names),
          prefix: `${start}${prefix}`,
          ...(token !== undefined
            ? { "continuation-token": token }
            : after === undefined
            ? {}
            : { "start-after": `${start}${after}` }),
        },
      };
      const answer = await this.#persistent(request);
      if (answer.status !== 200) throw this.#refusal(request, answer);
      const page = parseListing(new TextDecoder().decode(answer.body));
      if (!page) throw this.#strange(request, "no listing");
      for (const { key, ...facts } of page.objects) {
        if (key.startsWith(start)) yield { key: key.slice(start.length), ...facts };
      }
      token = page.next;
    }
  }

  /** Removes an object, if it is there. */
  async remove(key: string): Promise<void> {
    const request: Request = { method: "DELETE", key };
    const answer = await this.#persistent(request);
    if (![200, 204, 404].includes(answer.status)) throw this.#refusal(request, answer);
  }

  /** Whether the bucket is there. */
  async hasBucket(): Promise<boolean> {
    const request: Request = { method: "HEAD" };
    const answer = await this.#persistent(request);
    if (answer.status === 404) return false;
    if (answer.status === 200) return true;
    throw await this.#refusalOfHead(request, answer);
  }

  async createBucket(): Promise<void> {
    const request: Request = { method: "PUT" };
    const answer = await this.#persistent(request);
    if (answer.status !== 200) throw this.#refusal(request, answer);
  }

  [Symbol.dispose](): void {
    this.#client?.close();
  }

  /** Asks until the store answers, as often as makes sense for what can be asked twice. */
  async #persistent(request: Request, bytes_max = store_answer_bytes_max): Promise<Answer> {
    for (let tries = 1;; tries++) {
      try {
        const answer = await this.#withFreshKeys(request, bytes_max);
        if (tries === store_tries_max || !isPassing(answer.status)) return answer;
      } catch (error) {
        if (tries === store_tries_max || !isUnreachable(error)) throw error;
      }
      await backOff(this.world, tries, this.stop);
    }
  }

  /** A key that has expired may have been replaced in its file meanwhile. */
  async #withFreshKeys(request: Request, bytes_max?: number): Promise<Answer> {
    const before = this.#keys ??= this.keys.read();
    const answer = await this.#ask(request, before, bytes_max);
    if (![400, 401, 403].includes(answer.status)) return answer;
    this.#keys = this.keys.read();
    if (JSON.stringify(this.#keys) === JSON.stringify(before)) return answer;
    return await this.#ask(request, this.#keys, bytes_max);
  }

  async #ask(
    { method, key, query = {}, headers = {}, body, sha256 = EMPTY_SHA256, until_ms = Infinity }:
      Request,
    keys: StoreKeys,
    bytes_max = store_answer_bytes_max,
  ): Promise<Answer> {
    const { endpoint, bucket, prefix } = this.address;
    const path = key === undefined ? "" : `/${(prefix + key).split("/").map(encoded).join("/")}`;
    const url = new URL(`${endpoint}/${bucket}${path}`);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const now_ms = this.world.now_ms();
    if (now_ms + this.skew_ms >= until_ms) throw new TooLate();
    const signed = await new AwsV4Signer({
      method,
      url: url.toString(),
      headers: { ...headers, "x-amz-content-sha256": sha256 },
      service: "s3",
      region: keys.region,
      accessKeyId: keys.access_key_id,
      secretAccessKey: keys.secret_access_key,
      sessionToken: keys.session_token,
      datetime: new Date(now_ms).toISOString().replace(/[:-]|\.\d{3}/g, ""),
      cache: this.#cache,
    }).sign();
    const upload_ms = (body?.length ?? 0) / 1e6 * store_upload_mb_ms;
    const too_late = AbortSignal.timeout(store_answer_ms_max + upload_ms);
    this.requests++;
    try {
      const response = await fetch(signed.url, {
        method,
        headers: signed.headers,
        body,
        // A redirect would carry a signature to another host.
        redirect: "manual",
        signal: this.stop ? AbortSignal.any([too_late, this.stop]) : too_late,
        ...(this.#client ? { client: this.#client } : {}),
      });
      const said_ms = Date.parse(response.headers.get("date") ?? "");
      if (Number.isFinite(said_ms)) this.#noteClock(now_ms, said_ms);
      const { status } = response;
      return { status, headers: response.headers, body: await readBounded(response, bytes_max) };
    } catch (cause) {
      if (cause instanceof LedgerError) throw cause;
      if (this.stop?.aborted) throw interruptedBy("its caller, while the store did not answer");
      throw this.#unreachable(cause);
    }
  }

  /** Clocks agree where the store answered between question and answer: the machine may have slept meanwhile. */
  #noteClock(asked_ms: number, said_ms: number): void {
    const answered_ms = this.world.now_ms();
    this.skew_ms = said_ms - Math.min(Math.max(said_ms, asked_ms), answered_ms);
  }

  #unreachable(cause: unknown): LedgerError {
    const { endpoint } = this.address;
    if (cause instanceof Deno.errors.NotCapable) {
      return new LedgerError({
        code: "outside_scope",
        message: `cannot ask ${endpoint}: this executable may not reach it`,
        hint: `build one that may: deno task compile --fleet ${new URL(endpoint).host}`,
        cause,
      });
    }
    const why = cause instanceof DOMException && cause.name === "TimeoutError"
      ? "it did not answer in time"
      : clipped((cause as Error).message.replaceAll(/\s+/g, " "), store_error_chars_max);
    return new LedgerError({
      code: "unreachable",
      message: `cannot reach the object store at ${endpoint}: ${why}`,
      hint: "the local log is not affected; try again when the store is back",
      cause,
    });
  }

  #strange({ method, key }: Request, what: string): LedgerError {
    return new LedgerError({
      code: "unreachable",
      message: `the answer to ${method} ${this.#named(key)} is ${what}`,
      hint: `is ${this.address.endpoint} an object store that speaks the S3 API?`,
    });
  }

  #named(key: string | undefined): string {
    return key === undefined ? this.address.bucket : `${addressText(this.address)}/${key}`;
  }

  /** The answer to a HEAD has no body, and so no reason: the first byte, or key, is asked for instead. */
  async #refusalOfHead(request: Request, answer: Answer): Promise<LedgerError> {
    if (![400, 401, 403].includes(answer.status)) return this.#refusal(request, answer);
    const least = request.key === undefined
      ? { query: { "list-type": "2", "max-keys": "1" } }
      : { headers: { "range": "bytes=0-0" } };
    const why = await this.#persistent({ ...request, method: "GET", ...least });
    return this.#refusal(request, why.status >= 400 ? why : answer);
  }

  #refusal({ method, key }: Request, answer: Answer): LedgerError {
    const { address } = this;
    return refusalOf(`${method} ${this.#named(key)}`, answer, { address, skew: this.skewText() });
  }
}

/** Whether an error says that the store may answer later. */
export function isUnreachable(error: unknown): boolean {
  return error instanceof LedgerError && error.code === "unreachable";
}

/** Waits before the next try: twice as long each time, and never all callers at once. */
export async function backOff(world: World, tries: number, signal?: AbortSignal): Promise<void> {
  const most_ms = Math.min(store_retry_ms_max, store_retry_first_ms * 2 ** (tries - 1));
  await world.pause(most_ms * (0.5 + world.random_uint32() / 2 ** 33), signal);
}

function encoded(word: string): string {
  return encodeURIComponent(word).replaceAll(/[!'()*]/g, (letter) => {
    return `%${letter.charCodeAt(0).toString(16).toUpperCase()}`;
  });
}
