/**
 * Files -> a `.tar.gz` that any tar reads. Names may be longer than the format's first hundred bytes
 * (a run id alone may have two hundred), so they go into extended headers where they have to.
 *
 * The archive is a row of gzip members, one for each stretch of the tar, so that neither writing nor
 * checking it holds more than a stretch in memory.
 */
import { createHash } from "node:crypto";
import { gunzipSync, gzipSync } from "node:zlib";
import { LedgerError } from "../base/error.ts";
import { beginReplacement, readFully, type Replacement, writeFully } from "../base/durable.ts";
import { archive_stretch_bytes } from "../base/limits.ts";
import { uniqueName, type World } from "../base/world.ts";

const BLOCK_BYTES = 512;
const NAME_BYTES = 100;
const OCTAL_SIZE_MAX = 8 ** 11;
const encoder = new TextEncoder();

/** An archive that is being written. It takes its name when it is whole and was read back. */
export class TarGz {
  readonly #replacement: Replacement;
  readonly #hash = createHash("sha256");
  #stretch: Uint8Array[] = [];
  #stretch_bytes = 0;
  /** How many bytes of the file each member takes. */
  readonly #members: number[] = [];

  constructor(readonly world: World, readonly path: string) {
    this.#replacement = beginReplacement(world.files, path, uniqueName(world));
  }

  /** Adds a file under a name. */
  add(name: string, source: string): void {
    const file = this.world.files.open(source, "read");
    try {
      const { size_bytes, modified_ms } = file.facts();
      this.#put(headersOf(name, size_bytes, modified_ms));
      let at = 0;
      while (at < size_bytes) {
        const room = new Uint8Array(Math.min(archive_stretch_bytes, size_bytes - at));
        const bytes = readFully(file, room, at);
        if (bytes.length === 0) throw changed(source);
        at += bytes.length;
        this.#put(bytes);
      }
      this.#put(new Uint8Array(padding(size_bytes)));
    } finally {
      file.close();
    }
  }

  /** Ends the archive, reads it back, and gives it its name. */
  finish(): void {
    this.#put(new Uint8Array(2 * BLOCK_BYTES));
    this.#flush();
    this.#readBack();
    this.#replacement.putInPlace();
  }

  /** On the way out of an error: nothing is left of it. */
  abandon(): void {
    this.#replacement.abandon();
  }

  #put(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#stretch.push(bytes);
    this.#stretch_bytes += bytes.length;
    if (this.#stretch_bytes >= archive_stretch_bytes) this.#flush();
  }

  #flush(): void {
    if (this.#stretch_bytes === 0) return;
    const stretch = new Uint8Array(this.#stretch_bytes);
    let at = 0;
    for (const bytes of this.#stretch) {
      stretch.set(bytes, at);
      at += bytes.length;
    }
    this.#hash.update(stretch);
    const member = gzipSync(stretch);
    writeFully(this.#replacement.file, member);
    this.#members.push(member.length);
    this.#stretch = [];
    this.#stretch_bytes = 0;
  }

  /** What was written is what was meant: nothing is removed on the strength of less. */
  #readBack(): void {
    const { file } = this.#replacement;
    file.sync();
    const hash = createHash("sha256");
    let at = 0;
    for (const size_bytes of this.#members) {
      const member = readFully(file, new Uint8Array(size_bytes), at);
      at += size_bytes;
      hash.update(gunzipSync(member));
    }
    if (hash.digest("hex") === this.#hash.digest("hex") && file.facts().size_bytes === at) return;
    throw new LedgerError({
      code: "io",
      message: `cannot use the archive ${this.path}: read back, it is not what was written`,
      where: { path: this.path },
      hint: "nothing was removed; look at the disk",
    });
  }
}

function padding(size_bytes: number): number {
  return (BLOCK_BYTES - size_bytes % BLOCK_BYTES) % BLOCK_BYTES;
}

function headersOf(name: string, size_bytes: number, modified_ms: number): Uint8Array {
  const seconds = Math.floor(modified_ms / 1000);
  const is_long = encoder.encode(name).length > NAME_BYTES;
  const is_large = size_bytes >= OCTAL_SIZE_MAX;
  const main = header(is_long ? shortened(name) : name, is_large ? 0 : size_bytes, seconds, "0");
  if (!is_long && !is_large) return main;
  const records = [
    ...(is_long ? [record("path", name)] : []),
    ...(is_large ? [record("size", String(size_bytes))] : []),
  ];
  const extended = encoder.encode(records.join(""));
  const head = header("extended", extended.length, seconds, "x");
  const whole = new Uint8Array(
    head.length + extended.length + padding(extended.length) + main.length,
  );
  whole.set(head);
  whole.set(extended, head.length);
  whole.set(main, whole.length - main.length);
  return whole;
}

function shortened(name: string): string {
  return new TextDecoder().decode(encoder.encode(name).subarray(-60)).replaceAll("�", "_");
}

/** A record begins with its own length, which counts the digits that say it. */
function record(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  const bytes = encoder.encode(rest).length;
  let length = bytes + String(bytes).length;
  if (String(length).length > String(bytes).length) length = bytes + String(length).length;
  return `${length}${rest}`;
}

function header(name: string, size_bytes: number, seconds: number, type: string): Uint8Array {
  const block = new Uint8Array(BLOCK_BYTES);
  const put = (text: string, at: number) => block.set(encoder.encode(text), at);
  const octal = (value: number, digits: number) => value.toString(8).padStart(digits, "0");
  put(name, 0);
  put("0000644\0", 100);
  put("0000000\0", 108);
  put("0000000\0", 116);
  put(`${octal(size_bytes, 11)}\0`, 124);
  put(`${octal(seconds, 11)}\0`, 136);
  put("        ", 148);
  put(type, 156);
  put("ustar\x0000", 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(`${octal(sum, 6)}\0 `, 148);
  return block;
}

function changed(path: string): LedgerError {
  return new LedgerError({
    code: "io",
    message: `${path} got shorter while it was archived`,
    where: { path },
    hint: "nothing was removed; somebody still writes there",
  });
}
