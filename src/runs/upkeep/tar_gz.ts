/**
 * Writer of a `.tar.gz` that any tar reads: a row of gzip members, one for each block of the tar, so that
 * neither writing nor checking it holds more than a block in memory.
 */
import { createHash } from "node:crypto";
import { gunzipSync, gzipSync } from "node:zlib";
import { joined } from "../../base/bytes.ts";
import { LedgerError } from "../../base/error.ts";
import { digestOf } from "../../base/files/checksum.ts";
import {
  beginReplacement,
  PRIVATE_MODE,
  readFully,
  type Replacement,
  withOpenFile,
  writeFully,
} from "../../base/files/durable.ts";
import { archive_block_bytes } from "../../base/limits.ts";
import { TAR_END_BYTES, tarHeaders, tarPadding } from "../../base/tar.ts";
import { uniqueName, type World } from "../../base/world.ts";

/** An archive that is being written. It takes its name when it is whole and was read back. */
export class TarGz {
  readonly #replacement: Replacement;
  readonly #hash = createHash("sha256");
  #block: Uint8Array[] = [];
  #block_bytes = 0;
  /** How many bytes of the file each member takes. */
  readonly #members: number[] = [];

  constructor(readonly world: World, readonly path: string) {
    this.#replacement = beginReplacement(world.files, path, uniqueName(world));
  }

  /** Adds a file under a name. */
  add(name: string, source: string): void {
    withOpenFile(this.world.files, source, (file) => {
      const { size_bytes, modified_ms, mode } = file.facts();
      // What only its owner reads stays so where the archive is unpacked.
      const is_private = mode !== null && (mode & 0o077) === 0;

      this.#put(tarHeaders(name, size_bytes, modified_ms, is_private ? PRIVATE_MODE : undefined));
      // Each in a buffer of its own: they are kept until there is a block of them.
      for (let at = 0; at < size_bytes;) {
        const room = new Uint8Array(Math.min(archive_block_bytes, size_bytes - at));
        const bytes = readFully(file, room, at);
        if (bytes.length === 0) {
          throw new LedgerError({
            code: "io",
            message: `${source} got shorter while it was archived`,
            where: { path: source },
            hint: "nothing was removed; a process still writes there",
          });
        }
        at += bytes.length;
        this.#put(bytes);
      }
      this.#put(new Uint8Array(tarPadding(size_bytes)));
    });
  }

  /** Ends the archive, reads it back, and gives it its name. */
  finish(): void {
    this.#put(new Uint8Array(TAR_END_BYTES));
    this.#flush();
    this.#readBack();
    this.#replacement.putInFreePlace();
  }

  /** On the way out of an error: nothing is left of it. */
  abandon(): void {
    this.#replacement.abandon();
  }

  #put(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#block.push(bytes);
    this.#block_bytes += bytes.length;
    if (this.#block_bytes >= archive_block_bytes) this.#flush();
  }

  #flush(): void {
    if (this.#block_bytes === 0) return;
    const block = joined(...this.#block);
    this.#hash.update(block);
    const member = gzipSync(block);
    writeFully(this.#replacement.file, member);
    this.#members.push(member.length);
    this.#block = [];
    this.#block_bytes = 0;
  }

  /** What was written is what was meant: nothing is removed on the strength of less. */
  #readBack(): void {
    const { file } = this.#replacement;
    file.sync();
    const bytes = this.#members.reduce((sum, size_bytes) => sum + size_bytes, 0);
    const is_same = digestOf(this.#unpacked()) === this.#hash.digest("hex");
    if (is_same && file.facts().size_bytes === bytes) return;
    throw new LedgerError({
      code: "io",
      message: `cannot use the archive ${this.path}: read back, it is not what was written`,
      where: { path: this.path },
      hint: "nothing was removed; look at the disk",
    });
  }

  *#unpacked(): Generator<Uint8Array> {
    let at = 0;
    for (const size_bytes of this.#members) {
      yield gunzipSync(readFully(this.#replacement.file, new Uint8Array(size_bytes), at));
      at += size_bytes;
    }
  }
}
